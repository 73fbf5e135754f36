"""Nearest neighbours on a Milvus server: the port, over a collection of one model of one catalog.

Vectors lie there by the catalog's ids and as the catalog has them, in float32 of its float16, and are compared by inner
product: that is the cosine of vectors of length 1, and the same number as exact search over the catalog finds, so that
both stand in one order.

What Milvus cannot promise comes from the catalog's own vectors (:mod:`artalike.storage.exact_search`): long answers,
narrow choices, and whatever an answer is short of. No scalar fields stand beside the vectors: what a filter asks for
changes without the vectors (years, makers, colours are written later), and would be a second truth to be followed. A
wide choice is picked out of a longer answer, or named by its ids.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from math import ceil
from typing import Any, Final

import numpy as np
from anyio import to_thread

from artalike.config import Index
from artalike.errors import IndexUnavailable, UsageError
from artalike.records import FloatArray, IdArray
from artalike.storage.exact_search import exact_search
from artalike.storage.milvus_collection import SEAL_ROWS, Hits, MilvusCollection, collection_name, drop_others
from artalike.storage.milvus_connection import READY_SECONDS
from artalike.storage.milvus_effort import KINDS, MOST, QUERIES, Effort, measure
from artalike.storage.ports import APPROXIMATE_MOST, ImageCatalog, Neighbors
from artalike.storage.vectors import checked_ids, checked_vectors, distinct

__all__ = ["MilvusIndex", "collection_name", "drop_others"]

log = logging.getLogger(__name__)

ID_ROWS: Final = 16_384
"""Ids in one answer: Milvus gives no more (https://milvus.io/docs/limitations.md)."""

NARROW: Final = 10_000
"""Choices up to so many ids are searched in the catalog: reading them takes no longer than naming them to Milvus."""

DEEPEST: Final = 8192
"""A wide choice is picked out of an answer of up to so many; of a narrower one Milvus is told the ids."""

SPARE: Final = 1.25
LIST_IDS: Final = 50_000
"""Ids in one expression: Milvus parses some 100,000 in a second."""

TEND_SECONDS: Final = 10.0
"""Milvus seals a collection no more often (https://milvus.io/docs/configure_quota_limits.md)."""

MEASURE_SECONDS: Final = 600.0
CHANGED: Final = 0.1
"""The effort is measured again when the size differs by this share from the one that it was measured at."""

MEASURE_ROWS: Final = 4
"""Queries in one request of a measurement, so that visitors' go between."""


class MilvusIndex:
    """Implements :class:`artalike.storage.ports.VectorIndex` on ``collection``. Use :meth:`open`.

    Changes are made one at a time and are done when searches see them. All raise IndexUnavailable, with which
    nothing or a part of a change may have been made; it may be made again.
    """

    def __init__(self, collection: MilvusCollection, dimension: int, images: ImageCatalog, settings: Index) -> None:
        self._collection = collection
        self._dimension = dimension
        self._images = images
        self._settings = settings
        self._size = 0
        self._largest = -1
        self._changing = asyncio.Lock()
        self._growing = 0
        self._tended = -TEND_SECONDS
        self._measured = -MEASURE_SECONDS
        self._at_rest = False
        self._effort = Effort()

    @classmethod
    @asynccontextmanager
    async def open(cls, name: str, dimension: int, images: ImageCatalog, settings: Index) -> AsyncIterator[MilvusIndex]:
        """Raises as :meth:`MilvusCollection.open` does. ``images`` are what it follows."""
        async with MilvusCollection.open(name, dimension, settings) as collection:
            index = cls(collection, dimension, images, settings)
            await index._count()
            yield index

    async def prepare(self) -> None:
        """Return when the server has loaded the collection, and is asked how much that holds. Raises as above."""
        await self._collection.prepare()
        await self._count()

    @property
    def size(self) -> int:
        """How many vectors it held when that was last asked: after each change here, and now and then."""
        return self._size

    @property
    def stats(self) -> dict[str, Any]:
        """For people. The recalls are None until they have been measured."""
        return {
            "type": self._collection.kind,
            "recall": self._effort.recall,
            "recall_at_100": self._effort.recall_at_100,
            "effort": self._effort.factor,
        }

    async def add(self, ids: IdArray, vectors: FloatArray) -> None:
        """As the port says; done once a search finds them. Raises UsageError for anything else, and then adds none."""
        rows = checked_vectors(vectors, self._dimension).astype("<f2").astype(np.float32)
        ids = checked_ids(ids)
        if len(ids) != len(rows):
            raise UsageError(f"{len(ids)} ids for {len(rows)} vectors: expected one each")
        last = len(ids) - 1 - np.unique(ids[::-1], return_index=True)[1]
        async with self._changing:
            self._growing += len(last)
            await self._collection.upsert(ids[last], rows[last])
            self._largest = max(self._largest, int(ids.max(initial=-1)))
            await self._count()

    async def remove(self, ids: IdArray) -> int:
        """Remove those of ``ids`` that are there. How many were."""
        wanted = distinct(checked_ids(ids))
        if not len(wanted):
            return 0
        async with self._changing:
            before = self._size
            await self._collection.delete(wanted)
            await self._count()
            return max(0, before - self._size)

    async def search(
        self, vectors: FloatArray, k: int, *, max_id: int | None = None, among: IdArray | None = None
    ) -> list[Neighbors]:
        """As the port says. Nothing that the catalog has removed is in it, whatever the level of consistency.

        Raises StorageError, too.
        """
        queries = checked_vectors(vectors, self._dimension)
        if k < 1:
            raise UsageError(f"k = {k}: expected at least 1")
        if among is not None:
            among = await to_thread.run_sync(_up_to, checked_ids(among), max_id)
        if k > APPROXIMATE_MOST or (among is not None and len(among) <= NARROW):
            return await self._exact(queries, k, max_id, among)
        found = await self._approximate(queries, k, max_id, among)
        expected = min(k, self._size if among is None else len(among), self._size if max_id is None else max_id + 1)
        short = [row for row, answer in enumerate(found) if len(answer.ids) < expected]
        if short:
            completed = await self._exact(queries[short], k, max_id, among)
            for row, answer in zip(short, completed, strict=True):
                found[row] = answer
        return found

    async def ids(self) -> IdArray:
        """Ascending ids, int64."""
        there = await self._count()
        ranges = [(await self._largest_known() + 1, 2**63)]
        ranges += [(start, start + ID_ROWS) for start in range(0, ranges[0][0], ID_ROWS)]
        found = [np.empty(0, np.int64)]
        while ranges:
            start, stop = ranges.pop()
            where = f"id >= {start} and id <= {stop - 1}"
            if stop - start > ID_ROWS:
                # Beyond all ids of the catalog there is nothing, or what does not belong there.
                if await self._collection.count(where):
                    middle = (start + stop) // 2
                    ranges += [(start, middle), (middle, stop)]
                continue
            found.append(await self._collection.ids(where, ID_ROWS))
        everything = distinct(np.concatenate(found))
        if len(everything) != there:
            raise IndexUnavailable(
                f"{self._collection.name}: {len(everything)} ids of {there}; it is changing meanwhile"
            )
        return everything

    async def tend(self) -> None:
        """Whatever is due, to be asked for again and again: what was added is sealed, and the effort is measured."""
        now = time.monotonic()
        if now - self._tended < TEND_SECONDS:
            return
        self._tended = now
        try:
            # Others add as well.
            growing = max(self._growing, await self._count() - await self._collection.sealed())
            if growing >= SEAL_ROWS:
                await self.seal()
            # What has got its index is searched by it some seconds later.
            rested, self._at_rest = self._at_rest, growing < SEAL_ROWS and await self._collection.indexed()
            changed = abs(self._size - self._effort.size) > CHANGED * self._size
            if rested and self._at_rest and changed and now - self._measured >= MEASURE_SECONDS:
                await self.measure()
                self._measured = now
        except IndexUnavailable as error:
            log.info("%s; the index is tended later", error)  # it may have been asked too often

    async def seal(self) -> None:
        """Let Milvus make its indexes of what has been added."""
        growing, self._growing = self._growing, 0
        try:
            await self._collection.seal()
        except BaseException:
            self._growing += growing
            raise

    async def measure(self) -> None:
        """Choose how hard to search, by searching for neighbours of some of its vectors. Raises StorageError, too."""
        kind = KINDS[self._collection.kind]
        if self._size < SEAL_ROWS or not kind.factors:
            return
        largest = await self._largest_known()
        own = np.unique(np.random.default_rng(0).integers(1, largest + 1, 2 * QUERIES))
        ids, vectors = await self._images.vectors(own.tolist())
        ids, vectors = ids[:QUERIES], vectors[:QUERIES]

        async def search(queries: FloatArray, depth: int, factor: int) -> list[IdArray]:
            found: list[IdArray] = []
            for start in range(0, len(queries), MEASURE_ROWS):
                part = queries[start : start + MEASURE_ROWS]
                hits = await self._collection.search(part, depth, factor=factor, seconds=READY_SECONDS)
                found += [ids for ids, _ in hits]
            return found

        self._effort = await measure(search, ids, vectors, kind=kind, recall=self._settings.recall, size=self._size)

    async def drop(self) -> None:
        """Delete the collection; nothing may be asked of it any more."""
        await self._collection.drop()

    async def _count(self) -> int:
        self._size = await self._collection.count()
        return self._size

    async def _largest_known(self) -> int:
        return max(self._largest, (await self._images.totals()).max_id)

    async def _approximate(
        self, queries: FloatArray, k: int, max_id: int | None, among: IdArray | None
    ) -> list[Neighbors]:
        depth, choices, factor = k, [""], self._effort.factor
        if among is not None:
            depth = ceil(SPARE * k * max(1.0, self._size / len(among)))
            if depth > DEEPEST:
                depth, choices = k, [*_expressions(among)]
                factor = MOST  # what a list names may lie anywhere
        elif max_id is not None and max_id < await self._largest_known():
            choices = [f"id <= {max_id}"]
        parts = [await self._collection.search(queries, depth, factor=factor, where=choice) for choice in choices]
        return await to_thread.run_sync(partial(self._merged, parts, k, max_id, among))

    def _merged(
        self, parts: Sequence[list[Hits]], k: int, max_id: int | None, among: IdArray | None
    ) -> list[Neighbors]:
        return [self._neighbors(hits, k, max_id, among) for hits in zip(*parts, strict=True)]

    def _neighbors(self, hits: Sequence[Hits], k: int, max_id: int | None, among: IdArray | None) -> Neighbors:
        ids, scores = (np.concatenate(arrays) for arrays in zip(*hits, strict=True))
        kept = np.isin(ids, self._images.without_removed(ids.tolist()))
        if max_id is not None:
            kept &= ids <= max_id
        if among is not None:
            kept &= among[np.minimum(np.searchsorted(among, ids), len(among) - 1)] == ids
        # float16 rounds lengths, so the cosine of a vector with itself may come out above 1.
        ids, scores = ids[kept], np.clip(scores[kept], -1.0, 1.0)
        order = np.lexsort((ids, -scores))[:k]
        return Neighbors(ids[order], scores[order])

    async def _exact(self, queries: FloatArray, k: int, max_id: int | None, among: IdArray | None) -> list[Neighbors]:
        return await exact_search(self._images, queries, k, max_id=max_id, among=among, size=self._size)


def _up_to(among: IdArray, max_id: int | None) -> IdArray:
    if (among[1:] <= among[:-1]).any():
        raise UsageError("among: expected ascending ids, each once")
    return among if max_id is None else among[: np.searchsorted(among, max_id, side="right")]


def _expressions(among: IdArray) -> Sequence[str]:
    return [
        f"id in [{','.join(map(str, among[start : start + LIST_IDS].tolist()))}]"
        for start in range(0, len(among), LIST_IDS)
    ]
