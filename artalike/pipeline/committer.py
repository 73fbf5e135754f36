"""The last stage: commits what is embedded and what failed, then makes it searchable, then tells everyone.

In that order, because of promise 1: what anyone has been shown is in the catalog already.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import numpy as np
from anyio.streams.memory import MemoryObjectReceiveStream

from artalike.config import Settings
from artalike.events import Event, EventBus
from artalike.metrics import Metrics
from artalike.pipeline.room import DiskRoom
from artalike.records import Embedding, Failure, Image, Task
from artalike.storage.ports import Frontier, ImageCatalog, Spool, VectorIndex


class Committer:
    """Gathers items for at most `storage.commit_seconds` or `storage.commit_items`, and settles them together."""

    def __init__(
        self,
        *,
        images: ImageCatalog,
        frontier: Frontier,
        index: VectorIndex,
        events: EventBus,
        metrics: Metrics,
        settings: Settings,
        room: DiskRoom,
        describe: Callable[[Image], dict[str, Any]],
        spool: Spool,
    ) -> None:
        self._images = images
        self._frontier = frontier
        self._index = index
        self._events = events
        self._metrics = metrics
        self._items = settings.storage.commit_items
        self._seconds = settings.storage.commit_seconds
        self._room = room
        self._describe = describe
        self._spool = spool

    async def run(self, source: MemoryObjectReceiveStream[Embedding | Failure]) -> None:
        """Until the stream ends."""
        async with source:
            while batch := await self._gather(source):
                failures = [item for item in batch if isinstance(item, Failure)]
                embeddings = [item for item in batch if isinstance(item, Embedding)]
                if failures:
                    await self._room.keep_trying(partial(self._frontier.fail, failures))
                if embeddings:
                    await self._settle(embeddings)
                await self._spool.drop([_task_of(item).id for item in batch if _task_of(item).host])

    async def _gather(self, source: MemoryObjectReceiveStream[Embedding | Failure]) -> list[Embedding | Failure]:
        batch: list[Embedding | Failure] = []
        try:
            batch.append(await source.receive())
            with anyio.move_on_after(self._seconds):
                while len(batch) < self._items:
                    batch.append(await source.receive())
        except anyio.EndOfStream:
            pass  # the last batch may be short or empty
        return batch

    async def _settle(self, embeddings: list[Embedding]) -> None:
        with self._metrics.stage("commit", len(embeddings)):
            committed = await self._room.keep_trying(partial(self._images.commit, embeddings))
        at = time.perf_counter()
        new = [(c.id, e.vector) for c, e in zip(committed, embeddings, strict=True) if c.new]
        self._metrics.known.inc(len(embeddings) - len(new))
        if not new:
            return
        with self._metrics.stage("index", len(new)):
            await self._index.add(np.array([i for i, _ in new], np.int64), np.stack([v for _, v in new]))
        self._metrics.searchable_seconds.observe(time.perf_counter() - at)
        self._metrics.images.inc(len(new))
        self._metrics.image_rate.add(len(new))
        for image in await self._images.images([i for i, _ in new]):
            self._events.publish(Event("image", self._describe(image), id=image.id))


def _task_of(item: Embedding | Failure) -> Task:
    return item.task if isinstance(item, Failure) else item.picture.task
