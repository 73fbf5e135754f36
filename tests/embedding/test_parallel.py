"""Several batches beside each other, where the network can be used so."""

from __future__ import annotations

import asyncio
import threading

import pytest

from artalike.embedding.batcher import Batcher
from artalike.embedding.parallel import embed_all, threads_of
from artalike.errors import EmbedError, Overloaded
from artalike.records import FloatArray, PixelArray
from tests.embedding.test_batcher import BAD, Fake, picture, running, start, until, value_of


class Several(Fake):
    """Says that ``at_once`` threads may use it, and counts how many do."""

    def __init__(self, at_once: int, seconds: float = 0.0) -> None:
        super().__init__(seconds)
        self.at_once = at_once
        self.now = self.most = 0
        self._lock = threading.Lock()

    def embed(self, batch: PixelArray) -> FloatArray:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            return super().embed(batch)
        finally:
            with self._lock:
                self.now -= 1


@pytest.mark.parametrize(("at_once", "threads", "most"), [(3, 3, 3), (2, 8, 2), (8, 2, 2), (1, 4, 1)])
async def test_as_many_batches_run_as_the_network_and_the_settings_allow(at_once: int, threads: int, most: int) -> None:
    network = Several(at_once)
    network.gate.clear()
    async with running(network, threads=threads, batch_size=2) as batcher:
        embedded = [start(batcher.embed(picture(value))) for value in range(1, 17)]
        await until(lambda: network.now == most)
        await asyncio.sleep(0.05)
        assert network.most == most
        network.gate.set()
        assert [value_of(vector) for vector in await asyncio.gather(*embedded)] == list(range(1, 17))
        assert batcher.statistics().batches == 8


async def test_a_query_takes_the_first_thread_that_is_free() -> None:
    network = Several(2)
    network.gate.clear()
    async with running(network, threads=2, batch_size=2) as batcher:
        ingest = [start(batcher.embed(picture(value))) for value in range(1, 9)]
        await until(lambda: network.now == 2)
        query = start(batcher.embed(picture(42), urgent=True))
        await asyncio.sleep(0)
        network.gate.set()
        assert value_of(await query) == 42
        await asyncio.gather(*ingest)
    assert network.batches.index([42]) == 2


async def test_one_bad_picture_costs_nobody_else_in_any_thread() -> None:
    network = Several(2)
    async with running(network, threads=2, batch_size=4) as batcher:
        values = [*range(1, 8), BAD, *range(10, 18)]
        found = await asyncio.gather(*(batcher.embed(picture(value)) for value in values), return_exceptions=True)
    assert [value_of(vector) for vector in found if not isinstance(vector, BaseException)] == [
        value for value in values if value != BAD
    ]
    assert [type(outcome) for outcome in found if isinstance(outcome, BaseException)] == [EmbedError]


async def test_at_the_end_all_running_batches_end_and_who_waits_is_turned_away() -> None:
    network = Several(2)
    network.gate.clear()
    async with Batcher(network, batch_size=1, batch_seconds=0.0, threads=2) as batcher:
        await batcher.wait_ready()
        embedded = [start(batcher.embed(picture(value))) for value in (1, 2, 3)]
        await until(lambda: network.now == 2)
        asyncio.get_running_loop().call_later(0.05, network.gate.set)
    found = await asyncio.gather(*embedded, return_exceptions=True)
    assert [value_of(vector) for vector in found if not isinstance(vector, BaseException)] == [1, 2]
    assert isinstance(found[2], Overloaded)


async def test_busy_seconds_are_of_one_clock() -> None:
    network = Several(4, seconds=0.2)
    async with running(network, threads=4, batch_size=1, batch_seconds=0.0) as batcher:
        await asyncio.gather(*(batcher.embed(picture(value)) for value in range(1, 5)))
        assert 0.19 < batcher.statistics().busy_seconds < 0.6


def test_many_batches_come_back_in_their_order() -> None:
    network = Several(3, seconds=0.01)
    batches = [picture(value)[None] for value in range(1, 10)]
    assert [value_of(vectors[0]) for vectors in embed_all(network, batches)] == list(range(1, 10))
    assert 1 < network.most <= 3
    assert threads_of(Fake()) == 1
