"""What goes on beside ingest: snapshots of the index, the counters' ticks, and a watch on the event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from artalike.config import Index
from artalike.errors import DiskFull, StorageError
from artalike.events import Event, EventBus
from artalike.metrics import Metrics
from artalike.storage.follow import Followed
from artalike.storage.followers import Followers
from artalike.storage.growing_index import GrowingIndex
from artalike.storage.ports import Frontier, ImageCatalog, VectorIndex

log = logging.getLogger(__name__)

TICK_SECONDS: Final = 1.0
LAG_SECONDS: Final = 0.05
CLEAR_SECONDS: Final = 60.0
HURRY_SECONDS: Final = 3.0
"""After a removal: long enough for several of them to make one snapshot."""

State = tuple[int, int]
"""What tells one state of the index from another: the largest id in the catalog, and how many vectors there are."""


class Snapshots:
    """Saves the index after so many changes or so much time, and whenever it is asked to."""

    def __init__(self, index: GrowingIndex, images: ImageCatalog, path: Path, settings: Index) -> None:
        self._index = index
        self._images = images
        self._path = path
        self._settings = settings
        self._saving = asyncio.Lock()
        self._under_way = set[asyncio.Task[Any]]()
        self._saved_state: State = (0, 0)
        self._saved_clock = time.monotonic()
        self._hurry_at: float | None = None
        self.saved_at: float | None = None

    async def run(self) -> None:
        """For ever. A snapshot that fails is told and tried again: the catalog, not the snapshot, is the truth."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if await self._due():
                await self._try()

    async def loaded(self, since: Followed) -> None:
        """The index is what its snapshot holds, but for what was followed ``since``."""
        if since.removed:
            self.hurry()
        elif not since.added:
            self._saved_state = await self._state()

    def hurry(self) -> None:
        """Something has been removed, and must leave the disk: save within seconds."""
        if self._hurry_at is None:
            self._hurry_at = time.monotonic() + HURRY_SECONDS

    async def take(self) -> dict[str, Any]:
        """Save now. What was saved: ``{"images", "bytes", "seconds"}``. Raises DiskFull or StorageError.

        A caller that goes away leaves it to its end: no thread must write one snapshot while another is begun.
        """
        taking = asyncio.create_task(self._take())
        self._under_way.add(taking)
        taking.add_done_callback(self._under_way.discard)
        return await asyncio.shield(taking)

    async def _take(self) -> dict[str, Any]:
        async with self._saving:
            state, started = await self._state(), time.monotonic()
            size, hurry = self._index.size, self._hurry_at
            self._hurry_at = None  # what is removed from here on is not sure to be missing in what is saved
            try:
                await self._index.save(self._path)
            except BaseException:
                self._hurry_at = self._hurry_at if hurry is None else hurry
                raise
            self._saved_state, self._saved_clock, self.saved_at = state, time.monotonic(), time.time()
            stored = await asyncio.to_thread(self._path.stat)
            return {"images": size, "bytes": stored.st_size, "seconds": round(self._saved_clock - started, 3)}

    async def take_if_changed(self) -> None:
        """At the end: nothing is written when the last snapshot still holds."""
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._hurry_at is not None or await self._state() != self._saved_state:
            await self._try()

    async def _try(self) -> None:
        try:
            await self.take()
        except StorageError as error:
            log.warning("%s; without a snapshot the next start takes its time to build the index", error)
            self._saved_clock = time.monotonic()
            if self._hurry_at is not None:
                self._hurry_at = self._saved_clock + self._settings.snapshot_seconds

    async def _due(self) -> bool:
        if self._hurry_at is not None and time.monotonic() >= self._hurry_at:
            return True
        state = await self._state()
        if state == self._saved_state:
            return False
        changes = sum(abs(now - then) for now, then in zip(state, self._saved_state, strict=True))
        return (
            changes >= self._settings.snapshot_adds
            or time.monotonic() - self._saved_clock >= self._settings.snapshot_seconds
        )

    async def _state(self) -> State:
        return (await self._images.totals()).max_id, self._index.size


class NoSnapshots:
    """In the place of :class:`Snapshots`, for an index that is kept by a server of its own: there is nothing to do."""

    saved_at: float | None = None

    def __init__(self, index: VectorIndex) -> None:
        self._index = index

    async def run(self) -> None:
        """Nothing."""

    async def loaded(self, since: Followed) -> None:
        """Nothing."""

    def hurry(self) -> None:
        """Nothing."""

    async def take(self) -> dict[str, Any]:
        """As :meth:`Snapshots.take`: nothing is written here."""
        return {"images": self._index.size, "bytes": 0, "seconds": 0.0}

    async def take_if_changed(self) -> None:
        """Nothing."""


async def recrawl(frontier: Frontier, wake: Callable[[], None]) -> None:
    """Start seeds again when their time has come, and tell the crawler."""
    while True:
        await asyncio.sleep(TICK_SECONDS)
        with suppress(DiskFull):  # ingest tells of it; they begin when there is room
            if await frontier.recrawl_due():
                wake()


async def clear(followers: Followers) -> None:
    """Delete the thumbnails of removed pictures that could not be deleted when these went."""
    while True:
        await asyncio.sleep(CLEAR_SECONDS)
        try:
            await followers.clear()
        except StorageError as error:
            log.warning("%s; thumbnails of removed pictures may still be there", error)


async def tick(events: EventBus, stats: Callable[[], dict[str, Any]]) -> None:
    """Publish the counters each second, while anyone listens."""
    while True:
        if events.subscribers:
            events.publish(Event("stats", stats()))
        await asyncio.sleep(TICK_SECONDS)


async def watch_loop(metrics: Metrics) -> None:
    """Measure how late the event loop wakes a sleeper."""
    while True:
        started = time.perf_counter()
        await asyncio.sleep(LAG_SECONDS)
        metrics.loop_lag_seconds.observe(max(0.0, time.perf_counter() - started - LAG_SECONDS))
