"""The hosts that are asked, for people: how fast, by whose rules, and what waits for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from artalike.crawl.slots import HostState, Slots
from artalike.storage.ports import Frontier


async def active_hosts(
    slots: Slots, frontier: Frontier, held: Callable[[str], int], limit: int
) -> list[dict[str, Any]]:
    """Up to ``limit`` hosts as JSON values, those with most under way first; "" is this machine.

    ``held`` says how many tasks have been leased for a host and wait for it. ``rate``, ``delay`` and ``latency`` are
    null where there is none. Raises StorageError.
    """
    states = {state.host: state for state in slots.statistics()}
    # Of thousands of hosts in a wide crawl only those that matter are looked up.
    busiest = sorted(states, key=lambda host: (states[host].used, states[host].started), reverse=True)[:limit]
    waiting = dict(await frontier.waiting_hosts(limit, first=busiest))
    found = [_host(slots, host, states.get(host), waiting.get(host, 0) + held(host)) for host in {*busiest, *waiting}]
    return sorted(found, key=lambda host: (-host["used"], -host["waiting"], host["host"]))[:limit]


def _host(slots: Slots, host: str, state: HostState | None, waiting: int) -> dict[str, Any]:
    rule = slots.known_rule(host) if host else None
    rate = slots.rate(host)
    figures: dict[str, Any] = {
        "host": host,
        "waiting": waiting,
        "used": state.used if state else 0,
        "places": state.places if state else 1,
        "limit": state.limit if state else slots.limit(host),
        "rate": rate or None,
        "share": round(state.share, 3) if state else 1.0,
        "pause": round(state.pause, 3) if state else (1 / rate if rate else 0.0),
        "rest": round(state.rest, 3) if state else 0.0,
        "closed": round(state.closed, 3) if state else 0.0,
        "delay": (state.delay or None) if state else None,
        "latency": (round(state.latency, 3) or None) if state else None,
        "requests": state.started if state else 0,
        "rule": None,
    }
    if rule is not None and rule.limits:
        figures["rule"] = {"rate": rule.rate, "concurrency": rule.concurrency, "source": rule.source}
    return figures
