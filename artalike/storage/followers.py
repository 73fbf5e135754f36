"""The index and the thumbnails, brought to what the catalog says after each commit that brings in or takes out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import numpy as np

from artalike.errors import StorageError
from artalike.records import Embedding
from artalike.storage.catalog import Database, Guarded
from artalike.storage.images import Images
from artalike.storage.ports import Committed, Thumbnails, VectorIndex

log = logging.getLogger(__name__)

CLEARED: Final = 100
"""Contents whose thumbnails are deleted in one go: ingest waits for no more."""


class Followers:
    """One change at a time, each as the catalog stands by then: a picture may be gone, or back, since its commit.

    Where several processes share the catalog, what is brought in never meets what is taken out.
    """

    def __init__(self, database: Database, images: Images, index: VectorIndex, thumbnails: Thumbnails) -> None:
        self._database = database
        self._images = images
        self._index = index
        self._thumbnails = thumbnails
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """The index stays as it is while the block runs; changes of the catalog wait for its end to be followed."""
        async with self._turn:
            yield

    def lead(self, index: VectorIndex) -> None:
        """From now on another index follows, which is as the catalog stands; to be called while :meth:`held`."""
        self._index = index

    async def show(self, embeddings: Sequence[Embedding], committed: Sequence[Committed]) -> list[int]:
        """Make searchable what is new among ``committed``; their ids, but for those that have been removed meanwhile.

        Raises DiskFull or StorageError, and may be called again.
        """
        pairs = [(c, e) for c, e in zip(committed, embeddings, strict=True) if c.refused is None]
        async with self._turn, self._database.guarded(Guarded.FOLLOWING, together=True):
            for one, embedding in pairs:
                if one.restored:
                    await self._thumbnails.write(embedding.picture.sha256, embedding.picture.artwork.thumbnails)
            vectors = {one.id: embedding.vector for one, embedding in pairs if one.new}
            there = await self._images.existing(list(vectors))
            if there:
                await self._index.add(np.array(there, np.int64), np.stack([vectors[i] for i in there]))
        return there

    async def hide(self, ids: Sequence[int]) -> None:
        """Remove from the index what has been removed from the catalog."""
        async with self._turn, self._database.guarded(Guarded.FOLLOWING):
            gone = np.setdiff1d(np.array(ids, np.int64), await self._images.existing(ids))
            if len(gone):
                await self._index.remove(gone)

    async def clear(self) -> None:
        """Delete the thumbnails that no image has any more. What fails is tried again by the next call."""
        while True:
            async with self._turn, self._database.guarded(Guarded.FOLLOWING):
                if not await self._clear_some():
                    return

    async def _clear_some(self) -> bool:
        async with self._database.read() as connection:
            rows = list(await connection.execute_fetchall("SELECT sha256 FROM clearing LIMIT ?", (CLEARED,)))
            live = await connection.execute_fetchall(
                "SELECT sha256 FROM images "
                "WHERE removed_at IS NULL AND sha256 IN (SELECT sha256 FROM clearing LIMIT ?)",
                (CLEARED,),
            )
        kept = {row[0] for row in live}
        outcomes = await asyncio.gather(*(self._cleared(sha256) for (sha256,) in rows if sha256 not in kept))
        failed = {sha256: error for sha256, error in outcomes if error is not None}
        if failed:
            first = next(iter(failed.values()))
            log.warning("%s; thumbnails of %d removed pictures are still there", first, len(failed))
        cleared = [sha256 for (sha256,) in rows if sha256 not in failed]
        if not cleared:
            return False
        async with self._database.write() as connection:
            await connection.executemany("DELETE FROM clearing WHERE sha256 = ?", [(sha256,) for sha256 in cleared])
        return True

    async def _cleared(self, sha256: bytes) -> tuple[bytes, StorageError | None]:
        try:
            await self._thumbnails.delete(sha256)
        except StorageError as error:
            return sha256, error
        return sha256, None
