"""The map follows the collection. Layouts are computed here by a stand-in; the real one has its own tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artalike.errors import LayoutError
from artalike.layout.keeper import PictureMap
from artalike.layout.layout import Layout
from artalike.layout.placing import Projection
from artalike.layout.points import EMPTY, Points
from artalike.layout.process import Laid
from artalike.layout.worker import Job
from artalike.records import FloatArray
from tests.fakes import DIMENSION, MODEL, FakeImages, FakeIndex

HEAD = np.dtype([("magic", "S4"), ("version", "<u4"), ("layout", "<u4"), ("count", "<u4"), ("largest", "<u4")])


class Computing:
    """Lays out by the first two components, and notes what it was asked for."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Job, FloatArray | None]] = []
        self.go = asyncio.Event()
        self.go.set()
        self.error: Exception | None = None

    async def __call__(
        self, job: Job, old: FloatArray | None, vectors: AsyncIterator[FloatArray], progress: Callable[[float], None]
    ) -> Laid:
        self.jobs.append((job, old))
        rows = np.concatenate([batch async for batch in vectors])
        progress(0.5)
        await self.go.wait()
        if self.error is not None:
            raise self.error
        projection = Projection.of(rows[: job.landmarks])
        reduced = projection(rows)
        return Laid(projection, reduced[: job.landmarks], 30_000 + 10_000 * reduced[:, :2])


@pytest.fixture
def images() -> FakeImages:
    return FakeImages(FakeIndex())


@pytest.fixture
def computing() -> Computing:
    return Computing()


class Running:
    """Maps over one collection, which run until the test is over."""

    def __init__(self, images: FakeImages, computing: Computing, path: Path) -> None:
        self.images, self.computing, self.path = images, computing, path
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, **options: Any) -> PictureMap:
        found = PictureMap(
            self.images,
            self.path,
            MODEL,
            DIMENSION,
            **{"step_seconds": 0.01, "rest_seconds": 0.0, "compute": self.computing, **options},
        )
        self._tasks.append(asyncio.create_task(found.run()))
        return found

    async def showing(self, count: int) -> PictureMap:
        """A map of so many more pictures, all of them on it."""
        add(self.images, count)
        found = self.start()
        await settled(found, self.images)
        return found

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()


@pytest.fixture
async def running(images: FakeImages, computing: Computing, tmp_path: Path) -> AsyncIterator[Running]:
    running = Running(images, computing, tmp_path / "map.npz")
    yield running
    await running.stop()


def add(images: FakeImages, count: int) -> None:
    for _ in range(count):
        images.add()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.01)


async def ids_on(found: PictureMap) -> list[int]:
    """Ids as a browser reads them."""
    points = await found.points()
    return [] if points is None else unpacked(points.body)["ids"].tolist()


def unpacked(body: bytes) -> dict[str, Any]:
    head = np.frombuffer(body, HEAD, 1)[0]
    count, at = int(head["count"]), HEAD.itemsize
    assert (head["magic"], head["version"]) == (b"AMAP", 1)
    assert len(body) == at + 11 * count
    return {
        "layout": int(head["layout"]),
        "largest": int(head["largest"]),
        "ids": np.frombuffer(body, "<u4", count, at),
        "across": np.frombuffer(body, "<u2", count, at + 4 * count),
        "down": np.frombuffer(body, "<u2", count, at + 6 * count),
        "colors": np.frombuffer(body, np.uint8, 3 * count, at + 8 * count).reshape(count, 3),
    }


async def settled(found: PictureMap, images: FakeImages) -> None:
    """Wait until all pictures are on the map and nothing is computed."""

    async def done() -> bool:
        return await ids_on(found) == sorted(images.by_id) and (await found.status()).progress is None

    await until(done)


async def test_an_empty_collection_has_no_map_and_nothing_is_computed(running: Running, computing: Computing) -> None:
    found = running.start()
    await asyncio.sleep(0.1)
    status = await found.status()
    assert (status.number, status.points, status.progress) == (0, 0, None)
    assert await found.points() is None
    assert unpacked(EMPTY)["layout"] == 0
    assert computing.jobs == []


async def test_pictures_come_onto_the_map_as_they_arrive(running: Running, images: FakeImages) -> None:
    found = await running.showing(40)
    first = await found.points()
    assert first is not None
    before = unpacked(first.body)
    assert before["colors"].tolist() == [[0xA0, 0xB0, 0xC0]] * 40
    add(images, 5)
    await settled(found, images)
    now = await found.points()
    assert now is not None
    after = unpacked(now.body)
    assert after["layout"] == before["layout"]
    assert (after["across"][:40] == before["across"]).all()  # nothing that was there has moved
    assert now.etag != first.etag
    assert unpacked(now.behind(40))["ids"].tolist() == [41, 42, 43, 44, 45]


async def test_a_new_picture_lies_beside_its_like(running: Running, images: FakeImages) -> None:
    found = await running.showing(40)
    images.add(vector=images._index.vectors[7])
    await settled(found, images)
    points = await found.points()
    assert points is not None
    now = unpacked(points.body)
    spots = np.stack((now["across"], now["down"]), axis=1).astype(float)
    apart = np.linalg.norm(spots - spots[40], axis=1)
    assert apart[6] <= np.sort(apart)[8]
    assert len({tuple(spot) for spot in spots.tolist()}) == 41


async def test_a_map_is_computed_again_from_the_old_one_when_the_collection_has_grown_by_a_half(
    running: Running, images: FakeImages, computing: Computing
) -> None:
    found = await running.showing(20)
    first = (await found.status()).number
    add(images, 9)
    await settled(found, images)
    assert len(computing.jobs) == 1
    images.add()
    await settled(found, images)
    await until(lambda: _true(len(computing.jobs) == 2))
    await settled(found, images)
    _, old = computing.jobs[1]
    assert old is not None
    assert not np.isnan(old).any()  # those that arrived meanwhile had their places too
    await until(lambda: _newer(found, first))


async def _newer(found: PictureMap, number: int) -> bool:
    return (await found.status()).number > number


async def _true(holds: bool) -> bool:
    return holds


async def test_a_removed_picture_leaves_at_once_and_leaves_the_disk_and_may_come_back(
    running: Running, images: FakeImages
) -> None:
    found = await running.showing(20)
    gone, vector = images.by_id[4], images._index.vectors[4]
    images.remove(4)
    assert 4 not in await ids_on(found)

    def off_the_disk() -> bool:
        with running.path.open("rb") as stream, np.load(stream) as stored:
            return 4 not in stored["ids"] and 4 not in stored["landmarks"] and len(stored["reduced"]) == 19

    await until(lambda: asyncio.to_thread(running.path.exists))
    await until(lambda: asyncio.to_thread(off_the_disk))
    images.by_id[4], images._index.vectors[4] = gone, vector
    await settled(found, images)


async def test_pictures_removed_while_the_map_is_computed_are_not_on_it(
    running: Running, images: FakeImages, computing: Computing
) -> None:
    add(images, 20)
    computing.go.clear()
    found = running.start()
    await until(lambda: _computing(found))
    images.remove(5)
    images.add()
    computing.go.set()
    await settled(found, images)


async def test_while_a_map_is_computed_the_last_one_follows(
    running: Running, images: FakeImages, computing: Computing
) -> None:
    found = await running.showing(20)
    computing.go.clear()
    add(images, 10)
    await until(lambda: _computing(found))
    images.add()
    images.remove(2)
    await until(lambda: _shown(found, images))
    assert (await found.status()).progress == 0.5


async def _shown(found: PictureMap, images: FakeImages) -> bool:
    return await ids_on(found) == sorted(images.by_id)


async def _computing(found: PictureMap) -> bool:
    return (await found.status()).progress == 0.5


async def test_the_map_is_kept_and_brought_to_what_the_catalog_holds(
    running: Running, images: FakeImages, computing: Computing
) -> None:
    await running.showing(20)
    await until(lambda: asyncio.to_thread(running.path.exists))
    await running.stop()
    images.remove(3)
    images.add()
    found = running.start()
    await settled(found, images)
    assert len(computing.jobs) == 1


@pytest.mark.parametrize("damage", ["torn", "another model", "garbage"])
async def test_a_file_that_does_not_fit_is_computed_again(
    running: Running, images: FakeImages, computing: Computing, damage: str
) -> None:
    await running.showing(20)
    await until(lambda: asyncio.to_thread(running.path.exists))
    await running.stop()

    def spoil() -> None:
        data = bytearray(running.path.read_bytes())
        if damage == "torn":
            running.path.write_bytes(data[: len(data) // 2])
        elif damage == "garbage":
            data[len(data) // 2] ^= 0xFF
            running.path.write_bytes(data)
        else:
            running.path.write_bytes(bytes(data).replace(MODEL.encode(), b"x" * len(MODEL)))

    await asyncio.to_thread(spoil)
    found = running.start()
    await settled(found, images)
    await until(lambda: _true(len(computing.jobs) == 2))


async def test_a_large_collection_is_shown_by_an_even_choice_that_stays_bounded(
    running: Running, images: FakeImages, computing: Computing
) -> None:
    add(images, 100)
    found = running.start(points=30, landmarks=10)
    await until(lambda: _shows(found, 30))
    assert (computing.jobs[0][0].landmarks, computing.jobs[0][0].others) == (10, 20)
    before = set(await ids_on(found))
    add(images, 45)
    await until(lambda: _looked(found, 145))
    now = await ids_on(found)
    assert len(now) <= 30
    assert (await found.status()).images == 145
    assert len(before & set(now)) > 10  # most of those that were shown still are


async def _shows(found: PictureMap, count: int) -> bool:
    return len(await ids_on(found)) == count


async def _looked(found: PictureMap, largest: int) -> bool:
    return found._followed == largest


async def test_a_failed_computation_leaves_the_last_map(
    running: Running, images: FakeImages, computing: Computing
) -> None:
    found = await running.showing(20)
    first = (await found.status()).number
    computing.error = LayoutError("the process was killed")
    add(images, 10)
    await until(lambda: _true(len(computing.jobs) == 2))
    await settled(found, images)
    assert (await found.status()).number == first


async def test_a_hundred_thousand_points_are_small(tmp_path: Path) -> None:
    count = 100_000
    dice = np.random.default_rng(1)
    layout = Layout(
        model_id=MODEL,
        number=1,
        images=count,
        computed_at=0.0,
        share=2**64 - 1,
        ids=np.arange(1, count + 1),
        places=dice.integers(0, 65_536, (count, 2)).astype(np.uint16),
        colors=dice.integers(0, 256, (count, 3)).astype(np.uint8),
        landmarks=np.empty(0, np.int64),
        reduced=np.empty((0, 4), np.float32),
        projection=Projection(np.zeros(8, np.float32), np.zeros((8, 4), np.float32)),
    )
    points = await asyncio.to_thread(Points.of, layout)
    assert len(points.packed) < len(points.body) < 1.2e6
