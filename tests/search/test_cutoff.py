from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from artalike.records import FloatArray, IdArray
from artalike.search import cutoff
from artalike.search.cutoff import FEWEST, GROWTH, HIGHEST, Cutoffs
from artalike.storage.ports import ImageCatalog, Totals

DIMENSION = 64


class Pictures:
    """A catalog of nothing but vectors, whose ids are their places from 1 on; ``asked`` counts what is read."""

    def __init__(self, vectors: FloatArray, *, removed: int = 0) -> None:
        self.vectors_ = vectors
        self.removed = removed
        self.asked = 0

    async def totals(self) -> Totals:
        there = len(self.vectors_)
        return Totals(images=there - self.removed, max_id=there, pending=0, failed=0, seeds=0)

    async def vectors(self, ids: Sequence[int]) -> tuple[IdArray, FloatArray]:
        self.asked += len(ids)
        await asyncio.sleep(0)
        there = np.array(sorted(number for number in ids if number > self.removed), dtype=np.int64)
        return there, self.vectors_[there - 1]


def cutoffs_of(pictures: Pictures) -> Cutoffs:
    return Cutoffs(cast("ImageCatalog", pictures))


def unit(rows: NDArray[np.float64]) -> FloatArray:
    units: FloatArray = (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)
    return units


def scattered(count: int, *, common: float = 0.6, seed: int = 0) -> FloatArray:
    """Pictures of one domain: of all of them something is the same."""
    rows = np.random.default_rng(seed).standard_normal((count, DIMENSION)) / np.sqrt(DIMENSION)
    rows[:, 0] += common
    return unit(rows)


def around(center: FloatArray, count: int, *, width: float, seed: int = 1) -> FloatArray:
    noise = np.random.default_rng(seed).standard_normal((count, DIMENSION)) / np.sqrt(DIMENSION)
    return unit(center + width * noise)


async def of(vectors: FloatArray, query: FloatArray) -> float:
    score = await cutoffs_of(Pictures(vectors)).of(query)
    assert score is not None
    return score


@pytest.mark.parametrize("size", [200, 3_000, 30_000])
async def test_what_is_alike_is_above_and_nearly_all_else_below(size: int) -> None:
    others = scattered(size)
    query = scattered(1, seed=9)[0]
    alike = around(query, 30, width=0.6)
    score = await of(np.concatenate([others, alike]), query)
    assert (alike @ query >= score).all()
    assert (others @ query >= score).mean() < 0.04


async def test_nothing_is_like_a_picture_that_is_like_nothing() -> None:
    rows = scattered(3_000).astype(np.float64)
    rows[:, -1] = 0
    others = unit(rows)
    strange = unit(np.eye(DIMENSION)[-1] + 0.25 * scattered(1, seed=9)[0])
    scores = others @ strange
    assert scores.max() > scores.mean() + 2 * scores.std()  # some are the most alike, of course
    assert scores.max() < await of(others, strange)


async def test_the_size_of_the_collection_does_not_move_it() -> None:
    query = scattered(1, seed=9)[0]
    small, large = [await of(scattered(size), query) for size in (1_000, 50_000)]
    assert small == pytest.approx(large, abs=0.02)


async def test_of_a_few_kinds_each_is_alike() -> None:
    for kinds in (2, 3, 6):
        centers = scattered(kinds, common=0.3)
        rows = [around(center, 100, width=0.6, seed=seed) for seed, center in enumerate(centers)]
        score = await of(np.concatenate(rows), rows[0][0])
        assert (rows[0] @ rows[0][0] >= score).mean() > 0.95
        assert not any((other @ rows[0][0] >= score).any() for other in rows[1:])


async def test_noise_is_not_like_the_kind_that_is_a_little_less_unlike_it() -> None:
    centers = scattered(3, common=0.3).astype(np.float64)
    centers[:, -1] = (0.0, 0.0, 0.12)
    rows = np.concatenate([around(unit(center), 300, width=0.2, seed=seed) for seed, center in enumerate(centers)])
    noise = unit(np.eye(DIMENSION)[-1])
    scores = rows @ noise
    assert scores[600:].mean() > scores[:600].mean() + 2 * scores[:600].std()
    assert scores.max() < await of(rows, noise)


async def test_copies_are_alike_even_where_all_is_of_one_kind() -> None:
    one_kind = around(scattered(1)[0], 2_000, width=0.5)
    copies = around(one_kind[0], 50, width=0.4)
    assert (copies @ one_kind[0]).min() > HIGHEST
    assert (copies @ one_kind[0] >= await of(one_kind, one_kind[0])).all()


async def test_all_are_alike_where_all_are_the_same() -> None:
    same = np.repeat(scattered(1), 300, axis=0)
    assert await of(same, same[0]) <= HIGHEST


async def test_few_pictures_say_nothing() -> None:
    enough = scattered(FEWEST)
    assert await cutoffs_of(Pictures(enough[:-1])).of(enough[0]) is None
    assert await cutoffs_of(Pictures(enough)).of(enough[0]) is not None
    assert await cutoffs_of(Pictures(enough[:0])).of(enough[0]) is None


async def test_removed_pictures_are_passed_over() -> None:
    vectors = scattered(20_000)
    pictures = Pictures(vectors, removed=18_000)
    cutoffs = cutoffs_of(pictures)
    score = await cutoffs.of(vectors[-1])
    assert score == pytest.approx(await of(vectors[18_000:], vectors[-1]), abs=0.03)
    assert pictures.asked < len(vectors) / 2


async def test_where_hardly_any_is_left_nothing_is_said_and_not_asked_for_again() -> None:
    pictures = Pictures(scattered(100_000), removed=99_800)
    cutoffs = cutoffs_of(pictures)
    assert await cutoffs.of(pictures.vectors_[-1]) is None
    asked = pictures.asked
    assert await cutoffs.of(pictures.vectors_[-1]) is None
    assert pictures.asked == asked


async def test_the_sample_is_taken_once_for_many_at_once_and_kept_until_the_collection_has_changed() -> None:
    pictures = Pictures(scattered(2_000))
    cutoffs = cutoffs_of(pictures)
    query = pictures.vectors_[7]
    first = set(await asyncio.gather(*(cutoffs.of(query) for _ in range(20))))
    assert len(first) == 1
    asked = pictures.asked
    assert asked == cutoff.SAMPLE
    pictures.vectors_ = np.concatenate([pictures.vectors_, around(query, int(2_000 * GROWTH), width=0.3)])
    assert {await cutoffs.of(query)} == first
    assert pictures.asked == asked
    pictures.vectors_ = np.concatenate([pictures.vectors_, around(query, 1_000, width=0.3)])
    assert await cutoffs.of(query) not in first
    assert pictures.asked == 2 * asked


async def test_while_another_sample_is_taken_the_old_one_serves() -> None:
    pictures = Pictures(scattered(2_000))
    cutoffs = cutoffs_of(pictures)
    query = pictures.vectors_[7]
    first = await cutoffs.of(query)
    pictures.vectors_ = np.concatenate([pictures.vectors_, around(query, 1_000, width=0.3)])
    taking = asyncio.create_task(cutoffs.of(query))
    await asyncio.sleep(0)
    assert await cutoffs.of(query) == first
    assert await taking != first


@given(seed=st.integers(0, 10**6), size=st.integers(FEWEST, 600), kinds=st.integers(1, 8), width=st.floats(0, 2))
@settings(deadline=None, max_examples=40)
async def test_it_is_a_score_and_the_same_each_time(seed: int, size: int, kinds: int, width: float) -> None:
    centers = scattered(kinds, seed=seed)
    rows = np.concatenate([around(center, size // kinds + 1, width=width, seed=seed) for center in centers])
    score = await of(rows, rows[0])
    assert -1 <= score <= HIGHEST
    assert score == await of(rows, rows[0])
