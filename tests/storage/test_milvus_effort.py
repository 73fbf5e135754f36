"""How hard Milvus is to search is chosen by measuring: as little as finds enough."""

from __future__ import annotations

import numpy as np
import pytest

from artalike.records import FloatArray, IdArray
from artalike.storage.milvus_effort import KINDS, LISTS, MOST, WIDEST, measure

COUNT = 1000
QUERIES = 40
OWN = np.arange(1, QUERIES + 1)
ROWS = np.zeros((QUERIES, 4), np.float32)


class Engine:
    """Finds each query itself first, then its neighbours; with less than ``needed`` of effort the last are others."""

    def __init__(self, needed: int) -> None:
        self.needed = needed
        self.asked: list[int] = []

    async def search(self, queries: FloatArray, depth: int, factor: int) -> list[IdArray]:
        self.asked.append(factor)
        missed = 0 if factor >= self.needed else depth // 5
        found = []
        for own in OWN[: len(queries)]:
            neighbors = np.arange(COUNT, COUNT + depth - 1)
            neighbors[len(neighbors) - missed :] += COUNT
            found.append(np.append(own, neighbors))
        return found


@pytest.mark.parametrize(("needed", "chosen"), [(1, 2), (4, 4), (7, 8), (20, 16)])
async def test_the_least_effort_that_finds_enough_is_chosen_and_else_the_most(needed: int, chosen: int) -> None:
    engine = Engine(needed)
    effort = await measure(engine.search, OWN, ROWS, kind=KINDS["HNSW"], recall=0.99, size=COUNT)
    assert (effort.factor, effort.size) == (chosen, COUNT)
    enough = needed <= chosen
    assert effort.recall == (1.0 if enough else pytest.approx(0.8, abs=0.01))
    assert MOST in engine.asked
    assert max(engine.asked[2:]) == chosen


@pytest.mark.parametrize("kind", ["HNSW", "IVF_FLAT"])
def test_more_effort_asks_for_more_up_to_what_milvus_takes(kind: str) -> None:
    key, most = {"HNSW": ("ef", WIDEST), "IVF_FLAT": ("nprobe", LISTS)}[kind]
    for depth in (1, 10, 100, 1024, 8192):
        efforts = [KINDS[kind].asked(depth, factor)[key] for factor in (*KINDS[kind].factors, MOST)]
        assert efforts == sorted(efforts)
        assert efforts[-1] <= most
        if kind == "HNSW":
            assert efforts[0] > depth  # Milvus refuses less
    assert KINDS["IVF_FLAT"].asked(10, MOST) == {"nprobe": LISTS}  # which is exact
