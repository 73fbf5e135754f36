"""Whole answers as they come over the wire: status lines, headers, chunks and packed bodies, read by a real fetcher."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Final

from artalike.config import Settings
from artalike.crawl.fetcher import Fetcher
from artalike.errors import NotModified
from artalike.records import Task, Validators
from tests.fuzz import samples
from tests.fuzz.engine import LOOP, Target
from tests.sites import LoopbackResolver

SETTINGS: Final = Settings.model_validate(
    {
        "crawl": {"allow_private": True, "host_rate": 0, "host_concurrency": 8, "backoff_seconds": 0.01},
        "download": {"connect_seconds": 2, "read_seconds": 0.5, "total_seconds": 1, "max_redirects": 2},
    }
)


class _Server:
    """Answers every request, whatever it asks for, with the same bytes, and hangs up."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._fetcher: Fetcher | None = None
        self._answer = b""
        self._number = 0

    async def ask(self, answer: bytes) -> None:
        """Fetch a document and a picture from it. Every host is a new one: nothing is known of it."""
        fetcher = self._fetcher or await self._open()
        self._answer = answer
        self._number += 1
        url = f"http://h{self._number}.example/x"
        validators = Validators('"1"', "Fri, 31 Dec 1999 23:59:59 GMT")
        task = Task(1, 1, url, "image", url, f"h{self._number}.example", recheck=True, validators=validators)
        try:
            document = await fetcher.document(url, validators=validators)
            assert document.content_type == document.content_type.lower()
            await fetcher.image(task)
        except NotModified:
            pass

    async def _open(self) -> Fetcher:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        await self._stack.enter_async_context(server)
        port = server.sockets[0].getsockname()[1]
        self._fetcher = await self._stack.enter_async_context(Fetcher.open(SETTINGS, resolver=LoopbackResolver(port)))
        LOOP.at_close(self._close)
        return self._fetcher

    async def _close(self) -> None:
        self._fetcher = None
        await self._stack.aclose()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self._answer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


_SERVER: Final = _Server()


def _run(data: bytes) -> None:
    LOOP.run(_SERVER.ask(data))


def _answer(status: str, headers: str, body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}\r\n".encode() + body


_CHUNKS: Final = b"5;x=y\r\nhello\r\n3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n"


def targets() -> list[Target]:
    """What a server may say."""
    packed = samples.packed(samples.HTML)
    answers = (
        _answer("200 OK", 'Content-Type: text/html; charset=utf-8\r\nContent-Length: 5\r\nETag: W/"1"\r\n', b"hello"),
        _answer("200 OK", "Transfer-Encoding: chunked\r\nX-Robots-Tag: artalike: noai, noindex\r\n", _CHUNKS),
        _answer("200 OK", f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n", packed),
        _answer(
            "200 OK",
            "Content-Encoding: deflate\r\nConnection: close\r\n",
            b"x\x9c\xcbH\xcd\xc9\xc9\x07\x00\x06,\x02\x15",
        ),
        _answer("302 Found", "Location: //other.example/../y?z#f\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n"),
        _answer("429 Too Many", "Retry-After: 3\r\nContent-Length: 0\r\n"),
        _answer("503 No", "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n"),
        _answer("304 Not Modified", 'ETag: "1"\r\nLast-Modified: Fri, 31 Dec 1999 23:59:59 GMT\r\n'),
        _answer("404 Not Found", "Content-Length: 4\r\n", b"gone"),
        _answer("103 Early Hints", "Link: </x>\r\n", _answer("200 OK", "Content-Length: 1\r\n", b"x")),
        b"HTTP/1.0 200\r\n\r\nUser-agent: *\nDisallow:\n",
    )
    return [Target("answers over the wire", _run, answers)]
