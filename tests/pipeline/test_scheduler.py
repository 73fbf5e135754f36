"""What starts when: many hosts, slow and fast, over a real frontier."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from artalike.config import Settings
from artalike.crawl.slots import Slots
from artalike.pipeline.room import DiskRoom
from artalike.pipeline.scheduler import Scheduler
from artalike.records import Candidate, Task
from artalike.storage.catalog import Database
from artalike.storage.seeds import CrawlQueue
from tests.storage.conftest import pictures, seed_with


class Counted(CrawlQueue):
    leases = 0

    async def lease(self, *arguments: Any, **options: Any) -> list[Task]:
        self.leases += 1
        return await super().lease(*arguments, **options)


@pytest.fixture
async def frontier(tmp_path: Path) -> AsyncIterator[Counted]:
    async with Database.open(tmp_path / "catalog.sqlite3") as database:
        yield Counted(database)


class Work:
    """Takes its host's slot for a while, as a fetch does, and settles the task."""

    def __init__(self, frontier: Counted, slots: Slots, seconds: float = 0.0) -> None:
        self.frontier, self.slots, self.seconds = frontier, slots, seconds
        self.started: list[tuple[str, float]] = []
        self.at_once: Counter[str] = Counter()
        self.most = 0
        self._now: Counter[str] = Counter()

    async def __call__(self, task: Task) -> None:
        async with self.slots.hold(task.host):
            self.started.append((task.host, time.monotonic()))
            self._now[task.host] += 1
            self.at_once[task.host] = max(self.at_once[task.host], self._now[task.host])
            self.most = max(self.most, self._now.total())
            await asyncio.sleep(self.seconds)
            self._now[task.host] -= 1
        await self.frontier.finish(task)

    def of(self, host: str) -> int:
        return sum(at == host for at, _ in self.started)


@asynccontextmanager
async def scheduling(frontier: Counted, work: Work, **crawl: float) -> AsyncIterator[Scheduler]:
    settings = Settings.model_validate({"crawl": crawl, "download": {"workers": 8}})
    scheduler = Scheduler(frontier, work.slots, settings, DiskRoom(), work)
    run = asyncio.create_task(scheduler.run())
    try:
        yield scheduler
    finally:
        scheduler.stop()
        await run


async def until_done(frontier: Counted, seed: int) -> None:
    async with asyncio.timeout(10):
        while (await frontier.seed(seed)).pending:
            await asyncio.sleep(0.01)


async def test_everything_is_done_within_the_limits(frontier: Counted) -> None:
    found = [c for host in range(6) for c in pictures(*map(str, range(20)), host=f"h{host}.example")]
    seed = await seed_with(frontier, found)
    work = Work(frontier, Slots(concurrency=2, rate=0), 0.005)
    async with scheduling(frontier, work, host_rate=0, host_concurrency=2):
        await until_done(frontier, seed)
    assert len(work.started) == 120
    assert max(work.at_once.values()) == 2
    assert work.most <= 8


async def test_many_slow_hosts_do_not_hold_up_a_fast_one(frontier: Counted) -> None:
    slots = Slots(concurrency=2, rate=0)
    for number in range(100):
        slots.rule(f"slow{number}.example", rate=0.01, concurrency=1)
    slow = [c for n in range(100) for c in pictures(*map(str, range(20)), host=f"slow{n}.example")]
    await seed_with(frontier, slow, source="https://slow.example/list.txt")
    work = Work(frontier, slots)
    async with scheduling(frontier, work, host_rate=0, host_concurrency=2) as scheduler:
        await asyncio.sleep(0.5)
        await frontier.add_seed(Candidate("https://fast.example/l.txt", kind="list"), "https://fast.example/", {})
        scheduler.wake()
        started = time.monotonic()
        async with asyncio.timeout(5):
            while not work.of("fast.example"):
                await asyncio.sleep(0.01)
        assert time.monotonic() - started < 2
    assert max(Counter(host for host, _ in work.started).values()) <= 2


async def test_however_many_slow_hosts_there_are_what_waits_for_them_keeps_nobody_out(
    frontier: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artalike.pipeline.scheduler.HELD_TASKS", 16)
    slots = Slots(concurrency=2, rate=0)
    for number in range(30):
        slots.rule(f"slow{number}.example", rate=0.01, concurrency=2)
    slow = [c for n in range(30) for c in pictures(*map(str, range(20)), host=f"slow{n}.example")]
    slow_seed = await seed_with(frontier, slow, source="https://slow.example/list.txt")
    work = Work(frontier, slots)
    async with scheduling(frontier, work, host_rate=0, host_concurrency=2) as scheduler:
        await asyncio.sleep(0.5)
        fast = await seed_with(frontier, pictures(*map(str, range(50)), host="fast.example"))
        scheduler.wake()
        await until_done(frontier, fast)
        assert scheduler.waiting <= 16
    assert len({host for host, _ in work.started}) == 31
    assert (await frontier.seed(slow_seed)).pending == 30 * 20 - 30


async def test_waiting_for_a_busy_host_costs_no_polling(frontier: Counted) -> None:
    await seed_with(frontier, pictures(*map(str, range(50))))
    work = Work(frontier, Slots(concurrency=2, rate=0), 0.5)
    async with scheduling(frontier, work, host_rate=0, host_concurrency=2):
        await asyncio.sleep(0.4)
        before = frontier.leases
        await asyncio.sleep(1.2)
        assert frontier.leases - before <= 12
    assert work.of("a.example") <= 10


async def test_what_was_not_started_is_given_back(frontier: Counted) -> None:
    seed = await seed_with(frontier, pictures(*map(str, range(30))))
    work = Work(frontier, Slots(concurrency=1, rate=0), 0.1)
    async with scheduling(frontier, work, host_rate=0, host_concurrency=1):
        await asyncio.sleep(0.25)
    assert await frontier.recover() == 0
    assert (await frontier.seed(seed)).pending == 30 - len(work.started)


async def test_documents_that_take_long_keep_no_picture_out_and_let_each_other_pass(frontier: Counted) -> None:
    museums = [Candidate(f"museum{number}:", kind="list") for number in range(30)]
    for museum in museums:
        await frontier.add_seed(museum, museum.url, {})
    work = Work(frontier, Slots(concurrency=2, rate=0), 0.8)
    async with scheduling(frontier, work, host_rate=0, host_concurrency=2) as scheduler:
        await asyncio.sleep(0.3)
        assert (scheduler.running, scheduler.documents_wait) == (8, True)
        await seed_with_pictures(frontier)
        scheduler.wake()
        async with asyncio.timeout(0.4):
            while not work.of("fast.example"):
                await asyncio.sleep(0.01)


async def seed_with_pictures(frontier: Counted) -> None:
    seed = await frontier.add_seed(Candidate("https://fast.example/1.jpg"), "https://fast.example/1.jpg", {})
    assert seed.pending == 1
