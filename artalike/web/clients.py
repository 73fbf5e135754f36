"""Who asks: the address that a client is counted by, also behind proxies that the settings name.

A proxy appends the address that it was asked from to ``X-Forwarded-For`` or to ``Forwarded`` (RFC 7239). Anybody can
send either, so they are read from the right, and only as far as trusted proxies have written them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from aiohttp import web

FORWARDED_FOR: Final = "X-Forwarded-For"
PREFIX: Final = 64
"""Bits of an IPv6 address that one household or server is given (RFC 6177); it picks the others as it likes."""

Address = IPv4Address | IPv6Address


class Clients:
    """Names clients. ``trusted`` are the networks of proxies whose word is taken."""

    def __init__(self, trusted: Iterable[IPv4Network | IPv6Network] = ()) -> None:
        self._trusted = tuple(trusted)

    def key(self, request: web.BaseRequest) -> str:
        """The client's IPv4 address or IPv6 network; empty where there is no address, as at a Unix socket.

        A chain that is broken, or two headers that tell of different clients, count for the proxy that sent them.
        """
        peer = parsed(request.remote or "")
        if peer is None:
            return ""
        if not self._trusts(peer):
            return _named(peer)
        told = {
            self._farthest(peer, hops)
            for hops in (_forwarded_for(request), [hop.get("for", "") for hop in request.forwarded])
            if hops
        }
        return _named(told.pop() if len(told) == 1 else peer)

    def _farthest(self, peer: Address, hops: Sequence[str]) -> Address:
        for text in reversed(hops):
            hop = parsed(text)
            if hop is None:
                break
            peer = hop
            if not self._trusts(hop):
                break
        return peer

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def parsed(text: str) -> Address | None:
    """An address with or without a port, as the two headers write them; None for anything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _forwarded_for(request: web.BaseRequest) -> list[str]:
    return [hop for line in request.headers.getall(FORWARDED_FOR, ()) for hop in line.split(",")]


def _named(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, PREFIX), strict=False))
