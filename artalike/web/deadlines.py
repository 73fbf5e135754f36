"""A query has so much time, and then its work is dropped; also when the client goes away, which aiohttp cancels.

What has begun in a thread runs to its end there; what still waits for one is never done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from artalike.errors import Overloaded
from artalike.visitors import Visitors

RETRY_SECONDS: Final = 5.0

_DEADLINE: Final = web.RequestKey("_DEADLINE", asyncio.Timeout)
_VISITORS: Final = web.RequestKey("_VISITORS", Visitors)
_PREFIXES: Final = ("/api/random", "/api/search", "/api/images", "/api/suggest", "/similar", "/image", "/search")


def query_deadline(seconds: float, visitors: Visitors) -> Middleware:
    """The middleware that gives a query ``seconds``, beside the time in which its body comes, and counts it."""

    @web.middleware
    async def in_time(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != "/" and not request.path.startswith(_PREFIXES):
            return await handler(request)
        deadline = asyncio.timeout(seconds)
        request[_DEADLINE] = deadline
        request[_VISITORS] = visitors
        try:
            async with deadline:
                with visitors.asking():
                    return await handler(request)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise Overloaded(f"no answer within {seconds:g} s", retry_after=RETRY_SECONDS) from error

    return in_time


@contextmanager
def paused(request: web.Request) -> Iterator[None]:
    """The query's time stands still while its body is read, which has a time of its own."""
    deadline = request.get(_DEADLINE)
    if deadline is None or deadline.expired() or (when := deadline.when()) is None:
        yield
        return
    loop = asyncio.get_running_loop()
    left = when - loop.time()
    deadline.reschedule(None)
    try:
        with request[_VISITORS].waiting():
            yield
    finally:
        if not deadline.expired():
            deadline.reschedule(loop.time() + left)
