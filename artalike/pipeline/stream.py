"""What lies between two stages: a bounded stream that can be ended, and a gate that counts bytes."""

from __future__ import annotations

from types import TracebackType
from typing import Generic, Self, TypeVar

import anyio

T = TypeVar("T")


class Stream(Generic[T]):
    """A bounded stream with many senders and receivers. `send` waits when it is full; `end` lets receivers finish."""

    def __init__(self, bound: int) -> None:
        self._sender, self.receiver = anyio.create_memory_object_stream[T](bound)

    @property
    def waiting(self) -> int:
        """Items sent and not yet received."""
        return self.receiver.statistics().current_buffer_used

    async def send(self, item: T) -> None:
        await self._sender.send(item)

    async def end(self) -> None:
        """Nothing more will be sent."""
        await self._sender.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._sender.close()
        self.receiver.close()


class ByteGate:
    """Holds fetches back while too many fetched bytes wait to be decoded. Nothing that is fetched is refused."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._room = anyio.Event()
        self.used = 0

    async def wait(self) -> None:
        while self.used >= self._limit:
            self._room = anyio.Event()
            await self._room.wait()

    def take(self, count: int) -> None:
        self.used += count

    def give(self, count: int) -> None:
        self.used -= count
        self._room.set()
