"""Runs the blocking side of a source, parsing and reading of files, in worker threads, a batch at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from threading import Lock
from typing import Final

from anyio import CancelScope, to_thread

from artalike.crawl.sources.base import Found
from artalike.errors import ItemError
from artalike.records import Candidate

BATCH: Final = 1000
"""Candidates in one batch: much of a transaction, little of memory."""

Step = tuple[Candidate, str]
"""A candidate, and the cursor behind it."""


async def in_batches(steps: Iterator[Step], size: int = BATCH) -> AsyncGenerator[Found, None]:
    """The steps in batches of up to ``size``.

    An ItemError that ``steps`` raises is raised after what came before it has been yielded.
    """
    lock = Lock()
    try:
        more = True
        while more:
            found, error = await to_thread.run_sync(_take, steps, size, lock)
            if found:
                yield Found([candidate for candidate, _ in found], found[-1][1])
            if error is not None:
                raise error
            more = len(found) == size
    finally:
        # A generator may hold a file open; closing it is for a thread, too, even when this task is cancelled.
        with CancelScope(shield=True):
            await to_thread.run_sync(_close, steps, lock)


def _take(steps: Iterator[Step], size: int, lock: Lock) -> tuple[list[Step], ItemError | None]:
    found: list[Step] = []
    with lock:
        try:
            while len(found) < size and (step := next(steps, None)) is not None:
                found.append(step)
        except ItemError as error:
            return found, error
    return found, None


def _close(steps: Iterator[Step], lock: Lock) -> None:
    close = getattr(steps, "close", None)
    with lock:  # a thread whose task was cancelled may still be at work on it
        if close is not None:
            close()


def numbered(candidates: Iterator[Candidate], cursor: str | None) -> Iterator[Step]:
    """Each candidate with its number for a cursor, from 1, those up to ``cursor`` left out.

    For documents that are read again from their beginning.
    """
    done = int(cursor or 0)
    for number, candidate in enumerate(candidates, start=1):
        if number > done:
            yield candidate, str(number)
