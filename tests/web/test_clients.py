"""A client is counted by its own address, and cannot choose which."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from artalike.web.clients import Clients

PROXIES = [ip_network("10.0.0.0/8"), ip_network("127.0.0.1/32"), ip_network("fd00::/8")]


class Transport:
    def __init__(self, peer: str | None) -> None:
        self._peer = peer

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self._peer, 1234) if name == "peername" and self._peer else default


def key(peer: str | None, *headers: tuple[str, str], trusted: Any = PROXIES) -> str:
    request = make_mocked_request("GET", "/", headers=CIMultiDict(headers), transport=Transport(peer))
    return Clients(trusted).key(request)


@pytest.mark.parametrize(
    ("peer", "name"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, ""),
    ],
)
def test_without_a_proxy_the_peer_counts_and_what_it_says_does_not(peer: str | None, name: str) -> None:
    assert key(peer, ("X-Forwarded-For", "203.0.113.1"), ("Forwarded", "for=203.0.113.1"), trusted=()) == name
    assert key(peer, ("X-Forwarded-For", "203.0.113.1")) == name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("203.0.113.1", "203.0.113.1"),
        ("203.0.113.1:51000", "203.0.113.1"),
        ("[2001:db8::1]:51000", "2001:db8::/64"),
        ("2001:db8::1", "2001:db8::/64"),
        ("198.51.100.9, 203.0.113.1", "203.0.113.1"),
        ("198.51.100.9, 203.0.113.1, 10.0.0.2", "203.0.113.1"),
        ("10.0.0.3,10.0.0.2", "10.0.0.3"),
        ("203.0.113.1, unknown, 10.0.0.2", "10.0.0.2"),
        ("203.0.113.1, ", "127.0.0.1"),
        ("nonsense", "127.0.0.1"),
    ],
)
def test_a_chain_is_read_from_the_right_through_trusted_proxies(header: str, name: str) -> None:
    assert key("127.0.0.1", ("X-Forwarded-For", header)) == name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("for=203.0.113.1;proto=https", "203.0.113.1"),
        ('for="[2001:db8::1]:4711"', "2001:db8::/64"),
        ("for=198.51.100.9, For=203.0.113.1, for=10.0.0.2", "203.0.113.1"),
        ("for=203.0.113.1, for=_hidden", "127.0.0.1"),
        ("for=203.0.113.1, proto=https", "127.0.0.1"),
        ('for="203.0.113.1, for=198.51.100.9', "198.51.100.9"),
    ],
)
def test_so_is_the_standard_header(header: str, name: str) -> None:
    assert key("127.0.0.1", ("Forwarded", header)) == name


def test_lines_of_a_header_are_one_list() -> None:
    assert key("127.0.0.1", ("X-Forwarded-For", "198.51.100.9"), ("X-Forwarded-For", "203.0.113.1")) == "203.0.113.1"


def test_a_header_that_the_proxy_only_passes_on_names_nobody_else() -> None:
    ours, forged = ("X-Forwarded-For", "203.0.113.1"), ("Forwarded", "for=198.51.100.9")
    assert key("127.0.0.1", ours, forged) == "127.0.0.1"
    assert key("127.0.0.1", ours, ("Forwarded", "for=203.0.113.1")) == "203.0.113.1"
