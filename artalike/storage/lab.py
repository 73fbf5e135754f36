"""Colours as people tell them apart: CIELAB under D65, in which distance is difference.

From sRGB by IEC 61966-2-1; CIELAB and the difference ΔE*ab, which is plain distance, by CIE 15 (as CSS Color 4 has
them, https://www.w3.org/TR/css-color-4/#color-conversion-code). About 2.3 can just be seen; from 50 on colours have
little in common.
"""

from __future__ import annotations

import math
import re
from itertools import product
from typing import Final

Lab = tuple[float, float, float]
"""Lightness 0 to 100, then green to red and blue to yellow, each about -110 to 110."""

CELL: Final = 16
"""Edge of the cubes into which colours are sorted, so that those near to one are found by an index."""

_HEX: Final = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)
_TO_XYZ: Final = (
    (0.4123907993, 0.3575843394, 0.1804807884),
    (0.2126390059, 0.7151686788, 0.0721923154),
    (0.0193308187, 0.1191947798, 0.9505321522),
)
_WHITE: Final = (0.9504559271, 1.0, 1.0890577508)


def lab(color: str) -> Lab | None:
    """Of ``#rrggbb``; None for anything else."""
    if not _HEX.fullmatch(color):
        return None
    linear = [_linear(int(color[at : at + 2], 16) / 255) for at in (1, 3, 5)]
    x, y, z = (
        _root(sum(weight * channel for weight, channel in zip(row, linear, strict=True)) / white)
        for row, white in zip(_TO_XYZ, _WHITE, strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def difference(one: Lab, other: Lab) -> float:
    """ΔE*ab of 1976."""
    return math.dist(one, other)


def cell(color: Lab) -> int:
    """The number of the cube that holds a colour."""
    return _number(*(int(value // CELL) for value in color))


def cells_near(color: Lab, tolerance: float) -> list[int]:
    """The cubes that hold the colours up to ``tolerance`` away; others in them are further away."""
    ranges = [range(int((v - tolerance) // CELL), int((v + tolerance) // CELL) + 1) for v in color]
    return [_number(*corner) for corner in product(*ranges) if _distance(color, corner) <= tolerance]


def _number(lightness: int, a: int, b: int) -> int:
    return (lightness * 64 + a + 32) * 64 + b + 32


def _distance(color: Lab, corner: tuple[int, ...]) -> float:
    """To the nearest point of a cube."""
    outside = (max(at * CELL - v, 0.0, v - (at + 1) * CELL) for v, at in zip(color, corner, strict=True))
    return math.hypot(*outside)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _root(share: float) -> float:
    return float(share ** (1 / 3)) if share > 216 / 24389 else (24389 / 27 * share + 16) / 116
