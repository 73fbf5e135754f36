"""Opening the vector index of a data folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from anyio import to_thread

from artalike.config import Index
from artalike.errors import SnapshotError
from artalike.storage.growing_index import GROWN_AT, GrowingIndex
from artalike.storage.growing_index_snapshot import saved_effort
from artalike.storage.trained_index import check_factory

NEVER: Final = 2**63


@dataclass(frozen=True, slots=True)
class Opened:
    """An index, and why it is empty instead of what its snapshot holds."""

    index: GrowingIndex
    problem: SnapshotError | None = None


@asynccontextmanager
async def open_index(path: Path, model_id: str, dimension: int, settings: Index) -> AsyncIterator[Opened]:
    """The index whose snapshot is at ``path``, empty where that is missing, torn or of another model.

    The caller owns the data folder. Raises UsageError when FAISS does not know ``settings.factory``.
    """
    if settings.factory:
        await to_thread.run_sync(check_factory, settings.factory, dimension)
    # Codes cannot promise to find everything.
    grown_at = GROWN_AT if settings.recall < 1 else NEVER
    chosen: dict[str, Any] = {"recall": settings.recall, "factory": settings.factory, "grown_at": grown_at}
    try:
        opened = Opened(await _loaded(path, model_id, dimension, chosen))
    except SnapshotError as error:
        opened = Opened(GrowingIndex(dimension, model_id, path, **chosen), error)
        await to_thread.run_sync(opened.index.remove_strays)  # nothing refers to those vectors any more
    try:
        yield opened
    finally:
        await opened.index.close()


async def _loaded(path: Path, model_id: str, dimension: int, chosen: dict[str, Any]) -> GrowingIndex:
    effort = await to_thread.run_sync(saved_effort, path)
    if effort and chosen["grown_at"] == NEVER:
        raise SnapshotError(f"{path}: of a trained index; expected an exact one, since index.recall = 1")
    return await GrowingIndex.load(path, model_id, dimension, **chosen)
