"""What lies between two stages: a bounded stream that can be ended, and a gate that counts bytes."""

from __future__ import annotations

from types import TracebackType
from typing import Generic, TypeVar

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

T = TypeVar("T")


class Stream(Generic[T]):
    """A bounded stream with many senders and receivers, open inside ``async with``.

    `send` waits when it is full; `end` lets the receivers finish what is in it.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._sender: MemoryObjectSendStream[T]
        self._receiver: MemoryObjectReceiveStream[T] | None = None

    @property
    def waiting(self) -> int:
        """Items sent and not yet received."""
        return self._receiver.statistics().current_buffer_used if self._receiver else 0

    @property
    def full(self) -> float:
        """The share of its places that are taken, 0 to 1."""
        return self.waiting / self._bound

    async def send(self, item: T) -> None:
        await self._sender.send(item)

    async def end(self) -> None:
        """Nothing more will be sent."""
        await self._sender.aclose()

    async def __aenter__(self) -> MemoryObjectReceiveStream[T]:
        self._sender, self._receiver = anyio.create_memory_object_stream[T](self._bound)
        return self._receiver

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._sender.close()
        if self._receiver:
            self._receiver.close()


class ByteGate:
    """Holds fetches back while too many fetched bytes wait to be decoded. Nothing that is fetched is refused."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._room = anyio.Event()
        self.used = 0

    @property
    def full(self) -> float:
        """The share of the bytes that are taken, 0 to 1."""
        return min(1.0, self.used / self._limit)

    async def wait(self) -> None:
        while self.used >= self._limit:
            self._room = anyio.Event()
            await self._room.wait()

    def take(self, count: int) -> None:
        self.used += count

    def give(self, count: int) -> None:
        self.used -= count
        self._room.set()
