"""The served index beside exact search over the same vectors, in one run.

python -m benchmarks.search --size 100000 --dim 512
python -m benchmarks.search --vectors FILE.npy
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from artalike.storage.growing_index import GrowingIndex
from artalike.storage.ports import VectorIndex
from artalike.storage.trained_index import exact
from benchmarks.report import refuse, report

MODEL: Final = "benchmark@1"
INTRINSIC: Final = 24
CLUSTERS: Final = 2000
SPREAD: Final = 0.5
WIDTHS: Final = (0.5, 0.1, 0.01, 0.001)
BATCH: Final = 1024
GROWTH: Final = 50_000

Vectors = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=100_000, help="made vectors")
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--vectors", type=Path, help="real ones instead: an .npy of float (n, dimension)")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--recall", type=float, default=0.99)
    parser.add_argument("--folder", type=Path, help="where the index lies; a temporary folder where not given")
    parser.add_argument("--start", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.start is not None:
        print(json.dumps(asyncio.run(start(options.start, options.dim))))
        return
    if options.size < 1000:
        refuse(f"--size {options.size}: expected at least 1000")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    vectors = Made(options.size, options.dim) if options.vectors is None else Given(options.vectors)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        asyncio.run(Benchmark(vectors, Path(folder), options.queries, options.recall).run())


class Made:
    """Clustered vectors of low intrinsic dimension: clusters in ``INTRINSIC`` dimensions, bent into more."""

    def __init__(self, size: int, dimension: int) -> None:
        dice = np.random.default_rng(0)
        self.size, self.dimension = size, dimension
        self._centers = dice.standard_normal((CLUSTERS, INTRINSIC), dtype=np.float32)
        self._lift = dice.standard_normal((INTRINSIC, dimension), dtype=np.float32) / np.float32(np.sqrt(INTRINSIC))

    def rows(self, start: int, stop: int, *, seed: int = 0) -> Vectors:
        """Always the same ones for the same place."""
        dice = np.random.default_rng((seed, start))
        count = stop - start
        latent = self._centers[dice.integers(0, CLUSTERS, count)]
        latent = latent + SPREAD * dice.standard_normal((count, INTRINSIC), dtype=np.float32)
        lifted = np.tanh(latent @ self._lift)
        lifted += 0.05 * dice.standard_normal(lifted.shape, dtype=np.float32)
        return _unit(lifted)

    def queries(self, count: int) -> Vectors:
        """Not among the rows."""
        return self.rows(0, count, seed=1)


class Given:
    """Vectors of a file; the last thousand, or a tenth, are queries and not searched among."""

    def __init__(self, path: Path) -> None:
        self._all = np.load(path, mmap_mode="r")
        self._held_out = min(1000, len(self._all) // 10)
        self.size, self.dimension = len(self._all) - self._held_out, self._all.shape[1]

    def rows(self, start: int, stop: int) -> Vectors:
        return _unit(np.asarray(self._all[start:stop], np.float32))

    def queries(self, count: int) -> Vectors:
        return self.rows(self.size, self.size + min(count, self._held_out))


class Benchmark:
    def __init__(self, vectors: Made | Given, folder: Path, queries: int, recall: float) -> None:
        self.vectors, self.size = vectors, vectors.size
        self.path = folder / "index.snapshot"
        self.recall = recall
        self.queries = vectors.queries(queries)
        self.rows: list[dict[str, Any]] = []

    async def run(self) -> None:
        index = GrowingIndex(self.vectors.dimension, MODEL, self.path, recall=self.recall)
        stalls = Stalls(index, self.queries)
        watching = asyncio.create_task(stalls.watch())
        await self._grow(index, stalls)
        stalls.phase = "snapshot"
        await index.save(self.path)
        stalls.phase = "idle"
        await asyncio.sleep(0.2)
        watching.cancel()
        await index.close()
        trained_here = dict(index.stats)
        del index, stalls.index
        started = await asyncio.to_thread(in_fresh_process, self.path, self.vectors.dimension)
        index = await GrowingIndex.load(self.path, MODEL, self.vectors.dimension, recall=self.recall)
        summary = {
            "size": self.size,
            "dim": self.vectors.dimension,
            **await self._quality(index),
            **await self._speed(index),
            "ram_bytes_per_vector": started["ram"] / self.size,
            **await self._while_adding(index),
            "longest_stall_ms": 1000 * max(stalls.longest.values()),
            "stalls_ms": {phase: 1000 * seconds for phase, seconds in stalls.longest.items()},
            "start_s": started["start_s"],
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "index": trained_here,
        }
        summary["filtered_recall_at_10"] = await self._filtered(index)
        shown = [{"figure": key, "value": value} for key, value in summary.items() if not isinstance(value, dict)]
        report(f"{self.size} vectors of {self.vectors.dimension} numbers", shown, summary)
        await index.close()

    async def _grow(self, index: GrowingIndex, stalls: Stalls) -> None:
        """Add everything, training whenever it is due, with searches going on."""
        training: asyncio.Task[None] | None = None
        for start in range(0, self.size, BATCH):
            stop = min(start + BATCH, self.size)
            rows = await asyncio.to_thread(self.vectors.rows, start, stop)
            await index.add(np.arange(start + 1, stop + 1), rows)
            if training is None and stop >= GROWTH:
                training = asyncio.create_task(index.run())
        stalls.phase = "final training"
        if training is not None:
            training.cancel()
            await asyncio.wait([training])
        await index.train()

    async def _quality(self, index: VectorIndex) -> dict[str, float]:
        truth = self._truth(100)
        answers = await index.search(self.queries, 100)
        top = [await index.search(query[np.newaxis], 10) for query in self.queries]
        return {
            "recall_at_10": shared([one[:10] for one in truth], [one.ids for [one] in top]),
            "recall_at_100": shared(truth, [one.ids for one in answers]),
        }

    def _truth(self, k: int, *, every: int = 1, queries: Vectors | None = None) -> list[NDArray[np.int64]]:
        """The ids of the nearest, by exact search in float32, of one in ``every`` vectors."""
        queries = self.queries if queries is None else queries
        scores = np.empty((len(queries), 0), np.float32)
        ids = np.empty((len(queries), 0), np.int64)
        for start, rows in self._blocks():
            numbers = np.arange(start + 1, start + 1 + len(rows))
            chosen = numbers % every == 0
            if not chosen.any():
                continue
            found, places = exact(queries, rows[chosen], k)
            scores, ids = np.hstack([scores, found]), np.hstack([ids, numbers[chosen][places]])
            best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
            scores, ids = np.take_along_axis(scores, best, 1), np.take_along_axis(ids, best, 1)
        return list(ids)

    def _blocks(self) -> Iterator[tuple[int, Vectors]]:
        for start in range(0, self.size, BATCH):
            yield start, self.vectors.rows(start, min(start + BATCH, self.size))

    async def _speed(self, index: VectorIndex) -> dict[str, float]:
        """One thread each; the exact search that it is compared with is FAISS's own over float32, a query at a time."""
        room = min(self.size, 200_000)
        some = np.concatenate([rows for _, rows in zip_until(self._blocks(), room)])[:room]
        mine, theirs = list[float](), list[float]()
        for round_ in range(5):
            for query in self.queries[round_::5]:
                mine.append(await self._one(index, query))
            for query in self.queries[round_ :: len(self.queries) // 10]:
                began = time.perf_counter()
                exact(query[np.newaxis], some, 10)
                theirs.append((time.perf_counter() - began) * self.size / room)
        return {
            "p50_ms": 1000 * float(np.median(mine)),
            "p99_ms": 1000 * float(np.quantile(mine, 0.99)),
            "exact_p50_ms": 1000 * float(np.median(theirs)),
            "speedup_over_exact": float(np.median(theirs) / np.median(mine)),
        }

    async def _one(self, index: VectorIndex, query: Vectors) -> float:
        began = time.perf_counter()
        await index.search(query[np.newaxis], 10)
        return time.perf_counter() - began

    async def _while_adding(self, index: VectorIndex) -> dict[str, float]:
        """Searches one by one, at rest and beside adds at full speed (of vectors that are removed again)."""
        idle = [await self._one(index, query) for query in self.queries]
        pool = self.vectors.rows(0, BATCH)
        stop, added = asyncio.Event(), 0

        async def adding() -> None:
            nonlocal added
            while not stop.is_set():
                first = self.size + 1 + added
                await index.add(np.arange(first, first + len(pool)), pool)
                added += len(pool)

        began = time.perf_counter()
        for number in range(20):
            await index.add(np.arange(1, len(pool) + 1) + self.size + number * len(pool), pool)
        alone = time.perf_counter() - began
        await index.remove(np.arange(self.size + 1, self.size + 1 + 20 * len(pool)))
        task = asyncio.create_task(adding())
        await asyncio.sleep(0.1)
        began = time.perf_counter()
        busy = [await self._one(index, query) for query in self.queries]
        seconds = time.perf_counter() - began
        stop.set()
        await task
        await index.remove(np.arange(self.size + 1, self.size + 1 + added))
        return {
            "adds_per_s": 20 * len(pool) / alone,
            "p99_ratio_while_adding": float(np.quantile(busy, 0.99) / np.quantile(idle, 0.99)),
            "p99_ms_while_adding": 1000 * float(np.quantile(busy, 0.99)),
            "adds_per_s_while_searched": added / seconds,
        }

    async def _filtered(self, index: VectorIndex) -> dict[str, float]:
        queries = self.queries[:200]
        recalls = {}
        for width in WIDTHS:
            every = round(1 / width)
            among = np.arange(every, self.size + 1, every)
            answers = await index.search(queries, 10, among=among)
            recalls[f"{width:g}"] = shared(self._truth(10, every=every, queries=queries), [one.ids for one in answers])
        return recalls


class Stalls:
    """The longest that one search took, by what went on meanwhile."""

    def __init__(self, index: VectorIndex, queries: Vectors) -> None:
        self.index = index
        self.queries = queries
        self.phase = "growth"
        self.longest: dict[str, float] = {}

    async def watch(self) -> None:
        number = 0
        while True:
            query = self.queries[number % len(self.queries)]
            kind = getattr(self.index, "stats", {}).get("kind", "")
            began, phase = time.perf_counter(), f"{kind}, {self.phase}"
            await self.index.search(query[np.newaxis], 10)
            self.longest[phase] = max(self.longest.get(phase, 0.0), time.perf_counter() - began)
            number += 1
            await asyncio.sleep(0.002)


def shared(truth: Sequence[NDArray[np.int64]], found: Sequence[NDArray[np.int64]]) -> float:
    """The share of ``truth`` that was found."""
    hits = sum(int(np.isin(one, other).sum()) for one, other in zip(truth, found, strict=True))
    return hits / sum(len(one) for one in truth)


def zip_until(blocks: Iterator[tuple[int, Vectors]], rows: int) -> Iterator[tuple[int, Vectors]]:
    for start, block in blocks:
        if start >= rows:
            return
        yield start, block


def in_fresh_process(path: Path, dimension: int) -> dict[str, float]:
    """What a process that has done nothing else needs for the snapshot: seconds to the first answer, bytes."""
    command = [sys.executable, "-m", "benchmarks.search", "--start", str(path), "--dim", str(dimension)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=600).stdout)
    return found


async def start(path: Path, dimension: int) -> dict[str, float]:
    """Load the snapshot and search once."""
    small = GrowingIndex(dimension, MODEL, path.with_name("small"))
    await small.add(np.array([1]), np.eye(1, dimension, dtype=np.float32))
    await small.search(np.eye(1, dimension, dtype=np.float32), 1)
    before, began = anonymous_bytes(), time.perf_counter()
    index = await GrowingIndex.load(path, MODEL, dimension)
    await index.search(np.eye(1, dimension, dtype=np.float32), 10)
    seconds = time.perf_counter() - began
    gc.collect()
    return {"start_s": seconds, "ram": anonymous_bytes() - before}


def anonymous_bytes() -> int:
    """Resident memory of this process that is not a mapped file's (proc(5))."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def _unit(rows: Vectors) -> Vectors:
    unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


if __name__ == "__main__":
    main()
