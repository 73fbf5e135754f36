"""How fast addresses go into the frontier and tasks come out of it, when it holds a million.

The baseline, alternating with ours, is the least that a frontier could be: the same addresses put into a bare table
with one unique index, of the same size, by the same connection settings and in as large transactions.

python -m benchmarks.frontier --size 1000000
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any, Final

from artalike.records import Candidate, Metadata, Task
from artalike.storage.catalog import Database
from artalike.storage.seeds import CrawlQueue
from benchmarks.report import refuse, report

BATCH: Final = 1000
"""Addresses in a transaction, as the sources yield them."""
HOSTS: Final = 500
SEEDS: Final = 20
BATCHES: Final = 10
"""Transactions in a round of adding."""
LEASE: Final = 64
"""Tasks that the scheduler asks for at once with its default settings."""
LEASES: Final = 50


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7, help="of adding and leasing, whose median is told")
    options = parser.parse_args()
    size = options.size
    if size < SEEDS * BATCH:
        refuse(f"--size {size}: expected at least {SEEDS * BATCH}")
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_run(Path(folder), size, options.rounds))
    return 0


async def _run(folder: Path, size: int, rounds: int) -> None:
    async with Database.open(folder / "ours.sqlite3") as ours, Database.open(folder / "bare.sqlite3") as bare:
        frontier = CrawlQueue(ours)
        roots = [await _root(frontier, number) for number in range(SEEDS)]
        async with bare.write() as connection:
            await connection.execute("CREATE TABLE bare (seed_id INTEGER, url TEXT, UNIQUE (seed_id, url))")
        numbers = _batches()
        filling = await _timed(_add(frontier, roots, numbers, size // BATCH))
        await _add_bare(bare, _batches(), size // BATCH)
        adds, bare_adds, leases = await _measure(frontier, roots, bare, numbers, rounds)
    fill = size / filling
    report(
        f"{size} rows in the frontier, {SEEDS} seeds, {HOSTS} hosts",
        [
            {"what": "rows added, while it was filled", "a second": round(fill)},
            {"what": "rows added, when full", "a second": round(adds)},
            {"what": "rows added to a bare table", "a second": round(bare_adds)},
            {"what": "tasks leased", "a second": round(leases)},
        ],
        {
            "size": size,
            "adds_per_s": round(adds),
            "leases_per_s": round(leases),
            "fill_per_s": round(fill),
            "bare_adds_per_s": round(bare_adds),
            "adds_ratio_to_bare": round(adds / bare_adds, 3),
        },
    )


async def _measure(
    frontier: CrawlQueue, roots: list[Task], bare: Database, numbers: Iterator[range], rounds: int
) -> tuple[float, float, float]:
    ours, baseline, leases = [], [], []
    others = _batches(start=10**9)
    for _ in range(rounds):
        ours.append(BATCHES * BATCH / await _timed(_add(frontier, roots, numbers, BATCHES)))
        baseline.append(BATCHES * BATCH / await _timed(_add_bare(bare, others, BATCHES)))
        started = time.perf_counter()
        leased = 0
        for turn in range(LEASES):
            busy = [f"museum-{(turn * 50 + n) % HOSTS}.example" for n in range(50)]
            leased += len(await frontier.lease(LEASE, busy_hosts=busy, per_host=4))
        leases.append(leased / (time.perf_counter() - started))
    return statistics.median(ours), statistics.median(baseline), statistics.median(leases)


async def _root(frontier: CrawlQueue, number: int) -> Task:
    """A seed whose list is being read."""
    source = f"https://lists.example/{number}.csv"
    await frontier.add_seed(Candidate(source, "list"), source, {})
    [task] = await frontier.lease(1, busy_hosts=(), per_host=1)
    return task


async def _add(frontier: CrawlQueue, roots: list[Task], numbers: Iterator[range], batches: int) -> None:
    for turn in range(batches):
        found = [_candidate(number) for number in next(numbers)]
        await frontier.store_found(roots[turn % len(roots)], found, cursor=str(turn))


async def _add_bare(bare: Database, numbers: Iterator[range], batches: int) -> None:
    for turn in range(batches):
        rows = [(turn % SEEDS, _candidate(number).url) for number in next(numbers)]
        async with bare.write() as connection:
            await connection.executemany("INSERT INTO bare VALUES (?, ?)", rows)


def _candidate(number: int) -> Candidate:
    host = f"museum-{number * 7919 % HOSTS}.example"
    return Candidate(
        f"https://{host}/collection/objects/{number:012d}/image.jpg",
        metadata=Metadata(
            title=f"Object {number}",
            creator="Unknown maker",
            date="1850",
            rights="CC0",
            page_url=f"https://{host}/{number}",
        ),
    )


def _batches(start: int = 0) -> Iterator[range]:
    while True:
        yield range(start, start + BATCH)
        start += BATCH


async def _timed(work: Awaitable[Any]) -> float:
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
