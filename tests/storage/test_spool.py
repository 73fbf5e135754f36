from __future__ import annotations

from pathlib import Path

from artalike.records import Download, Task, Validators
from artalike.storage.spool import SUFFIX, Spool


def task(number: int) -> Task:
    return Task(number, 1, "https://a.example/", "image", f"https://a.example/{number}.jpg", "a.example")


def download(number: int, data: bytes = b"\xff\xd8\n\x00\n") -> Download:
    return Download(task(number), data, "https://cdn.example/x.jpg", Validators('"1"', None))


async def test_what_a_killed_process_had_fetched_is_there_for_the_next(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path / "spool")
    await spool.keep(download(1))
    await spool.keep(download(2))
    await spool.drop([2])
    assert await spool.find(task(1)) is None, "its own pictures are in its hands"
    after = await Spool.open(tmp_path / "spool")
    assert after.left == {1}
    assert await after.find(task(1)) == download(1)
    assert await after.find(task(2)) is None
    await after.drop([1])
    assert list((tmp_path / "spool").iterdir()) == []


async def test_half_written_and_torn_files_are_fetched_again(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    (folder / f"3{SUFFIX}.0123.tmp").write_bytes(b"half")
    (folder / f"4{SUFFIX}").write_bytes(b"")
    (folder / f"5{SUFFIX}").write_bytes(b'{"url": "https://a.ex')
    spool = await Spool.open(folder)
    assert spool.left == {4, 5}
    assert [await spool.find(task(number)) for number in (3, 4, 5)] == [None, None, None]


async def test_a_spool_that_cannot_write_costs_nothing_but_a_fetch(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    spool = Spool(tmp_path / "spool", ())
    await spool.keep(download(1))
    assert await spool.find(task(1)) is None
