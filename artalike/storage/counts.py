"""How many images there are, and which ids are of none, kept beside the catalog: every page shows it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artalike.records import IdArray

RECENTLY: Final = 200

NEVER_GIVEN_MOST: Final = 10_000_000
"""Ids that no image ever had are counted with the removed ones, as far as there are no more: images that were carried
over keep their ids, and leave some out."""


@dataclass(slots=True)
class Counts:
    """What is known of the collection without asking the database; the same whichever model looks at it.

    Images may be counted in or out again, as happens where other processes tell of them.
    """

    images: int = 0
    max_id: int = 0
    removed: IdArray = field(default_factory=lambda: np.empty(0, np.int64))
    recently: deque[int] = field(default_factory=lambda: deque(maxlen=RECENTLY))

    def take_in(self, ids: Sequence[int]) -> None:
        """These are images."""
        wanted = np.unique(np.array(ids, np.int64))
        fresh, known = wanted[wanted > self.max_id], wanted[wanted <= self.max_id]
        if fresh.size:
            self._leave_out(left_out(self.max_id, fresh.tolist()))
            self.max_id = int(fresh[-1])
        back = known[_inside(known, self.removed)]
        if back.size:
            self.removed = np.setdiff1d(self.removed, back, assume_unique=True)
            self.recently = deque((i for i in self.recently if i not in back), RECENTLY)
        self.images += fresh.size + back.size

    def let_go(self, ids: Sequence[int]) -> None:
        """These are none any more. Those that were not known yet have come and gone; others before them are to come."""
        wanted = np.unique(np.array(ids, np.int64))
        last = max(self.max_id, int(wanted.max(initial=0)))
        if last > self.max_id:
            self._leave_out(np.arange(max(self.max_id + 1, last - NEVER_GIVEN_MOST), last + 1, dtype=np.int64))
            self.max_id = last
        gone = wanted[~_inside(wanted, self.removed)]
        if gone.size:
            self.removed = np.union1d(self.removed, gone)
            self.images -= gone.size
        self.recently.extend(i for i in wanted.tolist() if i not in self.recently)

    def _leave_out(self, ids: IdArray) -> None:
        """Ids above all others, ascending, of which no image is known."""
        if ids.size:
            self.removed = np.concatenate([self.removed, ids])


def _inside(ids: IdArray, ascending: IdArray) -> NDArray[np.bool_]:
    """Which of ``ids`` (n,) are among the others: bool (n,). For a few ids among very many."""
    places = np.minimum(np.searchsorted(ascending, ids), max(0, ascending.size - 1))
    return ascending[places] == ids if ascending.size else np.zeros(ids.size, np.bool_)


def left_out(after: int, ids: Sequence[int]) -> IdArray:
    """Those that ``ids``, which lie behind ``after``, leave out up to the largest of them."""
    count = max(ids, default=after) - after - len(ids)
    if not 0 < count <= NEVER_GIVEN_MOST:
        return np.empty(0, np.int64)
    return np.setdiff1d(np.arange(after + 1, max(ids), dtype=np.int64), np.array(ids, np.int64))
