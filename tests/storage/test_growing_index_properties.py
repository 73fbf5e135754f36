"""Whatever is done to a growing index in whatever order, it holds what a plain dictionary of vectors holds."""

from __future__ import annotations

import asyncio
from unittest import mock

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from artalike.errors import DiskFull
from artalike.storage import growing_index, growing_index_tier, row_map, vector_file
from artalike.storage.growing_index import GrowingIndex
from tests.storage.index_machine import VECTORS, IndexMachine, ids, vector
from tests.storage.test_growing_index import in_this_process

MODEL = "small@1"


class GrowingMachine(IndexMachine):
    """Pages, pieces and the file's room are small, so that there are many of them."""

    index: GrowingIndex

    def __init__(self) -> None:
        super().__init__()
        self.patches = [
            mock.patch.multiple(growing_index, CATCH_UP_ROWS=2, in_background=in_this_process),
            mock.patch.multiple(growing_index_tier, PIECE_ROWS=3, PUT_ROWS=3),
            mock.patch.multiple(vector_file, ROOM=2),
            mock.patch.multiple(row_map, PAGE=5),
        ]
        for patch in self.patches:
            patch.start()
        self.index = GrowingIndex(4, MODEL, self.path)
        self.saved_trained = False

    async def load(self) -> GrowingIndex:
        return await GrowingIndex.load(self.path, MODEL, 4)

    @rule()
    def train(self) -> None:
        assert self.run(self.index.train()) == bool(self.truth)

    @rule(during=ids, gone=ids, data=st.data())
    def change_while_it_trains(self, during: list[int], gone: list[int], data: st.DataObject) -> None:
        rows = VECTORS[data.draw(st.lists(vector, min_size=len(during), max_size=len(during)))]

        async def all_at_once() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.index.train())
                group.create_task(self.index.add(np.array(during), rows))
                group.create_task(self.index.remove(np.array(gone)))

        self.run(all_at_once())
        self.truth.update(zip(during, rows, strict=True))
        for number in gone:
            self.truth.pop(number, None)

    @rule(
        query=vector,
        k=st.integers(1, 50),
        max_id=st.none() | st.integers(0, 45),
        among=st.none() | st.sets(st.integers(0, 45)),
        by_codes=st.booleans(),
    )
    def search(self, query: int, k: int, max_id: int | None, among: set[int] | None, by_codes: bool) -> None:
        rows, share, few = (0, 0, 0) if by_codes else (100, 2, 100)
        with mock.patch.multiple(growing_index_tier, EXACT_ROWS=rows, EXACT_SHARE=share, FEW_TO_CHECK=few):
            self.answers(query, k, max_id, among, surely=not by_codes)

    @rule()
    def save(self) -> None:
        self.run(self.index.save(self.path))
        self.saved = dict(self.truth)
        self.saved_trained = self.index.stats["kind"] == "trained"

    @rule()
    def measure(self) -> None:
        assert 0 <= self.run(self.index.measure()) <= 1

    @rule()
    def save_on_a_full_disk(self) -> None:
        """What was saved before is what a crash leads to."""
        full = OSError(28, "No space left on device")
        with mock.patch("os.fsync", side_effect=full), pytest.raises(DiskFull):
            self.run(self.index.save(self.path))

    @precondition(lambda self: self.saved is not None)
    @rule()
    def crash_and_load(self) -> None:
        """The file of vectors goes on from where it is; the snapshot is of some time ago."""
        if not self.saved_trained and self.index.stats["kind"] == "trained":
            self.run(self.index.close())
        self.index = self.run(self.load())
        self.truth = dict(self.saved or {})
        assert (self.index.stats["kind"] == "trained") == self.saved_trained

    def teardown(self) -> None:
        self.run(self.index.close())
        super().teardown()
        for patch in self.patches:
            patch.stop()


TestGrowingIndex = GrowingMachine.TestCase
TestGrowingIndex.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
