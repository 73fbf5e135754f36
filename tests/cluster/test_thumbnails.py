"""What holds for thumbnails wherever they are kept."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import yarl
from aiohttp import web
from aiohttp.test_utils import TestServer

from artalike.config import Storage
from artalike.errors import DiskFull, SettingError, StorageUnavailable
from artalike.storage.folder import DataFolder
from artalike.storage.ports import RemoteThumbnail, Thumbnails
from artalike.storage.thumbnails import open_thumbnails
from tests.cluster.weed import READER, READER_SECRET, SECRET, Weed

ENGINES = (pytest.param("files"), pytest.param("s3", marks=pytest.mark.cluster))


def content(name: object) -> bytes:
    return hashlib.sha256(str(name).encode()).digest()


SHA = content("a picture")
OTHER = content("another")

Opened = Callable[..., Storage]


async def opened(settings: Storage, folder: Path) -> Thumbnails:
    return await open_thumbnails(settings, DataFolder(folder))


@pytest.fixture
def bucket(weed: Weed, request: pytest.FixtureRequest) -> Opened:
    """Settings for a part of the bucket that is the test's own."""
    prefix = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]
    return lambda **settings: Storage.model_validate(weed.bucket(prefix, **settings))


@pytest.fixture(params=ENGINES)
async def thumbnails(request: pytest.FixtureRequest, tmp_path: Path) -> Thumbnails:
    settings: Storage = request.getfixturevalue("bucket")() if request.param == "s3" else Storage()
    return await opened(settings, tmp_path)


async def found(thumbnails: Thumbnails, sha256: bytes, width: int) -> bytes | None:
    there = await thumbnails.find(sha256, width)
    if isinstance(there, RemoteThumbnail):
        return b"".join([chunk async for chunk in there.body(0, there.size)])
    return None if there is None else there.read_bytes()


@pytest.mark.parametrize(("asked", "width"), [(1, 256), (256, 256), (257, 640), (640, 640), (4000, 640)])
async def test_the_nearest_larger_width_stands_in_or_else_the_largest(
    thumbnails: Thumbnails, asked: int, width: int
) -> None:
    made = {640: b"large", 256: b"small"}
    await thumbnails.write(SHA, made)
    assert await found(thumbnails, SHA, asked) == made[width]


async def test_all_widths_can_be_read_and_the_largest_alone(thumbnails: Thumbnails) -> None:
    made = {256: b"small", 640: b"large", 1280: b"larger"}
    await thumbnails.write(SHA, made)
    assert await thumbnails.read(SHA) == made
    assert await thumbnails.largest(SHA) == b"larger"


async def test_of_another_picture_there_is_nothing(thumbnails: Thumbnails) -> None:
    await thumbnails.write(SHA, {256: b"small"})
    assert await found(thumbnails, OTHER, 256) is None
    assert await thumbnails.read(OTHER) == {}
    assert await thumbnails.largest(OTHER) is None
    assert await thumbnails.address(OTHER, 256) is None


async def test_writing_again_at_once_from_many_sides_leaves_whole_pictures(thumbnails: Thumbnails) -> None:
    data = bytes(range(256)) * 2000
    await asyncio.gather(*(thumbnails.write(SHA, {256: data, 640: data[::-1]}) for _ in range(20)))
    assert await thumbnails.read(SHA) == {256: data, 640: data[::-1]}
    await thumbnails.write(SHA, {256: b"made anew"})
    assert await found(thumbnails, SHA, 256) == b"made anew"


async def test_deleting_takes_all_widths_of_one_picture_and_may_be_repeated(thumbnails: Thumbnails) -> None:
    await thumbnails.write(SHA, {256: b"small", 640: b"large", 20: b"from when the setting was another"})
    await thumbnails.write(OTHER, {256: b"stays"})
    await thumbnails.delete(SHA)
    await thumbnails.delete(SHA)
    assert await thumbnails.read(SHA) == {}
    assert await found(thumbnails, SHA, 256) is None
    assert await found(thumbnails, OTHER, 256) == b"stays"


@pytest.mark.parametrize("count", [5, 600])
async def test_what_is_missing_is_told_in_the_order_asked(thumbnails: Thumbnails, count: int) -> None:
    there = sorted(content(number) for number in range(count))
    asked = there[::-1]
    there = [*there[::3], there[-1]]  # the first and the last of all among them
    await asyncio.gather(*(thumbnails.write(sha256, {256: b"small", 640: b"large"}) for sha256 in there))
    await thumbnails.write(OTHER, {256: b"not asked for"})
    assert await thumbnails.missing(asked) == [sha256 for sha256 in asked if sha256 not in there]
    assert await thumbnails.missing([]) == []


@pytest.mark.cluster
async def test_a_part_is_read_without_the_rest_and_a_large_one_in_pieces(bucket: Opened, tmp_path: Path) -> None:
    thumbnails = await opened(bucket(), tmp_path)
    data = bytes(range(256)) * 8000
    await thumbnails.write(SHA, {256: data})
    there = await thumbnails.find(SHA, 256)
    assert isinstance(there, RemoteThumbnail)
    assert there.size == len(data)
    assert b"".join([chunk async for chunk in there.body(1000, 1300)]) == data[1000:1300]
    pieces = [len(chunk) async for chunk in there.body(0, len(data))]
    assert sum(pieces) == len(data)
    assert max(pieces) < len(data) / 4


@pytest.mark.cluster
async def test_a_browser_can_be_sent_to_the_bucket_until_the_picture_is_taken_down(
    bucket: Opened, tmp_path: Path
) -> None:
    thumbnails = await opened(bucket(thumbnails_serve="redirect"), tmp_path)
    await thumbnails.write(SHA, {256: b"small", 640: b"large"})
    async with aiohttp.ClientSession() as browser:

        async def asked(url: str | None, method: str = "GET") -> tuple[int, bytes]:
            assert url is not None
            async with browser.request(method, yarl.URL(url, encoded=True)) as answer:
                return answer.status, await answer.read() if answer.status == 200 else b""

        url = await thumbnails.address(SHA, 300)
        assert url is not None
        assert url.startswith(f"{thumbnails.origin}/")
        assert SECRET not in url
        assert await asked(url) == (200, b"large")
        assert (await asked(url.partition("?")[0]))[0] == 403
        assert (await asked(await thumbnails.address(SHA, 256, head=True), "HEAD"))[0] == 200
        await thumbnails.delete(SHA)
        assert (await asked(url))[0] == 404
        assert await thumbnails.address(SHA, 256) is None


@pytest.mark.cluster
async def test_without_redirects_no_browser_is_sent_anywhere(bucket: Opened, tmp_path: Path) -> None:
    thumbnails = await opened(bucket(), tmp_path)
    await thumbnails.write(SHA, {256: b"small"})
    assert (thumbnails.origin, await thumbnails.address(SHA, 256)) == (None, None)


@pytest.mark.cluster
async def test_nothing_is_lost_when_the_storage_is_killed(weed: Weed, bucket: Opened, tmp_path: Path) -> None:
    thumbnails = await opened(bucket(), tmp_path)
    pictures = [content(f"picture {number}") for number in range(200)]
    written: list[bytes] = []

    async def write(sha256: bytes) -> None:
        await thumbnails.write(sha256, {256: sha256 * 300})
        written.append(sha256)
        if len(written) == 60:
            await asyncio.to_thread(weed.kill)

    outcomes = await asyncio.gather(*(write(sha256) for sha256 in pictures), return_exceptions=True)
    refused = [outcome for outcome in outcomes if outcome is not None]
    assert refused
    assert all(isinstance(outcome, StorageUnavailable) for outcome in refused)
    await asyncio.to_thread(weed.start)
    assert await thumbnails.missing(written) == []
    read = await asyncio.gather(*(thumbnails.read(sha256) for sha256 in written))
    assert read == [{256: sha256 * 300} for sha256 in written]


async def refusal(thumbnails: Thumbnails) -> str:
    with pytest.raises(StorageUnavailable) as caught:
        await thumbnails.write(SHA, {256: b"small"})
    return told(caught.value)


def told(error: BaseException) -> str:
    """What a log may show of an error: neither keys nor more than one line."""
    assert error.__cause__ is None
    assert error.__suppress_context__
    text = str(error)
    assert "\n" not in text
    for secret in (SECRET, READER_SECRET, "wrong secret", "nobody's key"):
        assert secret not in text
    return text


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"thumbnails_secret": "wrong secret"}, "SignatureDoesNotMatch"),
        ({"thumbnails_key": "nobody's key"}, "InvalidAccessKeyId"),
        ({"thumbnails": "s3://no-such-bucket/at-all"}, "NoSuchBucket"),
    ],
)
async def test_a_bucket_that_cannot_be_used_is_told_at_the_start(
    bucket: Opened, tmp_path: Path, settings: dict[str, str], why: str
) -> None:
    with pytest.raises(StorageUnavailable, match=why) as caught:
        await opened(bucket(**settings), tmp_path)
    assert (settings.get("thumbnails") or bucket().thumbnails) in told(caught.value)


@pytest.mark.cluster
async def test_a_bucket_that_takes_nothing_is_told_by_each_write(bucket: Opened, tmp_path: Path) -> None:
    full = await opened(bucket(), tmp_path)
    await full.write(SHA, {256: b"small"})
    thumbnails = await opened(bucket(thumbnails_key=READER, thumbnails_secret=READER_SECRET), tmp_path)
    assert "AccessDenied" in await refusal(thumbnails)
    with pytest.raises(StorageUnavailable, match="AccessDenied") as caught:
        await thumbnails.delete(SHA)
    told(caught.value)
    assert await found(thumbnails, SHA, 256) == b"small"


@asynccontextmanager
async def answering(status: int, code: str) -> AsyncIterator[tuple[str, list[str]]]:
    """A bucket that lists nothing and answers every other request so; its address, and what it was asked."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.Response(text="<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
        asked.append(request.method)
        return web.Response(status=status, text=f"<Error><Code>{code}</Code><Message>tests</Message></Error>")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        yield f"http://127.0.0.1:{server.port}", asked


def elsewhere(endpoint: str) -> Storage:
    keys = {"thumbnails_key": "tests", "thumbnails_secret": SECRET}
    return Storage.model_validate({"thumbnails": "s3://bucket", "thumbnails_endpoint": endpoint, **keys})


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("status", "code"), [(507, "InsufficientStorage"), (403, "QuotaExceeded"), (507, "XMinioStorageFull")]
)
async def test_a_full_bucket_is_a_full_disk(tmp_path: Path, status: int, code: str) -> None:
    async with answering(status, code) as (endpoint, asked):
        thumbnails = await opened(elsewhere(endpoint), tmp_path)
        with pytest.raises(DiskFull, match=code) as caught:
            await thumbnails.write(SHA, {256: b"small"})
        told(caught.value)
        assert len(asked) <= 5


@pytest.mark.cluster
async def test_a_storage_that_is_gone_is_tried_again_and_then_given_up(tmp_path: Path, unused_tcp_port: int) -> None:
    async with answering(503, "SlowDown") as (endpoint, asked):
        thumbnails = await opened(elsewhere(endpoint), tmp_path)
        assert "SlowDown" in await refusal(thumbnails)
        assert 1 < len(asked) <= 5
    started = time.monotonic()
    assert "cannot be reached" in await refusal(thumbnails)
    assert time.monotonic() - started < 15


@pytest.mark.cluster
async def test_keys_are_expected_somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    settings = elsewhere("http://127.0.0.1:1").model_copy(update={"thumbnails_key": ""})
    with pytest.raises(SettingError, match="AWS_ACCESS_KEY_ID"):
        await opened(settings, tmp_path)


@pytest.mark.cluster
async def test_keys_of_the_environment_serve(bucket: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = bucket(thumbnails_key="", thumbnails_secret="")
    for name, value in (("AWS_ACCESS_KEY_ID", "tests"), ("AWS_SECRET_ACCESS_KEY", SECRET)):
        monkeypatch.setenv(name, value)
    thumbnails = await opened(settings, tmp_path)
    await thumbnails.write(SHA, {256: b"small"})
    assert await found(thumbnails, SHA, 256) == b"small"
