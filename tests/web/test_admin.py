from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp.test_utils import make_mocked_request

from artalike.records import SeedState
from artalike.web import schemas
from artalike.web.auth import COOKIE, FAILURES_MOST, SESSION_SECONDS, Auth
from artalike.web.openapi import OPERATIONS
from tests.fakes import TOKEN, make_services
from tests.web.conftest import BEARER, Client, Serve

SOURCE = "https://museum.example/list.txt"
CALLS = [(call.method, call.path.replace("{id}", "1")) for call in OPERATIONS if call.path.startswith("/api/admin/")]


async def ask(client: Client, method: str, url: str, status: int = 200, **options: Any) -> dict[str, Any]:
    options.setdefault("headers", BEARER)
    async with client.request(method, url, **options) as response:
        assert response.status == status, await response.text()
        answer: dict[str, Any] = await response.json(content_type=None) if status != 204 else {}
        return {**answer, "headers": response.headers}


async def sign_in(client: Client) -> None:
    await ask(client, "POST", "/admin/session", 204, json={"token": TOKEN}, headers={})


@pytest.mark.parametrize(("method", "url"), CALLS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer \udcff\udcfe"},
        {"Cookie": f"{COOKIE}=9999999999.{'0' * 64}"},
        {"Cookie": f"{COOKIE}={TOKEN}"},
    ],
    ids=["nothing", "no token", "wrong", "longer", "basic", "no text", "forged", "token as cookie"],
)
async def test_no_admin_call_works_without_the_token(
    serve: Serve, method: str, url: str, headers: dict[str, str]
) -> None:
    fake = make_services(3)
    client = await serve(fake)
    await fake.frontier.add_seed(await fake.services.detect(SOURCE, None, {}), SOURCE, {})
    answer = await ask(client, method, url, 401, headers=headers)
    assert answer["headers"]["WWW-Authenticate"].startswith("Bearer")
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert fake.woken == 0


async def test_a_source_is_handed_in_and_followed(serve: Serve) -> None:
    fake = make_services()
    client = await serve(fake)
    seed = await ask(client, "POST", "/api/admin/seeds", 202, json={"source": SOURCE, "options": {"depth": 2}})
    assert fake.woken == 1
    shown = await ask(client, "GET", seed.pop("headers")["Location"])
    shown.pop("headers")
    assert shown == seed
    schemas.Seed.model_validate_json(json.dumps(seed), strict=True)
    assert (seed["source"], seed["kind"], seed["options"], seed["state"]) == (SOURCE, "list", {"depth": 2}, "running")
    assert (await ask(client, "GET", "/api/admin/seeds"))["results"] == [seed]


async def test_a_kind_can_be_named(serve: Serve) -> None:
    seed = await ask(
        await serve(make_services()), "POST", "/api/admin/seeds", 202, json={"source": SOURCE, "kind": "page"}
    )
    assert seed["kind"] == "page"


async def test_a_seed_is_paused_resumed_and_cancelled(serve: Serve) -> None:
    fake = make_services()
    client = await serve(fake)
    await ask(client, "POST", "/api/admin/seeds", 202, json={"source": SOURCE})
    for state in ("paused", "running"):
        assert (await ask(client, "PATCH", "/api/admin/seeds/1", json={"state": state}))["state"] == state
    assert (await ask(client, "DELETE", "/api/admin/seeds/1"))["state"] == "cancelled"
    assert fake.frontier.by_id[1].state is SeedState.CANCELLED
    await ask(client, "PATCH", "/api/admin/seeds/1", 400, json={"state": "running"})


async def test_a_change_that_is_refused_changes_nothing(serve: Serve) -> None:
    fake = make_services()
    client = await serve(fake)
    await ask(client, "POST", "/api/admin/seeds", 202, json={"source": SOURCE})
    await ask(client, "DELETE", "/api/admin/seeds/1")
    before = fake.frontier.by_id[1]
    await ask(client, "PATCH", "/api/admin/seeds/1", 400, json={"rate": 2, "recrawl": "1h", "state": "running"})
    await ask(client, "PATCH", "/api/admin/seeds/1", 400, json={"rate": 2, "recrawl": "999999999d"})
    assert fake.frontier.by_id[1] == before


async def test_what_a_source_would_be_is_told_and_nothing_is_started(serve: Serve) -> None:
    fake = make_services()
    client = await serve(fake)
    detected = await ask(client, "GET", f"/api/admin/detect?source={SOURCE}")
    del detected["headers"]
    assert detected == schemas.Detected.model_validate(detected).model_dump()
    assert (detected["kind"], detected["url"], detected["options"]) == ("list", SOURCE, ["url_col"])
    assert (await ask(client, "GET", f"/api/admin/detect?source={SOURCE}&kind=page"))["yields"] == "its pictures"
    await ask(client, "GET", "/api/admin/detect?source=gopher:old", 400)
    assert not fake.frontier.by_id
    assert fake.woken == 0


async def test_a_seed_that_is_over_is_read_again(serve: Serve) -> None:
    fake = make_services()
    client = await serve(fake)
    await ask(client, "POST", "/api/admin/seeds", 202, json={"source": SOURCE})
    answer = await ask(client, "POST", "/api/admin/seeds/1/recrawl", 400)
    assert answer["detail"] == "seed 1: it is running; expected one that is done or has failed"
    fake.frontier.by_id[1] = replace(fake.frontier.by_id[1], state=SeedState.DONE)
    seed = await ask(client, "POST", "/api/admin/seeds/1/recrawl", 202)
    assert (seed["state"], seed["crawl"]) == ("running", 2)
    assert fake.woken == 2
    await ask(client, "POST", "/api/admin/seeds/7/recrawl", 404)


async def test_the_last_images_of_a_seed_are_shown(serve: Serve) -> None:
    fake = make_services(5)
    client = await serve(fake)
    await ask(client, "POST", "/api/admin/seeds", 202, json={"source": SOURCE})
    fake.images.by_id[5] = replace(fake.images.by_id[5], source="elsewhere")
    answer = await ask(client, "GET", "/api/admin/seeds/1/images?limit=3")
    assert [image["id"] for image in answer["results"]] == [4, 3, 2]
    await ask(client, "GET", "/api/admin/seeds/9/images", 404)
    await ask(client, "GET", "/api/admin/seeds/1/images?limit=0", 400)


async def test_hosts_are_as_many_as_asked_for(serve: Serve) -> None:
    fake = make_services()
    client = await serve(fake)
    fake.hosts = [{"host": f"{number}.example"} for number in range(60)]
    assert len((await ask(client, "GET", "/api/admin/hosts"))["results"]) == 50
    assert len((await ask(client, "GET", "/api/admin/hosts?limit=7"))["results"]) == 7
    await ask(client, "GET", "/api/admin/hosts?limit=1000", 400)


async def test_failures_are_grouped_and_tried_again(serve: Serve) -> None:
    fake = make_services()
    client = await serve(fake)
    [group] = (await ask(client, "GET", "/api/admin/failures"))["results"]
    assert group == {
        "kind": "timeout",
        "count": 3,
        "worth_retrying": True,
        "example_url": "https://slow.example/1.jpg",
        "example_detail": "no answer in 20 s",
        "last_at": "2025-10-09T08:53:20.000Z",
    }
    assert (await ask(client, "GET", "/api/admin/failures?seed=7"))["results"] == []
    assert (await ask(client, "POST", "/api/admin/failures/retry", json={"kind": "timeout"}))["retried"] == 3
    await ask(client, "POST", "/api/admin/failures/retry")
    assert fake.frontier.retried == [("timeout", None), (None, None)]
    assert fake.woken == 2


async def test_a_snapshot_is_written_on_demand(serve: Serve) -> None:
    assert (await ask(await serve(make_services(5)), "POST", "/api/admin/snapshot"))["size"] == 5


@pytest.mark.parametrize(
    ("method", "url", "body", "status", "named"),
    [
        ("POST", "/api/admin/seeds", b"", 400, "source: missing"),
        ("POST", "/api/admin/seeds", b"{", 400, "body: expected JSON"),
        ("POST", "/api/admin/seeds", b"\xff\xfe", 400, "body: expected JSON"),
        ("POST", "/api/admin/seeds", b"[]", 400, "body = []"),
        ("POST", "/api/admin/seeds", b"[" * 60_000, 400, "body"),
        ("POST", "/api/admin/seeds", b'{"source": 3}', 400, "source = 3: expected"),
        ("POST", "/api/admin/seeds", b'{"source": ""}', 400, "source = ''"),
        ("POST", "/api/admin/seeds", b'{"source": "\\ud800"}', 400, "body: expected JSON"),
        ("POST", "/api/admin/seeds", b'{"source": "nonsense"}', 400, "expected one of: list, page"),
        (
            "POST",
            "/api/admin/seeds",
            b'{"source": "https://a", "sorce": 1}',
            400,
            "sorce: unknown key; expected one of",
        ),
        ("POST", "/api/admin/seeds", b'{"source": "https://a", "options": {"x": NaN}}', 400, "body: expected JSON"),
        ("POST", "/api/admin/seeds", b'{"source": "' + b"a" * 70_000 + b'"}', 413, "at most 65536 bytes"),
        ("PATCH", "/api/admin/seeds/1", b'{"state": "done"}', 400, "state = 'done': expected \"paused\" or"),
        ("PATCH", "/api/admin/seeds/2", b'{"state": "paused"}', 404, "2"),
        ("DELETE", "/api/admin/seeds/x", b"", 404, "'x'"),
        ("GET", "/api/admin/seeds/99999999999999999999", b"", 404, "seed"),
        ("GET", "/api/admin/failures?seed=x", b"", 400, "seed = 'x'"),
        ("POST", "/api/admin/failures/retry", b'{"seed": "1"}', 400, "seed = '1'"),
    ],
)
async def test_a_wrong_call_is_told_what_is_wrong(
    serve: Serve, method: str, url: str, body: bytes, status: int, named: str
) -> None:
    client = await serve(make_services())
    await ask(client, "POST", "/api/admin/seeds", 202, json={"source": SOURCE})
    headers = {**BEARER, "Content-Type": "application/json"}
    answer = await ask(client, method, url, status, data=body, headers=headers)
    assert named in answer["detail"]
    assert answer["headers"]["Content-Type"] == "application/problem+json"


async def test_a_body_of_another_type_is_refused(serve: Serve) -> None:
    answer = await ask(await serve(make_services()), "POST", "/api/admin/seeds", 415, data=b"source=x")
    assert "expected application/json" in answer["detail"]


async def test_the_token_is_exchanged_for_a_cookie_that_scripts_cannot_read(serve: Serve) -> None:
    client = await serve(make_services())
    answer = await ask(client, "POST", "/admin/session", 204, json={"token": TOKEN}, headers={})
    cookie = answer["headers"]["Set-Cookie"]
    for attribute in ("HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={SESSION_SECONDS}"):
        assert attribute in cookie
    assert TOKEN not in cookie
    await ask(client, "GET", "/api/admin/seeds", headers={})


async def test_a_plain_form_signs_in_and_leads_back(serve: Serve) -> None:
    client = await serve(make_services())
    async with client.post("/admin/session", data={"token": TOKEN}, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, "/admin")
    await ask(client, "GET", "/api/admin/seeds", headers={})


async def test_signing_out_takes_the_cookie(serve: Serve) -> None:
    client = await serve(make_services())
    await sign_in(client)
    await ask(client, "DELETE", "/admin/session", 204, headers={})
    await ask(client, "GET", "/api/admin/seeds", 401, headers={})


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 202),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "OWN"}, 202),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({}, 403),
    ],
)
async def test_a_change_by_cookie_must_come_from_a_page_of_this_server(
    serve: Serve, headers: dict[str, str], status: int
) -> None:
    client = await serve(make_services())
    await sign_in(client)
    own = f"http://{client.host}:{client.port}"
    sent = {name: own if value == "OWN" else value for name, value in headers.items()}
    await ask(client, "POST", "/api/admin/seeds", status, json={"source": SOURCE}, headers=sent)
    await ask(client, "GET", "/api/admin/seeds", headers=sent)


async def test_a_session_ends_after_its_time_and_with_another_token(
    monkeypatch: pytest.MonkeyPatch, serve: Serve
) -> None:
    client = await serve(make_services())
    await sign_in(client)
    cookie = client.session.cookie_jar.filter_cookies(client.make_url("/"))[COOKIE].value

    request = make_mocked_request("GET", "/", headers={"Cookie": f"{COOKIE}={cookie}"})
    assert Auth(TOKEN).is_signed_in(request)
    assert not Auth("another token").is_signed_in(request)
    assert not Auth(TOKEN, now=lambda: time.time() + SESSION_SECONDS + 1).is_signed_in(request)


async def test_guessing_is_slowed_down_for_everyone_at_that_address(serve: Serve) -> None:
    client = await serve(make_services())
    for number in range(FAILURES_MOST):
        await ask(client, "POST", "/admin/session", 401, json={"token": f"guess {number}"}, headers={})
    answer = await ask(client, "POST", "/admin/session", 429, json={"token": "one more"}, headers={})
    assert 0 < int(answer["headers"]["Retry-After"]) <= 61
    await ask(client, "GET", "/api/admin/seeds", 429)


def test_an_empty_token_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="not empty"):
        Auth("")


async def test_sources_are_listed_a_page_at_a_time(serve: Serve) -> None:
    fake = make_services()
    client = await serve(fake)
    for number in range(1, 61):
        await ask(client, "POST", "/api/admin/seeds", 202, json={"source": f"{SOURCE}?{number}"})
    await fake.frontier.set_seed_state(3, SeedState.PAUSED)
    first = await ask(client, "GET", "/api/admin/seeds")
    assert (len(first["results"]), first["total"]) == (50, 60)
    met, address = [], "/api/admin/seeds?limit=7"
    while address:
        page = await ask(client, "GET", address)
        met += [seed["id"] for seed in page["results"]]
        address = page["next"]
    assert met == list(range(60, 0, -1))
    running = await ask(client, "GET", "/api/admin/seeds?state=running&limit=57")
    assert (running["total"], len((await ask(client, "GET", running["next"]))["results"])) == (59, 2)
    paused = await ask(client, "GET", "/api/admin/seeds?state=paused")
    assert ([seed["id"] for seed in paused["results"]], paused["next"]) == ([3], None)
    found = await ask(client, "GET", f"/api/admin/seeds?source={quote(SOURCE + '?4', safe='')}")
    assert [seed["id"] for seed in found["results"]] == [4]
    paused.pop("headers")
    schemas.Seeds.model_validate_json(json.dumps(paused), strict=True)


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "before=0", "before=x", "state=lost", "source="])
async def test_a_page_of_sources_that_cannot_be_is_refused(serve: Serve, query: str) -> None:
    answer = await ask(await serve(make_services()), "GET", f"/api/admin/seeds?{query}", 400)
    assert query.partition("=")[0] in answer["detail"]


async def test_a_move_to_another_model_is_started_followed_and_what_is_left_is_forgotten(serve: Serve) -> None:
    fake = make_services(3)
    client = await serve(fake)
    assert (await ask(client, "GET", "/api/admin/reembed"))["state"] == "idle"
    started = await ask(client, "POST", "/api/admin/reembed", 202, json={"model": "efficientnet_lite0"})
    assert (started["state"], started["model"]) == ("starting", "efficientnet_lite0")
    refused = await ask(client, "POST", "/api/admin/reembed", 400, json={"model": "no/such"})
    assert "unknown" in refused["detail"]
    await ask(client, "POST", "/api/admin/reembed", 400, json={"model": ""})
    refused = await ask(client, "POST", "/api/admin/reembed", 422, json={"model": "hf-hub:some/model"})
    assert "cannot be downloaded" in refused["detail"]
    [model] = (await ask(client, "GET", "/api/admin/models"))["results"]
    assert schemas.StoredModel.model_validate(model).active
    assert (await ask(client, "POST", "/api/admin/models/forget", json={"model": "old"}))["forgotten"] == 3
    assert fake.reembedding.forgotten == ["old"]
