"""What one process tells the others that share a catalog: which rows a transaction of its own has changed.

A notice is no news by itself: it says where in the catalog to look. So one that is told twice does no harm, and whoever
has missed some looks at everything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum


class Changed(StrEnum):
    """What a notice is about. The value is stored; never rename one."""

    ADDED = "added"
    """Images that have come in, or come back."""
    SEARCHABLE = "searchable"
    """Images of which the index has been told, if they are still there."""
    REMOVED = "removed"
    """Images that have gone."""
    BLOCKS = "blocks"
    """Rules that have come or gone."""
    SEEDS = "seeds"
    """Seeds that were handed in, paused, resumed or cancelled, have another rate, or something more to do."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Rows that one transaction has changed. ``own``: of this process, which has followed it by itself."""

    what: Changed
    ids: tuple[int, ...] = ()
    own: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """The next notices, in the order of their commits; none where only counts have changed.

    ``all``: some were missed, and anything may have changed before these.
    """

    notices: tuple[Notice, ...] = ()
    all: bool = False


Hear = Callable[[Heard], Awaitable[None]]
"""Follows what was heard. What it raises as StorageError is told to it again."""
