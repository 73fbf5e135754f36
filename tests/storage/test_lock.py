"""The reader-writer lock: shared, exclusive, and starving nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from artalike.storage.lock import PhaseFairLock

WAIT = 10.0


def start(pool: ThreadPoolExecutor, enter: Callable[[], None]) -> None:
    pool.submit(enter)
    time.sleep(0.05)


def test_readers_are_in_together() -> None:
    lock, together = PhaseFairLock(), threading.Barrier(3)

    def read() -> int:
        with lock.reading():
            return together.wait(WAIT)

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(lambda _: read(), range(3))) == [0, 1, 2]


def test_a_writer_is_alone() -> None:
    lock, inside, seen = PhaseFairLock(), [0], []

    def work(number: int) -> None:
        with lock.writing() if number % 3 == 0 else lock.reading():
            if number % 3 == 0:
                before = inside[0]
                inside[0] = before + 1
                time.sleep(0.0005)
                seen.append(inside[0] - before)
            else:
                before = inside[0]
                time.sleep(0.0005)
                seen.append(inside[0] - before + 1)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(120)))
    assert seen == [1] * 120


def test_the_two_sides_take_turns() -> None:
    lock, order = PhaseFairLock(), []

    def read(name: str) -> None:
        with lock.reading():
            order.append(name)

    def write(name: str) -> None:
        with lock.writing():
            order.append(name)

    with ThreadPoolExecutor(6) as pool, lock.reading():
        start(pool, lambda: write("first writer"))
        start(pool, lambda: read("reader behind the writer"))
        start(pool, lambda: write("second writer"))
        assert order == []
    assert len(order) == 3
    assert order[1] == "reader behind the writer"


def test_a_stream_of_readers_does_not_starve_a_writer() -> None:
    lock, stop = PhaseFairLock(), threading.Event()

    def read() -> None:
        while not stop.is_set():
            with lock.reading():
                time.sleep(0.002)

    with ThreadPoolExecutor(3) as pool:
        try:
            for _ in range(3):
                start(pool, read)
            began = time.monotonic()
            for _ in range(20):
                with lock.writing():
                    pass
            assert time.monotonic() - began < WAIT
        finally:
            stop.set()


def test_a_stream_of_writers_does_not_starve_a_reader() -> None:
    lock, stop = PhaseFairLock(), threading.Event()

    def write() -> None:
        while not stop.is_set():
            with lock.writing():
                time.sleep(0.002)

    with ThreadPoolExecutor(3) as pool:
        try:
            for _ in range(3):
                start(pool, write)
            began = time.monotonic()
            for _ in range(20):
                with lock.reading():
                    pass
            assert time.monotonic() - began < WAIT
        finally:
            stop.set()
