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
from artalike.search.mixed import MixedCursor
from artalike.search.random_pages import RandomCursor
from artalike.search.ranked import RankedCursor, Used
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

ids = st.integers(1, 60) | st.sampled_from([2**53, 2**56, 2**63 - 1]) | numbers
scores = st.none() | st.floats(-1, 1) | st.floats()
blobs = st.sampled_from([b"\0", b"\x01", b"\xff"]) | st.binary(min_size=1, max_size=40)
places = st.fixed_dictionaries(
    {
        "max_id": ids,
        "at": st.integers(0, 60) | numbers,
        "last_id": st.none() | ids,
        "last_score": scores,
        "asked": st.lists(ids, max_size=2).map(tuple),
        "filters": st.sampled_from([Filters(), Filters(min_width=300), Filters(creator="x")]),
        "min_score": scores,
    }
)

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


def filling(blob: bytes, size: int) -> bytes:
    return (blob * size)[:size]


@given(
    place=places,
    around=st.lists(ids, max_size=3),
    others=st.booleans(),
    shown=st.integers(0, 8),
    head_over=st.booleans(),
    with_vector=st.booleans(),
    blob=blobs,
)
@example(
    place={"max_id": 40, "at": 99_999}, around=[1], others=True, shown=0, head_over=False, with_vector=False, blob=b"\0"
)
@example(
    place={"max_id": 40, "at": 0}, around=[], others=False, shown=0, head_over=False, with_vector=True, blob=b"\xff\x7b"
)
@example(
    place={"max_id": 2**56, "at": 0},
    around=[1],
    others=False,
    shown=1,
    head_over=False,
    with_vector=False,
    blob=b"\xff",
)
@fuzz
async def test_made_up_cursors_of_rankings(
    client: Client,
    place: dict[str, Any],
    around: list[int],
    others: bool,
    shown: int,
    head_over: bool,
    with_vector: bool,
    blob: bytes,
) -> None:
    made = RankedCursor.model_construct(
        v=2, ids=tuple(around), others=others, shown=shown, head_over=head_over, **place
    )
    size = shown * cursors.width(max(0, made.max_id)) + 2 * DIMENSION * with_vector
    cursor = cursors.encode(made, salt=MODEL, blob=filling(blob, size))
    await answers(client, "GET", f"/api/search?cursor={cursor}")
    await answers(client, "GET", f"/api/images/1/similar?cursor={cursor}")


@given(
    place=places,
    head=st.integers(0, 12),
    width=st.integers(1, 8),
    likeness=st.booleans(),
    ends=st.booleans(),
    used=st.lists(st.sampled_from(list(Used)), min_size=1, max_size=3).map(tuple),
    blob=blobs,
)
@fuzz
async def test_made_up_cursors_of_questions(
    client: Client,
    place: dict[str, Any],
    head: int,
    width: int,
    likeness: bool,
    ends: bool,
    used: tuple[Used, ...],
    blob: bytes,
) -> None:
    made = MixedCursor.model_construct(v=1, head=head, width=width, likeness=likeness, ends=ends, used=used, **place)
    cursor = cursors.encode(made, salt=f"{MODEL} mixed", blob=filling(blob, head * width + 2 * DIMENSION * likeness))
    await answers(client, "GET", f"/api/search?cursor={cursor}")
