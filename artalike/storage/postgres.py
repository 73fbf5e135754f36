"""PostgreSQL under the catalog, for several processes and more than one machine's disk.

The only module that imports asyncpg. Transactions that write come one after the other, over all processes, by an
advisory lock: all of the catalog's rules were written for one writer. Reading waits for nobody.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any, Final

import anyio
import asyncpg

from artalike.errors import DiskFull, FolderTooNew, SettingError, StorageError
from artalike.futures import to_its_end
from artalike.storage import postgres_notices
from artalike.storage.catalog import Connection, Database, Guarded, Place, SeedCounts, Turn, count_seeds
from artalike.storage.notices import Hear
from artalike.storage.postgres_address import (
    Tls,
    password_in,
    said_without_password,
    ways_to_connect,
    without_password,
)
from artalike.storage.postgres_connection import PostgresConnection
from artalike.storage.postgres_leases import LET_GO_OF_GONE, Leases, new_worker
from artalike.storage.postgres_presence import Presence
from artalike.storage.postgres_schema import MIGRATIONS
from artalike.storage.postgres_texts import compare_texts, index_texts

CONNECT_SECONDS: Final = 10.0
NAME_MOST: Final = 63
LOCK_SECONDS: Final = 60
IDLE_SECONDS: Final = 300
"""A transaction in which nothing has happened for so long is of a process that stands still: others get its lock."""

WRITER: Final = 0x41525441
"""The advisory lock of whoever writes; locks are of one database."""

LOST: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What a connection raises when the server is not there, or not willing."""

GONE: Final = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
"""So that the server notices within half a minute when the machine of a process that holds locks is gone."""

GUARDS: Final = 3
"""Of one process so many may wait for what is guarded: a block, what that removes, and the index."""


class _Raw(asyncpg.Connection):  # type: ignore[misc]  # asyncpg ships no types
    def get_reset_query(self) -> str:
        """Nothing is left behind by a transaction that has ended, and every one does end: no round trip for that."""
        return ""


class PostgresDatabase(Database):
    """One database of a server. Use :meth:`~artalike.storage.catalog.Database.open`."""

    def __init__(
        self, *, writers: Any, readers: Any, guards: Any, leases: Leases, presence: Presence | None, place: Place
    ) -> None:
        super().__init__(SeedCounts(0, 0, 0))
        self._writers = writers
        self._readers = readers
        self._guards = guards
        self._leases = leases
        self._presence = presence
        self._is_alone = place is Place.ALONE
        self._writing = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, *, readers: int, place: Place) -> AsyncIterator[Database]:
        shown = without_password(url)
        async with AsyncExitStack() as stack:
            with _translated(f"catalog {shown}", url):
                worker = new_worker()
                tls, writers = await _first_pool(stack, url, worker)
                async with writers.acquire() as raw:
                    await _migrate(raw, shown)
                presence = None
                if place is not Place.NONE:
                    connect = partial(_connection, url, tls, worker)
                    alone = place is Place.ALONE
                    presence = await stack.enter_async_context(
                        Presence.open(connect, LOST, f"catalog {shown}", alone=alone)
                    )
                    if presence.first:
                        async with writers.acquire() as raw:
                            await raw.execute(LET_GO_OF_GONE)
                own = await stack.enter_async_context(_pool(url, tls, 1, worker))
                leases = await stack.enter_async_context(Leases.open(own, LOST))
                pool = await stack.enter_async_context(
                    _pool(url, tls, readers, worker, default_transaction_read_only="on")
                )
                guards = await stack.enter_async_context(_pool(url, tls, GUARDS, worker, lock_timeout="0"))
                database = cls(
                    writers=writers, readers=pool, guards=guards, leases=leases, presence=presence, place=place
                )
                await database.recount()
            yield database

    @asynccontextmanager
    async def write(self) -> AsyncIterator[PostgresConnection]:
        async with self._writing:
            # A cancelled caller must leave neither half a transaction nor an open one.
            with anyio.CancelScope(shield=True), _translated("catalog"):
                async with self._writers.acquire() as raw:
                    connection = PostgresConnection(raw)
                    try:
                        await to_its_end(raw.execute(f"BEGIN; SELECT pg_advisory_xact_lock({WRITER})"))
                        yield connection
                        await index_texts(connection)
                        if not self._is_alone:
                            await postgres_notices.leave(raw, connection.told)
                        await to_its_end(self._commit(connection))
                    except BaseException:
                        if not raw.is_closed() and raw.is_in_transaction():
                            await to_its_end(raw.execute("ROLLBACK"))
                        raise

    async def _commit(self, connection: PostgresConnection) -> None:
        seed_counts = await count_seeds(connection)
        await connection.raw.execute("COMMIT" if self._is_alone else postgres_notices.WAKE_AND_COMMIT)
        self._seed_counts = seed_counts

    @asynccontextmanager
    async def read(self) -> AsyncIterator[PostgresConnection]:
        with _translated("catalog"):
            async with self._readers.acquire() as raw:
                yield PostgresConnection(raw)

    @asynccontextmanager
    async def leasing(self) -> AsyncIterator[Turn]:
        with _translated("catalog"):
            async with self._leases.turn() as connection:
                yield Turn(lambda: _transaction(connection), self._leases.claim, self.write)

    def left_behind(self, *, at_start: bool) -> tuple[str, Sequence[Any]] | None:
        return self._leases.left_behind(at_start=at_start, first=self._presence is not None and self.first)

    @property
    def first(self) -> bool:
        return self._presence is None or self._presence.first

    async def joined(self) -> None:
        if self._presence is not None:
            with _translated("catalog"):
                await self._presence.joined()

    async def stay(self, hear: Hear) -> None:
        await (super().stay(hear) if self._presence is None else self._presence.stay(hear))

    @asynccontextmanager
    async def guarded(self, what: Guarded, *, together: bool = False) -> AsyncIterator[None]:
        if self._is_alone:
            yield
            return
        kind = "_shared" if together else ""
        async with AsyncExitStack() as stack:
            with _translated("catalog"):
                raw = await stack.enter_async_context(self._guards.acquire())
                try:
                    await raw.execute(f"SELECT pg_advisory_lock{kind}({what.value})")
                except BaseException:
                    raw.terminate()  # it may have got the lock in the last moment
                    raise
            try:
                yield
            finally:
                with anyio.CancelScope(shield=True), _translated("catalog"):
                    if not raw.is_closed():
                        await to_its_end(raw.execute(f"SELECT pg_advisory_unlock{kind}({what.value})"))

    async def checkpoint(self) -> None:
        """PostgreSQL's own vacuum does so, in its time."""

    async def scrub_words(self) -> None:
        """As :meth:`checkpoint`."""

    async def check(self) -> list[str]:
        async with self.read() as connection:
            rows = await connection.execute_fetchall(_WRONG)
        return [str(row[0]) for row in rows]

    async def check_words(self) -> list[str]:
        wrong: list[str] = []
        last: int | None = 0
        while last is not None:
            async with self.read() as connection:
                found, last = await compare_texts(connection, after=last)
            wrong += [f"image {number} is in the index of words with others than its own" for number in found]
        return wrong


async def _connection(url: str, tls: Tls, worker: str) -> Any:
    """One that is of no pool, and of whose end the server soon knows."""
    name = f"artalike, process {os.getpid()} of {socket.gethostname()}"[:NAME_MOST]
    settings = {"application_name": name, "artalike.worker": worker, **GONE}
    return await asyncpg.connect(
        url, timeout=CONNECT_SECONDS, password=password_in(url), ssl=tls, server_settings=settings
    )


@asynccontextmanager
async def _pool(url: str, tls: Tls, size: int, worker: str, **settings: str) -> AsyncIterator[Any]:
    pool = asyncpg.create_pool(
        url,
        min_size=0,  # none is made but by whoever wants it, who then hears of what is wrong
        max_size=size,
        timeout=CONNECT_SECONDS,
        password=password_in(url),
        ssl=tls,
        connection_class=_Raw,
        max_inactive_connection_lifetime=0,
        server_settings={
            "application_name": "artalike",
            "artalike.worker": worker,
            "jit": "off",  # statements are short
            "lock_timeout": f"{LOCK_SECONDS}s",
            "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
            **settings,
        },
    )
    await pool
    try:
        yield pool
    finally:
        with anyio.CancelScope(shield=True):
            await pool.close()


@asynccontextmanager
async def _transaction(connection: PostgresConnection) -> AsyncIterator[Connection]:
    async with connection.raw.transaction():
        yield connection


async def _migrate(raw: Any, shown: str) -> None:
    """All in one transaction, one process after the other."""
    async with raw.transaction():
        await raw.execute(f"SELECT pg_advisory_xact_lock({WRITER})")
        known = await raw.fetchval("SELECT to_regclass('artalike_schema') IS NOT NULL")
        tables = await raw.fetchval("SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace")
        if not known and tables:
            raise StorageError(f"{shown}: this is a database of another program; expected an Artalike catalog")
        if not known:
            await raw.execute("CREATE TABLE artalike_schema AS SELECT 0 AS version")
        version = await raw.fetchval("SELECT version FROM artalike_schema")
        if version > len(MIGRATIONS):
            raise FolderTooNew(
                f"{shown}: schema {version} was written by a newer Artalike; this one knows up to {len(MIGRATIONS)}. "
                "Upgrade, or use another database"
            )
        for statements in MIGRATIONS[version:]:
            await raw.execute(statements)
        if version < len(MIGRATIONS):
            await raw.execute("UPDATE artalike_schema SET version = $1", len(MIGRATIONS))


async def _first_pool(stack: AsyncExitStack, url: str, worker: str) -> tuple[Tls, Any]:
    *better, last = await asyncio.to_thread(ways_to_connect, url)
    for tls in better:
        with suppress(ConnectionError):  # the server has no TLS
            async with _pool(url, tls, 1, worker) as pool, pool.acquire():
                last = tls
    return last, await stack.enter_async_context(_pool(url, last, 1, worker))


@contextmanager
def _translated(what: str, url: str = "") -> Iterator[None]:
    try:
        yield
    except asyncpg.ClientConfigurationError as error:
        # Without the cause, which may quote the address with its password.
        why = said_without_password(error, url)
        raise SettingError(f"storage.catalog: {why}; expected postgresql://user@host/database") from None
    except asyncpg.PostgresError as error:
        if error.sqlstate == "53100":
            raise DiskFull(f"{what}: no space left on the disk of the database") from error
        raise StorageError(f"{what}: {error}") from error
    except LOST as error:
        raise StorageError(f"{what}: {error or type(error).__name__}") from error


_WRONG: Final = """
SELECT 'index ' || indexrelid::regclass || ' is not whole' FROM pg_index
JOIN pg_class ON pg_class.oid = indexrelid WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace
UNION ALL SELECT checksum_failures || ' pages of the database are damaged' FROM pg_stat_database
WHERE datname = current_database() AND checksum_failures > 0
"""
