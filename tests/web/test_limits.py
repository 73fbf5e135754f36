"""What costs the server work has a rate for each client."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from artalike.web import limits
from artalike.web.auth import FAILURES_MOST
from artalike.web.clients import Clients
from artalike.web.limits import Limits
from tests.fakes import make_services
from tests.web.conftest import Client, Serve
from tests.web.test_api import pictures

PROXY = {"trusted_proxies": (ip_network("127.0.0.1"),)}


def from_client(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


async def upload(client: Client, **options: Any) -> int:
    async with client.post("/api/search", data=pictures(b"image 1"), **options) as response:
        if response.status == 429:
            assert response.content_type == "application/problem+json"
            assert 0 < int(response.headers["Retry-After"]) <= 60
        return response.status


async def test_uploads_beyond_the_rate_are_told_when_to_come_again(serve: Serve) -> None:
    client = await serve(make_services(3, gallery={"queries_per_minute": 2}))
    assert [await upload(client) for _ in range(3)] == [200, 200, 429]


async def test_the_limit_can_be_lifted(serve: Serve) -> None:
    client = await serve(make_services(3, gallery={"queries_per_minute": 0}))
    assert {await upload(client) for _ in range(100)} == {200}


async def test_what_is_in_the_collection_may_be_asked_for_at_any_rate(serve: Serve) -> None:
    fake = make_services(3, gallery={"queries_per_minute": 1})
    client = await serve(fake)
    for url in ("/api/search?id=1", f"/api/search?url={fake.images.by_id[1].url}", "/api/random") * 3:
        async with client.get(url) as response:
            assert response.status == 200
    for _ in range(3):
        async with client.post("/api/search", json={"like": [1, 2], "unlike": [3]}) as response:
            assert response.status == 200


async def test_texts_count_in_json_too(serve: Serve) -> None:
    client = await serve(make_services(3, gallery={"queries_per_minute": 1}))
    for status in (200, 429):
        async with client.post("/api/search", json={"like": [{"text": "waves"}]}) as response:
            assert response.status == status


async def test_fetched_addresses_count_before_they_are_fetched(serve: Serve) -> None:
    asked = []

    async def fetch(url: str) -> bytes:
        asked.append(url)
        return b"image 1"

    fake = make_services(3, fetch_query=fetch, gallery={"queries_per_minute": 1, "fetch_queries": True})
    client = await serve(fake)
    for number, status in ((1, 200), (2, 429)):
        async with client.get(f"/api/search?url=https://elsewhere.example/{number}") as response:
            assert response.status == status
    assert asked == ["https://elsewhere.example/1"]


async def test_clients_behind_a_trusted_proxy_are_told_apart(serve: Serve) -> None:
    client = await serve(make_services(3, server=PROXY, gallery={"queries_per_minute": 1}))
    first, second = from_client("203.0.113.1"), from_client("203.0.113.2")
    assert [await upload(client, headers=headers) for headers in (first, second, first)] == [200, 200, 429]


async def test_a_client_that_names_another_is_counted_all_the_same(serve: Serve) -> None:
    client = await serve(make_services(3, gallery={"queries_per_minute": 1}))
    assert [await upload(client, headers=from_client(f"203.0.113.{n}")) for n in (1, 2)] == [200, 429]


async def test_wrong_tokens_count_for_the_client_and_not_for_the_proxy(serve: Serve) -> None:
    client = await serve(make_services(server=PROXY))

    async def guess(address: str) -> int:
        headers = from_client(address) | {"Authorization": "Bearer wrong"}
        async with client.get("/api/admin/seeds", headers=headers) as response:
            return response.status

    assert {await guess("203.0.113.1") for _ in range(FAILURES_MOST)} == {401}
    assert await guess("203.0.113.1") == 429
    assert await guess("203.0.113.2") == 401


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def allowed(counted: Limits, peer: str = "203.0.113.1") -> bool:
    class Transport:
        def get_extra_info(self, name: str, default: Any = None) -> Any:
            return (peer, 1) if name == "peername" else default

    try:
        counted.spend(make_mocked_request("POST", "/", transport=Transport()))
    except web.HTTPTooManyRequests:
        return False
    return True


def test_a_bucket_fills_again_at_its_rate_and_never_above_a_minutes_worth() -> None:
    clock = Clock()
    counted = Limits(Clients(), 6, now=clock)
    assert [allowed(counted) for _ in range(8)] == [True] * 6 + [False] * 2
    clock.seconds += 9.9
    assert not allowed(counted)
    clock.seconds += 0.2
    assert [allowed(counted), allowed(counted)] == [True, False]
    clock.seconds += 1000
    assert [allowed(counted) for _ in range(7)] == [True] * 6 + [False]


def test_only_so_many_clients_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CLIENTS_MOST", 2)
    counted = Limits(Clients(), 1, now=Clock())
    assert allowed(counted, "203.0.113.1")
    assert allowed(counted, "203.0.113.2")
    assert not allowed(counted, "203.0.113.1")  # heard of again, so the other is forgotten first
    assert allowed(counted, "203.0.113.3")
    assert not allowed(counted, "203.0.113.1")
    assert allowed(counted, "203.0.113.2")
