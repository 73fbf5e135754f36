"""Colour differences, against published figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artalike.storage.lab import cell, cells_near, difference, lab

COLORS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("color", "expected"),
    [
        ("#000000", (0, 0, 0)),
        ("#ffffff", (100, 0, 0)),
        ("#ff0000", (53.24, 80.09, 67.20)),
        ("#00FF00", (87.73, -86.18, 83.18)),
        ("#0000ff", (32.30, 79.19, -107.86)),
        ("#808080", (53.59, 0, 0)),
    ],
)
def test_colours_lie_where_they_are_known_to(color: str, expected: tuple[float, float, float]) -> None:
    assert lab(color) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("text", ["", "red", "#fff", "#12345g", "#1234567", "#12345"])
def test_anything_else_is_no_colour(text: str) -> None:
    assert lab(text) is None


@given(COLORS, COLORS, st.floats(1, 50))
def test_a_colour_within_the_tolerance_lies_in_a_cell_that_is_looked_in(one: str, other: str, tolerance: float) -> None:
    here, there = lab(one), lab(other)
    assert here is not None
    assert there is not None
    if difference(here, there) <= tolerance:
        assert cell(there) in cells_near(here, tolerance)
    assert cell(here) in cells_near(here, tolerance)
