"""`serve`: the server, and `demo`: the same with a museum of its own to crawl."""

from __future__ import annotations

import webbrowser
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from rich.console import Console

from artalike.config import Settings
from artalike.demo.museum import Museum
from artalike.service import Service, serve


def run_server(settings: Settings, *, seeds: Sequence[str] = (), open_browser: bool = False) -> int:
    """Serve until a signal."""
    serve(settings, seeds=seeds, announce=partial(_announce, open_browser=open_browser))
    return 0


def run_demo(settings: Settings, *, pieces: int, museum_port: int, open_browser: bool = False) -> int:
    """Serve a collection that the crawler fetches from a little museum on this machine."""
    crawl = settings.crawl.model_copy(update={"allow_private": True})
    server = settings.server.model_copy(update={"role": "all"})
    settings = settings.model_copy(update={"crawl": crawl, "server": server})

    @asynccontextmanager
    async def museum_beside(service: Service) -> AsyncIterator[None]:
        async with Museum("127.0.0.1", museum_port, pieces=pieces) as museum:
            service.fetcher.slots.rule(museum.url.partition("://")[2], rate=0, concurrency=4)
            await service.add_seed(f"{museum.url}/sitemap.xml", "sitemap")
            yield

    serve(settings, beside=museum_beside, announce=partial(_announce, open_browser=open_browser))
    return 0


def _announce(service: Service, token_file: str | None, *, open_browser: bool) -> None:
    console = Console(highlight=False)
    if not service.role.answers:
        console.print(f"Artalike brings pictures in; {service.url}/readyz tells how it is", markup=False)
        return
    console.print(f"Artalike is at {service.url}", markup=False)
    place = f"token in {Path(token_file).resolve()}" if token_file else "token as set"
    console.print(f"Admin page: {service.url}/admin ({place})", markup=False, soft_wrap=True)
    console.print("Ctrl-C stops it; all is there at the next start.", markup=False)
    if open_browser:
        webbrowser.open(service.url)
