"""The layout of landmarks: t-SNE by openTSNE, the only module that imports it.

Chosen by measuring (benchmarks.map) and for its upkeep: of 10 nearest pictures it keeps as many together as
scikit-learn's, more than UMAP and PaCMAP; it interpolates its forces (FIt-SNE, Linderman et al. 2019), so that its time
grows with the points and not with their square; it tells how far it has come; and it needs no compiler at its start,
which numba (UMAP, PaCMAP) takes 2 to 13 s for. Kobak and Berens 2019 say why it begins with principal components.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from artalike.layout.placing import nearest
from artalike.records import FloatArray

PERPLEXITY: Final = 15
LEAST: Final = 12
"""Fewer points are laid out by their principal components."""

EXAGGERATED: Final = 250
ITERATIONS: Final = 500
SEED: Final = 0
_BARNES_HUT: Final = 5000
_EVERY: Final = 10
_START: Final = 1e-4


def laid_out(points: FloatArray, start: FloatArray | None, progress: Callable[[float], None]) -> FloatArray:
    """Places float32 (n, 2) of points (n, m) whose first two columns are their principal components.

    ``start`` (n, 2) are the places to begin from instead. ``progress`` is told the share that is done. One thread, and
    the same numbers each time: with more, sums come in another order and so do the layouts.
    """
    if len(points) < LEAST:
        return _two(points)
    import openTSNE  # noqa: PLC0415 - it takes a second, and the process that only reads layouts never needs it
    from openTSNE.affinity import PerplexityBasedNN  # noqa: PLC0415
    from openTSNE.nearest_neighbors import PrecomputedNeighbors  # noqa: PLC0415

    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    k = min(int(3 * perplexity), len(points) - 1)
    neighbors, distances = _others(points, k)
    progress(0.1)
    affinities = PerplexityBasedNN(
        knn_index=PrecomputedNeighbors(neighbors, distances), perplexity=perplexity, n_jobs=1, random_state=SEED
    )
    done = 0

    def tell(_iteration: int, _error: float, _embedding: Any) -> bool:
        nonlocal done
        done += _EVERY
        progress(0.1 + 0.9 * min(1.0, done / (EXAGGERATED + ITERATIONS)))
        return False

    embedding = openTSNE.TSNE(
        early_exaggeration_iter=EXAGGERATED,
        n_iter=ITERATIONS,
        negative_gradient_method="bh" if len(points) < _BARNES_HUT else "fft",
        n_jobs=1,
        random_state=SEED,
        callbacks=[tell],
        callbacks_every_iters=_EVERY,
    ).fit(affinities=affinities, initialization=_small(_two(points) if start is None else start))
    return np.asarray(embedding, np.float32)


def _others(points: FloatArray, k: int) -> tuple[Any, Any]:
    """The ``k`` nearest of each point but itself; of several at one place, itself may be any."""
    neighbors, distances = np.empty((len(points), k), np.int64), np.empty((len(points), k))
    row = 0
    for rows, apart in nearest(points, points, k + 1):
        own = rows == np.arange(row, row + len(rows))[:, None]
        own[:, -1] |= ~own.any(1)
        neighbors[row : row + len(rows)] = rows[~own].reshape(len(rows), k)
        distances[row : row + len(rows)] = apart[~own].reshape(len(rows), k)
        row += len(rows)
    return neighbors, distances


def _two(points: FloatArray) -> FloatArray:
    return np.pad(points[:, :2], ((0, 0), (0, max(0, 2 - points.shape[1]))))


def _small(places: FloatArray) -> Any:
    """Places as t-SNE wants to begin: in the middle, hardly apart, and no two the same."""
    noise = np.random.default_rng(SEED).standard_normal(places.shape) * 1e-2
    centered = places - places.mean(0)
    spread = float(centered[:, 0].std()) or 1.0
    return (centered / spread + noise) * _START
