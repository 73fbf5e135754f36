"""What every index asks of the ids and vectors it is given."""

from __future__ import annotations

from typing import Final

import numpy as np

from artalike.errors import UsageError
from artalike.records import FloatArray, IdArray

LENGTH_TOLERANCE: Final = 0.01


def checked_vectors(vectors: FloatArray, dimension: int) -> FloatArray:
    """Contiguous float32 (n, dimension) of length 1. Raises :class:`UsageError`."""
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] != dimension:
        raise UsageError(f"vectors of shape {rows.shape}: expected (n, {dimension})")
    lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows))
    # Written so that NaN fails: every comparison with it is false.
    wrong = ~(np.abs(lengths - 1) <= LENGTH_TOLERANCE)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise UsageError(f"vector {row} has length {lengths[row]}: expected 1")
    return rows


def checked_ids(ids: IdArray) -> IdArray:
    """Contiguous int64 (n,), not negative. Raises :class:`UsageError`."""
    checked = np.ascontiguousarray(ids, dtype=np.int64)
    if checked.ndim != 1 or (checked < 0).any():
        raise UsageError(f"ids of shape {checked.shape}: expected (n,) and none below 0")
    return checked


def distinct(ids: IdArray) -> IdArray:
    """Each of ``ids`` once, ascending. ``np.unique`` would hash them: slowly, and nobody else could run."""
    ascending = np.sort(ids)
    once: IdArray = ascending[np.diff(ascending, prepend=-1) != 0]
    return once
