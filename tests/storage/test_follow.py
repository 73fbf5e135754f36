"""After following, the index holds exactly what the catalog has embedded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import cast

import numpy as np
import pytest

from artalike.records import FloatArray, IdArray
from artalike.storage import follow as following
from artalike.storage.follow import Followed, follow
from artalike.storage.ports import ImageCatalog
from artalike.storage.vector_index import FlatIndex

DIMENSION = 8


class MemoryCatalog:
    """The part of an image catalog that is followed; counts how many vectors were read."""

    def __init__(self, ids: Sequence[int]) -> None:
        self.ids = np.array(sorted(ids), dtype=np.int64)
        self.read = 0

    async def embedded_ids(self) -> IdArray:
        return self.ids

    async def vectors(self, ids: Sequence[int]) -> tuple[IdArray, FloatArray]:
        found = self.ids[np.isin(self.ids, ids)]
        self.read += len(found)
        return found, rows(found)

    async def all_vectors(self, *, after: int = 0, batch: int = 4096) -> AsyncIterator[tuple[IdArray, FloatArray]]:
        later = self.ids[self.ids > after]
        for start in range(0, len(later), batch):
            self.read += len(later[start : start + batch])
            yield later[start : start + batch], rows(later[start : start + batch])


def rows(ids: IdArray) -> FloatArray:
    vectors = np.stack([np.random.default_rng(number).standard_normal(DIMENSION) for number in ids.tolist()])
    unit: FloatArray = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


@pytest.mark.parametrize(
    ("have", "want", "read"),
    [
        ([], [], 0),
        ([], range(1, 51), 50),
        (range(1, 51), [], 0),
        (range(1, 51), range(1, 51), 0),
        (range(1, 41), range(1, 51), 10),
        (range(1, 51), [*range(1, 10), *range(20, 61)], 10),
        ([number for number in range(1, 51) if number not in {3, 30}], range(1, 51), 2),
        ([900], range(1, 31), 30),
    ],
)
async def test_the_index_holds_what_the_catalog_says_and_reads_no_more_than_is_missing(
    have: Sequence[int], want: Sequence[int], read: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "BATCH", 16)
    index, catalog = FlatIndex(DIMENSION, "small@1"), MemoryCatalog(want)
    if have:
        await index.add(np.array(have), rows(np.array(have)))
    followed = await follow(index, cast("ImageCatalog", catalog))
    assert followed == Followed(added=len(set(want) - set(have)), removed=len(set(have) - set(want)))
    assert (await index.ids()).tolist() == sorted(want)
    assert catalog.read == read
    for number in want:
        (answer,) = await index.search(rows(np.array([number])), 1)
        assert answer.ids.tolist() == [number]


async def test_what_is_done_between_batches_ends_when_it_says_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "BATCH", 16)
    index, sizes = FlatIndex(DIMENSION, "small@1"), list[int]()

    async def between() -> bool:
        sizes.append(index.size)
        return len(sizes) < 2

    await follow(index, cast("ImageCatalog", MemoryCatalog(range(1, 51))), between=between)
    assert (sizes, index.size) == ([16, 32], 50)
