"""How fast one host is asked: places, a rate, a crawl delay, and rests that it asked for.

A host's slot holds what is known of it and is dropped when it is at rest, as Scrapy's are. Times are of the clock that
is handed in, by default :func:`time.monotonic`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

LOCAL: Final = ""
"""The host of what lies on this machine: never busy."""
COLLECT_EVERY: Final = 256
"""New slots between two looks for those at rest."""
UNLIMITED: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class _Rule:
    concurrency: int
    interval: float  # seconds from one start to the next, 0 for none


@dataclass(slots=True)
class _Slot:
    rule: _Rule
    places: asyncio.Semaphore
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    used: int = 0  # under way, or waiting to be
    pause: float = 0.0  # seconds from one start to the next
    last_start: float = float("-inf")
    closed_until: float = 0.0

    def ready_at(self) -> float:
        return max(self.last_start + self.pause, self.closed_until)


class Slots:
    """The slots of all hosts.

    ``concurrency`` is requests to one host at once; ``rate`` requests a second to one host, 0 for no limit: a token
    bucket of one token, so that requests are spaced evenly and none ever comes in a burst.
    """

    def __init__(
        self,
        *,
        concurrency: int,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._rule = _rule(concurrency, rate)
        self._own_rules: dict[str, _Rule] = {}
        self._clock = clock
        self._sleep = sleep
        self._slots: dict[str, _Slot] = {}
        self._made = 0

    def __len__(self) -> int:
        return len(self._slots)

    def rule(self, host: str, *, rate: float, concurrency: int) -> None:
        """Another rate and concurrency for one host, from its next slot on. To be called before it is asked."""
        self._own_rules[host] = _rule(concurrency, rate)

    @asynccontextmanager
    async def hold(self, host: str, *, delay: float = 0.0) -> AsyncIterator[None]:
        """A request's place at its host, waited for in line and kept until the block ends.

        ``delay`` is the host's crawl delay in seconds; the slower of it and the rate counts.
        """
        if host == LOCAL:
            yield
            return
        slot = self._slot(host)
        slot.pause = max(slot.rule.interval, delay)
        slot.used += 1
        try:
            async with slot.places:
                await self._wait_turn(slot)
                yield
        finally:
            slot.used -= 1

    def back_off(self, host: str, seconds: float) -> None:
        """Start nothing at ``host`` for so long; what waits already waits on. A shorter rest changes nothing."""
        slot = self._slot(host)
        slot.closed_until = max(slot.closed_until, self._clock() + seconds)

    def free(self, host: str) -> int:
        """How many requests to ``host`` may start right now."""
        if host == LOCAL:
            return UNLIMITED
        slot = self._slots.get(host)
        if slot is not None:
            return self._free(slot)
        rule = self._rule_of(host)
        return 1 if rule.interval else rule.concurrency

    def ready_at(self, host: str) -> float:
        """When rate, delay and rest allow the next request to ``host``; in the past when they do already."""
        slot = self._slots.get(host)
        return slot.ready_at() if slot else 0.0

    def wait(self, host: str) -> float:
        """Seconds until :meth:`ready_at`, 0 or more."""
        return max(0.0, self.ready_at(host) - self._clock())

    def busy_hosts(self) -> frozenset[str]:
        """Hosts at which no request may start right now."""
        return frozenset(host for host, slot in self._slots.items() if self._free(slot) <= 0)

    def next_ready(self) -> float | None:
        """When the next busy host is ready again by time alone; None when only finished requests can free one."""
        now = self._clock()
        waiting = [
            slot.ready_at()
            for slot in self._slots.values()
            if slot.ready_at() > now and slot.used < slot.rule.concurrency
        ]
        return min(waiting, default=None)

    def _free(self, slot: _Slot) -> int:
        if slot.ready_at() > self._clock():
            return 0
        places = slot.rule.concurrency - slot.used
        return min(1 - slot.turn.locked(), places) if slot.pause else places

    async def _wait_turn(self, slot: _Slot) -> None:
        async with slot.turn:  # one watches the clock, the others stand in line behind it
            while (wait := slot.ready_at() - self._clock()) > 0:
                await self._sleep(wait)
            slot.last_start = self._clock()

    def _slot(self, host: str) -> _Slot:
        slot = self._slots.get(host)
        if slot is None:
            self._made += 1
            if self._made % COLLECT_EVERY == 0:
                self._collect()
            rule = self._rule_of(host)
            slot = self._slots[host] = _Slot(rule, asyncio.Semaphore(rule.concurrency), pause=rule.interval)
        return slot

    def _rule_of(self, host: str) -> _Rule:
        return self._own_rules.get(host, self._rule)

    def _collect(self) -> None:
        now = self._clock()
        for host in [host for host, slot in self._slots.items() if not slot.used and slot.ready_at() <= now]:
            del self._slots[host]


def _rule(concurrency: int, rate: float) -> _Rule:
    return _Rule(concurrency, 1.0 / rate if rate else 0.0)
