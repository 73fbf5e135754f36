"""Filters as people send them: one spelling for the same wish, one line for each mistake."""

from __future__ import annotations

from typing import Any

import pytest

from artalike.errors import QueryError
from artalike.search.filters import Filters
from artalike.storage.filtering import Criteria, Orientation
from artalike.storage.lab import lab

ALL: dict[str, Any] = {
    "source": "met:department=11",
    "host": "images.example.org",
    "creator": "edouard manet",
    "year_from": -50,
    "year_to": 1900,
    "rights": "cc0",
    "orientation": "portrait",
    "min_width": 800,
    "min_side": 600,
    "color": "#a0b0c0",
    "tolerance": 12.5,
}


def test_the_same_wish_has_one_spelling() -> None:
    one = Filters.of(ALL)
    other = Filters.of({**ALL, "host": "Images.EXAMPLE.org.", "creator": "  Édouard, Manet ", "color": "#A0B0C0"})
    assert one == other
    assert hash(one) == hash(other)
    assert one.canonical() == other.canonical()
    assert Filters.model_validate_json(one.canonical()) == one


def test_numbers_may_be_text_as_in_an_address() -> None:
    assert Filters.of({"year_from": "1800", "tolerance": "7.5", "color": "#000000"}).year_from == 1800


def test_nothing_asked_lets_everything_pass() -> None:
    assert Filters.of({}).anything
    assert Filters.of({}).canonical() == "{}"
    assert not Filters.of({"year_to": 1900}).anything


def test_criteria_are_what_the_catalog_is_asked() -> None:
    expected = Criteria(
        source="met:department=11", host="images.example.org", creator="edouard manet", rights="cc0", year_from=-50,
        year_to=1900, orientation=Orientation.PORTRAIT, min_width=800, min_side=600, color=lab("#a0b0c0"),
        tolerance=12.5,
    )  # fmt: skip
    assert Filters.of(ALL).criteria() == expected
    assert Filters.of({"host": "[::1]"}).criteria().host == "::1"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"colour": "#000000"}, "'colour' is not a filter; expected some of: source, host"),
        ({"host": "exa mple.org"}, "host = 'exa mple.org': expected a host"),
        ({"host": "example.org:8080"}, "expected a host without a port"),
        ({"host": "[::1]:80"}, "expected a host without a port"),
        ({"host": ""}, "expected a host"),
        ({"creator": "!?"}, "creator = '!?': expected words"),
        ({"creator": "x" * 201}, "expected words"),
        ({"rights": ""}, "expected words"),
        ({"source": ""}, "expected a source"),
        ({"year_from": 0}, "there is no year 0"),
        ({"year_from": "soon"}, "year_from = 'soon': expected a year"),
        ({"year_to": 10**20}, "expected a year"),
        ({"year_from": 1900, "year_to": 1800}, "filters: year_from is later than year_to"),
        ({"orientation": "upright"}, 'expected "portrait", "landscape" or "square"'),
        ({"min_width": 0}, "min_width = '0': expected pixels"),
        ({"min_side": -1}, "expected pixels"),
        ({"color": "red"}, "color = 'red': expected #rrggbb"),
        ({"color": "#000000\n"}, "expected #rrggbb"),
        ({"color": "#000000", "tolerance": 51}, "expected how far"),
        ({"color": "#000000", "tolerance": "nan"}, "expected how far"),
        ({"tolerance": 5}, "filters: a tolerance without a color"),
        ({"min_width": {"x": ["y"] * 100}}, "expected pixels"),
    ],
)
def test_a_mistake_gets_one_line(values: dict[str, Any], message: str) -> None:
    with pytest.raises(QueryError) as refused:
        Filters.of(values)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300
