"""What processes tell each other through PostgreSQL, and who may be at a catalog beside whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest

from artalike.errors import StartError, StorageError
from artalike.storage import postgres_notices, postgres_presence
from artalike.storage.catalog import Database, Guarded, Place
from artalike.storage.notices import Changed, Heard, Notice
from tests.cluster.postgres import Postgres, served

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    yield from served()


@pytest.fixture
async def url(server: Postgres) -> str:
    return await asyncio.to_thread(server.new_database)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_presence, "WAIT_SECONDS", 0.2)
    monkeypatch.setattr(postgres_presence, "AGAIN_SECONDS", (0.01, 0.1))


class Ear:
    """What one process has heard."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.notices: list[Notice] = []
        self.missed = 0
        self.woken = 0
        self._came = asyncio.Event()

    async def hear(self, heard: Heard) -> None:
        self.notices += [Notice(notice.what, notice.ids) for notice in heard.notices]
        self.missed += heard.all
        self.woken += 1
        self._came.set()

    async def has(self, *notices: Notice) -> None:
        """Wait for these, and for nothing else."""
        with suppress(TimeoutError):
            async with asyncio.timeout(20):
                while len(self.notices) < len(notices):
                    self._came.clear()
                    await self._came.wait()
        assert self.notices == list(notices)


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[Ear]:
    async with Database.open(url, place=Place.SHARED) as database:
        await database.joined()
        ear = Ear(database)
        staying = asyncio.create_task(database.stay(ear.hear))
        try:
            yield ear
        finally:
            staying.cancel()
            await asyncio.gather(staying, return_exceptions=True)


async def tell(database: Database, what: Changed, *ids: int, fails: bool = False) -> None:
    async with database.write() as connection:
        connection.tell(what, ids)
        if fails:
            raise ZeroDivisionError


def added(*ids: int) -> Notice:
    return Notice(Changed.ADDED, ids)


async def test_all_hear_what_is_told_from_then_on_with_its_commit_alone(url: str) -> None:
    async with Database.open(url) as early:
        await tell(early, Changed.ADDED, 1)
    async with listening(url) as here, listening(url) as there:
        with pytest.raises(ZeroDivisionError):
            await tell(here.database, Changed.ADDED, 2, fails=True)
        async with there.database.write() as connection:
            connection.tell(Changed.ADDED, [3])
            connection.tell(Changed.ADDED, [4])
            connection.tell(Changed.BLOCKS, [1])
            connection.tell(Changed.REMOVED, [])
        told = (added(3, 4), Notice(Changed.BLOCKS, (1,)))
        await here.has(*told)
        await there.has(*told)


async def test_many_at_once_come_in_one_order_to_everybody(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_notices, "READ_MOST", 7)
    monkeypatch.setattr(postgres_presence, "BREATH_SECONDS", 0.001)
    async with listening(url) as one, listening(url) as other:
        await asyncio.gather(*(tell(ear.database, Changed.ADDED, n) for n in range(20) for ear in (one, other)))
        async with asyncio.timeout(20):
            while min(len(one.notices), len(other.notices)) < 40:
                await asyncio.sleep(0.01)
        assert one.notices == other.notices
        assert sorted(notice.ids[0] for notice in one.notices) == sorted([*range(20)] * 2)
        assert one.missed == 0


async def test_counts_that_others_have_changed_wake_too(url: str) -> None:
    async with listening(url) as ear, Database.open(url) as other:
        async with asyncio.timeout(20):
            while not ear.woken:
                await asyncio.sleep(0.01)
            before = ear.woken
            async with other.write() as connection:
                await connection.execute("UPDATE seeds SET found = found")
            while ear.woken == before:
                await asyncio.sleep(0.01)
        assert ear.notices == []


@pytest.mark.usefixtures("impatient")
async def test_a_lost_connection_loses_nothing_and_repeats_nothing(server: Postgres, url: str) -> None:
    async with listening(url) as ear, Database.open(url) as other:
        await tell(other, Changed.ADDED, 1)
        await ear.has(added(1))
        async with other.read() as connection:
            await connection.execute_fetchall(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name <> 'artalike' "
                "AND pid <> pg_backend_pid() AND datname = current_database()"
            )
        await tell(other, Changed.ADDED, 2)
        await ear.has(added(1), added(2))
        async with other.write() as connection:  # the tests' server forgets otherwise what it has just committed
            await connection.execute("SET LOCAL synchronous_commit = on")
            connection.tell(Changed.ADDED, [3])
        await asyncio.to_thread(server.kill)
        with pytest.raises(StorageError):
            await tell(other, Changed.ADDED, 99)
        await asyncio.sleep(0.3)
        await asyncio.to_thread(server.start)
        await tell(other, Changed.ADDED, 4)
        await ear.has(added(1), added(2), added(3), added(4))
        assert ear.missed == 0


async def test_what_could_not_be_followed_is_told_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_presence, "AGAIN_SECONDS", (0.01, 0.1))
    heard: list[Heard] = []

    async def hear(one: Heard) -> None:
        heard.append(one)
        if len(heard) < 3:
            raise StorageError("not now")

    async with Database.open(url, place=Place.SHARED) as database, asyncio.timeout(20):
        staying = asyncio.create_task(database.stay(hear))
        await tell(database, Changed.REMOVED, 5)
        while not any(one.notices for one in heard[2:]):
            await asyncio.sleep(0.01)
        staying.cancel()


async def test_a_silent_connection_is_looked_behind(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_presence, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(postgres_notices, "WAKE_AND_COMMIT", "COMMIT")
    async with listening(url) as ear:
        await tell(ear.database, Changed.ADDED, 5)
        await ear.has(added(5))


async def test_who_was_away_for_long_is_told_to_look_at_everything(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Database.open(url, place=Place.SHARED) as database, Database.open(url) as other:
        for number in range(3):
            await tell(other, Changed.ADDED, number)
        async with other.write() as connection:
            await connection.execute("UPDATE notices SET told_at = 0")
            await postgres_notices.forget(connection.raw)  # type: ignore[attr-defined]  # asyncpg's own
        ear = Ear(database)
        staying = asyncio.create_task(database.stay(ear.hear))
        await ear.has(added(2))
        assert ear.missed == 1
        await tell(other, Changed.ADDED, 3)
        await ear.has(added(2), added(3))
        assert ear.missed == 1
        staying.cancel()


@pytest.mark.usefixtures("impatient")
async def test_who_does_everything_is_alone(url: str) -> None:
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(Database.open(url, place=Place.SHARED))
        assert web.first
        await web.joined()
        crawl = await stack.enter_async_context(Database.open(url, place=Place.SHARED))
        assert not crawl.first
        with pytest.raises(
            StartError, match=r"others are at work on it \(artalike, process [0-9]+ of .* from 127.0.0.1"
        ):
            await stack.enter_async_context(Database.open(url, place=Place.ALONE))
        async with Database.open(url):
            pass
    async with Database.open(url, place=Place.ALONE) as database:
        assert database.first
        for place in (Place.ALONE, Place.SHARED):
            with pytest.raises(StartError, match=r"at work on it|has it to itself"):
                await stack.enter_async_context(Database.open(url, place=place))
    async with Database.open(url, place=Place.SHARED) as database:
        assert database.first


async def test_those_that_share_open_one_after_the_other(url: str) -> None:
    async with Database.open(url, place=Place.SHARED) as first, AsyncExitStack() as stack:
        second = asyncio.create_task(stack.enter_async_context(Database.open(url, place=Place.SHARED)))
        await asyncio.sleep(0.5)
        assert not second.done()
        await first.joined()
        assert not (await second).first


@pytest.mark.usefixtures("impatient")
async def test_a_place_that_another_took_meanwhile_is_given_up(server: Postgres, url: str) -> None:
    async def hear(_: Heard) -> None:
        pass

    async with Database.open(url, place=Place.ALONE) as database, AsyncExitStack() as stack:
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await stack.enter_async_context(Database.open(url, place=Place.ALONE))
        with pytest.raises(StartError, match="at work on it"):
            await asyncio.wait_for(database.stay(hear), 20)


async def test_what_is_guarded_is_done_by_one_after_the_other_or_by_many_together(url: str) -> None:
    async with Database.open(url) as one, Database.open(url) as other:
        inside: list[str] = []

        async def enter(database: Database, name: str, *, together: bool) -> None:
            async with database.guarded(Guarded.FOLLOWING, together=together):
                inside.append(name)
                await asyncio.sleep(0.3)
                inside.append(name)

        await asyncio.gather(enter(one, "a", together=False), enter(other, "b", together=False))
        assert inside in (["a", "a", "b", "b"], ["b", "b", "a", "a"])
        inside.clear()
        await asyncio.gather(enter(one, "a", together=True), enter(other, "b", together=True))
        assert inside[:2] in (["a", "b"], ["b", "a"])
        async with one.guarded(Guarded.FOLLOWING):
            task: asyncio.Task[Any] = asyncio.create_task(enter(other, "c", together=True))
            await asyncio.sleep(0.2)
            assert "c" not in inside
        await task
