"""Embeds what a model has not embedded yet, from the thumbnails, or from their homes where these are too small.

The largest thumbnail serves when its short side is at least what the model resizes to, or when it is as wide as the
picture itself. For the others the crawler's own hands fetch the picture again, as politely as ever, and what they bring
counts only if it is the same bytes. Where that fails, the thumbnail serves after all.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import anyio
import anyio.to_thread
from anyio.streams.memory import MemoryObjectReceiveStream

from artalike.config import Imaging
from artalike.embedding.batcher import Batcher
from artalike.errors import FailureKind, FetchError, ItemError, StorageError
from artalike.imaging.decode import decode
from artalike.pipeline.room import DiskRoom
from artalike.pipeline.stream import Stream
from artalike.records import IMAGE_KIND, Artwork, Download, FloatArray, PixelArray, Preprocess, Task
from artalike.storage import models
from artalike.storage.catalog import Database
from artalike.storage.found import host_of
from artalike.storage.models import Unembedded
from artalike.storage.ports import Thumbnails

log = logging.getLogger(__name__)

READ: Final = 256
COMMIT: Final = 64
COMMIT_SECONDS: Final = 0.5
FETCHES: Final = 8
FAILED_MOST: Final = 1000
"""Pictures that cannot be had, before the rest is not tried any more."""

Fetch = Callable[[Task], Awaitable[Download]]


@dataclass(frozen=True, slots=True)
class Rooms:
    """The open services that this works on. ``batcher`` and ``preprocess`` are the model's, ``model`` its number."""

    database: Database
    model: int
    batcher: Batcher
    preprocess: Preprocess
    thumbnails: Thumbnails
    fetch: Fetch
    imaging: Imaging
    batch_size: int
    disk: DiskRoom


class Backlog:
    """Images without a vector of one model. ``on_stored`` is told how many have one more, after each commit.

    ``failed`` says why, of those that could not be embedded, by id; ``small`` counts those embedded from less than the
    model takes.
    """

    def __init__(self, rooms: Rooms, on_stored: Callable[[int], None]) -> None:
        self._rooms = rooms
        self._on_stored = on_stored
        self._threads = anyio.CapacityLimiter(rooms.imaging.threads)
        # A thumbnail is small because its picture is: nothing here is too small.
        self._imaging = rooms.imaging.model_copy(update={"thumbnail_widths": (), "min_side": 1})
        self.failed: dict[int, str] = {}
        self.small = 0

    async def work(self, *, fetching: bool = True) -> None:
        """Embed what there is, until nothing is left but what has failed.

        Without ``fetching`` a thumbnail serves however small it is. Raises StorageError, and what the batcher does.
        """
        while await self._pass(fetching):
            pass

    async def left(self, most: int) -> int:
        """How many have no vector and may get one; counted up to ``most``."""
        rows = await models.unembedded(self._rooms.database, self._rooms.model, limit=most + len(self.failed))
        return sum(row.id not in self.failed for row in rows)

    async def _pass(self, fetching: bool) -> bool:  # named where it is public
        """Once through the ids. Whether there was anything to do."""
        unfit: list[Unembedded] = []
        seen = await self._through(partial(self._from_thumbnail, unfit), 3 * self._rooms.batch_size, self._rows)
        if unfit:

            async def again(send: Callable[[Unembedded], Awaitable[None]]) -> int:
                for row in unfit:
                    await send(row)
                return len(unfit)

            await self._through(self._from_home if fetching else self._from_less, FETCHES, again)
        return bool(seen)

    async def _rows(self, send: Callable[[Unembedded], Awaitable[None]]) -> int:
        after = seen = 0
        while len(self.failed) < FAILED_MOST:
            rows = await models.unembedded(self._rooms.database, self._rooms.model, after=after, limit=READ)
            if not rows:
                break
            after = rows[-1].id
            for row in rows:
                if row.id not in self.failed:
                    await send(row)
                    seen += 1
        return seen

    async def _through(
        self,
        embed: Callable[[Unembedded], Awaitable[FloatArray | None]],
        workers: int,
        read: Callable[[Callable[[Unembedded], Awaitable[None]]], Awaitable[int]],
    ) -> int:
        """Embed what is read, so many at a time, and commit it. How many were read."""
        rows, made = Stream[Unembedded](2 * workers), Stream[tuple[int, FloatArray]](COMMIT)
        seen = 0

        async def work_on(source: MemoryObjectReceiveStream[Unembedded]) -> None:
            async for row in source:
                vector = await embed(row)
                if vector is not None:
                    await made.send((row.id, vector))

        async def feed(source: MemoryObjectReceiveStream[Unembedded]) -> None:
            nonlocal seen
            async with anyio.create_task_group() as group:
                for _ in range(workers):
                    group.start_soon(work_on, source)
                seen = await read(rows.send)
                await rows.end()
            await made.end()

        async with rows as source, made as vectors, anyio.create_task_group() as group:
            group.start_soon(feed, source)
            group.start_soon(self._store, vectors)
        return seen

    async def _store(self, source: MemoryObjectReceiveStream[tuple[int, FloatArray]]) -> None:
        rooms = self._rooms
        at_end = False
        while not at_end:
            batch: list[tuple[int, FloatArray]] = []
            try:
                batch.append(await source.receive())
                with anyio.move_on_after(COMMIT_SECONDS):
                    while len(batch) < COMMIT:
                        batch.append(await source.receive())
            except anyio.EndOfStream:
                at_end = True
            if batch:
                store = partial(models.store_vectors, rooms.database, rooms.model, batch)
                self._on_stored(await rooms.disk.keep_trying(store))

    async def _from_thumbnail(self, unfit: list[Unembedded], row: Unembedded) -> FloatArray | None:
        pixels = await self._thumbnail(row, fit=True)
        if pixels is None:
            unfit.append(row)
            return None
        return await self._embedded(row, pixels)

    async def _from_home(self, row: Unembedded) -> FloatArray | None:
        try:
            pixels = await self._fetched(row)
        except ItemError as error:
            return await self._from_less(row, str(error))
        return await self._embedded(row, pixels)

    async def _from_less(self, row: Unembedded, why: str = "it is not fetched") -> FloatArray | None:
        pixels = await self._thumbnail(row, fit=False)
        if pixels is None:
            self.failed[row.id] = f"it has no thumbnail, and {why}"
            return None
        log.debug("image %d: %s; its thumbnail is embedded, which is small", row.id, why)
        self.small += 1
        return await self._embedded(row, pixels)

    async def _embedded(self, row: Unembedded, pixels: PixelArray) -> FloatArray | None:
        try:
            return await self._rooms.batcher.embed(pixels)
        except ItemError as error:
            self.failed[row.id] = str(error)
            return None

    async def _thumbnail(self, row: Unembedded, *, fit: bool) -> PixelArray | None:
        """Pixels for the model, from a thumbnail; None where there is none, or none that is ``fit``."""
        # Of several the largest serves: one of just the model's own size gave photographs a mean cosine of 0.97 to the
        # vectors of the pictures themselves, one of 1.35 times that 0.9985.
        try:
            data = await self._rooms.disk.keep_trying(partial(self._rooms.thumbnails.largest, row.sha256))
            if data is None:
                return None
            made = await anyio.to_thread.run_sync(self._decoded, data, limiter=self._threads)
        except (ItemError, StorageError) as error:
            log.debug("image %d: its thumbnail cannot be read: %s", row.id, error)
            return None
        whole = made.width >= row.width
        enough = min(made.width, made.height) >= self._rooms.preprocess.resize
        return made.model_input if whole or enough or not fit else None

    def _decoded(self, data: bytes) -> Artwork:
        return decode(data, self._rooms.preprocess, self._imaging)

    async def _fetched(self, row: Unembedded) -> PixelArray:
        task = Task(id=0, seed_id=0, seed_source="", kind=IMAGE_KIND, url=row.url, host=host_of(row.url))
        download = await self._rooms.fetch(task)
        return await anyio.to_thread.run_sync(self._same, download.data, row, limiter=self._threads)

    def _same(self, data: bytes, row: Unembedded) -> PixelArray:
        if hashlib.sha256(data).digest() != row.sha256:
            raise FetchError(FailureKind.NOT_FOUND, f"{row.url[:200]}: other bytes lie there now")
        return decode(data, self._rooms.preprocess, self._imaging).model_input


def told(failed: dict[int, str], most: int = 3) -> str:
    """What has failed, for a person: the first few."""
    ids: Sequence[int] = sorted(failed)
    lines = [f"image {number}: {failed[number]}" for number in ids[:most]]
    more = f"; and {len(ids) - most} more" if len(ids) > most else ""
    return "; ".join(lines) + more
