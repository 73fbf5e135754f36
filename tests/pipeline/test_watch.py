"""A watched folder: what happens on the disk happens in the collection."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from artalike.errors import DiskFull
from artalike.pipeline import watch
from artalike.records import Candidate
from artalike.service import Service
from tests.running import running, settings_for, settled
from tests.sites import draw


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    for number in range(3):
        put(folder / f"{number}.jpg", number)
    return folder


def put(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(draw(number))


async def shown(service: Service) -> set[str]:
    totals = service.images.counts
    found = await service.images.images(range(1, totals.max_id + 1))
    return {image.url.rpartition("/pictures/")[2] for image in found}


async def until(service: Service, expected: set[str]) -> None:
    for _ in range(300):
        if await shown(service) == expected:
            break
        await asyncio.sleep(0.05)
    assert await shown(service) == expected
    assert service.images.counts.images == len(expected)


async def seed(service: Service, folder: Path) -> None:
    await service.add_seed(str(folder), options={"watch": True})
    await settled(service)


async def test_new_changed_deleted_and_moved_files_are_followed(tmp_path: Path, folder: Path) -> None:
    async with running(settings_for(tmp_path / "data")) as service:
        await seed(service, folder)
        await until(service, {"0.jpg", "1.jpg", "2.jpg"})
        await asyncio.sleep(2)  # until it is watched

        put(folder / "new.jpg", 7)
        await until(service, {"0.jpg", "1.jpg", "2.jpg", "new.jpg"})
        (folder / "0.jpg").unlink()
        await until(service, {"1.jpg", "2.jpg", "new.jpg"})
        before = await service.images.find_url((folder / "1.jpg").as_uri())
        put(folder / "1.jpg", 8)
        for _ in range(200):
            now = await service.images.find_url((folder / "1.jpg").as_uri())
            if now not in {before, None}:
                break
            await asyncio.sleep(0.05)
        assert now not in {before, None}
        await until(service, {"1.jpg", "2.jpg", "new.jpg"})

        put(tmp_path / "elsewhere" / "below.jpg", 9)
        (tmp_path / "elsewhere").rename(folder / "moved")
        await until(service, {"1.jpg", "2.jpg", "new.jpg", "moved/below.jpg"})
        shutil.rmtree(folder / "moved")
        await until(service, {"1.jpg", "2.jpg", "new.jpg"})
        put(folder / "0.jpg", 0)  # what came back may come back
        await until(service, {"0.jpg", "1.jpg", "2.jpg", "new.jpg"})
        put(folder / ".hidden.jpg", 11)
        (folder / "notes.txt").write_text("no picture")
        await asyncio.sleep(1)
        await until(service, {"0.jpg", "1.jpg", "2.jpg", "new.jpg"})


async def test_files_that_are_deleted_together_leave_together(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(settings_for(tmp_path / "data")) as service:
        await seed(service, folder)
        await asyncio.sleep(2)  # until it is watched
        withdrawn: list[int] = []
        withdraw = service.removal.withdraw

        async def counted(seed_id: int, addresses: Sequence[str]) -> list[int]:
            withdrawn.append(len(addresses))
            return await withdraw(seed_id, addresses)

        monkeypatch.setattr(service.removal, "withdraw", counted)
        for path in folder.iterdir():
            path.unlink()
        await until(service, set())
        assert sum(withdrawn) == 3
        assert len(withdrawn) < 3


async def test_what_happened_while_nobody_watched_is_found_out(tmp_path: Path, folder: Path) -> None:
    async with running(settings_for(tmp_path / "data")) as service:
        await seed(service, folder)
    (folder / "0.jpg").unlink()
    put(folder / "1.jpg", 8)
    put(folder / "new.jpg", 9)
    async with running(settings_for(tmp_path / "data")) as service:
        await until(service, {"1.jpg", "2.jpg", "new.jpg"})


async def test_a_folder_that_is_away_loses_nothing(tmp_path: Path, folder: Path) -> None:
    async with running(settings_for(tmp_path / "data")) as service:
        await seed(service, folder)
    folder.rename(tmp_path / "unmounted")
    async with running(settings_for(tmp_path / "data")) as service:
        await asyncio.sleep(1.5)
        assert service.images.counts.images == 3


async def test_a_folder_that_goes_away_while_it_is_watched_loses_nothing(tmp_path: Path, folder: Path) -> None:
    async with running(settings_for(tmp_path / "data")) as service:
        await seed(service, folder)
        await asyncio.sleep(2)  # until it is watched
        folder.rename(tmp_path / "unmounted")
        await asyncio.sleep(1.5)
        assert service.images.counts.images == 3


async def test_neither_a_full_disk_nor_an_unreadable_folder_ends_the_watching(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "AGAIN_SECONDS", 0.1)
    async with running(settings_for(tmp_path / "data")) as service:
        again = service.frontier.crawl_again
        refusals = iter([DiskFull("no space left"), PermissionError(13, "no entry")] * 2)

        async def refused(seed_id: int) -> bool:
            for error in refusals:
                raise error
            return await again(seed_id)

        monkeypatch.setattr(service.frontier, "crawl_again", refused)
        await seed(service, folder)
        put(folder / "new.jpg", 9)
        await until(service, {"0.jpg", "1.jpg", "2.jpg", "new.jpg"})
        assert next(refusals, None) is None


async def test_options_that_only_another_version_understands_end_no_watching(tmp_path: Path, folder: Path) -> None:
    async with running(settings_for(tmp_path / "data")) as service:
        await service.frontier.add_seed(Candidate("file:///gone", kind="folder"), "gone", {"watch": {"every": "1h"}})
        await seed(service, folder)
        await asyncio.sleep(2)  # until it is watched
        put(folder / "new.jpg", 9)
        await until(service, {"0.jpg", "1.jpg", "2.jpg", "new.jpg"})


async def test_a_folder_that_is_not_watched_stays_as_it_was_handed_in(tmp_path: Path, folder: Path) -> None:
    async with running(settings_for(tmp_path / "data")) as service:
        await service.add_seed(str(folder))
        await settled(service)
        await asyncio.sleep(1.5)
        (folder / "0.jpg").unlink()
        put(folder / "new.jpg", 9)
        await asyncio.sleep(1.5)
        assert await shown(service) == {"0.jpg", "1.jpg", "2.jpg"}
