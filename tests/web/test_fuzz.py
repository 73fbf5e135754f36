"""Whatever is asked, the answer is never a fault of the server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from artalike.search import cursors
from artalike.search.filters import Filters
from artalike.search.random_pages import RandomCursor
from artalike.search.ranked import RankedCursor
from artalike.web.app import create_app
from artalike.web.openapi import OPERATIONS
from tests.fakes import DIMENSION, MODEL, make_services
from tests.web.conftest import BEARER, Client

STREAM = "/api/events"
READ = sorted({call.path for call in OPERATIONS if call.method == "get" and call.path != STREAM})
WRITE = sorted({(call.method, call.path) for call in OPERATIONS if call.method != "get"})

huge = st.integers(-(2**80), 2**80)
texts = (
    st.text(max_size=30) | huge.map(str) | st.floats().map(str) | st.sampled_from(["", "1", "2", "50", "\x00", "１"])
)
filters = list(Filters.model_fields)
names = st.sampled_from(["limit", "offset", "seed", "cursor", "url", "id", "text", *filters]) | st.text(max_size=8)
parameters = st.lists(st.tuples(names, texts), max_size=4)
numbers = st.integers(-2, 60) | huge
scalars = st.none() | st.booleans() | huge | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
keys = st.sampled_from(["source", "kind", "options", "state", "seed", "token"]) | st.text(max_size=8)
bodies = (st.dictionaries(keys, values, max_size=4) | values).map(json.dumps).map(str.encode) | st.binary(max_size=60)

fuzz = settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    app = create_app(make_services(40).services)
    async with TestClient(TestServer(app)) as client:
        yield client


async def answers(client: Client, method: str, url: str, **options: Any) -> None:
    async with client.request(method, url, allow_redirects=False, **options) as response:
        body = await response.read()
        assert response.status < 500, (method, url, body)
        if response.status >= 400:
            assert response.content_type == "application/problem+json", (method, url, body)
            assert json.loads(body)["status"] == response.status


@given(path=st.sampled_from(READ), parts=st.lists(texts, min_size=2, max_size=2), parameters=parameters)
@fuzz
async def test_reading_calls(client: Client, path: str, parts: list[str], parameters: list[tuple[str, str]]) -> None:
    url = path.replace("{id}", quote(parts[0], safe="")).replace("{width}", quote(parts[1], safe=""))
    await answers(client, "GET", f"{url}?{urlencode(parameters)}", headers=BEARER)


@given(call=st.sampled_from(WRITE), part=texts, body=bodies, as_json=st.booleans(), parameters=parameters)
@fuzz
async def test_changing_calls(
    client: Client, call: tuple[str, str], part: str, body: bytes, as_json: bool, parameters: list[tuple[str, str]]
) -> None:
    method, path = call
    url = path.replace("{id}", quote(part, safe="")) + f"?{urlencode(parameters)}"
    kind = "application/json" if as_json else "application/x-www-form-urlencoded"
    await answers(client, method, url, data=body, headers={**BEARER, "Content-Type": kind})


@given(
    body=st.binary(max_size=300),
    head=st.sampled_from([b"", b"--a\r\n", b"--a\r\n\r\n", b"--a\r\nContent-Type: a/b\r\n"]),
)
@fuzz
async def test_uploads(client: Client, body: bytes, head: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=a"}
    await answers(client, "POST", "/api/search", data=head + body, headers=headers)


@given(query=st.binary(max_size=60).map(lambda data: quote(data, safe="=&+%")))
@fuzz
async def test_query_strings_that_are_no_text(client: Client, query: str) -> None:
    for path in ("/api/random", "/api/search", "/api/images/1/similar"):
        await answers(client, "GET", f"{path}?url=%FF&{query}")
        await answers(client, "GET", f"{path}?url=%FF%00%ED%A0%80{query}")


@given(seed=numbers, last=numbers, at=numbers)
@fuzz
async def test_made_up_cursors_of_random_pages(client: Client, seed: int, last: int, at: int) -> None:
    place = RandomCursor.model_construct(v=1, seed=seed, last=last, at=at)
    await answers(client, "GET", f"/api/random?cursor={cursors.encode(place, salt='random')}&limit=200")


@given(
    max_id=numbers,
    at=numbers,
    ids=st.lists(numbers, max_size=3),
    others=st.booleans(),
    last=st.none() | st.tuples(numbers, st.floats()),
    blob=st.binary(max_size=40) | st.binary(min_size=2 * DIMENSION, max_size=2 * DIMENSION),
)
@example(max_id=40, at=99_999, ids=[1], others=True, last=None, blob=b"")
@example(max_id=40, at=0, ids=[], others=False, last=None, blob=b"\xff\x7b" * DIMENSION)
@fuzz
async def test_made_up_cursors_of_rankings(
    client: Client,
    max_id: int,
    at: int,
    ids: list[int],
    others: bool,
    last: tuple[int, float] | None,
    blob: bytes,
) -> None:
    last_id, last_score = last if last is not None else (None, None)
    place = RankedCursor.model_construct(
        v=1, max_id=max_id, at=at, ids=tuple(ids), others=others, last_id=last_id, last_score=last_score
    )
    cursor = cursors.encode(place, salt=MODEL, blob=blob)
    await answers(client, "GET", f"/api/search?cursor={cursor}")
    await answers(client, "GET", f"/api/images/1/similar?cursor={cursor}")
