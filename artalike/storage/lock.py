"""A reader-writer lock for threads in which neither side starves the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class PhaseFairLock:
    """Readers share, a writer is alone, and the two take turns.

    A reader that comes while a writer waits is let in after that one writer, whatever comes next; a writer waits
    for the readers that are in, and for no later ones. So each waits for at most one turn of the other
    side, as in Brandenburg and Anderson, "Reader-Writer Synchronization for Shared-Memory Multiprocessor
    Real-Time Systems" (ECRTS 2009). Not reentrant: a thread that holds it must not ask again.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = 0
        self._writing = False
        self._waiting_readers = 0
        self._waiting_writers = 0
        self._turn = 0

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold the lock together with other readers."""
        with self._changed:
            if self._writing or self._waiting_writers:
                turn = self._turn
                self._waiting_readers += 1
                self._changed.wait_for(lambda: self._turn != turn)
            else:
                self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                if not self._readers:
                    self._changed.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock alone."""
        with self._changed:
            self._waiting_writers += 1
            self._changed.wait_for(lambda: not self._writing and not self._readers)
            self._waiting_writers -= 1
            self._writing = True
        try:
            yield
        finally:
            with self._changed:
                self._writing = False
                # Counted in here, not when they wake: the next writer must not slip in between.
                self._readers += self._waiting_readers
                self._waiting_readers = 0
                self._turn += 1
                self._changed.notify_all()
