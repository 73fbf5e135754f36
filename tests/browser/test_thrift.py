"""What nobody has asked for yet is not fetched where bytes are slow or paid for; what is asked for is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, Request, expect

from tests.browser.conftest import Complaints, NewContext
from tests.browser.server import GalleryServer
from tests.browser.steps import ready, scroll_to_end, settled

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LINE = "Object.defineProperty(navigator, 'connection', { value: %s });"


@pytest.mark.parametrize(
    ("line", "ahead", "sparing"),
    [
        ("{}", True, False),
        ("{ effectiveType: '4g', type: 'wifi' }", True, False),
        ("{ effectiveType: '3g' }", False, False),
        ("{ effectiveType: 'slow-2g' }", False, False),
        ("{ effectiveType: '4g', type: 'cellular' }", False, False),
        ("{ effectiveType: '4g', saveData: true }", False, True),
        ("{ reducedData: true }", False, True),
        ("{ saveData: undefined, effectiveType: undefined, type: undefined, reducedData: undefined }", True, False),
    ],
)
async def test_the_rule(gallery: GalleryServer, page: Page, line: str, ahead: bool, sparing: bool) -> None:
    await page.goto(gallery.url)
    told = await page.evaluate(
        f"import('/static/js/thrift.js').then((rule) => [rule.readsAhead({line}), rule.isSparing({line})])"
    )
    assert told == [ahead, sparing]


async def _walked(gallery: GalleryServer, new_context: NewContext, line: str) -> dict[str, Any]:
    """What a visitor's page has asked for at the top of the wall, while a picture is pressed, and in the viewer."""
    page = await (await new_context()).new_page()
    await page.add_init_script(LINE % line)
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url.removeprefix(gallery.url))

    page.on("request", note)
    await page.goto(gallery.url)
    await ready(page)
    await settled(page)
    pages = sum(url.startswith("/api/random") for url in asked)
    tiles = await page.locator("#wall > .tile").count()
    await page.locator("#wall > .tile a").first.hover()
    await page.mouse.down()
    await page.evaluate("new Promise(requestAnimationFrame)")
    pressed = sum("/similar" in url for url in asked)
    await page.mouse.up()
    await expect(page.locator("#question")).to_be_visible()
    await page.go_back()
    await ready(page)
    await settled(page)
    asked.clear()
    await page.locator("#wall > .tile a").first.focus()
    await page.keyboard.press("v")
    await expect(page.locator("#viewer")).to_be_visible()
    await page.locator("#viewer .pane-thumbnail.loaded").wait_for()
    return {"page": page, "pages": pages, "tiles": tiles, "pressed": pressed, "asked": asked}


async def test_a_generous_line_is_used_ahead_and_a_metered_one_is_not(
    gallery: GalleryServer, new_context: NewContext, complaints: Complaints
) -> None:
    complaints.expect("Failed to load resource")  # the pictures have no home
    gallery.add(400)
    fast = await _walked(gallery, new_context, "{ effectiveType: '4g', saveData: false }")
    slow = await _walked(gallery, new_context, "{ effectiveType: '3g', saveData: false }")
    assert fast["tiles"] > 1.5 * slow["tiles"]
    assert (fast["pressed"], slow["pressed"]) == (1, 0)
    assert slow["pages"] <= fast["pages"]
    await expect(fast["page"].locator("#viewer .next")).to_be_visible()
    await expect(slow["page"].locator("#viewer .next")).to_be_visible()
    thumbnails = [url for url in slow["asked"] if url.startswith("/thumbs/")]
    assert len({url.split("/")[2] for url in thumbnails}) <= 1, thumbnails


@pytest.mark.parametrize(("line", "ahead"), [("{ effectiveType: '4g' }", 1), ("{ saveData: true }", 0)])
async def test_who_rests_on_a_picture_has_its_answer_before_asking(
    gallery: GalleryServer, page: Page, line: str, ahead: int
) -> None:
    gallery.add(100)
    await page.add_init_script(LINE % line)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/similar?limit=20" in request.url else None)
    await page.goto(gallery.url)
    await ready(page)
    picture = page.locator("#wall > .tile a").nth(1)
    await picture.hover()
    await asyncio.sleep(1)
    assert len(asked) == ahead
    await picture.click()
    await page.wait_for_url("**/similar/*")
    await ready(page)
    assert len(asked) == 1


async def test_a_sparing_visitor_comes_to_the_end_all_the_same(gallery: GalleryServer, new_context: NewContext) -> None:
    gallery.add(150)
    page = await (await new_context()).new_page()
    await page.add_init_script(LINE % "{ saveData: true }")
    await page.goto(gallery.url)
    await ready(page)
    assert len(await scroll_to_end(page)) == 150
    await page.locator("#wall > .tile a").last.focus()
    await page.keyboard.press("v")
    await expect(page.locator("#viewer")).to_be_visible()
    await expect(page.locator("#viewer .previous")).to_be_visible()
