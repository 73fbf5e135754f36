from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artalike.errors import QueryError
from artalike.imaging.phash import perceptual_hash
from artalike.storage.blocks import PHASH_DISTANCE, Block, BlockKind, Blocks, normalized
from tests.imaging.pictures import encoded, opened, photo


def blocks(*rules: tuple[str, str]) -> Blocks:
    made = [(BlockKind(kind), value) for kind, value in rules]
    return Blocks(
        Block(number, kind, normalized(kind, value), None, 0) for number, (kind, value) in enumerate(made, start=1)
    )


@pytest.mark.parametrize(
    ("rule", "inside", "outside"),
    [
        ("example.org", "https://example.org/x.jpg", "https://example.com/x.jpg"),
        ("example.org", "https://img.cdn.example.org/", "https://myexample.org/"),
        ("EXAMPLE.org.", "http://example.org:8080/x", "https://example.org.evil.example/"),
        ("example.org:8080", "http://a.example.org:8080/x", "http://example.org/x"),
        ("bücher.example", "https://xn--bcher-kva.example/", "https://bucher.example/"),
        ("192.0.2.1", "http://192.0.2.1:81/x", "http://192.0.2.11/"),
        ("[2001:db8::1]", "http://[2001:db8::1]:8080/x", "http://[2001:db8::2]/x"),
        ("[2001:db8::1]:80", "http://[2001:db8::1]:80/x", "http://[2001:db8::1]/x"),
        ("localhost", "http://localhost:1/", "file:///localhost/x.jpg"),
    ],
)
def test_a_host_stands_for_itself_and_all_below_it(rule: str, inside: str, outside: str) -> None:
    known = blocks(("host", rule))
    assert known.reason(inside) is not None
    assert known.reason(outside) is None


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        ("https://example.org/private/*", "https://example.org/private/a/b?c=d", "https://example.org/public/private/"),
        ("https://example.org/x.jpg", "https://example.org/x.jpg", "https://example.org/x.jpgs"),
        ("*://Example.org/*.jpg", "http://example.org/a/b.jpg", "http://example.org/a/b.jpg?size=2"),
        ("https://*.example.org/*", "https://a.b.example.org/", "https://example.org/"),
        ("https://example.org", "https://example.org/", "https://example.org/x"),
        ("https://example.org/(a|b)+[c].*", "https://example.org/(a|b)+[c].d", "https://example.org/aac.d"),
        ("https://example.org/é/*", "https://example.org/%C3%A9/x", "https://example.org/e/x"),
        ("https://*.Bücher.example/*", "https://a.xn--bcher-kva.example/x", "https://xn--bcher-kva.example/x"),
        ("file:///home/*/secret/*", "file:///home/me/a/secret/x.jpg", "file:///home/secret/x.jpg"),
    ],
)
def test_a_pattern_is_a_whole_address_with_anything_for_a_star(pattern: str, inside: str, outside: str) -> None:
    known = blocks(("url", pattern))
    assert known.reason(inside) is not None
    assert known.reason(outside) is None


@given(
    pattern=st.lists(st.text("ab/*", max_size=4), min_size=1, max_size=6).map("".join),
    text=st.text("ab/", max_size=14),
)
def test_a_pattern_means_what_a_plain_reading_of_it_means(pattern: str, text: str) -> None:
    if pattern.count("*") > 16:
        return
    rule = f"https://h/{pattern}"
    plain = ".*".join(map(re.escape, rule.split("*")))
    known = blocks(("url", rule))
    assert (known.reason(f"https://h/{text}") is not None) == (re.fullmatch(plain, f"https://h/{text}") is not None)


def test_the_rule_that_refuses_is_named_with_its_reason() -> None:
    known = Blocks(
        [Block(1, BlockKind.URL, "https://a.example/*", None, 0), Block(2, BlockKind.URL, "*://b/*", "DMCA", 0)]
    )
    assert known.reason("https://b/x") == "url *://b/* is blocked: DMCA"
    known.discard(2)
    assert known.reason("https://b/x") is None


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("host", "", "a host, such as"),
        ("host", "https://example.org/", "a host, such as"),
        ("host", "*.example.org", "a host, such as"),
        ("host", "exa mple.org", "a host, such as"),
        ("host", "me@example.org", "a host, such as"),
        ("host", "." * 300, "a host, such as"),
        ("url", "example.org/*", "a whole address"),
        ("url", "*", "a whole address"),
        ("url", "javascript:alert(1)", "a whole address"),
        ("url", "https://*", "more than wildcards"),
        ("url", "*://*/*", "more than wildcards"),
        ("url", "https://a.example/" + "a*" * 17, "at most 16 wildcards"),
        ("url", "https://a.example/" + "a" * 3000, "at most 2000 characters"),
        ("sha256", "abc", "64 hexadecimal digits"),
        ("sha256", "g" * 64, "64 hexadecimal digits"),
        ("phash", "0x12", "16 hexadecimal digits"),
    ],
)
def test_a_value_that_is_none_is_refused_with_what_was_expected(kind: str, value: str, expected: str) -> None:
    with pytest.raises(QueryError, match=expected) as caught:
        normalized(BlockKind(kind), value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_hash_refuses_these_bytes_or_this_picture() -> None:
    picture = photo(640, 480)
    known = blocks(("phash", f"{perceptual_hash(picture):016X}"), ("sha256", "ab" * 32))
    assert known.refuses_bytes(b"\xab" * 32, 0)
    smaller = opened(encoded(picture.resize((320, 240)), quality=40))
    assert known.refuses_bytes(b"\x00" * 32, perceptual_hash(smaller))
    for number in range(1, 30):
        assert known.refuses_bytes(b"\x00" * 32, perceptual_hash(photo(640, 480, seed=number))) is None


def test_hashes_differ_by_no_more_than_the_distance() -> None:
    known = blocks(("phash", "0" * 16))
    assert known.refuses_bytes(b"", (1 << PHASH_DISTANCE) - 1)
    assert known.refuses_bytes(b"", (1 << (PHASH_DISTANCE + 1)) - 1) is None


def test_many_wildcards_on_a_long_address_take_no_time() -> None:
    known = blocks(("url", "https://a.example/" + "a*" * 16 + "b"))
    address = "https://a.example/" + "a" * 7900
    started = time.perf_counter()
    assert known.reason(address) is None
    assert time.perf_counter() - started < 0.5
