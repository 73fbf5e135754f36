"""Questions in addresses, and the pages that answer them before any script runs."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from artalike.records import Metadata
from artalike.search.filters import Filters
from artalike.web import asking
from tests.fakes import make_services
from tests.web.conftest import Serve
from tests.web.test_pages import TILES, data_of, page

Q = "https://a.example/x.jpg"

# An address, what it asks for, and the plainest address of that. The script reads and writes the same.
ADDRESSES: list[tuple[str, list[Any], list[Any], str]] = [
    ("/search?like=12", [{"id": 12}], [], "/similar/12"),
    ("/search?like=12&color=%23AA0000", [{"id": 12}], [], "/similar/12?color=%23aa0000"),
    ("/search?text=red+vase", [{"text": "red vase"}], [], "/search?text=red+vase"),
    (
        "/search?like=12&like=34~0.5&unlike=7&text=red+vase&creator=monet",
        [{"id": 12}, {"id": 34, "weight": 0.5}, {"text": "red vase"}],
        [{"id": 7}],
        "/search?like=12&like=34~0.5&text=red+vase&unlike=7&creator=monet",
    ),
    (f"/search?text={Q}~2", [{"url": Q, "weight": 2}], [], "/search?like=https%3A%2F%2Fa.example%2Fx.jpg~2"),
    ("/search?text=no.~2~1", [{"text": "no.~2", "weight": 1}], [], "/search?text=no.~2~1"),
    ("/search?like=blue&without=1889", [{"text": "blue"}], [{"text": "1889"}], "/search?text=blue&without=1889"),
    ("/search?like=5&like=5~2&unlike=5", [{"id": 5}], [], "/similar/5"),
    ("/search?like=5~99&text=%F0%9F%8C%8A&unlike=3", [], [{"id": 3}], "/"),
    ("/search?like=5~0&host=a.example", [{"id": 5, "weight": 0}], [], "/?host=a.example"),
    ("/search?text=" + "&text=".join("abcdefghij"), [{"text": x} for x in "abcdefgh"], [], "?"),
    ("/search", [], [], "/"),
]


@pytest.mark.parametrize(("address", "like", "unlike", "plainest"), ADDRESSES)
def test_an_address_is_read_and_written(address: str, like: list[Any], unlike: list[Any], plainest: str) -> None:
    parameters = parse_qsl(urlsplit(address).query)
    body = asking.read(parameters)
    assert [part.model_dump(exclude_none=True) for part in body.like] == like
    assert [part.model_dump(exclude_none=True) for part in body.unlike] == unlike
    filters = Filters.of({name: value for name, value in parameters if name in Filters.model_fields})
    if plainest != "?":
        assert asking.page(body, filters) == plainest
        assert asking.read(parse_qsl(urlsplit(plainest).query)) == body or not plainest.startswith("/search")


async def test_a_question_of_several_parts_is_answered_by_the_server_first(serve: Serve) -> None:
    fake = make_services(40)
    about = Metadata(title="<b>Wave</b>")
    wave = fake.images.add(metadata=about)
    client = await serve(fake)
    address = f"/search?like={wave.id}&like=3~0.5&unlike=7"
    document = await page(client, address)
    data = data_of(document)
    body = {"like": [wave.id, {"id": 3, "weight": 0.5}], "unlike": [7], "limit": 60}
    async with client.post("/api/search", json=body) as response:
        answer = await response.json()
    assert data["answer"] == answer
    assert [int(tile.get("data-id")) for tile in document.xpath(TILES)] == [image["id"] for image in answer["results"]]
    assert {image["id"] for image in data["known"]} == {wave.id, 3, 7}
    assert document.xpath('//*[@id="chips"]//img/@alt') == ["<b>Wave</b>", "Untitled picture 3", "Untitled picture 7"]
    without = document.xpath('//*[@id="chips"]//a/@href')
    assert without[2] == f"/search?like={wave.id}&like=3~0.5"
    assert document.findtext("head/title") == "2 pictures – Artalike"


async def test_filters_narrow_every_page(serve: Serve) -> None:
    fake = make_services(20)
    theirs = [fake.images.add(metadata=Metadata(title="Wave", creator="Ogata")).id for _ in range(3)]
    client = await serve(fake)
    for path in ("/?", "/similar/1?", "/search?like=1&like=2&", "/search?text=wave&"):
        document = await page(client, f"{path}creator=Ogata&year_from=&orientation=")
        assert sorted(int(tile.get("data-id")) for tile in document.xpath(TILES)) == theirs, path
        assert "creator: ogata" in document.get_element_by_id("chips").text_content()
        data = data_of(document)
        if not path.startswith("/search"):
            async with client.get(data["first"]) as response:
                assert [image["id"] for image in (await response.json())["results"]] == [
                    image["id"] for image in data["answer"]["results"]
                ]
    await page(client, "/?color=red", status=400)


async def test_what_is_not_here_is_a_friendly_page(serve: Serve) -> None:
    client = await serve(make_services(3))
    document = await page(client, "/search?like=1&like=99", status=404)
    assert "99" in document.text_content()
    document = await page(client, f"/search?like={Q}", status=404)
    assert "no image of this collection" in document.text_content()


async def test_a_plain_form_leads_to_the_plainest_address(serve: Serve) -> None:
    client = await serve(make_services(3))
    for asked, led in {
        "/search?like=2": "/similar/2",
        "/search?text=": "/",
        "/search?unlike=2&host=a.b": "/?host=a.b",
    }.items():
        async with client.get(asked, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, led)


async def test_a_visitors_own_picture_is_not_in_its_address(serve: Serve) -> None:
    document = await page(await serve(make_services(3)), "/search?picture=abc123")
    assert document.xpath(TILES) == []
    assert data_of(document)["first"].startswith("/search?picture=abc123&limit=")


async def test_who_asks_too_much_is_told_on_a_page(serve: Serve) -> None:
    client = await serve(make_services(3, gallery={"queries_per_minute": 1}))
    await page(client, "/search?text=wave")
    document = await page(client, "/search?text=wave", status=429)
    assert "rest" in document.text_content()


async def test_suggestions_are_creators_and_titles(serve: Serve) -> None:
    fake = make_services(2)
    image = fake.images.add(metadata=Metadata(title="The Wave", creator="Waverly"))
    client = await serve(fake)
    async with client.get("/api/suggest?text=wave") as response:
        assert (await response.json())["results"] == [
            {"kind": "creator", "value": "Waverly", "images": 1, "id": None},
            {"kind": "title", "value": "The Wave", "images": 1, "id": image.id},
        ]
    for wrong in ("", "?text=", "?text=a&limit=21", f"?text={'a' * 201}"):
        async with client.get(f"/api/suggest{wrong}") as response:
            assert response.status == 400
