"""Goes round all targets with ever new inputs: ``FUZZ_SECONDS=3600 python -m tests.fuzz [TARGET…]``.

An input that breaks a promise is written to FUZZ_FOLDER (``fuzz-findings``) with its traceback, and the run goes on; so
is one that ends or hangs the process, because each is noted down before it is tried. The last line is a JSON object.
Exit status 1 when anything was found.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import random
import signal
import sys
import time
import traceback
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.fuzz.engine import LOOP, Target, check, check_growth, example, resident
from tests.fuzz.targets import targets

SLICE: Final = 1.0
"""Seconds at one target before it is the next one's turn."""
HANGS: Final = 20
"""Seconds after which an input hangs. What does not answer even then ends the process, with a traceback."""
SIZES: Final = (2_000, 8_000, 32_000)
"""Bytes from which the growth of time is measured, one size a round."""
ENOUGH: Final = 5
"""Findings of one target that are written down."""


class _Hangs(BaseException):
    """The alarm went off."""


def main() -> int:
    seconds = float(os.environ.get("FUZZ_SECONDS", "60"))
    folder = Path(os.environ.get("FUZZ_FOLDER", "fuzz-findings"))
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [target for name, target in targets().items() if not sys.argv[1:] or name in sys.argv[1:]]
    run = _Run(folder, seed=int(os.environ.get("FUZZ_SEED", random.SystemRandom().getrandbits(40))))
    faulthandler.enable()
    signal.signal(signal.SIGALRM, _alarm)
    end = time.monotonic() + seconds
    rounds = 0
    with suppress(KeyboardInterrupt):  # what has been seen until then is told, too
        while time.monotonic() < end:
            for target in chosen:
                run.visit(target, min(end, time.monotonic() + SLICE), SIZES[rounds % len(SIZES)])
            rounds += 1
            if rounds == 1:
                run.start_memory()
    LOOP.close()
    run.report(chosen, rounds)
    return 1 if run.findings else 0


class _Run:
    def __init__(self, folder: Path, seed: int) -> None:
        self.findings: Counter[str] = Counter()
        self._folder = folder
        self._seed = seed
        self._examples: Counter[str] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._slowest: dict[str, float] = {}
        self._memory = self._memory_at_start = resident()
        self._grown: Counter[str] = Counter()
        self._started = time.monotonic()

    def start_memory(self) -> None:
        """What the first round has filled are caches, which are bounded."""
        gc.collect()
        self._memory_at_start = self._memory = resident()
        self._grown.clear()

    def visit(self, target: Target, until: float, size: int) -> None:
        start = time.monotonic()
        while time.monotonic() < until:
            self._seed += 1
            data = example(target, self._seed)
            self._examples[target.name] += 1
            self._try(target, data)
        if target.patterns and self.findings[target.name] < ENOUGH:
            pattern = target.patterns[self._seed % len(target.patterns)]
            try:
                check_growth(target, pattern, size)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # whatever it is, it is what is looked for
                self._found(target, b"".join(pattern), error)
        self._seconds[target.name] += time.monotonic() - start
        memory = resident()
        self._grown[target.name] += memory - self._memory
        self._memory = memory

    def _try(self, target: Target, data: bytes) -> None:
        # Written down first: what kills the process can be tried again.
        (self._folder / "current").write_text(f"{target.name} {self._seed}\n")
        faulthandler.dump_traceback_later(2 * HANGS, exit=True)
        signal.alarm(HANGS)
        try:
            took = check(target, data)
            self._slowest[target.name] = max(self._slowest.get(target.name, 0.0), took)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever it is, it is what is looked for
            self._found(target, data, error)
        finally:
            signal.alarm(0)
            faulthandler.cancel_dump_traceback_later()

    def _found(self, target: Target, data: bytes, error: BaseException) -> None:
        self.findings[target.name] += 1
        if self.findings[target.name] <= ENOUGH:
            name = f"{target.name.replace(' ', '-')}-{self._seed}"
            (self._folder / f"{name}.input").write_bytes(data)
            (self._folder / f"{name}.txt").write_text("".join(traceback.format_exception(error)), "utf-8", "replace")
            print(f"{name}: {type(error).__name__}: {str(error)[:200]!r}", flush=True)  # noqa: T201  # a run of an hour is watched

    def report(self, chosen: list[Target], rounds: int) -> None:
        gc.collect()
        table = Table("target", "examples", "a second", "slowest ms", "memory MB", "found")
        for target in chosen:
            name = target.name
            speed = self._examples[name] / max(self._seconds[name], 1e-9)
            grown = self._grown[name] / 1e6
            row = (
                f"{speed:.0f}",
                f"{1000 * self._slowest.get(name, 0.0):.0f}",
                f"{grown:+.1f}",
                str(self.findings[name]),
            )
            table.add_row(name, str(self._examples[name]), *row)
        Console(width=100).print(table)
        figures = {
            "seconds": round(time.monotonic() - self._started),
            "rounds": rounds,
            "targets": len(chosen),
            "examples": self._examples.total(),
            "findings": self.findings.total(),
            "slowest_ms": round(1000 * max(self._slowest.values(), default=0.0)),
            "rss_mb": round(resident() / 1e6),
            "rss_growth_mb": round((resident() - self._memory_at_start) / 1e6, 1),
        }
        print(json.dumps(figures), flush=True)  # noqa: T201  # the result


def _alarm(_number: int, _frame: FrameType | None) -> None:
    raise _Hangs(f"more than {HANGS} s")


if __name__ == "__main__":
    sys.exit(main())
