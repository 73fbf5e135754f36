"""Threads let through who has an answer to give."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import threadpoolctl

from artalike.priority import ANSWERING, ask_for_slices, one_core_for_products, slices_of, step_back

GETATTR = {"x86_64": 315, "aarch64": 275}


def slice_asked_for() -> int:
    """Nanoseconds, as the kernel says (sched_getattr(2))."""
    attributes = ctypes.create_string_buffer(48)
    assert ctypes.CDLL(None).syscall(GETATTR[platform.machine()], 0, attributes, 48, 0) == 0
    return int(struct.unpack("=IIQiIQQQ", attributes.raw)[5])


heeded = pytest.mark.skipif(
    sys.platform != "linux"
    or platform.machine() not in GETATTR
    or tuple(int(part) for part in platform.release().split(".")[:2]) < (6, 12),
    reason="only Linux from 6.12 on lets threads ask for slices",
)


@heeded
def test_a_slice_is_asked_for_as_long_as_it_is_needed() -> None:
    def asked() -> list[int]:
        ask_for_slices(0)  # whoever has started us may have asked for less
        found = [slice_asked_for()]
        with slices_of(ANSWERING):
            found.append(slice_asked_for())
        return [*found, slice_asked_for()]

    with ThreadPoolExecutor(1) as pool:
        before, within, after = pool.submit(asked).result()
    assert within == ANSWERING
    assert before == after != ANSWERING


@heeded
def test_who_steps_back_does_not_keep_the_slices_of_the_thread_that_has_started_it() -> None:
    found = []

    def back() -> None:
        found.append(slice_asked_for())
        step_back(1)
        found.append(slice_asked_for())

    def start() -> None:
        with slices_of(ANSWERING):
            thread = threading.Thread(target=back)
            thread.start()
            thread.join()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(start).result()
    assert found[0] == ANSWERING != found[1]


@heeded
def test_who_has_stepped_back_stays_back() -> None:
    def nice() -> int:
        step_back(7)
        ask_for_slices(ANSWERING)
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(nice).result() == 7


def test_numpy_multiplies_on_one_core() -> None:
    one_core_for_products()
    pools = threadpoolctl.threadpool_info()
    assert [pool["num_threads"] for pool in pools if pool["user_api"] == "blas" and "numpy" in pool["filepath"]] == [1]
