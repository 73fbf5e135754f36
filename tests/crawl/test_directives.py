"""What owners say in headers and meta elements, and what follows from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artalike.crawl.directives import (
    KEEPS_LINKS_OUT,
    KEEPS_PICTURES_OUT,
    forbids_pictures_of,
    from_headers,
    from_meta,
)


@pytest.mark.parametrize(
    ("values", "heard"),
    [
        ([], set()),
        (["noai, noimageai"], {"noai", "noimageai"}),
        (["NoAI", " NOINDEX "], {"noai", "noindex"}),
        (["none"], {"none"}),
        (["all, index, follow, archive"], set()),
        (["artalike: noai"], {"noai"}),
        (["*: noml"], {"noml"}),
        (["googlebot: noindex, noai"], set()),
        (["googlebot: noindex", "noai"], {"noai"}),
        (["googlebot: noindex, artalike: noimageai"], {"noimageai"}),
        (["unavailable_after: 25 Jun 2030 15:00:00 PST, noai"], {"noai"}),
        (["max-snippet:-1, max-image-preview:large, noml"], {"noml"}),
        (["noai;noindex"], set()),
        ([",,:,::"], set()),
    ],
)
def test_headers_are_heard_where_they_are_for_us(values: list[str], heard: set[str]) -> None:
    assert from_headers(values) == heard


@pytest.mark.parametrize(
    ("name", "content", "heard"),
    [
        ("robots", "noai, nofollow", {"noai", "nofollow"}),
        (" Artalike ", "NOIMAGEAI", {"noimageai"}),
        ("googlebot", "noindex", set()),
        ("robots", "", set()),
    ],
)
def test_meta_elements_are_heard_where_they_are_for_us(name: str, content: str, heard: set[str]) -> None:
    assert from_meta(name, content) == heard


@pytest.mark.parametrize(
    ("said", "forbids"),
    [
        ({"noai"}, {"noai"}),
        ({"noimageai", "nofollow"}, {"noimageai"}),
        ({"noml", "noimageindex"}, {"noml", "noimageindex"}),
        ({"noindex"}, set()),
        ({"none"}, set()),
        (set(), set()),
    ],
)
def test_a_list_kept_out_of_search_engines_still_lists(said: set[str], forbids: set[str]) -> None:
    assert forbids_pictures_of(said) == forbids
    assert forbids <= KEEPS_PICTURES_OUT


@given(st.lists(st.text(alphabet="noaimlindex:,* artalike-_0")))
def test_no_header_says_what_we_do_not_know(values: list[str]) -> None:
    assert from_headers(values) <= KEEPS_PICTURES_OUT | KEEPS_LINKS_OUT
