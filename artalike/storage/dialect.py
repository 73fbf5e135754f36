"""Where the databases under the catalog differ, beyond what each one's connection makes of a statement by itself.

Statements are written once, in words that SQLite and PostgreSQL both take. The few that cannot be are here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Asked(Protocol):
    """Words as a query for the index of words."""

    def __call__(self, words: Sequence[str], *, every: bool, begun: bool, field: str | None = None) -> str:
        """For images with ``every`` word or with any, the last ``begun`` only; in one ``field`` (title, creator)."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Statements about the index of words. The first parameter of all that have one is a query by :attr:`asked`."""

    asked: Asked
    best: str
    """Ids, best first: query, largest id, how many are weighed, how many are wanted."""
    matches: str
    """All ids as one text: query, largest id."""
    best_among: str
    """Ids, best first: query, a list of ids, how many are wanted."""
    among: str
    """Ids, ascending: query, a list of ids."""
    creators: str
    """A maker's name and number of images: query, how many are looked through, counted, wanted."""
    titles: str
    """Ids and titles: query, how many are looked through."""
    indexed: str
    """Ids of all images in the index, a column named ``id``."""


class Dialect(Protocol):
    """What one kind of database spells in its own way."""

    @property
    def texts(self) -> Texts: ...

    @property
    def look_up(self) -> str:
        """Finds perceptual hashes near to given ones, see :mod:`~artalike.storage.near_duplicates`."""

    @property
    def lanes_due(self) -> str:
        """Seed, host and rate of lanes with something due: now, a list of hosts left alone, how many are wanted."""

    @property
    def next_due(self) -> str:
        """When the earliest row of any lane is due."""

    @property
    def held(self) -> str:
        """Ends a query for rows of the frontier that are about to be leased."""

    @property
    def leased(self) -> str:
        """What an UPDATE sets in rows of the frontier that are leased now."""

    def last_id(self, table: str) -> str:
        """An expression: the largest id that a row of ``table`` was ever given, 0 for none."""

    async def raise_id(self, connection: Any, table: str, last: int) -> None:
        """No row of ``table`` will be given an id up to ``last``, some of which were brought along."""
