"""Work that may take minutes and must be in nobody's way."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from anyio import CancelScope, CapacityLimiter, to_thread

T = TypeVar("T")

NICE: Final = 10


class Stopped(Exception):
    """Raised inside the work when whoever waits for it has been cancelled."""


async def in_background(work: Callable[[Callable[[], None]], T]) -> T:
    """The result of ``work``, done in a thread of its own at low priority; what it raises passes.

    It is given a function that raises :class:`Stopped` once the caller is cancelled, and should call it every few
    seconds: the cancelled caller waits for it to end, so that no thread outlives what it works on.
    """
    results, errors = list[T](), list[BaseException]()
    stop = threading.Event()

    def check() -> None:
        if stop.is_set():
            raise Stopped

    def run() -> None:
        _step_back()
        try:
            results.append(work(check))
        except BaseException as error:  # raised again where it is awaited
            errors.append(error)

    thread = threading.Thread(target=run, name="background", daemon=True)
    thread.start()
    limiter = CapacityLimiter(1)  # its own: whoever waits long must not take a place from the others
    try:
        await to_thread.run_sync(thread.join, abandon_on_cancel=True, limiter=limiter)
    finally:
        stop.set()
        with CancelScope(shield=True):
            await to_thread.run_sync(thread.join, limiter=CapacityLimiter(1))
    if errors:
        raise errors[0]
    return results[0]


def _step_back() -> None:
    """Lower the priority of this thread; on Linux alone a priority is a thread's own (setpriority(2))."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
