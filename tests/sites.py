"""A site on loopback that misbehaves in every way that has a name, between pictures and pages that are good.

It keeps a log of what it was asked, when, and how much at once, so that tests can measure politeness.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import random
import socket
import time
import zlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDict
from PIL import Image, ImageDraw

NO_KNOWN_HOSTS: Final = str(Path(__file__).with_name("no_known_hosts.toml"))
"""For ``crawl.host_rules``: all hosts go by the settings, also those of the city that carry a museum's real name."""
HOSTILE_NAME: Final = """"><script>alert('x')</script>\u202egpj.exe 100% & söñ.jpg"""
BOMB_BYTES: Final = 64_000_000
"""What the gzip bomb unpacks to."""
SILENCE: Final = 30.0
"""Seconds that slow answers take: longer than any test waits."""


class Fault(StrEnum):
    """One way to misbehave. :meth:`MisbehavingSite.url` gives the address at which it happens."""

    NOT_FOUND = "not-found"
    GONE = "gone"
    FORBIDDEN = "forbidden"
    UNAUTHORIZED = "unauthorized"
    LEGAL_REASONS = "legal-reasons"
    TEAPOT = "teapot"
    SERVER_ERROR = "server-error"
    SERVER_ERROR_ONCE = "server-error-once"
    RETRY_AFTER = "retry-after"
    RETRY_AFTER_DATE = "retry-after-date"
    UNAVAILABLE = "unavailable"
    HTML_AS_PICTURE = "html-as-picture"
    WRONG_CONTENT_TYPE = "wrong-content-type"
    NO_CONTENT_TYPE = "no-content-type"
    TRUNCATED = "truncated"
    CUT_SHORT = "cut-short"
    EMPTY = "empty"
    BOMB = "bomb"
    GZIP_BOMB = "gzip-bomb"
    BROKEN_GZIP = "broken-gzip"
    ENDLESS_BODY = "endless-body"
    HUGE_LENGTH = "huge-length"
    ONE_PIXEL = "one-pixel"
    PANORAMA = "panorama"
    SVG = "svg"
    HOSTILE_NAME = "hostile-name"
    REDIRECT = "redirect"
    REDIRECT_LOOP = "redirect-loop"
    REDIRECT_CHAIN = "redirect-chain"
    REDIRECT_NOWHERE = "redirect-nowhere"
    PRIVATE_REDIRECT = "private-redirect"
    FILE_REDIRECT = "file-redirect"
    SLOW_HEADERS = "slow-headers"
    SLOW_BODY = "slow-body"
    DROPPED_CONNECTION = "dropped-connection"
    NOT_HTTP = "not-http"
    OPTED_OUT = "opted-out"
    OPTED_OUT_OF_AI = "opted-out-of-ai"
    OPTED_OUT_FOR_OTHERS = "opted-out-for-others"
    COOKIES = "cookies"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. ``at`` is monotonic seconds."""

    path: str
    host: str
    at: float
    headers: Mapping[str, str]


@dataclass(slots=True)
class Reply:
    """What the site answers at a path that a test has filled."""

    body: bytes
    content_type: str = "text/html"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@cache
def draw(number: int, size: tuple[int, int] = (96, 72)) -> bytes:
    """The JPEG with this number: always the same bytes, and to the eye unlike the others."""
    dice = random.Random(number)
    image = Image.new("RGB", size, tuple(dice.randrange(256) for _ in range(3)))
    pen = ImageDraw.Draw(image)
    for _ in range(6):
        left, right = sorted(dice.randrange(size[0]) for _ in range(2))
        top, bottom = sorted(dice.randrange(size[1]) for _ in range(2))
        shape = dice.choice((pen.rectangle, pen.ellipse))
        shape((left, top, right + 1, bottom + 1), fill=tuple(dice.randrange(256) for _ in range(3)))
    return _encoded(image, "JPEG")


class LocalServer(ABC):
    """Answers GET on a free ``port`` of this machine, inside ``async with``, and keeps a log."""

    def __init__(self) -> None:
        self.log: list[Asked] = []
        self.at_once: Counter[str] = Counter()
        """The most requests under way together, by host."""
        self.port = 0
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

    @web.middleware
    async def _logged(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        await self._note(request, request.path_qs)
        self._under_way[request.host] += 1
        self.at_once[request.host] = max(self.at_once[request.host], self._under_way[request.host])
        try:
            return await handler(request)
        finally:
            self._under_way[request.host] -= 1

    async def _note(self, request: web.Request, path: str) -> None:
        self.log.append(Asked(path, request.host, time.monotonic(), CIMultiDict(request.headers)))

    @abstractmethod
    async def _answer(self, request: web.Request) -> web.StreamResponse:
        """What it says."""


class MisbehavingSite(LocalServer):
    """``async with MisbehavingSite() as site: site.url(Fault.BOMB)``.

    Good things are at :meth:`picture` and :meth:`page`; ``site.pages["/x"] = Reply(…)`` puts anything anywhere;
    ``site.robots`` is its robots.txt, a status or a text.
    """

    def __init__(self, *, pictures: int = 12) -> None:
        super().__init__()
        self.pictures = pictures
        self.pages: dict[str, Reply] = {}
        self.robots: str | int = 404
        self.private_address = "http://192.168.77.7/secret.jpg"
        self.retry_after = 2
        self.hold_seconds = 0.0
        """How long each picture is held back, so that requests overlap."""
        self.answers_conditions = False
        """Whether it compares ``If-None-Match`` with the ``ETag`` of what was put somewhere."""
        self.not_modified: list[str] = []
        """The paths answered with 304."""
        self._news = asyncio.Condition()
        self._closing = asyncio.Event()

    async def __aexit__(self, *error: object) -> None:
        self._closing.set()
        await super().__aexit__(*error)

    @property
    def root(self) -> str:
        """The site's address, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def url(self, fault: Fault, *, root: str | None = None) -> str:
        """Where ``fault`` happens; with ``root``, under another name of this site."""
        name = f"{fault}/{quote(HOSTILE_NAME, safe='')}" if fault is Fault.HOSTILE_NAME else f"{fault}.jpg"
        return f"{root or self.root}/fault/{name}"

    def picture(self, number: int, *, root: str | None = None) -> str:
        """The address of a good picture."""
        return f"{root or self.root}/picture/{number}.jpg"

    def page(self, path: str, html: str | bytes, **headers: str) -> str:
        """Put a page at ``path``. Its address."""
        body = html.encode() if isinstance(html, str) else html
        return self.put(path, body, "text/html; charset=utf-8", **headers)

    def put(self, path: str, body: bytes, content_type: str = "application/octet-stream", **headers: str) -> str:
        """Put anything at ``path``. Its address. ``_`` in the names of headers stands for ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = Reply(body, content_type, headers=named)
        return self.root + path

    def asked(self, path: str) -> int:
        """How often ``path`` was asked for."""
        return sum(asked.path == path for asked in self.log)

    async def until_asked(self, path: str) -> None:
        """Wait for a request for ``path`` to come."""
        async with self._news:
            await self._news.wait_for(lambda: self.asked(path))

    def times(self, *, host: str | None = None) -> list[float]:
        """When requests came, in order, of one host (as in the Host header) or of all."""
        return [asked.at for asked in self.log if host is None or asked.host == host]

    async def _note(self, request: web.Request, path: str) -> None:
        await super()._note(request, request.path)
        async with self._news:
            self._news.notify_all()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path in self.pages:
            reply = self.pages[path]
            headers = {"Content-Type": reply.content_type, **reply.headers}
            if self.answers_conditions and reply.headers.get("ETag", "") == request.headers.get("If-None-Match"):
                self.not_modified.append(path)
                return web.Response(status=304, headers=reply.headers)
            return web.Response(body=reply.body, status=reply.status, headers=headers)
        if path == "/robots.txt":
            if isinstance(self.robots, int):
                return web.Response(status=self.robots)
            return web.Response(text=self.robots)
        if path.startswith("/fault/"):
            return await self._misbehave(Fault(path.split("/")[2].removesuffix(".jpg")), request)
        name = path.removeprefix("/picture/").removesuffix(".jpg")
        if name.isdigit() and int(name) < self.pictures:
            await asyncio.sleep(self.hold_seconds)
            return _jpeg(draw(int(name)))
        raise web.HTTPNotFound

    async def _misbehave(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        if fault in _STATUSES:
            return web.Response(status=_STATUSES[fault])
        if fault in _BODIES:
            return _BODIES[fault]()
        misdeed = getattr(self, f"_{fault.name.lower()}")
        answer: web.StreamResponse = await misdeed(request)
        return answer

    async def _server_error_once(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=500) if self.asked(request.path) == 1 else _jpeg(draw(1))

    async def _retry_after(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": str(self.retry_after)})

    async def _retry_after_date(self, request: web.Request) -> web.StreamResponse:
        at = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60))
        return web.Response(status=503, headers={"Retry-After": at})

    async def _redirect(self, request: web.Request) -> web.StreamResponse:
        return _to("/picture/0.jpg")

    async def _redirect_loop(self, request: web.Request) -> web.StreamResponse:
        return _to(f"{request.path}")

    async def _redirect_chain(self, request: web.Request) -> web.StreamResponse:
        return _to(f"{request.path}?{int(request.query_string or 0) + 1}")

    async def _redirect_nowhere(self, request: web.Request) -> web.StreamResponse:
        return _to("javascript:alert(1)")

    async def _private_redirect(self, request: web.Request) -> web.StreamResponse:
        return _to(self.private_address)

    async def _file_redirect(self, request: web.Request) -> web.StreamResponse:
        return _to("file:///etc/passwd")

    async def _slow_headers(self, request: web.Request) -> web.StreamResponse:
        await self._silence()
        return _jpeg(draw(2))

    async def _slow_body(self, request: web.Request) -> web.StreamResponse:
        response = await _started(request, length=None)
        for byte in draw(2)[:200]:
            await response.write(bytes([byte]))
            await asyncio.sleep(0.05)
        await self._silence()
        return response

    async def _endless_body(self, request: web.Request) -> web.StreamResponse:
        response = await _started(request, length=None)
        while not self._closing.is_set():
            await response.write(b"\xff\xd8\xff" + bytes(65_533))
        return response

    async def _cut_short(self, request: web.Request) -> web.StreamResponse:
        response = await _started(request, length=len(draw(3)))
        await response.write(draw(3)[:500])
        _abort(request)
        return response

    async def _huge_length(self, request: web.Request) -> web.StreamResponse:
        response = await _started(request, length=10**12)
        await response.write(draw(3)[:500])
        await self._silence()
        return response

    async def _dropped_connection(self, request: web.Request) -> web.StreamResponse:
        _abort(request)
        return web.Response()

    async def _not_http(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(b"220 mail.example ESMTP ready\r\n")
        request.transport.close()
        return web.Response()

    async def _silence(self) -> None:
        try:
            await asyncio.wait_for(self._closing.wait(), SILENCE)
        except TimeoutError:
            return


class LoopbackResolver(AbstractResolver):
    """Answers every name with one port of this machine, or as ``known`` says, so that one site is many hosts.

    ``known`` maps a name to addresses, or to None for a name that does not exist. Addresses in it keep the port asked.
    """

    def __init__(self, port: int, known: Mapping[str, list[str] | None] | None = None) -> None:
        self._port = port
        self._known = known or {}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if host not in self._known:
            return [_answer(host, "127.0.0.1", self._port)]
        addresses = self._known[host]
        if addresses is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [_answer(host, address, port) for address in addresses]

    async def close(self) -> None:
        pass


def _answer(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)


def _encoded(image: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def _jpeg(body: bytes, content_type: str = "image/jpeg", **headers: str) -> web.Response:
    return web.Response(body=body, headers={"Content-Type": content_type, **headers})


def _to(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location})


async def _started(request: web.Request, *, length: int | None) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "image/jpeg"})
    response.content_length = length
    await response.prepare(request)
    return response


def _abort(request: web.Request) -> None:
    transport = request.transport
    assert isinstance(transport, asyncio.Transport)
    transport.abort()


@cache
def _one_pixel() -> bytes:
    return _encoded(Image.new("RGBA", (1, 1)), "PNG")


@cache
def _panorama() -> bytes:
    return _encoded(Image.linear_gradient("L").resize((4000, 20)), "JPEG")


@cache
def _bomb() -> bytes:
    """A PNG of a few kilobytes that says it has 900 million pixels."""
    header = (30_000).to_bytes(4, "big") * 2 + bytes((8, 0, 0, 0, 0))
    data = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


@cache
def _gzip_bomb() -> bytes:
    return gzip.compress(bytes(BOMB_BYTES), 9, mtime=0)


def _tagged(tag: str) -> Callable[[], web.Response]:
    return lambda: _jpeg(draw(4), **{"X-Robots-Tag": tag})


_HTML: Final = b"<!doctype html><title>Sign in</title><p>Please sign in to see this picture."
_SVG: Final = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'

_STATUSES: Final = {
    Fault.NOT_FOUND: 404,
    Fault.GONE: 410,
    Fault.FORBIDDEN: 403,
    Fault.UNAUTHORIZED: 401,
    Fault.LEGAL_REASONS: 451,
    Fault.TEAPOT: 418,
    Fault.SERVER_ERROR: 500,
    Fault.UNAVAILABLE: 503,
}
_BODIES: Final[Mapping[Fault, Callable[[], web.Response]]] = {
    Fault.HTML_AS_PICTURE: lambda: _jpeg(_HTML),
    Fault.WRONG_CONTENT_TYPE: lambda: _jpeg(draw(5), "text/plain"),
    Fault.NO_CONTENT_TYPE: lambda: _jpeg(draw(5), ""),
    Fault.TRUNCATED: lambda: _jpeg(draw(6)[: len(draw(6)) // 2]),
    Fault.EMPTY: lambda: _jpeg(b""),
    Fault.BOMB: lambda: _jpeg(_bomb(), "image/png"),
    Fault.GZIP_BOMB: lambda: _jpeg(_gzip_bomb(), **{"Content-Encoding": "gzip"}),
    Fault.BROKEN_GZIP: lambda: _jpeg(b"\x1f\x8bthis is not gzip", **{"Content-Encoding": "gzip"}),
    Fault.ONE_PIXEL: lambda: _jpeg(_one_pixel(), "image/png"),
    Fault.PANORAMA: lambda: _jpeg(_panorama()),
    Fault.SVG: lambda: _jpeg(_SVG, "image/svg+xml"),
    Fault.HOSTILE_NAME: lambda: _jpeg(draw(7)),
    Fault.OPTED_OUT: _tagged("noindex"),
    Fault.OPTED_OUT_OF_AI: _tagged("artalike: noai, noimageai"),
    Fault.OPTED_OUT_FOR_OTHERS: _tagged("somebot: noindex, noai"),
    Fault.COOKIES: lambda: _jpeg(draw(8), **{"Set-Cookie": "session=1; Path=/"}),
}
