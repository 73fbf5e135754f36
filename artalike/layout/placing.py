"""Where points go on the map: projection, neighbours among landmarks, interpolation, alignment. Numpy alone.

A *landmark* is a point that t-SNE has laid out; all others are placed among the landmarks that they are most like.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artalike.records import FloatArray, IdArray

Positions = NDArray[np.uint16]
"""(n, 2): across and down, each 0 to 65535."""

REDUCED: Final = 64
"""Dimensions that are left of a vector for finding its neighbours on the map."""

NEIGHBORS: Final = 8
SIDE: Final = 65_535
_MARGIN: Final = 0.03
_EVENNESS: Final = 0.5
_BLOCK: Final = 256
_GOLDEN_ANGLE: Final = 2.399963
_STEP: Final = 24
_TURNS: Final = 10_000
_MIX: Final = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Principal components of a sample: mean float32 (d,), axes float32 (d, m), the strongest first."""

    mean: FloatArray
    axes: FloatArray

    @classmethod
    def of(cls, vectors: FloatArray) -> Projection:
        """The first :data:`REDUCED` components of vectors (n, d), or as many as there are; signs are fixed."""
        mean: FloatArray = vectors.mean(0, dtype=np.float64).astype(np.float32)
        centered = vectors - mean
        _, axes = np.linalg.eigh(centered.T @ centered)
        strongest = axes.astype(np.float32)[:, ::-1][:, : min(REDUCED, vectors.shape[1])]
        largest = np.abs(strongest).argmax(0)
        signs = np.sign(strongest[largest, np.arange(strongest.shape[1])])
        return cls(mean, strongest * signs)

    def __call__(self, vectors: FloatArray) -> FloatArray:
        """Vectors (n, d) as (n, m)."""
        return ((vectors - self.mean) @ self.axes).astype(np.float32, copy=False)


def priorities(ids: IdArray) -> NDArray[np.uint64]:
    """A number for each id that looks random and is always the same (SplitMix64's output function).

    The ids with the smallest are a sample of all, and the one of a larger collection holds on to most of them.
    """
    mixed = ids.astype(np.uint64) + np.uint64(_MIX[0])
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(_MIX[1])
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(_MIX[2])
    return mixed ^ (mixed >> np.uint64(31))


def sample(ids: IdArray, most: int) -> IdArray:
    """At most ``most`` of ascending ids (n,), ascending: those with the smallest :func:`priorities`."""
    if len(ids) <= most:
        return ids
    return np.sort(ids[np.argpartition(priorities(ids), most - 1)[:most]])


def nearest(points: FloatArray, landmarks: FloatArray, k: int) -> Iterator[tuple[IdArray, FloatArray]]:
    """For each block of points (n, m), the ``k`` nearest rows of landmarks (l, m), nearest first: rows, distances.

    A block's answer is (b, k) and (b, k); ``k`` is at most l. The largest array is b × l float32.
    """
    lengths = np.einsum("ij,ij->i", landmarks, landmarks)
    for start in range(0, len(points), _BLOCK):
        block = points[start : start + _BLOCK]
        # Squared distances but for the points' own lengths, which change no order.
        apart = lengths - 2 * (block @ landmarks.T)
        rows = np.argpartition(apart, k - 1, axis=1)[:, :k] if k < len(landmarks) else np.argsort(apart, axis=1)
        found = np.take_along_axis(apart, rows, axis=1)
        order = np.argsort(found, axis=1, kind="stable")
        squared = np.take_along_axis(found, order, axis=1) + np.einsum("ij,ij->i", block, block)[:, None]
        yield np.take_along_axis(rows, order, axis=1), np.sqrt(np.maximum(squared, 0)).astype(np.float32)


def among(rows: IdArray, distances: FloatArray, places: FloatArray) -> FloatArray:
    """Places (n, 2) beside the neighbours ``rows`` (n, k) at ``distances`` (n, k), whose own are ``places`` (l, 2).

    Of neighbours in several parts of the map the part with the most counts: a mean of all would lie between them,
    among strangers. So the middle is the neighbour nearest to all others, and those around it are averaged.
    """
    weights = 1 / (distances + 1e-3 + 0.1 * distances[:, :1])
    spots = places[rows]
    apart = np.linalg.norm(spots[:, :, None] - spots[:, None], axis=3)
    middle = np.einsum("nij,nj->ni", apart, weights).argmin(1)
    away = np.take_along_axis(apart, middle[:, None, None], axis=1)[:, 0]
    reach = 2 * np.median(away, axis=1, keepdims=True)
    weights = np.where(away <= reach, weights, 0)
    placed: FloatArray = (np.einsum("nk,nkd->nd", weights, spots) / weights.sum(1, keepdims=True)).astype(np.float32)
    return placed


def placed(points: FloatArray, landmarks: FloatArray, places: FloatArray) -> FloatArray:
    """Places (n, 2) for points (n, m) among landmarks (l, m) that have places (l, 2)."""
    k = min(NEIGHBORS, len(landmarks))
    blocks = [among(rows, apart, places) for rows, apart in nearest(points, landmarks, k)]
    return np.concatenate(blocks) if blocks else np.empty((0, 2), np.float32)


def aligned(places: FloatArray, old: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    """Places (n, 2) turned and mirrored so that those ``known`` lie as near as can be to ``old`` (n, 2).

    Orthogonal Procrustes (Schönemann 1966); nothing is stretched. With under three known, nothing is turned.
    """
    if np.count_nonzero(known) < 3:
        return places
    center = places[known].mean(0)
    left, _, right = np.linalg.svd((places[known] - center).T @ (old[known] - old[known].mean(0)))
    turned: FloatArray = ((places - center) @ (left @ right)).astype(np.float32)
    return turned


def evened(places: FloatArray) -> FloatArray:
    """Places (n, 2) moved halfway to where they would lie if all were spread evenly across, and evenly down.

    t-SNE leaves wide gaps between groups, and little room within them for pictures. Nobody changes sides with anybody.
    """
    spread = np.empty_like(places)
    for axis in range(2):
        low, high = places[:, axis].min(), places[:, axis].max()
        order = np.argsort(places[:, axis], kind="stable")
        spread[order, axis] = np.linspace(low, high, len(places), dtype=np.float32)
    return (1 - _EVENNESS) * places + _EVENNESS * spread


def fitted(places: FloatArray) -> FloatArray:
    """Places (n, 2) moved and scaled, both ways alike, into the map: 0 to :data:`SIDE` with a margin."""
    low, high = places.min(0), places.max(0)
    extent = float(max(*(high - low), 1e-9))
    scale = SIDE * (1 - 2 * _MARGIN) / extent
    moved: FloatArray = ((places - (low + high) / 2) * scale + SIDE / 2).astype(np.float32)
    return moved


def settled(places: FloatArray, taken: Positions) -> Positions:
    """Places on the map's lattice, no two the same nor the same as one ``taken``: equals lie around each other."""
    spots = np.clip(np.rint(places), 0, SIDE).astype(np.uint16)
    keys = _keys(spots)
    first = np.zeros(len(keys), np.bool_)
    first[np.unique(keys, return_index=True)[1]] = True
    first &= ~np.isin(keys, _keys(taken))
    occupied = set(np.concatenate((_keys(taken), keys[first])).tolist()) if not first.all() else set()
    for row in np.flatnonzero(~first).tolist():
        for turn in range(1, _TURNS):
            around = _GOLDEN_ANGLE * turn
            step = _STEP * np.sqrt(turn) * np.array((np.cos(around), np.sin(around)))
            spot = np.clip(np.rint(places[row] + step), 0, SIDE).astype(np.uint16)
            key = int(_keys(spot[None])[0])
            if key not in occupied:
                break
        occupied.add(key)
        spots[row] = spot
    return spots


def _keys(spots: Positions) -> NDArray[np.uint32]:
    return spots[:, 0].astype(np.uint32) << np.uint32(16) | spots[:, 1]
