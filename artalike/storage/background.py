"""Work that may take minutes and must be in nobody's way: a process of its own does it, at low priority.

A thread would not do. At low priority it waits for a core while it holds the interpreter or a lock, and everyone waits
with it; and what it took of the memory is not all given back.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, ParamSpec, TypeVar

from anyio import CancelScope, CapacityLimiter, to_thread

from artalike.errors import ArtalikeError, StorageError
from artalike.priority import ask_for_slices

P = ParamSpec("P")
T = TypeVar("T")

NICE: Final = 10
POLL_SECONDS: Final = 0.1
PARENT_SECONDS: Final = 1.0


async def in_background(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of ``work``, a module's function; it, its arguments and its result are pickled.

    A cancelled caller waits until the process has been killed, so that none outlives what it works on. An
    ArtalikeError passes; whatever else ends the process is told on stderr, and raises StorageError here.
    """
    results, errors = list[T](), list[BaseException]()
    stop = threading.Event()

    def run() -> None:
        try:
            results.append(_ask(pickle.dumps((work, args, kwargs)), stop))
        except BaseException as error:  # raised again where it is awaited
            errors.append(error)

    thread = threading.Thread(target=run, name="background", daemon=True)
    thread.start()
    try:
        # Limiters of its own: whoever waits long must not take a place from the others.
        await to_thread.run_sync(thread.join, abandon_on_cancel=True, limiter=CapacityLimiter(1))
    finally:
        stop.set()
        with CancelScope(shield=True):
            await to_thread.run_sync(thread.join, limiter=CapacityLimiter(1))
    if errors:
        raise errors[0]
    return results[0]


def _ask(request: bytes, stop: threading.Event) -> Any:
    command = [sys.executable, "-m", __name__, str(os.getpid())]
    # Of a group of its own: a Ctrl-C is for the parent, which drains first. Not of its own session: Linux shares cores
    # out by session before it looks at priorities (sched(7), autogroup).
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, process_group=0) as process:  # noqa: S603 (our own)
        with suppress(BrokenPipeError):  # it has ended: its status tells
            process.stdin.write(request)  # type: ignore[union-attr]  # there is one, by stdin=PIPE
        while True:
            try:
                answer, _ = process.communicate(timeout=POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if stop.is_set():
                    process.kill()
    if process.returncode:
        raise StorageError(f"a background process ended with status {process.returncode}: expected an answer")
    result, error = pickle.loads(answer)  # noqa: S301 (our own process wrote it)
    if error is not None:
        raise error
    return result


def main() -> None:
    """Be that process: the work comes on stdin, and its result goes to stdout."""
    os.nice(NICE)
    ask_for_slices(0)  # and not for those of the thread that has started us
    threading.Thread(target=_end_with_parent, args=(int(sys.argv[1]),), daemon=True).start()
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    work, args, kwargs = pickle.load(sys.stdin.buffer)  # noqa: S301 (our parent wrote it)
    result = error = None
    try:
        result = work(*args, **kwargs)
    except ArtalikeError as expected:
        error = expected
    pickle.dump((result, error), answers)
    answers.flush()


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
