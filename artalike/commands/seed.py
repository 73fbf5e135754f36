"""`seed`: hands sources to the running server, or to the catalog when none runs, and follows them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from artalike.commands.client import Address, Server, find
from artalike.config import Settings
from artalike.crawl import sources, urls
from artalike.records import Candidate
from artalike.storage.catalog import open_catalog
from artalike.storage.folder import DataFolder
from artalike.storage.seeds import CrawlQueue

POLL_SECONDS: Final = 0.5
OVER: Final = ("done", "failed", "cancelled")


def run_seed(
    settings: Settings, wanted: Sequence[str], *, kind: str | None, options: dict[str, Any], detach: bool
) -> int:
    """Seed all or none: every source is understood before the first is handed over. Raises SourceError."""
    roots = understood(wanted, kind, options)
    address = find(settings)
    if address is None:
        return _to_catalog(settings, roots, options)
    return asyncio.run(_to_server(address, [source for source, _ in roots], kind, options, detach=detach))


def understood(wanted: Sequence[str], kind: str | None, options: Mapping[str, Any]) -> list[tuple[str, Candidate]]:
    """The sources, as whoever takes them up is to read them, and where each begins. Raises SourceError."""
    sources.check_options(options)
    return [(source, sources.detect(source, kind)) for source in map(_from_here, wanted)]


def _from_here(source: str) -> str:
    """A path means the same to a server that runs in another folder."""
    path = Path(source).expanduser()
    if "://" in source or not path.exists():
        return source
    path = path.resolve()
    return str(path) if urls.is_text(str(path)) else urls.from_path(path)


def _to_catalog(settings: Settings, roots: Sequence[tuple[str, Candidate]], options: dict[str, Any]) -> int:
    folder = DataFolder(settings.storage.data)

    async def add() -> None:
        async with open_catalog(settings.storage, readers=1) as database:
            frontier = CrawlQueue(database)
            for source, root in roots:
                await frontier.add_seed(root, source, options)

    with folder.locked():
        asyncio.run(add())
    Console().print(
        f"{len(roots)} queued in {folder.root}. No server runs on it; start one with: python -m artalike",
        markup=False, soft_wrap=True,
    )  # fmt: skip
    return 0


async def _to_server(
    address: Address,
    wanted: Sequence[str],
    kind: str | None,
    options: dict[str, Any],
    *,
    detach: bool,
) -> int:
    async with Server.connect(address) as server:
        body = {"options": options} | ({"kind": kind} if kind else {})
        seeds = [await server.post("/api/admin/seeds", {"source": source} | body) for source in wanted]
        if detach:
            for seed in seeds:
                Console().print(f"seed {seed['id']}: {seed['kind']} {seed['source']}", markup=False, soft_wrap=True)
            return 0

        async def look() -> Progressed:
            found = [await server.get(f"/api/admin/seeds/{seed['id']}") for seed in seeds]
            return Progressed(found, (await server.get("/api/stats"))["rate"])

        return await follow(look)


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far seeds have come, as JSON objects; ``rate`` is in pictures a second, ``problem`` why nothing comes in."""

    seeds: Sequence[Mapping[str, Any]]
    rate: float
    problem: str | None = None


async def follow(look: Callable[[], Awaitable[Progressed]]) -> int:
    """Show how seeds come on until all are over: 0 when all are done, else 1. ``look`` is called twice a second."""
    console = Console()
    problem = None
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[images]} images, {task.fields[failed]} failed, {task.fields[rate]}/s"),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        bars: dict[int, TaskID] = {}
        while True:
            now = await look()
            if now.problem is not None and now.problem != problem:
                console.print(now.problem, markup=False, soft_wrap=True)
            problem = now.problem
            for seed in now.seeds:
                if seed["id"] not in bars:
                    bars[seed["id"]] = progress.add_task(escape(seed["source"][-50:]), images=0, failed=0, rate=0)
                progress.update(
                    bars[seed["id"]],
                    total=seed["found"],
                    completed=seed["done"] + seed["failed"],
                    images=seed["images"],
                    failed=seed["failed"],
                    rate=now.rate,
                )
            if all(seed["state"] in OVER for seed in now.seeds):
                break
            await asyncio.sleep(POLL_SECONDS)
    for seed in now.seeds:
        note = f": {seed['error']}" if seed["error"] else ""
        console.print(
            f"{seed['source']}: {seed['state']}, {seed['images']} images, {seed['failed']} failed{note}",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    return 0 if all(seed["state"] == "done" for seed in now.seeds) else 1
