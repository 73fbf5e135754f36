"""A city of museums on loopback: every house has a host name of its own and answers as its original does.

One server plays all of them, told apart by the Host header; :attr:`City.resolver` leads every name to it. The city, not
the crawler, keeps the log of who was asked for what, when, and how much at once.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from typing import Protocol, Self

from aiohttp import web
from multidict import CIMultiDict

from tests.sites import Asked, LoopbackResolver, draw


class House(Protocol):
    """One institution. Its module says which public documentation it is shaped after."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names that it answers to."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Raises HTTPNotFound for what it does not have."""


class City:
    """``async with City(Met(), Louvre()) as city:``, then crawl ``http://HOST/…`` through ``city.resolver``."""

    def __init__(self, *houses: House) -> None:
        self.log: list[Asked] = []
        self.at_once: Counter[str] = Counter()
        """The most requests under way together, by host."""
        self.robots: dict[str, str | int] = defaultdict(lambda: 404)
        """By host: a robots.txt, or the status that answers for it."""
        self.port = 0
        self._houses = {host: house for house in houses for host in house.hosts}
        self._under_way: Counter[str] = Counter()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._logged])
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def resolver(self) -> LoopbackResolver:
        """Leads every name to this city."""
        return LoopbackResolver(self.port)

    def asked(self, host: str, path: str | None = None) -> list[Asked]:
        """The requests to a host, for one path or all but robots.txt, in order."""
        return [
            asked
            for asked in self.log
            if asked.host == host and (asked.path == path if path else asked.path != "/robots.txt")
        ]

    @web.middleware
    async def _logged(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.log.append(Asked(request.path_qs, request.host, time.monotonic(), CIMultiDict(request.headers)))
        self._under_way[request.host] += 1
        self.at_once[request.host] = max(self.at_once[request.host], self._under_way[request.host])
        try:
            return await handler(request)
        finally:
            self._under_way[request.host] -= 1

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/robots.txt":
            robots = self.robots[request.host]
            return web.Response(status=robots) if isinstance(robots, int) else web.Response(text=robots)
        house = self._houses.get(request.host)
        if house is None:
            raise web.HTTPNotFound
        return await house.answer(request)


def picture(number: int, size: tuple[int, int] = (96, 72)) -> web.Response:
    """The picture with this number, unlike all others."""
    return web.Response(body=draw(number, size), content_type="image/jpeg")
