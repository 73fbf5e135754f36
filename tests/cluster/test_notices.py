"""What processes tell each other through PostgreSQL: all of it, in its order, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from artalike.errors import StorageError
from artalike.storage.notices import Changed, Heard, Notice

asyncpg = pytest.importorskip("asyncpg", reason="asyncpg is not installed: pip install 'artalike[cluster]'")

from artalike.storage import postgres_notices  # noqa: E402  # asyncpg is of the extra `cluster`
from artalike.storage.postgres_notices import PostgresNotices, tell_within  # noqa: E402
from tests.cluster.postgres import Postgres, why_not  # noqa: E402

pytestmark = pytest.mark.cluster

Connect = Callable[[], Awaitable[Any]]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    if reason := why_not():
        pytest.skip(reason)
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
async def connect(server: Postgres) -> Connect:
    url = await asyncio.to_thread(server.new_database)
    durable = {"synchronous_commit": "on"}  # the tests' server forgets otherwise what it has just committed
    return lambda: asyncpg.connect(url, ssl=False, password="", timeout=10, server_settings=durable)


@pytest.fixture
async def notices(connect: Connect) -> PostgresNotices:
    return await PostgresNotices.open(connect)


def added(*ids: int) -> Notice:
    return Notice(Changed.ADDED, ids)


async def taken(heard: AsyncIterator[Heard], count: int) -> list[Notice]:
    """The next ``count`` notices, and no more."""
    found: list[Notice] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            one = await anext(heard)
            assert not one.all
            found += one.notices
    return found


async def nothing_comes(heard: AsyncIterator[Heard]) -> None:
    task = asyncio.ensure_future(anext(heard))
    await asyncio.sleep(0.2)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_all_hear_what_is_told_from_then_on(connect: Connect, notices: PostgresNotices) -> None:
    await notices.tell([added(1)])
    other = await PostgresNotices.open(connect)
    async with notices.listen() as here, other.listen() as there:
        told = [added(2, 3), Notice(Changed.BLOCKS), Notice(Changed.REMOVED, (2,)), Notice(Changed.SEEDS, (7,))]
        await other.tell(told)
        await notices.tell([])
        assert await taken(here, 4) == told
        assert await taken(there, 4) == told
        await nothing_comes(here)


async def test_what_a_transaction_tells_is_heard_with_its_commit_alone(
    connect: Connect, notices: PostgresNotices
) -> None:
    class Connection:
        def __init__(self, raw: Any) -> None:
            self.raw = raw

        async def execute(self, sql: str, values: Any = ()) -> None:
            await self.raw.execute(sql, *values)

    raw = await connect()
    try:
        async with notices.listen() as heard:
            transaction = raw.transaction()
            await transaction.start()
            await tell_within(Connection(raw), [added(1)])
            await transaction.rollback()
            transaction = raw.transaction()
            await transaction.start()
            await tell_within(Connection(raw), [added(2)])
            later = asyncio.create_task(notices.tell([added(3)]))
            await asyncio.sleep(0.2)
            assert not later.done()  # whoever has the smaller number is seen first
            await transaction.commit()
            await later
            assert await taken(heard, 2) == [added(2), added(3)]
    finally:
        raw.terminate()


async def test_many_at_once_come_in_one_order_to_everybody(
    notices: PostgresNotices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_notices, "READ_MOST", 7)
    async with notices.listen() as one, notices.listen() as other:
        await asyncio.gather(*(notices.tell([added(n), added(n + 100)]) for n in range(20)))
        first = await taken(one, 40)
        assert first == await taken(other, 40)
        assert sorted(notice.ids[0] for notice in first) == [*range(20), *range(100, 120)]


async def test_a_lost_connection_loses_nothing_and_repeats_nothing(
    server: Postgres, connect: Connect, notices: PostgresNotices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_notices, "AGAIN_SECONDS", (0.01, 0.1))
    async with notices.listen() as heard:
        await notices.tell([added(1)])
        assert await taken(heard, 1) == [added(1)]
        raw = await connect()
        await raw.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        raw.terminate()
        await notices.tell([added(2)])
        assert await taken(heard, 1) == [added(2)]
        await notices.tell([added(3)])
        await asyncio.to_thread(server.kill)
        with pytest.raises(StorageError):
            await notices.tell([added(99)])
        waiting = asyncio.create_task(taken(heard, 2))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(server.start)
        await notices.tell([added(4)])
        assert await waiting == [added(3), added(4)]
        await nothing_comes(heard)


async def test_a_silent_connection_is_looked_behind(
    connect: Connect, notices: PostgresNotices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_notices, "LOOK_SECONDS", 0.1)
    async with notices.listen() as heard:
        raw = await connect()
        await raw.execute("INSERT INTO notices (what, ids) VALUES ('added', '{5}')")  # and no NOTIFY
        raw.terminate()
        assert await taken(heard, 1) == [added(5)]


async def test_who_was_away_for_long_is_told_to_look_at_everything(
    notices: PostgresNotices, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with notices.listen() as heard:
        await notices.tell([added(1)])
        await taken(heard, 1)
        monkeypatch.setattr(postgres_notices, "KEPT_SECONDS", 0.0)
        await asyncio.sleep(0.1)
        await notices.tell([added(2)])  # and forgets the first
        async with asyncio.timeout(10):
            assert (await anext(heard)).all


async def test_without_a_server_listening_says_so(unused_tcp_port: int) -> None:
    url = f"postgresql://a@127.0.0.1:{unused_tcp_port}/a"
    nobody = PostgresNotices(lambda: asyncpg.connect(url, ssl=False, password=""))
    with pytest.raises(StorageError):
        async with nobody.listen():
            pass
    with pytest.raises(StorageError):
        await nobody.tell([added(1)])
