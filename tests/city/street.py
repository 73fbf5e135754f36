"""A street of houses that have their own rules about being asked, and watch from inside whether they are kept."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from aiohttp import web

from tests.city.city import City, picture

_CLOCK_SHIFT: Final = 0.2
"""Seconds that a busy machine may shift a request on its way from one end of loopback to the other."""


@dataclass
class House:
    """One host with pictures at ``/N.jpg`` and ``/private/N.jpg``, and a page at ``/`` that shows them.

    ``rate`` (requests a second, 0 for any) and ``concurrency`` are what it allows, by its robots.txt, a known rule or
    the crawler's settings. ``forbidden`` are beginnings of paths that nobody may ask for. ``page_says`` and
    ``pictures_say`` are in ``X-Robots-Tag``, ``meta`` is in the page. ``rest`` is the Retry-After, in seconds, of every
    fourth answer. ``moved_to`` is where its pictures have gone. ``bears`` is how many requests a second it can answer
    before it says 503, 0 for any.
    """

    name: str
    rate: float = 0.0
    concurrency: int = 2
    robots: str | int = 404
    forbidden: tuple[str, ...] = ()
    page_says: str = ""
    meta: str = ""
    pictures_say: str = ""
    rest: int = 0
    moved_to: str = ""
    bears: int = 0
    seconds: float = 0.05
    pictures: int = 40
    too_early: list[float] = field(default_factory=list)
    """By how much those came too early who did not wait for the Retry-After."""
    refused: list[float] = field(default_factory=list)
    """When it said 503."""
    _busy: deque[float] = field(default_factory=deque)
    _resting: tuple[float, float] = (0.0, 0.0)
    _asked: int = 0

    @property
    def hosts(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def root(self) -> str:
        return f"http://{self.name}/"

    @property
    def addresses(self) -> list[str]:
        return [f"{self.root}{room}{number}.jpg" for number in range(self.pictures) for room in ("", "private/")]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        begun, until = self._resting
        now = time.monotonic()
        if begun + _CLOCK_SHIFT < now < until - _CLOCK_SHIFT:
            self.too_early.append(until - now)
        if self.bears:
            while self._busy and self._busy[0] < now - 1:
                self._busy.popleft()
            if len(self._busy) >= self.bears:
                self.refused.append(now)
                raise web.HTTPServiceUnavailable
            self._busy.append(now)
        await asyncio.sleep(self.seconds)
        self._asked += 1
        if self.rest and self._asked % 4 == 0:
            self._resting = (time.monotonic(), time.monotonic() + self.rest)
            return web.Response(status=429, headers={"Retry-After": str(self.rest)})
        if request.path == "/":
            return web.Response(text=self._page(), content_type="text/html", headers=_tag(self.page_says))
        if self.moved_to:
            raise web.HTTPFound(f"http://{self.moved_to}/private{request.path}")
        number = int(request.path.rpartition("/")[2].removesuffix(".jpg"))
        response = picture(1000 * sum(map(ord, self.name)) + number)
        response.headers.update(_tag(self.pictures_say))
        return response

    def _page(self) -> str:
        images = "".join(f'<img src="{address}">' for address in self.addresses)
        return f'<!doctype html><meta name="robots" content="{self.meta}"><title>{self.name}</title>{images}'

    def trespasses(self, city: City) -> list[str]:
        """Paths that were asked for and must not have been."""
        return (
            [asked.path for asked in city.asked(self.name) if asked.path.startswith(self.forbidden)]
            if self.forbidden
            else []
        )

    def excess(self, city: City) -> float:
        """Seconds by which requests came too close together, at worst, over any number of them; 0 or less is none."""
        if not self.rate:
            return 0.0
        times = [asked.at for asked in city.log if asked.host == self.name]
        # With each request the earliest moment for the next moves on: how far ahead of it was anyone?
        worst, debt = 0.0, 0.0
        for earlier, later in pairwise(times):
            debt = max(0.0, debt + 1 / self.rate - (later - earlier))
            worst = max(worst, debt)
        return worst


def _tag(says: str) -> Mapping[str, str]:
    return {"X-Robots-Tag": says} if says else {}
