"""A process's place at a catalog on PostgreSQL: alone or beside others, and what it hears of those.

Advisory locks of one connection (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS), which
the server frees when the process is gone, however it went:

* ``PLACE`` alone, or together with others that share the catalog;
* ``OPENING`` while such a one opens: one after the other;
* ``READY`` once it has opened. Who finds nobody there is the first: what was left behind is for it to put in order.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import anyio

from artalike.errors import StartError, StorageError
from artalike.storage import postgres_notices
from artalike.storage.notices import Hear
from artalike.storage.postgres_dialect import ADVISORY

log = logging.getLogger(__name__)

PLACE: Final = 0x41525443
OPENING: Final = 0x41525444
READY: Final = 0x41525445

WAIT_SECONDS: Final = 5.0
"""For a place that is taken: whoever had it may be on the way out."""
LOOK_SECONDS: Final = 30.0
"""Between looks without a notification: a connection may be dead and not know it."""
BREATH_SECONDS: Final = 0.1
"""Between two looks at least: many commits are heard of together."""
ANSWER_SECONDS: Final = 10.0
AGAIN_SECONDS: Final = (0.1, 10.0)
FORGET_SECONDS: Final = 600.0

Connect = Callable[[], Awaitable[Any]]
"""A new connection of asyncpg's, in autocommit, through no pool: it holds locks, and listens."""


class Presence:
    """Use :meth:`open`; then :meth:`stay` while the process works."""

    def __init__(self, connect: Connect, lost: tuple[type[Exception], ...], where: str, *, alone: bool) -> None:
        self._connect = connect
        self._lost: tuple[type[Exception], ...] = (*lost, TimeoutError)
        self._failed: tuple[type[Exception], ...] = (*self._lost, StorageError)
        self._where = where
        self._alone = alone
        self._raw: Any = None
        self._woken = asyncio.Event()
        self._last = 0
        self._has_joined = False
        self.first = True
        """Nobody was there when it was opened."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, connect: Connect, lost: tuple[type[Exception], ...], where: str, *, alone: bool
    ) -> AsyncIterator[Presence]:
        """``lost`` are the errors of a server that is not there; ``where`` is the catalog's name, for people.

        Waits for others that are opening. Raises StartError where the catalog is another's, or others'.
        """
        presence = cls(connect, lost, where, alone=alone)
        try:
            presence._raw = await presence._come()
            if not alone:
                await presence._open()
            presence._last = await postgres_notices.last(presence._raw)
            yield presence
        finally:
            with anyio.CancelScope(shield=True), suppress(*presence._lost):
                if presence._raw is not None:
                    await presence._raw.close(timeout=ANSWER_SECONDS)

    async def joined(self) -> None:
        """All is open: others may follow."""
        if not self._alone and not self._has_joined:
            await self._raw.execute(f"SELECT pg_advisory_lock_shared({READY})")
            await self._raw.execute(f"SELECT pg_advisory_unlock({OPENING})")
        self._has_joined = True

    async def stay(self, hear: Hear) -> None:
        """For ever: keep the place, and let ``hear`` know what was told since :meth:`open`, by this process as well.

        A lost connection is made anew, and what was told meanwhile is heard then. Raises StartError where the place
        was taken by then.
        """
        failures, forget_at = 0, time.monotonic() + FORGET_SECONDS * random.random()
        while True:
            self._woken.clear()
            try:
                more = await self._look(hear)
                if time.monotonic() >= forget_at:
                    forget_at = time.monotonic() + FORGET_SECONDS
                    await postgres_notices.forget(self._raw)
            except self._failed as error:
                if not failures:
                    log.warning("%s; what others change is seen when it is back", _told(error))
                failures += 1
                if not isinstance(error, StorageError):
                    _terminate(self._raw)
                    self._raw = None
                await asyncio.sleep(min(AGAIN_SECONDS[0] * 2**failures, AGAIN_SECONDS[1]) * random.uniform(0.5, 1))
                continue
            failures = 0
            await asyncio.sleep(BREATH_SECONDS)
            if not more:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._woken.wait()

    async def _look(self, hear: Hear) -> bool:
        if self._raw is None:
            self._raw = await self._come()
        if self._alone:
            await self._raw.execute("SELECT 1", timeout=ANSWER_SECONDS)
            return False
        heard, last, more = await postgres_notices.read(self._raw, self._last, seconds=ANSWER_SECONDS)
        await hear(heard)
        self._last = last
        return more

    async def _come(self) -> Any:
        """A connection that has the place, and is woken."""
        raw = await self._connect()
        try:
            raw.add_termination_listener(lambda _: self._woken.set())
            await self._take_place(raw)
            if not self._alone:
                await raw.add_listener(postgres_notices.CHANNEL, lambda *_: self._woken.set())
            if not self._alone and self._has_joined:
                await raw.execute(f"SELECT pg_advisory_lock_shared({READY})")
        except BaseException:
            _terminate(raw)
            raise
        return raw

    async def _take_place(self, raw: Any) -> None:
        lock = "pg_try_advisory_lock" if self._alone else "pg_try_advisory_lock_shared"
        until = time.monotonic() + WAIT_SECONDS
        while not await raw.fetchval(f"SELECT {lock}({PLACE})"):
            if time.monotonic() >= until:
                raise StartError(await self._refused(raw))
            await asyncio.sleep(BREATH_SECONDS)

    async def _refused(self, raw: Any) -> str:
        rows = await raw.fetch(_WHO)
        who = ", ".join(f"{name} from {address or 'here'}" for name, address in rows)
        if self._alone:
            return (
                f"{self._where}: others are at work on it ({who}); expected nobody beside one that does "
                "everything: stop them, or share it by --role web and --role crawl"
            )
        return (
            f"{self._where}: one process has it to itself ({who}); "
            "expected that to be stopped: beside --role all there is no other"
        )

    async def _open(self) -> None:
        told = False
        while not await self._raw.fetchval(f"SELECT pg_try_advisory_lock({OPENING})"):
            if not told:
                log.info("%s: another process is opening it; this one follows", self._where)
            told = True
            await asyncio.sleep(BREATH_SECONDS)
        self.first = bool(await self._raw.fetchval(f"SELECT pg_try_advisory_lock({READY})"))
        if self.first:
            await self._raw.execute(f"SELECT pg_advisory_unlock({READY})")


def _terminate(raw: Any) -> None:
    """At once and without a word to the other side, which may be gone."""
    if raw is not None and not raw.is_closed():
        raw.terminate()


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, StorageError) else f"catalog: {error or type(error).__name__}"


_WHO: Final = f"""
SELECT DISTINCT application_name, host(client_addr) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE {ADVISORY} AND classid = 0 AND objid = {PLACE} AND granted AND pid <> pg_backend_pid()
"""
