"""Random pictures, page after page: no repeats, nothing left out, no state on the server.

An order is a shuffle of the oldest ids, with younger ones behind it as they came. A seed names an order:

* A caller's seed, 0 or more, shuffles all ids there are. With a cursor, which remembers how many those were,
  pages stay exact while the collection grows; with an offset they are exact for a collection at rest.
* The server's own seeds are negative and also say how many ids they shuffle: those that were there when the
  hour began, doubled as long as the collection is twice that. So within an hour growth changes no rank (new
  ids go to the end) until the collection has doubled, and at rest the order is over everything. The
  alternative, one shuffle of the next power of two, mixes new ids in at once, but each then moves all that
  stand behind it: paging by offset through a collection that grows fast would show the same page again and again.

Ranks count images that exist. The rank of a position needs only the removed ids, not the images.

A filter leaves gaps in an order and moves nothing: its images stand as they do among all. Few of them are looked up
in the order by their ids, many are met by walking along it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from pydantic import Field

from artalike.errors import QueryError
from artalike.records import IdArray, Image
from artalike.search import cursors
from artalike.search.filters import ANYTHING, Filters, inside
from artalike.search.shuffle import Shuffle
from artalike.storage.ports import ImageCatalog

SEED_LIMIT: Final = 2**53  # JSON numbers are exact up to here
_KEY_BITS: Final = 20
_OWN_SHUFFLED_LIMIT: Final = 2**33 - 1
_HOUR: Final = 3600
_STEP: Final = 16_384  # positions looked at in one go
_SPARE: Final = 8  # more positions than the share of existing ids asks for: one query is then mostly enough
_SPARSE: Final = 0.5  # below this share of existing ids the removed ones are left out before asking the catalog
_FOREIGN: Final = 65_536  # ids may end before a cursor's last one by removals, but not by more than a few
_NEARBY: Final = 64
_IN_A_THREAD: Final = 20_000  # ids whose positions take longer than a few milliseconds to compute
_FEW: Final = 20_000  # ids that pass a filter and are all looked up in the order; more are met by walking along it


class RandomCursor(cursors.Cursor):
    """``at`` is the next position in the order that ``seed`` names over the ids 1 to ``last``."""

    v: Annotated[int, Field(ge=1, le=1)]
    seed: Annotated[int, Field(ge=-SEED_LIMIT, le=SEED_LIMIT)]
    last: Annotated[int, Field(ge=0, lt=2**62)]
    at: Annotated[int, Field(ge=0, lt=2**62)]
    filters: Filters = ANYTHING


@dataclass(frozen=True, slots=True)
class RandomPage:
    """``cursor`` is None at the end.

    ``total`` is how many images there are now; with filters, how many of those that were there at the start pass.
    """

    images: list[Image]
    cursor: str | None
    total: int
    seed: int


class Order:
    """The ids 1 to ``last`` in the order of ``seed``, by position 0 to ``last`` - 1."""

    def __init__(self, seed: int, last: int) -> None:
        self.seed, self.last = seed, last
        shuffled, key = divmod(-seed - 1, 1 << _KEY_BITS) if seed < 0 else (last, seed)
        self._shuffle = Shuffle(key, min(shuffled, last))

    def ids(self, positions: IdArray) -> IdArray:
        ids = positions + 1
        inside = positions < self._shuffle.size
        ids[inside] = self._shuffle[positions[inside]] + 1
        return ids

    def positions(self, ids: IdArray) -> IdArray:
        positions = ids - 1
        inside = positions < self._shuffle.size
        positions[inside] = self._shuffle.positions(positions[inside])
        return positions

    def position_of_rank(self, rank: int, missing: IdArray) -> int:
        """The position of the image that ``rank`` existing ones stand before; ``missing`` are removed ids."""
        gaps = np.sort(self.positions(missing[missing <= self.last]))
        before = np.searchsorted(gaps - np.arange(gaps.size), rank, side="right")
        return min(rank + int(before), self.last)

    def position_among(self, rank: int, passing: IdArray) -> int:
        """The position of the image of ``passing`` that ``rank`` others of it stand before; ``last`` without one."""
        standing = np.sort(self.positions(passing))
        return int(standing[rank]) if rank < standing.size else self.last

    def next_among(self, at: int, count: int, passing: IdArray) -> tuple[IdArray, int]:
        """The first ``count`` positions from ``at`` on of ``passing``, and the next one behind them, or ``last``."""
        if passing.size <= _FEW:
            standing = np.sort(self.positions(passing))
            standing = standing[np.searchsorted(standing, at) :]
        else:
            step = math.ceil((count + 1) * self.last / passing.size) + _SPARE
            standing = np.empty(0, np.int64)
            while standing.size <= count and at < self.last:
                walked = np.arange(at, min(at + step, self.last), dtype=np.int64)
                standing = np.concatenate([standing, walked[inside(self.ids(walked), passing)]])
                at += step
        return standing[:count], int(standing[count]) if standing.size > count else self.last


def own_seed(hour: int, at_hour_start: int, last: int) -> int:
    """The server's own seed for an hour, given how many ids there were at its start and are now."""
    start = max(1, at_hour_start)
    doublings = max(0, (last // start).bit_length() - 1)
    shuffled = min(start << doublings, _OWN_SHUFFLED_LIMIT)
    return -((shuffled << _KEY_BITS) + hour % (1 << _KEY_BITS)) - 1


class RandomPages:
    """Pages of the catalog's images in a random order."""

    def __init__(self, images: ImageCatalog, *, now: Callable[[], float] = time.time) -> None:
        self._images = images
        self._now = now
        self._hour_start: tuple[int, int] | None = None  # of the latest hour asked for; found again when lost

    async def page(
        self, *, limit: int, offset: int = 0, seed: int | None = None, filters: Filters = ANYTHING
    ) -> RandomPage:
        """``offset`` images into the order of ``seed``, or of the server's own seed, of those that pass."""
        totals = await self._images.totals()
        if seed is None:
            seed = await self._own_seed(totals.max_id)
        order = Order(seed, totals.max_id)
        if not filters.anything:
            return await self._passing_page(order, 0, limit, filters, offset)
        at = await self._position(order, offset) if offset else 0
        return await self._page(order, at, limit, totals.images, totals.max_id)

    async def go_on(self, cursor: str, *, limit: int) -> RandomPage:
        """The page that follows. Raises QueryError for a cursor that is not of this collection."""
        place, _ = cursors.decode(cursor, RandomCursor, salt="random")
        totals = await self._images.totals()
        if place.last > totals.max_id + _FOREIGN:
            raise QueryError("cursor: expected one from this collection; it names more images than ever were here")
        order = Order(place.seed, place.last)
        if not place.filters.anything:
            return await self._passing_page(order, place.at, limit, place.filters)
        return await self._page(order, place.at, limit, totals.images, totals.max_id)

    async def _passing_page(self, order: Order, at: int, limit: int, filters: Filters, offset: int = 0) -> RandomPage:
        passing = await self._images.passing(filters.criteria(), max_id=order.last)
        if offset:
            at = await asyncio.to_thread(order.position_among, offset, passing)
        images: list[Image] = []
        while len(images) < limit and at < order.last:
            found, at = await asyncio.to_thread(order.next_among, at, limit - len(images), passing)
            images += await self._images.images(order.ids(found).tolist())
        return RandomPage(images, self._cursor(order, at, filters), passing.size, order.seed)

    async def _page(self, order: Order, at: int, limit: int, total: int, max_id: int) -> RandomPage:
        share = total / max_id if total else 1.0
        missing = await self._images.missing_ids() if share < _SPARSE else None
        images: list[Image] = []
        while len(images) < limit and at < order.last:
            wanted = limit - len(images)
            step = wanted if share >= 1 else min(_STEP, math.ceil(wanted / share) + _SPARE)
            positions = np.arange(at, min(at + step, order.last), dtype=np.int64)
            ids = order.ids(positions)
            exist = ids <= max_id if missing is None else (ids <= max_id) & ~np.isin(ids, missing)
            found = (await self._images.images(ids[exist].tolist()))[:wanted]
            images += found
            at = int(positions[ids == found[-1].id][0] if len(found) == wanted else positions[-1]) + 1
        return RandomPage(images, self._cursor(order, at), total, order.seed)

    def _cursor(self, order: Order, at: int, filters: Filters = ANYTHING) -> str | None:
        place = RandomCursor(v=1, seed=order.seed, last=order.last, at=at, filters=filters)
        return cursors.encode(place, salt="random") if at < order.last else None

    async def _position(self, order: Order, offset: int) -> int:
        missing = await self._images.missing_ids()
        if missing.size > _IN_A_THREAD:
            return await asyncio.to_thread(order.position_of_rank, offset, missing)
        return order.position_of_rank(offset, missing)

    async def _own_seed(self, max_id: int) -> int:
        hour = int(self._now()) // _HOUR
        if self._hour_start is None or self._hour_start[0] != hour:
            self._hour_start = (hour, await self._older_than(hour * _HOUR, max_id))
        return own_seed(hour, self._hour_start[1], max_id)

    async def _older_than(self, moment: float, max_id: int) -> int:
        """The largest id from before ``moment``, by bisection: ids are given in the order of time."""
        low, high = 0, max_id
        while low < high:
            middle = (low + high + 1) // 2
            nearby = await self._images.images(range(middle, max(low, middle - _NEARBY), -1))
            if nearby and nearby[0].added_at >= moment:
                high = middle - 1
            else:
                low = middle
        return low
