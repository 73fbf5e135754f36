"""Thumbnails in the answers of the server, and in its ingest, wherever they are kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from PIL import Image

from artalike import upkeep
from artalike.config import Storage
from artalike.pipeline import room
from artalike.service import Service
from artalike.storage.folder import DataFolder
from artalike.storage.ports import ADDRESS_SECONDS, Thumbnails
from artalike.storage.thumbnails import open_thumbnails
from artalike.web.app import create_app
from tests.cluster.weed import SECRET, Weed
from tests.fakes import make_services
from tests.running import client, running, settings_for, settled
from tests.test_removal import doctor

ENGINES = (pytest.param("files"), pytest.param("s3", marks=pytest.mark.cluster))
CONTENT = bytes(range(256)) * 20

Serve = Callable[..., Awaitable[TestClient[Any, Any]]]


async def served(serve: Serve, thumbnails: Thumbnails, **settings: Any) -> TestClient[Any, Any]:
    fake = make_services(3, **settings)
    for image in fake.images.by_id.values():
        await thumbnails.write(image.sha256, {256: CONTENT, 640: CONTENT * 2})
    return await serve(create_app(replace(fake.services, thumbnails=thumbnails)))


@pytest.fixture
def bucket(weed: Weed, request: pytest.FixtureRequest) -> dict[str, Any]:
    return weed.bucket(request.node.name)


@pytest.fixture(params=ENGINES)
async def storage(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings of thumbnails, wherever they are kept."""
    found: dict[str, Any] = request.getfixturevalue("bucket") if request.param == "s3" else {}
    return found


async def thumbnails_of(settings: dict[str, Any], folder: Path) -> Thumbnails:
    return await open_thumbnails(Storage.model_validate(settings), DataFolder(folder))


def painted(folder: Path, count: int) -> str:
    folder.mkdir()
    for number in range(count):
        Image.effect_noise((300 + number, 200), 50).save(folder / f"{number}.png")
    return str(folder)


async def hash_of(service: Service, image_id: int) -> bytes:
    [image] = await service.images.images([image_id])
    return image.sha256


async def test_a_thumbnail_is_cached_for_ever_and_checked_by_its_tag(
    aiohttp_client: Serve, storage: dict[str, Any], tmp_path: Path
) -> None:
    gallery = await served(aiohttp_client, await thumbnails_of(storage, tmp_path))
    async with gallery.get("/thumbs/2/256") as answer:
        assert await answer.read() == CONTENT
        assert (answer.content_type, answer.content_length) == ("image/jpeg", len(CONTENT))
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Accept-Ranges"] == "bytes"
        tag, modified = answer.headers["ETag"], answer.headers["Last-Modified"]
    async with gallery.head("/thumbs/2/400") as answer:
        assert (answer.status, answer.content_length, await answer.read()) == (200, 2 * len(CONTENT), b"")
    for condition, status in (
        ({"If-None-Match": tag}, 304),
        ({"If-None-Match": f'"other", W/{tag}'}, 304),
        ({"If-None-Match": '"other"', "If-Modified-Since": modified}, 200),
        ({"If-Modified-Since": modified}, 304),
        ({"If-Modified-Since": "Thu, 01 Jan 1970 00:00:01 GMT"}, 200),
    ):
        async with gallery.get("/thumbs/2/256", headers=condition) as answer:
            assert (answer.status, len(await answer.read())) == (status, len(CONTENT) if status == 200 else 0)
            assert answer.headers["ETag"] == tag
    for path in ("/thumbs/9/256", "/thumbs/2/0", "/thumbs/2/-1", "/thumbs/2/wide", "/thumbs/2/999999"):
        assert (await gallery.get(path)).status == 404, path


async def test_a_part_of_a_thumbnail(aiohttp_client: Serve, storage: dict[str, Any], tmp_path: Path) -> None:
    gallery = await served(aiohttp_client, await thumbnails_of(storage, tmp_path))
    size = len(CONTENT)
    for asked, (start, stop) in (
        ("bytes=0-9", (0, 10)),
        ("bytes=100-", (100, size)),
        ("bytes=-7", (size - 7, size)),
        (f"bytes=10-{10 * size}", (10, size)),
        (f"bytes=-{10 * size}", (0, size)),
    ):
        async with gallery.get("/thumbs/2/256", headers={"Range": asked}) as answer:
            assert (answer.status, await answer.read()) == (206, CONTENT[start:stop]), asked
            assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"
    async with gallery.get("/thumbs/2/256", headers={"Range": f"bytes={size}-"}) as answer:
        assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{size}")
    old = {"Range": "bytes=0-9", "If-Range": "Thu, 01 Jan 1970 00:00:01 GMT"}
    async with gallery.get("/thumbs/2/256", headers=old) as answer:
        assert (answer.status, await answer.read()) == (200, CONTENT)


@pytest.mark.cluster
async def test_browsers_are_sent_to_the_bucket_and_scripts_are_not(
    aiohttp_client: Serve, bucket: dict[str, Any], tmp_path: Path
) -> None:
    thumbnails = await thumbnails_of(bucket | {"thumbnails_serve": "redirect"}, tmp_path)
    gallery = await served(aiohttp_client, thumbnails, gallery={"full_images": "off"})
    async with gallery.get("/thumbs/2/256", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Vary"]) == (302, "Sec-Fetch-Mode")
        assert answer.headers["Location"].startswith(f"{bucket['thumbnails_endpoint']}/")
        # Nobody keeps a redirect until its target has expired.
        assert answer.headers["Cache-Control"] == f"public, max-age={ADDRESS_SECONDS // 2}"
        assert f"img-src 'self' data: {bucket['thumbnails_endpoint']};" in answer.headers["Content-Security-Policy"]
    async with gallery.get("/thumbs/2/256", headers={"Sec-Fetch-Mode": "no-cors"}) as answer:
        assert await answer.read() == CONTENT
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.url.port != gallery.port
    async with gallery.get("/thumbs/2/256", headers={"Sec-Fetch-Mode": "cors"}, allow_redirects=False) as answer:
        assert (answer.status, await answer.read(), answer.headers["Vary"]) == (200, CONTENT, "Sec-Fetch-Mode")
    assert (await gallery.head("/thumbs/2/256")).status == 200
    assert (await gallery.get("/thumbs/9/256")).status == 404


@pytest.mark.cluster
async def test_without_the_storage_thumbnails_are_missed_and_nothing_else(
    aiohttp_client: Serve, weed: Weed, bucket: dict[str, Any], tmp_path: Path
) -> None:
    gallery = await served(aiohttp_client, await thumbnails_of(bucket, tmp_path))
    await asyncio.to_thread(weed.kill)
    try:
        answer = await gallery.get("/thumbs/2/256")
        assert answer.status == 503
        assert bucket["thumbnails_endpoint"] not in await answer.text()
        assert (await gallery.get("/api/images/2")).status == 200
    finally:
        await asyncio.to_thread(weed.start)
    assert await (await gallery.get("/thumbs/2/256")).read() == CONTENT


@pytest.mark.cluster
@pytest.mark.slow
async def test_ingest_waits_while_the_storage_is_gone_and_misses_nothing(
    weed: Weed,
    bucket: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(room, "ROOM_SECONDS", 0.5)
    monkeypatch.setattr(upkeep, "CLEAR_SECONDS", 0.5)
    caplog.set_level(logging.DEBUG, "artalike")
    settings = settings_for(tmp_path / "data", storage=bucket)
    thumbnails = await thumbnails_of(bucket, tmp_path)
    async with running(settings) as service, client(service) as api:
        images = service.images
        await service.add_seed(await asyncio.to_thread(painted, tmp_path / "first", 10))
        await settled(service)
        await asyncio.to_thread(weed.kill)
        await service.add_seed(await asyncio.to_thread(painted, tmp_path / "second", 30))
        async with asyncio.timeout(60):
            while service.pipeline.disk.problem is None:
                await asyncio.sleep(0.05)
        assert (await images.totals()).images == 10
        async with api.get("/readyz") as answer:
            assert answer.status == 503
            assert bucket["thumbnails"] in (await answer.json())["detail"]
        # A takedown does not wait for the storage.
        [image] = await images.images([1])
        assert (await api.delete("/api/admin/images/1")).status == 204
        assert (await api.get("/thumbs/1/256")).status == 404
        await asyncio.to_thread(weed.start)
        await settled(service, seconds=120)
        assert (await images.totals()).images == 39
        async with asyncio.timeout(60):
            while await thumbnails.missing([image.sha256]) == []:
                await asyncio.sleep(0.1)
        assert (await api.get("/readyz")).status == 200
        seventh = await hash_of(service, 7)
        assert await (await api.get("/thumbs/7/256")).read() == (await thumbnails.read(seventh))[256]
    assert not any(DataFolder(tmp_path / "data").thumbnails.iterdir())
    assert await doctor(tmp_path / "data", storage=bucket) == []
    await thumbnails.delete(seventh)
    await thumbnails.write(image.sha256, {256: CONTENT})
    broken = await doctor(tmp_path / "data", storage=bucket)
    assert [(one.promise, len(one.problems)) for one in broken] == [(1, 1), (5, 1)]
    assert SECRET not in caplog.text
