"""How fast one host is asked, learned from its answers: a slow start, a step back when it has too much, a slow return.

As TCP does it (RFC 5681): places double with each round of good answers until the limit, or until the host shows that
it is loaded; then places, and where it refuses the rate as well, are halved once for all requests under way, and come
back: fast to half of what was too much, from there by small steps.
"""

from __future__ import annotations

from typing import Final

SLOWEST: Final = 1 / 64
"""The smallest share of the allowed rate."""
AGAIN: Final = 4
"""How many times as much is tried with each good answer, after several refusals in a row, up to half of what was too
much at first: each of these may have been the same one, of a host that counts by the minute.
"""
RETURN: Final = 0.05
"""How much of the allowed rate comes back with each good answer, once half of what was too much is reached."""
SHORTEST_PAUSE: Final = 0.2
"""Seconds that the first step back puts between starts at a host that has no rate of its own."""

# Latency: its moving average, and what it is at this host when all is well.
_AVERAGE: Final = 0.25
_DRIFT: Final = 0.01
_TIMES: Final = 3.0
_SECONDS: Final = 0.25
"""Less than this above the normal is noise, however many times the normal it is."""
_IN_A_ROW: Final = 5
"""One slow answer is a large page; so many are a loaded host."""


class Pace:
    """The pace at one host. ``most`` is how many requests it may have at once; times are seconds of one clock."""

    __slots__ = (
        "_good",
        "_last_step",
        "_most",
        "_normal",
        "_slow",
        "_starting",
        "_threshold",
        "_window",
        "latency",
        "share",
    )

    def __init__(self, most: int) -> None:
        self.share = 1.0
        """Of the allowed rate, what is used now."""
        self.latency = 0.0
        """Seconds to the answers' first bytes, averaged over the last few; 0 before the first."""
        self._most = most
        self._window = 1.0
        self._starting = True
        self._normal = 0.0
        self._slow = 0
        self._last_step = float("-inf")
        self._threshold = 1.0  # of share: the slow start threshold
        self._good = True  # since the last step back

    @property
    def places(self) -> int:
        """Requests at once."""
        return int(self._window)

    def pause(self, interval: float) -> float:
        """Seconds from one start to the next, where at least ``interval`` is asked for."""
        # Where the rate is all of the pause, interval / share. Without one it falls to none by degrees: no burst.
        return interval + max(interval, self._normal, SHORTEST_PAUSE) * (1.0 - self.share) / self.share

    def answered(self, started: float, now: float, latency: float | None = None) -> None:
        """A request that began at ``started`` went well; its answer began after ``latency`` seconds."""
        if latency is not None and self._is_slow(latency):
            self._normal = (self._normal + self.latency) / 2  # a host that stays slow is not punished for ever
            self._step_back(started, now, refused=False)
            return
        if started < self._last_step:  # it speaks of the time before
            return
        self._good = True
        if self.share < self._threshold:
            self.share = min(self._threshold, AGAIN * self.share)
        elif self.share < 1.0:
            self.share = min(1.0, self.share + RETURN)
        self._window = min(self._most, self._window + (1.0 if self._starting else 1.0 / self._window))

    def step_back(self, started: float, now: float) -> None:
        """The host says that it has too much. What began before the last step back speaks of the time before it."""
        self._step_back(started, now, refused=True)

    def _step_back(self, started: float, now: float, *, refused: bool) -> None:
        self._starting = False
        if started < self._last_step:
            return
        self._last_step = now
        self._slow = 0
        # Slowness may be of the way, or ours: it costs places first, and the rate only where one place is too much.
        if refused or self._window <= 1.0:
            self.share = max(SLOWEST, self.share / 2)
            if self._good:  # a second refusal in a row tells nothing new of what it bears (RFC 5681, 3.1)
                self._threshold = self.share
            self._good = False
        self._window = max(1.0, self._window / 2)

    def _is_slow(self, latency: float) -> bool:
        if not self._normal:
            self._normal = self.latency = latency
        self.latency += _AVERAGE * (latency - self.latency)
        limit = max(_TIMES * self._normal, self._normal + _SECONDS)
        self._slow = self._slow + 1 if latency > limit else 0
        if self.latency < self._normal:
            self._normal = self.latency
        else:
            self._normal += _DRIFT * (self.latency - self._normal)
        return self._slow >= _IN_A_ROW and self.latency > limit
