"""Exact search over the catalog's own vectors, a batch at a time: for what an index cannot promise to find.

It needs no index and holds no more than one batch and the best so far. Time goes with how many vectors are looked at:
about half a second for 100,000 of 1280 numbers, most of it reading.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Final, Protocol

import numpy as np
from anyio import to_thread

from artalike.records import FloatArray, IdArray
from artalike.storage.ports import Neighbors

BATCH: Final = 1024


class Vectors(Protocol):
    """The part of :class:`~artalike.storage.ports.ImageCatalog` that is searched."""

    async def vectors(self, ids: list[int]) -> tuple[IdArray, FloatArray]: ...

    def all_vectors(self, *, after: int = 0, batch: int = 4096) -> AsyncIterator[tuple[IdArray, FloatArray]]: ...


async def exact_search(
    images: Vectors, queries: FloatArray, k: int, *, max_id: int | None, among: IdArray | None, size: int
) -> list[Neighbors]:
    """As :meth:`~artalike.storage.ports.VectorIndex.search` does for a row each of ``queries``, and misses none.

    Equal scores stand by their ids. Of the ``size`` vectors those of a wide choice are picked from a scan of all.
    Raises StorageError.
    """
    best = [_Best(k) for _ in queries]
    async for ids, vectors in _chosen(images, max_id, among, size):
        await to_thread.run_sync(partial(_take, best, queries, ids, vectors))
    return [one.neighbors() for one in best]


async def _chosen(
    images: Vectors, max_id: int | None, among: IdArray | None, size: int
) -> AsyncIterator[tuple[IdArray, FloatArray]]:
    if among is not None and 2 * len(among) < size:
        for start in range(0, len(among), BATCH):
            yield await images.vectors(among[start : start + BATCH].tolist())
        return
    if among is not None and not len(among):
        return
    last = max_id if among is None else int(among[-1])
    after = -1 if among is None else int(among[0]) - 1
    async for ids, vectors in images.all_vectors(after=after, batch=BATCH):
        wanted = np.ones(len(ids), dtype=bool) if last is None else ids <= last
        if among is not None:
            wanted &= np.isin(ids, among)
        yield ids[wanted], vectors[wanted]
        if last is not None and ids[-1] >= last:
            return


class _Best:
    """The best ``k`` of all that it was given."""

    def __init__(self, k: int) -> None:
        self._k = k
        self._ids = [np.empty(0, np.int64)]
        self._scores = [np.empty(0, np.float32)]
        self._held = 0

    def take(self, ids: IdArray, scores: FloatArray) -> None:
        self._ids.append(ids)
        self._scores.append(scores)
        self._held += len(ids)
        if self._held >= 2 * self._k + BATCH:
            self._cut()

    def neighbors(self) -> Neighbors:
        self._cut()
        return Neighbors(self._ids[0], self._scores[0])

    def _cut(self) -> None:
        ids, scores = np.concatenate(self._ids), np.concatenate(self._scores)
        order = np.lexsort((ids, -scores))[: self._k]
        self._ids, self._scores, self._held = [ids[order]], [scores[order]], len(order)


def _take(best: list[_Best], queries: FloatArray, ids: IdArray, vectors: FloatArray) -> None:
    # float16 rounds lengths, so the cosine of a vector with itself may come out above 1.
    scores = np.clip(queries @ vectors.T, -1.0, 1.0)
    for one, row in zip(best, scores, strict=True):
        one.take(ids, row)
