"""How fast one host is asked: places, a rate, a crawl delay, and rests that it asked for.

A host's slot holds what is known of it and is dropped when it has been at rest, as Scrapy's are. Times are of the clock
that is handed in, by default :func:`time.monotonic`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from artalike.crawl.hosts import HostRule, HostRules
from artalike.crawl.pace import Pace

LOCAL: Final = ""
"""The host of what lies on this machine: never busy."""
COLLECT_EVERY: Final = 256
"""New slots between two looks for those at rest."""
KEPT_SECONDS: Final = 10.0
KEPT_LONGER_SECONDS: Final = 600.0
"""How long a host's slot is kept after its last request; longer where it has stepped back, so as not to forget that."""
UNLIMITED: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class HostState:
    """One host now. ``places`` of ``limit`` requests at once are allowed and ``used`` are under way or waiting to be;
    ``pause`` is seconds from one start to the next, ``rest`` seconds until the next may begin, ``latency`` seconds to
    the first byte of its last answers, averaged. ``rate`` is requests a second at most, 0 for no limit, of which
    ``share`` is used now; ``delay`` is the seconds between requests that its robots.txt asks for; ``closed`` how much
    longer it has asked to be left alone. ``started`` counts the requests since it became known.
    """

    host: str
    places: int
    limit: int
    used: int
    pause: float
    rest: float
    latency: float
    rate: float
    share: float
    delay: float
    closed: float
    started: int


@dataclass(frozen=True, slots=True)
class _Rule:
    rate: float
    concurrency: int

    @property
    def interval(self) -> float:
        return 1.0 / self.rate if self.rate else 0.0


@dataclass(slots=True)
class _Slot:
    rule: _Rule
    pace: Pace
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    line: deque[asyncio.Future[None]] = field(default_factory=deque)
    running: int = 0
    used: int = 0  # under way, or waiting to be
    started: int = 0
    delay: float = 0.0
    last_start: float = float("-inf")
    closed_until: float = 0.0

    @property
    def pause(self) -> float:
        return self.pace.pause(max(self.rule.interval, self.delay))

    def ready_at(self) -> float:
        return max(self.last_start + self.pause, self.closed_until)

    def admit(self) -> None:
        while self.line and self.running < self.pace.places:
            waiting = self.line.popleft()
            if not waiting.done():
                self.running += 1
                waiting.set_result(None)


class Turn:
    """One request's place at its host, for telling what came of it."""

    __slots__ = ("_clock", "_slot", "_started", "_told")

    def __init__(self, slot: _Slot | None, clock: Callable[[], float]) -> None:
        self._slot = slot
        self._clock = clock
        self._started = clock()
        self._told = False

    def answered(self, latency: float | None = None) -> None:
        """All is well. The answer began after ``latency`` seconds."""
        if self._slot is not None and not self._told:
            self._told = True
            self._slot.pace.answered(self._started, self._clock(), latency)

    def overloaded(self) -> None:
        """The host has too much: half as much from now on."""
        if self._slot is not None and not self._told:
            self._told = True
            self._slot.pace.step_back(self._started, self._clock())


class Slots:
    """The slots of all hosts.

    ``concurrency`` is requests to one host at once; ``rate`` requests a second to one host, 0 for no limit: a token
    bucket of one token, so that requests are spaced evenly and none ever comes in a burst. A host that ``known`` has
    a rule for goes by that rule instead. Every host begins with one request at once; see :mod:`artalike.crawl.pace`.
    """

    def __init__(
        self,
        *,
        concurrency: int,
        rate: float,
        known: HostRules | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._rule = _Rule(rate, concurrency)
        self._known = known or HostRules()
        self._own_rules: dict[str, _Rule] = {}
        self._clock = clock
        self._sleep = sleep
        self._slots: dict[str, _Slot] = {}
        self._made = 0

    def __len__(self) -> int:
        return len(self._slots)

    def rule(self, host: str, *, rate: float, concurrency: int) -> None:
        """Another rate and concurrency for one host, from its next slot on. To be called before it is asked."""
        self._own_rules[host] = _Rule(rate, concurrency)

    @asynccontextmanager
    async def hold(self, host: str, *, delay: float | None = None) -> AsyncIterator[Turn]:
        """A request's place at its host, waited for in line and kept until the block ends.

        ``delay`` is the host's crawl delay in seconds, None for what it was before; the slower of it and the rate
        counts. A block that ends without an error counts as an answer, unless its :class:`Turn` was told otherwise.
        """
        if host == LOCAL:
            yield Turn(None, self._clock)
            return
        slot = self._slot(host)
        if delay is not None:
            slot.delay = delay
        slot.used += 1
        try:
            await _enter(slot)
            try:
                await self._wait_turn(slot)
                turn = Turn(slot, self._clock)
                yield turn
                turn.answered()
            finally:
                slot.running -= 1
                slot.admit()
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
        return self._free(slot) if slot is not None else 1

    def limit(self, host: str) -> int:
        """How many requests to ``host`` may ever be under way at once."""
        return UNLIMITED if host == LOCAL else self._rule_of(host).concurrency

    def rate(self, host: str) -> float:
        """How many requests a second ``host`` may have at most, 0 for no limit."""
        return 0.0 if host == LOCAL else self._rule_of(host).rate

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

    def known_rule(self, host: str) -> HostRule | None:
        """The rule that the host goes by in place of the settings, if its owner has one."""
        return None if host in self._own_rules else self._known.of(host)

    def next_ready(self) -> float | None:
        """When the next busy host is ready again by time alone; None when only finished requests can free one."""
        now = self._clock()
        waiting = [
            slot.ready_at() for slot in self._slots.values() if slot.ready_at() > now and slot.used < slot.pace.places
        ]
        return min(waiting, default=None)

    def statistics(self) -> list[HostState]:
        """The hosts that are asked, or were a moment ago."""
        now = self._clock()
        return [
            HostState(
                host=host,
                places=slot.pace.places,
                limit=slot.rule.concurrency,
                used=slot.used,
                pause=slot.pause,
                rest=max(0.0, slot.ready_at() - now),
                latency=slot.pace.latency,
                rate=slot.rule.rate,
                share=slot.pace.share,
                delay=slot.delay,
                closed=max(0.0, slot.closed_until - now),
                started=slot.started,
            )
            for host, slot in self._slots.items()
        ]

    def _free(self, slot: _Slot) -> int:
        if slot.ready_at() > self._clock():
            return 0
        places = slot.pace.places - slot.used
        return min(1 - slot.turn.locked(), places) if slot.pause else places

    async def _wait_turn(self, slot: _Slot) -> None:
        async with slot.turn:  # one watches the clock, the others stand in line behind it
            while (wait := slot.ready_at() - self._clock()) > 0:
                await self._sleep(wait)
            slot.last_start = self._clock()
            slot.started += 1

    def _slot(self, host: str) -> _Slot:
        slot = self._slots.get(host)
        if slot is None:
            self._made += 1
            if self._made % COLLECT_EVERY == 0:
                self._collect()
            rule = self._rule_of(host)
            slot = self._slots[host] = _Slot(rule, Pace(rule.concurrency))
        return slot

    def _rule_of(self, host: str) -> _Rule:
        known = self._known.of(host)
        if host in self._own_rules or known is None:
            return self._own_rules.get(host, self._rule)
        return _Rule(
            self._rule.rate if known.rate is None else known.rate,
            self._rule.concurrency if known.concurrency is None else known.concurrency,
        )

    def _collect(self) -> None:
        now = self._clock()
        for host, slot in list(self._slots.items()):
            kept = KEPT_SECONDS if slot.pace.share >= 1.0 else KEPT_LONGER_SECONDS
            if not slot.used and max(slot.ready_at(), slot.last_start + kept) <= now:
                del self._slots[host]


async def _enter(slot: _Slot) -> None:
    if not slot.line and slot.running < slot.pace.places:
        slot.running += 1
        return
    place = asyncio.get_running_loop().create_future()
    slot.line.append(place)
    try:
        await place
    except asyncio.CancelledError:
        if not place.cancelled():  # it was given a moment before
            slot.running -= 1
        slot.admit()
        raise
