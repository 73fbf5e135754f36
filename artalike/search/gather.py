"""Searches that come at once go into the index together: rows of one call share what it reads from memory.

A call that finds the index idle starts at once and waits for nobody. Those that come while others run are gathered, and
go as one when these are done. Deep ones, which may look at all vectors, take turns among themselves, so that they never
hold up the others. What nobody waits for any more is left out; who comes when too many wait is turned away.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

import anyio
import numpy as np

from artalike.errors import Overloaded
from artalike.futures import settle
from artalike.records import FloatArray, IdArray
from artalike.storage.ports import Neighbors, VectorIndex

ROWS: Final = 16
"""Queries in one call at most: more gain little, and all of them wait for the last."""

WAITING: Final = 256
"""Calls that may wait."""

SHALLOW: Final = 1024
"""Calls for up to so many neighbours share one call, for the largest number; deeper ones would burden the others."""


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    vectors: FloatArray
    k: int
    max_id: int | None
    among: IdArray | None
    answer: asyncio.Future[list[Neighbors]]

    def goes_with(self, other: _Call) -> bool:
        return (
            self.max_id == other.max_id
            and self.among is other.among
            and self.vectors.shape[1:] == other.vectors.shape[1:]
            and (self.k == other.k or max(self.k, other.k) <= SHALLOW)
        )


@dataclass(slots=True)
class _Line:
    """Calls that wait, and the lanes that serve them: up to ``most``, ``busy`` of them with a call in the index."""

    most: int
    waiting: deque[_Call] = field(default_factory=deque)
    lanes: set[asyncio.Task[None]] = field(default_factory=set)
    busy: int = 0


class GatheredSearches:
    """``index``, whose searches are gathered: :class:`~artalike.storage.ports.VectorIndex` for many callers at once.

    As many calls run beside each other as there are ``lanes``, and one deep one. Leaving the block lets those that run
    end, and turns away those that wait.
    """

    def __init__(
        self, index: VectorIndex, *, lanes: int | None = None, rows: int = ROWS, waiting: int = WAITING
    ) -> None:
        self._index = index
        self._rows = rows
        self._waiting_most = waiting
        self._shallow, self._deep = _Line(lanes or os.cpu_count() or 1), _Line(1)
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closed = True
        for line in (self._shallow, self._deep):
            while line.waiting:
                settle(line.waiting.popleft().answer, Overloaded("the server is shutting down"))
        with anyio.CancelScope(shield=True):
            await asyncio.gather(*self._shallow.lanes, *self._deep.lanes)

    @property
    def size(self) -> int:
        return self._index.size

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return len(self._shallow.waiting) + len(self._deep.waiting)

    async def add(self, ids: IdArray, vectors: FloatArray) -> None:
        await self._index.add(ids, vectors)

    async def remove(self, ids: IdArray) -> int:
        return await self._index.remove(ids)

    async def ids(self) -> IdArray:
        return await self._index.ids()

    async def search(
        self, vectors: FloatArray, k: int, *, max_id: int | None = None, among: IdArray | None = None
    ) -> list[Neighbors]:
        """As the index answers. Raises Overloaded when too many wait, and what the index raises."""
        if self._closed:
            raise Overloaded("the server is shutting down")
        if self.waiting >= self._waiting_most:
            raise Overloaded(f"{self.waiting} searches wait already")
        call = _Call(vectors, k, max_id, among, asyncio.get_running_loop().create_future())
        line = self._shallow if k <= SHALLOW else self._deep
        line.waiting.append(call)
        if len(line.lanes) < line.most:
            line.lanes.add(asyncio.create_task(self._serve(line), name="searches"))
        try:
            return await call.answer
        except asyncio.CancelledError:
            with suppress(ValueError):  # it is being searched for already
                line.waiting.remove(call)
            raise

    async def _serve(self, line: _Line) -> None:
        try:
            while line.waiting:
                calls = self._next(line)
                line.busy += 1
                try:
                    await self._run(calls)
                finally:
                    line.busy -= 1
                    for call in calls:  # only when cancelled is one left
                        settle(call.answer, Overloaded("the server is shutting down"))
        finally:
            # Here and not in a callback of the task: who came before that would find a lane that serves nobody.
            line.lanes = {lane for lane in line.lanes if lane is not asyncio.current_task()}

    def _next(self, line: _Line) -> list[_Call]:
        """The call that has waited longest, and others that go with it: a share that leaves work for idle lanes."""
        first = line.waiting.popleft()
        idle = line.most - line.busy
        most = min(self._rows, -(-(1 + len(line.waiting)) // idle))
        calls, rows = [first], len(first.vectors)
        for call in list(line.waiting):
            if rows + len(call.vectors) > most:
                break
            if call.goes_with(first):
                line.waiting.remove(call)
                calls.append(call)
                rows += len(call.vectors)
        return calls

    async def _run(self, calls: list[_Call]) -> None:
        first = calls[0]
        try:
            found = await self._index.search(
                np.concatenate([call.vectors for call in calls]),
                max(call.k for call in calls),
                max_id=first.max_id,
                among=first.among,
            )
        except Exception as error:
            if len(calls) == 1:
                settle(first.answer, error)
                return
            for call in calls:  # what is wrong with one of them must not cost the others
                await self._run([call])
            return
        start = 0
        for call in calls:
            end = start + len(call.vectors)
            settle(call.answer, [Neighbors(row.ids[: call.k], row.scores[: call.k]) for row in found[start:end]])
            start = end
