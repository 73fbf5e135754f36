"""What one process tells the others that share a catalog: which rows a commit of its own has changed.

A notice is no news by itself: it says where in the catalog to look. So one that is told twice does no harm, and whoever
has missed too many looks at everything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Changed(StrEnum):
    """What a notice is about. The value is stored; never rename one."""

    ADDED = "added"
    """Images that can be searched from now on."""
    REMOVED = "removed"
    """Images that have gone."""
    BLOCKS = "blocks"
    """The rules; no ids."""
    SEEDS = "seeds"
    """Seeds that were handed in, paused, resumed, or have another rate."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Rows that one commit has changed; an id may stand in later notices again."""

    what: Changed
    ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """The next notices, oldest first. ``all``: some were missed, and anything may have changed before these."""

    notices: tuple[Notice, ...] = ()
    all: bool = False


class Notices(Protocol):
    """Between processes. Told with the commit, or never: what a killed process has committed, the others hear of."""

    async def tell(self, notices: Collection[Notice]) -> None:
        """In a transaction of their own. Raises StorageError."""

    def listen(self) -> AbstractAsyncContextManager[AsyncIterator[Heard]]:
        """What is told from here on, by this process as well, without end.

        A lost connection is made anew, and what was told meanwhile comes then: nothing is lost, nothing comes twice.
        """
