"""Batches, lanes, bounds, failures and the end of the batcher, with a network that the tests steer."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

import numpy as np
import pytest

from artalike.embedding import Batcher
from artalike.errors import EmbedError, FailureKind, ModelUnavailable, Overloaded
from artalike.records import FloatArray, PixelArray

BAD, NOT_FINITE, ZERO = 250, 251, 252
"""Pictures of these values make the network raise, or give a vector of no use."""


def picture(value: int = 1) -> PixelArray:
    return np.full((4, 4, 3), value, np.uint8)


class Fake:
    """A network that remembers its batches and can be held. Its vectors name the picture: (value, 1) normalised."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.batches: list[list[int]] = []
        self.threads: set[int] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.seconds = seconds

    def __call__(self) -> Self:
        """Loads itself."""
        self.threads.add(threading.get_ident())
        return self

    def embed(self, batch: PixelArray) -> FloatArray:
        values = batch[:, 0, 0, 0].astype(int)
        self.batches.append(values.tolist())
        self.threads.add(threading.get_ident())
        assert self.gate.wait(10)
        time.sleep(self.seconds)
        if BAD in values:
            raise RuntimeError("bad picture")
        vectors = np.stack([values, np.ones_like(values)], axis=1).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors[values == NOT_FINITE] = np.nan
        vectors[values == ZERO] = 0
        return vectors


class Speaking(Fake):
    """Its vectors of texts name the length of the text. Batches of texts stand in ``batches`` as those lengths."""

    def embed_texts(self, texts: Sequence[str]) -> FloatArray:
        if "bad" in texts:
            self.batches.append([len(text) for text in texts])
            raise RuntimeError("bad text")
        return self.embed(np.stack([picture(len(text)) for text in texts]))


def value_of(vector: FloatArray) -> int:
    return round(float(vector[0] / vector[1]))


@asynccontextmanager
async def running(network: Fake, **options: Any) -> AsyncIterator[Batcher]:
    settings: dict[str, Any] = {"batch_size": 4, "batch_seconds": 0.05, **options}
    async with asyncio.timeout(20), Batcher(network, **settings) as batcher:
        await batcher.wait_ready()
        yield batcher


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def start(call: Coroutine[Any, Any, FloatArray]) -> asyncio.Task[FloatArray]:
    return asyncio.create_task(call)


@asynccontextmanager
async def held(network: Fake, batcher: Batcher) -> AsyncIterator[asyncio.Task[FloatArray]]:
    """While the network is busy with a picture of value 99."""
    network.gate.clear()
    first = start(batcher.embed(picture(99), urgent=True))
    seen = len(network.batches)
    await until(lambda: len(network.batches) > seen)
    try:
        yield first
    finally:
        network.gate.set()


async def test_pictures_are_joined_and_each_gets_its_own_vector() -> None:
    network = Fake()
    async with running(network) as batcher:
        vectors = await asyncio.gather(*(batcher.embed(picture(value)) for value in range(1, 9)))
        assert [value_of(vector) for vector in vectors] == list(range(1, 9))
        assert network.batches == [[1, 2, 3, 4], [5, 6, 7, 8]]
        assert all(vector.dtype == np.float32 and vector.shape == (2,) for vector in vectors)
        statistics = batcher.statistics()
    assert (statistics.batches, statistics.pictures, statistics.failed, statistics.queued) == (2, 8, 0, 0)


async def test_a_lone_picture_waits_no_longer_than_the_bound() -> None:
    async with running(Fake(), batch_seconds=0.2) as batcher:
        started = time.perf_counter()
        await batcher.embed(picture())
        assert 0.19 < time.perf_counter() - started < 5.0


async def test_the_bound_counts_from_the_first_picture() -> None:
    network = Fake()
    async with running(network, batch_size=100, batch_seconds=0.3) as batcher:
        started = time.perf_counter()
        first = start(batcher.embed(picture(1)))
        others = []
        while not first.done():  # a steady trickle must not put the batch off
            others.append(start(batcher.embed(picture(2))))
            await asyncio.sleep(0.01)
        assert time.perf_counter() - started < 5.0
        assert len(network.batches[0]) > 3
        await asyncio.gather(*others)


async def test_a_full_batch_does_not_wait() -> None:
    async with running(Fake(), batch_seconds=15.0) as batcher:
        async with asyncio.timeout(5):
            await asyncio.gather(*(batcher.embed(picture()) for _ in range(4)))


async def test_what_gathered_behind_a_running_batch_does_not_wait_again() -> None:
    network = Fake()
    async with running(network, batch_seconds=0.8) as batcher:
        async with held(network, batcher):
            waiting = start(batcher.embed(picture(1)))
            await asyncio.sleep(0.85)
        released = time.perf_counter()
        await waiting
        assert time.perf_counter() - released < 0.6


async def test_a_query_does_not_wait_and_passes_in_front() -> None:
    network = Fake()
    async with running(network, batch_seconds=15.0) as batcher:
        async with held(network, batcher):
            ingest = [start(batcher.embed(picture(value))) for value in (1, 2, 3, 4)]
            await asyncio.sleep(0)
            query = start(batcher.embed(picture(7), urgent=True))
            await asyncio.sleep(0)
            assert batcher.statistics().urgent_queued == 1
            assert batcher.statistics().queued == 4
        assert value_of(await query) == 7
        await asyncio.gather(*ingest)
        assert network.batches == [[99], [7], [1, 2, 3, 4]]
        waiting = start(batcher.embed(picture(5)))
        await asyncio.sleep(0)
        assert value_of(await batcher.embed(picture(8), urgent=True)) == 8  # while a batch is being filled
        waiting.cancel()


async def test_a_text_does_not_wait_and_passes_in_front() -> None:
    network = Speaking()
    async with running(network, batch_seconds=15.0) as batcher:
        async with held(network, batcher):
            ingest = [start(batcher.embed(picture(value))) for value in (11, 12, 13, 14)]
            question = asyncio.create_task(batcher.embed_texts(["wave", "boat!"]))
            query = start(batcher.embed(picture(17), urgent=True))
            other = asyncio.create_task(batcher.embed_texts(["sea"]))
            await asyncio.sleep(0)
            assert batcher.statistics().urgent_queued == 4
        vectors = await question
        assert vectors is not None
        assert [value_of(vector) for vector in vectors] == [4, 5]
        assert value_of(await query) == 17
        await asyncio.gather(*ingest, other)
        assert network.batches == [[99], [4, 5], [17], [3], [11, 12, 13, 14]]
        statistics = batcher.statistics()
        assert (statistics.texts, statistics.pictures, statistics.batches) == (3, 6, 5)


async def test_texts_that_come_at_once_share_a_batch() -> None:
    network = Speaking()
    async with running(network) as batcher:
        async with held(network, batcher):
            questions = [asyncio.create_task(batcher.embed_texts(["a" * n])) for n in (1, 2, 3, 4, 5)]
            await asyncio.sleep(0)
        answers = await asyncio.gather(*questions)
        assert [value_of(answer[0]) for answer in answers if answer is not None] == [1, 2, 3, 4, 5]
        assert network.batches == [[99], [1, 2, 3, 4], [5]]


async def test_a_network_without_texts_or_still_loading_takes_none() -> None:
    async with running(Fake()) as batcher:
        assert await batcher.embed_texts(["wave"]) is None
    gate = threading.Event()

    def load() -> Speaking:
        assert gate.wait(10)
        return Speaking()

    async with asyncio.timeout(20), Batcher(load, batch_size=4, batch_seconds=0.0) as batcher:
        assert await batcher.embed_texts(["wave"]) is None
        gate.set()
        await batcher.wait_ready()
        assert await batcher.embed_texts(["wave"]) is not None
    with pytest.raises(Overloaded):
        await batcher.embed_texts(["wave"])


async def test_a_text_that_fails_costs_its_own_question_alone() -> None:
    network = Speaking()
    async with running(network, batch_size=2) as batcher:
        async with held(network, batcher):
            questions = [asyncio.create_task(batcher.embed_texts(texts)) for texts in (["bad", "sea", "x"], ["wave"])]
            await asyncio.sleep(0)
        outcomes = await asyncio.gather(*questions, return_exceptions=True)
        assert isinstance(outcomes[0], EmbedError)
        assert "bad text" in str(outcomes[0])
        assert isinstance(outcomes[1], np.ndarray)
        assert batcher.statistics().urgent_queued == 0


async def test_a_cancelled_question_takes_its_texts_back() -> None:
    network = Speaking()
    async with running(network) as batcher:
        async with held(network, batcher):
            question = asyncio.create_task(batcher.embed_texts(["wave", "sea"]))
            other = asyncio.create_task(batcher.embed_texts(["boats"]))
            await asyncio.sleep(0)
            question.cancel()
            await asyncio.sleep(0)
            assert batcher.statistics().urgent_queued == 1
        await other
        assert network.batches == [[99], [5]]


async def test_too_many_texts_are_turned_away() -> None:
    network = Speaking()
    async with running(network, urgent_pending=3) as batcher:
        async with held(network, batcher):
            question = asyncio.create_task(batcher.embed_texts(["wave", "sea"]))
            await asyncio.sleep(0)
            with pytest.raises(Overloaded):
                await batcher.embed_texts(["boat", "sky"])
            last = asyncio.create_task(batcher.embed_texts(["boat"]))
        await asyncio.gather(question, last)


async def test_one_bad_picture_fails_alone() -> None:
    network = Fake()
    async with running(network) as batcher:
        outcomes = await asyncio.gather(
            *(batcher.embed(picture(value)) for value in (1, BAD, 3, 4)), return_exceptions=True
        )
        assert network.batches == [[1, BAD, 3, 4], [1], [BAD], [3], [4]]
        assert [value_of(outcomes[i]) for i in (0, 2, 3)] == [1, 3, 4]  # type: ignore[arg-type]  # or fails below
        error = outcomes[1]
        assert isinstance(error, EmbedError)
        assert error.kind == FailureKind.EMBEDDING
        assert "bad picture" in str(error)
        assert batcher.statistics().failed == 1
        assert value_of(await batcher.embed(picture(9))) == 9


async def test_a_picture_of_another_size_fails_alone() -> None:
    async with running(Fake(), batch_size=2) as batcher:
        good, odd = batcher.embed(picture(5)), batcher.embed(np.zeros((2, 4), np.uint8))
        vector, error = await asyncio.gather(good, odd, return_exceptions=True)
        assert not isinstance(vector, BaseException)
        assert value_of(vector) == 5
        assert isinstance(error, EmbedError)


@pytest.mark.parametrize("value", [NOT_FINITE, ZERO])
async def test_a_vector_of_no_use_is_an_error(value: int) -> None:
    async with running(Fake()) as batcher:
        good, bad = await asyncio.gather(
            batcher.embed(picture(5)), batcher.embed(picture(value)), return_exceptions=True
        )
        assert isinstance(good, np.ndarray)
        assert isinstance(bad, EmbedError)


async def test_a_network_that_gives_too_few_vectors_fails_each_picture() -> None:
    class Short(Fake):
        def embed(self, batch: PixelArray) -> FloatArray:
            return super().embed(batch)[:-1]

    async with running(Short(), batch_size=2) as batcher:
        outcomes = await asyncio.gather(*(batcher.embed(picture()) for _ in range(2)), return_exceptions=True)
        assert all(isinstance(outcome, EmbedError) for outcome in outcomes)


async def test_a_cancelled_caller_takes_the_picture_back() -> None:
    network = Fake()
    async with running(network) as batcher:
        async with held(network, batcher) as first:
            waiting = [start(batcher.embed(picture(value))) for value in (1, 2, 3)]
            await asyncio.sleep(0)
            waiting[1].cancel()
            await asyncio.sleep(0)
            assert batcher.statistics().queued == 2
            first.cancel()  # is being embedded: nobody takes the result
        await asyncio.gather(*waiting, return_exceptions=True)
        assert waiting[1].cancelled()
        assert network.batches == [[99], [1, 3]]


async def test_ingest_waits_at_the_door_when_too_many_are_pending() -> None:
    network = Fake()
    async with running(network, batch_size=2, pending=3, batch_seconds=0.0) as batcher:
        async with held(network, batcher):
            tasks = [start(batcher.embed(picture(value))) for value in range(10)]
            tasks[6].cancel()  # before the door
            for _ in range(5):
                await asyncio.sleep(0)
            assert batcher.statistics().queued == 3
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(outcome, np.ndarray) for outcome in outcomes) == 9


async def test_too_many_queries_are_turned_away() -> None:
    network = Fake()
    async with running(network, urgent_pending=2) as batcher:
        async with held(network, batcher):
            queries = [start(batcher.embed(picture(1), urgent=True)) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(Overloaded):
                await batcher.embed(picture(1), urgent=True)
        await asyncio.gather(*queries)
        await batcher.embed(picture(1), urgent=True)


async def test_the_loop_runs_on_while_the_network_works() -> None:
    network = Fake(seconds=0.3)
    async with running(network, batch_seconds=0.0) as batcher:
        waiting = start(batcher.embed(picture()))
        turns = 0
        while not waiting.done():
            await asyncio.sleep(0.005)
            turns += 1
        assert turns > 5  # one or two if the network ran on the loop
        assert batcher.statistics().busy_seconds >= 0.3
    assert len(network.threads) == 1
    assert threading.get_ident() not in network.threads


async def test_pictures_are_taken_while_the_network_loads() -> None:
    network, gate = Fake(), threading.Event()

    def load() -> Fake:
        assert gate.wait(10)
        return network

    async with Batcher(load, batch_size=4, batch_seconds=0.0) as batcher:
        early = start(batcher.embed(picture(3)))
        readiness = [batcher.ready]
        await asyncio.sleep(0.05)
        assert not early.done()
        gate.set()
        await batcher.wait_ready()
        readiness.append(batcher.ready)
        assert value_of(await early) == 3
    readiness.append(batcher.ready)
    assert readiness == [False, True, False]


def failing() -> Fake:
    raise ModelUnavailable("no such model")


async def test_a_failed_load_reaches_everyone() -> None:
    async with Batcher(failing, batch_size=1, batch_seconds=0.0, pending=1) as batcher:
        waiting = [start(batcher.embed(picture())) for _ in range(3)]  # two of them before the door
        waiting.append(start(batcher.embed(picture(), urgent=True)))
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [ModelUnavailable] * 4
        with pytest.raises(ModelUnavailable):
            await batcher.wait_ready()
        with pytest.raises(ModelUnavailable):
            await batcher.embed(picture())
        assert not batcher.ready


async def test_a_failed_load_that_nobody_saw_reaches_the_owner() -> None:
    with pytest.raises(ModelUnavailable):
        async with Batcher(failing, batch_size=1, batch_seconds=0.0):
            await asyncio.sleep(0.1)


async def test_the_owners_own_error_is_not_hidden() -> None:
    async def own() -> None:
        async with Batcher(failing, batch_size=1, batch_seconds=0.0):
            await asyncio.sleep(0.1)
            raise KeyError("mine")

    with pytest.raises(KeyError):
        await own()


async def test_closing_ends_the_running_batch_and_turns_away_the_rest() -> None:
    network = Fake()
    async with running(network, batch_size=1, pending=2) as batcher:
        network.gate.clear()
        first = start(batcher.embed(picture(5)))
        await until(lambda: network.batches == [[5]])
        queued = [start(batcher.embed(picture(6))) for _ in range(4)]  # one in the lane, three before the door
        queued.append(start(batcher.embed(picture(7), urgent=True)))
        await asyncio.sleep(0.01)
        opener = threading.Timer(0.1, network.gate.set)
        opener.start()
    assert value_of(await first) == 5
    outcomes = await asyncio.gather(*queued, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Overloaded] * 5
    with pytest.raises(Overloaded):
        await batcher.embed(picture())
    assert network.batches == [[5]]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("embed")]
    opener.join()


async def test_closing_does_not_block_the_loop() -> None:
    network = Fake(seconds=0.3)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    async with running(network, batch_seconds=0.0) as batcher:
        waiting = start(batcher.embed(picture()))
        await until(lambda: bool(network.batches))
        ticks = 0
    assert ticks > 5
    await waiting
    ticking.cancel()


async def test_closing_while_loading_joins_the_thread() -> None:
    gate = threading.Event()

    def load() -> Fake:
        assert gate.wait(10)
        return Fake()

    opener = threading.Timer(0.1, gate.set)
    async with Batcher(load, batch_size=1, batch_seconds=0.0) as batcher:
        waiting = start(batcher.embed(picture()))
        await asyncio.sleep(0)
        opener.start()
    with pytest.raises(Overloaded):
        await waiting
    with pytest.raises(Overloaded):
        await batcher.wait_ready()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("embed")]
    opener.join()


async def test_a_cancelled_owner_still_joins_the_thread() -> None:
    network = Fake(seconds=0.2)
    seen: list[asyncio.Task[FloatArray]] = []

    async def own() -> None:
        async with running(network, batch_seconds=0.0) as batcher:
            seen.append(start(batcher.embed(picture(2))))
            await asyncio.sleep(30)

    owner = asyncio.create_task(own())
    await until(lambda: bool(network.batches))
    owner.cancel()
    with pytest.raises(asyncio.CancelledError):
        await owner
    assert value_of(await seen[0]) == 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("embed")]
