"""An index on a server of its own, that may be lost while this process goes on and comes level again by itself.

::

    level      a change is made in the index at once; its row leaves the outbox
    lost       changes stay in the outbox, searches are told to come again, the server is tried every few seconds
    following  it answers again: what the outbox holds, then whatever else differs from the catalog, then level

So promise 3 holds whichever side was killed, and whatever the server has forgotten: a start follows the catalog as a
whole, and so does each return.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

import anyio
import numpy as np

from artalike.errors import ArtalikeError, IndexUnavailable, SettingError, StorageError
from artalike.records import FloatArray, IdArray
from artalike.storage.follow import Followed, follow
from artalike.storage.outbox import Change, Outbox
from artalike.storage.ports import ImageCatalog, Neighbors, VectorIndex

log = logging.getLogger(__name__)

TICK_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 5.0
BATCH: Final = 512
"""Changes worked off in one round: whoever commits meanwhile waits for no more."""


class RemoteIndex(VectorIndex, Protocol):
    """An index on a server of its own. All that asks it raises IndexUnavailable, or SettingError where it refuses."""

    @property
    def stats(self) -> dict[str, Any]:
        """For people: what has been measured of it."""

    async def prepare(self) -> None:
        """Return when the server is there and has loaded what it holds."""

    async def tend(self) -> None:
        """Do whatever keeps searches good and is due: asked for every second or so. Raises StorageError, too."""


class OutboxedIndex:
    """Implements :class:`artalike.storage.index_opening.ServedIndex` by ``index``, which follows ``images``."""

    def __init__(self, index: RemoteIndex, images: ImageCatalog, outbox: Outbox) -> None:
        self._index = index
        self._images = images
        self._outbox = outbox
        self._changing = asyncio.Lock()
        self._level = False
        self._problem: str | None = None
        self._doubted = asyncio.Event()
        self._waiting = self._seen = 0

    @property
    def size(self) -> int:
        """How many vectors the server held when it was last asked."""
        return self._index.size

    @property
    def stats(self) -> dict[str, Any]:
        """For people. ``waiting`` is how many changes the server has not been told, when that was last counted."""
        return {
            "kind": "milvus",
            "size": self.size,
            "training": False,
            "waiting": self._waiting,
            "problem": None if self._problem is None else _LOST,
            **self._index.stats,
        }

    async def add(self, ids: IdArray, vectors: FloatArray) -> None:
        """As the port says; where the server is lost it is told later. Raises DiskFull or StorageError."""
        if self._level:
            changes = await self._outbox.about(ids.tolist(), "embedded")
            with self._doubting():
                async with self._changing:
                    await self._index.add(ids, vectors)
                await self._outbox.settle(changes)

    async def remove(self, ids: IdArray) -> int:
        """As :meth:`add`. How many are known to have been there."""
        removed = 0
        if self._level:
            changes = await self._outbox.about(ids.tolist(), "removed")
            with self._doubting():
                async with self._changing:
                    removed = await self._index.remove(ids)
                await self._outbox.settle(changes)
        return removed

    async def search(
        self, vectors: FloatArray, k: int, *, max_id: int | None = None, among: IdArray | None = None
    ) -> list[Neighbors]:
        """As the port says. Raises IndexUnavailable, at once where the server is known to be lost."""
        if self._problem is not None:
            raise IndexUnavailable(_LOST)
        try:
            return await self._index.search(vectors, k, max_id=max_id, among=among)
        except (IndexUnavailable, SettingError) as error:
            log.warning("%s", error)
            self._doubted.set()
            raise IndexUnavailable(_LOST) from error

    async def ids(self) -> IdArray:
        """Ascending ids, int64."""
        return await self._index.ids()

    async def follow(self, images: ImageCatalog) -> Followed:
        """Bring the index to what the catalog says: what waits in the outbox, and whatever else is different.

        Raises IndexUnavailable or StorageError.
        """
        async with self._outbox.alone():
            await self._work_off()
            followed = await follow(self._index, images)
            await self._work_off()
            self._level, self._problem = True, None
        return followed

    async def join(self) -> Followed:
        """As :meth:`follow`, where other processes have it level: what waits in the outbox is all there can be."""
        if self._outbox.is_new:
            return await self.follow(self._images)
        async with self._outbox.alone():
            await self._work_off()
            self._level, self._problem = True, None
        return Followed(0, 0)

    async def run(self) -> None:
        """For ever: work off what waits; when the server seems lost, find out, and bring it level when it is back."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._keep_level)
            group.start_soon(self._tend)

    async def _tend(self) -> None:
        while True:
            await anyio.sleep(TICK_SECONDS)
            if self._level:
                try:
                    await self._index.tend()
                except (SettingError, StorageError) as error:
                    log.warning("%s", error)

    async def _keep_level(self) -> None:
        while True:
            with anyio.move_on_after(TICK_SECONDS):
                await self._doubted.wait()
            try:
                await (self._look() if self._level else self._return())
            except (IndexUnavailable, SettingError) as error:
                self._lose(error)
                await anyio.sleep(RETRY_SECONDS)
            except StorageError as error:
                log.warning("%s; the index follows later", error)
                await anyio.sleep(RETRY_SECONDS)

    async def _look(self) -> None:
        if self._doubted.is_set():
            self._doubted.clear()
            await self._index.prepare()
        changes = await self._outbox.first(BATCH)
        # What has come since the last look is being told by whoever has committed it.
        late = [change for change in changes if change.seq <= self._seen]
        self._seen = changes[-1].seq if changes else 0
        if late:
            async with self._outbox.alone():  # another process may be at it
                waiting = {change.seq for change in await self._outbox.first(BATCH)}
                await self._tell([change for change in late if change.seq in waiting])
        self._waiting = len(changes) - len(late)

    async def _return(self) -> None:
        self._waiting = await self._outbox.waiting()
        await self._index.prepare()
        self._problem = None
        followed = await self.follow(self._images)
        self._doubted.clear()
        log.info(
            "index: the server is back, and level: %d changes had waited, %d vectors were missing, %d too many",
            self._waiting, followed.added, followed.removed,
        )  # fmt: skip
        self._waiting = 0

    def _lose(self, error: ArtalikeError) -> None:
        if self._problem is None:
            log.warning("%s; searches wait for it, ingest goes on", error)
        self._level, self._problem = False, str(error)

    async def _work_off(self) -> None:
        while changes := await self._outbox.first(BATCH):
            await self._tell(changes)

    async def _tell(self, changes: Sequence[Change]) -> None:
        """Let the index have these images as the catalog has them now."""
        ids = np.unique(np.array([change.image_id for change in changes], np.int64))
        async with self._changing:
            there, vectors = await self._images.vectors(ids.tolist())
            if len(there):
                await self._index.add(there, vectors)
            if len(gone := np.setdiff1d(ids, there, assume_unique=True)):
                await self._index.remove(gone)
        await self._outbox.settle(changes)

    @contextmanager
    def _doubting(self) -> Iterator[None]:
        """A change that fails stays in the outbox."""
        try:
            yield
        except (IndexUnavailable, SettingError) as error:
            log.warning("%s", error)
            self._doubted.set()


_LOST: Final = "the server of the vectors does not answer; it is tried again every few seconds"
