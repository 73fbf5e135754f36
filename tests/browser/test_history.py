"""From picture to picture and back: real addresses, and the same place found again."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, expect

from artalike.records import Metadata
from tests.browser.conftest import Complaints, NewContext
from tests.browser.server import GalleryServer
from tests.browser.steps import on_screen, ready, settled, tiles, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_click_shows_what_is_like_the_picture(gallery: GalleryServer, page: Page) -> None:
    about = Metadata(title="The Wave", creator="Hokusai", date="1831", page_url="https://museum.example/wave")
    gallery.add(80, metadata=about)
    await page.goto(gallery.url)
    await ready(page)
    picked = list(await tiles(page))[4]
    documents = await _documents(page)
    await page.click(f'.tile[data-id="{picked}"] a')
    assert page.url == f"{gallery.url}/similar/{picked}"
    await expect(page.locator("h1")).to_have_text("The Wave")
    await expect(page.locator('[data-field="creator"]')).to_have_text("Hokusai")
    await expect(page.locator('[data-field="home"]')).to_have_attribute("href", "https://museum.example/wave")
    await expect(page).to_have_title("The Wave, Hokusai – Artalike")
    await until(lambda: tiles(page), "pictures like it")
    assert await _documents(page) == documents  # no page was loaded
    ranked = await page.evaluate(f"fetch('/api/images/{picked}/similar?limit=60').then((answer) => answer.json())")
    shown = list(await tiles(page))
    assert shown == [image["id"] for image in ranked["results"]][: len(shown)]


async def test_the_address_of_a_picture_can_be_shared(
    gallery: GalleryServer, page: Page, new_context: NewContext
) -> None:
    gallery.add(60, metadata=Metadata(title="The Wave"))
    await page.goto(gallery.url)
    await ready(page)
    picked = list(await tiles(page))[2]
    await page.click(f'.tile[data-id="{picked}"] a')
    await until(lambda: tiles(page), "pictures like it")
    theirs = await (await new_context()).new_page()
    await theirs.goto(page.url)
    await ready(theirs)
    await expect(theirs.locator("h1")).to_have_text("The Wave")
    assert list(await tiles(theirs)) == list(await tiles(page))
    async with page.context.expect_page() as opened:
        await page.locator(".tile a").nth(1).click(modifiers=["ControlOrMeta"])
    await (await opened.value).wait_for_url("**/similar/*")
    assert page.url.endswith(f"/{picked}")  # this one stays where it is


async def test_back_finds_the_same_pictures_at_the_same_place_over_several_levels(
    gallery: GalleryServer, page: Page
) -> None:
    gallery.add(400)
    await page.goto(gallery.url)
    await ready(page)
    left: list[tuple[str, dict[int, float]]] = []
    for scroll in (2600, 900, 1300):
        left.append((page.url, await _wander(page, scroll)))
        await _open_one(page)
    for url, place in reversed(left):
        await page.go_back()
        await page.wait_for_url(url)
        await _same_place(page, place)
    await page.go_forward()
    await _same_place(page, left[1][1])


async def test_a_reload_keeps_the_place_and_back_still_works(gallery: GalleryServer, page: Page) -> None:
    gallery.add(400)
    await page.goto(gallery.url)
    await ready(page)
    wall = await _wander(page, 3000)
    await page.reload()
    await _same_place(page, wall)
    await _open_one(page)
    similar = await _wander(page, 1500)
    await page.reload()
    await _same_place(page, similar)
    await page.go_back()
    await _same_place(page, wall)


async def test_another_page_of_the_site_does_not_lose_the_place(gallery: GalleryServer, page: Page) -> None:
    gallery.add(300)
    await page.goto(gallery.url)
    await ready(page)
    wall = await _wander(page, 2200)
    await page.click("text=Admin")
    await page.wait_for_url("**/admin")
    await page.go_back()
    await ready(page)
    await _same_place(page, wall)


async def test_a_view_that_storage_has_lost_is_rebuilt_from_its_address(gallery: GalleryServer, page: Page) -> None:
    gallery.add(200, metadata=Metadata(title="The Wave"))
    await page.goto(f"{gallery.url}/similar/9")
    await ready(page)
    await _open_one(page)
    await page.evaluate("sessionStorage.clear()")
    await page.reload()
    await page.evaluate("sessionStorage.clear()")
    await page.go_back()
    await page.wait_for_url("**/similar/9")
    await expect(page.locator("h1")).to_have_text("The Wave")
    await until(lambda: tiles(page), "pictures like it")


async def test_full_storage_does_not_stop_anything(gallery: GalleryServer, page: Page) -> None:
    gallery.add(200)
    await page.goto(gallery.url)
    await ready(page)
    await page.evaluate("""() => { for (let size = 2 ** 23; size >= 1; size /= 2) {
      try { sessionStorage.setItem(`ballast ${size}`, "x".repeat(size)); } catch { /* full */ } } }""")
    place = await _wander(page, 1200)
    await _open_one(page)
    await page.go_back()
    await _same_place(page, place)


async def test_a_picture_that_is_not_there_has_a_friendly_page(
    gallery: GalleryServer, page: Page, complaints: Complaints
) -> None:
    complaints.expect("404")
    gallery.add(3)
    response = await page.goto(f"{gallery.url}/similar/77")
    assert response is not None
    assert response.status == 404
    await expect(page.get_by_text("There is no picture 77.")).to_be_visible()
    await page.get_by_text("Back to the pictures").click()
    await ready(page)


async def test_a_picture_taken_out_meanwhile_says_so(
    gallery: GalleryServer, page: Page, complaints: Complaints
) -> None:
    complaints.expect("404")
    gallery.add(50)
    await page.goto(gallery.url)
    await ready(page)
    picked = list(await tiles(page))[3]
    while not gallery.services.events.subscribers:  # who comes later is told, and lets the tile go before it is clicked
        await asyncio.sleep(0.02)
    gallery.fake.images.remove(picked)
    await page.click(f'.tile[data-id="{picked}"] a')
    await expect(page.locator("#gone")).to_be_visible()
    await page.keyboard.press("Backspace")
    await page.wait_for_url(gallery.url + "/")
    assert await tiles(page)


async def _wander(page: Page, scroll: int) -> dict[int, float]:
    """Scroll down in steps, as people do, and say what is on the screen."""
    for step in range(1, 5):
        await page.evaluate(f"scrollTo({{top: {scroll * step / 4}, behavior: 'instant'}})")
        await settled(page)
    return await settled(page)


async def _open_one(page: Page) -> None:
    shown = await on_screen(page)
    picked = next(id_ for id_, top in shown.items() if top > 60)
    await page.click(f'.tile[data-id="{picked}"] a')
    await page.wait_for_url(f"**/similar/{picked}")
    await until(lambda: tiles(page), "pictures like it")


async def _same_place(page: Page, place: dict[int, float]) -> None:
    await ready(page)
    now = await settled(page)
    assert list(now) == list(place)
    assert now == pytest.approx(place, abs=2)


async def _documents(page: Page) -> int:
    return int(await page.evaluate("window.marked = (window.marked ?? 0) || Math.floor(Math.random() * 1e9)"))
