"""Folders, with everything that can lie in one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from artalike.crawl.fetcher import Fetcher
from artalike.crawl.sources import source_for
from artalike.crawl.urls import from_path, to_path
from artalike.errors import FailureKind, ItemError
from tests.crawl.conftest import expanded, task_for
from tests.sites import draw


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(draw(1))


async def found(folder: Path, fetcher: Fetcher, *, cursor: str | None = None) -> list[str]:
    candidates = await expanded(task_for(from_path(folder), "folder", cursor=cursor), fetcher)
    assert {candidate.kind for candidate in candidates} <= {"image"}
    return [str(to_path(candidate.url).relative_to(folder)) for candidate in candidates]


async def test_all_pictures_below_are_found_in_order(tmp_path: Path, fetcher: Fetcher) -> None:
    put(tmp_path, "b.png", "a/2.JPG", "a/1.webp", "a/deep/er/x.gif", "c/z.tiff", "a.jpg", "ä.jpeg")
    expected = ["a/1.webp", "a/2.JPG", "a/deep/er/x.gif", "a.jpg", "b.png", "c/z.tiff", "ä.jpeg"]
    assert await found(tmp_path, fetcher) == expected


async def test_only_pictures_are_found(tmp_path: Path, fetcher: Fetcher) -> None:
    put(tmp_path, "yes", ".hidden.jpg", ".git/x.jpg", "notes.txt", "clip.mp4", "drawing.svg")
    (tmp_path / "no").write_bytes(b"text without an extension")
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "gone.jpg")
    assert await found(tmp_path, fetcher) == ["yes"]


async def test_links_in_a_circle_end_and_bring_nothing_twice(tmp_path: Path, fetcher: Fetcher) -> None:
    put(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a")
    for name in ("x", "y", "z"):
        (tmp_path / "b" / name).symlink_to(tmp_path / "a")
    assert await found(tmp_path, fetcher) == ["a/1.jpg", "b/2.jpg"]


async def test_what_cannot_be_looked_at_ends_no_walk(tmp_path: Path, fetcher: Fetcher) -> None:
    put(tmp_path, "a.jpg", "c.jpg")
    (tmp_path / "b.jpg").symlink_to("x" * 300)  # longer than a name may be
    assert await found(tmp_path, fetcher) == ["a.jpg", "c.jpg"]


async def test_a_linked_folder_is_walked(tmp_path: Path, fetcher: Fetcher) -> None:
    put(tmp_path / "elsewhere", "1.jpg")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "elsewhere")
    assert await found(tmp_path / "root", fetcher) == ["link/1.jpg"]


async def test_names_of_any_bytes_are_found_and_can_be_fetched(tmp_path: Path, fetcher: Fetcher) -> None:
    names = [b"\xff\xfe.jpg", b"new\nline.jpg", b'"><script>.jpg', b"100%25.jpg", b"a?b#c.jpg", b" .jpg", b"-rf.jpg"]
    put(tmp_path, *map(os.fsdecode, names))
    candidates = await expanded(task_for(from_path(tmp_path), "folder"), fetcher)
    assert {os.fsencode(to_path(candidate.url).name) for candidate in candidates} == set(names)
    for candidate in candidates:
        candidate.url.encode("ascii")
        assert (await fetcher.image(task_for(candidate.url))).data == draw(1)


async def test_an_unreadable_folder_is_passed_over(tmp_path: Path, fetcher: Fetcher) -> None:
    put(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "a").chmod(0)
    try:
        assert (await found(tmp_path, fetcher))[-1] == "b/2.jpg"
    finally:
        (tmp_path / "a").chmod(0o700)


async def test_a_folder_that_is_gone_fails_and_says_so(tmp_path: Path, fetcher: Fetcher) -> None:
    with pytest.raises(ItemError, match="no such directory") as caught:
        await found(tmp_path / "gone", fetcher)
    assert caught.value.kind is FailureKind.MISSING_FILE


async def test_a_killed_walk_goes_on_right_behind_its_cursor(tmp_path: Path, fetcher: Fetcher) -> None:
    names = [f"{folder}/{n}.jpg" for folder in ("a", "a-b", "a.b", "b") for n in range(3)]
    put(tmp_path, *names)
    every = await found(tmp_path, fetcher)
    assert sorted(every) == sorted(names)
    for number, name in enumerate(every, start=1):
        assert await found(tmp_path, fetcher, cursor=from_path(tmp_path / name)) == every[number:]


async def test_a_cursor_whose_picture_is_gone_still_holds(tmp_path: Path, fetcher: Fetcher) -> None:
    put(tmp_path, "1.jpg", "2.jpg", "3.jpg")
    cursor = from_path(tmp_path / "2.jpg")
    (tmp_path / "2.jpg").unlink()
    put(tmp_path, "0.jpg", "2a.jpg")
    assert await found(tmp_path, fetcher, cursor=cursor) == ["2a.jpg", "3.jpg"]


async def test_batches_are_bounded(tmp_path: Path, fetcher: Fetcher) -> None:
    for number in range(2100):
        (tmp_path / f"{number:04}.jpg").touch()
    task = task_for(from_path(tmp_path), "folder")
    found = [found async for found in source_for("folder").expand(task, fetcher)]
    assert [len(batch.candidates) for batch in found] == [1000, 1000, 100]
    assert [batch.cursor for batch in found] == [batch.candidates[-1].url for batch in found]


async def test_a_picture_written_anew_has_another_revision(tmp_path: Path, fetcher: Fetcher) -> None:
    put(tmp_path, "1.jpg", "2.jpg")
    task = task_for(from_path(tmp_path), "folder")
    before = await expanded(task, fetcher)
    (tmp_path / "1.jpg").write_bytes(draw(2))
    os.utime(tmp_path / "1.jpg", ns=(1, 1))
    after = await expanded(task, fetcher)
    assert [one.revision == other.revision for one, other in zip(before, after, strict=True)] == [False, True]
    assert before[1].revision
