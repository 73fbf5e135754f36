"""Tiles that have left the screen come back with other pictures, and with nothing of those that they showed before."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import Complaints
from tests.browser.server import GalleryServer
from tests.browser.steps import drawn, ready, settled, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# What tiles on the wall say that is not of their own picture, and what they show before it has come.
FOREIGN = """(touched) => [...document.querySelectorAll("#wall > .tile")].flatMap((tile) => {
  const { id } = tile.dataset;
  const picture = tile.querySelector("img");
  const wrong = [];
  const check = (what, holds) => holds || wrong.push(`${what} of ${id}: ${tile.outerHTML}`);
  check("link", tile.querySelector("a").getAttribute("href") === `/similar/${id}`);
  check("words", picture.alt === `Untitled picture ${id}`);
  check("source", picture.getAttribute("src").startsWith(`/thumbs/${id}/`));
  check("sizes", (picture.srcset.match(/[/]thumbs[/]\\d+/g) ?? []).every((source) => source === `/thumbs/${id}`));
  // One that is sharpened shows its small thumbnail until the larger one is there, and names neither.
  const shown = picture.currentSrc || (picture.dataset.sharp ? picture.src : "about:blank");
  const unseen = getComputedStyle(picture).opacity === "0";
  check("visible picture", unseen || new URL(shown).pathname.startsWith(`/thumbs/${id}/`));
  if (id === touched) return wrong;
  check("parts", tile.children.length === 1 && tile.firstElementChild.children.length === 1);
  check("marks", tile.className === "tile");
  return wrong;
})"""

MARK = "document.querySelectorAll('#wall > .tile').forEach((tile) => { tile.marked = true; })"
REUSED = "[...document.querySelectorAll('#wall > .tile')].filter((tile) => tile.marked).length"


async def scrolled(page: Page, touched: str, times: int) -> list[Any]:
    """Scroll on; what was wrong on the way, but for the parts of a picture that was touched."""
    wrong = []
    for _ in range(times):
        await page.evaluate("(top) => scrollBy({top, behavior: 'instant'})", 900)
        await drawn(page)
        wrong += await page.evaluate(FOREIGN, touched)
    return wrong


async def test_a_tile_that_hangs_again_has_nothing_of_its_picture_before(gallery: GalleryServer, page: Page) -> None:
    gallery.add(600)
    await page.goto(gallery.url)
    await ready(page)
    await settled(page)
    first = page.locator("#wall > .tile a").first
    touched = str(await first.evaluate("(link) => link.closest('.tile').dataset.id"))
    await first.hover()  # a caption and buttons
    await first.focus()
    await page.keyboard.press("x")  # picked
    await page.evaluate("document.activeElement.blur()")
    await page.mouse.move(0, 0)
    await page.evaluate(MARK)

    line = {"delay": 0.3}

    async def late(route: Route) -> None:
        await asyncio.sleep(line["delay"])
        await route.continue_()

    await page.route("**/thumbs/**", late)
    assert await scrolled(page, touched, 10) == []
    assert await page.evaluate(REUSED) > 5
    line["delay"] = 0
    await settled(page)
    assert await page.evaluate(FOREIGN, touched) == []
    assert await page.locator("#wall > .tile img.loaded").count() > 5
    await page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    await expect(page.locator("#wall > .tile.picked")).to_have_count(1)  # as it was left


async def test_what_failed_before_is_not_offered_for_the_next_picture(
    gallery: GalleryServer, page: Page, complaints: Complaints
) -> None:
    complaints.expect("500")
    gallery.add(600)

    async def broken(route: Route) -> None:
        await route.fulfill(status=500)

    await page.add_init_script(
        "const ask = setTimeout; setTimeout = (call, wait) => ask(call, Math.min(wait ?? 0, 20));"
    )
    await page.route("**/thumbs/**", broken)
    await page.goto(gallery.url)
    await ready(page)
    await expect(page.locator("#wall > .tile .again:visible").first).to_be_visible()
    await page.evaluate(MARK)
    await page.unroute("**/thumbs/**")
    await page.evaluate("scrollTo({top: 6000, behavior: 'instant'})")
    await until(lambda: page.evaluate(REUSED), "tiles that hang again")
    await settled(page)
    await expect(page.locator("#wall > .tile:not(:has(img.loaded))")).to_have_count(0)
    await expect(page.locator("#wall .again:visible")).to_have_count(0)
