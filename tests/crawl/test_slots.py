"""Places, rates, delays and rests of hosts, on a clock that the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from itertools import pairwise

import pytest

from artalike.crawl.slots import COLLECT_EVERY, KEPT_LONGER_SECONDS, Slots


class Clock:
    """A clock that moves only when somebody sleeps on it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def slots_with(clock: Clock, *, concurrency: int = 2, rate: float = 0.0) -> Slots:
    return Slots(concurrency=concurrency, rate=rate, clock=clock, sleep=clock.sleep)


async def starts(slots: Slots, clock: Clock, hosts: Iterable[str], *, delay: float | None = None) -> list[float]:
    """When each of the holds begins, seconds from now, one after the other."""
    begin, times = clock.now, []
    for host in hosts:
        async with slots.hold(host, delay=delay):
            times.append(clock.now - begin)
    return times


async def test_a_rate_spaces_the_starts_evenly() -> None:
    clock = Clock()
    assert await starts(slots_with(clock, rate=4), clock, ["a"] * 5) == [0, 0.25, 0.5, 0.75, 1.0]


async def test_an_idle_host_gathers_no_burst() -> None:
    clock = Clock()
    slots = slots_with(clock, rate=2)
    await starts(slots, clock, ["a"])
    clock.now += 100
    assert await starts(slots, clock, ["a"] * 3) == [0, 0.5, 1.0]


async def test_hosts_do_not_wait_for_each_other() -> None:
    clock = Clock()
    assert await starts(slots_with(clock, rate=1), clock, ["a", "b", "c"]) == [0, 0, 0]


@pytest.mark.parametrize(("rate", "delay", "expected"), [(0, 3, 3), (1, 3, 3), (0.2, 3, 5), (0, 0, 0)])
async def test_the_slower_of_rate_and_crawl_delay_counts(rate: float, delay: float, expected: float) -> None:
    clock = Clock()
    assert await starts(slots_with(clock, rate=rate), clock, ["a"] * 2, delay=delay) == [0, expected]


async def test_a_crawl_delay_counts_from_the_request_before_it_was_known() -> None:
    clock = Clock()
    slots = slots_with(clock)
    await starts(slots, clock, ["a"])
    assert await starts(slots, clock, ["a"], delay=10) == [10]


async def test_a_rest_holds_back_new_and_waiting_requests() -> None:
    clock = Clock()
    slots = slots_with(clock)
    slots.back_off("a", 30)
    slots.back_off("a", 10)
    assert (slots.free("a"), slots.ready_at("a"), slots.wait("a")) == (0, clock.now + 30, 30)
    assert (slots.busy_hosts(), slots.next_ready()) == (frozenset("a"), clock.now + 30)
    assert await starts(slots, clock, ["a", "b"]) == [30, 30]
    assert (slots.busy_hosts(), slots.next_ready(), slots.wait("a")) == (frozenset(), None, 0)


async def test_a_rest_that_begins_while_one_waits_is_kept() -> None:
    clock = Clock()
    again = iter([20.0])

    async def rest_again(seconds: float) -> None:
        clock.now += seconds
        slots.back_off("a", next(again, 0.0))

    slots = Slots(concurrency=2, rate=0, clock=clock, sleep=rest_again)
    slots.back_off("a", 5)
    assert await starts(slots, clock, ["a"]) == [25]


async def test_concurrency_is_kept_and_places_are_given_back() -> None:
    clock = Clock()
    slots = slots_with(clock, concurrency=3)
    running = peak = 0

    async def work() -> None:
        nonlocal running, peak
        async with slots.hold("a"):
            running += 1
            peak = max(peak, running)
            await asyncio.sleep(0.001)
            running -= 1

    assert (slots.free("a"), slots.limit("a")) == (1, 3)
    await starts(slots, clock, ["a"] * 2)  # a slow start: two good answers, two more places
    assert slots.free("a") == 3
    async with slots.hold("a"), slots.hold("a"):
        assert slots.free("a") == 1
        async with slots.hold("a"):
            assert (slots.free("a"), slots.busy_hosts(), slots.next_ready()) == (0, frozenset("a"), None)
    await asyncio.gather(*(work() for _ in range(20)))
    assert peak == 3
    assert slots.free("a") == 3


async def test_with_a_rate_at_most_one_may_start_now() -> None:
    clock = Clock()
    slots = slots_with(clock, concurrency=3, rate=1)
    assert slots.free("a") == 1
    await starts(slots, clock, ["a"])
    assert slots.free("a") == 0
    clock.now += 1
    assert slots.free("a") == 1


async def test_who_is_cancelled_while_waiting_leaves_its_place() -> None:
    slots = Slots(concurrency=1, rate=0)
    slots.back_off("a", 60)
    waiting = [asyncio.create_task(_hold(slots)) for _ in range(3)]
    await asyncio.sleep(0.01)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    slots._slots["a"].closed_until = 0
    assert slots.free("a") == 1
    await asyncio.wait_for(_hold(slots), 1)


async def test_a_host_may_have_its_own_rule() -> None:
    clock = Clock()
    slots = slots_with(clock, concurrency=1, rate=1)
    slots.rule("fast", rate=0, concurrency=8)
    assert (slots.limit("fast"), slots.limit("slow")) == (8, 1)
    assert await starts(slots, clock, ["fast"] * 9) == [0] * 9
    assert slots.free("fast") == 8
    assert await starts(slots, clock, ["slow"] * 3) == [0, 1, 2]


async def test_local_files_need_no_slot() -> None:
    slots = slots_with(Clock(), concurrency=1, rate=0.001)
    async with slots.hold(""), slots.hold(""), slots.hold(""):
        assert slots.free("") > 100
    assert len(slots) == 0


async def test_slots_at_rest_are_collected_and_no_others() -> None:
    clock = Clock()
    slots = slots_with(clock, rate=1)
    slots.back_off("resting", 10_000)
    async with slots.hold("held"):
        for number in range(20 * COLLECT_EVERY):
            await starts(slots, clock, [f"host{number}"])
            clock.now += 0.1
        assert len(slots) < 2 * COLLECT_EVERY
        assert {"resting", "held"} <= set(slots._slots)
    assert slots.busy_hosts() >= {"resting"}


async def test_a_crawl_delay_once_heard_counts_until_another_is() -> None:
    clock = Clock()
    slots = slots_with(clock)
    assert await starts(slots, clock, ["a"], delay=10) == [0]
    assert await starts(slots, clock, ["a"]) == [10]
    assert await starts(slots, clock, ["a"], delay=0) == [0]


async def test_each_round_of_good_answers_doubles_the_places() -> None:
    slots = slots_with(Clock(), concurrency=12)
    sizes = []
    for _ in range(6):
        size = slots.free("a")
        sizes.append(size)
        async with AsyncExitStack() as held:
            for _ in range(size):
                await held.enter_async_context(slots.hold("a"))
    assert sizes == [1, 2, 4, 8, 12, 12]


async def test_who_waits_is_let_in_as_places_grow_and_never_more_than_the_limit() -> None:
    slots = Slots(concurrency=4, rate=0)
    running = peak = 0

    async def work() -> None:
        nonlocal running, peak
        async with slots.hold("a"):
            running += 1
            peak = max(peak, running)
            try:
                await asyncio.sleep(0)
            finally:
                running -= 1

    workers = [asyncio.create_task(work()) for _ in range(200)]
    for number, worker in enumerate(workers):
        await asyncio.sleep(0)
        if number % 3 == 0:
            worker.cancel()
    await asyncio.wait_for(asyncio.gather(*workers, return_exceptions=True), 5)
    assert peak == 4
    assert (slots.free("a"), slots._slots["a"].running, len(slots._slots["a"].line)) == (4, 0, 0)


async def test_an_overloaded_host_gets_half_at_once_and_half_as_often() -> None:
    clock = Clock()
    slots = slots_with(clock, concurrency=8, rate=4)
    await starts(slots, clock, ["a"] * 8)
    clock.now += 1
    async with slots.hold("a") as turn:
        turn.overloaded()
    [state] = slots.statistics()
    assert (state.host, state.places, state.limit, state.used) == ("a", 4, 8, 0)
    assert (state.pause, state.rest) == (0.5, 0.5)
    assert (slots.free("a"), slots.busy_hosts(), slots.next_ready()) == (0, frozenset("a"), clock.now + 0.5)
    times = await starts(slots, clock, ["a"] * 30)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == sorted(gaps, reverse=True)  # it comes back by small steps
    assert gaps[-1] == 0.25 == min(gaps)


async def test_what_a_host_could_not_bear_is_not_forgotten_with_its_slot() -> None:
    clock = Clock()
    slots = slots_with(clock)
    async with slots.hold("a") as turn:
        turn.overloaded()
    clock.now += 60
    await starts(slots, clock, (f"host{number}" for number in range(2 * COLLECT_EVERY)))
    assert "a" in slots._slots
    clock.now += KEPT_LONGER_SECONDS
    await starts(slots, clock, (f"other{number}" for number in range(2 * COLLECT_EVERY)))
    assert "a" not in slots._slots


async def test_an_error_says_nothing_of_the_hosts_strength() -> None:
    slots = slots_with(Clock())
    for error in (RuntimeError(), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            async with slots.hold("a"):
                raise error
    assert slots.free("a") == 1


async def _hold(slots: Slots) -> None:
    async with slots.hold("a"):
        pass
