"""Server-sent events: each newly searchable image, each that is removed, and the stats as they change.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from aiohttp import hdrs, web

from artalike.errors import Overloaded, QueryError
from artalike.events import Event, Subscription
from artalike.search.ranked import ID_LIMIT
from artalike.web.services import SERVICES, Services
from artalike.web.views import image_json

STREAMS_MOST: Final = 256
CATCH_UP_MOST: Final = 200
STATS_SECONDS: Final = 1.0
HEARTBEAT_SECONDS: Final = 15.0
WRITE_SECONDS: Final = 10.0  # a listener that does not read for so long is gone

STREAMS: Final = web.AppKey("STREAMS", set[Subscription])

_HEADERS: Final = {
    hdrs.CONTENT_TYPE: "text/event-stream",
    hdrs.CACHE_CONTROL: "no-store",
    "X-Accel-Buffering": "no",  # nginx would collect events before it passes them on
}


class Stream:
    """Writes events to one listener."""

    def __init__(self, response: web.StreamResponse, services: Services) -> None:
        self._response = response
        self._services = services
        self._stats: str | None = None
        self._stats_at = 0.0
        self._written_at = time.monotonic()
        self._caught_up: set[int] = set()

    async def start(self, after: int | None) -> None:
        """The stats, then what was missed since the event ``after``; of much, the latest.

        What has been removed of late is told to everyone: a page may have been away, or hold it from before.
        """
        await self._write("retry: 2000\n\n")
        await self._send_stats()
        for image_id in self._services.images.recently_removed:
            await self._send(Event("removed", {"id": image_id}))
        if after is None:
            return
        last = (await self._services.images.totals()).max_id
        missed = range(max(after, last - CATCH_UP_MOST) + 1, last + 1)
        for image in await self._services.images.images(missed):
            self._caught_up.add(image.id)
            await self._send(Event("image", image_json(image, self._services.settings), image.id))

    async def follow(self, request: web.Request, events: Subscription) -> None:
        """Until the listener is gone or the server stops."""
        while request.transport is not None and not request.transport.is_closing():
            try:
                async with asyncio.timeout(STATS_SECONDS):
                    event = await anext(events, None)
            except TimeoutError:
                pass
            else:
                if event is None:
                    return
                if event.name != "image" or event.id not in self._caught_up:
                    await self._send(event)
            if time.monotonic() - self._stats_at >= STATS_SECONDS:
                await self._send_stats()
            if time.monotonic() - self._written_at >= HEARTBEAT_SECONDS:
                await self._write(": still here\n\n")

    async def _send_stats(self) -> None:
        self._stats_at = time.monotonic()
        event = Event("stats", self._services.stats())
        if event.json != self._stats:
            self._stats = event.json
            await self._send(event)

    async def _send(self, event: Event) -> None:
        id_line = "" if event.id is None else f"id: {event.id}\n"
        await self._write(f"event: {event.name}\n{id_line}data: {event.json}\n\n")

    async def _write(self, text: str) -> None:
        async with asyncio.timeout(WRITE_SECONDS):
            await self._response.write(text.encode())
        self._written_at = time.monotonic()


async def events(request: web.Request) -> web.StreamResponse:
    streams = request.app[STREAMS]
    after = _last_event_id(request)
    response = web.StreamResponse(headers=_HEADERS)
    if request.method == hdrs.METH_HEAD:
        return response
    if len(streams) >= STREAMS_MOST:
        raise Overloaded(f"{STREAMS_MOST} listeners are here already", retry_after=10)
    services = request.app[SERVICES]
    async with services.events.subscribe() as subscription:
        streams.add(subscription)
        try:
            await response.prepare(request)
            stream = Stream(response, services)
            await stream.start(after)
            await stream.follow(request, subscription)
        except (ConnectionResetError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()  # what it has not read will never be read
        finally:
            streams.discard(subscription)
    return response


async def end_streams(app: web.Application) -> None:
    for subscription in app[STREAMS]:
        subscription.close()


def _last_event_id(request: web.Request) -> int | None:
    text = request.headers.get("Last-Event-ID", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= ID_LIMIT):
        raise QueryError(f"Last-Event-ID = {text[:40]!r}: expected the id of an event")
    return int(text)


def routes() -> list[web.RouteDef]:
    return [web.get("/api/events", events)]
