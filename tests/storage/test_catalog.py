from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from artalike import config
from artalike.errors import SettingError
from artalike.records import Candidate
from artalike.storage.catalog import Database
from artalike.storage.seeds import CrawlQueue
from tests.storage.conftest import on_sqlite


async def counted(database: Database) -> int:
    async with database.read() as connection:
        [[count]] = await connection.execute_fetchall("SELECT count(*) FROM seeds")
    return int(count)


@on_sqlite
async def test_whoever_goes_away_while_waiting_to_write_leaves_the_catalog_to_others(
    database: Database, frontier: CrawlQueue, tmp_path: Path
) -> None:
    def other_program() -> sqlite3.Connection:
        connection = sqlite3.connect(tmp_path / "catalog.sqlite3", isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN IMMEDIATE")
        return connection

    other = await asyncio.to_thread(other_program)
    impatient = asyncio.create_task(frontier.add_seed(Candidate("https://a.example/", kind="page"), "a", {}))
    await asyncio.sleep(0.1)
    impatient.cancel()
    await asyncio.sleep(0)
    await asyncio.to_thread(other.execute, "ROLLBACK")
    await asyncio.to_thread(other.close)
    with pytest.raises(asyncio.CancelledError):
        await impatient
    await frontier.add_seed(Candidate("https://b.example/", kind="page"), "b", {})
    assert [seed.source for seed in await frontier.seeds()] == ["b"]


async def test_whoever_goes_away_at_any_moment_has_written_all_or_nothing(
    database: Database, frontier: CrawlQueue
) -> None:
    for moment in range(60):
        root = Candidate(f"https://a.example/{moment}", kind="page")
        writing = asyncio.create_task(frontier.add_seed(root, root.url, {}))
        for _ in range(moment):
            await asyncio.sleep(0.0001)
        writing.cancel()
        await asyncio.wait([writing])
        assert writing.cancelled() or writing.exception() is None
    seeds = await frontier.seeds()
    assert [(seed.found, seed.pending) for seed in seeds] == [(1, 1)] * len(seeds)
    assert database.seed_counts.seeds == await counted(database) == len(seeds)


def test_an_address_of_another_kind_is_refused_without_its_password() -> None:
    with pytest.raises(SettingError, match="ARTALIKE_STORAGE__CATALOG") as told:
        config.load(environment={"ARTALIKE_STORAGE__CATALOG": "mysql://me:secret@127.0.0.1/pictures"})
    assert "secret" not in str(told.value)
