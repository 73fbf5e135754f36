"""Tells everyone who listens what happens, and never waits for any of them."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Self

BUFFER: Final = 256
MISSED: Final = "missed"


@dataclass(frozen=True)
class Event:
    """Something that happened.

    ``data`` holds JSON values; ``id`` is what a listener that comes back names to go on from.
    """

    name: str
    data: Mapping[str, Any] = field(default_factory=dict)
    id: int | None = None

    @cached_property
    def json(self) -> str:
        """``data`` as one line of JSON, written once however many listen."""
        return json.dumps(self.data, ensure_ascii=False, separators=(",", ":"))


class Subscription:
    """One listener's events, in order. Iteration ends when this or the whole bus is closed.

    A listener that falls behind by more than the buffer loses the oldest; in their place comes an event
    named ``missed`` whose data is ``{"count": n}``. Giving up waiting for the next event loses nothing.
    """

    def __init__(self, buffer: int) -> None:
        self._waiting: deque[Event] = deque()
        self._buffer = buffer
        self._missed = 0
        self._closed = False
        self._wake = asyncio.Event()

    def put(self, event: Event) -> None:
        if len(self._waiting) >= self._buffer:
            self._waiting.popleft()
            self._missed += 1
        self._waiting.append(event)
        self._wake.set()

    def close(self) -> None:
        """End the iteration once what waits has been taken."""
        self._closed = True
        self._wake.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while True:
            if self._missed:
                count, self._missed = self._missed, 0
                return Event(MISSED, {"count": count})
            if self._waiting:
                return self._waiting.popleft()
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()


class EventBus:
    """Hands each event to all who are subscribed at that moment. For the thread of the event loop alone."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self._closed = False

    @property
    def subscribers(self) -> int:
        return len(self._subscriptions)

    def publish(self, event: Event) -> None:
        """Returns at once, whatever the subscribers do."""
        for subscription in self._subscriptions:
            subscription.put(event)

    @asynccontextmanager
    async def subscribe(self, buffer: int = BUFFER) -> AsyncIterator[Subscription]:
        """Events published from here on; at most ``buffer`` of them are kept waiting."""
        subscription = Subscription(buffer)
        if self._closed:
            subscription.close()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End all subscriptions, and those that are still to come."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.close()
