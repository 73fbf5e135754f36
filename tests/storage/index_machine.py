"""What the properties of all indexes are tested by: an index beside a plain dictionary of vectors."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from artalike.errors import SnapshotError
from artalike.records import FloatArray
from artalike.storage.ports import VectorIndex

T = TypeVar("T")

# Products of these are exact in float16 and float32, and many are equal: order among ties is tested too.
VECTORS = np.array(
    list(itertools.product([-0.5, 0.5], repeat=4)) + [sign * row for row in np.eye(4) for sign in (-1.0, 1.0)],
    dtype=np.float32,
)
ids = st.lists(st.integers(0, 40), min_size=1, max_size=12)
vector = st.integers(0, len(VECTORS) - 1)


class IndexMachine(RuleBasedStateMachine):
    """An index of four dimensions, and ``truth``: what it must hold. ``saved`` is what it held when it was saved."""

    index: VectorIndex

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "index"
        self.truth: dict[int, FloatArray] = {}
        self.saved: dict[int, FloatArray] | None = None

    async def load(self) -> Any:
        """The index at ``path``."""
        raise NotImplementedError(
            "each kind of index loads its own"
        )  # the machine's metaclass allows no abstract method

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    def ranked(self, query: int, max_id: int | None, among: set[int] | None) -> list[tuple[float, int]]:
        """All that may be found, the best first: its score below nought, and its id."""
        return sorted(
            (-float(row @ VECTORS[query]), number)
            for number, row in self.truth.items()
            if (max_id is None or number <= max_id) and (among is None or number in among)
        )

    def answers(self, query: int, k: int, max_id: int | None, among: set[int] | None, *, surely: bool) -> None:
        """Search, and look at the answer: what is there may be missing only where it is not ``surely`` found."""
        chosen = None if among is None else np.array(sorted(among), dtype=np.int64)
        (answer,) = self.run(self.index.search(VECTORS[query : query + 1], k, max_id=max_id, among=chosen))
        ranked = self.ranked(query, max_id, among)
        found = list(zip((-answer.scores).tolist(), answer.ids.tolist(), strict=True))
        if surely:
            assert found == ranked[:k]
        assert len(found) == min(k, len(ranked))
        assert found == sorted(set(found))
        assert set(found) <= set(ranked)

    @rule(ids=ids, data=st.data())
    def add(self, ids: list[int], data: st.DataObject) -> None:
        rows = VECTORS[data.draw(st.lists(vector, min_size=len(ids), max_size=len(ids)))]
        self.run(self.index.add(np.array(ids), rows))
        self.truth.update(zip(ids, rows, strict=True))

    @rule(ids=ids)
    def remove(self, ids: list[int]) -> None:
        there = [number for number in set(ids) if self.truth.pop(number, None) is not None]
        assert self.run(self.index.remove(np.array(ids))) == len(there)

    @precondition(lambda self: self.saved is not None)
    @rule(share=st.floats(0, 1, exclude_max=True))
    def tear(self, share: float) -> None:
        whole = self.path.read_bytes()
        self.path.write_bytes(whole[: int(share * len(whole))])
        self.saved = None
        with pytest.raises(SnapshotError, match="index"):
            self.run(self.load())

    @invariant()
    def it_holds_the_same_ids(self) -> None:
        assert self.index.size == len(self.truth)
        assert self.run(self.index.ids()).tolist() == sorted(self.truth)

    def teardown(self) -> None:
        self.runner.close()
        self.folder.cleanup()
