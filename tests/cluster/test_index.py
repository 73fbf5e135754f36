"""What holds for every vector index, whichever engine it is of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from artalike.errors import UsageError
from artalike.records import FloatArray
from artalike.storage import growing_index
from benchmarks.vectors import Made, Truth, pieces, shared
from tests.cluster.indexes import Followed, opened
from tests.cluster.milvus import MilvusServer
from tests.storage.index_machine import IndexMachine, vector
from tests.storage.test_growing_index import in_this_process

DIMENSION = 32
COUNT = 3000

ENGINES = (
    "exact",
    "trained",
    pytest.param("milvus_lite", marks=pytest.mark.cluster),
    pytest.param("milvus_server", marks=[pytest.mark.cluster, pytest.mark.slow]),
)


def vectors(count: int, *, seed: int = 0) -> FloatArray:
    """Clusters of eight intrinsic dimensions, rounded as the catalog rounds them."""
    dice = np.random.default_rng(seed)
    lift = np.random.default_rng(7).standard_normal((8, DIMENSION))
    centers = np.random.default_rng(8).standard_normal((20, 8))
    rows = (centers[dice.integers(0, 20, count)] + 0.4 * dice.standard_normal((count, 8))) @ lift
    rounded: FloatArray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)
    return rounded


def uri_of(engine: str, request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(engine).uri) if engine.startswith("milvus") else ""


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def index(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Followed]:
    """Empty."""
    monkeypatch.setattr(growing_index, "in_background", in_this_process)
    async with opened(engine, uri_of(engine, request), tmp_path, DIMENSION, consistency="strong") as index:
        yield index


@pytest.fixture
async def full(index: Followed) -> Followed:
    """With COUNT vectors, under the ids from 1 on."""
    await index.add(np.arange(1, COUNT + 1), vectors(COUNT))
    await index.settle()
    return index


def nearest(query: FloatArray, k: int, among: np.ndarray | None = None) -> list[int]:
    scores = vectors(COUNT) @ query
    ids = np.arange(1, COUNT + 1) if among is None else among[(among >= 1) & (among <= COUNT)]
    return [int(number) for number in ids[np.argsort(-scores[ids - 1], kind="stable")[:k]]]


async def share_found(index: Followed, k: int, among: np.ndarray | None = None) -> float:
    queries = vectors(20, seed=1)
    answers = await index.search(queries, k, among=among)
    return float(
        np.mean([np.isin(nearest(q, k, among), one.ids).mean() for q, one in zip(queries, answers, strict=True)])
    )


class PortMachine(IndexMachine):
    def __init__(self, engine: str, uri: str, folder: Path) -> None:
        super().__init__()
        self.stack = AsyncExitStack()
        opening = opened(engine, uri, folder, 4, consistency="strong")
        self.index: Followed = self.run(self.stack.enter_async_context(opening))

    @rule(
        query=vector,
        k=st.integers(1, 50),
        max_id=st.none() | st.integers(0, 45),
        among=st.none() | st.sets(st.integers(0, 45)),
        way=st.sampled_from([(100, 0), (0, 0), (0, 8192)]),
    )
    def search(self, query: int, k: int, max_id: int | None, among: set[int] | None, way: tuple[int, int]) -> None:
        """Choices are searched exactly, named to the server, or picked out of its answer."""
        from artalike.storage import milvus_index  # noqa: PLC0415  # where it is installed

        narrow, deepest = way
        with mock.patch.multiple(milvus_index, NARROW=narrow, DEEPEST=deepest, LIST_IDS=7):
            self.answers(query, k, max_id, among, surely=False)

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        super().teardown()


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("engine", "examples"), [("milvus_lite", 12), pytest.param("milvus_server", 4, marks=pytest.mark.slow)]
)
def test_whatever_is_done_to_it_it_holds_what_a_dictionary_holds(
    engine: str, examples: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    uri = uri_of(engine, request)
    run_state_machine_as_test(
        partial(PortMachine, engine, uri, tmp_path),  # type: ignore[arg-type]  # anything that makes one will do
        settings=settings(
            max_examples=examples,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


async def test_it_finds_what_is_near(full: Followed) -> None:
    assert full.size == COUNT
    assert (await full.ids()).tolist() == list(range(1, COUNT + 1))
    assert await share_found(full, 10) >= 0.95
    assert await share_found(full, 100) >= 0.95


async def test_scores_are_cosines_best_first(full: Followed) -> None:
    rows = vectors(COUNT)
    [answer] = await full.search(rows[:1], 50)
    assert answer.ids[0] == 1
    assert answer.scores.dtype == np.float32
    assert answer.ids.dtype == np.int64
    assert answer.scores == pytest.approx(rows[answer.ids - 1] @ rows[0], abs=1e-3)
    assert (np.diff(answer.scores) <= 0).all()
    assert answer.scores.max() <= 1


@pytest.mark.parametrize("width", [1, 10, 100, 1000, 2500])
async def test_recall_does_not_depend_on_the_width_of_a_choice(full: Followed, width: int) -> None:
    among = np.sort(np.random.default_rng(3).choice(np.arange(1, COUNT + 1), width, replace=False))
    assert await share_found(full, 10, among) >= 0.95
    [answer] = await full.search(vectors(1, seed=2), 512, among=among)
    assert len(answer.ids) == min(512, width)
    assert np.isin(answer.ids, among).all()


@pytest.mark.parametrize(("narrow", "deepest"), [(0, 8192), (0, 0)])
@pytest.mark.parametrize("engine", ENGINES[2:], indirect=True)
async def test_nor_on_how_the_server_is_told_of_it(
    full: Followed, narrow: int, deepest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from artalike.storage import milvus_index  # noqa: PLC0415  # where it is installed

    monkeypatch.setattr(milvus_index, "NARROW", narrow)
    monkeypatch.setattr(milvus_index, "DEEPEST", deepest)
    monkeypatch.setattr(milvus_index, "LIST_IDS", 700)
    for width in (300, 2500):
        among = np.sort(np.random.default_rng(3).choice(np.arange(1, COUNT + 1), width, replace=False))
        assert await share_found(full, 10, among) >= 0.95
        [answer] = await full.search(vectors(1, seed=2), 256, among=among)
        assert len(set(answer.ids.tolist())) == 256
        assert np.isin(answer.ids, among).all()


async def test_a_long_answer_misses_none(full: Followed) -> None:
    query = vectors(1, seed=4)
    [answer] = await full.search(query, 2000)
    assert set(answer.ids.tolist()) == set(nearest(query[0], 2000))
    [everything] = await full.search(query, 5000, max_id=2500)
    assert sorted(everything.ids.tolist()) == list(range(1, 2501))


async def test_ids_beyond_the_largest_are_not_found(full: Followed) -> None:
    for max_id in (10, 900, COUNT + 5):
        [answer] = await full.search(vectors(1, seed=5), 20, max_id=max_id)
        assert len(answer.ids) == min(20, max_id)
        assert answer.ids.max() <= max_id
        [both] = await full.search(vectors(1, seed=5), 20, max_id=max_id, among=np.arange(5, 2000))
        assert len(both.ids) == min(20, max_id - 4)
        assert 5 <= both.ids.min() <= both.ids.max() <= max_id


async def test_an_id_is_replaced_and_counted_once(index: Followed) -> None:
    rows = vectors(3)
    await index.add(np.array([7, 8]), rows[:2])
    await index.add(np.array([8, 7, 7]), rows[[0, 0, 2]])
    assert (index.size, (await index.ids()).tolist()) == (2, [7, 8])
    [answer] = await index.search(rows[2:], 5)
    assert answer.ids.tolist() == [7, 8]
    assert answer.scores[0] == pytest.approx(1, abs=1e-3)
    assert await index.remove(np.array([7, 9])) == 1
    assert await index.remove(np.array([], np.int64)) == 0
    [answer] = await index.search(rows[2:], 5)
    assert (answer.ids.tolist(), index.size) == ([8], 1)


async def test_a_replay_changes_nothing(full: Followed) -> None:
    rows = vectors(COUNT)
    before = await full.search(rows[:5], 20)
    await full.index.add(np.arange(1, 301), rows[:300])
    await full.index.add(np.arange(201, 501), rows[200:500])
    assert (full.size, len(await full.ids())) == (COUNT, COUNT)
    gone = np.arange(1, 41)
    assert await full.remove(gone) == 40
    assert await full.remove(gone) == 0
    assert full.size == COUNT - 40
    await full.add(gone, rows[:40])
    assert (full.size, len(await full.ids())) == (COUNT, COUNT)
    for one, other in zip(before, await full.search(rows[:5], 20), strict=True):
        assert np.isin(one.ids, other.ids).mean() >= 0.95
        assert len(set(other.ids.tolist())) == 20


async def test_an_answer_is_no_longer_than_what_there_is(index: Followed) -> None:
    rows = vectors(6)
    await index.add(np.arange(1, 7), rows)
    await index.remove(np.array([2, 5]))
    for k, max_id, among, found in (
        (50, None, None, [1, 3, 4, 6]),
        (50, 3, None, [1, 3]),
        (50, None, np.array([2, 3, 99]), [3]),
        (50, 0, None, []),
        (50, None, np.array([], np.int64), []),
        (2000, None, None, [1, 3, 4, 6]),
    ):
        for answer in await index.search(rows[:2], k, max_id=max_id, among=among):
            assert sorted(answer.ids.tolist()) == found
            assert len(answer.scores) == len(found)


@pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)
async def test_what_it_holds_is_of_one_model(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    place = (engine, uri_of(engine, request), tmp_path, DIMENSION)
    rows = vectors(3)
    async with opened(*place, model="one@1", keep=True) as index:
        await index.add(np.array([1, 2]), rows[:2])
    async with opened(*place, model="other@1", keep=engine == "trained") as index:
        assert (index.size, len(await index.ids())) == (0, 0)
        assert [len(answer.ids) for answer in await index.search(rows, 5)] == [0, 0, 0]
    async with opened(*place, model="one@1") as index:
        # Files hold one model, which is the other now; on a server it still is where it was.
        assert (await index.ids()).tolist() == ([] if engine == "trained" else [1, 2])


async def test_an_empty_index_answers(index: Followed) -> None:
    [answer] = await index.search(vectors(1), 10)
    assert (len(answer.ids), index.size, len(await index.ids())) == (0, 0, 0)


async def test_what_is_wrong_is_refused(index: Followed) -> None:
    for add in (
        index.index.add(np.array([1]), 2 * vectors(1)),
        index.index.add(np.array([-1]), vectors(1)),
        index.index.add(np.array([1, 2]), vectors(1)),
        index.search(vectors(1), 0),
        index.search(vectors(1)[:, :8], 1),
        index.search(vectors(1), 1, among=np.array([2, 1])),
    ):
        with pytest.raises(UsageError):
            await add
    assert index.size == 0


@pytest.mark.parametrize("engine", ENGINES[2:], indirect=True)
async def test_what_the_catalog_has_removed_is_not_found_whatever_the_server_still_holds(full: Followed) -> None:
    query = vectors(1, seed=6)
    gone = nearest(query[0], 40)[::2]
    full.catalog.drop(gone)
    for k, among in ((20, None), (20, np.arange(1, COUNT + 1)), (2000, None)):
        [answer] = await full.search(query, k, among=among)
        assert len(answer.ids) == k
        assert not np.isin(answer.ids, gone).any()


@pytest.mark.cluster
@pytest.mark.parametrize("kind", ["HNSW", "IVF_FLAT", "FLAT"])
async def test_every_type_of_index_serves(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    uri = uri_of("milvus_lite", request)
    async with opened("milvus_lite", uri, tmp_path, DIMENSION, consistency="strong", index_type=kind) as index:
        await index.add(np.arange(1, COUNT + 1), vectors(COUNT))
        assert await share_found(index, 10) >= 0.95
        assert await share_found(index, 10, np.arange(1, COUNT + 1, 2)) >= 0.95


@pytest.mark.cluster
@pytest.mark.slow
async def test_what_has_just_come_in_is_found_as_surely_as_all_else(
    milvus_server: MilvusServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand at a time, of vectors so wide that Milvus would soon search them by a stand-in for an index."""
    from artalike.storage import milvus_index  # noqa: PLC0415  # where it is installed

    monkeypatch.setattr(milvus_index, "TEND_SECONDS", 0)
    made = Made(10_240, 768)
    queries = made.queries(50)
    truth = Truth(queries)
    async with opened("milvus_server", milvus_server.uri, tmp_path, 768, consistency="strong") as followed:
        assert isinstance(followed.index, milvus_index.MilvusIndex)
        for start, stop in pieces(0, made.size, 1024):
            rows = made.rows(start, stop).astype(np.float16).astype(np.float32)
            truth.add(start, rows)
            await followed.add(np.arange(start + 1, stop + 1), rows)
            await followed.index.tend()
            if stop % 2048 == 0:
                for k in (10, 100):
                    found = [answer.ids for answer in await followed.search(queries, k)]
                    assert shared([ids[:k] for ids in truth.ids()], found) >= 0.98
        async with asyncio.timeout(300):
            while followed.index.stats["recall"] is None:
                await followed.index.tend()
                await asyncio.sleep(0.2)
        assert followed.index.stats["recall"] >= 0.99
