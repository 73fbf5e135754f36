"""A browser finds nothing that would keep the gallery from being installed, and colours its frame as the page is."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.browser.server import GalleryServer
from tests.browser.steps import ready

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

THEME = """() => [...document.querySelectorAll('meta[name="theme-color"]')]
  .find((meta) => matchMedia(meta.media).matches).content"""
GROUND = """() => {
  const [r, g, b] = getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).map(Number);
  return `#${((1 << 24) | (r << 16) | (g << 8) | b).toString(16).slice(1)}`;
}"""


@pytest.mark.parametrize("path", ["/", "/similar/1", "/map", "/boards", "/admin"])
async def test_every_page_leads_to_a_manifest_without_a_mistake(gallery: GalleryServer, page: Page, path: str) -> None:
    gallery.add(3)
    await page.goto(gallery.url + path)
    devtools = await page.context.new_cdp_session(page)
    told = await devtools.send("Page.getAppManifest")
    assert told["url"] == f"{gallery.url}/app.webmanifest"
    assert told["errors"] == []
    assert '"display": "standalone"' in told["data"]
    found = await devtools.send("Page.getInstallabilityErrors")
    # Tests look at pages in windows that keep nothing, from which nothing is installed.
    assert {error["errorId"] for error in found["installabilityErrors"]} <= {"in-incognito"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_frame_has_the_colour_of_the_page(gallery: GalleryServer, page: Page, scheme: str) -> None:
    gallery.add(3)
    await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # pytest's parameters are plain texts
    await page.goto(gallery.url)
    await ready(page)
    assert await page.evaluate(THEME) == await page.evaluate(GROUND)
