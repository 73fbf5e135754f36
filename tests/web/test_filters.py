"""Filters over HTTP, on a real catalog."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from aiohttp import FormData

from artalike.search.random_pages import RandomPages
from artalike.search.ranked import Search
from artalike.storage import facet_values
from artalike.storage.catalog import Database
from artalike.storage.images import Images
from artalike.storage.vector_index import FlatIndex
from artalike.web import schemas
from tests.fakes import DIMENSION, MODEL, embed_bytes, make_services, vector_of
from tests.storage.test_filtering import put
from tests.web.conftest import Client, Serve

HOSTS = ("a.example", "images.museum.example", "b.example")
CREATORS = ("Claude Monet", "Édouard Manet (French, 1832–1883)", None)
COLORS = ("#204080", "#c02020", "#f0f0f0", "#101010")


def described(number: int) -> dict[str, Any]:
    """The columns of image ``number``."""
    return {
        "url": f"https://{HOSTS[number % 3]}/{number}.jpg",
        "source": "met:department=11" if number % 2 else "https://a.example/list.txt",
        "creator": CREATORS[number % 3],
        "date": str(1500 + number) if number % 5 else None,
        "rights": "CC0 1.0" if number % 4 else "© the museum",
        "width": 200 + 10 * (number % 50),
        "height": 300,
        "color": COLORS[number % 4],
        "title": "Wave" if number % 3 == 1 else "Tree",
    }


PASSING: list[tuple[dict[str, Any], Any]] = [
    ({"source": "met"}, lambda number: number % 2),
    ({"source": "met:department=11"}, lambda number: number % 2),
    ({"host": "museum.example"}, lambda number: number % 3 == 1),
    ({"creator": "manet"}, lambda number: number % 3 == 1),
    ({"year_from": 1550}, lambda number: number >= 50 and number % 5),
    ({"year_from": 1550, "year_to": 1551}, lambda number: number == 51),
    ({"rights": "cc0"}, lambda number: number % 4),
    ({"orientation": "portrait"}, lambda number: number % 50 <= 8),
    ({"min_width": 600}, lambda number: number % 50 >= 40),
    ({"min_side": 300}, lambda number: number % 50 >= 10),
    ({"color": "#c02020", "tolerance": 5}, lambda number: number % 4 == 1),
    (
        {"host": "museum.example", "rights": "cc0", "year_to": 1600},
        lambda number: number % 3 == 1 and number % 4 and number % 5 and number <= 100,
    ),
    ({"creator": "nobody"}, lambda number: False),
]
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("/api/random", {}),
    ("/api/search", {"id": 4}),
    ("/api/search", {"text": "wave tree"}),
]
KINDS = [" ".join(filters) for filters, _ in PASSING]


class Gallery:
    """Images 1, 2, 3… with everything that is said of them."""

    def __init__(self, database: Database, images: Images, client: Client, index: FlatIndex) -> None:
        self._database = database
        self._images = images
        self._index = index
        self.client = client
        self.last = 0

    async def add(self, count: int) -> None:
        numbers = range(self.last + 1, self.last + count + 1)
        await put(self._database, *(described(number) for number in numbers))
        vectors = np.stack([vector_of(f"image {number}") for number in numbers])
        async with self._database.write() as connection:
            await connection.executemany(
                "INSERT INTO vectors SELECT ?, id, ? FROM models",
                [(number, vector.astype("<f2").tobytes()) for number, vector in zip(numbers, vectors, strict=True)],
            )
        await self._images.recount()
        await self._index.add(np.array(numbers, np.int64), vectors)
        self.last = numbers[-1]

    def passing(self, passes: Any) -> list[int]:
        return [number for number in range(1, self.last + 1) if passes(number)]

    async def get(self, path: str, query: Mapping[str, Any], status: int = 200) -> dict[str, Any]:
        address = f"{path}?{urlencode(query)}" if query else path
        async with self.client.get(address) as response:
            assert response.status == status, await response.text()
            answer: dict[str, Any] = json.loads(await response.text())
        return answer

    async def rest(self, answer: dict[str, Any], grow: int = 0) -> list[int]:
        """Ids of this page and of all behind it."""
        seen = [image["id"] for image in answer["results"]]
        while answer["next"]:
            if grow:
                await self.add(grow)
            answer = await self.get(answer["next"], {})
            assert answer["results"]
            seen += [image["id"] for image in answer["results"]]
        return seen


@pytest.fixture
async def gallery(serve: Serve, tmp_path: Path) -> AsyncIterator[Gallery]:
    index = FlatIndex(DIMENSION, MODEL)
    async with Database.open(tmp_path / "catalog.sqlite3") as database:
        images = await Images.open(database, MODEL, DIMENSION)
        fake = make_services()
        search = Search(images, index, model=MODEL, dimension=DIMENSION, embed_bytes=embed_bytes)
        fake.services = replace(fake.services, images=images, random=RandomPages(images))
        fake.answer(search=search)
        gallery = Gallery(database, images, await serve(fake), index)
        await gallery.add(120)
        yield gallery


@pytest.mark.parametrize(("filters", "passes"), PASSING, ids=KINDS)
@pytest.mark.parametrize(
    ("path", "query", "missing"),
    [
        ("/api/random", {}, set()),
        ("/api/search", {"id": 4}, set()),
        ("/api/search", {"id": 4, "text": "wave"}, set()),
        ("/api/images/4/similar", {}, {4}),
    ],
    ids=["random", "a picture", "a picture and words", "neighbours"],
)
async def test_only_what_passes_is_found_and_all_of_it_once(
    gallery: Gallery, filters: dict[str, Any], passes: Any, path: str, query: dict[str, Any], missing: set[int]
) -> None:
    answer = await gallery.get(path, {**query, **filters, "limit": 7})
    passing = gallery.passing(passes)
    assert answer["total"] == len(passing)
    assert sorted(await gallery.rest(answer, grow=3)) == [number for number in passing if number not in missing]


@pytest.mark.parametrize(("filters", "passes"), PASSING, ids=KINDS)
async def test_words_lose_nothing_by_a_filter(gallery: Gallery, filters: dict[str, Any], passes: Any) -> None:
    answer = await gallery.get("/api/search", {"text": "wave", **filters, "limit": 7})
    expected = [number for number in gallery.passing(passes) if number % 3 == 1]
    assert (answer["total"], answer["used"]) == (len(expected), ["words"])
    assert sorted(await gallery.rest(answer, grow=3)) == expected


async def test_a_question_in_json_and_a_picture_take_filters(gallery: Gallery) -> None:
    expected = [number for number in range(1, 121) if number % 2 and number % 3 == 1]
    filters = {"creator": "Manet", "source": "met"}

    async def posted(address: str, **content: Any) -> list[int]:
        async with gallery.client.post(address, **content) as response:
            assert response.status == 200, await response.text()
            text = await response.text()
        schemas.RankedAnswer.model_validate_json(text, strict=True)
        return await gallery.rest(json.loads(text))

    address = f"/api/search?{urlencode({**filters, 'limit': 9})}"
    assert sorted(await posted("/api/search", json={"like": [3, 4], "filters": filters, "limit": 9})) == expected
    assert sorted(await posted(address, json={"like": [3, 4]})) == expected
    assert sorted(await posted(address, json={"like": [3, 4], "filters": None})) == expected
    assert len(await posted(address, json={"like": [3, 4], "filters": {}})) == 120
    form = FormData()
    form.add_field("image", b"image 3", filename="3.jpg", content_type="image/jpeg")
    assert sorted(await posted(address, data=form)) == expected


async def test_an_offset_counts_what_passes(gallery: Gallery) -> None:
    for path, query in (("/api/random", {"seed": 4}), ("/api/search", {"id": 4}), ("/api/search", {"text": "wave"})):
        asked = {**query, "creator": "manet"}
        whole = await gallery.rest(await gallery.get(path, {**asked, "limit": 50}))
        pages = [await gallery.get(path, {**asked, "limit": 9, "offset": start}) for start in range(0, 45, 9)]
        assert [image["id"] for page in pages for image in page["results"]] == whole
        assert [page["next"] is None for page in pages] == [False] * 4 + [True]


async def test_readers_of_many_filters_at_once_see_all_that_passed_once_while_pictures_arrive(
    gallery: Gallery,
) -> None:
    async def read(number: int) -> None:
        filters, passes = PASSING[number % len(PASSING)]
        path, query = ASKED[number % 3]
        expected = gallery.passing(passes)
        answer = await gallery.get(path, {**query, **filters, "limit": 5})
        assert sorted(await gallery.rest(answer)) == expected[: answer["total"]]

    async def grow() -> None:
        for _ in range(20):
            await gallery.add(10)

    await asyncio.gather(*(read(number) for number in range(26)), grow())


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"host": "a b"}, "host = 'a b': expected a host"),
        ({"host": ""}, "host = '': expected a host"),
        ({"year_from": "soon"}, "year_from = 'soon': expected a year"),
        ({"year_from": 1900, "year_to": 1800}, "year_from is later than year_to"),
        ({"orientation": "upright"}, 'expected "portrait", "landscape" or "square"'),
        ({"min_width": -1}, "min_width = '-1': expected pixels"),
        ({"color": "red"}, "color = 'red': expected #rrggbb"),
        ({"tolerance": 5}, "a tolerance without a color"),
        ({"source": "x" * 2001}, "expected a source"),
    ],
)
async def test_a_wrong_filter_is_named_with_what_was_expected(
    gallery: Gallery, query: dict[str, Any], named: str
) -> None:
    for path, others in (("/api/random", {}), ("/api/search", {"id": 4}), ("/api/images/4/similar", {})):
        problem = await gallery.get(path, {**others, **query}, 400)
        assert named in problem["detail"]
        schemas.Problem.model_validate(problem, strict=True)
    async with gallery.client.post("/api/search", json={"like": [4], "filters": query}) as response:
        assert response.status == 400
        assert named in (await response.json())["detail"]


@pytest.mark.parametrize("filters", [3, "host", [], {"hosts": "a.example"}, {"host": {"a": 1}}])
async def test_filters_of_a_wrong_shape_are_refused(gallery: Gallery, filters: Any) -> None:
    async with gallery.client.post("/api/search", json={"like": [4], "filters": filters}) as response:
        assert response.status == 400
        assert "filters" in (await response.json())["detail"]


async def test_a_filter_is_given_once_and_not_beside_a_cursor(gallery: Gallery) -> None:
    assert "found it twice" in (await gallery.get("/api/random?host=a.example&host=b.example", {}, 400))["detail"]
    for path, query in (("/api/random", {}), ("/api/search", {"id": 4}), ("/api/images/4/similar", {})):
        following = (await gallery.get(path, {**query, "limit": 3, "host": "a.example"}))["next"]
        for host in ("a.example", "b.example"):
            problem = await gallery.get(f"{following}&host={host}", {}, 400)
            assert "no other parameter" in problem["detail"]


async def test_values_for_filters_are_those_that_images_have(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facet_values, "KEPT_TIMES", 0)
    answer = await gallery.get("/api/facets", {})
    schemas.FacetsAnswer.model_validate(answer, strict=True)
    assert {kind: _sorted(values) for kind, values in answer.items()} == {
        "sources": [{"value": source, "images": 60} for source in ("https://a.example/list.txt", "met:department=11")],
        "hosts": [{"value": host, "images": 40} for host in sorted(HOSTS)],
        "creators": [{"value": creator, "images": 40} for creator in CREATORS if creator],
        "rights": [{"value": "CC0 1.0", "images": 90}, {"value": "© the museum", "images": 30}],
        "years": {"from": 1501, "to": 1619},
    }
    for kind in ("source", "host", "creator", "rights"):
        for value in answer[f"{kind}s".replace("ss", "s")]:
            assert (await gallery.get("/api/random", {kind: value["value"]}))["total"] == value["images"]
    assert [len(values) for values in (await gallery.get("/api/facets", {"limit": 1})).values()] == [1, 1, 1, 1, 2]
    await gallery.get("/api/facets", {"limit": 0}, 400)
    await gallery.add(3)
    assert sum(host["images"] for host in (await gallery.get("/api/facets", {}))["hosts"]) == 123


async def test_what_was_counted_is_kept_for_a_while(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facet_values, "KEPT_TIMES", 10**9)
    before = await gallery.get("/api/facets", {})
    await gallery.add(3)
    assert await gallery.get("/api/facets", {}) == before


def _sorted(values: Any) -> Any:
    """Most images first; of as many the first by name."""
    return sorted(values, key=lambda value: (-value["images"], value["value"])) if isinstance(values, list) else values
