"""Searches that come at once go together, each with its own answer."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from artalike.errors import Overloaded, UsageError
from artalike.records import FloatArray, IdArray
from artalike.search.gather import SHALLOW, GatheredSearches
from artalike.storage.ports import Neighbors
from artalike.storage.vector_index import FlatIndex

DIMENSION = 8


class Gate(FlatIndex):
    """An index that answers when it is let to, and notes how it was asked: rows and k."""

    def __init__(self) -> None:
        super().__init__(DIMENSION, "test")
        self.open = asyncio.Event()
        self.asked: list[tuple[int, int]] = []

    async def search(
        self, vectors: FloatArray, k: int, *, max_id: int | None = None, among: IdArray | None = None
    ) -> list[Neighbors]:
        self.asked.append((len(vectors), k))
        async with asyncio.timeout(5):
            await self.open.wait()
        return await super().search(vectors, k, max_id=max_id, among=among)


def unit_rows(count: int, seed: int = 0) -> FloatArray:
    rows = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


async def filled(count: int = 300) -> Gate:
    index = Gate()
    await index.add(np.arange(1, count + 1), unit_rows(count))
    return index


async def a_moment() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_waits_goes_in_one_call_and_each_gets_its_own_answer() -> None:
    index = await filled()
    queries = unit_rows(9, seed=1)
    async with GatheredSearches(index, lanes=1) as gathered:
        tasks = [asyncio.create_task(gathered.search(queries[:1], 5))]
        await a_moment()
        tasks += [asyncio.create_task(gathered.search(queries[n : n + 1], 3 + n)) for n in range(1, 9)]
        await a_moment()
        index.open.set()
        answers = await asyncio.gather(*tasks)
    assert index.asked == [(1, 5), (8, 11)]
    for number, [answer] in enumerate(answers):
        [alone] = await FlatIndex.search(index, queries[number : number + 1], 5 if not number else 3 + number)
        assert answer.ids.tolist() == alone.ids.tolist()
        assert answer.scores == pytest.approx(alone.scores)


async def test_an_idle_index_makes_nobody_wait_and_lanes_share_what_waits() -> None:
    index = await filled()
    async with GatheredSearches(index, lanes=2) as gathered:
        first = [asyncio.create_task(gathered.search(unit_rows(1), 5)) for _ in range(2)]
        await a_moment()
        assert index.asked == [(1, 5), (1, 5)]
        rest = [asyncio.create_task(gathered.search(unit_rows(1), 5)) for _ in range(6)]
        await a_moment()
        assert len(index.asked) == 2
        index.open.set()
        await asyncio.gather(*first, *rest)
    assert sum(rows for rows, _ in index.asked) == 8
    assert len(index.asked) <= 4


async def test_a_call_has_at_most_so_many_rows() -> None:
    index = await filled()
    async with GatheredSearches(index, lanes=1, rows=4) as gathered:
        tasks = [asyncio.create_task(gathered.search(unit_rows(1), 5))]
        await a_moment()
        tasks += [asyncio.create_task(gathered.search(unit_rows(1), 5)) for _ in range(10)]
        index.open.set()
        await asyncio.gather(*tasks)
    assert [rows for rows, _ in index.asked] == [1, 4, 4, 2]


async def test_other_bounds_other_filters_and_deep_searches_go_alone() -> None:
    index = await filled()
    among = np.arange(1, 101)
    async with GatheredSearches(index, lanes=1) as gathered:
        tasks = [asyncio.create_task(gathered.search(unit_rows(1), 5))]
        await a_moment()
        query = unit_rows(1, seed=2)
        tasks += [
            asyncio.create_task(gathered.search(query, 5, max_id=50)),
            asyncio.create_task(gathered.search(query, 5, max_id=50)),
            asyncio.create_task(gathered.search(query, 5, among=among)),
            asyncio.create_task(gathered.search(query, SHALLOW + 1)),
            asyncio.create_task(gathered.search(query, 5)),
        ]
        await a_moment()
        index.open.set()
        _, [low], [same], [chosen], [deep], [free] = await asyncio.gather(*tasks)
    assert sorted(index.asked) == [(1, 5), (1, 5), (1, 5), (1, SHALLOW + 1), (2, 5)]
    assert low.ids.max() <= 50
    assert same.ids.tolist() == low.ids.tolist()
    assert chosen.ids.max() <= 100
    assert deep.ids.tolist()[:5] == free.ids.tolist()


async def test_deep_searches_take_turns_and_hold_nobody_up() -> None:
    index = await filled()
    async with GatheredSearches(index, lanes=2) as gathered:
        deep = [asyncio.create_task(gathered.search(unit_rows(1), SHALLOW + 1 + n)) for n in range(2)]
        await a_moment()
        others = [asyncio.create_task(gathered.search(unit_rows(1), 5)) for _ in range(2)]
        await a_moment()
        assert index.asked == [(1, SHALLOW + 1), (1, 5), (1, 5)]
        assert gathered.waiting == 1
        index.open.set()
        await asyncio.gather(*deep, *others)
    assert index.asked[3:] == [(1, SHALLOW + 2)]


async def test_what_a_caller_who_has_gone_asked_for_is_not_searched() -> None:
    index = await filled()
    async with GatheredSearches(index, lanes=1) as gathered:
        running = asyncio.create_task(gathered.search(unit_rows(1), 5))
        await a_moment()
        gone = [asyncio.create_task(gathered.search(unit_rows(1), 7)) for _ in range(3)]
        stays = asyncio.create_task(gathered.search(unit_rows(1), 9))
        await a_moment()
        for task in gone:
            task.cancel()
        await asyncio.wait(gone)
        index.open.set()
        await asyncio.gather(running, stays)
    assert index.asked == [(1, 5), (1, 9)]


async def test_a_caller_who_goes_while_it_is_searched_takes_nothing_from_the_others() -> None:
    index = await filled()
    async with GatheredSearches(index, lanes=1) as gathered:
        running = asyncio.create_task(gathered.search(unit_rows(1), 5))
        await a_moment()
        running.cancel()
        await asyncio.wait([running])
        other = asyncio.create_task(gathered.search(unit_rows(1), 6))
        await a_moment()
        assert index.asked == [(1, 5)]  # the lane is taken until the work is done
        index.open.set()
        [answer] = await other
    assert len(answer.ids) == 6


async def test_too_many_are_turned_away_and_told_when_to_come_again() -> None:
    index = await filled()
    async with GatheredSearches(index, lanes=1, waiting=2) as gathered:
        tasks = [asyncio.create_task(gathered.search(unit_rows(1), 5))]
        await a_moment()
        tasks += [asyncio.create_task(gathered.search(unit_rows(1), 5)) for _ in range(2)]
        await a_moment()
        with pytest.raises(Overloaded) as refused:
            await gathered.search(unit_rows(1), 5)
        assert refused.value.retry_after > 0
        index.open.set()
        await asyncio.gather(*tasks)
        await gathered.search(unit_rows(1), 5)


async def test_a_wrong_query_fails_alone() -> None:
    index = await filled()
    async with GatheredSearches(index, lanes=1) as gathered:
        tasks = [asyncio.create_task(gathered.search(unit_rows(1), 5))]
        await a_moment()
        tasks += [asyncio.create_task(gathered.search(rows, 5)) for rows in (unit_rows(1), 2 * unit_rows(1))]
        await a_moment()
        index.open.set()
        first, right, wrong = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(wrong, UsageError)
    assert not isinstance(first, BaseException)
    assert not isinstance(right, BaseException)


async def test_the_end_lets_run_what_runs_and_turns_away_what_waits() -> None:
    index = await filled()
    async with GatheredSearches(index, lanes=1) as gathered:
        running = asyncio.create_task(gathered.search(unit_rows(1), 5))
        await a_moment()
        waiting = asyncio.create_task(gathered.search(unit_rows(1), 5))
        await a_moment()
        asyncio.get_running_loop().call_later(0.05, index.open.set)
    assert len((await running)[0].ids) == 5
    for late in (waiting, gathered.search(unit_rows(1), 5)):
        with pytest.raises(Overloaded, match="shutting down"):
            await late


@pytest.mark.parametrize("k", [5, SHALLOW + 1])
async def test_whoever_asks_again_at_once_is_answered(k: int) -> None:
    """At the moment at which a lane has just come to its end."""
    index = await filled()
    index.open.set()
    async with asyncio.timeout(5), GatheredSearches(index, lanes=1) as gathered:
        for seed in range(20):
            assert len(await gathered.search(unit_rows(1, seed), k)) == 1
