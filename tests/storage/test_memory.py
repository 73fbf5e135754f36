"""What threads have freed lies in the one heap that gives its end back; what stays is left alone by the collector."""

from __future__ import annotations

import ctypes
import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from artalike.storage.memory import settle

HEAPS = """
import ctypes, sys, threading
from artalike.storage.memory import give_back, share_one_heap

share_one_heap()
together = threading.Barrier(4)

def work():
    blocks = [bytes(10_000) for _ in range(10)]
    together.wait()

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
give_back()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
told = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, told)
libc.fclose(told)
"""


def heaps(told: Path, **environment: str) -> int:
    kept = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    subprocess.run([sys.executable, "-c", HEAPS, str(told)], check=True, env=kept | environment, timeout=60)
    return told.read_text().count("<heap ")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="only glibc has heaps to count")
def test_threads_share_one_heap_unless_the_environment_says_otherwise(tmp_path: Path) -> None:
    assert heaps(tmp_path / "one") == 1
    assert heaps(tmp_path / "many", MALLOC_ARENA_MAX="8") > 1


class Cycle:
    """Of use to nobody, and known to itself."""

    gone = 0

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        Cycle.gone += 1


def test_what_is_there_is_left_alone_and_what_comes_later_is_collected() -> None:
    Cycle.gone = 0
    try:
        Cycle()
        settle()
        assert Cycle.gone == 1  # garbage does not stay
        there = gc.get_freeze_count()
        assert there > 10_000
        assert len(gc.get_objects()) < 1000
        Cycle()
        gc.collect()
        assert Cycle.gone == 2
        settle()  # what has been left meanwhile is no exception
        assert gc.get_freeze_count() == pytest.approx(there, rel=0.05)
    finally:
        gc.unfreeze()
