"""Takes tasks from the frontier and starts each when its host has a place for it.

A few tasks are leased ahead for each host, so that leasing costs one transaction for many; how few follows from the
host's pace, so that a new seed never waits behind more than some seconds of another's work.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final

import anyio
from anyio.abc import TaskGroup

from artalike.config import Settings
from artalike.crawl.slots import Slots
from artalike.errors import DiskFull
from artalike.pipeline.room import DiskRoom
from artalike.records import IMAGE_KIND, Task
from artalike.storage.ports import Frontier

LOOKAHEAD_SECONDS: Final = 2.0
LOOKAHEAD_TASKS: Final = 32
HELD_TASKS: Final = 2000
"""Leased ahead over all hosts: bounds memory when there are hundreds of slow ones."""
IDLE_SECONDS: Final = 1.0


class Scheduler:
    """Runs ``work`` for each task: at most ``download.workers`` pictures at once, and as many documents.

    Each have a bound of their own, because a document may wait long for its host between one page and the next, and
    must keep no picture out. ``work`` settles its task itself: it is committed, failed, or left leased for the next
    start.
    """

    def __init__(
        self,
        frontier: Frontier,
        slots: Slots,
        settings: Settings,
        room: DiskRoom,
        work: Callable[[Task], Awaitable[None]],
    ) -> None:
        self._room = room
        self._frontier = frontier
        self._slots = slots
        self._work = work
        self._workers = settings.download.workers
        self._waiting: dict[str, deque[Task]] = {}
        self._running: Counter[str] = Counter()
        self._documents = 0
        self._wake = anyio.Event()
        self._stopping = False

    @property
    def waiting(self) -> int:
        """Tasks leased and not yet started."""
        return sum(map(len, self._waiting.values()))

    def waiting_at(self, host: str) -> int:
        """Those of one host."""
        return len(self._waiting.get(host, ()))

    @property
    def running(self) -> int:
        return self._running.total()

    @property
    def documents_wait(self) -> bool:
        """Whether a document waits for another one to be done: an expansion that takes long should let it pass."""
        return self._documents >= self._workers

    @property
    def stopping(self) -> bool:
        return self._stopping

    def wake(self) -> None:
        """There may be something new to do."""
        self._wake.set()

    def stop(self) -> None:
        """Start nothing more; what runs goes on."""
        self._stopping = True
        self.wake()

    async def run(self) -> None:
        """Until stopped, and then until what runs has ended. Tasks not started are given back."""
        async with anyio.create_task_group() as workers:
            while not self._stopping:
                self._wake = anyio.Event()
                await self._give_back()
                await self._lease()
                self._start(workers)
                with anyio.move_on_after(await self._pause()):
                    await self._wake.wait()
            with suppress(DiskFull):  # then they stay leased, and the next start gives them back
                await self._frontier.release([task for tasks in self._waiting.values() for task in tasks])
            self._waiting.clear()

    async def _give_back(self) -> None:
        """What waits for hosts that rest for long, where it has come to keep others out."""
        if HELD_TASKS - self.waiting >= self._workers:
            return
        resting = [host for host in self._waiting if self._slots.wait(host) > LOOKAHEAD_SECONDS]
        with suppress(DiskFull):
            await self._frontier.release([task for host in resting for task in self._waiting[host]])
            for host in resting:
                del self._waiting[host]

    async def _lease(self) -> None:
        # Two rounds of work in hand keep every worker busy while the next are leased. What waits for a slow host is
        # not in hand: it must not keep others out.
        in_hand = sum(
            sum(self._may_start(task) for task in tasks)
            for host, tasks in self._waiting.items()
            if self._places(host) > 0
        )
        room = min(2 * self._workers - in_hand, HELD_TASKS - self.waiting)
        if room < self._workers:
            return
        full = {host for host, tasks in self._waiting.items() if len(tasks) > self._lookahead(host) // 2}
        busy = self._slots.busy_hosts() | full
        lease = partial(self._frontier.lease, room, busy_hosts=busy, per_host=self._lookahead)
        for task in await self._room.keep_trying(lease):
            self._waiting.setdefault(task.host, deque()).append(task)

    def _start(self, workers: TaskGroup) -> None:
        for host in list(self._waiting):
            room, left = self._places(host), deque[Task]()
            for task in self._waiting[host]:
                if room > 0 and self._may_start(task):
                    self._running[host] += 1
                    self._documents += task.kind != IMAGE_KIND
                    workers.start_soon(self._run, task)
                    room -= 1
                else:
                    left.append(task)
            if left:
                self._waiting[host] = left
            else:
                del self._waiting[host]

    def _may_start(self, task: Task) -> bool:
        if task.kind != IMAGE_KIND:
            return self._documents < self._workers
        return self.running - self._documents < self._workers

    def _places(self, host: str) -> int:
        if not host:
            return self._workers
        # A running expansion holds no place at its host; two more than the host's own limit let pictures pass it.
        return min(self._slots.free(host), self._slots.limit(host) + 2 - self._running[host])

    def _lookahead(self, host: str) -> int:
        rate = self._slots.rate(host)
        return (
            min(LOOKAHEAD_TASKS, int(rate * LOOKAHEAD_SECONDS) + self._slots.limit(host)) if rate else LOOKAHEAD_TASKS
        )

    async def _run(self, task: Task) -> None:
        try:
            await self._work(task)
        finally:
            self._documents -= task.kind != IMAGE_KIND
            self._running[task.host] -= 1
            if not self._running[task.host]:
                del self._running[task.host]
            self.wake()

    async def _pause(self) -> float:
        # A host whose places are taken needs no clock: whoever leaves one wakes us.
        pauses = [wait for host in self._waiting if (wait := self._slots.wait(host)) > 0]
        if not self._waiting and (due := await self._frontier.next_due()) is not None:
            pauses.append(max(due - time.time(), 0.02))
        return min([*pauses, IDLE_SECONDS])
