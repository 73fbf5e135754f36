"""How many lists to probe and how many candidates to rank: chosen by measuring, against exact search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from artalike.records import FloatArray, IdArray
from artalike.storage.trained_index import InvertedFile, exact

QUERIES: Final = 200
DEPTHS: Final = (10, 100)
FACTORS: Final = (6, 10, 15, 20, 40, 80)
"""Candidates a neighbour. Six do for made vectors; 3,400 photographs of clothing need forty."""

MARGIN: Final = 0.7
"""Of the share of neighbours that may be missed, so much is kept back: queries from outside the collection miss more.

Measured at 300,000 × 512: 0.988 for those where it was 0.9935 for the collection's own.
"""

_NOWHERE: Final = np.iinfo(np.int64).max

Block = tuple[IdArray, FloatArray]


def goals_for(recall: float) -> tuple[float, float]:
    """What is to be measured at each of ``DEPTHS``, so that ``recall`` of the nearest are found."""
    return recall + MARGIN * (1 - recall), recall - (1 - MARGIN) * (1 - recall)


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard a search tries: lists to probe for up to ``DEPTHS[0]`` neighbours and for more, candidates a neighbour.

    ``recall`` is what was measured: the share of the ten nearest that is found; ``recall_at_100`` of the hundred.
    """

    probes: int
    deep_probes: int
    factor: int
    recall: float
    recall_at_100: float

    def probes_for(self, k: int) -> int:
        return self.probes if k <= DEPTHS[0] else self.deep_probes

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Try:
    probes: int
    factor: int
    recalls: tuple[float, float]


def tune(codes: InvertedFile, queries: Block, blocks: Iterator[Block], recall: float) -> Effort:
    """The cheapest effort that finds ``recall`` of the neighbours of ``queries``, else the best one.

    Of the hundred nearest twice as many may be missed. ``queries`` are vectors of the collection, float32 (n,
    dimension), with their ids: none counts as its own neighbour. ``blocks`` are all vectors of the collection. Takes
    some seconds a million on one core.
    """
    truth = _neighbors(queries, blocks, max(DEPTHS))
    goals = goals_for(recall)
    tries = list[_Try]()
    probes = 1
    while True:
        found = [_others(codes, query, own, probes) for own, query in zip(*queries, strict=True)]
        places = [_places(near, others) for near, others in zip(truth, found, strict=True)]
        for factor in FACTORS:
            near, deep = (_recall(places, depth, factor) for depth in DEPTHS)
            tries.append(_Try(probes, factor, (near, deep)))
        if probes >= codes.lists or all(tries[-1].recalls[i] >= goals[i] for i in range(2)):
            break
        probes = min(probes + max(1, probes // 3), codes.lists)
    factor = max(_factor(tries, i, goal) for i, goal in enumerate(goals))
    best, deepest = (_first(tries, i, goal, factor) for i, goal in enumerate(goals))
    if deepest.probes < best.probes:  # the first ten of a longer answer are as good as those of a short one
        deepest = best
    return Effort(best.probes, deepest.probes, factor, best.recalls[0], deepest.recalls[1])


def _factor(tries: list[_Try], depth: int, goal: float) -> int:
    """The fewest candidates that reach the goal with the fewest probes that do with any."""
    enough = [(one.probes, one.factor) for one in tries if one.recalls[depth] >= goal]
    return min(enough)[1] if enough else max(FACTORS)


def _first(tries: list[_Try], depth: int, goal: float, factor: int) -> _Try:
    """With so many candidates, the fewest probes that reach the goal, else the best."""
    same = [one for one in tries if one.factor == factor]
    enough = [one for one in same if one.recalls[depth] >= goal]
    return enough[0] if enough else max(same, key=lambda one: (one.recalls[depth], -one.probes))


def _others(codes: InvertedFile, query: FloatArray, own: int, probes: int) -> IdArray:
    found = codes.candidates(query, max(DEPTHS) * max(FACTORS) + 1, probes)
    others: IdArray = found[found != own]
    return others


def _neighbors(queries: Block, blocks: Iterator[Block], depth: int) -> list[IdArray]:
    own, vectors = queries
    count = len(own)
    scores, ids = np.empty((count, 0), np.float32), np.empty((count, 0), np.int64)
    for block_ids, block in blocks:
        found_scores, rows = exact(vectors, block, depth + 1)
        found_ids = block_ids[rows]
        found_scores[found_ids == own[:, np.newaxis]] = -np.inf
        scores, ids = np.hstack([scores, found_scores]), np.hstack([ids, found_ids])
        nearest = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
        scores, ids = np.take_along_axis(scores, nearest, 1), np.take_along_axis(ids, nearest, 1)
    return [row[np.isfinite(score)] for row, score in zip(ids, scores, strict=True)]


def _places(truth: IdArray, found: IdArray) -> IdArray:
    """Where each id of ``truth`` stands in ``found``; behind all of them if it does not."""
    order = np.argsort(found)
    after = np.append(order, len(found))[np.searchsorted(found, truth, sorter=order)]
    missing = np.append(found, -1)[after] != truth
    return np.where(missing, _NOWHERE, after)


def _recall(places: list[IdArray], depth: int, factor: int) -> float:
    """Candidates are ranked exactly, so a neighbour among them is a neighbour found."""
    wanted = sum(len(one[:depth]) for one in places)
    hits = sum(int(np.count_nonzero(one[:depth] < depth * factor)) for one in places)
    return hits / wanted if wanted else 1.0
