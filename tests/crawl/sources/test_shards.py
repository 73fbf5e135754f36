"""Shards of pictures as img2dataset writes them, whole, torn and hostile."""

from __future__ import annotations

import asyncio
import io
import json
import os
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from artalike.crawl import tar, urls
from artalike.crawl.fetcher import Fetcher
from artalike.crawl.sources import detect, source_for
from artalike.errors import FailureKind, FetchError, ParseError
from artalike.records import Candidate
from tests.crawl.conftest import expanded, settings_for, task_for, until_error
from tests.crawl.sources.visits import collected
from tests.running import running, settled
from tests.running import settings_for as running_settings
from tests.sites import draw

HOME: Final = "https://museum.example/img/12.jpg"
JSON: Final[dict[str, Any]] = {
    "url": HOME,
    "caption": "A wave",
    "key": "000000012",
    "status": "success",
    "error_message": None,
    "width": 96,
    "height": 72,
    "original_width": 960,
    "original_height": 720,
    "exif": "{}",
    "sha256": "ab" * 32,
    "artist": "Hokusai",
    "License": "CC0",
    "date": 1831,
    "collection": "Prints",
}

File = tuple[str, bytes]


def written(path: Path, files: Iterable[File | tarfile.TarInfo], *, format_: int = tarfile.USTAR_FORMAT) -> Path:
    with tarfile.open(path, "w", format=format_) as archive:
        for file in files:
            if isinstance(file, tarfile.TarInfo):
                archive.addfile(file)
                continue
            name, data = file
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def sample(number: int, **more: Any) -> list[File]:
    key = f"{number:09}"
    meta = JSON | {"key": key, "url": HOME.replace("12", str(number))} | more
    return [(f"{key}.jpg", draw(number)), (f"{key}.json", json.dumps(meta).encode()), (f"{key}.txt", b"A wave")]


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


async def found_in(path: Path, fetcher: Fetcher, **task: Any) -> list[Candidate]:
    return await expanded(task_for(urls.from_path(path), "shards", **task), fetcher)


def names(candidates: Iterable[Candidate]) -> list[str]:
    members = [urls.member_of(candidate.url) for candidate in candidates]
    return [member.name for member in members if member is not None]


async def test_each_picture_is_found_with_what_is_said_of_it_and_can_be_fetched(
    tmp_path: Path, fetcher: Fetcher
) -> None:
    path = written(tmp_path / "00000.tar", [*sample(12), *sample(13)])
    first, second = await found_in(path, fetcher)
    said = first.metadata
    assert (said.title, said.creator, said.date, said.rights) == ("A wave", "Hokusai", "1831", "CC0")
    assert said.page_url == said.extra["url"] == HOME
    assert said.extra["collection"] == "Prints"
    assert (said.extra["original_width"], said.extra["status"]) == (960, "success")
    assert {candidate.kind for candidate in (first, second)} == {"image"}
    assert first.revision == second.revision is not None
    for number, candidate in ((12, first), (13, second)):
        download = await fetcher.image(task_for(candidate.url))
        assert (download.data, download.final_url) == (draw(number), candidate.url)


async def test_captions_columns_and_pages_are_chosen_as_in_lists(tmp_path: Path, fetcher: Fetcher) -> None:
    page = "https://museum.example/12"
    files = sample(12, TEXT="Another title", page_url=page, thumbnail_url="https://museum.example/s.jpg")
    path = written(tmp_path / "a.tar", files)
    options = {"caption_col": "text", "save_additional_columns": ["sha256"]}
    (candidate,) = await found_in(path, fetcher, options=options)
    assert (candidate.metadata.title, candidate.metadata.page_url) == ("Another title", page)
    assert candidate.metadata.extra == {"sha256": "ab" * 32, "url": HOME}
    assert candidate.thumbnail_url == "https://museum.example/s.jpg"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([("1.txt", b"The \xff wave\n"), ("1.png", b"x")], ["The \ufffd wave"]),
        ([("1.jpg", b"x"), ("1.json", b"not json"), ("1.txt", b"t")], ["t"]),
        ([("1.jpg", b"x"), ("1.json", b"[1]")], [None]),
        ([("1.jpg", b"x"), ("1.json", b"[" * 100_000)], [None]),
        ([("1.jpg", b"x"), ("1.json", b'{"caption": null, "url": 3}'), ("1.txt", b"t")], ["t"]),
        ([("1.jpg", b"x"), ("2.txt", b"of another")], [None]),
        ([("1.seg.png", b"x"), ("1.WEBP", b"y"), ("1.txt", b"t")], ["t", "t"]),
        ([("a/1.jpg", b"x"), ("b/1.txt", b"of another")], [None]),
        ([("1.json", b'{"status": "failed_to_download"}'), ("2.jpg", b"x")], [None]),
        ([("1.txt", b"t" * 100_000), ("1.jpg", b"x")], ["t" * 1999 + "…"]),
        ([("1.cls", b"3"), ("1.svg", b"<svg>"), ("noext", b"x")], []),
        ([], []),
    ],
)
async def test_samples_in_their_many_shapes(
    tmp_path: Path, fetcher: Fetcher, files: list[File], expected: list[str | None]
) -> None:
    found = await found_in(written(tmp_path / "x.tar", files), fetcher)
    assert [candidate.metadata.title for candidate in found] == expected


@pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
async def test_names_of_any_kind_are_found_and_can_be_fetched(tmp_path: Path, fetcher: Fetcher, format_: int) -> None:
    long = "" if format_ == tarfile.USTAR_FORMAT else "long/" * 60
    wanted = [f"{long}{n}.jpg" for n in ("a?b#c&d=e", "100%25", "../../etc/x", "/etc/x", "ä ö", "x\udcff", "a\nb")]
    folder = tmp_path / "100% #1?&member=x&offset=0"
    folder.mkdir()
    path = written(folder / "00 000.tar", [(name, draw(1)) for name in wanted], format_=format_)
    found = await found_in(path, fetcher)
    assert names(found) == wanted
    for candidate in found:
        assert candidate.url.isascii()
        assert urls.canonical(candidate.url) == candidate.url
        assert urls.to_path(candidate.url) == path
        assert (await fetcher.image(task_for(candidate.url))).data == draw(1)


async def test_links_devices_and_sparse_files_are_neither_followed_nor_read(tmp_path: Path, fetcher: Fetcher) -> None:
    (tmp_path / "secret.jpg").write_bytes(draw(3))
    sparse = tarfile.TarInfo("sparse.jpg")
    sparse.type, sparse.size = tarfile.GNUTYPE_SPARSE, 0
    path = written(
        tmp_path / "x.tar",
        [
            special("link.jpg", tarfile.SYMTYPE, str(tmp_path / "secret.jpg")),
            special("hard.jpg", tarfile.LNKTYPE, "secret.jpg"),
            special("device.jpg", tarfile.CHRTYPE),
            special("pipe.jpg", tarfile.FIFOTYPE),
            special("folder.jpg", tarfile.DIRTYPE),
            sparse,
            ("good.jpg", draw(1)),
        ],
    )
    assert names(await found_in(path, fetcher)) == ["good.jpg"]
    offsets = [(member.name, member.offset) for member in tar.members(io.BytesIO(path.read_bytes()), "x")]
    for name, offset in offsets[:-1]:
        with pytest.raises(FetchError) as caught:
            await fetcher.image(task_for(urls.from_member(path, name, offset)))
        assert caught.value.kind is FailureKind.MISSING_FILE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.jpg", "x.tar"]


async def test_a_folder_or_pattern_leads_to_its_shards_in_order(tmp_path: Path, fetcher: Fetcher) -> None:
    for name in ("b.tar", "a.tar", "c.TAR"):
        written(tmp_path / name, sample(1))
    for name in ("a.parquet", "a_stats.json", "d.tar.gz", ".hidden.tar"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.tar").mkdir()
    os.mkfifo(tmp_path / "pipe.tar")
    (tmp_path / "circle.tar").symlink_to(tmp_path / "circle.tar")
    (tmp_path / "up").symlink_to(tmp_path)
    every = [urls.from_path(tmp_path / name) for name in ("a.tar", "b.tar", "c.TAR")]
    found = await found_in(tmp_path, fetcher)
    assert [(c.kind, c.url) for c in found] == [("shards", url) for url in every]
    assert all(candidate.revision for candidate in found)
    for done in range(len(every)):
        assert [c.url for c in await found_in(tmp_path, fetcher, cursor=every[done])] == every[done + 1 :]
    for pattern, expected in (("[ab].tar", every[:2]), ("?.tar", every[:2]), ("*", every)):
        root = await asyncio.to_thread(detect, f"{tmp_path}/{pattern}")
        assert root.kind == "shards"
        assert [c.url for c in await expanded(task_for(root.url, "shards"), fetcher)] == expected
    # Links in a circle are not walked along.
    assert len(await expanded(task_for(urls.from_path(tmp_path / "**" / "a.tar"), "shards"), fetcher)) == 1


@pytest.mark.parametrize("name", ["gone", "gone.tar", "none-*.tar", "empty"])
async def test_where_no_shard_is_it_fails_and_says_so(tmp_path: Path, fetcher: Fetcher, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ParseError) as caught:
        await found_in(tmp_path / name, fetcher)
    assert caught.value.kind is FailureKind.MISSING_FILE


async def test_a_killed_expansion_goes_on_behind_its_sample(tmp_path: Path, fetcher: Fetcher) -> None:
    path = written(tmp_path / "x.tar", [(f"{n}.{suffix}", b"x") for n in range(2100) for suffix in ("jpg", "txt")])
    task = task_for(urls.from_path(path), "shards")
    batches = [found async for found in source_for("shards").expand(task, fetcher)]
    assert [len(batch.candidates) for batch in batches] == [1000, 1000, 100]
    every = [candidate for batch in batches for candidate in batch.candidates]
    assert len({candidate.url for candidate in every}) == 2100
    assert await found_in(path, fetcher, cursor=batches[0].cursor) == every[1000:]
    assert await found_in(path, fetcher, cursor=batches[-1].cursor) == []


async def test_a_shard_written_anew_meanwhile_is_read_from_its_beginning(tmp_path: Path, fetcher: Fetcher) -> None:
    path = written(tmp_path / "x.tar", [("1.jpg", b"x" * 600), ("2.jpg", b"x" * 600)])
    (batch,) = [found async for found in source_for("shards").expand(task_for(urls.from_path(path), "shards"), fetcher)]
    first = batch.candidates[0]
    # The cursor now points into the bytes of a picture.
    written(path, [("3.jpg", b"y" * 5000)])
    assert names(await found_in(path, fetcher, cursor=batch.cursor)) == ["3.jpg"]
    with pytest.raises(FetchError, match="no longer at 0") as caught:
        await fetcher.image(task_for(first.url))
    assert caught.value.kind is FailureKind.MISSING_FILE


async def test_a_torn_shard_gives_what_can_be_read_and_then_fails(tmp_path: Path, fetcher: Fetcher) -> None:
    whole = written(tmp_path / "x.tar", [("1.jpg", draw(1)), ("1.txt", b"t"), ("2.jpg", b"x" * 2000)]).read_bytes()
    end_of_first = whole.index(b"2.jpg")
    for cut, found, kind in (
        (end_of_first + 100, 1, FailureKind.TRUNCATED),
        (end_of_first + 1000, 1, FailureKind.TRUNCATED),
        (end_of_first - 1000, 1, FailureKind.TRUNCATED),
    ):
        (tmp_path / "x.tar").write_bytes(whole[:cut])
        candidates, error = await until_error(task_for(urls.from_path(tmp_path / "x.tar"), "shards"), fetcher)
        assert (len(candidates), error.kind) == (found, kind)
    (tmp_path / "x.tar").write_bytes(whole[:end_of_first] + b"garbage" * 100)
    candidates, error = await until_error(task_for(urls.from_path(tmp_path / "x.tar"), "shards"), fetcher)
    assert (len(candidates), error.kind) == (1, FailureKind.BAD_DOCUMENT)


@pytest.mark.parametrize("data", [b"\x1f\x8bxxxx", b"text", b"x" * 5000, draw(1)])
async def test_what_is_no_plain_tar_is_called_that(tmp_path: Path, fetcher: Fetcher, data: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(data)
    with pytest.raises(ParseError, match="tar") as caught:
        await found_in(tmp_path / "x.tar", fetcher)
    assert caught.value.kind in {FailureKind.BAD_DOCUMENT, FailureKind.TRUNCATED}


async def test_a_huge_member_is_found_and_refused_when_it_is_fetched(tmp_path: Path) -> None:
    path = written(tmp_path / "x.tar", [("1.jpg", bytes(3000)), ("2.jpg", draw(2))])
    async with Fetcher.open(settings_for(download={"max_bytes": 2000})) as fetcher:
        huge, small = await found_in(path, fetcher)
        with pytest.raises(FetchError) as caught:
            await fetcher.image(task_for(huge.url))
        assert caught.value.kind is FailureKind.TOO_LARGE
        assert (await fetcher.image(task_for(small.url))).data == draw(2)


def header(name: bytes, size: bytes, kind: bytes) -> bytes:
    """A header with a right checksum, whatever is in it."""
    block = name.ljust(100, b"\0") + b"0" * 24 + size.ljust(12, b"\0") + b"0" * 12 + b" " * 8 + kind
    block = block.ljust(512, b"\0")
    return block[:148] + f"{sum(block):06o}\0 ".encode() + block[156:]


@pytest.mark.parametrize(
    "data",
    [
        header(b"x", b"10", b"L") * 5000,
        header(b"x", b"0", b"x") * 5000,
        header(b"x", b"77777777777", b"L"),
        header(b"x", b"77777777777", b"x"),
        header(b"x.jpg", b"77777777777", b"0"),
        header(b"x.jpg", b"\xff" * 12, b"0"),
        header(b"x.jpg", b"\x80" + b"\xff" * 11, b"0"),
        header(b"x.jpg", b"0", b"S")[:482] + b"\x01",
    ],
)
def test_headers_that_lie_are_refused(data: bytes) -> None:
    with pytest.raises(ParseError):
        list(tar.members(io.BytesIO(data), "x"))


@given(st.data())
@example(None)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
def test_any_bytes_give_members_or_a_parse_error(data: st.DataObject | None) -> None:
    raw = bytearray(_WHOLE)
    if data is not None:
        for _ in range(data.draw(st.integers(0, 8))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        raw = raw[: data.draw(st.integers(0, len(raw)))]
    stream, message = io.BytesIO(raw), ""
    try:
        for member in tar.members(stream, "x"):
            assert member.offset < member.data <= member.end
            tar.content(stream, member, 100)
    except ParseError as error:
        message = str(error)
    assert "\n" not in message


def _whole() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("short.jpg", "ä" * 120 + ".jpg"):
            info = tarfile.TarInfo(name)
            info.size = 700
            archive.addfile(info, io.BytesIO(bytes(700)))
    return data.getvalue()


_WHOLE: Final = _whole()


async def test_shards_arrive_in_the_gallery_once_and_again_when_they_change(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    written(folder / "00000.tar", [*sample(1), *sample(2)])
    written(folder / "00001.tar", [*sample(3), ("broken.jpg", b"not a picture")])
    whole = written(tmp_path / "whole.tar", [*sample(4), *sample(5)]).read_bytes()
    (folder / "00002.tar").write_bytes(whole[: whole.index(b"000000005.jpg") + 600])
    async with running(running_settings(tmp_path / "data")) as service:
        number = await service.add_seed(str(folder))
        await settled(service)
        images = {image.metadata.extra["key"]: image for image in (await collected(service)).values()}
        assert sorted(images) == [f"{number:09}" for number in (1, 2, 3, 4)]
        said = images["000000003"].metadata
        assert (said.title, said.creator) == ("A wave", "Hokusai")
        assert said.page_url == HOME.replace("12", "3")
        seed = await service.frontier.seed(number)
        assert (seed.kind, seed.state, seed.images) == ("shards", "done", 4)
        groups = {group.kind: group.count for group in await service.frontier.failure_groups()}
        assert groups == {"not_an_image": 1, "truncated": 1}
        written(folder / "00001.tar", [*sample(3), *sample(6)])
        assert await service.frontier.crawl_again(number)
        service.pipeline.wake()
        await settled(service)
        assert len(await collected(service)) == 5
