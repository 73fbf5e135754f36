"""What is nearest to a vector, in two parts that together hold everything once, however large the index.

A trained index may miss some of what is nearest, and may miss others the next time. So what has been shown of the
nearest, the head, must be remembered, as a cursor does. The others follow in exact order: that is the same whenever
it is asked for, and begins with what the head had missed.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artalike.records import FloatArray, IdArray
from artalike.storage.ports import Neighbors, VectorIndex

HEAD: Final = 512
"""So many of the nearest are looked for at first; few people look further."""

DEPTH: Final = 100_000
"""A ranking ends here. Whoever wants everything pages through random pictures."""

DECIMALS: Final = 6  # of a score: about what float32 gives for a cosine

KEPT: Final = 8
"""Orders of the others that are kept for the pages to come: each has taken a look at all vectors, and 1.6 MB."""

_IN_A_THREAD: Final = 8192  # more take longer to sort than the event loop may stand still


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """Ids and rounded scores, best first, equals by their ids; ``complete`` when nothing comes behind."""

    ids: IdArray
    scores: NDArray[np.float64]
    complete: bool

    def behind(self, last_id: int, last_score: float) -> int:
        """How many stand before and with the image shown last."""
        place = np.flatnonzero(self.ids == last_id)
        if place.size:
            return int(place[0]) + 1
        score = round(last_score, DECIMALS)
        before = (self.scores > score) | ((self.scores == score) & (self.ids < last_id))
        return int(np.count_nonzero(before))

    def down_to(self, min_score: float | None) -> Order:
        """Without what is below."""
        if min_score is None:
            return self
        count = int(np.searchsorted(-self.scores, -min_score, side="right"))
        return Order(self.ids[:count], self.scores[:count], self.complete)


@dataclass(frozen=True, slots=True, eq=False)
class Range:
    """Which images are ranked: ids up to ``max_id``, in ``among`` where given, but for those that are ``left_out``.

    ``among`` is ascending, holds nothing above ``max_id``, and is the same array for equal filters.
    """

    max_id: int
    among: IdArray | None = None
    left_out: tuple[int, ...] = ()


class Orders:
    """Orders of the images in ``index`` around a vector, float32 (dimension,) of length 1."""

    def __init__(self, index: VectorIndex) -> None:
        self._index = index
        self._kept: OrderedDict[tuple[bytes, int, tuple[int, ...]], tuple[IdArray | None, Order]] = OrderedDict()

    async def nearest(self, vector: FloatArray, where: Range, *, depth: int = HEAD) -> Order:
        """About ``depth`` of the nearest, without what is left out; up to a thousand. A large index may miss some."""
        return await self._search(vector, where, depth)

    async def others(self, vector: FloatArray, where: Range) -> Order:
        """All, up to DEPTH, exactly."""
        key = (vector.tobytes(), where.max_id, where.left_out)
        among, order = self._kept.pop(key, (None, None))
        if order is None or among is not where.among:
            order = await self._search(vector, where, DEPTH + len(where.left_out))
        self._kept[key] = (where.among, order)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return order

    async def _search(self, vector: FloatArray, where: Range, depth: int) -> Order:
        # What passes is up to max_id already; and searches among the same array are gathered.
        upper = where.max_id if where.among is None else None
        [neighbors] = await self._index.search(vector[np.newaxis], depth, max_id=upper, among=where.among)
        if len(neighbors.ids) > _IN_A_THREAD:
            return await asyncio.to_thread(_sorted, neighbors, depth, where.left_out)
        return _sorted(neighbors, depth, where.left_out)


def _sorted(neighbors: Neighbors, depth: int, left_out: tuple[int, ...]) -> Order:
    """What is sure of an answer that was asked for ``depth`` neighbours."""
    scores = neighbors.scores.astype(np.float64).round(DECIMALS)
    complete = len(scores) < depth or depth >= DEPTH
    # The cut may go through images of equal score, in whatever order the index holds them.
    sure = np.ones(len(scores), dtype=bool) if complete else scores > scores.min()
    sure &= ~np.isin(neighbors.ids, left_out)
    ids, scores = neighbors.ids[sure], scores[sure]
    best_first = np.lexsort((ids, -scores))
    return Order(ids[best_first], scores[best_first], complete)
