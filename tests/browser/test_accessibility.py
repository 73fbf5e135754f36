"""axe-core on every view as it opens, in light and dark, on a phone and on a laptop."""

from __future__ import annotations

from typing import Final, Literal

import pytest
from playwright.async_api import Page, expect

from artalike.records import Metadata
from tests.browser.conftest import Complaints, NewContext
from tests.browser.server import GalleryServer
from tests.browser.steps import accessible, drawn

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# Where it leads, and what is there once the page has opened.
VIEWS = {
    "/": "#wall > .tile img.loaded",
    "/?orientation=landscape": "#wall > .tile img.loaded",
    "/similar/5": "#question img.loaded",
    "/search?like=5&unlike=7": "#chips > li",
    "/image/5": "#viewer[open]",
    "/map": "#map",
    "/boards": "main",
    "/board?name=Blue&ids=1,2,99": "#kept > li",
    "/admin": "#sign-in",
    "/similar/999": "main.message",
}


SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")


async def accessible_in_light_and_dark(page: Page) -> None:
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        await drawn(page)
        await accessible(page)


@pytest.mark.parametrize("size", [(390, 844), (1440, 900)])
async def test_axe_finds_nothing_wrong_with_any_view(
    gallery: GalleryServer, new_context: NewContext, complaints: Complaints, size: tuple[int, int]
) -> None:
    complaints.expect("404")  # the last of them
    complaints.expect("ERR_NAME_NOT_RESOLVED")  # the home of the one that is looked at
    gallery.add(60, metadata=Metadata("The Wave", "Hokusai", "1831", "Woodcut", "CC0", "The Met", "https://a.example/"))
    viewport = {"width": size[0], "height": size[1]}
    context = await new_context(viewport=viewport, reduced_motion="reduce")
    page = await context.new_page()
    for path, there in VIEWS.items():
        await page.goto(gallery.url + path)
        await expect(page.locator(there).first).to_be_visible()
        await accessible_in_light_and_dark(page)
        assert await page.evaluate("document.documentElement.scrollWidth") <= size[0], path


async def test_axe_finds_nothing_wrong_with_what_opens_on_the_wall(
    gallery: GalleryServer, new_context: NewContext
) -> None:
    gallery.add(60, metadata=Metadata("The Wave", "Hokusai"))
    page = await (await new_context(reduced_motion="reduce")).new_page()
    await page.goto(gallery.url)
    await page.locator("main.ready .tile a").nth(3).focus()
    await page.keyboard.press("x")
    await expect(page.locator("#tray")).to_be_visible()
    await expect(page.locator(".tile .caption")).to_be_visible()
    await accessible_in_light_and_dark(page)
    await page.click("#filters summary")
    await expect(page.locator("#filter-form")).to_be_visible()
    await accessible_in_light_and_dark(page)
