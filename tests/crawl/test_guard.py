"""Attacks on the guard. None may reach a private network, by whatever spelling, name, or redirect."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from artalike.crawl import guard as guard_module
from artalike.crawl.fetcher import Fetcher
from artalike.crawl.guard import AddressGuard, is_public
from artalike.errors import FailureKind, FetchError
from tests.crawl.attacks import MALFORMED, PRIVATE
from tests.crawl.conftest import settings_for, task_for
from tests.sites import Fault, LoopbackResolver, MisbehavingSite, Reply

GUARD = AddressGuard(allow_private=False)

PUBLIC = [
    "93.184.216.34",
    "8.8.8.8",
    "1.1.1.1",
    "172.32.0.1",
    "192.0.1.1",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:80b::200e",
    "::ffff:8.8.8.8",
    "2002:0808:0808::1",
    "64:ff9b::8.8.8.8",
]


@pytest.mark.parametrize("url", PRIVATE.values(), ids=PRIVATE.keys())
def test_a_literal_address_that_is_not_public_is_refused(url: str) -> None:
    with pytest.raises(FetchError) as caught:
        GUARD.check(url.format(port=8080))
    assert (caught.value.kind, caught.value.retryable) == (FailureKind.PRIVATE_ADDRESS, False)


@pytest.mark.parametrize("url", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(FetchError) as caught:
        GUARD.check(url.format(port=8080))
    # Some of these are read in two ways: by one as no address at all, by the other as a private one.
    assert caught.value.kind in {FailureKind.BAD_URL, FailureKind.PRIVATE_ADDRESS}
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    assert is_public(address)
    host = f"[{address}]" if ":" in address else address
    assert GUARD.check(f"http://{host}:8080/x").startswith("http://")


@pytest.mark.parametrize("url", ["https://example.com/x.jpg", "http://example.com:8080/", "http://bücher.example/"])
def test_names_and_web_ports_pass(url: str) -> None:
    assert GUARD.check(url).startswith("http")


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fd00::1"])
async def test_a_name_that_resolves_to_a_private_address_is_refused(site: MisbehavingSite, address: str) -> None:
    resolver = LoopbackResolver(site.port, {"innocent.test": [address]})
    async with Fetcher.open(settings_for(crawl={"allow_private": False}), resolver=resolver) as fetcher:
        for get in (fetcher.query, fetcher.document):
            with pytest.raises(FetchError) as caught:
                await get("http://innocent.test/x")
            assert (caught.value.kind, caught.value.retryable) == (FailureKind.PRIVATE_ADDRESS, False)
    assert resolver.asked == ["innocent.test"] * len(resolver.asked) != []
    assert not site.log


async def test_only_checked_addresses_of_several_are_handed_out() -> None:
    resolver = GUARD.resolver(LoopbackResolver(0, {"mixed.test": ["10.0.0.1", "93.184.216.34", "::1"]}))
    assert [answer["host"] for answer in await resolver.resolve("mixed.test", 80)] == ["93.184.216.34"]


async def test_the_connection_is_made_to_the_address_that_was_checked(
    site: MisbehavingSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that answers differently the second time is not asked a second time."""
    monkeypatch.setattr(guard_module, "is_public", lambda address: address == "127.0.0.1")
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])

    class Rebinding(LoopbackResolver):
        async def resolve(self, host: str, port: int = 0, family: int = 0):  # type: ignore[no-untyped-def]
            self._known = {host: next(answers)}
            return await super().resolve(host, self._port)

    monkeypatch.setattr(guard_module, "BAD_PORTS", frozenset())
    resolver = Rebinding(site.port)
    async with Fetcher.open(settings_for(crawl={"allow_private": False}), resolver=resolver) as fetcher:
        await fetcher.image(task_for(site.picture(0, root="http://rebinding.test")))
        await fetcher.image(task_for(site.picture(1, root="http://rebinding.test")))
    assert resolver.asked == ["rebinding.test"]


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:{port}/picture/0.jpg", "http://[::ffff:127.0.0.1]:{port}/x", "http://2130706433/x"]
)
async def test_each_hop_of_a_redirect_is_checked(
    site: MisbehavingSite, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    # The first host passes as if it were public; what it redirects to must not.
    monkeypatch.setattr(guard_module._GuardedResolver, "resolve", _unguarded)
    site.pages["/fault/private-redirect.jpg"] = Reply(
        b"", status=302, headers={"Location": target.format(port=site.port)}
    )
    async with Fetcher.open(
        settings_for(crawl={"allow_private": False}), resolver=LoopbackResolver(site.port)
    ) as fetcher:
        with pytest.raises(FetchError) as caught:
            await fetcher.image(task_for(site.url(Fault.PRIVATE_REDIRECT, root="http://public.test")))
    assert caught.value.kind is FailureKind.PRIVATE_ADDRESS
    assert [asked.path for asked in site.log] == ["/robots.txt", "/fault/private-redirect.jpg"]


async def test_a_redirected_robots_txt_is_checked_too(site: MisbehavingSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_module._GuardedResolver, "resolve", _unguarded)
    site.pages["/robots.txt"] = Reply(b"", status=301, headers={"Location": "http://169.254.169.254/robots.txt"})
    async with Fetcher.open(
        settings_for(crawl={"allow_private": False}), resolver=LoopbackResolver(site.port)
    ) as fetcher:
        with pytest.raises(FetchError) as caught:
            await fetcher.image(task_for("http://public.test/picture/0.jpg"))
    assert caught.value.kind is FailureKind.PRIVATE_ADDRESS


@given(st.text(alphabet="0123456789.xXaAbcdef:[]/@#?%\\;&。｡．①⑦⓪１ⓛ\t\n\u00ad -_", max_size=40))
@example("127.1")
@example("0x7f.0x1/")
def test_what_passes_is_no_private_address_to_the_c_library_either(text: str) -> None:
    try:
        url = GUARD.check(f"http://{text}")
    except FetchError:
        return
    parts = urlsplit(url)
    assert url.isascii()
    assert parts.username is None
    assert parts.hostname is not None
    assert URL(url, encoded=True).raw_host == parts.hostname  # both parsers agree on who is asked
    try:
        address = socket.inet_ntoa(socket.inet_aton(parts.hostname))
    except OSError:
        return  # a name, which is checked by what it resolves to
    assert is_public(address)


async def test_allow_private_lifts_the_check_but_not_the_one_for_schemes(site: MisbehavingSite) -> None:
    guard = AddressGuard(allow_private=True)
    assert guard.check(site.picture(0)) == site.picture(0)
    assert guard.check("http://localhost:6379/") == "http://localhost:6379/"
    for url in ("file:///etc/passwd", "http://user@localhost/", "ftp://localhost/"):
        with pytest.raises(FetchError):
            guard.check(url)


async def _unguarded(self, host, port=0, family=0):  # type: ignore[no-untyped-def]
    return await self._inner.resolve(host, port, family)
