"""What goes on beside ingest."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from artalike import upkeep
from artalike.errors import DiskFull
from artalike.storage.ports import Frontier


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
