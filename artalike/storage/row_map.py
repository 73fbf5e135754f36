"""Which row of a file a vector lies in, by its id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artalike.records import IdArray

NO_ROW: Final = -1

Rows = NDArray[np.int64]

PAGE: Final = 4096


class RowMap:
    """Rows by id at four bytes an id where ids lie close together, as those of a catalog do.

    Pages of ``PAGE`` ids, found by bisection; a dictionary would take a hundred bytes an id.
    """

    def __init__(self) -> None:
        self._numbers = np.empty(0, np.int64)
        self._slots = np.empty(0, np.int64)
        self._pages = np.full((1, PAGE), NO_ROW, np.int32)
        self._counts = np.zeros(1, np.int64)

    def copy(self) -> RowMap:
        """One that stays as this is now."""
        made = RowMap()
        used = len(self._numbers)
        made._numbers, made._slots = self._numbers, self._slots
        made._pages, made._counts = self._pages[:used].copy(), self._counts[:used].copy()
        return made

    @property
    def size(self) -> int:
        return int(self._counts.sum())

    @property
    def largest_id(self) -> int:
        filled = np.flatnonzero(self._counts[self._slots])
        if not len(filled):
            return -1
        last = filled[-1]
        return int(self._numbers[last] * PAGE + np.flatnonzero(self._pages[self._slots[last]] >= 0)[-1])

    def get(self, ids: IdArray) -> Rows:
        """The row of each id, -1 for none."""
        if not len(self._numbers):
            return np.full(len(ids), NO_ROW, np.int64)
        numbers, places = np.divmod(ids, PAGE)
        found = np.minimum(np.searchsorted(self._numbers, numbers), len(self._numbers) - 1)
        rows = self._pages[self._slots[found], places].astype(np.int64)
        rows[self._numbers[found] != numbers] = NO_ROW
        return rows

    def set(self, ids: IdArray, rows: Rows) -> None:
        """Give each id, once, its row; -1 for none."""
        numbers, places = np.divmod(ids, PAGE)
        wanted = numbers[rows >= 0]
        # Ids mostly come in rows of neighbours: what is left of them is few.
        self._add_pages(np.setdiff1d(wanted[np.diff(wanted, prepend=-1) != 0], self._numbers))
        if not len(self._numbers):
            return
        found = np.minimum(np.searchsorted(self._numbers, numbers), len(self._numbers) - 1)
        there = self._numbers[found] == numbers
        slots = self._slots[found[there]]
        before = self._pages[slots, places[there]] >= 0
        np.add.at(self._counts, slots, (rows[there] >= 0).astype(np.int64) - before)
        self._pages[slots, places[there]] = rows[there]

    def _add_pages(self, numbers: IdArray) -> None:
        if not len(numbers):
            return
        used = len(self._numbers)
        if used + len(numbers) > len(self._pages):
            room = used + len(numbers) + len(self._pages) // 4
            pages = np.empty((room, PAGE), np.int32)  # what is not used yet takes no memory
            pages[:used] = self._pages[:used]
            self._pages = pages
            self._counts = np.concatenate([self._counts, np.zeros(room - len(self._counts), np.int64)])
        slots = np.arange(used, used + len(numbers))
        self._pages[slots] = NO_ROW
        order = np.argsort(np.concatenate([self._numbers, numbers]))
        self._numbers = np.concatenate([self._numbers, numbers])[order]
        self._slots = np.concatenate([self._slots, slots])[order]

    def pages(self, up_to: int | None = None) -> Iterator[tuple[IdArray, Rows]]:
        """Ascending ids and their rows, page by page, until the one that ``up_to`` lies in."""
        last = len(self._numbers) if up_to is None else int(np.searchsorted(self._numbers, up_to // PAGE, side="right"))
        for number, slot in zip(self._numbers[:last].tolist(), self._slots[:last].tolist(), strict=True):
            places = np.flatnonzero(self._pages[slot] >= 0)
            yield places + number * PAGE, self._pages[slot, places].astype(np.int64)

    def ids(self, up_to: int | None = None) -> IdArray:
        """Ascending."""
        ids = np.concatenate([np.empty(0, np.int64), *(page for page, _ in self.pages(up_to))])
        return ids if up_to is None else ids[: np.searchsorted(ids, up_to, side="right")]

    def count(self, up_to: int) -> int:
        """How many ids there are up to ``up_to``."""
        number, place = divmod(up_to, PAGE)
        before = int(np.searchsorted(self._numbers, number))
        count = int(self._counts[self._slots[:before]].sum())
        if before < len(self._numbers) and self._numbers[before] == number:
            count += int(np.count_nonzero(self._pages[self._slots[before], : place + 1] >= 0))
        return count
