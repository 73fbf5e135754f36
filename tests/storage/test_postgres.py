"""What is of PostgreSQL alone: several processes, a server that goes away, whose database it is."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from artalike.config import Storage
from artalike.errors import FolderTooNew, SettingError, StorageError
from artalike.records import Candidate, Metadata
from artalike.storage import postgres_leases
from artalike.storage.catalog import Database, Place, open_catalog
from artalike.storage.images import Images
from artalike.storage.postgres_dialect import translated
from artalike.storage.seeds import CrawlQueue
from tests.cluster.postgres import Postgres
from tests.storage.conftest import DIMENSION, MODEL, POSTGRES, embedding_of, leased, pictures, seed_with

LIST = "https://lists.example/1.txt"
"""From a host of its own, which is leased to whoever has read it."""

pytestmark = pytest.mark.cluster

on_postgres = pytest.mark.parametrize("catalog", [POSTGRES], indirect=True)


@pytest.fixture
async def other(catalog: str) -> AsyncIterator[CrawlQueue]:
    """The frontier as another process has it."""
    async with Database.open(catalog) as database:
        yield CrawlQueue(database)


@on_postgres
async def test_a_host_is_one_workers_at_a_time(frontier: CrawlQueue, other: CrawlQueue) -> None:
    await seed_with(frontier, [*pictures("1", "2", "3"), *pictures("4", "5", host="b.example")], LIST)
    first = await frontier.lease(1, busy_hosts=(), per_host=1)
    mine = {task.host for task in first}
    theirs = await leased(other)
    assert {task.host for task in theirs} == {"a.example", "b.example"} - mine
    assert await leased(other) == []
    assert {task.host for task in await leased(frontier)} == mine
    due = await other.next_due()
    assert due is None or due > 0


@on_postgres
async def test_no_row_is_leased_twice_by_many_at_once(frontier: CrawlQueue, other: CrawlQueue) -> None:
    hosts = [f"h{number}.example" for number in range(8)]
    await seed_with(frontier, [one for host in hosts for one in pictures(*map(str, range(5)), host=host)], LIST)
    answers = await asyncio.gather(*(one.lease(6, busy_hosts=(), per_host=3) for one in (frontier, other) * 6))
    tasks = [task.id for answer in answers for task in answer]
    assert len(tasks) == len(set(tasks)) > 0


@on_postgres
async def test_what_a_worker_that_has_ended_had_leased_is_due_again(catalog: str, frontier: CrawlQueue) -> None:
    await seed_with(frontier, pictures("1", "2", host="c.example"), LIST)
    async with Database.open(catalog) as database:
        assert len(await leased(CrawlQueue(database))) == 2
        assert await frontier.recover() == 0, "it is there"
    assert await frontier.recover() == 2


async def kill(database: Database, which: str = "pid <> pg_backend_pid()") -> None:
    """As the server sees a process that was killed: its connections end."""
    async with database.read() as connection:
        await connection.execute_fetchall(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND {which}"
        )


@on_postgres
async def test_what_a_killed_process_had_leased_is_back_at_once_for_who_comes_alone(
    catalog: str, database: Database, frontier: CrawlQueue
) -> None:
    await seed_with(frontier, pictures("1", "2", host="c.example"), LIST)
    async with Database.open(catalog, place=Place.ALONE) as killed:
        assert len(await leased(CrawlQueue(killed))) == 2
        await kill(database)
        async with Database.open(catalog, place=Place.ALONE) as next_one:
            queue = CrawlQueue(next_one)
            assert await queue.recover() == 2
            due = await queue.next_due()
            assert due is not None
            assert due < time.time() + 5, "nor does the host keep it waiting"


@on_postgres
async def test_what_a_killed_process_had_leased_is_back_soon_for_those_beside_it(
    catalog: str, database: Database, frontier: CrawlQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_leases, "BEAT_SECONDS", 1000)  # else it would be found to live
    await seed_with(frontier, [*pictures("1", "2", host="c.example"), *pictures("3", host="d.example")], LIST)
    async with (
        Database.open(catalog) as beside,
        Database.open(catalog) as alive,
        Database.open(catalog) as killed,
    ):
        assert len(await CrawlQueue(alive).lease(9, busy_hosts=["c.example"], per_host=9)) == 1
        assert len(await leased(CrawlQueue(killed))) == 2
        await kill(database, OF_ITS_LOCK)
        queue = CrawlQueue(beside)
        assert await queue.recover() == 0, "its connection may be made anew"
        monkeypatch.setattr(postgres_leases, "LOST_SECONDS", 0)
        assert await queue.recover() == 2


OF_ITS_LOCK = """
pid IN (SELECT pid FROM pg_locks JOIN frontier ON (classid::bigint << 32) | objid::bigint = worker
        WHERE locktype = 'advisory' AND host = 'c.example')
"""
"""The connection that holds the lock of the worker that has leased from there."""


@on_postgres
async def test_others_go_on_when_the_server_was_lost_and_is_back(
    postgres: Postgres, database: Database, images: Images, frontier: CrawlQueue
) -> None:
    await seed_with(frontier, pictures("1", "2"))
    tasks = await leased(frontier)
    await images.commit([embedding_of(tasks[0])])
    await asyncio.to_thread(postgres.kill)
    try:
        with pytest.raises(StorageError):
            await images.commit([embedding_of(tasks[1])])
    finally:
        await asyncio.to_thread(postgres.start)
    assert (await images.embedded_ids()).tolist() == [1]
    await images.commit([embedding_of(tasks[1])])
    assert len(await images.embedded_ids()) == 2
    assert await database.check() == []


@on_postgres
async def test_the_setting_chooses_it(catalog: str, tmp_path: Path, frontier: CrawlQueue) -> None:
    await seed_with(frontier, pictures("1"))
    async with open_catalog(Storage(data=tmp_path, catalog=catalog)) as database:
        assert database.seed_counts.pending == 1
    assert not list(tmp_path.iterdir())


@on_postgres
async def test_a_catalog_of_a_newer_program_is_refused(catalog: str) -> None:
    async with Database.open(catalog) as database, database.write() as connection:
        await connection.execute("UPDATE artalike_schema SET version = 999")
    with pytest.raises(FolderTooNew, match="schema 999 was written by a newer Artalike"):
        async with Database.open(catalog):
            pass


@on_postgres
async def test_another_programs_database_is_refused_and_left_alone(catalog: str, postgres: Postgres) -> None:
    async with Database.open(catalog) as database, database.write() as connection:
        await connection.execute("DROP TABLE artalike_schema")
    with pytest.raises(StorageError, match="database of another program"):
        async with Database.open(catalog):
            pass


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:secret@127.0.0.1:1/nowhere",
        "postgresql://me:secret@127.0.0.1:x/nowhere",
        "mysql://me:secret@127.0.0.1/nowhere",
        "postgresql://me:secret@127.0.0.1/nowhere?sslmode=secret",
        "postgresql://me:secret@127.0.0.1/nowhere?target_session_attrs=no",
    ],
)
async def test_a_password_is_in_no_error(address: str) -> None:
    with pytest.raises((StorageError, SettingError)) as told:
        async with Database.open(address):
            pass
    assert ":secret@" not in str(told.value)


@on_postgres
async def test_both_kinds_of_catalog_have_the_same_columns(database: Database, tmp_path: Path) -> None:
    async with database.read() as connection:
        rows = await connection.execute_fetchall(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
        )
    theirs = {(table, column) for table, column in rows if not table.startswith(("texts", "artalike_"))}
    async with Database.open(tmp_path / "catalog.sqlite3"):
        pass
    ours = await asyncio.to_thread(_columns, tmp_path / "catalog.sqlite3")
    of_many = {(table, column) for table, column in theirs if table in {"workers", "host_leases", "notices"}}
    assert theirs - of_many - {("frontier", "worker")} == ours


def _columns(path: Path) -> set[tuple[str, str]]:
    connection = sqlite3.connect(path)
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
    found = {
        (table, row[1])
        for (table,) in tables
        if not table.startswith(("texts", "sqlite_"))
        for row in connection.execute(f"PRAGMA table_info({table})")
    }
    connection.close()
    return found


@on_postgres
async def test_an_address_of_any_length_is_kept_once(frontier: CrawlQueue) -> None:
    long = "https://a.example/" + "".join(chr(97 + (number * 7919) % 26) for number in range(7900)) + ".jpg"
    await seed_with(frontier, [Candidate(long, metadata=Metadata(title="x")), Candidate(long)])
    assert [task.url for task in await leased(frontier)] == [long]


@on_postgres
async def test_what_was_committed_is_there_for_another_process(
    catalog: str, images: Images, frontier: CrawlQueue
) -> None:
    await seed_with(frontier, pictures("1", "2"))
    await images.commit([embedding_of(task) for task in await leased(frontier)])
    async with Database.open(catalog) as database:
        there = await Images.open(database, MODEL, DIMENSION)
        assert (there.counts.images, there.counts.max_id) == (2, 2)


def test_parameters_are_numbered_as_by_sqlite() -> None:
    assert translated("SELECT ?, ?3, ?, '?', 'it''s ?' || ?1") == "SELECT $1, $3, $4, '?', 'it''s ?' || $1"
    assert not re.search(r"\?", translated("x IN (SELECT value FROM json_each(?))"))
