"""Where the pictures like one picture become less alike, a line says so and nothing is hidden."""

from __future__ import annotations

from typing import Any

import aiohttp
import numpy as np
import pytest
from playwright.async_api import Page, expect

from artalike.search.cutoff import FEWEST
from tests.browser.conftest import NewContext
from tests.browser.server import GalleryServer
from tests.browser.steps import ready, scroll_to_end, settled, tiles, until
from tests.fakes import DIMENSION, vector_of

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

REST = "The rest is less alike"
NOTHING = "Nothing here is much like it; these come nearest"
ORDER = "[...document.querySelectorAll('#wall > li')].map((item) => item.dataset.id ? Number(item.dataset.id) : 0)"


def hang(gallery: GalleryServer, *, alike: int, others: int) -> None:
    """Picture 1, so many like it, and others."""
    gallery.add(1 + alike + others)
    dice = np.random.default_rng(3)
    vectors = gallery.fake.index.vectors
    for number in range(2, 2 + alike):
        vector = vectors[1] + 0.04 * dice.standard_normal(len(vectors[1]))
        vectors[number] = (vector / np.linalg.norm(vector)).astype(np.float32)


async def answer(gallery: GalleryServer, limit: int) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{gallery.url}/api/images/1/similar?limit={limit}") as response,
    ):
        told: dict[str, Any] = await response.json()
        return told


async def above(gallery: GalleryServer) -> set[int]:
    told = await answer(gallery, 200)
    return {image["id"] for image in told["results"] if image["score"] >= told["cutoff"]}


async def check(page: Page, alike: set[int]) -> None:
    """The line stands below all that is alike and above all else, also in reading order, and covers nothing."""
    line = await page.locator(".divider").bounding_box()
    wall = await page.locator("#wall").bounding_box()
    assert line is not None
    assert wall is not None
    assert (line["x"], line["width"]) == pytest.approx((wall["x"], wall["width"]))
    top = line["y"] + await page.evaluate("scrollY")
    shown = await tiles(page)
    for number, (_, y, _, height) in shown.items():
        assert y + height <= top if number in alike else y >= top + line["height"], number
    order = await page.evaluate(ORDER)
    assert set(order[: order.index(0)]) == alike & set(shown)


async def test_a_line_parts_what_is_alike_from_the_rest(gallery: GalleryServer, page: Page) -> None:
    hang(gallery, alike=30, others=300)
    alike = await above(gallery)
    assert set(range(2, 32)) <= alike
    await page.goto(f"{gallery.url}/similar/1")
    await ready(page)
    await expect(page.get_by_text(REST)).to_be_visible()
    await check(page, alike)
    first = next(iter(await tiles(page)))
    assert len(await scroll_to_end(page)) == 330  # and nothing is hidden
    await page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    await until(lambda: shows(page, first), "the top again")
    await check(page, alike)


async def test_the_line_comes_with_the_page_of_the_answer_that_brings_it(gallery: GalleryServer, page: Page) -> None:
    hang(gallery, alike=120, others=300)
    first = await answer(gallery, gallery.services.settings.gallery.page_size)
    assert first["results"][-1]["score"] > first["cutoff"]
    await page.goto(f"{gallery.url}/similar/1")
    await ready(page)
    await scroll_to_end(page)
    await page.locator(".divider").scroll_into_view_if_needed()
    await check(page, await above(gallery))


async def test_a_picture_opened_on_the_wall_has_its_line(gallery: GalleryServer, page: Page) -> None:
    hang(gallery, alike=30, others=300)
    await page.goto(f"{gallery.url}/similar/40")
    await ready(page)
    await until(lambda: wheeled_to(page, 1), "the picture on the wall")
    await page.locator('.tile[data-id="1"] a').click()
    await page.wait_for_url("**/similar/1")
    await until(lambda: wheeled_to(page, 2), "the pictures like it")
    await expect(page.get_by_text(REST)).to_be_visible()
    await check(page, await above(gallery))


async def test_where_nothing_is_alike_the_line_says_so_at_the_top(gallery: GalleryServer, page: Page) -> None:
    gallery.add(200)
    # A picture as far from all others as can be: of a direction that none of them has.
    vectors = gallery.fake.index.vectors
    flat = {number: np.append(vector[:-1], 0) for number, vector in vectors.items()}
    flat[1] = np.eye(DIMENSION)[-1] + 0.1 * vector_of("a little")
    for number, vector in flat.items():
        vectors[number] = (vector / np.linalg.norm(vector)).astype(np.float32)
    assert await above(gallery) == set()
    await page.goto(f"{gallery.url}/similar/1")
    await ready(page)
    await expect(page.get_by_text(NOTHING)).to_be_visible()
    await check(page, set())


async def test_no_line_where_it_cannot_be_told_or_is_not_asked(gallery: GalleryServer, page: Page) -> None:
    gallery.add(FEWEST - 1)
    await page.goto(f"{gallery.url}/similar/1")
    await ready(page)
    await expect(page.locator(".divider")).to_have_count(0)
    gallery.add(200)
    await page.goto(gallery.url)
    await ready(page)
    await expect(page.locator(".divider")).to_have_count(0)


async def test_the_line_is_there_again_after_going_on_back_and_loading_anew(gallery: GalleryServer, page: Page) -> None:
    hang(gallery, alike=30, others=300)
    alike = await above(gallery)
    await page.goto(gallery.url)
    await ready(page)
    await page.goto(f"{gallery.url}/similar/1")
    await ready(page)
    before = await tiles(page)
    await page.locator(".tile").first.click()
    await page.wait_for_url(lambda url: not url.endswith("/similar/1"))
    await page.go_back()
    await until(lambda: shows(page, 2), "the pictures like the first one")
    await expect(page.get_by_text(REST)).to_be_visible()
    await check(page, alike)
    await page.reload()
    await ready(page)
    await check(page, alike)
    assert (await tiles(page)).items() >= dict(list(before.items())[:20]).items()


async def test_the_line_keeps_its_place_when_the_window_and_the_collection_change(
    gallery: GalleryServer, page: Page
) -> None:
    hang(gallery, alike=30, others=300)
    alike = await above(gallery)
    await page.goto(f"{gallery.url}/similar/1")
    await ready(page)
    await page.set_viewport_size({"width": 500, "height": 1400})
    await until(lambda: narrow(page), "the rows of a narrow window")
    await page.locator(".divider").scroll_into_view_if_needed()
    await check(page, alike)
    for number in (min(alike), 200):
        gallery.remove(gallery.fake.images.by_id[number])
        await until(lambda number=number: lacks(page, number), "the picture to go")  # type: ignore[misc]
        await check(page, alike - {number})


async def test_the_arrow_keys_cross_the_line(gallery: GalleryServer, page: Page) -> None:
    hang(gallery, alike=30, others=300)
    alike = await above(gallery)
    await page.goto(f"{gallery.url}/similar/1")
    await ready(page)
    await page.evaluate("scrollTo({top: 400, behavior: 'instant'})")
    await settled(page)
    order = list(await tiles(page))
    await page.locator(f'.tile[data-id="{order[len(alike) - 1]}"] a').focus()
    await page.keyboard.press("ArrowDown")
    below = await page.evaluate("Number(document.activeElement.closest('.tile').dataset.id)")
    assert below not in alike
    await page.keyboard.press("ArrowUp")
    assert await page.evaluate("Number(document.activeElement.closest('.tile').dataset.id)") in alike


async def test_without_scripts_the_line_is_there_too(gallery: GalleryServer, new_context: NewContext) -> None:
    hang(gallery, alike=20, others=300)
    context = await new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{gallery.url}/similar/1")
    line = await page.get_by_text(REST).bounding_box()
    last = await page.locator(".tile").nth(len(await above(gallery)) - 1).bounding_box()
    after = await page.locator(".tile").nth(len(await above(gallery))).bounding_box()
    assert line is not None
    assert last is not None
    assert after is not None
    assert last["y"] + last["height"] <= line["y"]
    assert line["y"] + line["height"] <= after["y"]


async def shows(page: Page, image_id: int) -> bool:
    return image_id in await tiles(page)


async def wheeled_to(page: Page, image_id: int) -> bool:
    await page.mouse.wheel(0, 600)
    return await shows(page, image_id)


async def lacks(page: Page, image_id: int) -> bool:
    return image_id not in await tiles(page)


async def narrow(page: Page) -> bool:
    return all(x + width <= 500 for x, _, width, _ in (await tiles(page)).values())
