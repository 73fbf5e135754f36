"""SQLite under the catalog: one writer, a few readers, migrations, and its errors translated.

The only module that imports aiosqlite. WAL lets readers go on while the writer commits; `synchronous = FULL`
makes a commit survive a power cut, which batched commits make affordable (https://sqlite.org/wal.html).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Final

import aiosqlite
import anyio

from artalike.errors import DiskFull, FolderTooNew, StorageError
from artalike.futures import to_its_end
from artalike.storage.catalog import Connection, Database, SeedCounts, Turn, count_seeds
from artalike.storage.dialect import Dialect
from artalike.storage.notices import Changed
from artalike.storage.schema import APPLICATION_ID, INDEX_TEXTS, MIGRATIONS, PAGE_SIZE
from artalike.storage.sqlite_dialect import SQLITE

BUSY_SECONDS: Final = 10.0
CHECKPOINT_SECONDS: Final = 0.5
SCRUBBED: Final = 64  # pages merged in one transaction


class SqliteConnection:
    """:class:`~artalike.storage.catalog.Connection` over a thread that SQLite runs in."""

    dialect: Dialect = SQLITE

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self.raw = connection

    async def execute(self, sql: str, values: Iterable[Any] = ()) -> None:
        await self.raw.execute(sql, values)

    async def execute_fetchall(self, sql: str, values: Iterable[Any] = ()) -> list[Any]:
        return list(await self.raw.execute_fetchall(sql, values))

    async def executemany(self, sql: str, rows: Iterable[Iterable[Any]]) -> None:
        await self.raw.executemany(sql, rows)

    def tell(self, what: Changed, ids: Sequence[int]) -> None:
        """There is nobody else."""

    async def told_since(self, what: Changed, after: int) -> tuple[int, list[int]]:
        return after, []


class SqliteDatabase(Database):
    """One file of SQLite's. Use :meth:`~artalike.storage.catalog.Database.open`."""

    def __init__(
        self, writer: SqliteConnection, readers: asyncio.Queue[SqliteConnection], seed_counts: SeedCounts
    ) -> None:
        super().__init__(seed_counts)
        self._writer = writer
        self._writing = asyncio.Lock()
        self._readers = readers

    @classmethod
    @asynccontextmanager
    async def connect(cls, path: Path, *, readers: int) -> AsyncIterator[Database]:
        async with AsyncExitStack() as stack:
            with _translated(f"catalog {path}"):
                writer = await stack.enter_async_context(_connect(path))
                await _migrate(writer, path)
                pool: asyncio.Queue[SqliteConnection] = asyncio.Queue(readers)
                for _ in range(readers):
                    reader = await stack.enter_async_context(_connect(path))
                    await reader.execute("PRAGMA query_only = ON")
                    pool.put_nowait(reader)
                seed_counts = await count_seeds(writer)
            yield cls(writer, pool, seed_counts)
            with anyio.CancelScope(shield=True), suppress(sqlite3.Error):  # only advice for the query planner
                await writer.execute("PRAGMA optimize")

    @asynccontextmanager
    async def write(self) -> AsyncIterator[SqliteConnection]:
        async with self._writing:
            # A cancelled caller must leave neither half a transaction nor an open one.
            with anyio.CancelScope(shield=True), _translated("catalog"):
                try:
                    await to_its_end(self._writer.execute("BEGIN IMMEDIATE"))
                    yield self._writer
                    await _index_texts(self._writer)
                    await to_its_end(self._commit())
                except BaseException:
                    if self._writer.raw.in_transaction:  # SQLite itself has rolled back after some errors
                        await to_its_end(self._writer.execute("ROLLBACK"))
                    raise

    async def _commit(self) -> None:
        seed_counts = await count_seeds(self._writer)
        await self._writer.execute("COMMIT")
        self._seed_counts = seed_counts

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqliteConnection]:
        connection = await self._readers.get()
        try:
            with _translated("catalog"):
                yield connection
        finally:
            self._readers.put_nowait(connection)

    @asynccontextmanager
    async def leasing(self) -> AsyncIterator[Turn]:
        async with self.write() as connection:
            yield Turn(lambda: nullcontext(connection), _claim_nothing, lambda: nullcontext(connection))

    def left_behind(self, *, at_start: bool) -> tuple[str, Sequence[Any]] | None:
        return ("state = 'leased'", ()) if at_start else None

    async def checkpoint(self) -> None:
        async with self._writing:
            with _translated("catalog"):
                await self._writer.execute(f"PRAGMA busy_timeout = {int(CHECKPOINT_SECONDS * 1000)}")
                try:
                    await self._writer.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
                finally:
                    await self._writer.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")

    async def check(self) -> list[str]:
        async with self.read() as connection:
            integrity = [str(row[0]) for row in await connection.execute_fetchall("PRAGMA integrity_check(10)")]
            references = await connection.execute_fetchall("PRAGMA foreign_key_check")
        problems = [line for line in integrity if line != "ok"]
        problems += [
            f"{table} row {rowid} refers to a missing row of {parent}" for table, rowid, parent, _ in references
        ]
        return problems

    async def check_words(self) -> list[str]:
        try:
            async with self.write() as connection:
                await connection.execute("INSERT INTO texts (texts, rank) VALUES ('integrity-check', 1)")
        except StorageError as error:
            return [str(error)]
        return []

    async def scrub_words(self) -> None:
        # All of the index comes into one segment, in short transactions: what was removed before is in none.
        # https://sqlite.org/fts5.html#the_merge_command
        pages = -SCRUBBED  # the first call is told to merge everything, and those behind it to go on
        while True:
            async with self.write() as connection:
                before = connection.raw.total_changes
                await connection.execute("INSERT INTO texts (texts, rank) VALUES ('merge', ?)", (pages,))
                if connection.raw.total_changes - before < 2:  # nothing was left to do
                    return
            pages = SCRUBBED


async def _claim_nothing(_: Connection, __: Sequence[str]) -> None:
    """One process has all hosts."""


@asynccontextmanager
async def _connect(path: Path) -> AsyncIterator[SqliteConnection]:
    connection = await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
    try:
        await connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        await connection.execute("PRAGMA journal_mode = WAL")
        await connection.execute("PRAGMA synchronous = FULL")
        await connection.execute("PRAGMA foreign_keys = ON")
        await connection.execute("PRAGMA trusted_schema = OFF")
        # What is deleted is overwritten: a picture that was taken down leaves no vector in a free page of the file.
        await connection.execute("PRAGMA secure_delete = ON")
        yield SqliteConnection(connection)
    finally:
        with anyio.CancelScope(shield=True):
            await connection.close()


async def _migrate(connection: SqliteConnection, path: Path) -> None:
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
        await connection.raw.executescript(
            f"BEGIN IMMEDIATE;\n{statements}\n"
            f"PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {number};\nCOMMIT;"
        )


async def _index_texts(connection: SqliteConnection) -> None:
    [stale] = await connection.execute_fetchall("SELECT EXISTS (SELECT 1 FROM texts_stale)")
    if stale[0]:
        for statement in INDEX_TEXTS:
            await connection.execute(statement)


async def _identity(connection: SqliteConnection) -> tuple[int, int, int]:
    values = []
    for statement in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master"):
        [[value]] = await connection.execute_fetchall(statement)
        values.append(int(value))
    return values[0], values[1], values[2]


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise DiskFull(f"{what}: no space left on the disk") from error
        raise StorageError(f"{what}: {error}") from error
