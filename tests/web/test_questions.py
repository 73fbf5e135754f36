"""Questions of several pictures and words, over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import FormData

from artalike.records import Metadata
from artalike.web import schemas
from tests.fakes import FakeServices, embed_texts, make_services
from tests.web.conftest import Client, Serve


async def ask(client: Client, question: Any, status: int = 200, query: str = "") -> dict[str, Any]:
    async with client.post(f"/api/search{query}", json=question) as response:
        assert response.status == status, await response.text()
        text = await response.text()
    answer: dict[str, Any] = json.loads(text)
    if status == 200:
        schemas.RankedAnswer.model_validate_json(text, strict=True)
    else:
        assert response.content_type == "application/problem+json"
    return answer


async def get(client: Client, url: str) -> dict[str, Any]:
    async with client.get(url) as response:
        assert response.status == 200, await response.text()
        answer: dict[str, Any] = await response.json()
    return answer


async def follow(client: Client, answer: dict[str, Any]) -> list[int]:
    seen = [image["id"] for image in answer["results"]]
    while answer["next"] is not None:
        answer = await get(client, answer["next"])
        seen += [image["id"] for image in answer["results"]]
    return seen


def gallery(**settings: Any) -> FakeServices:
    """Images 1 to 20, every fourth of which is called a wave."""
    fake = make_services(0, fetch_query=fetch, **settings)
    for number in range(1, 21):
        fake.images.add(metadata=Metadata(title="Great Wave") if number % 4 == 0 else None)
    return fake


async def fetch(url: str) -> bytes:
    return f"image {url.rpartition('/')[2]}".encode()


async def test_words_find_what_is_said_of_pictures(serve: Serve) -> None:
    client = await serve(gallery())
    answer = await get(client, "/api/search?text=wave&limit=2")
    assert (answer["used"], answer["total"]) == (["words"], 5)
    assert [image["score"] for image in answer["results"]] == [None, None]
    assert await follow(client, answer) == [4, 8, 12, 16, 20]
    assert await ask(client, {"text": "wave", "limit": 2}) == answer


async def test_a_text_with_an_encoder_says_so_and_walks_all_of_the_collection(serve: Serve) -> None:
    fake = gallery()
    fake.answer(embed_texts=embed_texts)
    client = await serve(fake)
    answer = await get(client, "/api/search?text=wave&limit=6")
    assert (answer["used"], answer["total"]) == (["words", "text"], 20)
    assert None not in [image["score"] for image in answer["results"]]
    seen = await follow(client, answer)
    assert sorted(seen) == list(range(1, 21))
    assert set(seen[:10]) > {4, 8, 12, 16, 20}
    assert await ask(client, {"text": "wave", "limit": 6}) == answer
    assert await ask(client, {"like": [{"text": "wave"}], "limit": 6}) == answer
    unknown = await get(client, "/api/search?text=image+7")
    assert (unknown["used"], unknown["results"][0]["id"]) == (["text"], 7)
    assert (await ask(client, {"like": [3], "unlike": ["image 7"]}))["used"] == ["likeness", "text"]


async def test_a_picture_and_words_are_one_question(serve: Serve) -> None:
    client = await serve(gallery())
    answer = await get(client, "/api/search?id=3&text=wave&limit=6")
    assert answer["used"] == ["likeness", "words"]
    assert answer["results"][0]["score"] is not None
    assert sorted(await follow(client, answer)) == list(range(1, 21))
    assert await ask(client, {"like": [3], "text": "wave", "limit": 6}) == answer


async def test_a_picture_alone_is_ranked_by_likeness(serve: Serve) -> None:
    client = await serve(gallery())
    answer = await get(client, "/api/search?id=3")
    assert answer["used"] == ["likeness"]
    assert await ask(client, {"like": [3]}) == answer
    assert await ask(client, {"like": [{"id": 3, "weight": 0.5}]}) == answer
    assert await ask(client, {"like": ["https://museum.example/3.jpg"]}) == answer


async def test_pictures_to_stay_away_from_move_back(serve: Serve) -> None:
    client = await serve(gallery())
    like = [image["id"] for image in (await ask(client, {"like": [3, 5]}))["results"]]
    away = await ask(client, {"like": [3, 5], "unlike": [{"url": "https://museum.example/9.jpg", "weight": 2}]})
    assert {*like[:2]} == {3, 5}
    assert away["results"][-1]["id"] == 9
    assert away["results"][-1]["score"] < 0


async def test_unwanted_words_move_back(serve: Serve) -> None:
    client = await serve(gallery())
    answer = await ask(client, {"like": [4], "unlike": ["wave"], "limit": 7})
    assert set((await follow(client, answer))[-5:]) == {4, 8, 12, 16, 20}


async def test_a_weight_of_nothing_takes_a_part_out(serve: Serve) -> None:
    client = await serve(gallery())
    question = {"like": [3, {"id": 5, "weight": 0}], "unlike": [{"text": "wave", "weight": 0}]}
    assert await ask(client, question) == await ask(client, {"like": [3]})


async def test_addresses_are_fetched_only_where_the_settings_allow_it(serve: Serve) -> None:
    question = {"like": ["https://elsewhere.example/7"], "unlike": [{"url": "https://elsewhere.example/2"}]}
    assert "no image" in (await ask(await serve(gallery()), question, 404))["detail"]
    answer = await ask(await serve(gallery(gallery={"fetch_queries": True})), question)
    assert answer["results"][0]["id"] == 7
    assert next(image["score"] for image in answer["results"] if image["id"] == 2) < -0.3


async def test_the_limit_may_stand_in_body_or_address(serve: Serve) -> None:
    client = await serve(gallery())
    assert len((await ask(client, {"like": [3], "limit": 4}))["results"]) == 4
    assert len((await ask(client, {"like": [3]}, query="?limit=5"))["results"]) == 5


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ({}, "at least one of like, unlike and text"),
        ({"limit": 5}, "at least one of like, unlike and text"),
        ([], "body"),
        ({"like": 3}, "like = 3"),
        ({"like": [3], "limit": 0}, "limit = 0"),
        ({"like": [3], "limit": "5"}, "limit = '5'"),
        ({"like": [0]}, "like.0.id = 0"),
        ({"like": [2**70]}, "like.0.id"),
        ({"like": [True]}, "like.0.id = True"),
        ({"like": [None]}, "like.0"),
        ({"like": [[3]]}, "like.0"),
        ({"like": [{}]}, "like.0"),
        ({"like": [{"id": 3, "text": "wave"}]}, "like.0"),
        ({"like": [{"id": 3, "weight": 11}]}, "like.0.weight = 11"),
        ({"like": [{"id": 3, "weight": -1}]}, "like.0.weight = -1"),
        ({"like": [{"id": 3, "color": "red"}]}, "like.0.color"),
        ({"like": [1] * 17}, "like"),
        ({"like": [""]}, "like.0.text = ''"),
        ({"like": ["..."]}, "at least one word"),
        ({"like": ["wave"] * 9}, "at most 8 texts"),
        ({"like": [{"text": "x" * 1001}]}, "like.0.text"),
        ({"unlike": ["wave"]}, "expected something to look for"),
        ({"like": [{"id": 3, "weight": 0}]}, "expected something to look for"),
        ({"like": [3], "unlike": [{"id": 3, "weight": 1}]}, "cancel"),
        ({"likes": [3]}, "likes: unknown key"),
    ],
)
async def test_a_wrong_question_is_named_with_what_was_expected(serve: Serve, question: Any, named: str) -> None:
    client = await serve(gallery(gallery={"queries_per_minute": 0}))
    answer = await ask(client, question, 400)
    assert named in answer["detail"]


async def test_so_many_fetched_pictures_are_too_many(serve: Serve) -> None:
    client = await serve(gallery(gallery={"fetch_queries": True}))
    question = {"like": [f"https://elsewhere.example/{number}" for number in range(9)]}
    assert "at most 8 addresses" in (await ask(client, question, 400))["detail"]


async def test_what_is_not_there_is_404(serve: Serve) -> None:
    client = await serve(gallery())
    for question in ({"like": [99]}, {"like": [3], "unlike": [99]}, {"text": "wave", "unlike": ["https://x.example/"]}):
        await ask(client, question, 404)


async def test_a_cursor_stands_alone(serve: Serve) -> None:
    client = await serve(gallery())
    following = (await get(client, "/api/search?text=wave&limit=2"))["next"]
    async with client.get(f"{following}&text=tree") as response:
        assert response.status == 400


async def test_a_cursor_of_words_fits_into_a_request_line(serve: Serve) -> None:
    fake = gallery()
    for _ in range(1500):
        fake.images.add(metadata=Metadata(title="wave"))
    client = await serve(fake)
    answer = await ask(client, {"like": [3], "text": "wave", "limit": 200})
    assert len(answer["next"]) < 8000
    assert sorted(await follow(client, answer)) == list(range(1, 1521))


def form(files: list[bytes], question: Any = None, **fields: str) -> FormData:
    made = FormData()
    for number, data in enumerate(files):
        made.add_field("image", data, filename=f"{number}.jpg", content_type="image/jpeg")
    if question is not None:
        made.add_field("question", question if isinstance(question, str) else json.dumps(question))
    for name, value in fields.items():
        made.add_field(name, value)
    return made


async def upload(client: Client, data: FormData, status: int = 200, query: str = "") -> dict[str, Any]:
    async with client.post(f"/api/search{query}", data=data) as response:
        assert response.status == status, await response.text()
        answer: dict[str, Any] = await response.json(content_type=None)
    return answer


async def test_uploads_are_parts_of_a_question_like_any_other(serve: Serve) -> None:
    """A picture that is in the collection, uploaded, is answered as it would be by its id."""
    client = await serve(gallery())
    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"like": [3, {"id": 7, "weight": 2}]}, {"like": [3, {"upload": 0, "weight": 2}]}),
        ({"like": [3], "unlike": [7]}, {"like": [3], "unlike": [{"upload": 0}]}),
        ({"like": [3, 7]}, {"like": [3]}),  # one that the question does not name is looked for
        ({"like": [7], "text": "wave"}, {"text": "wave"}),
        ({"like": [7], "unlike": ["wave"]}, {"unlike": ["wave"]}),
    ]
    for named, sent in cases:
        by_id = await ask(client, named | {"limit": 20})
        by_form = await upload(client, form([b"image 7"], sent | {"limit": 20}))
        assert by_form["used"] == by_id["used"]
        scores = [{image["id"]: image["score"] for image in answer["results"]} for answer in (by_id, by_form)]
        assert scores[0] == pytest.approx(scores[1], abs=0.002)  # a vector that is sent has half the digits
        followed = [image["id"] for image in by_form["results"]]
        assert sorted(followed + (await follow(client, by_form))[len(followed) :]) == list(range(1, 21))


async def test_what_a_question_in_a_form_says_goes_before_the_form_and_the_address(serve: Serve) -> None:
    fake = gallery()
    client = await serve(fake)
    answer = await upload(client, form([b"image 7"], {"limit": 4}), query="?limit=9")
    assert len(answer["results"]) == 4
    assert len((await upload(client, form([b"image 7"], {}, limit="9")))["results"]) == 9
    nowhere = {"filters": {"creator": "Nobody"}}
    assert (await upload(client, form([b"image 7"], nowhere)))["results"] == []


@pytest.mark.parametrize(
    ("question", "status", "named"),
    [
        ({"like": [{"upload": 1}]}, 400, "upload = 1"),
        ({"like": [{"upload": -1}]}, 400, "like"),
        ({"like": [{"upload": 0, "id": 3}]}, 400, "with one of id, url, text and upload"),
        ({"liek": []}, 400, "liek: unknown key"),
        ("{", 400, "question: expected JSON"),
        ('"text"', 400, "question = 'text'"),
        ('{"text": "' + "x" * 70_000 + '"}', 413, "question: expected at most"),
    ],
)
async def test_a_wrong_question_in_a_form_is_refused(serve: Serve, question: Any, status: int, named: str) -> None:
    client = await serve(gallery())
    answer = await upload(client, form([b"image 7"], question), status=status)
    assert named in answer["detail"]


async def test_an_upload_is_named_only_where_there_is_one(serve: Serve) -> None:
    client = await serve(gallery())
    answer = await ask(client, {"like": [{"upload": 0}]}, status=400)
    assert "upload = 0: expected the place, from 0, of one of 0 image files" in answer["detail"]
