from __future__ import annotations

from pathlib import Path

import pytest

from artalike.errors import StorageError
from artalike.records import Download, Task, Validators
from artalike.storage import spool as spooling
from artalike.storage.spool import SUFFIX, Spool


def task(number: int) -> Task:
    return Task(number, 1, "https://a.example/", "image", f"https://a.example/{number}.jpg", "a.example")


def download(number: int, data: bytes = b"\xff\xd8\n\x00\n") -> Download:
    return Download(task(number), data, "https://cdn.example/x.jpg", Validators('"1"', None))


def lying(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def killed(folder: Path, *downloads: Download, dropped: tuple[int, ...] = ()) -> None:
    """A process that kept these, dropped some, and was killed: it closes nothing."""
    spool = Spool(folder, {})
    folder.mkdir(exist_ok=True)
    for each in downloads:
        await spool.keep(each)
    await spool.drop(dropped)


async def test_what_a_killed_process_had_fetched_is_there_for_the_next(tmp_path: Path) -> None:
    await killed(tmp_path, download(1), download(2), download(3, b"other"), dropped=(2,))
    async with Spool.open(tmp_path) as spool:
        # What was settled has left the catalog's list of what waits: whoever opens the spool drops it.
        assert spool.left == {1, 2, 3}
        assert await spool.find(task(1)) == download(1)
        assert await spool.find(task(3)) == download(3, b"other")
        assert await spool.find(task(4)) is None
        await spool.drop([1, 2])
        assert await spool.find(task(1)) is None
        await spool.drop([3])
        assert lying(tmp_path) == []


async def test_its_own_pictures_are_in_its_hands_and_leave_nothing_behind(tmp_path: Path) -> None:
    async with Spool.open(tmp_path) as spool:
        await spool.keep(download(1))
        assert await spool.find(task(1)) is None
        assert lying(tmp_path) == [f"1{SUFFIX}"]
        await spool.drop([1])
        assert (tmp_path / f"1{SUFFIX}").stat().st_size == 0
    assert lying(tmp_path) == []


async def test_what_is_fetched_a_second_time_counts(tmp_path: Path) -> None:
    await killed(tmp_path, download(1, b"old"), download(1, b"new"))
    async with Spool.open(tmp_path) as spool:
        found = await spool.find(task(1))
        assert found is not None
        assert found.data == b"new"


async def test_a_segment_goes_when_all_in_it_is_settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooling, "SEGMENT_BYTES", 300)
    async with Spool.open(tmp_path) as spool:
        for number in range(1, 7):
            await spool.keep(download(number, bytes(200)))
        assert len(lying(tmp_path)) == 6
        await spool.drop([1, 2, 4])
        assert lying(tmp_path) == [f"{number}{SUFFIX}" for number in (3, 5, 6)]
    async with Spool.open(tmp_path) as spool:
        assert spool.left == {3, 5, 6}
        await spool.keep(download(9))
        assert f"7{SUFFIX}" in lying(tmp_path)


@pytest.mark.parametrize("cut", range(1, 60, 7))
async def test_a_torn_end_is_fetched_again_and_what_came_before_is_not(tmp_path: Path, cut: int) -> None:
    await killed(tmp_path, download(1), download(2, bytes(50)))
    log = tmp_path / f"1{SUFFIX}"
    log.write_bytes(log.read_bytes()[:-cut])
    async with Spool.open(tmp_path) as spool:
        assert spool.left == {1}
        assert await spool.find(task(1)) == download(1)


async def test_damaged_bytes_are_fetched_again(tmp_path: Path) -> None:
    await killed(tmp_path, download(1, b"picture"))
    (tmp_path / f"2{SUFFIX}").write_bytes(b"\x00" * 500)
    (tmp_path / "stray.tmp").write_bytes(b"half")
    log = tmp_path / f"1{SUFFIX}"
    log.write_bytes(log.read_bytes().replace(b"picture", b"pictuRe"))
    async with Spool.open(tmp_path) as spool:
        assert await spool.find(task(1)) is None
        assert lying(tmp_path) == [f"1{SUFFIX}"]


async def test_a_spool_that_cannot_write_costs_nothing_but_a_fetch(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    spool = Spool(tmp_path / "spool", {})
    await spool.keep(download(1))
    assert await spool.find(task(1)) is None
    with pytest.raises(StorageError):
        async with Spool.open(tmp_path / "spool"):
            pass
