"""Notices through PostgreSQL: a table keeps them for a while, and NOTIFY says that there are more.

https://www.postgresql.org/docs/current/sql-notify.html. A notification reaches only whoever listens at that moment, and
holds little: so it carries nothing, and what was told is read from the table, by ascending numbers. These are given
under a lock that is held to the end of the transaction: no number is ever seen before a smaller one.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, Final, Protocol

import asyncpg

from artalike.errors import StorageError
from artalike.storage.notices import Changed, Heard, Notice

log = logging.getLogger(__name__)

CHANNEL: Final = "artalike_notices"
NUMBERING: Final = 0x4E4F5445
"""The advisory lock of whoever gives numbers; locks are of one database."""

READ_MOST: Final = 1000
KEPT_SECONDS: Final = 3600.0
"""A listener that was away for half as long takes it that it has missed some."""
LOOK_SECONDS: Final = 30.0
"""Between looks at the table without a notification: a connection may be dead and not know it."""
ANSWER_SECONDS: Final = 10.0
AGAIN_SECONDS: Final = (0.1, 10.0)

Connect = Callable[[], Awaitable[Any]]
"""A new connection of asyncpg's, in autocommit, through no pool: it listens."""

_FAILED: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


class Executes(Protocol):
    """A connection inside a transaction."""

    async def execute(self, sql: str, values: Collection[Any] = ()) -> object: ...


async def tell_within(connection: Executes, notices: Collection[Notice]) -> None:
    """Tell with the transaction that ``connection`` is in: when that is committed, and not at all where it is not."""
    if not notices:
        return
    await connection.execute(f"SELECT pg_advisory_xact_lock({NUMBERING})")
    for notice in notices:
        await connection.execute("INSERT INTO notices (what, ids) VALUES ($1, $2)", (notice.what.value, notice.ids))
    await connection.execute(f"SELECT pg_notify('{CHANNEL}', '')")


class PostgresNotices:
    """Implements :class:`artalike.storage.notices.Notices`. Use :meth:`open`."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    @classmethod
    async def open(cls, connect: Connect) -> PostgresNotices:
        """Makes the table, where there is none. Raises StorageError."""
        notices = cls(connect)
        async with notices._connected() as raw, raw.transaction():
            await raw.execute(f"SELECT pg_advisory_xact_lock({NUMBERING})")
            await raw.execute(_TABLE)
            await raw.execute(_FORGET, KEPT_SECONDS)
        return notices

    async def tell(self, notices: Collection[Notice]) -> None:
        """In a transaction of their own; see :func:`tell_within`. Raises StorageError."""
        async with self._connected() as raw, raw.transaction():
            await tell_within(_Adapter(raw), notices)
            await raw.execute(_FORGET, KEPT_SECONDS)

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[AsyncIterator[Heard]]:
        """See :meth:`artalike.storage.notices.Notices.listen`. Raises StorageError where there is no connection yet."""
        woken = asyncio.Event()
        try:
            raw = await self._listening(woken)
            last = await raw.fetchval(_LAST, timeout=ANSWER_SECONDS)
        except _FAILED as error:
            raise _error(error) from error
        async with aclosing(self._heard(raw, woken, last)) as heard:
            yield heard

    async def _heard(self, raw: Any, woken: asyncio.Event, last: int) -> AsyncGenerator[Heard, None]:
        read_at, failures = time.monotonic(), 0
        try:
            while True:
                woken.clear()
                try:
                    raw = raw or await self._listening(woken)
                    rows = await raw.fetch(_READ, last, READ_MOST, timeout=ANSWER_SECONDS)
                except _FAILED as error:
                    if not failures:
                        log.warning("%s; what other processes change is seen when it is back", _error(error))
                    failures += 1
                    _closed(raw)
                    raw = None
                    await asyncio.sleep(min(AGAIN_SECONDS[0] * 2**failures, AGAIN_SECONDS[1]) * random.uniform(0.5, 1))
                    continue
                missed, read_at, failures = time.monotonic() - read_at > KEPT_SECONDS / 2, time.monotonic(), 0
                if rows or missed:
                    last = rows[-1][0] if rows else last
                    yield Heard(tuple(Notice(Changed(what), tuple(ids)) for _, what, ids in rows), all=missed)
                if len(rows) < READ_MOST:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(woken.wait(), LOOK_SECONDS)
        finally:
            _closed(raw)

    async def _listening(self, woken: asyncio.Event) -> Any:
        raw = await self._connect()
        try:
            raw.add_termination_listener(lambda _: woken.set())
            await raw.add_listener(CHANNEL, lambda *_: woken.set())
        except BaseException:
            _closed(raw)
            raise
        return raw

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        raw = None
        try:
            raw = await self._connect()
            yield raw
        except _FAILED as error:
            raise _error(error) from error
        finally:
            _closed(raw)


class _Adapter:
    def __init__(self, raw: Any) -> None:
        self._raw = raw

    async def execute(self, sql: str, values: Collection[Any] = ()) -> None:
        await self._raw.execute(sql, *values)


def _closed(raw: Any) -> None:
    """At once and without a word to the other side, which may be gone: nothing is under way that it would lose."""
    if raw is not None and not raw.is_closed():
        raw.terminate()


def _error(error: Exception) -> StorageError:
    return StorageError(f"catalog: {error or type(error).__name__}")


_TABLE: Final = """
CREATE TABLE IF NOT EXISTS notices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    what text NOT NULL,
    ids bigint[] NOT NULL,
    told_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS notices_told_at ON notices (told_at)
"""

_LAST: Final = "SELECT coalesce(max(id), 0) FROM notices"
_READ: Final = "SELECT id, what, ids FROM notices WHERE id > $1 ORDER BY id LIMIT $2"
_FORGET: Final = "DELETE FROM notices WHERE told_at < now() - make_interval(secs => $1)"
