"""The database under the catalog, whichever it is: connections that all statements go through, and its opening.

SQLite in the data folder (:mod:`~artalike.storage.sqlite`), or PostgreSQL (:mod:`~artalike.storage.postgres`).
Statements are SQLite's with what PostgreSQL takes as well: parameters are ``?`` and ``?1``, a list is one parameter,
JSON of numbers or texts, read by ``json_each``; conditions are whole numbers, 0 and 1. What is left is in
:mod:`~artalike.storage.dialect`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from artalike.config import Storage
from artalike.errors import StartError
from artalike.storage.dialect import Dialect
from artalike.storage.folder import DataFolder
from artalike.storage.notices import Changed, Hear


class Connection(Protocol):
    """Runs statements, one after the other. Their values are bound, and never part of the text."""

    @property
    def dialect(self) -> Dialect: ...

    async def execute(self, sql: str, values: Iterable[Any] = ()) -> None: ...

    async def execute_fetchall(self, sql: str, values: Iterable[Any] = ()) -> list[Any]:
        """The rows: tuples, or what can be used as such."""

    async def executemany(self, sql: str, rows: Iterable[Iterable[Any]]) -> None:
        """The statement with the values of each row."""

    def tell(self, what: Changed, ids: Sequence[int]) -> None:
        """Other processes are to hear of this change, with the transaction's commit."""

    async def told_since(self, what: Changed, after: int) -> tuple[int, list[int]]:
        """The number of the last notice of this kind, and the ids of all behind the number ``after``.

        Inside of a transaction that writes nothing can be told behind that until its end.
        """


@dataclass(frozen=True, slots=True)
class SeedCounts:
    """Frontier rows still pending and failed for good, over all seeds, and how many seeds there are."""

    pending: int
    failed: int
    seeds: int


class Place(Enum):
    """How a process has its catalog, where several could: SQLite's is of one process in any case."""

    NONE = "none"
    """It looks, or makes a change, beside whoever else is there, and keeps nothing in memory."""
    SHARED = "shared"
    """Beside others that share it, whose changes it follows."""
    ALONE = "alone"
    """To itself."""


class Guarded(Enum):
    """What one process after the other does, where several share a catalog."""

    FOLLOWING = 0x41525446
    """Index and thumbnails are brought to what the catalog says. Those that only add may do so together."""
    RULING = 0x41525447
    """Blocks come and go."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Rows of the frontier are leased in two steps, by one process at a time.

    :attr:`taking` is a transaction that waits for no row which another one holds, but passes it over; with
    ``claim(connection, hosts)`` hosts become this process's. :attr:`settling` is one as of :meth:`Database.write`.
    """

    taking: Callable[[], AbstractAsyncContextManager[Connection]]
    claim: Callable[[Connection, Sequence[str]], Awaitable[None]]
    settling: Callable[[], AbstractAsyncContextManager[Connection]]


class Database(ABC):
    """An open catalog database.

    Use :meth:`open`. :meth:`write` gives a connection inside a transaction that commits when the block ends well, one
    at a time; :meth:`read` gives one for reading, each statement of which sees what is committed by then.
    Both raise :class:`StorageError`, or :class:`DiskFull` when there is no space.
    """

    def __init__(self, seed_counts: SeedCounts) -> None:
        self._seed_counts = seed_counts

    @staticmethod
    def open(
        where: Path | str, *, readers: int = 3, place: Place = Place.NONE
    ) -> AbstractAsyncContextManager[Database]:
        """Open or create the database and bring its schema up to date. A text is the URL of a PostgreSQL database.

        Raises FolderTooNew when a newer program wrote it, StorageError when it is not a catalog, StartError where
        asyncpg is not installed, and where others are there and leave no such ``place``.
        """
        # Here, since both import this module, and asyncpg is not everywhere.
        if isinstance(where, str):
            try:
                from artalike.storage.postgres import PostgresDatabase  # noqa: PLC0415
            except ImportError as error:
                raise StartError(
                    f"storage.catalog: {error.name} is not installed; expected: pip install 'artalike[cluster]'"
                ) from error

            return PostgresDatabase.connect(where, readers=readers, place=place)
        from artalike.storage.sqlite import SqliteDatabase  # noqa: PLC0415

        return SqliteDatabase.connect(where, readers=readers)

    @abstractmethod
    def write(self) -> AbstractAsyncContextManager[Connection]: ...

    @abstractmethod
    def read(self) -> AbstractAsyncContextManager[Connection]: ...

    @abstractmethod
    def leasing(self) -> AbstractAsyncContextManager[Turn]:
        """Take rows of the frontier for this process, and with them their hosts."""

    @abstractmethod
    def left_behind(self, *, at_start: bool) -> tuple[str, Sequence[Any]] | None:
        """A condition for the leased rows, with its values, whose process is gone; None where there can be none.

        ``at_start`` this process has not leased any yet.
        """

    @property
    def first(self) -> bool:
        """Whether no other process was at work on it when this one came."""
        return True

    async def joined(self) -> None:  # noqa: B027  # nobody waits where one process has it
        """All that follows the catalog is open. Until then others that come to share it wait."""

    async def stay(self, hear: Hear) -> None:
        """For ever: keep the place, and follow what others change.

        What was told since the opening is told to ``hear``, in its order; nothing is lost with a connection.
        Raises StartError when the place was lost, and taken by another.
        """
        await asyncio.Event().wait()

    def guarded(self, what: Guarded, *, together: bool = False) -> AbstractAsyncContextManager[None]:
        """While the block runs no other process does this, or only others that do it ``together``."""
        return nullcontext()

    async def recount(self) -> None:
        """Bring :attr:`seed_counts` to what others have made of them."""
        async with self.read() as connection:
            self._seed_counts = await count_seeds(connection)

    @property
    def seed_counts(self) -> SeedCounts:
        """Sums over all seeds as of the last commit; they are shown often, and cost nothing to read here."""
        return self._seed_counts

    @abstractmethod
    async def checkpoint(self) -> None:
        """Take what has been deleted off the disk, as far as nobody still reads it."""

    @abstractmethod
    async def scrub_words(self) -> None:
        """Take words of removed images, which nobody finds any more, out of the index's own files."""

    @abstractmethod
    async def check(self) -> list[str]:
        """What the engine finds wrong with its files and references; empty when all is well."""

    @abstractmethod
    async def check_words(self) -> list[str]:
        """What is wrong with the index of words, which is compared with all texts; nobody can write meanwhile."""


def open_catalog(
    settings: Storage, *, readers: int | None = None, place: Place = Place.NONE
) -> AbstractAsyncContextManager[Database]:
    """The catalog that the settings mean; see :meth:`Database.open`, and SettingError for what is no address."""
    where = settings.catalog or DataFolder(settings.data).catalog
    return Database.open(where, readers=settings.readers if readers is None else readers, place=place)


async def count_seeds(connection: Connection) -> SeedCounts:
    query = "SELECT coalesce(sum(pending), 0), coalesce(sum(failed), 0), count(*) FROM seeds"
    [row] = await connection.execute_fetchall(query)
    return SeedCounts(*row)
