"""Which images pass a filter: their ids, from the catalog's facets.

A narrow filter is answered from the index of its narrowest part, a wide one by reading all facets, whose rows are
short. What was found is kept, and only what came in since is looked through again, because the pages of one answer ask
the same.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

import numpy as np

from artalike.records import IdArray
from artalike.storage.catalog import Connection, Database
from artalike.storage.facets import host_backwards, settle_all, words
from artalike.storage.lab import Lab, cells_near

NARROW: Final = 20
"""An index is used where it leaves one image in so many, or fewer. Measured at a million images with two cores: half of
them by a scan take 150 ms, 15 % 80 ms; by an index 2 % take 20 ms (a colour) or 6 ms (a host), 0.03 % 3 ms."""

KEPT_BYTES: Final = 32 << 20
"""Of ids kept from earlier filters, all together; the latest always is."""

KEPT_MOST: Final = 256

PARTS_MOST: Final = 32
"""Answers kept of one filter for those who page through an older state of the collection."""

SQUARE: Final = 20
"""A picture is square when its sides differ by less than one part in so many of the longer."""


class Orientation(StrEnum):
    """How a picture lies."""

    PORTRAIT = "portrait"
    LANDSCAPE = "landscape"
    SQUARE = "square"


@dataclass(frozen=True, slots=True)
class Criteria:
    """What an image must be; all of it, and nothing where it is all None.

    ``source`` is a seed's source, or the kind before its colon; ``host`` that of the image's address or one above it;
    ``creator`` and ``rights`` hold these words in this order. ``year_from`` to ``year_to`` overlap the years of the
    image's date, and an image without a date is in none. ``min_side`` is of the shorter side; pixels. ``color`` is
    CIELAB, and the image's own at most ``tolerance`` (ΔE*ab) away.
    """

    source: str | None = None
    host: str | None = None
    creator: str | None = None
    rights: str | None = None
    year_from: int | None = None
    year_to: int | None = None
    orientation: Orientation | None = None
    min_width: int | None = None
    min_side: int | None = None
    color: Lab | None = None
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class _Part:
    """A condition on a row of facets, for an SQL statement; ``column`` is the indexed one that it begins with."""

    sql: str
    values: tuple[Any, ...]
    column: str | None = None

    @property
    def unindexed(self) -> str:
        """The same, so that no index is used for it (https://sqlite.org/optoverview.html, unary +)."""
        return self.sql if self.column is None else self.sql.replace(self.column, f"+{self.column}", 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """The ids that pass up to ``up_to``, as long as facets have changed no oftener than ``changed`` times."""

    ids: IdArray
    up_to: int
    changed: int
    _parts: dict[int, IdArray] = field(default_factory=dict)

    def part(self, max_id: int) -> IdArray:
        """Those up to ``max_id``, in the same array for whoever asks for the same."""
        count = int(np.searchsorted(self.ids, max_id, side="right"))
        if count == len(self.ids):
            return self.ids
        if count not in self._parts:
            if len(self._parts) >= PARTS_MOST:
                del self._parts[next(iter(self._parts))]
            self._parts[count] = self.ids[:count]
        return self._parts[count]


class Filtering:
    """Answers filters from a catalog. One answer is worked out at a time: each takes a reader for a while."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[Criteria, _Kept] = OrderedDict()
        self._working = asyncio.Lock()

    async def ids(self, criteria: Criteria, *, max_id: int) -> IdArray:
        """Ascending ids, int64 (n,), up to ``max_id`` that pass. Not to be written to.

        Who asks for the same gets the same array, so that searches among equal ids are known and gathered.
        Images that have been removed do not pass. After an upgrade the first filter waits until all images are
        described. Raises StorageError.
        """
        async with self._working:
            await settle_all(self._database)
            async with self._database.read() as connection:
                kept = await self._bring_up(connection, criteria, max_id)
        return kept.part(max_id)

    async def count(self, criteria: Criteria, *, max_id: int) -> int:
        """How many pass. Raises StorageError."""
        return len(await self.ids(criteria, max_id=max_id))

    async def _bring_up(self, connection: Connection, criteria: Criteria, max_id: int) -> _Kept:
        [[changed, last]] = await connection.execute_fetchall(_STATE)
        kept = self._kept.pop(criteria, None)
        if kept is None or kept.changed != changed:
            kept = _Kept(np.empty(0, np.int64), 0, changed)
        up_to = min(max_id, last)  # nothing is known of ids that are still to come
        if kept.up_to < up_to:
            more = await _passing(connection, criteria, kept.up_to, up_to)
            if more.size:
                kept = _Kept(await asyncio.to_thread(_joined, kept.ids, more), up_to, changed)
            else:
                kept = replace(kept, up_to=up_to)
        self._kept[criteria] = kept
        while len(self._kept) > 1 and (len(self._kept) > KEPT_MOST or self._bytes() > KEPT_BYTES):
            self._kept.popitem(last=False)
        return kept

    def _bytes(self) -> int:
        return sum(kept.ids.nbytes for kept in self._kept.values())


async def _passing(connection: Connection, criteria: Criteria, after: int, up_to: int) -> IdArray:
    parts = [*await _text_parts(connection, criteria), *_number_parts(criteria)]
    narrowest = await _narrowest(connection, parts, (up_to - after) // NARROW)
    where = [part.sql if part is narrowest else part.unindexed for part in parts]
    key = "image_id" if narrowest is None else "+image_id"
    rows = await connection.execute_fetchall(
        # One text instead of a row for each id: half a million rows would take their time in Python.
        f"SELECT group_concat(image_id) FROM facets {'' if narrowest else 'NOT INDEXED '}"
        f"WHERE {' AND '.join([f'{key} > ? AND {key} <= ?', *where])}",
        (after, up_to, *(value for part in parts for value in part.values)),
    )
    return await asyncio.to_thread(numbers, next(iter(rows))[0])


async def _narrowest(connection: Connection, parts: Sequence[_Part], most: int) -> _Part | None:
    """The part that fewest images pass, by its index, when no more than ``most`` do."""
    best = None
    for part in parts:
        if part.column is not None and most > 0:
            rows = await connection.execute_fetchall(
                f"SELECT count(*) FROM (SELECT 1 FROM facets WHERE {part.sql} LIMIT ?) AS few", (*part.values, most + 1)
            )
            count = int(next(iter(rows))[0])
            if count <= most:
                best, most = part, count
    return best


def numbers(text: str | None) -> IdArray:
    """What ``group_concat`` has made of ids, ascending, int64 (n,)."""
    return np.sort(np.fromstring(text, dtype=np.int64, sep=",")) if text else np.empty(0, np.int64)


def _joined(ids: IdArray, more: IdArray) -> IdArray:
    joined: IdArray = np.concatenate([ids, more])
    joined.flags.writeable = False
    return joined


async def _text_parts(connection: Connection, criteria: Criteria) -> list[_Part]:
    """Conditions on texts, which are looked up among those that there are."""
    asked: list[tuple[str, str, tuple[Any, ...]]] = []
    if criteria.source is not None:
        kind = f"{criteria.source}:"
        asked.append(("source", "term = ? OR substr(term, 1, ?) = ?", (criteria.source, len(kind), kind)))
    if criteria.host is not None:
        host = host_backwards(criteria.host)
        asked.append(("host", "term >= ? AND term < ?", (host, f"{host[:-1]}/")))
    if criteria.creator is not None:
        asked.append(("creator", "instr(term, ?) > 0", (words(criteria.creator),)))
    if criteria.rights is not None:
        asked.append(("rights", "instr(term, ?) > 0", (words(criteria.rights),)))
    parts = []
    for facet, condition, values in asked:
        [[terms]] = await connection.execute_fetchall(
            f"SELECT json_group_array(id) FROM facet_terms WHERE facet = ? AND ({condition})", (facet, *values)
        )
        parts.append(_Part(f"{facet} IN (SELECT value FROM json_each(?))", (terms,), facet))
    return parts


def _number_parts(criteria: Criteria) -> Iterator[_Part]:
    if criteria.color is not None:
        cells = ",".join(map(str, cells_near(criteria.color, criteria.tolerance)))
        tenths = [round(10 * value) for value in criteria.color]
        squares = " + ".join(f"({name} - ?) * ({name} - ?)" for name in ("lightness", "a", "b"))
        yield _Part(
            f"color_cell IN ({cells}) AND {squares} <= CAST(? AS DOUBLE PRECISION)",
            (*(value for value in tenths for _ in range(2)), (10 * criteria.tolerance) ** 2),
            "color_cell",
        )
    if criteria.year_to is not None:
        yield _Part("year_from <= ?", (criteria.year_to,), "year_from")
    if criteria.year_from is not None:
        yield _Part("year_to >= ?", (criteria.year_from,))
    if criteria.min_width is not None:
        yield _Part("width >= ?", (criteria.min_width,))
    if criteria.min_side is not None:
        yield _Part("min(width, height) >= ?", (criteria.min_side,))
    if criteria.orientation is not None:
        yield _Part(_ORIENTATION[criteria.orientation], ())


_STATE: Final = "SELECT times, (SELECT coalesce(max(image_id), 0) FROM facets) FROM facets_changed"

_IS_SQUARE: Final = f"abs(width - height) * {SQUARE} < max(width, height)"
_ORIENTATION: Final = {
    Orientation.SQUARE: _IS_SQUARE,
    Orientation.PORTRAIT: f"height > width AND NOT {_IS_SQUARE}",
    Orientation.LANDSCAPE: f"width > height AND NOT {_IS_SQUARE}",
}
