"""Every attack by every way that leads to a fetch. None may connect: a victim listens, and the process is watched.

An audit hook of the interpreter sees each connection that any code of this process tries to make, wherever it leads.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

import pytest

from artalike.crawl import dns
from artalike.crawl import guard as guard_module
from artalike.crawl.fetcher import Fetcher
from artalike.errors import FailureKind, FetchError
from artalike.records import IMAGE_KIND, Task
from tests.crawl.attacks import MALFORMED, NAMES, PRIVATE
from tests.crawl.conftest import settings_for, task_for
from tests.sites import LoopbackResolver

PUBLIC: Final = "127.0.0.9"
"""The one address that counts as public here. A site listens there that redirects to wherever it is told."""
SITE: Final = "public.test"
LOCAL_SCHEMES: Final = ("file:", "FILE:")

_watched: list[list[Any]] = []


def _see(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        for seen in _watched:
            seen.append(arguments[1])


sys.addaudithook(_see)


@pytest.fixture
def connections() -> Iterator[list[Any]]:
    """Where this process has tried to connect to, since the test began."""
    seen: list[Any] = []
    _watched.append(seen)
    yield seen
    _watched.remove(seen)


class Listener:
    """Counts who connects, and answers with a redirect to ``target``, or with a picture that nobody must get."""

    def __init__(self) -> None:
        self.connected = 0
        self.port = 0
        self.status = 302
        self.target: str | None = None
        self.robots: str | None = None
        self.heads: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        location = self.robots if head.startswith(b"GET /robots.txt") else self.target
        if location is None:
            status = b"404 Not Found" if head.startswith(b"GET /robots.txt") else b"200 OK"
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret")
        else:
            place = location.encode("utf-8", "surrogateescape")
            writer.write(b"HTTP/1.1 %d Go\r\nLocation: %b\r\n" % (self.status, place))
            writer.write(b"Set-Cookie: a=b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@pytest.fixture
async def victim() -> AsyncIterator[Listener]:
    """Listens on all of loopback but the public address."""
    victim = Listener()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(await asyncio.start_server(victim, "127.0.0.1", 0))
        victim.port = server.sockets[0].getsockname()[1]
        for host in ("127.0.0.53", *(["::1"] if socket.has_ipv6 else [])):
            try:
                await stack.enter_async_context(await asyncio.start_server(victim, host, victim.port))
            except OSError:  # a machine without IPv6 has nothing to lose by it
                continue
        yield victim


@pytest.fixture
async def site(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Listener]:
    """A site on the web that means ill."""
    site, real = Listener(), guard_module.is_public
    monkeypatch.setattr(guard_module, "is_public", lambda address: address == PUBLIC or real(address))
    async with await asyncio.start_server(site, PUBLIC, 0) as server:
        site.port = server.sockets[0].getsockname()[1]
        yield site


@pytest.fixture
def names(site: Listener, victim: Listener) -> LoopbackResolver:
    """Leads the site's name to it, every other to the victim; some lead elsewhere."""
    return LoopbackResolver(victim.port, {SITE: [PUBLIC]})


class Answers(dict[str, list[str] | None]):
    """A name server that gives the same addresses for every name but the site's."""

    def __init__(self, addresses: list[str]) -> None:
        super().__init__({SITE: [PUBLIC]})
        self._addresses = addresses

    def __contains__(self, host: object) -> bool:
        return True

    def __missing__(self, host: str) -> list[str]:
        return self._addresses


def known(names: LoopbackResolver, answers: Mapping[str, list[str] | None]) -> LoopbackResolver:
    names._known = {**names._known, **answers}
    return names


async def refused(fetcher: Fetcher, url: str) -> list[FetchError]:
    """How each way of fetching refuses an address."""
    ways = [fetcher.query(url)]
    if not url.startswith(LOCAL_SCHEMES):  # a file that a person has handed in may be read
        ways += [fetcher.image(_task(url)), fetcher.document(url), fetcher.sitemaps(url)]  # type: ignore[list-item]
    errors = []
    for way in ways:
        with pytest.raises(FetchError) as caught:
            await way
        errors.append(caught.value)
    return errors


def _task(url: str) -> Task:
    try:
        return task_for(url)
    except ValueError:  # a host that cannot even be read
        return Task(1, 1, url, IMAGE_KIND, url, "")


DIRECT: Final = PRIVATE | MALFORMED


def test_the_attacks_are_many_and_different() -> None:
    assert len(PRIVATE) + len(MALFORMED) + len(NAMES) > 180
    assert len(set(DIRECT.values())) == len(DIRECT) == len(PRIVATE) + len(MALFORMED)


@pytest.mark.parametrize("attack", DIRECT.values(), ids=DIRECT.keys())
async def test_no_address_connects(
    victim: Listener, names: LoopbackResolver, connections: list[Any], attack: str
) -> None:
    async with Fetcher.open(settings_for(crawl={"allow_private": False}), resolver=names) as fetcher:
        for error in await refused(fetcher, attack.format(port=victim.port)):
            assert error.kind in {FailureKind.PRIVATE_ADDRESS, FailureKind.BAD_URL}
            assert not error.retryable
            assert len(str(error)) < 1000
    assert (connections, victim.connected, names.asked) == ([], 0, [])


@pytest.mark.parametrize(("url", "addresses"), NAMES.values(), ids=NAMES.keys())
async def test_no_name_connects(
    victim: Listener, names: LoopbackResolver, connections: list[Any], url: str, addresses: list[str]
) -> None:
    names._known = Answers(addresses)
    async with Fetcher.open(settings_for(crawl={"allow_private": False}), resolver=names) as fetcher:
        for error in await refused(fetcher, url.format(port=victim.port)):
            assert error.kind is (FailureKind.PRIVATE_ADDRESS if addresses else FailureKind.DNS)
    assert (connections, victim.connected) == ([], 0)


@pytest.mark.parametrize("attack", DIRECT.values(), ids=DIRECT.keys())
async def test_no_redirect_connects_anywhere_else(
    site: Listener, victim: Listener, names: LoopbackResolver, connections: list[Any], attack: str
) -> None:
    site.target = attack.format(port=victim.port)
    url = f"http://{SITE}:{site.port}/x.jpg"
    async with Fetcher.open(settings_for(crawl={"allow_private": False}), resolver=names) as fetcher:
        for get in (fetcher.query(url), fetcher.image(task_for(url)), fetcher.document(url)):
            # What is no address of its own is one of the site's, which redirects once more.
            with pytest.raises(FetchError):
                await get
    assert set(connections) == {(PUBLIC, site.port)}
    assert victim.connected == 0
    assert not any(b"ookie" in head for head in site.heads)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("name", ["loopback", "decimal", "IPv4-mapped", "NAT64 of loopback", "link-local metadata"])
async def test_no_status_of_a_redirect_connects_anywhere_else(
    site: Listener, victim: Listener, names: LoopbackResolver, connections: list[Any], status: int, name: str
) -> None:
    site.status = status
    site.target = PRIVATE[name].format(port=victim.port)
    url = f"http://{SITE}:{site.port}/x.jpg"
    async with Fetcher.open(settings_for(crawl={"allow_private": False}), resolver=names) as fetcher:
        for get in (fetcher.query(url), fetcher.image(task_for(url)), fetcher.document(url)):
            with pytest.raises(FetchError) as caught:
                await get
            assert caught.value.kind is FailureKind.PRIVATE_ADDRESS
    assert set(connections) == {(PUBLIC, site.port)}
    assert victim.connected == 0


@pytest.mark.parametrize(("url", "addresses"), NAMES.values(), ids=NAMES.keys())
async def test_no_redirect_to_a_name_connects_anywhere_else(
    site: Listener, victim: Listener, names: LoopbackResolver, connections: list[Any], url: str, addresses: list[str]
) -> None:
    names._known = Answers(addresses)
    site.target = url.format(port=victim.port)
    start = f"http://{SITE}:{site.port}/x.jpg"
    async with Fetcher.open(settings_for(crawl={"allow_private": False}), resolver=names) as fetcher:
        for get in (fetcher.query(start), fetcher.image(task_for(start)), fetcher.document(start)):
            with pytest.raises(FetchError):
                await get
    assert set(connections) == {(PUBLIC, site.port)}
    assert victim.connected == 0


@pytest.mark.parametrize("name", ["loopback", "decimal", "IPv6 loopback", "file", "gopher", "link-local metadata"])
async def test_no_robots_txt_leads_anywhere_else(
    site: Listener, victim: Listener, names: LoopbackResolver, connections: list[Any], name: str
) -> None:
    site.robots = DIRECT[name].format(port=victim.port)
    url = f"http://{SITE}:{site.port}/x.jpg"
    async with Fetcher.open(settings_for(crawl={"allow_private": False}), resolver=names) as fetcher:
        for get in (fetcher.sitemaps(url), fetcher.image(task_for(url))):
            with pytest.raises(FetchError):
                await get
    assert set(connections) == {(PUBLIC, site.port)}
    assert [head.split(b" ")[1] for head in site.heads] == [b"/robots.txt"]


async def test_of_mixed_answers_only_the_public_ones_are_connected_to(
    site: Listener, victim: Listener, names: LoopbackResolver, connections: list[Any]
) -> None:
    mixed = known(names, {"mixed.test": ["10.0.0.1", "::1", "127.0.0.1", PUBLIC, "::ffff:127.0.0.1"]})
    async with Fetcher.open(settings_for(crawl={"allow_private": False}), resolver=mixed) as fetcher:
        assert await fetcher.query(f"http://mixed.test:{site.port}/") == b"secret"
    assert connections == [(PUBLIC, site.port)]


async def test_of_mixed_answers_none_is_tried_when_the_public_one_is_down(
    site: Listener, victim: Listener, names: LoopbackResolver, connections: list[Any]
) -> None:
    mixed = known(names, {"mixed.test": ["127.0.0.1", PUBLIC]})
    async with Fetcher.open(settings_for(crawl={"allow_private": False}), resolver=mixed) as fetcher:
        with pytest.raises(FetchError):
            await fetcher.query(f"http://mixed.test:{victim.port}/")
    assert (connections, victim.connected) == ([(PUBLIC, victim.port)], 0)


async def test_a_name_that_changes_between_check_and_use_is_not_asked_for_again(
    site: Listener, victim: Listener, monkeypatch: pytest.MonkeyPatch, connections: list[Any]
) -> None:
    """The answer that was checked is connected to; the next answer is checked before the next connection."""
    monkeypatch.setattr(dns, "FOUND_SECONDS", 0.0)
    asked = 0

    class Rebinding(LoopbackResolver):
        async def resolve(self, host: str, port: int = 0, family: int = 0):  # type: ignore[no-untyped-def]
            nonlocal asked
            asked += 1
            self._known = {host: [PUBLIC if asked == 1 else "127.0.0.1"]}
            return await super().resolve(host, port)

    async with Fetcher.open(settings_for(crawl={"allow_private": False}), resolver=Rebinding(0)) as fetcher:
        assert await fetcher.query(f"http://rebinding.test:{site.port}/") == b"secret"
        assert asked == 1
        for _ in range(3):
            with pytest.raises(FetchError) as caught:
                await fetcher.query(f"http://rebinding.test:{victim.port}/")
            assert caught.value.kind is FailureKind.PRIVATE_ADDRESS
    assert (connections, victim.connected) == ([(PUBLIC, site.port)], 0)


async def test_no_proxy_of_the_environment_is_used(
    site: Listener, victim: Listener, names: LoopbackResolver, connections: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{victim.port}")
    async with Fetcher.open(settings_for(crawl={"allow_private": False}), resolver=names) as fetcher:
        await fetcher.query(f"http://{SITE}:{site.port}/")
    assert connections == [(PUBLIC, site.port)]


async def test_the_watch_sees_what_is_allowed(victim: Listener, connections: list[Any]) -> None:
    """Else all of the above would prove nothing."""
    async with Fetcher.open(settings_for()) as fetcher:
        assert await fetcher.query(PRIVATE["decimal"].format(port=victim.port)) == b"secret"
    assert (connections, victim.connected) == ([("127.0.0.1", victim.port)], 1)
