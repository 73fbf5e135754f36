"""The SQLite database under the catalog: one writer, a few readers, migrations, and its errors translated.

The only module that imports aiosqlite. WAL lets readers go on while the writer commits; `synchronous = FULL`
makes a commit survive a power cut, which batched commits make affordable (https://sqlite.org/wal.html).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiosqlite
import anyio

from artalike.errors import DiskFull, FolderTooNew, StorageError
from artalike.storage.schema import APPLICATION_ID, INDEX_TEXTS, MIGRATIONS, PAGE_SIZE

BUSY_SECONDS: Final = 10.0
CHECKPOINT_SECONDS: Final = 0.5

Connection = aiosqlite.Connection


@dataclass(frozen=True, slots=True)
class SeedCounts:
    """Frontier rows still pending and failed for good, over all seeds, and how many seeds there are."""

    pending: int
    failed: int
    seeds: int


class Database:
    """An open catalog database.

    Use :meth:`open`. :meth:`write` gives the one writing connection inside a transaction that commits when the
    block ends well; :meth:`read` gives a reading connection, each statement of which sees what is committed by then.
    Both raise :class:`StorageError`, or :class:`DiskFull` when there is no space.
    """

    def __init__(self, writer: Connection, readers: asyncio.Queue[Connection], seed_counts: SeedCounts) -> None:
        self._seed_counts = seed_counts
        self._writer = writer
        self._writing = asyncio.Lock()
        self._readers = readers

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, readers: int = 3) -> AsyncIterator[Database]:
        """Open or create the database and bring its schema up to date.

        Raises FolderTooNew when a newer program wrote it, StorageError when it is not a catalog.
        """
        async with AsyncExitStack() as stack:
            with _translated(f"catalog {path}"):
                writer = await stack.enter_async_context(_connect(path))
                await _migrate(writer, path)
                pool: asyncio.Queue[Connection] = asyncio.Queue(readers)
                for _ in range(readers):
                    reader = await stack.enter_async_context(_connect(path))
                    await reader.execute("PRAGMA query_only = ON")
                    pool.put_nowait(reader)
                seed_counts = await _count_seeds(writer)
            yield cls(writer, pool, seed_counts)
            with anyio.CancelScope(shield=True), suppress(sqlite3.Error):  # only advice for the query planner
                await writer.execute("PRAGMA optimize")

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        async with self._writing:
            # A cancelled caller must leave neither half a transaction nor an open one.
            with anyio.CancelScope(shield=True), _translated("catalog"):
                try:
                    await _to_its_end(self._writer.execute("BEGIN IMMEDIATE"))
                    yield self._writer
                    await _index_texts(self._writer)
                    await _to_its_end(self._commit())
                except BaseException:
                    if self._writer.in_transaction:  # SQLite itself has rolled back after some errors
                        await _to_its_end(self._writer.execute("ROLLBACK"))
                    raise

    async def _commit(self) -> None:
        seed_counts = await _count_seeds(self._writer)
        await self._writer.execute("COMMIT")
        self._seed_counts = seed_counts

    @property
    def seed_counts(self) -> SeedCounts:
        """Sums over all seeds as of the last commit; they are shown often, and cost nothing to read here."""
        return self._seed_counts

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        connection = await self._readers.get()
        try:
            with _translated("catalog"):
                yield connection
        finally:
            self._readers.put_nowait(connection)

    async def checkpoint(self) -> None:
        """Take what has been deleted out of the write-ahead log too, as far as no reader still needs it there."""
        async with self._writing:
            with _translated("catalog"):
                await self._writer.execute(f"PRAGMA busy_timeout = {int(CHECKPOINT_SECONDS * 1000)}")
                try:
                    await self._writer.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
                finally:
                    await self._writer.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")

    async def check(self) -> list[str]:
        """What SQLite finds wrong with the file and its references; empty when all is well."""
        async with self.read() as connection:
            integrity = [str(row[0]) for row in await connection.execute_fetchall("PRAGMA integrity_check(10)")]
            references = await connection.execute_fetchall("PRAGMA foreign_key_check")
        problems = [line for line in integrity if line != "ok"]
        problems += [
            f"{table} row {rowid} refers to a missing row of {parent}" for table, rowid, parent, _ in references
        ]
        return problems


@asynccontextmanager
async def _connect(path: Path) -> AsyncIterator[Connection]:
    connection = await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
    try:
        await connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        await connection.execute("PRAGMA journal_mode = WAL")
        await connection.execute("PRAGMA synchronous = FULL")
        await connection.execute("PRAGMA foreign_keys = ON")
        await connection.execute("PRAGMA trusted_schema = OFF")
        # What is deleted is overwritten: a picture that was taken down leaves no vector in a free page of the file.
        await connection.execute("PRAGMA secure_delete = ON")
        yield connection
    finally:
        with anyio.CancelScope(shield=True):
            await connection.close()


async def _migrate(connection: Connection, path: Path) -> None:
    application, version, tables = await _identity(connection)
    if version > len(MIGRATIONS):
        raise FolderTooNew(
            f"{path}: schema {version} was written by a newer Artalike; this one knows up to {len(MIGRATIONS)}. "
            "Upgrade, or use another data folder"
        )
    if application != APPLICATION_ID and tables:
        raise StorageError(f"{path}: this is a database of another program; expected an Artalike catalog")
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        # One script is one transaction: a migration and its record stand or fall together.
        await connection.executescript(
            f"BEGIN IMMEDIATE;\n{statements}\n"
            f"PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {number};\nCOMMIT;"
        )


async def _index_texts(connection: Connection) -> None:
    [stale] = await connection.execute_fetchall("SELECT EXISTS (SELECT 1 FROM texts_stale)")
    if stale[0]:
        for statement in INDEX_TEXTS:
            await connection.execute(statement)


async def _count_seeds(connection: Connection) -> SeedCounts:
    query = "SELECT coalesce(sum(pending), 0), coalesce(sum(failed), 0), count(*) FROM seeds"
    [row] = await connection.execute_fetchall(query)
    return SeedCounts(*row)


async def _identity(connection: Connection) -> tuple[int, int, int]:
    values = []
    for statement in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master"):
        async with connection.execute(statement) as cursor:
            row = await cursor.fetchone()
            values.append(int(row[0]) if row else 0)
    return values[0], values[1], values[2]


async def _to_its_end(statement: Awaitable[Any]) -> None:
    """A caller that is cancelled meanwhile by asyncio, from which no scope of anyio shields, is so behind it."""
    task = asyncio.ensure_future(statement)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise DiskFull(f"{what}: no space left on the disk") from error
        raise StorageError(f"{what}: {error}") from error
