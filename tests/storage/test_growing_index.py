"""The index that grows up: as many answers as exact search has, right through training, snapshots and crashes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from unittest import mock

import numpy as np
import pytest

from artalike.errors import DiskFull, SnapshotError, UsageError
from artalike.records import FloatArray
from artalike.storage import growing_index, growing_index_tier
from artalike.storage.background import in_background
from artalike.storage.growing_index import GrowingIndex
from artalike.storage.vector_index import FlatIndex

T = TypeVar("T")

DIMENSION = 32
MODEL = "small@1"


@pytest.fixture(autouse=True)
def by_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else such small indexes would be searched exactly."""
    monkeypatch.setattr(growing_index_tier, "EXACT_ROWS", 0)
    monkeypatch.setattr(growing_index_tier, "EXACT_SHARE", 0)


async def in_this_process(work: Callable[..., T], *args: object) -> T:
    """In place of :func:`in_background`: a process of its own takes a second to begin."""
    return await asyncio.to_thread(work, *args)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing_index, "in_background", in_this_process)


@pytest.fixture
def apart(at_once: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training as it really is."""
    monkeypatch.setattr(growing_index, "in_background", in_background)


def vectors(count: int, *, seed: int = 0) -> FloatArray:
    """Of eight intrinsic dimensions, in clusters."""
    dice = np.random.default_rng(seed)
    lift = np.random.default_rng(7).standard_normal((8, DIMENSION))
    centers = np.random.default_rng(8).standard_normal((20, 8))
    rows = (centers[dice.integers(0, 20, count)] + 0.4 * dice.standard_normal((count, 8))) @ lift
    unit: FloatArray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


async def trained(path: Path, count: int = 3000) -> GrowingIndex:
    index = GrowingIndex(DIMENSION, MODEL, path)
    await index.add(np.arange(1, count + 1), vectors(count))
    assert await index.train()
    return index


async def recall(index: GrowingIndex, exact: FlatIndex, k: int) -> float:
    queries = vectors(100, seed=1)
    answers = zip(await index.search(queries, k), await exact.search(queries, k), strict=True)
    return float(np.mean([np.isin(right.ids, mine.ids).mean() for mine, right in answers]))


async def test_it_finds_as_much_as_it_says(tmp_path: Path) -> None:
    index, exact = await trained(tmp_path / "index"), FlatIndex(DIMENSION, MODEL)
    await exact.add(np.arange(1, 3001), vectors(3000))
    assert index.stats["kind"] == "trained"
    assert index.recall >= 0.99
    assert await recall(index, exact, 10) >= 0.97
    assert await recall(index, exact, 100) >= 0.96


async def test_scores_are_exact_cosines(tmp_path: Path) -> None:
    index, rows = await trained(tmp_path / "index"), vectors(3000)
    (answer,) = await index.search(rows[:1], 10)
    assert answer.ids[0] == 1
    assert answer.scores == pytest.approx(rows[answer.ids - 1] @ rows[0], abs=1e-3)


async def test_an_answer_is_as_long_as_it_can_be(tmp_path: Path) -> None:
    index = await trained(tmp_path / "index")
    (all_of_them,) = await index.search(vectors(1), 5000)
    (few,) = await index.search(vectors(1), 50, max_id=30)
    (chosen,) = await index.search(vectors(1), 50, among=np.array([5, 700, 2999, 4000]))
    assert len(set(all_of_them.ids)) == 3000
    assert sorted(few.ids) == list(range(1, 31))
    assert sorted(chosen.ids) == [5, 700, 2999]


@pytest.mark.usefixtures("apart")
async def test_training_is_in_nobodys_way_and_loses_nothing(tmp_path: Path) -> None:
    index = GrowingIndex(DIMENSION, MODEL, tmp_path / "index")
    await index.add(np.arange(1, 2001), vectors(2000))
    training = asyncio.create_task(index.train())
    added, rows = 2000, vectors(4000)
    while not training.done():
        if added < 4000:
            await index.add(np.arange(added + 1, added + 11), rows[added : added + 10])
            assert await index.remove(np.array([added - 1500])) == 1
            added += 10
        (answer,) = await index.search(rows[added - 1 : added], 1)
        assert answer.ids.tolist() == [added]
        await asyncio.sleep(0.005)  # as visitors do, or the core that trains would be taken
    assert added > 2000
    there = set(range(1, added + 1)) - set(range(500, added - 1500, 10))
    assert set((await index.ids()).tolist()) == there
    (answer,) = await index.search(rows[added - 1 : added], 1)
    assert answer.ids.tolist() == [added]


@pytest.mark.usefixtures("apart")
async def test_a_cancelled_training_leaves_the_index_and_no_file(tmp_path: Path) -> None:
    index = GrowingIndex(DIMENSION, MODEL, tmp_path / "index")
    await index.add(np.arange(1, 2001), vectors(2000))
    training = asyncio.create_task(index.train())
    await asyncio.sleep(0.2)
    training.cancel()
    with pytest.raises(asyncio.CancelledError):
        await training
    assert list(tmp_path.iterdir()) == []
    assert index.size == 2000
    assert await index.train()


async def test_a_full_disk_leaves_a_growing_index_exact(tmp_path: Path) -> None:
    index = GrowingIndex(DIMENSION, MODEL, tmp_path / "index")
    await index.add(np.arange(1, 101), vectors(100))
    full = OSError(28, "No space left on device")
    with mock.patch("os.pwrite", side_effect=full), pytest.raises(DiskFull):
        await index.train()
    assert index.stats["kind"] == "exact"
    assert list(tmp_path.iterdir()) == []


async def test_it_trains_by_itself_and_again_when_it_has_grown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing_index, "TICK_SECONDS", 0.01)
    index = GrowingIndex(DIMENSION, MODEL, tmp_path / "index", grown_at=500)
    running = asyncio.create_task(index.run())
    for count in (500, 2500):
        await index.add(np.arange(1, count + 1), vectors(count))
        async with asyncio.timeout(20):
            while index.stats.get("trained_on") != count:  # there is no event to wait for
                await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])


async def test_recall_is_measured_again_and_the_snapshot_stays_as_it_is(tmp_path: Path) -> None:
    index = await trained(tmp_path / "index", 1000)
    await index.save(tmp_path / "index")
    saved = (tmp_path / "index").read_bytes()
    due = [index.measure_due]
    await index.add(np.arange(1001, 1301), vectors(300, seed=4))
    due.append(index.measure_due)
    assert await index.measure() == index.recall >= 0.99
    assert [*due, index.measure_due] == [False, True, False]
    assert (tmp_path / "index").read_bytes() == saved
    assert len(list(tmp_path.iterdir())) == 2


async def test_who_adds_faster_than_it_trains_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = asyncio.Event()

    async def when_told(work: Callable[..., T], *args: object) -> T:
        await go_on.wait()
        return await asyncio.to_thread(work, *args)

    monkeypatch.setattr(growing_index, "in_background", when_told)
    index = GrowingIndex(DIMENSION, MODEL, tmp_path / "index", grown_at=100)
    await index.add(np.arange(1, 101), vectors(100))
    assert index.train_due
    training = asyncio.create_task(index.train())
    await index.add(np.arange(101, 201), vectors(100, seed=2))
    crowded = asyncio.create_task(index.add(np.arange(201, 301), vectors(100, seed=3)))
    await asyncio.wait([crowded], timeout=0.1)
    assert (index.size, index.stats["training"]) == (200, True)
    go_on.set()
    assert await training
    await crowded
    assert (index.size, index.stats["kind"]) == (300, "trained")


async def test_a_factory_string_is_heeded_or_refused(tmp_path: Path) -> None:
    chosen = GrowingIndex(DIMENSION, MODEL, tmp_path / "a", factory="IVF7,SQ8")
    await chosen.add(np.arange(1, 501), vectors(500))
    await chosen.train()
    assert chosen.stats["lists"] == 7
    for wrong in ("HNSW32", "IVF7,PQ8x4fs", "nonsense"):
        index = GrowingIndex(DIMENSION, MODEL, tmp_path / "b", factory=wrong)
        await index.add(np.arange(1, 501), vectors(500))
        with pytest.raises(UsageError, match="factory"):
            await index.train()
        assert index.size == 500


@pytest.mark.parametrize(
    "factory", ["Flat", "SQ8", "PCA8,IVF7,SQ8", "IDMap,IVF7,Flat", "IVF7,SQ4,RFlat", "IVF7,RaBitQ", "IVF7_HNSW8,SQ8"]
)
async def test_codes_of_every_kind_are_served_saved_and_removed(tmp_path: Path, factory: str) -> None:
    path = tmp_path / "index"
    index = GrowingIndex(DIMENSION, MODEL, path, factory=factory)
    rows = vectors(500)
    await index.add(np.arange(1, 401), rows[:400])
    await index.train()
    await index.add(np.arange(401, 501), rows[400:])
    await index.remove(np.arange(1, 101))
    await index.save(path)
    loaded = await GrowingIndex.load(path, MODEL, DIMENSION, factory=factory)
    for served in (index, loaded):
        found = [one.ids[0] for one in await served.search(rows, 3)]
        assert found[100:] == list(range(101, 501))
        assert min(found) > 100
        await served.close()


async def test_another_factory_is_trained_for_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "index"
    index = await trained(path, 600)
    await index.save(path)
    same = await GrowingIndex.load(path, MODEL, DIMENSION, grown_at=500)
    other = await GrowingIndex.load(path, MODEL, DIMENSION, grown_at=500, factory="IVF7,SQ8")
    assert (same.train_due, other.train_due) == (False, True)
    assert await other.train()
    assert (other.stats["lists"], other.train_due) == (7, False)
    await other.save(path)
    again = await GrowingIndex.load(path, MODEL, DIMENSION, grown_at=500, factory="IVF7,SQ8")
    assert (again.stats["lists"], again.train_due) == (7, False)


async def test_a_snapshot_that_tells_no_factory_still_loads(tmp_path: Path) -> None:
    path = tmp_path / "index"
    await (await trained(path, 600)).save(path)
    told = b', "factory": ""'
    text = path.read_bytes()
    assert told in text
    path.write_bytes(text.replace(told, b" " * len(told), 1))
    loaded = await GrowingIndex.load(path, MODEL, DIMENSION, grown_at=500)
    assert (loaded.size, loaded.train_due) == (600, False)


async def test_a_snapshot_answers_as_the_index_did(tmp_path: Path) -> None:
    index = await trained(tmp_path / "index")
    await index.remove(np.arange(10, 20))
    await index.save(tmp_path / "index")
    loaded = await GrowingIndex.load(tmp_path / "index", MODEL, DIMENSION)
    assert loaded.stats == index.stats
    for mine, other in zip(
        await index.search(vectors(50, seed=2), 20), await loaded.search(vectors(50, seed=2), 20), strict=True
    ):
        assert mine.ids.tolist() == other.ids.tolist()


@pytest.mark.parametrize("model", ["other@1", MODEL])
async def test_a_snapshot_of_another_model_or_dimension_is_refused(tmp_path: Path, model: str) -> None:
    await (await trained(tmp_path / "index", 100)).save(tmp_path / "index")
    with pytest.raises(SnapshotError, match="expected"):
        await GrowingIndex.load(tmp_path / "index", model, DIMENSION + (model == MODEL))
    with pytest.raises(SnapshotError, match="version 2"):
        await FlatIndex.load(tmp_path / "index", MODEL, DIMENSION)


async def test_a_flipped_byte_or_a_missing_or_short_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "index"
    await (await trained(path, 200)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    with pytest.raises(SnapshotError, match="torn"):
        await GrowingIndex.load(path, MODEL, DIMENSION)
    path.write_bytes(whole)
    [vectors_file] = tmp_path.glob("*.vectors")
    os.truncate(vectors_file, 100 * 2 * DIMENSION)
    with pytest.raises(SnapshotError, match="torn"):
        await GrowingIndex.load(path, MODEL, DIMENSION)
    vectors_file.unlink()
    with pytest.raises(SnapshotError, match="missing"):
        await GrowingIndex.load(path, MODEL, DIMENSION)


async def test_a_removed_vector_leaves_the_disk_with_the_next_snapshot_and_no_sooner(tmp_path: Path) -> None:
    path, row = tmp_path / "index", vectors(100)[1:2].astype("<f2").tobytes()
    index = await trained(path, 100)
    await index.save(path)
    [file] = tmp_path.glob("*.vectors")
    await index.remove(np.array([2]))
    await index.add(np.array([200]), vectors(1, seed=5))
    assert row in file.read_bytes()
    await index.save(path)
    assert row not in file.read_bytes()
    await index.add(np.array([300]), vectors(1, seed=6))
    (answer,) = await index.search(vectors(1, seed=6), 1)
    assert answer.ids.tolist() == [300]


async def test_a_killed_save_leaves_the_old_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "index"
    index = await trained(path, 100)
    await index.save(path)
    await index.remove(np.arange(1, 51))
    await index.add(np.arange(200, 300), vectors(100, seed=3))
    with mock.patch("os.fsync", side_effect=OSError(28, "No space left on device")), pytest.raises(DiskFull):
        await index.save(path)
    loaded = await GrowingIndex.load(path, MODEL, DIMENSION)
    assert (await loaded.ids()).tolist() == list(range(1, 101))
    for number, answer in enumerate(await loaded.search(vectors(100), 1), start=1):
        assert answer.scores[0] == pytest.approx(1, abs=2e-3), number


async def test_equals_stand_by_their_ids_however_few_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing_index_tier, "EXACT_ROWS", 1000)
    index = GrowingIndex(DIMENSION, MODEL, tmp_path / "index")
    numbers = np.random.default_rng(0).permutation(np.arange(1, 101))
    await index.add(numbers, np.repeat(vectors(1), 100, axis=0))
    await index.train()
    for k in (1, 7):
        [found] = await index.search(vectors(1), k)
        assert found.ids.tolist() == list(range(1, k + 1))
    await index.close()
