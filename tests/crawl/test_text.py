"""Text from the web, and what owners say in headers and meta elements."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artalike.crawl import directives
from artalike.crawl.text import MAX_EXTRA, MAX_TEXT, MAX_VALUES, clean, from_html, plain
from artalike.records import Metadata


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  The \n\t Great\u00a0Wave ", "The Great Wave"),
        ("a\x00b\x1bc\x7f", "abc"),
        ("gpj\u202eexe.\u2066", "gpjexe."),
        ("\ud800lone", "\ufffdlone"),
        ("👩\u200d🎨 神奈川沖浪裏", "👩\u200d🎨 神奈川沖浪裏"),
        ("<b>kept</b> &amp;", "<b>kept</b> &amp;"),
        (" \n ", None),
        ("", None),
    ],
)
def test_text_is_made_plain(text: str, expected: str | None) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<b>Bold</b> &amp; <i class='x'>italic</i>", "Bold & italic"),
        ("a &lt; b &#x27;c&#39; &eacute;", "a < b 'c' é"),
        ("&lt;script&gt;", "<script>"),
        ("1 < 2", "1 < 2"),
    ],
)
def test_html_is_made_text(text: str, expected: str | None) -> None:
    assert from_html(text) == expected


def test_html_of_nothing_but_open_tags_is_no_work() -> None:
    assert set(from_html("<" * 1_000_000) or "") == {"<", "…"}


def test_long_text_is_cut_with_a_sign() -> None:
    cut = plain("word " * 10_000)
    assert cut is not None
    assert len(cut) <= MAX_TEXT
    assert cut.endswith("…")


def test_further_fields_are_kept_as_bounded_json() -> None:
    deep: dict[str, object] = {"end": 1}
    for _ in range(50):
        deep = {"in": deep}
    extra = {
        "n": 1,
        "f": 0.5,
        "nan": float("nan"),
        "huge": 10**400,
        "flag": False,
        "none": None,
        "bytes": b"\xff",
        "list": [1, "two\n", None, [[[[[[[["deep"]]]]]]]]],
        "deep": deep,
        "embedding": list(range(10_000)),
        " key\x00 ": "v",
        "object": object(),
    }
    kept = clean(Metadata(extra=extra)).extra
    assert {name: kept[name] for name in ("n", "f", "flag", "list", "key")} == {
        "n": 1,
        "f": 0.5,
        "flag": False,
        "list": [1, "two"],
        "key": "v",
    }
    assert not {"nan", "huge", "none", "bytes", "object", "deep"} & set(kept)
    assert len(kept["embedding"]) == MAX_EXTRA
    assert len(clean(Metadata(extra={str(n): n for n in range(1000)})).extra) == MAX_EXTRA
    wide_and_deep = {str(n): [[m] * 100 for m in range(100)] for n in range(100)}
    assert len(json.dumps(dict(clean(Metadata(extra=wide_and_deep)).extra))) < 20 * MAX_VALUES


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
)


@given(st.text(), json_values)
def test_what_is_kept_can_always_be_stored(text: str, value: object) -> None:
    kept = clean(Metadata(title=text, creator=text, extra={"x": value, text: text}))
    stored = json.dumps(dict(kept.extra), allow_nan=False) + (kept.title or "") + (kept.creator or "")
    stored.encode("utf-8")
    assert not any(character < " " or character == "\x7f" for character in stored)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], set()),
        (["noindex"], {"noindex"}),
        (["NoAI, NOIMAGEAI"], {"noai", "noimageai"}),
        (["noindex", "nofollow"], {"noindex", "nofollow"}),
        (["googlebot: noindex, noai"], set()),
        (["artalike: noai, nofollow"], {"noai", "nofollow"}),
        (["googlebot: noindex, artalike: noai"], {"noai"}),
        (["unavailable_after: Friday, 25 Jun 2010 15:00:00 PST, noai"], {"noai"}),
        (["max-snippet:-1, noindex"], {"noindex"}),
        ([",, ,"], set()),
    ],
)
def test_robots_headers_for_us_are_read(headers: list[str], expected: set[str]) -> None:
    known = directives.KEEPS_PICTURES_OUT | directives.KEEPS_LINKS_OUT
    assert directives.from_headers(headers) & known == expected


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("robots", "NOINDEX, nofollow", {"noindex", "nofollow"}),
        (" Robots ", "noai", {"noai"}),
        ("artalike", "noimageai", {"noimageai"}),
        ("googlebot", "noindex", set()),
        ("description", "noindex", set()),
    ],
)
def test_robots_meta_for_us_is_read(name: str, content: str, expected: set[str]) -> None:
    assert directives.from_meta(name, content) == expected
