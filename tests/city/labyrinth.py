"""A museum whose pages never end: its calendar, its lists in every order, its paths and its sessions.

After the infinite spaces that Google's guide to managing a crawl budget warns of. Every page is real, and shows the
same picture.
"""

from __future__ import annotations

from itertools import count
from typing import Final

from aiohttp import web

from tests.city.city import picture

HOST: Final = "labyrinth.example"
ORDERS: Final = ("title", "artist", "date", "place")
WAYS: Final = ("asc", "desc")


class Labyrinth:
    """``http://labyrinth.example/`` leads to each of its traps, and to two rooms that are not.

    Its calendar opens in ``year``; each of its lists leads to ``variants`` others.
    """

    hosts = (HOST,)

    def __init__(self, year: int, *, variants: int = 0) -> None:
        self._year = year
        self._variants = variants
        self._sessions = count()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path == "/picture.jpg":
            return picture(1)
        if path.startswith("/calendar/"):
            return self._page(*_months(path, self._year))
        if path.startswith("/loop/"):
            return self._page("deeper/", "../loop/deeper/")
        if path == "/list":
            sorts = (
                f"/list?sort={order}&dir={way}&{request.query_string}" for order in ORDERS for way in ("asc", "desc")
            )
            token = int(request.query.get("token", 0))
            return self._page(*sorts, *(f"/list?token={token * 100 + n}" for n in range(self._variants)))
        return self._page("/calendar/", "/loop/", "/list", "/room?id=1", "/room?id=2")

    def _page(self, *links: str) -> web.Response:
        session = next(self._sessions)
        links = (*links, f"/room?id=1&PHPSESSID={session:032x}", f"/room;jsessionid={session}?id=2")
        body = "".join(f'<a href="{link}">on</a>' for link in links)
        return web.Response(text=f"<title>Room</title><img src=/picture.jpg>{body}", content_type="text/html")


def _months(path: str, year: int) -> tuple[str, str]:
    shown, _, month = path.removeprefix("/calendar/").partition("-")
    now = int(shown or year) * 12 + int(month or 1) - 1
    before, after = divmod(now - 1, 12), divmod(now + 1, 12)
    return f"/calendar/{before[0]}-{before[1] + 1:02}", f"/calendar/{after[0]}-{after[1] + 1:02}"
