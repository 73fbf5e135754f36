"""Ingest by several processes on the engines of a cluster beside one process with everything embedded."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from artalike.crawl import sources
from artalike.storage.catalog import Database
from artalike.storage.seeds import CrawlQueue
from benchmarks.processes import Artalike, cpu_seconds
from benchmarks.report import refuse
from benchmarks.tiny import WIDTH_VARIABLE
from benchmarks.town import town
from tests.cluster import milvus, postgres, weed

HOSTS: Final = 12
DIMENSION: Final = "1280"
LOOK_SECONDS: Final = 0.2
STUCK_SECONDS: Final = 120.0
SETTINGS: Final = {WIDTH_VARIABLE: DIMENSION, "ARTALIKE_CRAWL__HOST_CONCURRENCY": "8", "ARTALIKE_GALLERY__MAP": "false"}


@dataclass(frozen=True, slots=True)
class Ingest:
    """Of one run: pictures in a second, and CPU seconds a picture, of the processes and of all that runs for them."""

    images_per_s: float
    cpu_s: float
    all_cpu_s: float


Progress = Callable[[], Awaitable[int]]
"""How many pictures can be searched for."""


def compare(
    folder: Path, workers: Sequence[int], pictures: int, rounds: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A row for the one process and for each number of workers, and all of it as figures."""
    for reason in (milvus.why_not("milvus"), postgres.why_not(), weed.why_not()):
        if reason:
            refuse(reason)
    runs: dict[int, list[Ingest]] = {number: [] for number in (0, *workers)}
    with ExitStack() as stack:
        engines = _Engines(folder, stack)
        sites = stack.enter_context(town(pictures, HOSTS))
        wanted = pictures // HOSTS * HOSTS
        for round_ in range(rounds):
            for number, done in runs.items():
                where = folder / f"{round_}-{number}"
                where.mkdir()
                run = _clustered(engines, where, sites, number, wanted) if number else _alone(where, sites, wanted)
                done.append(asyncio.run(run))
    medians = {number: _median(done) for number, done in runs.items()}
    alone, most = medians[0], medians[max(workers)]
    rows = [
        {
            "processes": f"{number} on the cluster's engines" if number else "one, all embedded",
            "images_per_s": one.images_per_s,
            "cpu_ms": 1000 * one.cpu_s,
            "all_cpu_ms": 1000 * one.all_cpu_s,
            "cpu_ratio": one.cpu_s / alone.cpu_s,
        }
        for number, one in medians.items()
    ]
    figures: dict[str, Any] = {
        "workers": max(workers),
        "images_per_s": most.images_per_s,
        "cpu_ratio": most.cpu_s / alone.cpu_s,
        "one_process_images_per_s": alone.images_per_s,
    }
    for number in workers:
        figures[f"images_per_s_of_{number}"] = medians[number].images_per_s
        figures[f"cpu_ratio_of_{number}"] = medians[number].cpu_s / alone.cpu_s
        figures[f"all_cpu_ratio_of_{number}"] = medians[number].all_cpu_s / alone.all_cpu_s
    return rows, figures


class _Engines:
    """The servers that a cluster shares, running until ``stack`` is closed."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.postgres = postgres.Postgres()
        self.milvus = milvus.MilvusServer(folder / "milvus", lite=False)
        (folder / "weed").mkdir()
        self.weed = weed.Weed(folder / "weed")
        for server in (self.postgres, self.milvus, self.weed):
            stack.callback(server.stop)
            server.start()

    def settings(self, name: str, catalog: str) -> dict[str, str]:
        """For the processes of one collection."""
        storage = self.weed.bucket(name) | {"catalog": catalog}
        index = {"engine": "milvus", "uri": self.milvus.uri}
        return {f"ARTALIKE_STORAGE__{key.upper()}": value for key, value in storage.items()} | {
            f"ARTALIKE_INDEX__{key.upper()}": value for key, value in index.items()
        }


async def _alone(where: Path, sites: Sequence[str], wanted: int) -> Ingest:
    server = Artalike(where / "data", SETTINGS, module="benchmarks.tiny")
    try:
        await _ready([server])
        before = _cpu([server])
        began = time.monotonic()
        for site in sites:
            await asyncio.to_thread(server.seed, f"{site}/sitemap.xml")

        async def progress() -> int:
            return int((await asyncio.to_thread(server.call, "/api/stats"))["searchable"])

        seconds = await _until(progress, wanted, began)
        return _ingest(wanted, seconds, before, _cpu([server]))
    finally:
        server.stop()


async def _clustered(engines: _Engines, where: Path, sites: Sequence[str], number: int, wanted: int) -> Ingest:
    catalog = await asyncio.to_thread(engines.postgres.new_database)
    settings = SETTINGS | engines.settings(where.name, catalog)
    servers = list[Artalike]()
    try:
        for one in range(number):
            servers.append(Artalike(where / f"data-{one}", settings, "--role", "crawl", module="benchmarks.tiny"))
            if one == 0:
                await _ready(servers)  # it makes the collection's tables
        await _ready(servers)
        async with Database.open(catalog) as database:
            before = _cpu(servers)
            began = time.monotonic()
            frontier = CrawlQueue(database)
            for site in sites:
                address = f"{site}/sitemap.xml"
                await frontier.add_seed(sources.detect(address), address, {})

            async def progress() -> int:
                async with database.read() as connection:
                    [row] = await connection.execute_fetchall(
                        "SELECT (SELECT count(*) FROM vectors) - (SELECT count(*) FROM outbox)"
                    )
                return int(row[0])

            seconds = await _until(progress, wanted, began)
            return _ingest(wanted, seconds, before, _cpu(servers))
    finally:
        for server in servers:
            await asyncio.to_thread(server.stop)
        await asyncio.to_thread(engines.milvus.drop_all)


async def _ready(servers: Sequence[Artalike]) -> None:
    for server in servers:
        await asyncio.to_thread(server.wait)
        while not await asyncio.to_thread(_answers, f"{server.url}/readyz"):  # noqa: ASYNC110  # of another process
            await asyncio.sleep(LOOK_SECONDS)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return bool(response.status == 200)
    except urllib.error.HTTPError:
        return False


async def _until(progress: Progress, wanted: int, began: float) -> float:
    """Seconds until so many pictures can be searched for."""
    there, moved = 0, began
    while there < wanted:
        await asyncio.sleep(LOOK_SECONDS)
        now = await progress()
        if now > there:
            there, moved = now, time.monotonic()
        elif time.monotonic() - moved > STUCK_SECONDS:
            refuse(f"{there} of {wanted} pictures came in, and then none for {STUCK_SECONDS:.0f} s")
    return moved - began


def _cpu(servers: Sequence[Artalike]) -> tuple[float, float]:
    return sum(server.cpu_seconds() for server in servers), cpu_seconds(os.getpid())


def _ingest(images: int, seconds: float, before: tuple[float, float], after: tuple[float, float]) -> Ingest:
    own, everything = ((now - then) / images for now, then in zip(after, before, strict=True))
    return Ingest(images / seconds, own, everything)


def _median(runs: Sequence[Ingest]) -> Ingest:
    return Ingest(*(statistics.median(getattr(one, name) for one in runs) for name in Ingest.__slots__))
