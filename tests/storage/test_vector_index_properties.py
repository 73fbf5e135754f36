"""Whatever is done to the index in whatever order, it answers like a plain dictionary of vectors."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from artalike.errors import SnapshotError
from artalike.records import FloatArray
from artalike.storage import vector_index
from artalike.storage.vector_index import FlatIndex

T = TypeVar("T")

# Products of these are exact in float16 and float32, and many are equal: order among ties is tested too.
VECTORS = np.array(
    list(itertools.product([-0.5, 0.5], repeat=4)) + [sign * row for row in np.eye(4) for sign in (-1.0, 1.0)],
    dtype=np.float32,
)
MODEL = "small@1"
ids = st.lists(st.integers(0, 40), min_size=1, max_size=12)
vector = st.integers(0, len(VECTORS) - 1)


class IndexMachine(RuleBasedStateMachine):
    """The index beside its model; segments hold five rows, so that there are many of them."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "index"
        self.sizes = mock.patch.multiple(vector_index, SEGMENT_ROWS=5, ADD_ROWS=3)
        self.sizes.start()
        self.index = FlatIndex(4, MODEL)
        self.truth: dict[int, FloatArray] = {}
        self.saved: dict[int, FloatArray] | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    @rule(ids=ids, data=st.data())
    def add(self, ids: list[int], data: st.DataObject) -> None:
        rows = VECTORS[data.draw(st.lists(vector, min_size=len(ids), max_size=len(ids)))]
        self.run(self.index.add(np.array(ids), rows))
        self.truth.update(zip(ids, rows, strict=True))

    @rule(ids=ids)
    def remove(self, ids: list[int]) -> None:
        there = [number for number in set(ids) if self.truth.pop(number, None) is not None]
        assert self.run(self.index.remove(np.array(ids))) == len(there)

    @rule(
        query=vector,
        k=st.integers(1, 50),
        max_id=st.none() | st.integers(0, 45),
        among=st.none() | st.sets(st.integers(0, 45)),
        bitmap=st.sampled_from([0, 1 << 20]),
    )
    def search(self, query: int, k: int, max_id: int | None, among: set[int] | None, bitmap: int) -> None:
        chosen = None if among is None else np.array(sorted(among), dtype=np.int64)
        with mock.patch.object(vector_index, "BITMAP_BYTES", bitmap):
            (answer,) = self.run(self.index.search(VECTORS[query : query + 1], k, max_id=max_id, among=chosen))
        ranked = sorted(
            (-float(row @ VECTORS[query]), number)
            for number, row in self.truth.items()
            if (max_id is None or number <= max_id) and (among is None or number in among)
        )
        assert list(zip((-answer.scores).tolist(), answer.ids.tolist(), strict=True)) == ranked[:k]

    @rule()
    def save(self) -> None:
        self.run(self.index.save(self.path))
        self.saved = dict(self.truth)

    @precondition(lambda self: self.saved is not None)
    @rule()
    def load(self) -> None:
        self.index = self.run(FlatIndex.load(self.path, MODEL, 4))
        self.truth = dict(self.saved or {})

    @precondition(lambda self: self.saved is not None)
    @rule(share=st.floats(0, 1, exclude_max=True))
    def tear(self, share: float) -> None:
        whole = self.path.read_bytes()
        self.path.write_bytes(whole[: int(share * len(whole))])
        self.saved = None
        with pytest.raises(SnapshotError, match="index"):
            self.run(FlatIndex.load(self.path, MODEL, 4))

    @invariant()
    def it_holds_the_same_ids(self) -> None:
        assert self.index.size == len(self.truth)
        assert self.run(self.index.ids()).tolist() == sorted(self.truth)

    def teardown(self) -> None:
        self.runner.close()
        self.sizes.stop()
        self.folder.cleanup()


TestIndex = IndexMachine.TestCase
TestIndex.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
