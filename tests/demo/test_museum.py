"""The museum: everything it names is there, and a crawler finds all it needs."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from lxml import etree, html
from PIL import Image
from protego import Protego
from yarl import URL

from artalike.demo import museum as module
from artalike.demo.families import BY_KEY, FAMILIES, piece
from artalike.demo.museum import LICENSE, Museum

PIECES = 2 * len(FAMILIES)
SITEMAP = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9", "i": "http://www.google.com/schemas/sitemap-image/1.1"}


@pytest.fixture
async def museum() -> AsyncIterator[Museum]:
    async with Museum(port=0, pieces=PIECES) as museum:
        yield museum


@pytest.fixture
async def visitor(museum: Museum) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(museum.url, raise_for_status=True) as session:
        yield session


def document(source: str | bytes, base: str | None = None) -> Any:
    """The page as a tree; Any, for the stubs know neither links nor what an XPath gives."""
    return html.document_fromstring(source, base_url=base)


async def text(visitor: aiohttp.ClientSession, path: str) -> str:
    async with visitor.get(path) as response:
        return await response.text()


async def test_every_link_and_picture_resolves_and_all_works_are_reached_from_the_home_page(
    museum: Museum, visitor: aiohttp.ClientSession
) -> None:
    seen, waiting = {"/"}, ["/"]
    while waiting:
        path = waiting.pop()
        async with visitor.get(path) as response:
            body = await response.read()
            if response.content_type != "text/html":
                continue
        page = document(body, museum.url + path)
        page.make_links_absolute()
        for _, _, link, _ in page.iterlinks():
            if link.startswith(museum.url) and (place := URL(link).path) not in seen:
                seen.add(place)
                waiting.append(place)
    assert {f"/works/{number}" for number in range(PIECES)} <= seen
    assert {f"/images/{piece(number).file_name}" for number in range(PIECES)} <= seen
    assert {f"/rooms/{key}" for key in BY_KEY} <= seen


async def test_robots_names_the_sitemap_and_keeps_one_place_closed(
    museum: Museum, visitor: aiohttp.ClientSession
) -> None:
    robots = Protego.parse(await text(visitor, "/robots.txt"))
    assert robots.can_fetch(f"{museum.url}/works/1", "artalike/1")
    assert not robots.can_fetch(f"{museum.url}/depot/", "artalike/1")
    assert list(robots.sitemaps) == [f"{museum.url}/sitemap.xml"]
    assert "<img" in await text(visitor, "/depot/")


async def test_the_sitemaps_list_every_page_and_picture_with_its_title(
    museum: Museum, visitor: aiohttp.ClientSession
) -> None:
    index = etree.fromstring((await text(visitor, "/sitemap.xml")).encode())
    pictures = {}
    for sitemap in index.findall("s:sitemap/s:loc", SITEMAP):
        tree = etree.fromstring((await text(visitor, URL(sitemap.text or "").path)).encode())
        for entry in tree.findall("s:url", SITEMAP):
            picture = entry.find("i:image", SITEMAP)
            if picture is not None:
                titled = picture.findtext("i:loc", namespaces=SITEMAP), picture.findtext("i:title", namespaces=SITEMAP)
                pictures[entry.findtext("s:loc", namespaces=SITEMAP)] = titled
    assert pictures == {
        f"{museum.url}/works/{number}": (f"{museum.url}/images/{piece(number).file_name}", piece(number).title)
        for number in range(PIECES)
    }


async def test_a_work_says_what_it_is_in_json_ld_and_open_graph(museum: Museum, visitor: aiohttp.ClientSession) -> None:
    work = piece(7)
    page = document(await text(visitor, "/works/7"))
    data = json.loads(page.xpath("//script[@type='application/ld+json']/text()")[0])
    assert data["@type"] == "VisualArtwork"
    assert (data["name"], data["creator"]["name"], data["dateCreated"]) == (work.title, work.artist, work.date)
    assert data["artform"] == work.family
    assert data["license"] == LICENSE
    image = f"{museum.url}/images/{work.file_name}"
    assert data["image"]["contentUrl"] == image
    assert page.xpath("string(//meta[@property='og:image']/@content)") == image
    assert page.xpath("string(//meta[@property='og:title']/@content)") == work.title
    assert page.xpath("string(//figure/img/@alt)") == work.title


async def test_a_picture_is_served_with_its_type_and_only_once_to_who_keeps_it(visitor: aiohttp.ClientSession) -> None:
    path = f"/images/{piece(5).file_name}"
    async with visitor.get(path) as response:
        assert response.content_type == "image/png"
        assert "max-age" in response.headers["Cache-Control"]
        with Image.open(io.BytesIO(await response.read())) as image:
            assert image.size == (piece(5).width, piece(5).height)
        tag = response.headers["ETag"]
    async with visitor.get(path, headers={"If-None-Match": tag}) as response:
        assert response.status == 304
        assert await response.read() == b""
        assert response.headers["ETag"] == tag
    async with visitor.head(path) as response:
        assert response.content_type == "image/png"


@pytest.mark.parametrize(
    "path",
    [
        f"/works/{PIECES}",
        "/works/x",
        f"/works/{'9' * 5000}",
        "/rooms/none",
        "/sitemaps/none.xml",
        "/images/5.jpg",
        f"/images/{PIECES}.jpg",
        "/images/../museum.py",
        "/depot/0.jpg",
        "/none",
    ],
)
async def test_what_is_not_there_is_not_found(museum: Museum, path: str) -> None:
    async with aiohttp.ClientSession(museum.url) as visitor, visitor.get(path) as response:
        assert response.status == 404


async def test_titles_are_shown_and_never_run(museum: Museum, visitor: aiohttp.ClientSession) -> None:
    wicked = """</script><script>alert("1")</script> & 'more'"""
    room = museum._rooms["grids"]
    room[0] = replace(room[0], title=wicked)
    for path in ("/works/0", "/rooms/grids", "/"):
        page = await text(visitor, path)
        assert "alert(" not in document(page).xpath("string(//script[not(@type)])")
        assert wicked not in page
        assert wicked in document(page).xpath("//img/@alt")
    sitemap = etree.fromstring((await text(visitor, "/sitemaps/grids.xml")).encode())
    assert sitemap.findtext(".//i:title", namespaces=SITEMAP) == wicked


async def test_the_cache_has_a_bound(
    visitor: aiohttp.ClientSession, museum: Museum, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CACHED_IMAGES", 3)
    await asyncio.gather(*(text_of_image(visitor, number) for number in (*range(8), *range(8))))
    assert len(museum._images) == 3


async def text_of_image(visitor: aiohttp.ClientSession, number: int) -> None:
    async with visitor.get(f"/images/{piece(number).file_name}") as response:
        assert await response.read()


async def test_a_busy_port_falls_back_to_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with Museum(port=port, pieces=1) as museum, aiohttp.ClientSession(museum.url) as visitor:
            assert URL(museum.url).port != port
            assert "</html>" in await text(visitor, "/")


async def test_leaving_closes_it_and_a_small_museum_has_few_rooms() -> None:
    async with Museum(port=0, pieces=3) as museum, aiohttp.ClientSession(museum.url) as visitor:
        index = etree.fromstring((await text(visitor, "/sitemap.xml")).encode())
        assert len(index) == 3
        url = museum.url
    async with aiohttp.ClientSession() as visitor:
        with pytest.raises(aiohttp.ClientConnectionError):
            await visitor.get(url)
