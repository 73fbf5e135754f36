"""Indexes of every engine, each beside a catalog in memory: what the tests of the port are run on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np

from artalike.config import Index
from artalike.errors import SnapshotError
from artalike.records import FloatArray, IdArray
from artalike.storage.growing_index import GrowingIndex
from artalike.storage.ports import ImageCatalog, Neighbors, Totals, VectorIndex
from artalike.storage.vector_index import FlatIndex

MODEL = "small@1"


class MemoryCatalog:
    """The part of an image catalog that an index looks at. It holds float16, as the real one does."""

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self.rows: dict[int, FloatArray] = {}
        self.removed: set[int] = set()
        self.read = 0

    def put(self, ids: IdArray, vectors: FloatArray) -> None:
        for number, row in zip(ids.tolist(), vectors.astype("<f2").astype(np.float32), strict=True):
            self.rows[number] = row
            self.removed.discard(number)

    def drop(self, ids: Sequence[int]) -> None:
        for number in ids:
            self.rows.pop(number, None)
            self.removed.add(number)

    async def vectors(self, ids: Sequence[int]) -> tuple[IdArray, FloatArray]:
        return self._matrix([number for number in sorted(ids) if number in self.rows])

    async def all_vectors(self, *, after: int = 0, batch: int = 4096) -> AsyncIterator[tuple[IdArray, FloatArray]]:
        later = sorted(number for number in self.rows if number > after)
        for start in range(0, len(later), batch):
            yield self._matrix(later[start : start + batch])

    async def embedded_ids(self) -> IdArray:
        return np.array(sorted(self.rows), np.int64)

    async def totals(self) -> Totals:
        return Totals(len(self.rows), max(self.rows, default=0), pending=0, failed=0, seeds=0)

    def without_removed(self, ids: Sequence[int]) -> list[int]:
        return [number for number in ids if number not in self.removed]

    def _matrix(self, ids: list[int]) -> tuple[IdArray, FloatArray]:
        self.read += len(ids)
        rows = [self.rows[number] for number in ids]
        return np.array(ids, np.int64), np.stack(rows) if rows else np.empty((0, self._dimension), np.float32)


class Followed:
    """An index with the catalog that it follows: each change is made in the catalog first."""

    def __init__(self, index: VectorIndex, catalog: MemoryCatalog) -> None:
        self.index = index
        self.catalog = catalog

    @property
    def size(self) -> int:
        return self.index.size

    async def add(self, ids: IdArray, vectors: FloatArray) -> None:
        self.catalog.put(ids, vectors)
        await self.index.add(ids, vectors)

    async def remove(self, ids: IdArray) -> int:
        self.catalog.drop(ids.tolist())
        return await self.index.remove(ids)

    async def search(
        self, vectors: FloatArray, k: int, *, max_id: int | None = None, among: IdArray | None = None
    ) -> list[Neighbors]:
        return await self.index.search(vectors, k, max_id=max_id, among=among)

    async def ids(self) -> IdArray:
        return await self.index.ids()

    async def settle(self) -> None:
        """Be what the index is at rest."""
        if isinstance(self.index, GrowingIndex):
            await self.index.train()


@asynccontextmanager
async def opened(
    engine: str, uri: str, folder: Path, dimension: int, *, model: str = MODEL, keep: bool = False, **settings: Any
) -> AsyncIterator[Followed]:
    """An index of ``engine``: "exact", "trained", or one of Milvus at ``uri``. ``keep``: it may be opened again."""
    catalog = MemoryCatalog(dimension)
    if engine == "exact":
        yield Followed(FlatIndex(dimension, model), catalog)
    elif engine == "trained":
        path = folder / "index"
        try:
            growing = await GrowingIndex.load(path, model, dimension)
        except SnapshotError:
            growing = GrowingIndex(dimension, model, path)
        yield Followed(growing, catalog)
        if keep:
            await growing.save(path)
        await growing.close()
    else:
        from artalike.storage.milvus_index import MilvusIndex, collection_name  # noqa: PLC0415  # where it is installed

        chosen = Index(engine="milvus", uri=uri, **settings)
        name = collection_name("tests", folder.name, f"{model} {dimension}")
        async with MilvusIndex.open(name, dimension, cast("ImageCatalog", catalog), chosen) as index:
            yield Followed(index, catalog)
            if not keep:
                await index.drop()
