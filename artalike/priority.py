"""Which threads go first when there are more of them than cores."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

import numpy as np  # noqa: F401  # brings the BLAS that is to be limited
import threadpoolctl

DECODING: Final = 3
EMBEDDING: Final = 6
"""Behind decoding, whose threads may hold Python's lock, for which everyone waits."""


def step_back(nice: int) -> None:
    """Puts the calling thread, and those that it starts, behind all with a lower number; slices are the system's.

    On Linux alone: elsewhere priorities are those of whole processes (setpriority(2), "C library/kernel differences").
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(nice, os.getpriority(os.PRIO_PROCESS, thread)))
    ask_for_slices(0)


ANSWERING: Final = 100_000
WORKING: Final = 20_000_000
"""Nanoseconds that a thread asks for at once. With less than the one that runs it need not wait for the end of that."""

_SCHED_SETATTR: Final = {"x86_64": 314, "aarch64": 274}


def ask_for_slices(nanoseconds: int) -> None:
    """Tells the scheduler how much time the calling thread wants at once; 0 leaves it to that.

    Whoever has work for milliseconds and is in no hurry lets those through so who have an answer to give. Threads and
    processes that it starts ask for as much, until they step back or say otherwise. Linux from 6.12 on heeds it
    (sched_setattr(2), ``sched_runtime`` of SCHED_OTHER; https://lwn.net/Articles/969062/); elsewhere nothing happens.
    """
    call = _SCHED_SETATTR.get(platform.machine())
    if sys.platform != "linux" or call is None:
        return
    thread = threading.get_native_id()
    if os.sched_getscheduler(thread) != os.SCHED_OTHER:
        return  # whoever has chosen another policy for us knows why
    nice = os.getpriority(os.PRIO_PROCESS, thread)
    # struct sched_attr: size, policy, flags, nice, priority, runtime, deadline, period
    attributes = struct.pack("=IIQiIQQQ", 48, os.SCHED_OTHER, 0, nice, 0, nanoseconds, 0, 0)
    _libc().syscall(call, 0, attributes, 0)  # refused by an older system: then all is as it was


@contextmanager
def slices_of(nanoseconds: int) -> Iterator[None]:
    """For as long as the block takes: threads of a pool do both kinds of work."""
    ask_for_slices(nanoseconds)
    try:
        yield
    finally:
        ask_for_slices(0)


def one_core_for_products() -> None:
    """Lets numpy multiply matrices on the core of whoever asks, in the whole process and from now on.

    OpenBLAS keeps a thread for each core, and those wait for the next product by spinning, for 2^26 cycles
    (its THREAD_TIMEOUT): with fifty queries a second they take a core that the queries need themselves.
    """
    threadpoolctl.threadpool_limits(1, user_api="blas")


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
