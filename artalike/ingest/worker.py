"""Ingest in a process without a server: the pipeline as a server has it, on a catalog that many share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import numpy as np

from artalike.config import Settings
from artalike.crawl.fetcher import Fetcher
from artalike.embedding.batcher import Batcher
from artalike.embedding.card import ModelCard, Network
from artalike.events import EventBus
from artalike.hearing import Hearing
from artalike.metrics import Metrics
from artalike.pipeline import Pipeline, Rooms
from artalike.records import FloatArray, IdArray, Image
from artalike.storage.blocks import Blocks
from artalike.storage.catalog import Database, Place, open_catalog
from artalike.storage.folder import DataFolder
from artalike.storage.followers import Followers
from artalike.storage.found import Bounds
from artalike.storage.images import Images
from artalike.storage.ports import Neighbors
from artalike.storage.removal import Removal
from artalike.storage.seeds import CrawlQueue
from artalike.storage.spool import Spool
from artalike.storage.thumbnails import open_thumbnails


class Worker:
    """Brings in what the frontier holds, for whichever seed, beside others that do the same. Use :meth:`open`."""

    def __init__(self, settings: Settings, pipeline: Pipeline, database: Database, hearing: Hearing) -> None:
        self._settings = settings
        self._pipeline = pipeline
        self._database = database
        self._hearing = hearing
        self._stopped = anyio.Event()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: Settings, card: ModelCard, load: Callable[[], Network], *, spool: Path
    ) -> AsyncIterator[Worker]:
        """``spool`` is a folder of this process alone; ``embedding.cores`` batches are handed to the network at once.

        Raises StorageError, StartError or SettingError."""
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(open_catalog(settings.storage, readers=1, place=Place.SHARED))
            blocks = await Blocks.open(database)
            images = await Images.open(database, card.model_id, card.dimension, name=card.name, blocks=blocks)
            bounds = Bounds(documents=settings.crawl.max_documents, found=settings.crawl.max_found)
            frontier = CrawlQueue(database, bounds=bounds, refuses=blocks.reason)
            await frontier.recover()
            thumbnails = await open_thumbnails(settings.storage, DataFolder(settings.storage.data))
            followers = Followers(database, images, FollowedElsewhere(), thumbnails)
            removal = await stack.enter_async_context(Removal.open(database, images, blocks, followers, _untold))
            batcher = await stack.enter_async_context(
                Batcher(
                    load,
                    batch_size=settings.embedding.batch,
                    batch_seconds=settings.embedding.batch_seconds,
                    threads=settings.embedding.cores,
                )
            )

            events = EventBus()

            async def withdraw(seed_id: int, addresses: Sequence[str]) -> None:
                await pipeline.disk.keep_trying(partial(removal.withdraw, seed_id, addresses))

            pipeline = Pipeline(
                Rooms(
                    settings=settings,
                    images=images,
                    frontier=frontier,
                    followers=followers,
                    removal=removal,
                    thumbnails=thumbnails,
                    fetcher=await stack.enter_async_context(Fetcher.open(settings, refuses=blocks.reason)),
                    batcher=batcher,
                    preprocess=card.preprocess,
                    events=events,
                    metrics=Metrics(),
                    describe=_undescribed,
                    spool=await stack.enter_async_context(Spool.open(spool)),
                    withdraw=withdraw,
                )
            )
            hearing = Hearing(
                database=database,
                images=lambda: images,
                blocks=blocks,
                events=events,
                describe=_undescribed,
                arrived=_uncounted,
                wake=pipeline.wake,
            )
            await database.joined()
            yield cls(settings, pipeline, database, hearing)

    @property
    def problem(self) -> str | None:
        """Why nothing can be written; None while all goes well."""
        return self._pipeline.disk.problem

    async def run(self) -> None:
        """Until :meth:`stop`. A stage that crashes ends it with that error, in a group."""
        async with anyio.create_task_group() as hearing:
            hearing.start_soon(self._database.stay, self._hearing)
            async with anyio.create_task_group() as ingest:
                ingest.start_soon(self._pipeline.run)
                await self._stopped.wait()
                self._pipeline.stop()
                ingest.cancel_scope.deadline = anyio.current_time() + self._settings.server.drain_seconds
            hearing.cancel_scope.cancel()

    def stop(self) -> None:
        """Drain, and let :meth:`run` return."""
        self._stopped.set()


class FollowedElsewhere:
    """A VectorIndex in the place of one that other processes have, which follow the catalog by themselves."""

    size = 0

    async def add(self, ids: IdArray, vectors: FloatArray) -> None:
        """Nothing: whoever has the index learns of it from the catalog."""

    async def remove(self, ids: IdArray) -> int:
        """As :meth:`add`."""
        return 0

    async def search(
        self, vectors: FloatArray, k: int, *, max_id: int | None = None, among: IdArray | None = None
    ) -> list[Neighbors]:
        """Nobody asks a process without a server."""
        raise NotImplementedError("this process brings pictures in; those with an index answer")

    async def ids(self) -> IdArray:
        """None."""
        return np.empty(0, np.int64)


def _untold(_ids: Sequence[int]) -> None:
    """No gallery is open at this process."""


def _uncounted(_images: int) -> None:
    pass


def _undescribed(_image: Image) -> dict[str, Any]:
    return {}
