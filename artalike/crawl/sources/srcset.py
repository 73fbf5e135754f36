"""The ``srcset`` attribute (HTML §4.8.4.2.1): which of a picture's sizes is the largest."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

MAX_CANDIDATES: Final = 100
MAX_LENGTH: Final = 50_000
"""Characters that are read of one attribute."""

_SEPARATORS: Final = " \t\n\f\r,"


def largest(srcset: str) -> str | None:
    """The address of the widest or densest candidate, the first of several; None when there is none."""
    best, best_size = None, -math.inf
    for url, size in _candidates(srcset):
        if size > best_size:
            best, best_size = url, size
    return best


def _candidates(srcset: str) -> Iterator[tuple[str, float]]:
    rest = srcset[:MAX_LENGTH].lstrip(_SEPARATORS)
    for _ in range(MAX_CANDIDATES):
        if not rest:
            return
        # An address has no spaces, and may have commas inside but not at its end.
        word, *behind = rest.split(None, 1)
        url, rest = word.rstrip(","), "".join(behind)
        descriptors = ""
        if url == word:
            descriptors, _, rest = rest.partition(",")
        rest = rest.lstrip(_SEPARATORS)
        if not url.lower().startswith("data:"):
            yield url, _size(descriptors)


def _size(descriptors: str) -> float:
    for descriptor in descriptors.split():
        if descriptor[-1] in "wx":
            try:
                size = float(descriptor[:-1])
            except ValueError:
                continue
            return size if math.isfinite(size) else 0.0
    return 1.0
