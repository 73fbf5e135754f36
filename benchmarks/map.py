"""The map beside plain principal components: what is alike should lie together.

python -m benchmarks.map --size 100000 --dim 512
python -m benchmarks.map --vectors FILE.npy

``preserved`` is the share of a picture's 10 nearest by cosine that are among its 50 nearest on the map: the
mean over 1000 pictures.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from artalike.layout import placing
from artalike.layout.keeper import LANDMARKS
from artalike.layout.process import lay_out
from artalike.layout.worker import Job
from artalike.records import FloatArray, IdArray
from benchmarks.report import refuse, report
from benchmarks.vectors import Made

NEAREST: Final = 10
NEAR_ON_MAP: Final = 50
ASKED: Final = 1000
BATCH: Final = 1024
TICK: Final = 0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=100_000, help="made vectors")
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--vectors", type=Path, help="real ones instead: an .npy of float (n, dimension)")
    parser.add_argument("--landmarks", type=int, default=LANDMARKS)
    options = parser.parse_args()
    vectors = _made(options.size, options.dim) if options.vectors is None else _given(options.vectors)
    if len(vectors) <= NEAR_ON_MAP:
        refuse(f"{len(vectors)} vectors: expected more than {NEAR_ON_MAP}")
    asyncio.run(run(vectors, options.landmarks))


async def run(vectors: FloatArray, most: int) -> None:
    ids = np.arange(1, len(vectors) + 1)
    landmarks = placing.sample(ids, most) - 1
    order = np.concatenate((landmarks, np.setdiff1d(ids - 1, landmarks)))
    lags: list[float] = []
    watch = asyncio.create_task(_watch(lags))
    started = time.perf_counter()
    job = Job(vectors.shape[1], len(landmarks), len(order) - len(landmarks), started=False)
    laid = await lay_out(job, None, _batches(vectors, order), lambda _: None)
    seconds = time.perf_counter() - started
    watch.cancel()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    places = np.empty_like(laid.places)
    places[order] = laid.places
    started = time.perf_counter()
    flat = placing.Projection.of(vectors)(vectors)[:, :2]
    flat_seconds = time.perf_counter() - started
    asked = np.random.default_rng(0).choice(len(vectors), min(ASKED, len(vectors)), replace=False)
    alike = _nearest(vectors, vectors[asked], asked, NEAREST)
    is_landmark = np.isin(asked, landmarks)
    kept, kept_flat = (_kept(alike, asked, at) for at in (places, flat))
    rows: list[dict[str, Any]] = [
        {"layout": "map", "seconds": seconds, "preserved": kept.mean()},
        {"layout": "principal components", "seconds": flat_seconds, "preserved": kept_flat.mean()},
    ]
    summary = {
        "size": len(vectors),
        "dim": vectors.shape[1],
        "landmarks": len(landmarks),
        "seconds": round(seconds, 1),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "process_rss_mb": round(used.ru_maxrss / 1024),
        "loop_lag_max_ms": round(1000 * max(lags), 1),
        "preserved": round(float(kept.mean()), 4),
        "preserved_landmarks": round(float(kept[is_landmark].mean()), 4),
        "preserved_placed": round(float(kept[~is_landmark].mean()), 4) if (~is_landmark).any() else None,
        "preserved_pca": round(float(kept_flat.mean()), 4),
    }
    report(f"{len(vectors)} vectors of {vectors.shape[1]}, {len(landmarks)} of them landmarks", rows, summary)


async def _batches(vectors: FloatArray, order: IdArray) -> AsyncIterator[FloatArray]:
    for start in range(0, len(order), BATCH):
        yield vectors[order[start : start + BATCH]]


async def _watch(lags: list[float]) -> None:
    while True:
        started = time.perf_counter()
        await asyncio.sleep(TICK)
        lags.append(time.perf_counter() - started - TICK)


def _kept(alike: IdArray, asked: IdArray, places: FloatArray) -> FloatArray:
    """The share for each that was asked (n,)."""
    near = np.empty((len(asked), NEAR_ON_MAP), np.int64)
    for row, own in enumerate(asked.tolist()):
        apart = np.square(places - places[own]).sum(1)
        apart[own] = np.inf
        near[row] = np.argpartition(apart, NEAR_ON_MAP)[:NEAR_ON_MAP]
    return np.array([np.isin(one, there).mean() for one, there in zip(alike, near, strict=True)], np.float32)


def _nearest(vectors: FloatArray, queries: FloatArray, own: IdArray, k: int) -> IdArray:
    scores = queries @ vectors.T
    scores[np.arange(len(own)), own] = -np.inf
    return np.argpartition(-scores, k, axis=1)[:, :k]


def _made(size: int, dimension: int) -> FloatArray:
    made = Made(size, dimension)
    return np.concatenate([made.rows(at, min(size, at + BATCH)) for at in range(0, size, BATCH)])


def _given(path: Path) -> FloatArray:
    vectors = np.load(path).astype(np.float32)
    unit: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


if __name__ == "__main__":
    main()
