from __future__ import annotations

import json
from typing import Any

import pytest

from artalike.web import schemas
from tests.fakes import make_services
from tests.web.conftest import BEARER, Client, Serve


async def ask(client: Client, method: str, url: str, status: int, **options: Any) -> dict[str, Any]:
    async with client.request(method, url, headers=BEARER, **options) as response:
        assert response.status == status, await response.text()
        answer: dict[str, Any] = await response.json(content_type=None) if status != 204 else {}
        return answer


async def test_an_image_is_taken_down_once(serve: Serve) -> None:
    fake = make_services(3)
    client = await serve(fake)
    await ask(client, "DELETE", "/api/admin/images/2?reason=asked", 204)
    assert "no image 2" in (await ask(client, "DELETE", "/api/admin/images/2", 404))["detail"]
    for nonsense in ("0", "x", "99999999999999999999", "2e1"):
        await ask(client, "DELETE", f"/api/admin/images/{nonsense}", 404)
    assert sorted(fake.images.by_id) == [1, 3]


async def test_an_address_leads_to_an_id(serve: Serve) -> None:
    client = await serve(make_services(3))
    assert await ask(client, "GET", "/api/admin/images?url=https://museum.example/2.jpg", 200) == {"id": 2}
    await ask(client, "GET", "/api/admin/images?url=https://museum.example/9.jpg", 404)
    await ask(client, "GET", "/api/admin/images", 400)


async def test_a_block_is_added_listed_and_lifted(serve: Serve) -> None:
    fake = make_services(3)
    client = await serve(fake)
    assert await ask(client, "GET", "/api/admin/blocks/preview?kind=host&value=Museum.example", 200) == {"images": 3}
    body = {"kind": "host", "value": "Museum.example", "reason": "asked"}
    added = await ask(client, "POST", "/api/admin/blocks", 201, json=body)
    schemas.NewBlock.model_validate_json(json.dumps(added), strict=True)
    assert (added.pop("removed"), added["value"], added["reason"]) == (3, "museum.example", "asked")
    assert (await ask(client, "GET", "/api/admin/blocks", 200))["results"] == [added]
    await ask(client, "DELETE", f"/api/admin/blocks/{added['id']}", 204)
    await ask(client, "DELETE", f"/api/admin/blocks/{added['id']}", 404)
    assert (await ask(client, "GET", "/api/admin/blocks", 200))["results"] == []


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "kind: missing; expected"),
        ({"kind": "host"}, "value: missing; expected"),
        ({"kind": "planet", "value": "x"}, """kind = 'planet': expected "host", "url", "sha256" or "phash\""""),
        ({"kind": "host", "value": "https://a.example/"}, "expected a host, such as"),
        ({"kind": "url", "value": "https://*"}, "expected more than wildcards"),
        ({"kind": "sha256", "value": "12"}, "expected 64 hexadecimal digits"),
        ({"kind": "phash", "value": "é" * 16}, "expected 16 hexadecimal digits"),
        ({"kind": "host", "value": ""}, "value = ''"),
        ({"kind": "host", "value": "a.example", "reason": "x" * 501}, "reason = "),
        ({"kind": "host", "value": "a.example", "until": 1}, "until: unknown key"),
    ],
)
async def test_a_wrong_block_is_refused_with_one_line(serve: Serve, body: dict[str, str], named: str) -> None:
    fake = make_services(1)
    detail = (await ask(await serve(fake), "POST", "/api/admin/blocks", 400, json=body))["detail"]
    assert named in detail
    assert "\n" not in detail
    assert fake.removal.blocks.all() == []


async def test_open_galleries_are_told(serve: Serve) -> None:
    client = await serve(make_services(3))
    async with client.get("/api/events") as stream:
        await ask(client, "DELETE", "/api/admin/images/2", 204)
        while await stream.content.readline() != b"event: removed\n":
            pass
        assert await stream.content.readline() == b'data: {"id":2}\n'
