"""Search through Milvus beside search through FAISS: the part of `benchmarks.cluster` that asks."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from artalike.config import Index
from artalike.records import FloatArray, IdArray
from artalike.search.order import HEAD
from artalike.storage.growing_index import GrowingIndex
from artalike.storage.milvus_index import MilvusIndex
from artalike.storage.ports import ImageCatalog, Totals, VectorIndex
from benchmarks.vectors import Made, Truth, pieces, shared

MODEL: Final = "benchmark@1"
BATCH: Final = 1024
DEPTH: Final = 10
ROUNDS: Final = 3
LOOK_SECONDS: Final = 1.0
SETTLE_SECONDS: Final = 3600.0
"""For Milvus to make its indexes, and for their recall to be measured, as beside a server."""


class Catalog:
    """What Milvus is beside: the part of a catalog that an index asks, with vectors that are made again when asked."""

    def __init__(self, source: Made) -> None:
        self._source = source

    async def vectors(self, ids: Sequence[int]) -> tuple[IdArray, FloatArray]:
        wanted = np.unique([number for number in ids if number <= self._source.size])
        rows = []
        for piece in np.unique((wanted - 1) // BATCH) * BATCH:
            start, stop = int(piece), min(int(piece) + BATCH, self._source.size)
            made = await asyncio.to_thread(self._source.rows, start, stop)
            rows.append(made[wanted[(wanted > start) & (wanted <= stop)] - 1 - start])
        return wanted, np.concatenate(rows)

    async def all_vectors(self, *, after: int = 0, batch: int = BATCH) -> AsyncIterator[tuple[IdArray, FloatArray]]:
        for start, stop in pieces(0, self._source.size, BATCH):
            rows = await asyncio.to_thread(self._source.rows, start, stop)
            ids = np.arange(start + 1, stop + 1)
            yield ids[ids > after], rows[ids > after]

    async def totals(self) -> Totals:
        return Totals(self._source.size, self._source.size, pending=0, failed=0, seeds=0)

    def without_removed(self, ids: Sequence[int]) -> list[int]:
        return list(ids)


async def compare(uri: str, size: int, dimension: int, queries: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A row for each engine, and all of it as figures. Raises IndexUnavailable."""
    source = Made(size, dimension)
    asked = source.queries(queries)
    truth = Truth(asked)
    name = f"benchmark_{size}_{dimension}_{time.time_ns()}"
    with tempfile.TemporaryDirectory() as folder:
        faiss = GrowingIndex(dimension, MODEL, Path(folder) / "index")
        catalog = cast("ImageCatalog", Catalog(source))
        async with MilvusIndex.open(name, dimension, catalog, Index(engine="milvus", uri=uri)) as milvus:
            try:
                seconds = await _filled(source, truth, {"faiss": faiss, "milvus": milvus})
                await faiss.grow()
                began = time.monotonic()
                async with asyncio.timeout(SETTLE_SECONDS):
                    while milvus.stats["recall"] is None:
                        await milvus.tend()
                        await asyncio.sleep(LOOK_SECONDS)
                settled = time.monotonic() - began
                found = await _asked(asked, {"faiss": faiss, "milvus": milvus})
                measured = milvus.stats
            finally:
                await milvus.drop()
        await faiss.close()
    ids = {engine: [answer[:DEPTH] for answer in part["ids"]] for engine, part in found.items()}
    exact = [one[:DEPTH] for one in truth.ids()]
    rows: list[dict[str, Any]] = [
        {
            "engine": engine,
            "p50_ms": part["p50"],
            "p99_ms": part["p99"],
            f"p50_ms_of_{HEAD}": part["deep_p50"],
            "recall_at_10": shared(exact, ids[engine]),
            "adds_per_s": size / seconds[engine],
        }
        for engine, part in found.items()
    ]
    figures: dict[str, Any] = {"size": size, "dim": dimension}
    for row in rows:
        figures |= {f"{row['engine']}_{key}": value for key, value in row.items() if key != "engine"}
    figures["same_top_10"] = shared(ids["faiss"], ids["milvus"])
    figures["milvus_measured_recall"] = measured["recall"]
    figures["milvus_settled_s"] = round(settled, 1)
    return rows, figures


async def _filled(source: Made, truth: Truth, indexes: dict[str, VectorIndex]) -> dict[str, float]:
    seconds = dict.fromkeys(indexes, 0.0)
    for start, stop in pieces(0, source.size, BATCH):
        rows = (await asyncio.to_thread(source.rows, start, stop)).astype(np.float16).astype(np.float32)
        await asyncio.to_thread(truth.add, start, rows)
        for engine, index in indexes.items():
            began = time.perf_counter()
            await index.add(np.arange(start + 1, stop + 1), rows)
            seconds[engine] += time.perf_counter() - began
    return seconds


async def _asked(queries: FloatArray, indexes: dict[str, VectorIndex]) -> dict[str, dict[str, Any]]:
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
