"""The engines of a cluster beside the embedded ones, in one run: search through Milvus and through FAISS.

python -m benchmarks.cluster --uri http://127.0.0.1:19530 --size 100000 --dim 1280

The same vectors go into both, and when both have made their indexes the same questions go to each in turn, one at a
time, for ten neighbours and for as many as a gallery asks for. ``same_top_10`` is the share of FAISS's first ten that
Milvus finds too; the recalls are of the exact ten nearest.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from artalike.config import Index
from artalike.errors import ArtalikeError
from artalike.records import FloatArray, IdArray
from artalike.search.order import HEAD
from artalike.storage.growing_index import GrowingIndex
from artalike.storage.memory import share_one_heap
from artalike.storage.milvus_index import MilvusIndex
from artalike.storage.ports import ImageCatalog, Totals, VectorIndex
from benchmarks.report import refuse, report
from benchmarks.vectors import Made, Truth, pieces, shared

MODEL: Final = "benchmark@1"
BATCH: Final = 1024
DEPTH: Final = 10
ROUNDS: Final = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uri", default="http://127.0.0.1:19530", help="where Milvus is")
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=1280)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--settle", type=float, default=60.0, help="seconds for Milvus to make its index")
    options = parser.parse_args()
    share_one_heap()  # as the server does
    try:
        asyncio.run(compare(options))
    except ArtalikeError as error:
        refuse(str(error))


class Catalog:
    """What Milvus is beside: the part of a catalog that an index asks, with vectors that are made again when asked."""

    def __init__(self, source: Made) -> None:
        self._source = source

    async def vectors(self, ids: Sequence[int]) -> tuple[IdArray, FloatArray]:
        wanted = np.array(ids, np.int64)
        rows = [await asyncio.to_thread(self._source.rows, *piece) for piece in pieces(0, self._source.size, BATCH)]
        return wanted, np.concatenate(rows)[wanted - 1]

    async def all_vectors(self, *, after: int = 0, batch: int = BATCH) -> AsyncIterator[tuple[IdArray, FloatArray]]:
        for start, stop in pieces(0, self._source.size, BATCH):
            rows = await asyncio.to_thread(self._source.rows, start, stop)
            ids = np.arange(start + 1, stop + 1)
            yield ids[ids > after], rows[ids > after]

    async def totals(self) -> Totals:
        return Totals(self._source.size, self._source.size, pending=0, failed=0, seeds=0)

    def without_removed(self, ids: Sequence[int]) -> list[int]:
        return list(ids)


async def compare(options: argparse.Namespace) -> None:
    source = Made(options.size, options.dim)
    queries = source.queries(options.queries)
    truth = Truth(queries)
    settings = Index(engine="milvus", uri=options.uri)
    name = f"benchmark_{options.size}_{options.dim}_{time.time_ns()}"
    with tempfile.TemporaryDirectory() as folder:
        faiss = GrowingIndex(options.dim, MODEL, Path(folder) / "index")
        async with MilvusIndex.open(name, options.dim, cast("ImageCatalog", Catalog(source)), settings) as milvus:
            try:
                seconds = {"faiss": 0.0, "milvus": 0.0}
                for start, stop in pieces(0, source.size, BATCH):
                    rows = (await asyncio.to_thread(source.rows, start, stop)).astype(np.float16).astype(np.float32)
                    await asyncio.to_thread(truth.add, start, rows)
                    for engine, index in (("faiss", faiss), ("milvus", milvus)):
                        began = time.perf_counter()
                        await index.add(np.arange(start + 1, stop + 1), rows)
                        seconds[engine] += time.perf_counter() - began
                began = time.perf_counter()
                await faiss.grow()
                await asyncio.sleep(max(0.0, options.settle - (time.perf_counter() - began)))
                found = await asked(queries, {"faiss": faiss, "milvus": milvus})
            finally:
                await milvus.drop()
        await faiss.close()
    ids = {engine: [answer[:DEPTH] for answer in part["ids"]] for engine, part in found.items()}
    exact = [one[:DEPTH] for one in truth.ids()]
    shown: list[dict[str, Any]] = [
        {
            "engine": engine,
            "p50_ms": found[engine]["p50"],
            "p99_ms": found[engine]["p99"],
            f"p50_ms_of_{HEAD}": found[engine]["deep_p50"],
            "recall_at_10": shared(exact, ids[engine]),
            "adds_per_s": source.size / seconds[engine],
        }
        for engine in found
    ]
    summary: dict[str, Any] = {"size": source.size, "dim": source.dimension}
    for row in shown:
        summary |= {f"{row['engine']}_{key}": value for key, value in row.items() if key != "engine"}
    summary["same_top_10"] = shared(ids["faiss"], ids["milvus"])
    report(f"{source.size} vectors of {source.dimension} numbers", shown, summary)


async def asked(queries: FloatArray, indexes: dict[str, VectorIndex]) -> dict[str, dict[str, Any]]:
    """Milliseconds and ids, by engine: each query to each engine, in turn, one at a time."""
    times: dict[str, list[float]] = {engine: [] for engine in indexes}
    deep: dict[str, list[float]] = {engine: [] for engine in indexes}
    ids: dict[str, list[IdArray]] = {engine: [] for engine in indexes}
    for round_ in range(ROUNDS):
        for query in queries:
            for engine, index in indexes.items():
                began = time.perf_counter()
                [answer] = await index.search(query[np.newaxis], DEPTH)
                times[engine].append(1000 * (time.perf_counter() - began))
                if round_ == 0:
                    ids[engine].append(answer.ids)
                    began = time.perf_counter()
                    await index.search(query[np.newaxis], HEAD)
                    deep[engine].append(1000 * (time.perf_counter() - began))
    return {
        engine: {
            "p50": float(np.percentile(times[engine], 50)),
            "p99": float(np.percentile(times[engine], 99)),
            "deep_p50": float(np.percentile(deep[engine], 50)),
            "ids": ids[engine],
        }
        for engine in indexes
    }


if __name__ == "__main__":
    main()
