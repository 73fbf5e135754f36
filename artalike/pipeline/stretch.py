"""A stretch of the pipeline that can be kept empty for a moment, while what it works with is exchanged."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio


class Stretch:
    """Counts the tasks in it, by their ids. One at a time may ask for it to be empty."""

    def __init__(self) -> None:
        self._inside: Counter[int] = Counter()
        self._open = anyio.Event()
        self._open.set()
        self._left = anyio.Event()

    async def enter(self, task_id: int) -> None:
        """Waits while the stretch is kept empty."""
        while not self._open.is_set():
            await self._open.wait()
        self._inside[task_id] += 1

    def leave(self, task_ids: Sequence[int]) -> None:
        """These are through; those that never came in are passed over."""
        for task_id in task_ids:
            if self._inside[task_id] <= 1:
                del self._inside[task_id]
            else:
                self._inside[task_id] -= 1
        self._left.set()

    @asynccontextmanager
    async def empty(self) -> AsyncIterator[None]:
        """Nothing comes in from now on; the block runs once all are through, and lets others in at its end."""
        self._open = anyio.Event()
        try:
            while self._inside:
                self._left = anyio.Event()
                await self._left.wait()
            yield
        finally:
            self._open.set()
