"""A town of picture sites on loopback, a process of its own, that counts how often each picture is asked for.

Host n is 127.0.0.n. Each has a sitemap with its pictures. ``/count`` tells what was asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import web
from PIL import Image, ImageDraw

LISTENING: Final = "listening on port"


@contextmanager
def town(pictures: int, hosts: int) -> Iterator[list[str]]:
    """The sites, running. Their base addresses, without a slash at the end."""
    command = [sys.executable, "-u", "-m", "benchmarks.town", str(pictures), str(hosts)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            match = re.search(rf"{LISTENING} (\d+)", process.stdout.readline())
            assert match is not None
            yield [f"http://127.0.0.{number}:{match[1]}" for number in range(1, hosts + 1)]
        finally:
            process.terminate()


class Town:
    """The application: ``asked`` and ``sent`` count by host and path."""

    def __init__(self, pictures: int, hosts: int) -> None:
        self._each = pictures // hosts
        self.asked: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path == "/count":
            return web.json_response({"asked": dict(self.asked), "sent": dict(self.sent)})
        if path == "/sitemap.xml":
            return web.Response(text=self._sitemap(request.host), content_type="application/xml")
        if not path.startswith("/picture/"):
            raise web.HTTPNotFound
        name = request.host + path
        self.asked[name] += 1
        response = web.Response(body=_picture(name), content_type="image/jpeg")
        await response.prepare(request)
        await response.write_eof()
        self.sent[name] += 1
        return response

    def _sitemap(self, host: str) -> str:
        entries = (
            f"<url><loc>http://{host}/page/{n}</loc><image:image><image:loc>http://{host}/picture/{n}.jpg</image:loc>"
            "</image:image></url>"
            for n in range(self._each)
        )
        return (
            '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
            f'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">{"".join(entries)}</urlset>'
        )


def _picture(name: str) -> bytes:
    dice = random.Random(name)
    image = Image.new("RGB", (96, 72), tuple(dice.randrange(256) for _ in range(3)))
    pen = ImageDraw.Draw(image)
    for _ in range(6):
        left, top = dice.randrange(90), dice.randrange(66)
        box = (left, top, left + dice.randrange(5, 60), top + dice.randrange(5, 50))
        pen.rectangle(box, fill=tuple(dice.randrange(256) for _ in range(3)))
    stream = io.BytesIO()
    image.save(stream, "JPEG")
    return stream.getvalue()


async def _serve(pictures: int, hosts: int) -> None:
    app = web.Application()
    app.router.add_get("/{path:.*}", Town(pictures, hosts).answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = 0
    for number in range(1, hosts + 1):
        await web.TCPSite(runner, f"127.0.0.{number}", port).start()
        port = runner.addresses[0][1]
    print(f"{LISTENING} {port}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures", type=int)
    parser.add_argument("hosts", type=int)
    options = parser.parse_args()
    asyncio.run(_serve(options.pictures, options.hosts))
