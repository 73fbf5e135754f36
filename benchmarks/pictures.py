"""A plain HTTP/1.1 server over a folder, on loopback, that costs a benchmark as little as it can.

    python -m benchmarks.pictures FOLDER

It says "port N" once it listens, keeps connections open, and answers a GET for a file; for anything else 404.
"""

from __future__ import annotations

import asyncio
import os
import sys
from email.utils import formatdate
from mimetypes import guess_type
from pathlib import Path
from typing import Final
from urllib.parse import unquote

END: Final = b"\r\n\r\n"
MOST: Final = 1 << 16
"""Bytes of a request."""
NOT_FOUND: Final = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Connection(asyncio.Protocol):
    """Answers requests in their order; a client may send the next before it has the answer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        *requests, self._received = self._received.split(END)
        for request in requests:
            self._transport.writelines(self._answer(request))
            if b"connection: close" in request.lower():
                self._transport.close()
        if len(self._received) > MOST:
            self._transport.close()

    def _answer(self, request: bytes) -> list[bytes]:
        method, _, rest = request.partition(b" ")
        path = (self._folder / unquote(rest.split(b" ")[0].decode("latin-1")).lstrip("/")).resolve()
        if method != b"GET" or not path.is_relative_to(self._folder) or not path.is_file():
            return [NOT_FOUND]
        with path.open("rb", buffering=0) as stream:
            status = os.fstat(stream.fileno())
            data = stream.read(status.st_size)
        head = (
            "HTTP/1.1 200 OK\r\n"
            f"Content-Type: {guess_type(path.name)[0] or 'application/octet-stream'}\r\n"
            f"Content-Length: {len(data)}\r\n"
            f"Last-Modified: {formatdate(status.st_mtime, usegmt=True)}\r\n\r\n"
        )
        return [head.encode(), data]


async def main(folder: Path) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Connection(folder), "127.0.0.1", 0, backlog=1024)
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).resolve()))
