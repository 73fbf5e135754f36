"""What other processes tell is followed here: tested with one, to which is told what others would tell."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from artalike import hearing
from artalike.events import Event, EventBus
from artalike.hearing import Hearing
from artalike.storage.blocks import BlockKind, Blocks, store_block
from artalike.storage.catalog import Connection, Database
from artalike.storage.images import Images
from artalike.storage.notices import Changed, Heard, Notice
from artalike.storage.seeds import CrawlQueue
from artalike.storage.tombstones import remove_images
from tests.storage.conftest import DIMENSION, MODEL, embedding_of, leased, pictures, seed_with


class Other:
    """The catalog as two processes have it: one that changes it, and one that hears of that."""

    def __init__(self, database: Database, blocks: Blocks, images: Images, here: Images) -> None:
        self.database = database
        self.images = images
        self.here = here
        self.frontier = CrawlQueue(database)
        self.blocks = blocks
        self.events = EventBus()
        self.woken = self.arrived = 0
        self.hear = Hearing(
            database=database,
            images=lambda: here,
            blocks=blocks,
            events=self.events,
            describe=lambda image: {"id": image.id},
            arrived=self._arrive,
            wake=self._wake,
        )

    def _arrive(self, count: int) -> None:
        self.arrived += count

    def _wake(self) -> None:
        self.woken += 1

    async def told(self, *notices: Notice, everything: bool = False) -> list[Event]:
        """What galleries hear of it."""
        async with self.events.subscribe() as subscription:
            await self.hear(Heard(notices, all=everything))
            subscription.close()
            return [event async for event in subscription]

    async def bring_in(self, *names: str) -> tuple[int, ...]:
        await seed_with(self.frontier, pictures(*names))
        return tuple(one.id for one in await self.images.commit([embedding_of(t) for t in await leased(self.frontier)]))

    async def take_out(self, *ids: int) -> None:
        async with self.database.write() as connection:
            await remove_images(connection, ids, block=None)


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[Other]:
    async with Database.open(tmp_path / "catalog.sqlite3") as database:
        images, here = [await Images.open(database, MODEL, DIMENSION) for _ in range(2)]
        yield Other(database, Blocks(), images, here)


async def test_pictures_are_counted_when_they_come_and_shown_when_they_can_be_searched(other: Other) -> None:
    ids = await other.bring_in("a", "b")
    assert await other.told(Notice(Changed.ADDED, ids)) == []
    assert (other.here.counts.images, other.here.counts.max_id, other.arrived) == (2, 2, 0)
    events = await other.told(Notice(Changed.SEARCHABLE, ids, own=True))
    assert [(event.name, event.id) for event in events] == [("image", 1), ("image", 2)]
    assert other.arrived == 2


async def test_what_has_gone_is_told_once_and_never_shown(other: Other) -> None:
    ids = await other.bring_in("a", "b")
    await other.take_out(ids[0])
    events = await other.told(
        Notice(Changed.ADDED, ids), Notice(Changed.REMOVED, ids[:1]), Notice(Changed.SEARCHABLE, ids)
    )
    assert [(event.name, event.data["id"]) for event in events] == [("removed", 1), ("image", 2)]
    assert (other.here.counts.images, other.here.recently_removed) == (1, [1])
    assert await other.told(Notice(Changed.REMOVED, ids[:1], own=True)) == []


async def test_who_missed_some_counts_everything(other: Other) -> None:
    ids = await other.bring_in("a", "b", "c")
    await other.told(Notice(Changed.ADDED, ids))
    await other.take_out(ids[1])
    async with other.database.write() as connection:
        block = await store_block(connection, BlockKind.HOST, "bad.example", None)
    [event] = await other.told(everything=True)
    assert (event.name, event.data) == ("removed", {"id": 2})
    assert (other.here.counts.images, other.here.counts.seeds, other.woken) == (2, 1, 1)
    assert other.blocks.all() == [block]


async def test_a_flood_is_shown_by_its_end(other: Other, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "SHOWN_MOST", 2)
    ids = await other.bring_in("a", "b", "c")
    events = await other.told(Notice(Changed.ADDED, ids), Notice(Changed.SEARCHABLE, ids))
    assert [(event.name, event.id) for event in events] == [("missed", None), ("image", 2), ("image", 3)]
    assert (events[0].data, other.arrived) == ({"count": 1}, 3)


async def test_seeds_wake_the_crawler_and_counts_alone_do_not(other: Other) -> None:
    await other.told()
    assert other.woken == 0
    await other.told(Notice(Changed.SEEDS, (1,)))
    assert other.woken == 1


async def test_blocks_that_others_change_are_followed_by_their_numbers(other: Other) -> None:
    told: list[tuple[int, list[int]]] = []

    class Telling:
        """A connection that has been told of blocks."""

        def __init__(self, connection: Connection) -> None:
            self._connection = connection

        async def told_since(self, what: Changed, after: int) -> tuple[int, list[int]]:
            assert what is Changed.BLOCKS
            found = [one for one in told if one[0] > after]
            return max((number for number, _ in found), default=after), [i for _, ids in found for i in ids]

        def __getattr__(self, name: str) -> Any:
            return getattr(self._connection, name)

    @asynccontextmanager
    async def following() -> AsyncIterator[Any]:
        async with other.database.read() as connection:
            yield Telling(connection)

    async with other.database.write() as connection:
        one = await store_block(connection, BlockKind.HOST, "one.example", None)
        two = await store_block(connection, BlockKind.HOST, "two.example", None)
    told.append((5, [one.id, two.id]))
    async with following() as connection:
        await other.blocks.follow(connection)
    assert other.blocks.reason("http://sub.one.example/x") is not None
    async with other.database.write() as writing:
        await writing.execute("DELETE FROM blocks WHERE id = ?", (one.id,))
    told.append((9, [one.id]))
    async with following() as connection:
        await other.blocks.follow(connection)
    assert other.blocks.all() == [two]
