"""Which addresses may be asked at all: the web's, and none of a private network or of this machine.

A name is checked by what it resolves to, and the connection is made to the very addresses that were checked: there is
no second look-up that an attacker's name server could answer differently (DNS rebinding).
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

from artalike.crawl import urls
from artalike.errors import FailureKind, FetchError

BAD_PORTS: Final = frozenset({
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
    110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531,
    532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3306, 3389, 3659, 4045,
    4190, 5060, 5061, 5432, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9200, 10080, 11211, 27017,
})  # fmt: skip
"""Ports of other services: the Fetch standard's list of bad ports, and the common databases."""

# Networks that carry an IPv4 address inside, and how many bits stand behind it.
_CARRIERS: Final = (
    (IPv6Network("::/96"), 0),  # IPv4-compatible, RFC 4291
    (IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped, RFC 4291
    (IPv6Network("::ffff:0:0:0/96"), 0),  # IPv4-translated, RFC 2765
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64, RFC 6052
    (IPv6Network("2002::/16"), 80),  # 6to4, RFC 3056
)
# What `is_global` of one Python or another lets pass although it is nobody's public web server.
_NOT_PUBLIC_4: Final = (
    IPv4Network("168.63.129.16/32"),  # Azure's platform, from inside every virtual machine
    IPv4Network("192.0.0.0/24"),  # protocol assignments, RFC 6890; Oracle's metadata service is in it
    IPv4Network("192.88.99.0/24"),  # 6to4 relays, RFC 7526
)
_GLOBAL_UNICAST_6: Final = IPv6Network("2000::/3")  # all that IANA has given out, RFC 4291
_NOT_PUBLIC_6: Final = (
    IPv6Network("2001::/23"),  # protocol assignments, with Teredo, RFC 2928
    IPv6Network("3fff::/20"),  # documentation, RFC 9637
)
_ISATAP: Final = (0x00005EFE, 0x02005EFE)  # RFC 5214: the interface identifier ends in an IPv4 address


def is_public(address: str) -> bool:
    """Whether an IP address is of a public host; the IPv4 address inside an IPv6 one counts, too."""
    try:
        return _is_public(ip_address(address))
    except ValueError:
        return False


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and not any(address in net for net in _NOT_PUBLIC_4)
    for network, behind in _CARRIERS:
        if address in network:
            return _is_public(IPv4Address(int(address) >> behind & 0xFFFFFFFF))
    if int(address) >> 32 & 0xFFFFFFFF in _ISATAP and not _is_public(IPv4Address(int(address) & 0xFFFFFFFF)):
        return False
    if address.scope_id is not None or any(address in network for network in _NOT_PUBLIC_6):
        return False
    return address.is_global and address in _GLOBAL_UNICAST_6


class AddressGuard:
    """Lets addresses of the public web pass; with ``allow_private`` those of every network."""

    def __init__(self, *, allow_private: bool) -> None:
        self.allow_private = allow_private

    def check(self, url: str) -> str:
        """The canonical spelling of a web address that may be asked.

        A host that is a name is not looked up here; that is for :meth:`resolver`.
        Raises FetchError: BAD_URL, or PRIVATE_ADDRESS for a literal address that is not public.
        """
        shown = f"{url[:200]!r}"
        try:
            url = urls.canonical(url)
        except ValueError as error:
            raise FetchError(FailureKind.BAD_URL, f"{shown}: {error}") from error
        if not urls.is_web(url):
            raise FetchError(FailureKind.BAD_URL, f"{shown}: not an http or https address")
        parts = urlsplit(url)
        if parts.port in BAD_PORTS and not self.allow_private:
            raise FetchError(FailureKind.BAD_URL, f"{shown}: port {parts.port} is not one of a web server")
        host = parts.hostname or ""
        if _is_literal(host) and not self.allows(host):
            raise _private(host)
        return url

    def allows(self, address: str) -> bool:
        """Whether a connection to this IP address may be made."""
        return self.allow_private or is_public(address)

    def resolver(self, inner: AbstractResolver) -> AbstractResolver:
        """``inner``, handing out only addresses that may be connected to."""
        return _GuardedResolver(self, inner)


class _GuardedResolver(AbstractResolver):
    def __init__(self, guard: AddressGuard, inner: AbstractResolver) -> None:
        self._guard = guard
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises FetchError, PRIVATE_ADDRESS, when no address of the host is public; OSError when it has none."""
        found = await self._inner.resolve(host, port, family)
        allowed = [answer for answer in found if self._guard.allows(answer["host"])]
        if found and not allowed:
            raise _private(host)
        return allowed

    async def close(self) -> None:
        await self._inner.close()


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _private(host: str) -> FetchError:
    return FetchError(
        FailureKind.PRIVATE_ADDRESS,
        f"{host}: leads into a private network; expected a public address, or crawl.allow_private = true",
    )
