"""Near-duplicates in a ranked answer: of each group its best image stands for the others.

Which that is depends on the catalog, the question and the ids that take part, and on no page: so pages stay true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from artalike.records import IdArray
from artalike.storage.ports import NearGroups


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """Ids that are not shown, ascending; and for each member of a group how many others that has."""

    hidden: IdArray
    others: Mapping[int, int]


def fold(groups: NearGroups, taking_part: NDArray[np.bool_], *before: Sequence[int]) -> Folded:
    """Hide all but the best of those of each group that take part, bool (n,).

    The best is one of the first of ``before``, then of the next, else the one with most pixels, then the oldest.
    """
    if not groups.ids.size:
        return Folded(groups.ids, {})
    behind = [~np.isin(groups.ids, ids) for ids in reversed(before)]
    best_first = np.lexsort((groups.ids, -groups.pixels, *behind, groups.groups))
    best_first = best_first[taking_part[best_first]]
    ordered = groups.groups[best_first]
    hidden = np.sort(groups.ids[best_first[1:][ordered[1:] == ordered[:-1]]])
    _, group, sizes = np.unique(groups.groups, return_inverse=True, return_counts=True)
    return Folded(hidden, dict(zip(groups.ids.tolist(), (sizes[group] - 1).tolist(), strict=True)))
