"""The ``srcset`` attribute (HTML §4.8.4.2.1): the sizes that a picture can be had in."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final

from artalike.crawl.sources.sizes import Version

MAX_CANDIDATES: Final = 100
MAX_LENGTH: Final = 50_000
"""Characters that are read of one attribute."""

_SEPARATORS: Final = " \t\n\f\r,"
# HTML's spaces alone: others, like that which does not break, are part of an address.
_SPACES: Final = re.compile(r"[ \t\n\f\r]+")


def versions(srcset: str, shown: float | None = None) -> Iterator[Version]:
    """The candidates, in their order.

    ``shown`` is the longer side at which the page shows the picture, in CSS pixels: with it, a density (``2x``) says
    how many pixels there are.
    """
    rest = srcset[:MAX_LENGTH].lstrip(_SEPARATORS)
    for _ in range(MAX_CANDIDATES):
        if not rest:
            return
        # An address has no spaces, and may have commas inside but not at its end.
        word, *behind = _SPACES.split(rest, 1)
        url, rest = word.rstrip(","), "".join(behind)
        descriptors = ""
        if url == word:
            descriptors, _, rest = rest.partition(",")
        rest = rest.lstrip(_SEPARATORS)
        if not url.lower().startswith("data:"):
            yield _version(url, descriptors, shown)


def _version(url: str, descriptors: str, shown: float | None) -> Version:
    said: dict[str, float] = {}
    for descriptor in descriptors.split():
        if descriptor[-1] in "wxh":
            try:
                size = float(descriptor[:-1])
            except ValueError:
                continue
            # A size that is none makes its candidate the last that is taken.
            said.setdefault(descriptor[-1], size if math.isfinite(size) and size > 0 else 0.0)
    if said.get("w"):
        return Version(url, max(said["w"], said.get("h", 0.0)))
    density = 0.0 if "w" in said else said.get("x", 1.0)
    return Version(url, density * shown if shown and density else None, density)
