"""What tests do on the gallery's pages, and what they read off them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

Box = tuple[float, float, float, float]

TILES = """() => [...document.querySelectorAll("#wall > .tile")].map((tile) => {
  const box = tile.getBoundingClientRect();
  return [Number(tile.dataset.id), box.left + scrollX, box.top + scrollY, box.width, box.height];
})"""

DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"

AT_THE_BOTTOM = "scrollY + innerHeight >= document.documentElement.scrollHeight - 2"


async def tiles(page: Page) -> dict[int, Box]:
    """Ids and boxes (left, top, width, height on the page) of the tiles that are in the page, in reading order."""
    return {int(row[0]): (row[1], row[2], row[3], row[4]) for row in await page.evaluate(TILES)}


async def on_screen(page: Page) -> dict[int, float]:
    """Ids of the tiles on the screen, with the distance of each from the top of the screen."""
    top, height = await page.evaluate("[scrollY, innerHeight]")
    shown = await tiles(page)
    return {id_: y - top for id_, (_, y, _, h) in shown.items() if y + h > top and y < top + height}


async def until(condition: Callable[[], Awaitable[Any]], what: str, *, seconds: float = 30.0) -> Any:
    """Wait for a condition; what it gave when it came true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := await condition():
            return value
        await asyncio.sleep(0.03)
    raise AssertionError(f"waited {seconds} s in vain: {what}")


async def ready(page: Page) -> None:
    """The script has taken over and something hangs on the wall."""
    await page.wait_for_selector("main.ready .wall.ready > .tile")


async def drawn(page: Page) -> None:
    """The page has had its turn to follow what was done to it, however late that comes on a busy machine."""
    await page.evaluate(DRAWN)


async def settled(page: Page) -> dict[int, float]:
    """What is on the screen, once that stays the same for a moment."""
    before = await on_screen(page)
    while True:
        await asyncio.sleep(0.15)
        await drawn(page)
        now = await on_screen(page)
        if now == before:
            return now
        before = now


async def accessible(page: Page) -> None:
    """axe-core finds nothing wrong with the page as it is."""
    found = await Axe().run(page, options={"resultTypes": ["violations"]})
    told = [
        (violation["id"], [node["html"] for node in violation["nodes"]]) for violation in found.response["violations"]
    ]
    assert not told, told


async def scroll_to_end(page: Page) -> list[int]:
    """Scroll down until the end is said; the ids of all tiles met on the way, in order."""
    met: dict[int, None] = {}
    async with asyncio.timeout(60):
        while True:
            met.update(dict.fromkeys(await tiles(page)))
            if await page.evaluate(AT_THE_BOTTOM) and await page.is_visible("#end"):
                return list(met)
            await page.evaluate("scrollBy({top: innerHeight * 0.8, behavior: 'instant'})")
            await drawn(page)
