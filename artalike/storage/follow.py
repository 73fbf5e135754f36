"""Bringing a vector index to what the catalog says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from artalike.records import FloatArray, IdArray
from artalike.storage.ports import ImageCatalog, VectorIndex

BATCH: Final = 1024


@dataclass(frozen=True, slots=True)
class Followed:
    """How many vectors were added to the index and removed from it."""

    added: int
    removed: int


async def follow(
    index: VectorIndex, images: ImageCatalog, *, between: Callable[[], Awaitable[bool]] | None = None
) -> Followed:
    """Make the ids in ``index`` exactly those that the catalog has embedded by the active model.

    Reads only the vectors that are missing; an empty index is thereby rebuilt. ``between`` is called after each
    batch, until it says no. Images that are committed while this runs may be missed: whoever commits them adds them.
    Raises StorageError.
    """
    have, want = await index.ids(), await images.embedded_ids()
    removed = await index.remove(np.setdiff1d(have, want, assume_unique=True))
    added = 0
    async for ids, vectors in _missing(images, np.setdiff1d(want, have, assume_unique=True), want):
        await index.add(ids, vectors)
        added += len(ids)
        if between is not None and not await between():
            between = None
    return Followed(added, removed)


async def _missing(images: ImageCatalog, missing: IdArray, want: IdArray) -> AsyncIterator[tuple[IdArray, FloatArray]]:
    """The vectors of ``missing``: by one scan where they are most of what lies behind the first of them."""
    if not len(missing):
        return
    if 2 * len(missing) >= np.count_nonzero(want >= missing[0]):
        async for ids, vectors in images.all_vectors(after=int(missing[0]) - 1, batch=BATCH):
            wanted = np.isin(ids, missing)
            if wanted.any():
                yield ids[wanted], vectors[wanted]
    else:
        for start in range(0, len(missing), BATCH):
            yield await images.vectors(missing[start : start + BATCH].tolist())
