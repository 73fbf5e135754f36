from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artalike.search.shuffle import Shuffle

keys = st.integers(-(2**60), 2**60)


@given(key=keys, size=st.integers(0, 700))
def test_every_number_comes_exactly_once(key: int, size: int) -> None:
    shuffled = Shuffle(key, size)[np.arange(size)]
    assert sorted(shuffled.tolist()) == list(range(size))


@given(key=keys, size=st.integers(1, 2**50), data=st.data())
def test_the_inverse_leads_back(key: int, size: int, data: st.DataObject) -> None:
    shuffle = Shuffle(key, size)
    numbers = np.array(data.draw(st.lists(st.integers(0, size - 1), max_size=20)), dtype=np.int64)
    assert shuffle.positions(shuffle[numbers]).tolist() == numbers.tolist()
    assert shuffle[shuffle.positions(numbers)].tolist() == numbers.tolist()


def test_another_key_is_another_order() -> None:
    positions = np.arange(1000)
    one, other = Shuffle(1, 1000)[positions], Shuffle(2, 1000)[positions]
    assert np.count_nonzero(one == other) < 10


@pytest.mark.parametrize("size", [5, 37, 1000, 3781])
def test_every_number_is_as_likely_in_front(size: int) -> None:
    draws = 4000
    first = np.array([Shuffle(key, size)[np.arange(1)][0] for key in range(draws)])
    quarters = np.bincount(first * 4 // size, minlength=4)
    expected = np.bincount(np.arange(size) * 4 // size, minlength=4) * draws / size
    assert np.abs(quarters - expected).max() < 5 * np.sqrt(draws / 4)


def test_neighbours_do_not_stay_together() -> None:
    order = Shuffle(7, 10_000)[np.arange(10_000)]
    assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.05


@pytest.mark.parametrize("outside", [-1, 10])
def test_a_number_outside_is_refused(outside: int) -> None:
    with pytest.raises(IndexError, match=r"range\(10\)"):
        Shuffle(1, 10)[np.array([outside])]
