"""A small museum on this machine that shows the demo collection, for the crawler to really crawl.

It has what good sites have: robots.txt, a sitemap index with pictures, titled pages with Open Graph tags and JSON-LD.
The family of a picture is the ``artform`` of its JSON-LD, and :func:`artalike.demo.families.family_of` its number.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from aiohttp import ETag, web
from anyio import CapacityLimiter, to_thread
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from yarl import URL

from artalike.demo.families import BY_KEY, FAMILIES, Family, Piece, family_of, piece, render
from artalike.errors import PortBusy

NAME: Final = "The Museum of Drawn Numbers"
LICENSE: Final = "https://creativecommons.org/publicdomain/zero/1.0/"
TEMPLATES: Final = Path(__file__).with_name("templates")
CACHED_IMAGES: Final = 64
DEPOT_PIECES: Final = 12
MAX_AGE: Final = 3600
CONTENT_TYPES: Final = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Museum:
    """Serves pieces 0 to ``pieces`` - 1 while entered: ``async with Museum() as museum: museum.url``.

    A busy ``port`` is replaced by a free one. Entering raises :class:`PortBusy` where ``host`` has none.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 8090, *, pieces: int = 600) -> None:
        self._host, self._port = host, port
        self._count = pieces
        self._rooms: dict[str, list[Piece]] = {}
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=select_autoescape(["html", "xml"]),
            undefined=StrictUndefined,
            auto_reload=False,
        )
        self._style = ""
        self._images: OrderedDict[int, tuple[bytes, str]] = OrderedDict()
        self._painters = CapacityLimiter(os.cpu_count() or 1)
        self._runner = web.AppRunner(self._application(), access_log=None)

    async def __aenter__(self) -> Museum:
        await to_thread.run_sync(self._prepare)
        await self._runner.setup()
        try:
            await self._listen()
        except OSError as error:
            await self._runner.cleanup()
            raise PortBusy(f"{self._host}:{self._port}: {error.strerror}; expected an address to listen on") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """The museum's address, without a slash at the end."""
        host, port = self._runner.addresses[0][:2]
        return str(URL.build(scheme="http", host=host, port=port)).rstrip("/")

    def _prepare(self) -> None:
        """Everything that touches the disk or takes long, before the first visitor."""
        for family in FAMILIES:
            members = range(FAMILIES.index(family), self._count, len(FAMILIES))
            if members:
                self._rooms[family.key] = [piece(number) for number in members]
        for name in self._templates.list_templates():
            self._templates.get_template(name)
        self._style = (TEMPLATES / "style.css").read_text(encoding="utf-8")

    async def _listen(self) -> None:
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            await web.TCPSite(self._runner, self._host, 0).start()

    def _application(self) -> web.Application:
        application = web.Application()
        routes: dict[str, Handler] = {
            "/": self._home,
            "/style.css": self._stylesheet,
            "/robots.txt": self._robots,
            "/sitemap.xml": self._sitemap_index,
            "/sitemaps/{family}.xml": self._sitemap,
            "/rooms/{family}": self._room,
            "/works/{number:[0-9]{1,9}}": self._work,
            "/images/{number:[0-9]{1,9}}{suffix:[.][a-z]+}": self._image,
            "/depot/": self._depot,
            "/depot/{number:[0-9]{1,9}}{suffix:[.][a-z]+}": self._depot_image,
        }
        for path, handler in routes.items():
            application.router.add_get(path, handler)
        return application

    async def _home(self, _: web.Request) -> web.Response:
        return self._page("home.html", rooms=self._shown(), total=self._count)

    async def _stylesheet(self, _: web.Request) -> web.Response:
        return _cached(web.Response(text=self._style, content_type="text/css"))

    async def _robots(self, request: web.Request) -> web.Response:
        lines = ["User-agent: *", "Allow: /", "Disallow: /depot/", "", f"Sitemap: {_base(request)}/sitemap.xml", ""]
        return web.Response(text="\n".join(lines))

    async def _sitemap_index(self, request: web.Request) -> web.Response:
        return self._xml("sitemap_index.xml", base=_base(request), rooms=self._shown())

    async def _sitemap(self, request: web.Request) -> web.Response:
        family, pieces = self._room_of(request)
        return self._xml("sitemap.xml", base=_base(request), family=family, pieces=pieces)

    async def _room(self, request: web.Request) -> web.Response:
        family, pieces = self._room_of(request)
        return self._page("room.html", family=family, pieces=pieces)

    async def _work(self, request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        if number >= self._count:
            raise web.HTTPNotFound
        family = family_of(number)
        room = self._rooms[family.key]
        place = number // len(FAMILIES)
        base = _base(request)
        return self._page(
            "work.html",
            piece=room[place],
            family=family,
            before=room[place - 1].number if place else None,
            after=room[place + 1].number if place + 1 < len(room) else None,
            url=f"{base}/works/{number}",
            image_url=f"{base}/images/{room[place].file_name}",
            json_ld=_json_ld(room[place], family, base),
        )

    async def _image(self, request: web.Request) -> web.StreamResponse:
        return await self._picture(request, range(self._count))

    async def _depot(self, _: web.Request) -> web.Response:
        return self._page("depot.html", pieces=[piece(number) for number in self._stored()])

    async def _depot_image(self, request: web.Request) -> web.StreamResponse:
        return await self._picture(request, self._stored())

    async def _picture(self, request: web.Request, numbers: range) -> web.StreamResponse:
        number = int(request.match_info["number"])
        if number not in numbers or request.match_info["suffix"] != piece(number).suffix:
            raise web.HTTPNotFound
        data, tag = await self._painted(piece(number))
        if any(known.value in {tag, "*"} for known in request.if_none_match or ()):
            response = web.Response(status=304)
        else:
            response = web.Response(body=data, content_type=CONTENT_TYPES[request.match_info["suffix"]])
        response.etag = ETag(tag)
        return _cached(response)

    async def _painted(self, piece: Piece) -> tuple[bytes, str]:
        """The picture's bytes and their entity tag; the latest few are kept."""
        if piece.number not in self._images:
            data = await to_thread.run_sync(render, piece, limiter=self._painters)
            self._images[piece.number] = data, hashlib.sha256(data).hexdigest()[:32]
        self._images.move_to_end(piece.number)
        painted = self._images[piece.number]
        if len(self._images) > CACHED_IMAGES:
            self._images.popitem(last=False)
        return painted

    def _shown(self) -> list[tuple[Family, list[Piece]]]:
        return [(BY_KEY[key], pieces) for key, pieces in self._rooms.items()]

    def _stored(self) -> range:
        return range(self._count, self._count + DEPOT_PIECES)

    def _room_of(self, request: web.Request) -> tuple[Family, list[Piece]]:
        key = request.match_info["family"]
        if key not in self._rooms:
            raise web.HTTPNotFound
        return BY_KEY[key], self._rooms[key]

    def _page(self, template: str, **values: Any) -> web.Response:
        return _cached(web.Response(text=self._filled(template, values), content_type="text/html"))

    def _xml(self, template: str, **values: Any) -> web.Response:
        return _cached(web.Response(text=self._filled(template, values), content_type="application/xml"))

    def _filled(self, template: str, values: dict[str, Any]) -> str:
        return self._templates.get_template(template).render(museum=NAME, license=LICENSE, **values)


def _base(request: web.Request) -> str:
    return str(request.url.origin())


def _cached(response: web.Response) -> web.Response:
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    return response


def _json_ld(piece: Piece, family: Family, base: str) -> dict[str, Any]:
    """The work in the vocabulary of schema.org."""
    return {
        "@context": "https://schema.org",
        "@type": "VisualArtwork",
        "name": piece.title,
        "creator": {"@type": "Person", "name": piece.artist},
        "dateCreated": piece.date,
        "artform": family.key,
        "keywords": [family.key, *piece.palette.words],
        "license": LICENSE,
        "creditLine": NAME,
        "url": f"{base}/works/{piece.number}",
        "image": {
            "@type": "ImageObject",
            "contentUrl": f"{base}/images/{piece.file_name}",
            "width": piece.width,
            "height": piece.height,
            "license": LICENSE,
        },
    }
