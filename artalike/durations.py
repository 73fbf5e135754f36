"""Spans of time as people write them in settings and options: ``90m``, ``6h``, ``daily``, ``never``, or seconds."""

from __future__ import annotations

import re
from typing import Final

PATTERN: Final = r"^([1-9][0-9]{0,8}s?|[1-9][0-9]{0,6}m|[1-9][0-9]{0,4}h|[1-9][0-9]{0,3}d|hourly|daily|weekly|never)$"
"""Some decades at most: what lies beyond the year 9999 is no date."""

_SECONDS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_WORDS: Final = {"never": 0.0, "hourly": 3600.0, "daily": 86_400.0, "weekly": 604_800.0}


def seconds_of(text: str) -> float:
    """``text`` in seconds; 0 for never. Raises ValueError that says what was expected."""
    if text in _WORDS:
        return _WORDS[text]
    if not re.fullmatch(PATTERN, text):
        raise ValueError(f"{text[:100]!r} is no span of time; expected one like 90m, 6h, 7d or daily, or never")
    number = text.rstrip("smhd")
    return float(number) * _SECONDS[text[len(number) :]]
