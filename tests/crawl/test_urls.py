"""One spelling for each address."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from artalike.crawl import urls


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HTTP://Example.COM", "http://example.com/"),
        ("http://example.com:80/x#part", "http://example.com/x"),
        ("https://example.com:443/", "https://example.com/"),
        ("https://example.com:80/", "https://example.com:80/"),
        ("http://example.com:/x", "http://example.com/x"),
        ("http://example.com./", "http://example.com/"),
        ("http://Bücher.example/ä ö?ü=ß", "http://xn--bcher-kva.example/%C3%A4%20%C3%B6?%C3%BC=%C3%9F"),
        ("http://xn--bcher-kva.example/%c3%a4", "http://xn--bcher-kva.example/%C3%A4"),
        ("http://a.com/%7euser/%41%2fb", "http://a.com/~user/A%2Fb"),
        ("http://a.com/a/../b/./c/..", "http://a.com/b/"),
        ("http://a.com/../../x", "http://a.com/x"),
        ("http://a.com/a/%2e%2E/b", "http://a.com/b"),
        ("http://a.com/100%", "http://a.com/100%25"),
        ("http://a.com/?", "http://a.com/"),
        ("http://a.com/?a=%20b+c&d[]=1/?", "http://a.com/?a=%20b+c&d[]=1/?"),
        ('http://a.com/"<x>|`', "http://a.com/%22%3Cx%3E%7C%60"),
        (" \t\n http://a.com/x\n y \x00", "http://a.com/x%20y"),
        ("http://[2001:DB8:0::1]:8080/", "http://[2001:db8::1]:8080/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://a_b.example/", "http://a_b.example/"),
        ("file:///tmp/a%20b", "file:///tmp/a%20b"),
        ("file:///tmp/%2e%2e/a/./..%2fb", "file:///b"),
        ("file://localhost/tmp/ä", "file:///tmp/%C3%A4"),
        ("file:///tmp/a.jpg?v=2#x", "file:///tmp/a.jpg"),
        ("file:///x/../t.tar?member=%61 b%2F..%2fc.jpg&offset=007#x", "file:///t.tar?member=a%20b/../c.jpg&offset=7"),
        ("file:///t.tar?member=ä%&offset=0", "file:///t.tar?member=%C3%A4%25&offset=0"),
        ("file:///t.tar?offset=0&member=a", "file:///t.tar"),
        ("file:///t.tar?member=&offset=0", "file:///t.tar"),
        ("file:///t.tar?member=%00&offset=0", "file:///t.tar"),
        ("file:///t.tar?member=a&offset=-1", "file:///t.tar"),
        ("file:///t.tar?member=a&offset=1e3", "file:///t.tar"),
        ("file:///t.tar%3Fmember=a&offset=0", "file:///t.tar%3Fmember%3Da%26offset%3D0"),
    ],
)
def test_an_address_has_one_spelling(text: str, expected: str) -> None:
    assert urls.canonical(text) == expected
    assert urls.canonical(expected) == expected


@given(
    st.one_of(
        st.text(),
        st.builds("http://{}".format, st.text()),
        st.builds("http://example.com/{}?{}".format, st.text(), st.text()),
        st.builds("file://{}".format, st.text()),
        st.builds("file:///x.tar?member={}&offset={}".format, st.text(), st.integers(0, 10**19)),
    )
)
def test_whatever_is_accepted_is_stable_ascii_and_read_alike_by_all(text: str) -> None:
    try:
        url = urls.canonical(text)
    except ValueError:
        return
    assert url.isascii()
    assert url.isprintable()
    assert " " not in url
    assert "#" not in url
    assert urls.canonical(url) == url
    if urls.is_web(url):
        parts, sent = urlsplit(url), URL(url, encoded=True)
        assert (parts.hostname, parts.port or sent.port) == (sent.raw_host, sent.port)
        assert str(sent) == url


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("x.jpg", "http://a.com/dir/x.jpg"),
        ("/x.jpg", "http://a.com/x.jpg"),
        ("//b.com/x.jpg", "http://b.com/x.jpg"),
        ("\\\\b.com\\x.jpg", "http://b.com/x.jpg"),
        ("..\\x.jpg?a=\\b", "http://a.com/x.jpg?a=%5Cb"),
        ("?page=2", "http://a.com/dir/page?page=2"),
        ("https://b.com", "https://b.com/"),
        ("#top", None),
        ("", None),
        ("  ", None),
        ("data:image/gif;base64,R0lGOD", None),
        ("javascript:void(0)", None),
        ("java\nscript:void(0)", None),
        ("mailto:a@b.com", None),
        ("tel:123", None),
        ("file:///etc/passwd", None),
        ("file:///data/x.tar?member=a.jpg&offset=0", None),
        ("http://user:secret@b.com/", None),
        ("http://[::1", None),
        ("blob:http://a.com/1", None),
    ],
)
def test_a_reference_means_an_address_inside_its_page(reference: str, expected: str | None) -> None:
    assert urls.join("http://a.com/dir/page", reference) == expected


@given(
    st.binary(min_size=1, max_size=40).filter(
        lambda name: b"/" not in name and b"\0" not in name and name not in {b".", b".."}
    )
)
def test_a_path_of_any_bytes_survives_the_way_through_an_address(name: bytes) -> None:
    path = Path("/tmp") / os.fsdecode(name)
    url = urls.from_path(path)
    assert url.isascii()
    assert urls.to_path(url) == path
    assert urls.canonical(url) == url


@given(st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name), st.integers(0, 10**17))
def test_a_name_of_any_bytes_inside_a_tar_survives_the_way_through_an_address(name: bytes, offset: int) -> None:
    path, text = Path("/tmp/a?b#c&member=x&offset=1.tar"), name.decode("utf-8", "surrogateescape")
    url = urls.from_member(path, text, offset)
    assert urls.canonical(url) == url
    assert urls.member_of(url) == (text, offset)
    assert urls.to_path(url) == path
    assert urls.member_of(urls.from_path(path)) is None


@given(st.text(max_size=100))
def test_what_is_no_address_keeps_its_reason(reason: str) -> None:
    url = urls.invalid(reason)
    assert url.isascii()
    assert urls.host_of(url) == ""
    kept = urls.invalid_reason(url)
    assert kept is not None
    assert kept == reason.encode("utf-8", "replace").decode()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://a.com/", "https://a.com/x", True),
        ("http://www.a.com/", "http://a.com/", True),
        ("http://a.com/", "http://b.a.com/", False),
        ("http://a.com/", "http://a.com:8080/", False),
        ("http://a.com/", "http://a.com.evil.org/", False),
    ],
)
def test_a_site_is_a_host_with_or_without_www(one: str, other: str, same: bool) -> None:
    assert urls.same_site(one, other) is same
