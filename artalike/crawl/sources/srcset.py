"""The ``srcset`` attribute (HTML §4.8.4.2.1): which of a picture's sizes is the largest."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final

MAX_CANDIDATES: Final = 100

# An address has no spaces and does not end in a comma; what follows up to the next comma are its descriptors.
_CANDIDATE: Final = re.compile(r"[\s,]*(?P<url>\S*[^\s,])(?P<commas>,*)(?P<descriptors>[^,]*)")


def largest(srcset: str) -> str | None:
    """The address of the widest or densest candidate, the first of several; None when there is none."""
    best, best_size = None, -math.inf
    for url, size in _candidates(srcset):
        if size > best_size:
            best, best_size = url, size
    return best


def _candidates(srcset: str) -> Iterator[tuple[str, float]]:
    position = 0
    for _ in range(MAX_CANDIDATES):
        found = _CANDIDATE.match(srcset, position)
        if found is None:
            return
        # A comma right behind the address ends the candidate: it has no descriptors.
        descriptors = "" if found["commas"] else found["descriptors"]
        position = found.end("commas") if found["commas"] else found.end()
        if not found["url"].lower().startswith("data:"):
            yield found["url"], _size(descriptors)


def _size(descriptors: str) -> float:
    for descriptor in descriptors.split():
        if descriptor[-1] in "wx":
            try:
                size = float(descriptor[:-1])
            except ValueError:
                continue
            return size if math.isfinite(size) else 0.0
    return 1.0
