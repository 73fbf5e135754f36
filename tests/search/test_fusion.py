from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artalike.records import IdArray
from artalike.search.fusion import K, fused

rankings = st.lists(
    st.tuples(st.lists(st.integers(1, 40), unique=True, max_size=30), st.floats(0.1, 10, allow_nan=False)), max_size=4
)


def ids(*numbers: int) -> IdArray:
    return np.array(numbers, dtype=np.int64)


def test_what_both_rankings_have_stands_before_what_one_puts_first() -> None:
    assert fused([(ids(1, 2, 3), 1.0), (ids(4, 2, 5), 1.0)]).tolist() == [2, 1, 4, 3, 5]


def test_a_heavier_ranking_goes_first() -> None:
    assert fused([(ids(1), 1.0), (ids(2), 2.0)]).tolist() == [2, 1]


def test_equals_stand_by_id() -> None:
    assert fused([(ids(9, 3), 1.0), (ids(4, 8), 1.0)]).tolist() == [4, 9, 3, 8]


def test_what_is_unwanted_falls_behind_whatever_its_rank() -> None:
    assert fused([(ids(7, 2, 3), 1.0)], [(ids(7), 1.0)]).tolist() == [2, 3, 7]
    assert fused([], [(ids(7), 1.0)]).tolist() == []


@given(rankings)
def test_scores_are_those_of_the_paper(rankings: list[tuple[list[int], float]]) -> None:
    expected: dict[int, float] = {}
    for ranked, weight in rankings:
        for rank, number in enumerate(ranked, start=1):
            expected[number] = expected.get(number, 0) + weight / (K + rank)
    answer = fused([(ids(*ranked), weight) for ranked, weight in rankings]).tolist()
    assert sorted(answer) == sorted(expected)
    scores = [expected[number] for number in answer]
    assert scores == pytest.approx(sorted(scores, reverse=True), abs=1e-11)
