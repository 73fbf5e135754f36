"""How full the disk is, by what fills it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from artalike.storage import usage
from artalike.storage.folder import DataFolder
from artalike.storage.usage import DiskUsage


async def looked(disk: DiskUsage) -> None:
    running = asyncio.create_task(disk.run())
    async with asyncio.timeout(5):
        while disk.figures is None:
            await asyncio.sleep(0.01)
    running.cancel()


async def test_bytes_are_counted_by_what_they_are_for(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    await asyncio.to_thread(folder.create)
    for path, size in (
        (folder.catalog, 40_000),
        (tmp_path / "catalog.sqlite3-wal", 10_000),
        (folder.snapshot, 20_000),
        (tmp_path / "index.snapshot.ab12.vectors", 8_000),
        (folder.thumbnails / "ab" / "cd.jpg", 5_000),
    ):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * size)
    disk = DiskUsage(folder)
    await looked(disk)
    assert disk.figures is not None
    for name, size in (("catalog", 50_000), ("index", 28_000), ("thumbnails", 5_000)):
        assert size <= disk.figures[name] <= size + 20_000
    assert 0 < disk.figures["free"] <= disk.figures["total"]


async def test_a_disk_that_cannot_be_read_is_unknown_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(usage, "LOOK_SECONDS", 0.02)
    folder = DataFolder(tmp_path / "later")
    disk = DiskUsage(folder)
    running = asyncio.create_task(disk.run())
    async with asyncio.timeout(5):
        while not caplog.records:
            await asyncio.sleep(0.01)
        before = disk.figures
        await asyncio.to_thread(folder.create)
        while disk.figures is None:
            await asyncio.sleep(0.01)
    running.cancel()
    assert before is None
    assert len(caplog.records) == 1
