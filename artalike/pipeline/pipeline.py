"""The stages of ingest, under one task group, with bounded streams between them.

One bad picture becomes a :class:`~artalike.records.Failure` and nothing else; an error of the catalog, the disk or
our own in a stage ends the whole pipeline, and with it the process.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, TypeVar

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from artalike.config import Imaging, Settings
from artalike.crawl.backoff import backoff
from artalike.crawl.fetcher import Fetcher
from artalike.embedding.batcher import Batcher
from artalike.errors import ArtalikeError, FailureKind, ItemError, NotModified
from artalike.events import EventBus
from artalike.imaging.decode import decode
from artalike.metrics import STAGES, Metrics
from artalike.pipeline.committer import Committer
from artalike.pipeline.expansion import Expander
from artalike.pipeline.hosts import active_hosts
from artalike.pipeline.room import DiskRoom
from artalike.pipeline.scheduler import Scheduler
from artalike.pipeline.stream import ByteGate, Stream
from artalike.pipeline.stretch import Stretch
from artalike.priority import DECODING, step_back
from artalike.records import IMAGE_KIND, Download, Embedding, Failure, Image, Picture, Preprocess, Task
from artalike.storage.followers import Followers
from artalike.storage.ports import Frontier, ImageCatalog, Spool, Thumbnails
from artalike.storage.removal import Removal
from artalike.visitors import Visitors

log = logging.getLogger(__name__)

DECODED: Final = 64
"""Decoded pictures that may wait for the network; each is a quarter of a megabyte with its thumbnails."""

SETTLED: Final = 256

PATIENCE: Final = 5
"""How many times the tries a host gets that asks us to come later: it is well, and has said when."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """The open services that ingest runs through."""

    settings: Settings
    images: ImageCatalog
    frontier: Frontier
    followers: Followers
    removal: Removal
    thumbnails: Thumbnails
    fetcher: Fetcher
    batcher: Batcher
    preprocess: Preprocess
    events: EventBus
    metrics: Metrics
    describe: Callable[[Image], dict[str, Any]]
    spool: Spool
    withdraw: Callable[[int, Sequence[str]], Awaitable[Any]]
    visitors: Visitors = field(default_factory=Visitors)


class Pipeline:
    """Ingest, from the frontier to the gallery. :meth:`run` it once, in one task; :meth:`stop` it from anywhere."""

    def __init__(self, rooms: Rooms) -> None:
        settings = rooms.settings
        self._rooms = rooms
        self._settings = settings
        self._gate = ByteGate(settings.download.buffer_bytes)
        # Threads of their own, because they stand behind those that work for visitors.
        self._decoders = ThreadPoolExecutor(
            settings.imaging.threads, thread_name_prefix="decode", initializer=step_back, initargs=(DECODING,)
        )
        self.disk = DiskRoom()
        self._scheduler = Scheduler(rooms.frontier, rooms.fetcher.slots, settings, self.disk, self._work)
        self._expand = Expander(
            frontier=rooms.frontier,
            reach=rooms.fetcher,
            disk=self.disk,
            scheduler=self._scheduler,
            withdraw=rooms.withdraw,
        )
        self._fetching = anyio.CancelScope()
        self._encoding = Stretch()
        self._committer = Committer(
            images=rooms.images,
            frontier=rooms.frontier,
            followers=rooms.followers,
            removal=rooms.removal,
            events=rooms.events,
            metrics=rooms.metrics,
            settings=settings,
            room=self.disk,
            describe=rooms.describe,
            spool=rooms.spool,
            settled=self._encoding.leave,
        )
        self._downloads = Stream[Download](settings.download.workers)
        self._pictures = Stream[Picture](DECODED)
        self._settled = Stream[Embedding | Failure](SETTLED)

    def wake(self) -> None:
        """There is something new in the frontier."""
        self._scheduler.wake()

    @asynccontextmanager
    async def nothing_encoded(self) -> AsyncIterator[None]:
        """While the block runs, no picture is between its decoding and its commit; fetching goes on while it can."""
        async with self._encoding.empty():
            yield

    def encode_by(self, batcher: Batcher, preprocess: Preprocess, images: ImageCatalog) -> None:
        """Embed by another model from now on; to be called while :meth:`nothing_encoded`."""
        self._rooms = replace(self._rooms, batcher=batcher, preprocess=preprocess, images=images)
        self._committer.images = images

    def stop(self) -> None:
        """Lease nothing more. What is fetched runs to its end, slow fetches are given up, then :meth:`run` returns."""
        self._scheduler.stop()
        self._fetching.deadline = anyio.current_time() + self._settings.server.drain_seconds / 4

    async def run(self) -> None:
        """Ingest until stopped. Cancelled, it leaves what was under way leased, for the next start to take up."""
        # As many as are being embedded, as many again that wait for their turn, and a batch that is being gathered.
        embedders = (2 * self._settings.embedding.cores + 1) * self._settings.embedding.batch
        threads = self._settings.imaging.threads
        async with (
            self._settled as settled,
            self._pictures as pictures,
            self._downloads as downloads,
            anyio.create_task_group() as stages,
        ):
            # Each stage ends its successor's stream, so the end runs down the pipe behind the last picture.
            stages.start_soon(self._crawl)
            stages.start_soon(self._stage, downloads, self._decode, threads, self._pictures)
            stages.start_soon(self._stage, pictures, self._embed, embedders, self._settled)
            stages.start_soon(self._committer.run, settled)
        self._decoders.shutdown(wait=False)

    def statistics(self) -> dict[str, dict[str, float]]:
        """For each stage: items being worked on, items waiting for it, items a second, and how full the room is in
        which they wait, 0 to 1: a stage whose room is full holds up those before it.
        """
        metrics = self._rooms.metrics
        queued = {
            "fetch": self._scheduler.waiting,
            "decode": self._downloads.waiting,
            "embed": self._pictures.waiting,
            "commit": self._settled.waiting,
        }
        full = {
            "decode": max(self._downloads.full, self._gate.full),
            "embed": self._pictures.full,
            "commit": self._settled.full,
        }
        for stage, count in queued.items():
            metrics.queued.labels(stage).set(count)
        return {
            stage: {
                "active": metrics.stage_active[stage],
                "queued": queued.get(stage, 0),
                "rate": round(metrics.stage_rates[stage].value(), 2),
                "full": round(full.get(stage, 0.0), 2),
            }
            for stage in STAGES
        }

    async def hosts(self, limit: int) -> list[dict[str, Any]]:
        """The hosts that are asked, as :func:`~artalike.pipeline.hosts.active_hosts` has them."""
        rooms = self._rooms
        return await active_hosts(rooms.fetcher.slots, rooms.frontier, self._scheduler.waiting_at, limit)

    async def _crawl(self) -> None:
        with self._fetching:
            await self._scheduler.run()
        await self._downloads.end()

    async def _stage(
        self,
        source: MemoryObjectReceiveStream[T],
        work: Callable[[T], Awaitable[None]],
        workers: int,
        after: Stream[Any],
    ) -> None:
        async def each() -> None:
            async for item in source:
                await work(item)

        async with anyio.create_task_group() as group:
            for _ in range(workers):
                group.start_soon(each)
        await after.end()

    async def _work(self, task: Task) -> None:
        async with self._one_item(task):
            if task.kind == IMAGE_KIND:
                await self._fetch(task)
            else:
                with self._rooms.metrics.stage("expand"):
                    await self._expand(task)

    async def _fetch(self, task: Task) -> None:
        await self._gate.wait()
        spool = self._rooms.spool
        with self._rooms.metrics.stage("fetch"):
            download = await spool.find(task)
            if download is None:
                try:
                    download = await self._rooms.fetcher.image(task)
                except NotModified:
                    await self.disk.keep_trying(partial(self._rooms.frontier.unchanged, task))
                    return
                if task.host:
                    await spool.keep(download)
        self._gate.take(len(download.data))
        await self._downloads.send(download)

    async def _decode(self, download: Download) -> None:
        try:
            # Here alone: what comes before is held up by it, what comes behind gets nothing to do.
            await self._rooms.visitors.let_pass()
            await self._encoding.enter(download.task.id)
            async with self._one_item(download.task):
                with self._rooms.metrics.stage("decode"):
                    picture = await asyncio.get_running_loop().run_in_executor(
                        self._decoders, _decode_download, download, self._rooms.preprocess, self._settings.imaging
                    )
                # The commit asks again; here it saves the work, and keeps thumbnails off the disk.
                refused = self._rooms.removal.blocks.refuses_bytes(picture.sha256, picture.artwork.phash)
                if refused is not None:
                    raise ItemError(FailureKind.BLOCKED, refused)
                await self._pictures.send(picture)
        finally:
            self._gate.give(len(download.data))

    async def _embed(self, picture: Picture) -> None:
        async with self._one_item(picture.task):
            with self._rooms.metrics.stage("embed"):
                vector = await self._rooms.batcher.embed(picture.artwork.model_input)
            with self._rooms.metrics.stage("thumbnails"):
                write = self._rooms.thumbnails.write
                await self.disk.keep_trying(partial(write, picture.sha256, picture.artwork.thumbnails))
            await self._settled.send(Embedding(picture, vector))

    @asynccontextmanager
    async def _one_item(self, task: Task) -> AsyncIterator[None]:
        try:
            yield
        except ItemError as error:
            await self._fail(task, error)
        except ArtalikeError:
            raise
        except Exception as error:
            log.exception("%s: an error of our own", task.url)
            detail = f"{type(error).__name__}: {error}"
            await self._fail(task, ItemError(FailureKind.INTERNAL, detail))

    async def _fail(self, task: Task, error: ItemError) -> None:
        tries = self._settings.crawl.attempts * (PATIENCE if error.kind is FailureKind.RATE_LIMITED else 1)
        again = error.retryable and task.attempts + 1 < tries
        wait = backoff(task.attempts + 1, self._settings, error.retry_after) if again else None
        self._rooms.metrics.failures.labels(error.kind, "no" if again else "yes").inc()
        log.debug("%s: %s%s", task.url, error, f"; again in {wait:.0f} s" if wait is not None else "")
        retry_at = time.time() + wait if wait is not None else None
        await self._settled.send(Failure(task, error.kind, str(error), retry_at))


def _decode_download(download: Download, preprocess: Preprocess, settings: Imaging) -> Picture:
    return Picture(
        task=download.task,
        final_url=download.final_url,
        sha256=hashlib.sha256(download.data).digest(),
        byte_count=len(download.data),
        artwork=decode(download.data, preprocess, settings),
        validators=download.validators,
    )
