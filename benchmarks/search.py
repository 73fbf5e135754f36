"""The served index beside exact search over the same vectors, in one run.

python -m benchmarks.search --size 100000 --dim 512
python -m benchmarks.search --images FOLDER

First vectors are made and searched exactly. Then the index grows from one vector on by adds alone, is searched all
the while, and trains when it sees fit. With ``--folder`` both are kept, and the next run with the same options goes
on from there.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np

from artalike.errors import ArtalikeError
from artalike.priority import ANSWERING, ask_for_slices
from artalike.storage.growing_index import GROWN_AT, GrowingIndex
from artalike.storage.memory import share_one_heap
from artalike.storage.ports import VectorIndex
from artalike.storage.trained_index import exact
from benchmarks.report import refuse, report
from benchmarks.vectors import FILTERED, WIDTHS, Given, Ids, Made, Truth, Vectors, of_images, pieces, shared

MODEL: Final = "benchmark@1"
BATCH: Final = 1024
STEP: Final = 8 * BATCH
SNAPSHOTS: Final = 10
PROBED: Final = 100
DEPTH: Final = 10
ROUNDS: Final = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=100_000, help="made vectors")
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--vectors", type=Path, help="real ones instead: an .npy of float (n, dimension)")
    parser.add_argument("--images", type=Path, help="or a folder of pictures, which the program's own model embeds")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--recall", type=float, default=0.99)
    parser.add_argument("--grown-at", type=int, default=GROWN_AT, help="vectors from which on the index is trained")
    parser.add_argument("--folder", type=Path, help="where the index is kept; a temporary folder where not given")
    parser.add_argument("--start", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    share_one_heap()  # this and the next as the server does
    ask_for_slices(ANSWERING)
    if options.start is not None:
        print(json.dumps(asyncio.run(start(options.start, options.dim))))
        return
    vectors = chosen(options)
    if vectors.size < 1000:
        refuse(f"{vectors.size} vectors: expected at least 1000")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        asyncio.run(Benchmark(vectors, folder, options.queries, recall=options.recall, grown_at=options.grown_at).run())


def chosen(options: argparse.Namespace) -> Made | Given:
    try:
        if options.images is not None:
            return of_images(options.images)
        return Made(options.size, options.dim) if options.vectors is None else Given(np.load(options.vectors, "r"))
    except (ArtalikeError, OSError, ValueError) as error:
        refuse(str(error))


class Benchmark:
    def __init__(self, source: Made | Given, folder: Path, queries: int, **settings: Any) -> None:
        self.size, self.dimension = source.size, source.dimension
        self.folder, self.path = folder, folder / "index.snapshot"
        self.settings = settings
        self.queries = source.queries(queries)
        self.steps = [(0, 1), (1, BATCH), *pieces(BATCH, self.size, STEP)]
        if not (folder / "truth.npz").exists():
            self._prepare(source)
        self.truth = Truth(self.queries)
        self.truth.load(folder / "truth.npz")
        self.probed = np.load(folder / "probed.npy")

    def _prepare(self, source: Made | Given) -> None:
        """Lay down the vectors, as float16, and what is nearest among them: in the end and after each step."""
        truth, probed = Truth(self.queries), list[list[Ids]]()
        with (self.folder / "vectors.f16").open("wb") as kept:
            for start, stop in self.steps:
                made = np.concatenate([source.rows(*piece) for piece in pieces(start, stop, BATCH)]).astype(np.float16)
                kept.write(made.tobytes())
                truth.add(start, made.astype(np.float32))
                probed.append([np.resize(one[:DEPTH], DEPTH) for one in truth.ids()[:PROBED]])
        np.save(self.folder / "probed.npy", np.array(probed))
        truth.save(self.folder / "truth.npz")

    async def run(self) -> None:
        kept = self.folder / "growth.json"
        if not kept.exists():
            kept.write_text(json.dumps(await self._grow()))
        grown = json.loads(kept.read_text())
        started = await asyncio.to_thread(in_fresh_process, self.path, self.dimension)
        index = await GrowingIndex.load(self.path, MODEL, self.dimension, **self.settings)
        summary = {
            "size": self.size,
            "dim": self.dimension,
            **await self._quality(index),
            **await self._speed(index),
            "ram_bytes_per_vector": max(grown["ram_grown"], started["ram"]) / self.size,
            "ram_bytes_per_vector_loaded": started["ram"] / self.size,
            **await self._while_adding(index),
            "start_s": started["start_s"],
            **grown,
            "index": index.stats,
            "filtered_recall_at_10": await self._filtered(index),
        }
        shown = [{"figure": key, "value": value} for key, value in summary.items() if not isinstance(value, dict)]
        report(f"{self.size} vectors of {self.dimension} numbers", shown, summary)
        await index.close()

    async def _grow(self) -> dict[str, Any]:
        """Add everything, with searches going on, and training and snapshots whenever they are due."""
        await warm_up(self.dimension)
        before, began = anonymous_bytes(), time.perf_counter()
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_majflt
        index = GrowingIndex(self.dimension, MODEL, self.path, **self.settings)
        stalls, recalls = Stalls(index, self.queries), list[float]()
        tasks = [asyncio.create_task(stalls.watch()), asyncio.create_task(index.run())]
        ids_equal = True
        for (start, stop), nearest in zip(self.steps, self.probed, strict=True):
            for first, last in pieces(start, stop, BATCH):
                await index.add(np.arange(first + 1, last + 1), await asyncio.to_thread(self._rows, first, last))
            recalls.append(await self._recall(index, list(nearest)))
            if start * SNAPSHOTS // self.size < stop * SNAPSHOTS // self.size:
                ids_equal &= np.array_equal(await index.ids(), np.arange(1, stop + 1))
                stalls.doing = ", snapshot"
                await index.save(self.path)
                stalls.doing = ""
        grown = time.perf_counter() - began
        while index.stats["training"] or index.train_due or index.measure_due:  # noqa: ASYNC110 (no event tells)
            await asyncio.sleep(0.1)
        rested = time.perf_counter() - began
        await index.save(self.path)
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        gc.collect()
        figures = {
            "longest_stall_ms": 1000 * max(stalls.longest.values()),
            "stalls_ms": {doing: 1000 * seconds for doing, seconds in stalls.longest.items()},
            "least_recall_in_growth": min(recalls),
            "ids_equal_in_growth": ids_equal,
            "growth_s": grown,
            "growth_and_training_s": rested,
            "ram_grown": anonymous_bytes() - before,
            "pages_from_disk_in_growth": resource.getrusage(resource.RUSAGE_SELF).ru_majflt - faults,
        }
        await index.close()
        return figures

    def _rows(self, start: int, stop: int) -> Vectors:
        """Read, not mapped: while a page comes from the disk nobody else could run."""
        count, width = (stop - start) * self.dimension, 2 * self.dimension
        stored = np.fromfile(self.folder / "vectors.f16", np.float16, count, offset=start * width)
        return stored.reshape(-1, self.dimension).astype(np.float32)

    async def _recall(self, index: VectorIndex, truth: list[Ids]) -> float:
        answers = [await index.search(query[np.newaxis], DEPTH) for query in self.queries[: len(truth)]]
        return shared([one[:DEPTH] for one in truth], [one.ids for [one] in answers])

    async def _quality(self, index: VectorIndex) -> dict[str, float]:
        answers = await index.search(self.queries, 100)
        return {
            "recall_at_10": await self._recall(index, self.truth.ids()),
            "recall_at_100": shared(self.truth.ids(), [one.ids for one in answers]),
        }

    async def _speed(self, index: VectorIndex) -> dict[str, float]:
        """One thread each; the exact search that it is compared with is FAISS's own over float32, a query at a time."""
        room = min(self.size, 200 * BATCH)
        some = await asyncio.to_thread(self._rows, 0, room)
        mine, theirs = list[float](), list[float]()
        for round_ in range(ROUNDS):
            for query in self.queries[round_::ROUNDS]:
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
        pool = self._rows(0, BATCH)
        idle, busy, alone, beside = list[float](), list[float](), list[float](), list[float]()
        for _ in range(ROUNDS):
            rested = [await self._one(index, query) for query in self.queries]
            added = Adding(index, pool, self.size)
            began = time.perf_counter()
            while added.count < 20 * len(pool):
                await added.once()
            alone.append(added.count / (time.perf_counter() - began))
            task = asyncio.create_task(added.go_on())
            await asyncio.sleep(0.1)
            before, began = added.count, time.perf_counter()
            searched = [await self._one(index, query) for query in self.queries]
            beside.append((added.count - before) / (time.perf_counter() - began))
            added.stop.set()
            await task
            await index.remove(np.arange(self.size + 1, self.size + 1 + added.count))
            idle.append(float(np.quantile(rested, 0.99)))
            busy.append(float(np.quantile(searched, 0.99)))
        return {
            "adds_per_s": float(np.median(alone)),
            "p99_ratio_while_adding": float(np.median(busy) / np.median(idle)),
            "p99_ms_at_rest": 1000 * float(np.median(idle)),
            "p99_ms_while_adding": 1000 * float(np.median(busy)),
            "adds_per_s_while_searched": float(np.median(beside)),
        }

    async def _filtered(self, index: VectorIndex) -> dict[str, float]:
        recalls = {}
        for width in WIDTHS:
            every = round(1 / width)
            answers = await index.search(self.queries[:FILTERED], 10, among=np.arange(every, self.size + 1, every))
            recalls[f"{width:g}"] = shared(self.truth.ids(every=every), [one.ids for one in answers])
        return recalls


class Adding:
    """The same vectors again and again, under ids behind ``last``."""

    def __init__(self, index: VectorIndex, pool: Vectors, last: int) -> None:
        self._index, self._pool, self._last = index, pool, last
        self.count = 0
        self.stop = asyncio.Event()

    async def once(self) -> None:
        first = self._last + 1 + self.count
        await self._index.add(np.arange(first, first + len(self._pool)), self._pool)
        self.count += len(self._pool)

    async def go_on(self) -> None:
        while not self.stop.is_set():
            await self.once()


class Stalls:
    """The longest that one search took, by what went on meanwhile."""

    def __init__(self, index: GrowingIndex, queries: Vectors) -> None:
        self._index = index
        self._queries = queries
        self.doing = ""
        self.longest: dict[str, float] = {}

    async def watch(self) -> None:
        number = 0
        while True:
            query = self._queries[number % len(self._queries)]
            began, before = time.perf_counter(), self._state()
            await self._index.search(query[np.newaxis], 10)
            seconds, after = time.perf_counter() - began, self._state()
            state = before if before == after else f"{before} -> {after}"
            self.longest[state] = max(self.longest.get(state, 0.0), seconds)
            number += 1
            await asyncio.sleep(0.002)

    def _state(self) -> str:
        stats = self._index.stats
        return str(stats["kind"]) + (", training" if stats["training"] else "") + self.doing


def in_fresh_process(path: Path, dimension: int) -> dict[str, float]:
    """What a process that has done nothing else needs for the snapshot: seconds to the first answer, bytes."""
    command = [sys.executable, "-m", "benchmarks.search", "--start", str(path), "--dim", str(dimension)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=600).stdout)
    return found


async def start(path: Path, dimension: int) -> dict[str, float]:
    """Load the snapshot and search once."""
    await warm_up(dimension)
    before, began = anonymous_bytes(), time.perf_counter()
    index = await GrowingIndex.load(path, MODEL, dimension)
    await index.search(np.eye(1, dimension, dtype=np.float32), 10)
    seconds = time.perf_counter() - began
    gc.collect()
    return {"start_s": seconds, "ram": anonymous_bytes() - before}


async def warm_up(dimension: int) -> None:
    """Take of the memory what any index takes, whatever it holds: threads, the buffers of BLAS."""
    rows = Made(2 * BATCH, dimension).rows(0, 2 * BATCH)
    with tempfile.TemporaryDirectory() as folder:
        index = GrowingIndex(dimension, MODEL, Path(folder) / "small")
        await index.add(np.arange(BATCH), rows[:BATCH])
        await index.train()
        await index.add(np.arange(BATCH, 2 * BATCH), rows[BATCH:])
        await index.search(rows[:1], DEPTH)
        await index.close()


def anonymous_bytes() -> int:
    """Resident memory of this process that is not a mapped file's (proc(5))."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
