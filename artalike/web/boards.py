"""The address of a board that a visitor shares: ``/board?name=Blue&ids=12,34``. ``js/boards/model.js`` writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from artalike.search.ranked import ID_LIMIT

NAME_LENGTH: Final = 80
IDS_MOST: Final = 1000
_DIGITS: Final = 15  # what JavaScript's numbers hold exactly


@dataclass(frozen=True, slots=True)
class SharedBoard:
    """``name`` is as the address has it, of bounded length; ``ids`` are without repeats, in its order."""

    name: str
    ids: tuple[int, ...]


def read(name: str, ids: str) -> SharedBoard:
    """Whatever in ``ids`` is none is passed over, and so is what is too much."""
    numbers = (int(text) for text in ids.split(",") if text.isascii() and text.isdecimal() and len(text) <= _DIGITS)
    unique = tuple(dict.fromkeys(number for number in numbers if 0 < number <= ID_LIMIT))
    return SharedBoard(name[:NAME_LENGTH], unique[:IDS_MOST])
