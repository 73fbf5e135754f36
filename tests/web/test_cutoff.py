"""``min_score`` and ``cutoff`` over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import FormData

from artalike.web import schemas
from tests.fakes import make_services
from tests.web.conftest import Client, Serve

Hits = list[tuple[int, float]]


async def asked(client: Client, url: str, status: int = 200, **body: Any) -> dict[str, Any]:
    async with client.request("POST" if body else "GET", url, **body) as response:
        assert response.status == status, await response.text()
        answer: dict[str, Any] = await response.json(content_type=None)
    (schemas.RankedAnswer if status == 200 else schemas.Problem).model_validate(answer)
    return answer


async def followed(client: Client, answer: dict[str, Any]) -> tuple[Hits, set[float | None]]:
    """All hits from this answer on, and the cut-offs of all pages."""
    hits, cutoffs = [], set()
    while True:
        hits += [(image["id"], image["score"]) for image in answer["results"]]
        cutoffs.add(answer["cutoff"])
        if answer["next"] is None:
            return hits, cutoffs
        answer = await asked(client, answer["next"])


def form(*pictures: bytes, **fields: str) -> FormData:
    made = FormData(fields)
    for picture in pictures:
        made.add_field("image", picture, filename="1.jpg", content_type="image/jpeg")
    return made


@pytest.mark.parametrize("url", ["/api/search?id=7&limit=9", "/api/images/7/similar?limit=9"])
async def test_an_answer_ends_before_the_first_image_below_the_score(serve: Serve, url: str) -> None:
    client = await serve(make_services(150))
    whole, _ = await followed(client, await asked(client, url))
    for wanted in (0.9, 0.2, whole[20][1], -0.3, -1):
        part, _ = await followed(client, await asked(client, f"{url}&min_score={wanted}"))
        assert part == [hit for hit in whole if hit[1] >= wanted]
        skipped, _ = await followed(client, await asked(client, f"{url}&min_score={wanted}&offset=5"))
        assert skipped == part[5:]


async def test_every_way_to_ask_knows_the_score(serve: Serve) -> None:
    client = await serve(make_services(150))
    whole, _ = await followed(client, await asked(client, "/api/search?id=7"))
    expected = [hit for hit in whole if hit[1] >= 0.25]
    assert 3 < len(expected) < 50
    ways: list[dict[str, Any]] = [
        {"json": {"like": [7], "min_score": 0.25, "limit": 3}},
        {"json": {"like": [{"id": 7, "weight": 2}, {"id": 8, "weight": 0}], "min_score": 0.25}},
        {"data": form(b"image 7", min_score="0.25")},
        {"data": form(b"image 7", min_score="0.25", limit="4")},
    ]
    for way in ways:
        hits, _ = await followed(client, await asked(client, "/api/search", **way))
        assert [hit[0] for hit in hits] == [hit[0] for hit in expected]
    hits, _ = await followed(client, await asked(client, "/api/search?min_score=0.25", data=form(b"image 7")))
    assert [hit[0] for hit in hits] == [hit[0] for hit in expected]


@pytest.mark.parametrize("wrong", ["1.01", "-1.01", "nan", "inf", "high", "", "0.5&min_score=0.5"])
async def test_a_score_that_is_none_is_refused(serve: Serve, wrong: str) -> None:
    client = await serve(make_services(9))
    for url in ("/api/search?id=1", "/api/images/1/similar?limit=3"):
        answer = await asked(client, f"{url}&min_score={wrong}", 400)
        assert "min_score" in answer["detail"]


@pytest.mark.parametrize("wrong", [2, "0.5", True, [0.5], -1.5])
async def test_a_score_that_is_none_is_refused_in_a_body(serve: Serve, wrong: Any) -> None:
    client = await serve(make_services(9))
    answer = await asked(client, "/api/search", 400, json={"like": [1], "min_score": wrong})
    assert "min_score" in answer["detail"]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"min_score": "2"}, "min_score = '2'"),
        ({"min_score": "x" * 5000}, "min_score = 'xxx"),
        ({"limit": "0"}, "limit = '0'"),
        ({"colour": "red"}, "expected image files, min_score, limit and question, found the field 'colour'"),
    ],
)
async def test_a_forms_fields_are_checked(serve: Serve, fields: dict[str, str], named: str) -> None:
    client = await serve(make_services(9))
    answer = await asked(client, "/api/search", 400, data=form(b"image 1", **fields))
    assert named in answer["detail"]
    assert len(answer["detail"]) < 300


async def test_a_form_says_each_thing_once(serve: Serve) -> None:
    client = await serve(make_services(9))
    twice = await asked(client, "/api/search?min_score=0.5", 400, data=form(b"image 1", min_score="0.5"))
    assert "found it twice" in twice["detail"]
    many = form(b"image 1")
    for _ in range(9):
        many.add_field("limit", "5")
    assert "found the field" in (await asked(client, "/api/search", 400, data=many))["detail"]
    assert (await asked(client, "/api/search", data=form(b"image 1", min_score="")))["results"]


async def test_words_alone_have_no_scores_to_ask_for(serve: Serve) -> None:
    client = await serve(make_services(9))
    assert "min_score" in (await asked(client, "/api/search?text=wave&min_score=0.5", 400))["detail"]


async def test_a_cursor_carries_the_score_and_takes_no_other(serve: Serve) -> None:
    client = await serve(make_services(150))
    answer = await asked(client, "/api/search?id=7&limit=2&min_score=0.1")
    assert "min_score" not in answer["next"]
    await asked(client, f"{answer['next']}&min_score=0.1", 400)


async def test_where_likeness_ends_is_told_alike_on_every_page_and_hides_nothing(serve: Serve) -> None:
    fake = make_services(180)
    client = await serve(fake)
    first = await asked(client, "/api/images/7/similar?limit=20")
    for _ in range(100):
        fake.images.add()
    hits, cutoffs = await followed(client, first)
    assert cutoffs == {first["cutoff"]}
    assert len(hits) == 179
    assert 0 < first["cutoff"] < 1
    assert hits[-1][1] < first["cutoff"]
    fresh = await asked(client, "/api/images/7/similar?limit=20")
    assert fresh["cutoff"] == (await asked(client, "/api/images/7/similar?limit=3&offset=9"))["cutoff"]
    for way in ({"json": {"like": [7]}}, {"data": form(b"image 7")}):
        assert (await asked(client, "/api/search", **way))["cutoff"] is not None


async def test_where_likeness_ends_is_not_told_of_words_or_of_few_pictures(serve: Serve) -> None:
    client = await serve(make_services(150))
    assert (await asked(client, "/api/search?text=wave"))["cutoff"] is None
    few = await serve(make_services(20))
    assert (await asked(few, "/api/search?id=1"))["cutoff"] is None
