"""The HTTP server over a collection of made vectors: how many requests a second, and how long the slow ones take.

    python -m benchmarks.serve --size 100000

It is measured once the index is what the collection's size calls for. The load comes from a process of its own: first
as fast as 16 clients go, then at a fixed rate, where a request's time runs from the moment at which it was due (a
server that stands still delays all that follow). Then the same again while a crawl goes at full speed. The network of
the model is a stand-in, so what is measured lies around it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import aiohttp
import numpy as np

from artalike.records import Artwork, Embedding, FloatArray, Picture, Task
from artalike.storage.catalog import Database
from artalike.storage.folder import DataFolder
from artalike.storage.growing_index import GROWN_AT
from artalike.storage.images import Images
from benchmarks.processes import Artalike
from benchmarks.report import refuse, report
from benchmarks.tiny import CARD, COLOURS, WIDTH_VARIABLE
from benchmarks.town import town
from benchmarks.vectors import Made

BATCH: Final = 1000
CLIENTS: Final = 16
HOSTS: Final = 20
KINDS: Final = ("random", "search")
WARM_SECONDS: Final = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second, where it is fixed")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each measurement")
    parser.add_argument("--pictures", type=int, default=20_000, help="there are to crawl during the last ones")
    parser.add_argument("--load", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.size < 1 or options.dim < COLOURS or options.rate < 0 or options.seconds <= 0:
        refuse(
            f"--size {options.size} --dim {options.dim}: expected at least one image, and at least {COLOURS} numbers"
        )
    if options.load:
        url, kind = options.load
        print(json.dumps(asyncio.run(_load(url, kind, options.size, options.rate, options.seconds))))
    elif options.fill:
        asyncio.run(_fill(options.fill, options.size))
    else:
        run(options.size, options.dim, options.rate, options.seconds, options.pictures)
    return 0


def run(size: int, dimension: int, rate: float, seconds: float, pictures: int) -> dict[str, Any]:
    """The benchmark, printed and returned."""
    width = {WIDTH_VARIABLE: str(dimension)}
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary) / "data"
        _python(["--fill", str(data), "--size", str(size), "--dim", str(dimension)], width)
        settings = width | {"ARTALIKE_CRAWL__MAX_DOCUMENTS": "1", "ARTALIKE_LOG_LEVEL": "warning"}
        server = Artalike(data, settings, module="benchmarks.tiny")
        try:
            server.wait()
            start_s = time.monotonic() - server.started
            index = grown(server, size)

            def measured(kind: str, per_second: float) -> dict[str, float]:
                line = ["--load", server.url, kind, "--size", str(size)]
                times: dict[str, float] = _python([*line, "--rate", str(per_second), "--seconds", str(seconds)], width)
                return times

            rows = [{"what": f"{kind}, {CLIENTS} clients"} | measured(kind, 0) for kind in KINDS]
            rows += [{"what": f"{kind}, {rate:g}/s"} | measured(kind, rate) for kind in KINDS]
            with town(pictures, HOSTS) as sites:
                for site in sites:
                    server.seed(f"{site}/sitemap.xml")
                time.sleep(WARM_SECONDS)
                before, begun = server.call("/api/stats")["images"], time.monotonic()
                rows += [{"what": f"{kind}, {rate:g}/s, while crawling"} | measured(kind, rate) for kind in KINDS]
                stats = server.call("/api/stats")
                ingest = (stats["images"] - before) / (time.monotonic() - begun)
                if not stats["pending"]:
                    print("the crawl was over before its end was measured: --pictures must be more", file=sys.stderr)
                server.kill()
        finally:
            server.process.kill()
    random_most, search_most, random, search, random_crawling, search_crawling = rows
    summary = {
        "size": size,
        "dim": dimension,
        "random_rps": random_most["rps"],
        "random_p99_ms": random["p99_ms"],
        "search_rps": search_most["rps"],
        "search_p99_ms": search["p99_ms"],
        "search_p99_ms_under_ingest": search_crawling["p99_ms"],
        "random_p99_ms_under_ingest": random_crawling["p99_ms"],
        "random_p50_ms": random["p50_ms"],
        "search_p50_ms": search["p50_ms"],
        "ingest_images_per_s": round(ingest, 1),
        "rate": rate,
        "errors": sum(int(row["errors"]) for row in rows),
        "start_s": round(start_s, 2),
        "index": index,
    }
    report(f"{size} images of {dimension} dimensions", rows, summary)
    return summary


def grown(server: Artalike, size: int) -> dict[str, Any]:
    """The index's figures, once it is trained where its size calls for that."""
    while True:
        index: dict[str, Any] = server.call("/api/stats")["index"]
        if size < GROWN_AT or index["kind"] == "trained":
            return index
        time.sleep(1)


def _python(arguments: list[str], environment: dict[str, str]) -> Any:
    """What this module prints in a process of its own."""
    line = [sys.executable, "-m", "benchmarks.serve", *arguments]
    done = subprocess.run(line, env=os.environ | environment, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout or b"null")


async def _fill(data: Path, size: int) -> None:
    """A collection of clustered vectors, each of an image of its own without a thumbnail."""
    folder = DataFolder(data)
    await asyncio.to_thread(folder.create)
    made = Made(size, CARD.dimension)
    async with Database.open(folder.catalog) as database:
        images = await Images.open(database, CARD.model_id, CARD.dimension)
        for start in range(0, size, BATCH):
            vectors = made.rows(start, min(start + BATCH, size))
            await images.commit([embedding(start + row, vector) for row, vector in enumerate(vectors)])


def embedding(number: int, vector: FloatArray) -> Embedding:
    """An image without a thumbnail."""
    url = f"http://filled.example/{number}.jpg"
    task = Task(id=-1 - number, seed_id=0, seed_source="filled", kind="image", url=url, host="filled.example")
    artwork = Artwork(
        width=400,
        height=300,
        format="JPEG",
        color="#808080",
        phash=number,
        thumbnails={},
        model_input=np.empty((0, 0, 3), np.uint8),
    )
    picture = Picture(task, url, number.to_bytes(32, "big"), 10_000, artwork)
    return Embedding(picture, vector)


async def _load(url: str, kind: str, size: int, rate: float, seconds: float) -> dict[str, float]:
    """Ask at ``rate``, 0 for as fast as some clients go. Requests a second, and their times in milliseconds."""
    generator = np.random.default_rng()
    times: list[float] = []
    errors = 0

    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(due: float) -> None:
            nonlocal errors
            if kind == "random":
                path = f"/api/random?seed={generator.integers(1, 1 << 30)}&limit=50"
            else:
                path = f"/api/search?id={generator.integers(1, size + 1)}&limit=50"
            async with session.get(path) as response:
                await response.read()
                errors += response.status != 200
            times.append(time.perf_counter() - due)

        await asyncio.gather(*(ask(time.perf_counter()) for _ in range(CLIENTS)))  # opens the connections
        times.clear()
        started = time.perf_counter()
        await (_steadily(ask, rate, started, seconds) if rate else _closely(ask, started, seconds))
        spent = time.perf_counter() - started
    return {
        "requests": len(times),
        "errors": errors,
        "rps": round(len(times) / spent, 1),
        "p50_ms": round(float(np.percentile(times, 50)) * 1000, 2),
        "p99_ms": round(float(np.percentile(times, 99)) * 1000, 2),
        "max_ms": round(max(times) * 1000, 2),
    }


async def _steadily(
    ask: Callable[[float], Coroutine[Any, Any, None]], rate: float, started: float, seconds: float
) -> None:
    async with asyncio.TaskGroup() as requests:
        for number in range(int(rate * seconds)):
            due = started + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            requests.create_task(ask(due))


async def _closely(ask: Callable[[float], Coroutine[Any, Any, None]], started: float, seconds: float) -> None:
    async def client() -> None:
        while (now := time.perf_counter()) < started + seconds:
            await ask(now)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


if __name__ == "__main__":
    sys.exit(main())
