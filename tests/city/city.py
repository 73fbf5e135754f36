"""A city of museums on loopback: every house has a host name of its own and answers as its original does.

One server plays all of them, told apart by the Host header; :attr:`City.resolver` leads every name to it. The city, not
the crawler, keeps the log of who was asked for what, when, and how much at once.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Protocol

from aiohttp import web

from tests.sites import Asked, LocalServer, LoopbackResolver, draw


class House(Protocol):
    """One institution. Its module says which public documentation it is shaped after."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names that it answers to."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Raises HTTPNotFound for what it does not have."""


class City(LocalServer):
    """``async with City(Met(), Louvre()) as city:``, then crawl ``http://HOST/…`` through ``city.resolver``."""

    def __init__(self, *houses: House) -> None:
        super().__init__()
        self.robots: dict[str, str | int] = defaultdict(lambda: 404)
        """By host: a robots.txt, or the status that answers for it."""
        self._houses = {host: house for house in houses for host in house.hosts}

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
