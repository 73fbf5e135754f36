"""One ranking of several, by the ranks alone: likeness and words have no scale in common.

Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods",
SIGIR 2009: an item's score is the sum of 1 / (k + rank) over the rankings that have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from artalike.records import IdArray

K: Final = 60
"""The paper's: of how little weight it is to be first rather than second."""

Weighted = tuple[IdArray, float]


def fused(rankings: Sequence[Weighted], unwanted: Sequence[Weighted] = ()) -> IdArray:
    """Every id of the ``rankings``, (n,) int64 each without repeats and best first, the best first.

    Each counts by its weight. To be among the ``unwanted`` takes away as much as to be first gives. Equals stand in
    the order of their ids.
    """
    ids = np.unique(np.concatenate([np.empty(0, np.int64), *(ranked for ranked, _ in rankings)]))
    scores = np.zeros(ids.size)
    for ranked, weight in rankings:
        scores[np.searchsorted(ids, ranked)] += weight / (K + 1 + np.arange(ranked.size))
    for unranked, weight in unwanted:
        scores[np.isin(ids, unranked)] -= weight / (K + 1)
    best_first: IdArray = ids[np.lexsort((ids, -scores.round(12)))]
    return best_first
