"""The values that filters can be given, with how many images have each: for a gallery that offers them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from artalike.storage.catalog import Connection, Database
from artalike.storage.facets import host_forwards

VALUES_MOST: Final = 200
"""Of each kind, those that most images have."""

VALUE_LENGTH: Final = 200
"""Of words; of longer ones the first are enough to filter by."""
SOURCE_BYTES: Final = 1500

KEPT_TIMES: Final = 100
"""Counting reads an index of all images, a quarter of a second at a million. What was counted is kept for so many times
the time that it took: at most one part in a hundred of a reader is spent on it."""


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value, fit for a filter, and how many images have it; a filter by it may pass more."""

    value: str
    images: int


@dataclass(frozen=True, slots=True)
class FacetValues:
    """What most images have, most first. ``years`` are the first and the last of any image's date."""

    sources: tuple[FacetValue, ...]
    hosts: tuple[FacetValue, ...]
    creators: tuple[FacetValue, ...]
    rights: tuple[FacetValue, ...]
    years: tuple[int, int] | None


class FacetCounts:
    """Counts the values of a catalog now and then. One count is under way at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counting = asyncio.Lock()
        self._kept: FacetValues | None = None
        self._until = 0.0

    async def values(self) -> FacetValues:
        """As of a moment ago. Raises StorageError."""
        async with self._counting:
            started = time.monotonic()
            if self._kept is None or started >= self._until:
                async with self._database.read() as connection:
                    self._kept = await _counted(connection)
                ended = time.monotonic()
                self._until = ended + KEPT_TIMES * (ended - started)
            return self._kept


async def _counted(connection: Connection) -> FacetValues:
    sources = [
        (term, count) for term, count, _ in await _most(connection, "source") if len(term.encode()) <= SOURCE_BYTES
    ]
    hosts = [(host_forwards(term), count) for term, count, _ in await _most(connection, "host")]
    # Words are compared without case and accents, and shown as the youngest image has them.
    creators = [(_first_words(text), count) for _, count, text in await _most(connection, "creator")]
    rights = [(_first_words(text), count) for _, count, text in await _most(connection, "rights")]
    [[first]] = await connection.execute_fetchall("SELECT min(year_from) FROM facets WHERE year_from IS NOT NULL")
    [[last]] = await connection.execute_fetchall("SELECT max(year_to) FROM facets WHERE year_from IS NOT NULL")
    return FacetValues(
        sources=_values(sources),
        hosts=_values(hosts),
        creators=_values(creators),
        rights=_values(rights),
        years=None if first is None else (first, last),
    )


def _values(found: Iterable[tuple[str, int]]) -> tuple[FacetValue, ...]:
    return tuple(FacetValue(value, count) for value, count in found if value)


async def _most(connection: Connection, facet: str) -> list[Any]:
    """Terms, how many images have each, and the text as one of them has it."""
    text = f"(SELECT {facet} FROM images WHERE id = example)" if facet in {"creator", "rights"} else "NULL"
    rows = await connection.execute_fetchall(
        f"SELECT term, images, {text} FROM (SELECT {facet} AS of, count(*) AS images, max(image_id) AS example "
        f"FROM facets WHERE {facet} IS NOT NULL GROUP BY {facet} ORDER BY images DESC, {facet} LIMIT ?) "
        "AS most JOIN facet_terms ON facet_terms.id = of ORDER BY images DESC, of",
        (VALUES_MOST,),
    )
    return list(rows)


def _first_words(text: str | None) -> str:
    if text is None or len(text) <= VALUE_LENGTH:
        return text or ""
    return text[:VALUE_LENGTH].rpartition(" ")[0]
