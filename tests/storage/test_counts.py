"""Counts that follow what several processes tell: in any order they come to the same."""

from __future__ import annotations

import itertools

import pytest

from artalike.storage import counts
from artalike.storage.counts import Counts


def state(found: Counts) -> tuple[int, int, list[int]]:
    return found.images, found.max_id, found.removed.tolist()


def test_what_is_told_twice_counts_once() -> None:
    found = Counts()
    for _ in range(2):
        found.take_in([1, 2, 3])
        found.let_go([2])
    assert state(found) == (2, 3, [2])
    assert list(found.recently) == [2]
    found.take_in([2])
    assert (state(found), list(found.recently)) == ((3, 3, []), [])


def test_what_others_have_brought_in_may_be_told_late() -> None:
    steps = {"theirs": [1, 2], "ours": [3, 4], "last": [7]}
    for order in itertools.permutations(steps):
        found = Counts()
        for step in order:
            found.take_in(steps[step])
        assert state(found) == (5, 7, [5, 6]), order


def test_what_went_before_it_was_told_of_is_gone_in_the_end() -> None:
    found = Counts()
    found.take_in([1])
    found.let_go([4])
    assert state(found) == (1, 4, [2, 3, 4])
    for ids in ([2, 3], [4]):
        found.take_in(ids)
    found.let_go([4])
    assert state(found) == (3, 4, [4])


def test_ids_that_were_never_given_are_kept_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "NEVER_GIVEN_MOST", 10)
    found = Counts()
    found.take_in([5])
    found.take_in([100])
    found.let_go([1000])
    assert (found.images, found.max_id) == (2, 1000)
    assert found.removed.tolist() == [1, 2, 3, 4, *range(990, 1001)]
