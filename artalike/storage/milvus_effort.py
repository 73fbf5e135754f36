"""What Milvus makes of vectors, and how hard it searches: chosen by measuring, as the embedded index does.

Of some vectors of the collection their neighbours are looked for, with the most effort that there is and with less and
less; the least that finds ``index.recall`` of what the most finds is used from then on. Most effort means all lists of
an IVF, which is exact, and for a graph, which cannot be exact, a search many times as wide as the answer is long.
Milvus divides a collection into segments of a bounded size and searches each by itself, so that what was measured goes
on to hold while it grows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, Final

import numpy as np

from artalike.records import FloatArray, IdArray
from artalike.storage.growing_index_tuning import DEPTHS, goals_for

QUERIES: Final = 100
MOST: Final = 32
"""The factor whose answers are taken for the true ones."""

Search = Callable[[FloatArray, int, int], Awaitable[Sequence[IdArray]]]
"""Ids of so many nearest of each query, the best first, searched for with a factor of effort."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of index (https://milvus.io/docs/index.md): how it is built, and what to ask of a search.

    ``asked(depth, factor)`` is for so many neighbours. ``factors`` are those to choose from.
    """

    build: Mapping[str, int]
    asked: Callable[[int, int], dict[str, Any]]
    factors: tuple[int, ...] = ()


LISTS: Final = 1024
WIDEST: Final = 32_768
KINDS: Final[Mapping[str, Kind]] = {
    "HNSW": Kind(
        {"M": 16, "efConstruction": 200},
        lambda depth, factor: {"ef": min(WIDEST, depth + ceil(8 * factor * sqrt(depth)))},
        (2, 3, 4, 6, 8, 16),
    ),
    "IVF_FLAT": Kind(
        {"nlist": LISTS},
        lambda depth, factor: {"nprobe": LISTS if factor >= MOST else min(LISTS, factor * (8 + depth // 16))},
        (2, 3, 4, 6, 8, 16),
    ),
    "FLAT": Kind({}, lambda depth, factor: {}),
}


@dataclass(frozen=True, slots=True)
class Effort:
    """``recall`` is the share of the ten nearest that was found when there were ``size`` vectors, if measured."""

    factor: int = 4
    size: int = 0
    recall: float | None = None
    recall_at_100: float | None = None


async def measure(search: Search, own: IdArray, queries: FloatArray, *, kind: Kind, recall: float, size: int) -> Effort:
    """The least effort that finds ``recall`` of the neighbours of ``queries``, else the most there is to choose from.

    ``queries`` are vectors of the collection, (n, dimension), with their ids: none counts as its own neighbour. As
    with the embedded index a part of what may be missed is kept back, and of the hundred nearest more may be missed.
    """
    near_goal, deep_goal = goals_for(recall)
    truth = {depth: _others(await search(queries, depth + 1, MOST), own, depth) for depth in DEPTHS}
    for factor in kind.factors:
        near, deep = [
            _share(truth[depth], _others(await search(queries, depth + 1, factor), own, depth)) for depth in DEPTHS
        ]
        if near >= near_goal and deep >= deep_goal:
            break
    return Effort(factor, size, near, deep)


def _others(found: Sequence[IdArray], own: IdArray, depth: int) -> list[IdArray]:
    return [ids[ids != number][:depth] for ids, number in zip(found, own.tolist(), strict=True)]


def _share(truth: Sequence[IdArray], found: Sequence[IdArray]) -> float:
    hits = sum(int(np.isin(one, other).sum()) for one, other in zip(truth, found, strict=True))
    wanted = sum(len(one) for one in truth)
    return hits / wanted if wanted else 1.0
