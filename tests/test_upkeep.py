"""What goes on beside ingest."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from artalike import upkeep
from artalike.config import Index
from artalike.errors import DiskFull
from artalike.storage.growing_index import GrowingIndex
from artalike.storage.ports import Frontier
from tests.fakes import make_services


async def test_recrawls_wait_while_the_disk_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    class FullAtFirst:
        asked = 0

        async def recrawl_due(self) -> int:
            self.asked += 1
            if self.asked == 1:
                raise DiskFull("catalog: no space left on the disk")
            return 1

    monkeypatch.setattr(upkeep, "TICK_SECONDS", 0)
    woken = asyncio.Event()
    recrawls = asyncio.create_task(upkeep.recrawl(cast("Frontier", FullAtFirst()), woken.set))
    async with asyncio.timeout(5):
        await woken.wait()
    assert not recrawls.done()
    recrawls.cancel()


class SlowIndex:
    """Says how many snapshots are written at once."""

    size = 3

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.writing = self.most = self.written = 0

    async def save(self, path: Path) -> None:
        self.writing += 1
        self.most = max(self.most, self.writing)
        # As a thread does: whoever waits for it may go away, the work does not.
        await asyncio.shield(asyncio.ensure_future(self._write(path)))

    async def _write(self, path: Path) -> None:
        await self.go.wait()
        await asyncio.to_thread(path.write_bytes, b"whole")
        self.writing -= 1
        self.written += 1


async def test_a_snapshot_whose_caller_has_gone_is_finished_before_another_begins(tmp_path: Path) -> None:
    index = SlowIndex()
    images = make_services(3).images
    snapshots = upkeep.Snapshots(cast("GrowingIndex", index), images, tmp_path / "index.snapshot", Index())
    impatient = asyncio.create_task(snapshots.take())
    await asyncio.sleep(0.01)
    impatient.cancel()
    await asyncio.wait([impatient])
    patient = asyncio.create_task(snapshots.take())
    await asyncio.sleep(0.01)
    assert (index.writing, index.written) == (1, 0)
    index.go.set()
    assert (await patient)["images"] == 3
    assert (index.most, index.written) == (1, 2)
    assert snapshots.saved_at is not None
