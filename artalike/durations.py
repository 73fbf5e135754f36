"""Spans of time as people write them in settings and options: ``90m``, ``6h``, ``7d``, ``never``."""

from __future__ import annotations

import re
from typing import Final

PATTERN: Final = r"^([1-9][0-9]{0,5}[smhd]|never)$"

_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def seconds_of(text: str) -> float:
    """``text`` in seconds; 0 for never. Raises ValueError that says what was expected."""
    if not re.fullmatch(PATTERN, text):
        raise ValueError(f"{text[:100]!r} is no span of time; expected one like 90m, 6h or 7d, or never")
    return 0.0 if text == "never" else float(text[:-1]) * _SECONDS[text[-1]]
