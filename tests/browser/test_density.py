"""How densely pictures hang is the visitor's choice: by a control or a key, kept by the browser."""

from __future__ import annotations

from statistics import fmean

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import NewContext
from tests.browser.server import GalleryServer
from tests.browser.steps import accessible, on_screen, ready, settled, tiles

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.shifted += entry.value)))
  .observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture
def full(gallery: GalleryServer) -> GalleryServer:
    gallery.add(300)
    return gallery


async def test_the_control_hangs_pictures_closer_or_further_apart(full: GalleryServer, page: Page) -> None:
    await page.goto(full.url)
    await ready(page)
    control = page.get_by_role("combobox", name="Density of the wall")
    await expect(control).to_have_value("normal")
    heights = {}
    for density in ("airy", "normal", "dense"):
        await control.select_option(density)
        boxes = list((await tiles(page)).values())
        heights[density] = fmean(height for _, _, _, height in boxes)
        edge = await page.evaluate("document.querySelector('#wall').getBoundingClientRect().right")
        ends = {top: max(left + width for left, at, width, _ in boxes if at == top) for _, top, _, _ in boxes}
        assert all(edge - 1 < end <= edge for end in ends.values())
    assert heights["airy"] > 1.25 * heights["normal"] > 1.25 * 1.25 * heights["dense"]
    await accessible(page)


async def test_a_key_changes_it_and_says_so_and_the_place_is_kept(full: GalleryServer, page: Page) -> None:
    await page.goto(full.url)
    await ready(page)
    await page.evaluate("scrollTo({top: 1500, behavior: 'instant'})")
    shown = await settled(page)
    first = min(shown, key=lambda id_: abs(shown[id_]))
    await page.keyboard.press("d")
    await expect(page.locator("#density")).to_have_value("dense")
    await expect(page.locator("#spoken")).to_have_text("The wall is dense.")
    assert first in await on_screen(page)
    await page.locator("#ask-text").fill("red")
    await page.locator("#ask-text").press("d")
    await expect(page.locator("#density")).to_have_value("dense")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await page.locator("h1, #asked-title").first.focus()
    await page.keyboard.press("?")
    await expect(page.locator("#help")).to_contain_text("another density")


async def test_it_is_there_when_the_page_is_drawn_again_and_in_other_tabs(
    full: GalleryServer, new_context: NewContext
) -> None:
    context = await new_context()
    page = await context.new_page()
    await page.add_init_script(SHIFTS)
    await page.goto(full.url)
    await ready(page)
    other = await context.new_page()
    await other.goto(full.url)
    await ready(other)
    await page.locator("#density").select_option("dense")
    await expect(other.locator("#density")).to_have_value("dense")
    before = await tiles(page)
    await page.reload()
    await ready(page)
    assert await page.evaluate("document.documentElement.dataset.density") == "dense"
    await expect(page.locator("#density")).to_have_value("dense")
    again = await tiles(page)
    assert {id_: again[id_] for id_ in before if id_ in again} == {id_: before[id_] for id_ in before if id_ in again}
    assert await page.evaluate("window.shifted") < 0.02


async def test_a_choice_that_is_none_and_storage_that_is_forbidden_harm_nothing(
    full: GalleryServer, new_context: NewContext
) -> None:
    for script in (
        'localStorage.setItem("artalike:density", "<b>")',
        'Object.defineProperty(window, "localStorage", { get() { throw new DOMException("no", "SecurityError"); } })',
    ):
        page = await (await new_context()).new_page()
        await page.add_init_script(script)
        await page.goto(full.url)
        await ready(page)
        await expect(page.locator("#density")).to_have_value("normal")
        await page.keyboard.press("d")
        await expect(page.locator("#density")).to_have_value("dense")
