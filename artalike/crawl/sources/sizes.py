"""Which of a picture's versions is fetched: no larger than it has to be, so that hosts and we save the bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_NUMBER: Final = re.compile(r"\s*([0-9]{1,6})(?:\.[0-9]{1,9})?\s*(?:px)?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Version:
    """One address of a picture. ``side`` is its longer side in pixels as far as is known: often only its width.

    Where nothing is, ``density`` says which version is the larger: in pixels to a pixel of the screen.
    """

    url: str
    side: float | None = None
    density: float = 1.0


@dataclass(frozen=True, slots=True)
class Choice:
    """The address to fetch. ``full_url`` is of the largest version where that is another.

    ``enough`` is whether it is known to be as large as was preferred.
    """

    url: str
    full_url: str | None = None
    enough: bool = False


def choose(versions: Sequence[Version], preferred: int) -> Choice | None:
    """The smallest version with a side of at least ``preferred`` pixels, or else the largest; the first of equals.

    Those of unknown size count only where none is known: of them it is the densest, because it is the least likely to
    be too small. None when there is no version.
    """
    known = [(version.side, version) for version in versions if version.side is not None]
    if not known:
        densest = max(versions, key=lambda version: version.density, default=None)
        return None if densest is None else Choice(densest.url)
    side, largest = max(known, key=lambda pair: pair[0])
    if side < preferred:
        return Choice(largest.url)
    _, chosen = min((pair for pair in known if pair[0] >= preferred), key=lambda pair: pair[0])
    return Choice(chosen.url, largest.url if largest.url != chosen.url else None, enough=True)


def pixels(value: Any) -> float | None:
    """A width or height as sites write it: ``640``, ``"640"``, ``"640px"``; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if 0 < value < 1e6 else None
    match = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    return (float(match[1]) or None) if match else None


def longer(width: Any, height: Any) -> float | None:
    """The longer of two sides as sites write them, of those that are known; None when neither is."""
    known = [side for side in (pixels(width), pixels(height)) if side is not None]
    return max(known, default=None)
