"""Runs one input against one target, and holds it to what every parser here promises.

It returns, or raises an ArtalikeError of one line; it takes time in proportion to its input; and it keeps nothing.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from artalike.errors import ArtalikeError
from tests.fuzz.mutation import Step, mutated

LONGEST_SECONDS: Final = 2.0
"""Processor seconds that no input of :data:`~tests.fuzz.mutation.MAX_BYTES` may take."""
GROWN: Final = 9.0
"""An input four times as long may take so many times as long; twice the square would be 16."""
SMALL: Final = 0.05
"""Processor seconds below which nothing is measured."""

Run = Callable[[bytes], object]
Pattern = tuple[bytes, bytes, bytes]
"""What comes first, what is repeated, what comes last."""


@dataclass(frozen=True, slots=True)
class Target:
    """One parser. ``samples`` are valid inputs; ``patterns`` are repeated, to see how its time grows."""

    name: str
    run: Run
    samples: Sequence[bytes]
    patterns: Sequence[Pattern] = ()
    seconds: float = LONGEST_SECONDS


class _Loop:
    """One event loop for all examples: a new one for each would cost more than most of them."""

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None
        self._closers: list[Callable[[], Coroutine[Any, Any, None]]] = []

    def at_close(self, closer: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """What is to be closed before the loop is."""
        self._closers.append(closer)

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        if self._runner is None:
            self._runner = asyncio.Runner()
        self._runner.run(coroutine)

    def close(self) -> None:
        if self._runner is not None:
            while self._closers:
                self._runner.run(self._closers.pop()())
            self._runner.close()
            self._runner = None


LOOP: Final = _Loop()


def check(target: Target, data: bytes) -> float:
    """The processor seconds that ``data`` took. Raises AssertionError, or what the parser should not have."""
    start = time.process_time()
    try:
        target.run(data)
    except ArtalikeError as error:
        said = str(error)
        assert said
        assert "\n" not in said
        assert len(said) < 20_000, f"a message of {len(said)} characters"
    seconds = time.process_time() - start
    assert seconds < target.seconds, f"{target.name}: {seconds:.1f} s for {len(data)} bytes"
    return seconds


def check_growth(target: Target, pattern: Pattern, size: int) -> None:
    """That four times as much of ``pattern`` as ``size`` bytes takes about four times as long."""
    for attempt in range(3):
        less, more = (_seconds(target, pattern, size * times) for times in (1, 4))
        if more <= max(SMALL, GROWN * less):
            return
        assert attempt < 2, f"{target.name}: {pattern!r}: {size} bytes {less:.3f} s, {4 * size} bytes {more:.3f} s"


def _seconds(target: Target, pattern: Pattern, size: int) -> float:
    first, unit, last = pattern
    data = first + unit * (size // len(unit)) + last
    start = time.process_time()
    with suppress(ArtalikeError):
        target.run(data)
    return time.process_time() - start


def resident() -> int:
    """The bytes of memory that this process has; 0 where the system does not say."""
    try:
        pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    except FileNotFoundError:
        return 0
    return int(pages) * os.sysconf("SC_PAGESIZE")


def example(target: Target, seed: int) -> bytes:
    """The input with this number."""
    dice = Random(seed)
    if dice.random() < 0.05 or not target.samples:
        return dice.randbytes(dice.choice((3, 30, 300, 3000)))
    steps: list[Step] = [
        (dice.getrandbits(32), dice.getrandbits(32), dice.getrandbits(32)) for _ in range(dice.choice((1, 1, 2, 3, 6)))
    ]
    return mutated(dice.choice(target.samples), target.samples, steps)
