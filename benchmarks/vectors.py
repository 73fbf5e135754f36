"""What `benchmarks.search` searches among, and what it should find there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from artalike.config import EmbeddingSettings
from artalike.embedding import identify
from artalike.storage.trained_index import exact
from benchmarks.retrieval import our_vectors

INTRINSIC: Final = 24
CLUSTERS: Final = 2000
SPREAD: Final = 0.5
HELD_OUT: Final = 1000
FILTERED: Final = 200
WIDTHS: Final = (0.5, 0.1, 0.01, 0.001)
DEPTHS: Final = (10, 100)

Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]


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
    """Vectors from elsewhere, float (n, dimension); a thousand, or a tenth, are queries and not searched among."""

    def __init__(self, vectors: NDArray[np.floating]) -> None:
        self._all = vectors
        held_out = min(HELD_OUT, len(vectors) // 10)
        self._order = np.random.default_rng(0).permutation(len(vectors))
        self.size, self.dimension = len(vectors) - held_out, vectors.shape[1]

    def rows(self, start: int, stop: int) -> Vectors:
        return _unit(np.asarray(self._all[self._order[start:stop]], np.float32))

    def queries(self, count: int) -> Vectors:
        return self.rows(self.size, min(self.size + count, len(self._all)))


def of_images(folder: Path) -> Given:
    """Of the pictures below ``folder``, as the program's own model embeds them. Raises ArtalikeError."""
    settings = EmbeddingSettings()
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    vectors, _ = our_vectors(files, identify(settings), settings)
    return Given(vectors)


class Truth:
    """The ids of the nearest, by exact search in float32, of all vectors so far and of each ``WIDTHS`` of them.

    Ids count from 1; a filter of width 1/n takes the multiples of n, and is asked by the first ``FILTERED`` queries.
    """

    def __init__(self, queries: Vectors) -> None:
        self._nearest = {1: _Nearest(queries, max(DEPTHS))}
        for width in WIDTHS:
            self._nearest[round(1 / width)] = _Nearest(queries[:FILTERED], min(DEPTHS))

    def add(self, start: int, rows: Vectors) -> None:
        """Vectors of the ids from ``start`` + 1 on."""
        numbers = np.arange(start + 1, start + 1 + len(rows))
        for every, nearest in self._nearest.items():
            chosen = numbers % every == 0
            if chosen.any():
                nearest.add(numbers[chosen], rows if every == 1 else rows[chosen])

    def ids(self, *, every: int = 1) -> list[Ids]:
        """For each query, the nearest first."""
        return self._nearest[every].ids()

    def save(self, path: Path) -> None:
        packed: dict[str, Any] = {str(every): nearest.packed() for every, nearest in self._nearest.items()}
        np.savez(path, **packed)

    def load(self, path: Path) -> None:
        with np.load(path) as stored:
            for every, nearest in self._nearest.items():
                nearest.unpack(stored[str(every)])


class _Nearest:
    def __init__(self, queries: Vectors, k: int) -> None:
        self._queries, self._k = queries, k
        self._scores = np.empty((len(queries), 0), np.float32)
        self._ids = np.empty((len(queries), 0), np.int64)

    def add(self, ids: Ids, rows: Vectors) -> None:
        scores, places = exact(self._queries, rows, self._k)
        scores, found = np.hstack([self._scores, scores]), np.hstack([self._ids, ids[places]])
        best = np.argsort(-scores, axis=1, kind="stable")[:, : self._k]
        self._scores, self._ids = np.take_along_axis(scores, best, 1), np.take_along_axis(found, best, 1)

    def ids(self) -> list[Ids]:
        return list(self._ids)

    def packed(self) -> NDArray[np.float64]:
        return np.stack([self._scores, self._ids])

    def unpack(self, packed: NDArray[np.float64]) -> None:
        self._scores, self._ids = packed[0].astype(np.float32), packed[1].astype(np.int64)


def shared(truth: Sequence[Ids], found: Sequence[Ids]) -> float:
    """The share of ``truth`` that was found."""
    hits = sum(int(np.isin(one, other).sum()) for one, other in zip(truth, found, strict=True))
    return hits / max(1, sum(len(one) for one in truth))


def pieces(start: int, stop: int, size: int) -> Iterator[tuple[int, int]]:
    """From ``start`` to ``stop`` by ``size``."""
    for at in range(start, stop, size):
        yield at, min(at + size, stop)


def _unit(rows: Vectors) -> Vectors:
    unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
