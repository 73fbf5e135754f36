"""The last stage: commits what is embedded and what failed, then makes it searchable, then tells everyone.

In that order, because of promise 1: what anyone has been shown is in the catalog already.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from artalike.config import Settings
from artalike.errors import FailureKind
from artalike.events import Event, EventBus
from artalike.metrics import Metrics
from artalike.pipeline.room import DiskRoom
from artalike.records import Embedding, Failure, Image, Task
from artalike.storage.followers import Followers
from artalike.storage.ports import Committed, Frontier, ImageCatalog, Spool
from artalike.storage.removal import Removal


class Committer:
    """Gathers items for at most `storage.commit_seconds` or `storage.commit_items`, and settles them together."""

    def __init__(
        self,
        *,
        images: ImageCatalog,
        frontier: Frontier,
        followers: Followers,
        removal: Removal,
        events: EventBus,
        metrics: Metrics,
        settings: Settings,
        room: DiskRoom,
        describe: Callable[[Image], dict[str, Any]],
        spool: Spool,
        settled: Callable[[Sequence[int]], None],
    ) -> None:
        """``settled`` is told of tasks that are in the catalog now, as done or as failed."""
        self.images = images
        self._frontier = frontier
        self._followers = followers
        self._removal = removal
        self._events = events
        self._metrics = metrics
        self._items = settings.storage.commit_items
        self._seconds = settings.storage.commit_seconds
        self._room = room
        self._describe = describe
        self._spool = spool
        self._settled = settled

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
                self._settled([_task_of(item).id for item in batch])

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
            committed = await self._room.keep_trying(partial(self.images.commit, embeddings))
        at = time.perf_counter()
        new = [c.id for c in committed if c.new]
        self._metrics.known.inc(sum(not c.new and c.refused is None for c in committed))
        if new:
            with self._metrics.stage("index", len(new)):
                there = await self._room.keep_trying(partial(self._followers.show, embeddings, committed))
            self._metrics.searchable_seconds.observe(time.perf_counter() - at)
            self._metrics.images.inc(len(new))
            self._metrics.image_rate.add(len(new))
            await self._tell(there)
        await self._take_out(committed)

    async def _tell(self, ids: Sequence[int]) -> None:
        described = [(image, self._describe(image)) for image in await self.images.images(ids)]
        remaining = set(self.images.without_removed(ids))
        for image, description in described:
            if image.id in remaining:
                self._events.publish(Event("image", description, id=image.id))

    async def _take_out(self, committed: Sequence[Committed]) -> None:
        refused = sum(c.refused is not None for c in committed)
        gone = [image_id for c in committed for image_id in c.gone]
        if refused:
            self._metrics.failures.labels(FailureKind.BLOCKED, "yes").inc(refused)
        if refused or gone:
            await self._room.keep_trying(partial(self._removal.settle, gone))


def _task_of(item: Embedding | Failure) -> Task:
    return item.task if isinstance(item, Failure) else item.picture.task
