"""Who has leased what, where several processes crawl: politeness holds over all of them together.

A process that leases is a worker with a number. A host whose rows it takes is its own, and no other worker's, until
:data:`HOST_SECONDS` after the last of them is settled; so the pace that one process keeps is the pace of all. A worker
holds a lock by its number while it is connected. One that does not, and was not heard of for :data:`LOST_SECONDS`, is
gone, as is one that stands still for :data:`WORKER_SECONDS`; the rows that it had are due again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import anyio

from artalike.futures import to_its_end
from artalike.storage.catalog import Connection
from artalike.storage.postgres_connection import PostgresConnection
from artalike.storage.postgres_dialect import ADVISORY, NOW, WORKER

log = logging.getLogger(__name__)

LEASING: Final = 0x41525442
"""The advisory lock of whoever leases. Those who write have another one: leasing passes over what they change."""

BEAT_SECONDS: Final = 5.0
WORKER_SECONDS: Final = 30
LOST_SECONDS: Final = 10
"""Two beats: a connection may be lost and made anew."""
HOST_SECONDS: Final = 30
ENDED_SECONDS: Final = 2
"""How long the hosts of a worker that has ended in order are left alone."""
FORGOTTEN_SECONDS: Final = 3600


class Leases:
    """Those of one process. Use :meth:`open`, with a pool of one connection."""

    def __init__(self, pool: Any, lost: tuple[type[Exception], ...]) -> None:
        self._pool = pool
        self._lost = lost
        self._one = asyncio.Lock()
        self._is_worker = False
        self._holding = 0
        """The connection, as the server numbers it, that holds this worker's own lock."""

    @classmethod
    @asynccontextmanager
    async def open(cls, pool: Any, lost: tuple[type[Exception], ...]) -> AsyncIterator[Leases]:
        """``lost`` are the errors of a server that is not there: then others take what this process had leased."""
        leases = cls(pool, lost)
        beating = asyncio.create_task(leases._beat())
        try:
            yield leases
        finally:
            beating.cancel()
            await asyncio.wait([beating])
            with anyio.CancelScope(shield=True), suppress(*lost):
                await leases._end()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[PostgresConnection]:
        """A connection, while nobody else leases."""
        async with self._one, self._pool.acquire() as raw:
            with anyio.CancelScope(shield=True):
                await raw.execute(f"SELECT pg_advisory_lock({LEASING})")
                try:
                    if raw.get_server_pid() != self._holding:
                        await raw.execute(f"SELECT pg_advisory_lock_shared({WORKER})")
                        self._holding = raw.get_server_pid()
                    self._is_worker = True
                    yield PostgresConnection(raw)
                finally:
                    if not raw.is_closed():
                        await to_its_end(raw.execute(f"SELECT pg_advisory_unlock({LEASING})"))

    async def claim(self, connection: Connection, hosts: Sequence[str]) -> None:
        """Inside of the transaction that takes rows of these hosts. What has no host is anybody's."""
        await connection.execute(_SEEN)
        await connection.execute(_CLAIM, (json.dumps([host for host in hosts if host]),))

    def left_behind(self, *, at_start: bool, first: bool) -> tuple[str, Sequence[Any]]:
        """Leased rows whose worker is gone, as :meth:`~artalike.storage.catalog.Database.left_behind` has it.

        Where this process is the ``first`` there, that is every one that holds no lock.
        """
        gone = _LEFT.format(0 if at_start and first else LOST_SECONDS)
        return (gone + (f" OR worker = {WORKER})" if at_start else ")"), ())

    async def _beat(self) -> None:
        told = False
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            if self._is_worker:
                try:
                    async with self.turn() as connection:
                        await connection.execute(_SEEN)
                        await connection.execute(_HOLD)
                        await connection.execute(_FORGET)
                    told = False
                except self._lost as error:
                    if not told:
                        log.warning("catalog: %s; others will take what this process had leased", error)
                    told = True

    async def _end(self) -> None:
        if self._is_worker:
            async with self.turn() as connection:
                await connection.execute(_LET_GO)
                await connection.execute(f"DELETE FROM workers WHERE id = {WORKER}")


def new_worker() -> str:
    """A number that no other has: each connection of the process says it as the setting ``artalike.worker``."""
    return str(secrets.randbits(62) + 1)


_SEEN: Final = f"""
INSERT INTO workers (id, seen_at) VALUES ({WORKER}, {NOW}) ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
"""

_CLAIM: Final = f"""
INSERT INTO host_leases (host, worker, until)
SELECT CAST(value AS TEXT), {WORKER}, {NOW} + {HOST_SECONDS} FROM json_each(?)
ON CONFLICT (host) DO UPDATE SET worker = excluded.worker, until = excluded.until
"""

_HOLD: Final = f"""
UPDATE host_leases SET until = {NOW} + {HOST_SECONDS} WHERE worker = {WORKER} AND EXISTS (
    SELECT 1 FROM frontier WHERE state = 'leased' AND frontier.worker = {WORKER} AND frontier.host = host_leases.host)
"""

_LET_GO: Final = f"""
UPDATE host_leases SET until = least(until, {NOW} + {ENDED_SECONDS}) WHERE worker = {WORKER}
"""

_FORGET: Final = f"DELETE FROM host_leases WHERE until < {NOW} - {FORGOTTEN_SECONDS}"

_HELD: Final = f"SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE {ADVISORY} AND granted"

_LEFT: Final = f"""state = 'leased' AND (worker IS NULL OR worker NOT IN (
    SELECT id FROM workers WHERE seen_at > {NOW} - CASE WHEN id IN ({_HELD}) THEN {WORKER_SECONDS} ELSE {{}} END)"""

LET_GO_OF_GONE: Final = f"""
UPDATE host_leases SET until = least(until, {NOW} + {ENDED_SECONDS}) WHERE worker NOT IN ({_HELD})
"""
"""The hosts of workers that are gone, where it is known that nobody else is there."""
