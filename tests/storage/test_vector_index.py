"""The vector index: exact, idempotent, the same after every snapshot, and open while it is written to."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest

from artalike.errors import DiskFull, SnapshotError, UsageError
from artalike.records import FloatArray
from artalike.storage import vector_index
from artalike.storage.vector_index import FlatIndex

DIMENSION = 16
MODEL = "small@1"


def unit_vectors(count: int, dimension: int = DIMENSION, seed: int = 0) -> FloatArray:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32)
    unit: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def filled(count: int, *, first: int = 1) -> tuple[FlatIndex, FloatArray]:
    index, vectors = FlatIndex(DIMENSION, MODEL), unit_vectors(count)
    await index.add(np.arange(first, first + count), vectors)
    return index, vectors


async def test_every_vector_finds_itself_first_with_a_cosine_of_one() -> None:
    index, vectors = await filled(50)
    for number, answer in enumerate(await index.search(vectors, 3), start=1):
        assert answer.ids[0] == number
        assert answer.scores[0] == pytest.approx(1, abs=1e-3)
        assert answer.ids.dtype == np.int64
        assert answer.scores.dtype == np.float32


async def test_answers_are_those_of_plain_matrix_multiplication() -> None:
    index, vectors = await filled(500)
    queries = unit_vectors(20, seed=1)
    for query, answer in zip(queries, await index.search(queries, 500), strict=True):
        cosines = vectors.astype(np.float16).astype(np.float32) @ query
        assert answer.scores == pytest.approx(np.sort(cosines)[::-1], abs=1e-5)
        assert answer.scores == pytest.approx(cosines[answer.ids - 1], abs=1e-5)
        assert (np.diff(answer.scores) <= 0).all()


async def test_fewer_than_asked_for_are_not_padded() -> None:
    index, vectors = await filled(3)
    (answer,) = await index.search(vectors[:1], 10)
    assert sorted(answer.ids) == [1, 2, 3]
    (empty,) = await FlatIndex(DIMENSION, MODEL).search(vectors[:1], 10)
    assert len(empty.ids) == len(empty.scores) == 0


async def test_max_id_hides_what_came_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "SEGMENT_ROWS", 16)
    index, vectors = await filled(100)
    for limit in (0, 1, 15, 16, 17, 50, 100, 1000):
        (answer,) = await index.search(vectors[60:61], 200, max_id=limit)
        assert sorted(answer.ids) == list(range(1, min(limit, 100) + 1))


async def test_adding_an_id_again_replaces_its_vector() -> None:
    index, vectors = await filled(10)
    await index.add(np.array([4, 4]), np.stack([vectors[0], -vectors[0]]))
    assert index.size == 10
    (answer,) = await index.search(-vectors[:1], 10)
    assert answer.ids[0] == 4
    assert np.count_nonzero(answer.ids == 4) == 1


async def test_a_removed_id_is_found_no_more_and_the_others_keep_their_vectors() -> None:
    index, vectors = await filled(40)
    assert await index.remove(np.array([1, 17, 17, 99])) == 2
    assert await index.remove(np.array([1, 17])) == 0
    assert index.size == 38
    assert (await index.ids()).tolist() == [number for number in range(1, 41) if number not in {1, 17}]
    for number, answer in enumerate(await index.search(vectors, 1), start=1):
        assert (answer.ids[0] == number) == (number not in {1, 17})


async def test_equal_scores_come_by_id_wherever_the_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "SEGMENT_ROWS", 7)
    index = FlatIndex(DIMENSION, MODEL)
    vector = unit_vectors(1)
    ids = np.random.default_rng(3).permutation(np.arange(1, 41))
    await index.add(ids, np.repeat(vector, 40, axis=0))
    for k in range(1, 42):
        (answer,) = await index.search(vector, k)
        assert answer.ids.tolist() == list(range(1, min(k, 40) + 1))


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.zeros((1, DIMENSION)), "length 0"),
        (np.full((1, DIMENSION), np.nan), "length nan"),
        (np.full((1, DIMENSION), np.inf), "length inf"),
        (unit_vectors(1) * 1.1, "expected 1"),
        (unit_vectors(1, DIMENSION + 1), "expected (n, 16)"),
        (unit_vectors(1)[0], "expected (n, 16)"),
    ],
)
async def test_vectors_that_cannot_be_compared_are_refused(vectors: FloatArray, message: str) -> None:
    index = FlatIndex(DIMENSION, MODEL)
    with pytest.raises(UsageError) as adding:
        await index.add(np.array([1]), vectors)
    with pytest.raises(UsageError) as searching:
        await index.search(vectors, 1)
    assert message in str(adding.value)
    assert message in str(searching.value)
    assert index.size == 0


async def test_wrong_ids_and_counts_are_refused() -> None:
    index = FlatIndex(DIMENSION, MODEL)
    for ids in (np.array([-1]), np.array([[1]]), np.array([1, 2])):
        with pytest.raises(UsageError):
            await index.add(ids, unit_vectors(1))
    with pytest.raises(UsageError, match="k = 0"):
        await index.search(unit_vectors(1), 0)


async def test_removals_leave_room_that_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "SEGMENT_ROWS", 8)
    index, vectors = await filled(64)
    await index.remove(np.arange(1, 65, 2))
    await index.add(np.arange(100, 132), vectors[:32])
    assert index.size == 64
    assert len(index._segments) == 8
    await index.remove(await index.ids())
    assert not index._segments


async def test_a_snapshot_gives_the_same_index_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "SEGMENT_ROWS", 30)
    index, vectors = await filled(100)
    await index.remove(np.array([5, 50]))
    await index.save(tmp_path / "index")
    loaded = await FlatIndex.load(tmp_path / "index", MODEL, DIMENSION)
    assert loaded.size == 98
    before, after = await index.search(vectors, 10), await loaded.search(vectors, 10)
    for old, new in zip(before, after, strict=True):
        assert old.ids.tolist() == new.ids.tolist()
        assert old.scores.tolist() == new.scores.tolist()
    assert names(tmp_path) == ["index"]


async def test_an_empty_index_has_a_snapshot_too(tmp_path: Path) -> None:
    await FlatIndex(DIMENSION, MODEL).save(tmp_path / "index")
    assert (await FlatIndex.load(tmp_path / "index", MODEL, DIMENSION)).size == 0


async def test_every_torn_length_of_an_empty_snapshot_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "index"
    await FlatIndex(DIMENSION, MODEL).save(path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(SnapshotError):
            await FlatIndex.load(path, MODEL, DIMENSION)


async def test_another_model_or_dimension_or_no_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "index"
    with pytest.raises(SnapshotError, match="there is no snapshot"):
        await FlatIndex.load(path, MODEL, DIMENSION)
    index, _ = await filled(3)
    await index.save(path)
    with pytest.raises(SnapshotError, match="made by model small@1; expected large@2"):
        await FlatIndex.load(path, "large@2", DIMENSION)
    with pytest.raises(SnapshotError, match="dimension 16; expected 17"):
        await FlatIndex.load(path, MODEL, DIMENSION + 1)
    path.write_bytes(path.read_bytes().replace(b'"version": 1', b'"version": 2'))
    with pytest.raises(SnapshotError, match="format version 2; expected 1"):
        await FlatIndex.load(path, MODEL, DIMENSION)


async def test_every_torn_length_and_every_kind_of_wrong_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "index"
    index, _ = await filled(4)
    await index.save(path)
    whole = path.read_bytes()
    wrong = [whole[:length] for length in range(len(whole))] + [whole + b"x"]
    # In the header's text a changed byte may be a space that became a tab: harmless, so only the rows count there.
    rows = whole.index(b"}") + 1
    wrong += [
        whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in [*range(12), *range(rows + 64, len(whole))]
    ]
    for data in wrong:
        path.write_bytes(data)
        with pytest.raises(SnapshotError):
            await FlatIndex.load(path, MODEL, DIMENSION)


async def test_a_full_disk_leaves_the_old_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "index"
    index, vectors = await filled(5)
    await index.save(path)
    await index.add(np.array([6]), -vectors[:1])

    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("artalike.storage.files.os.fsync", no_space)
    with pytest.raises(DiskFull, match="No space left"):
        await index.save(path)
    assert names(tmp_path) == ["index"]
    assert (await FlatIndex.load(path, MODEL, DIMENSION)).size == 5


async def test_loading_clears_away_what_a_killed_save_left(tmp_path: Path) -> None:
    index, _ = await filled(5)
    await index.save(tmp_path / "index")
    (tmp_path / "index.0badcafe.tmp").write_bytes(b"half")
    (tmp_path / "other.0badcafe.tmp").write_bytes(b"another's")
    await FlatIndex.load(tmp_path / "index", MODEL, DIMENSION)
    assert names(tmp_path) == ["index", "other.0badcafe.tmp"]


async def test_it_can_be_saved_and_searched_while_it_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_index, "SEGMENT_ROWS", 64)
    index, vectors = await filled(1000)
    running = True

    async def write() -> None:
        while running:
            await index.add(np.arange(2001, 2301), unit_vectors(300, seed=7))
            await index.remove(np.arange(2001, 2301))

    async def search() -> int:
        rounds = 0
        while running:
            answers = await index.search(vectors[::200], 1, max_id=1000)
            assert [answer.ids[0] for answer in answers] == [1, 201, 401, 601, 801]
            rounds += 1
        return rounds

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        searching = [group.create_task(search()) for _ in range(2)]
        for number in range(5):
            await index.save(tmp_path / str(number))
        running = False
    assert all(task.result() for task in searching)
    for number in range(5):
        ids = await (await FlatIndex.load(tmp_path / str(number), MODEL, DIMENSION)).ids()
        assert set(range(1, 1001)) <= set(ids.tolist())
        assert len(ids) == len(set(ids))


async def test_a_big_add_lets_searches_through() -> None:
    index = FlatIndex(256, MODEL)
    vectors = unit_vectors(20_000, 256)
    adding = asyncio.create_task(index.add(np.arange(20_000), vectors))
    sizes = []
    while not adding.done():
        started = time.monotonic()
        await index.search(vectors[:1], 1)
        assert time.monotonic() - started < 5
        sizes.append(index.size)
    await adding
    assert any(0 < size < 20_000 for size in sizes)


async def test_a_cancelled_add_is_finished_and_harms_nothing() -> None:
    index, vectors = await filled(100)
    adding = asyncio.create_task(index.add(np.arange(1000, 1100), vectors))
    await asyncio.sleep(0)
    adding.cancel()
    await asyncio.gather(adding, return_exceptions=True)
    await index.remove(np.arange(1000, 1100))
    assert (await index.ids()).tolist()[:100] == list(range(1, 101))


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1, 0.01, 0.001, 0.0])
async def test_a_filter_of_any_width_misses_no_neighbour(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "SEGMENT_ROWS", 700)
    index, vectors = await filled(5000)
    chosen = np.flatnonzero(np.random.default_rng(1).random(5000) < share) + 1
    truth = vectors[chosen - 1].astype(np.float16).astype(np.float32)
    for query in unit_vectors(5, seed=2):
        (answer,) = await index.search(query[np.newaxis], 100, among=chosen)
        assert answer.ids.tolist() == chosen[np.argsort(-(truth @ query), kind="stable")[:100]].tolist()


async def test_a_filter_changes_no_score() -> None:
    index, vectors = await filled(300)
    (everything,) = await index.search(vectors[:1], 300)
    (few,) = await index.search(vectors[:1], 300, among=np.array([1, 7, 299]))
    scores = dict(zip(everything.ids.tolist(), everything.scores.tolist(), strict=True))
    assert [scores[number] for number in few.ids.tolist()] == few.scores.tolist()


async def test_a_filter_may_name_ids_that_lie_far_apart_or_are_not_there() -> None:
    index = FlatIndex(DIMENSION, MODEL)
    vectors = unit_vectors(3)
    await index.add(np.array([1, 2**40, 2**62]), vectors)
    among = np.array([2, 2**40, 2**62, 2**63 - 1], dtype=np.int64)
    among.flags.writeable = False
    (answer,) = await index.search(vectors[:1], 3, among=among)
    assert sorted(answer.ids.tolist()) == [2**40, 2**62]


@pytest.mark.parametrize("among", [[3, 1], [1, 1], [-1, 2]])
async def test_a_filter_that_is_not_of_ascending_ids_is_refused(among: list[int]) -> None:
    index, vectors = await filled(3)
    with pytest.raises(UsageError, match="expected"):
        await index.search(vectors[:1], 3, among=np.array(among))
