"""The map, by what a visitor sees and does."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from PIL import Image as Pillow
from playwright.async_api import Page, expect

from artalike.layout.keeper import PictureMap
from artalike.records import Metadata
from tests.browser.conftest import Complaints, NewContext
from tests.browser.server import GalleryServer
from tests.browser.steps import until
from tests.fakes import DIMENSION, MODEL
from tests.layout.test_keeper import Computing, unpacked

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HOSTILE = '<img src=x onerror="alert(1)">\u202eevil'

Mapped = Callable[[int], Awaitable[GalleryServer]]


@pytest_asyncio.fixture(loop_scope="session")
async def mapped(tmp_path: Path) -> AsyncIterator[Mapped]:
    """A server of so many pictures, all on its map, which goes on following the collection."""
    started: list[tuple[GalleryServer, asyncio.Task[None]]] = []

    async def start(count: int) -> GalleryServer:
        server = GalleryServer(tmp_path)
        server.add(count, metadata=Metadata(title="Harvest", creator="P. Bruegel"))
        picture_map = PictureMap(
            server.fake.images, tmp_path / "map.npz", MODEL, DIMENSION, step_seconds=0.05, compute=Computing()
        )
        server.fake.answer(picture_map=picture_map)
        await server.start()
        started.append((server, asyncio.create_task(picture_map.run())))
        async with asyncio.timeout(60):
            while (await picture_map.status()).points < count:
                await asyncio.sleep(0.02)
        return server

    yield start
    for server, task in started:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.stop()


async def opened(page: Page, server: GalleryServer, address: str = "/map") -> None:
    await page.goto(server.url + address)
    await expect(page.locator("#tools")).to_be_visible()


async def spot(page: Page, server: GalleryServer, image_id: int, *, zoom: float = 0) -> tuple[float, float]:
    """Where a picture's point is on the screen when the map's middle is in its middle."""
    async with aiohttp.ClientSession(server.url) as session, session.get("/api/map/points") as response:
        points = unpacked(await response.read())
    row = points["ids"].tolist().index(image_id)
    box = await page.locator("#map").bounding_box()
    assert box is not None
    scale = min(box["width"], box["height"]) / 65536 * 2**zoom
    x = box["x"] + box["width"] / 2 + (int(points["across"][row]) - 32768) * scale
    y = box["y"] + box["height"] / 2 + (int(points["down"][row]) - 32768) * scale
    return x, y


async def inked(page: Page, x: float, y: float) -> object:
    """The colour at a place on the screen."""
    data = await page.screenshot(clip={"x": round(x), "y": round(y), "width": 1, "height": 1})
    return await asyncio.to_thread(lambda: Pillow.open(io.BytesIO(data)).convert("RGB").getpixel((0, 0)))


async def view(page: Page) -> list[float]:
    """Its place and zoom as the address has them; in the middle of the whole where it has none."""
    told = (await page.evaluate("location.hash")).removeprefix("#")
    return [float(number) for number in (told or "0.5,0.5,0").split(",")]


async def test_the_wall_leads_to_the_map_and_a_picture_leads_to_the_wall_and_back(mapped: Mapped, page: Page) -> None:
    server = await mapped(80)
    await page.goto(server.url)
    await page.get_by_role("link", name="Map").click()
    await expect(page.locator("#tools")).to_be_visible()
    await expect(page.get_by_role("application", name="Map of 80 pictures")).to_be_visible()
    x, y = await spot(page, server, 17)
    await page.mouse.move(x, y)
    for _ in range(3):
        await page.mouse.wheel(0, -300)
    await page.mouse.move(x, y + 1)
    await expect(page.locator("#card")).to_be_visible()
    await expect(page.locator("#card .card-title")).to_have_text("Harvest")
    await until(lambda: page.evaluate("location.hash"), "the view is in the address")
    address = await page.evaluate("document.querySelector('#card').getAttribute('href')")
    await page.mouse.click(x, y + 1)
    await page.wait_for_url(f"**{address}")
    await page.go_back()
    await page.wait_for_url("**/map#*")
    assert (await view(page))[2] == 3.0


async def test_each_picture_is_a_dot_of_its_colour_and_a_picture_when_near(mapped: Mapped, page: Page) -> None:
    server = await mapped(6000)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/thumbs/" in request.url else None)
    await opened(page, server)
    x, y = await spot(page, server, 6000)
    paper = await inked(page, x, 70)
    await until(lambda: _other(page, x, y, paper), "there is a dot")
    assert asked == []  # far off nothing is loaded
    await page.mouse.move(x, y)
    for _ in range(5):
        await page.mouse.wheel(0, -300)
    await until(lambda: _true(len(asked) > 3), "thumbnails come when near")
    await asyncio.sleep(0.5)
    assert len(set(asked)) < 700


async def _other(page: Page, x: float, y: float, color: object) -> bool:
    return await inked(page, x, y) != color


async def _true(holds: bool) -> bool:
    return holds


async def test_wheel_hand_buttons_and_keys_move_the_view_which_a_reload_keeps(mapped: Mapped, page: Page) -> None:
    server = await mapped(50)
    await page.emulate_media(reduced_motion="reduce")
    await opened(page, server)
    await page.get_by_role("button", name="Zoom in").click()
    await until(lambda: _zoom_is(page, 1), "a button zooms")
    await page.mouse.move(600, 400)
    await page.mouse.down()
    await page.mouse.move(500, 300, steps=4)
    await page.mouse.up()
    await until(lambda: _moved(page), "a hand drags")
    x, y, _ = await view(page)
    assert x > 0.5
    assert y > 0.5
    assert "/map" in page.url
    await page.locator("#map").focus()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("+")
    await until(lambda: _zoom_is(page, 2), "keys zoom")
    assert (await view(page))[0] < x
    before = await view(page)
    await page.reload()
    await expect(page.locator("#tools")).to_be_visible()
    assert await view(page) == before
    await page.keyboard.press("Tab")
    await page.locator("#map").focus()
    await page.keyboard.press("0")
    await until(lambda: _zoom_is(page, 0), "0 shows the whole")


async def _zoom_is(page: Page, zoom: float) -> bool:
    return (await view(page))[2] == zoom


async def _moved(page: Page) -> bool:
    return (await view(page))[:2] != [0.5, 0.5]


async def test_by_keys_the_picture_in_the_middle_is_told_and_opened(mapped: Mapped, page: Page) -> None:
    server = await mapped(50)
    await page.emulate_media(reduced_motion="reduce")
    await opened(page, server)
    await page.locator("#map").focus()
    await page.keyboard.press("ArrowRight")
    await until(lambda: _moved(page), "a key moves the view")
    await expect(page.locator("#card")).to_be_visible()
    await expect(page.locator("#spoken")).to_have_text("Harvest, P. Bruegel")
    address = await page.evaluate("document.querySelector('#card').getAttribute('href')")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{address}")


async def test_the_pictures_near_the_middle_are_also_a_list_of_links(mapped: Mapped, page: Page) -> None:
    server = await mapped(50)
    await opened(page, server)
    await page.get_by_role("button", name="List").click()
    links = page.locator("#listed a")
    await expect(links).to_have_count(12)
    await expect(links.first).to_have_text("HarvestP. Bruegel")
    address = await links.first.get_attribute("href")
    await links.first.click()
    await page.wait_for_url(f"**{address}")


async def test_titles_full_of_markup_are_text(mapped: Mapped, page: Page) -> None:
    server = await mapped(1)
    server.fake.images.by_id[1] = replace(server.fake.images.by_id[1], metadata=Metadata(title=HOSTILE))
    await opened(page, server)
    x, y = await spot(page, server, 1)
    await page.mouse.move(x, y)
    await expect(page.locator("#card .card-title")).to_have_text(HOSTILE)
    await page.get_by_role("button", name="List").click()
    await expect(page.locator("#listed .listed-title")).to_have_text(HOSTILE)
    assert await page.locator("#card img, #listed img").count() == 2


async def test_new_pictures_appear_and_removed_ones_go(mapped: Mapped, page: Page) -> None:
    server = await mapped(40)
    await page.clock.install()
    await opened(page, server)
    await expect(page.locator("#counter")).to_have_text("40 pictures")
    server.add(5)
    picture_map = server.services.picture_map
    assert picture_map is not None
    await until(lambda: _on(picture_map, 45), "the server has placed them")
    await page.clock.run_for(9000)
    await expect(page.locator("#counter")).to_have_text("45 pictures")
    await expect(page.get_by_role("application", name="Map of 45 pictures")).to_be_visible()
    server.remove(server.fake.images.by_id[3])
    await page.clock.run_for(9000)
    await expect(page.locator("#counter")).to_have_text("44 pictures")


async def _on(picture_map: PictureMap, count: int) -> bool:
    return (await picture_map.status()).points == count


async def test_a_finger_first_sees_what_a_dot_is(mapped: Mapped, new_context: NewContext) -> None:
    server = await mapped(6000)
    context = await new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = await context.new_page()
    await opened(page, server, "/map#0.5,0.5,-0.5")
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    x, y = await spot(page, server, 6000, zoom=-0.5)
    await page.touchscreen.tap(x, y)
    await expect(page.locator("#card")).to_be_visible()
    assert page.url.startswith(f"{server.url}/map")
    address = await page.locator("#card").get_attribute("href")
    await page.touchscreen.tap(x, y)
    await page.wait_for_url(f"**{address}")


async def test_an_empty_collection_and_a_map_being_laid_out_are_told(gallery: GalleryServer, page: Page) -> None:
    await page.goto(gallery.url + "/map")
    await expect(page.locator("#empty")).to_contain_text("nothing to map yet")
    gallery.add(3)
    picture_map: Any = gallery.services.picture_map
    picture_map._progress = 0.42
    await page.reload()
    await expect(page.locator("#waiting")).to_contain_text("42 %")


async def test_a_map_that_is_turned_off_has_no_page(page: Page, gallery: GalleryServer, complaints: Complaints) -> None:
    await gallery.stop()
    gallery.fake.answer(picture_map=None)
    await gallery.start()
    complaints.expect("404")
    response = await page.goto(gallery.url + "/map")
    assert response is not None
    assert response.status == 404
