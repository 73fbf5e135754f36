"""What a client may ask for in a minute, of that which costs the server work: words, and pictures from outside.

A token bucket a client: a minute's worth may come at once, and then as many as the rate gives back.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from artalike.web.clients import Clients

CLIENTS_MOST: Final = 10_000
"""Clients remembered. Whoever was not heard of for the longest is forgotten, and begins again with a full bucket."""


class Limits:
    """``a_minute`` queries for each client, 0 for no limit."""

    def __init__(self, clients: Clients, a_minute: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._clients = clients
        self._most = a_minute
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when they were counted

    def spend(self, request: web.BaseRequest) -> None:
        """Count one costly query. Raises HTTPTooManyRequests, and then it is not counted."""
        if not self._most:
            return
        client, now, rate = self._clients.key(request), self._now(), self._most / 60
        tokens, counted_at = self._buckets.get(client, (float(self._most), now))
        tokens = min(self._most, tokens + (now - counted_at) * rate)
        allowed = tokens >= 1
        self._buckets[client] = (tokens - allowed, now)
        self._buckets.move_to_end(client)
        if len(self._buckets) > CLIENTS_MOST:
            self._buckets.popitem(last=False)
        if not allowed:
            raise web.HTTPTooManyRequests(
                text=f"expected at most {self._most} queries a minute by words or by pictures from outside",
                headers={hdrs.RETRY_AFTER: str(math.ceil((1 - tokens) / rate))},
            )


LIMITS: Final = web.AppKey("LIMITS", Limits)


@web.middleware
async def limited(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Counts what is sure to cost before anything of it is read.

    Fetched addresses, and the texts of a question in JSON, are counted where they are found.
    """
    uploads = request.method == hdrs.METH_POST and request.content_type != "application/json"
    if request.path == "/api/search" and (uploads or request.query.get("text")):
        request.app[LIMITS].spend(request)
    return await handler(request)
