"""The real process, with a few pictures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from artalike.errors import LayoutError, StorageError
from artalike.layout.process import Laid, lay_out
from artalike.layout.worker import Job
from artalike.records import FloatArray, IdArray
from tests.layout.test_placing import groups


async def batches(vectors: FloatArray, size: int = 50) -> AsyncIterator[FloatArray]:
    for start in range(0, len(vectors), size):
        yield vectors[start : start + size]


async def laid(vectors: FloatArray, landmarks: int, old: FloatArray | None = None) -> tuple[Laid, list[float]]:
    told: list[float] = []
    job = Job(vectors.shape[1], landmarks, len(vectors) - landmarks, old is not None)
    return await lay_out(job, old, batches(vectors), told.append), told


def kept_together(places: FloatArray, group: IdArray) -> float:
    """The share of the five nearest on the map that are of one's own group."""
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    near = np.argsort(apart, axis=1)[:, 1:6]
    return float((group[near] == group[:, None]).mean())


async def test_pictures_that_are_alike_lie_together_also_those_that_are_placed_later() -> None:
    vectors, group = groups(6, 30)
    order = np.random.default_rng(0).permutation(len(vectors))
    vectors, group = vectors[order], group[order]
    found, told = await laid(vectors, 120)
    assert found.places.shape == (180, 2)
    assert kept_together(found.places, group) > 0.95
    assert told == sorted(told)
    assert len(told) > 10
    assert 0 < told[0] < told[-1] <= 1
    again, _ = await laid(vectors, 120)
    assert np.array_equal(again.places, found.places)  # the same input, the same map
    grown, _ = await laid(vectors, 180, old=np.concatenate((found.places[:150], np.full((30, 2), np.nan, np.float32))))
    moved = np.linalg.norm(grown.places[:150] - found.places[:150], axis=1)
    assert np.median(moved) < 0.2 * np.ptp(found.places)  # what was on the left is on the left


@pytest.mark.parametrize("count", [1, 2, 3, 11, 12, 13])
async def test_a_handful_of_pictures_has_a_map(count: int) -> None:
    vectors, _ = groups(1, count)
    found, _ = await laid(vectors, count)
    assert np.isfinite(found.places).all()


async def test_a_process_that_fails_is_told_with_its_last_words() -> None:
    vectors, _ = groups(2, 10)
    job = Job(vectors.shape[1], -1, 0, started=False)
    with pytest.raises(LayoutError, match="ended early"):
        await lay_out(job, None, batches(vectors), lambda _: None)


async def test_what_goes_wrong_while_vectors_are_read_passes() -> None:
    async def broken() -> AsyncIterator[FloatArray]:
        yield groups(1, 2)[0]
        raise StorageError("the disk is gone")

    with pytest.raises(StorageError, match="the disk is gone"):
        await lay_out(Job(32, 20, 0, started=False), None, broken(), lambda _: None)


async def test_a_cancelled_layout_leaves_no_process_behind() -> None:
    async def endless() -> AsyncIterator[FloatArray]:
        yield groups(1, 2)[0]
        await asyncio.sleep(60)

    async with asyncio.timeout(10):
        task = asyncio.create_task(lay_out(Job(32, 20, 0, started=False), None, endless(), lambda _: None))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
