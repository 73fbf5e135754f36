"""Whatever is done to the index in whatever order, it answers like a plain dictionary of vectors."""

from __future__ import annotations

from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from artalike.storage import vector_index
from artalike.storage.vector_index import FlatIndex
from tests.storage.index_machine import IndexMachine, vector

MODEL = "small@1"


class FlatMachine(IndexMachine):
    """Segments hold five rows, so that there are many of them."""

    index: FlatIndex

    def __init__(self) -> None:
        super().__init__()
        self.sizes = mock.patch.multiple(vector_index, SEGMENT_ROWS=5, ADD_ROWS=3)
        self.sizes.start()
        self.index = FlatIndex(4, MODEL)

    async def load(self) -> FlatIndex:
        return await FlatIndex.load(self.path, MODEL, 4)

    @rule(
        query=vector,
        k=st.integers(1, 50),
        max_id=st.none() | st.integers(0, 45),
        among=st.none() | st.sets(st.integers(0, 45)),
        bitmap=st.sampled_from([0, 1 << 20]),
    )
    def search(self, query: int, k: int, max_id: int | None, among: set[int] | None, bitmap: int) -> None:
        with mock.patch.object(vector_index, "BITMAP_BYTES", bitmap):
            self.answers(query, k, max_id, among, surely=True)

    @rule()
    def save(self) -> None:
        self.run(self.index.save(self.path))
        self.saved = dict(self.truth)

    @precondition(lambda self: self.saved is not None)
    @rule()
    def go_back(self) -> None:
        self.index = self.run(self.load())
        self.truth = dict(self.saved or {})

    def teardown(self) -> None:
        super().teardown()
        self.sizes.stop()


TestIndex = FlatMachine.TestCase
TestIndex.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
