"""The demo as a new user meets it: the real program crawls its museum while somebody looks at the gallery."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Page

from benchmarks.processes import Artalike
from tests.browser.steps import Box, drawn, on_screen, ready, settled, tiles, until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is of it, and which program shows it."""

    pieces: int
    page: int
    settings: dict[str, str]
    module: str = "artalike"


SIZES = [
    # The museum hands out no more than so many works a second, so that a slow browser finds it still growing.
    pytest.param(Size(130, 20, {"ARTALIKE_CRAWL__HOST_RATE": "12"}, "benchmarks.tiny"), id="a small one"),
    pytest.param(
        Size(260, 40, {"ARTALIKE_EMBEDDING__MODEL": "efficientnet_lite0"}),
        id="with the embedded model",
        marks=pytest.mark.endurance,
    ),
]


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> Size:
    size: Size = request.param
    return size


@pytest.fixture
def demo(tmp_path: Path, chromium: str, size: Size) -> Iterator[Artalike]:
    data = tmp_path / "data"
    data.mkdir()
    settings = {"ARTALIKE_GALLERY__PAGE_SIZE": str(size.page), "ARTALIKE_GALLERY__MAP": "false", **size.settings}
    arguments = ("--museum-port", "0", "--pieces", str(size.pieces))
    server = Artalike(data, settings, *arguments, command="demo", module=size.module)
    server.wait()
    yield server
    assert server.stop() == 0


async def counted(page: Page) -> int:
    """The number of pictures that the page says there are."""
    text = await page.inner_text("#counter")
    found = re.search(r"([\d,.\s]+)\s*picture", text)
    return int(re.sub(r"\D", "", found[1])) if found else 0


async def test_the_gallery_grows_and_can_be_wandered_while_the_demo_ingests(
    demo: Artalike, page: Page, size: Size
) -> None:
    async with asyncio.timeout(480):
        await wander(demo, page, size)


async def wander(demo: Artalike, page: Page, size: Size) -> None:
    await page.goto(demo.url)
    first = await until(lambda: counted(page), "the first pictures", seconds=60)
    await ready(page)
    await until(lambda: _more_than(page, first + 20), "the counter to grow", seconds=60)

    # What is being looked at stays where it is while the rest grows.
    before = await settled(page)
    seen = await counted(page)
    await until(lambda: _more_than(page, seen), "more to arrive", seconds=60)
    after = await on_screen(page)
    assert {id_: after[id_] for id_ in before} == before

    def all_there() -> bool:
        return bool(demo.call("/api/stats")["images"] >= size.pieces)

    while not await asyncio.to_thread(all_there):
        await asyncio.sleep(0.2)

    # All pages, which are more than five, without a repeat: one place, one picture, and the other way round.
    await page.goto(demo.url)
    await ready(page)
    places: dict[int, Box] = {}
    while len(places) < size.pieces:
        shown = await tiles(page)
        assert all(places.get(id_, box)[:2] == box[:2] for id_, box in shown.items())
        places |= shown
        await page.evaluate("scrollBy({top: innerHeight * 0.8, behavior: 'instant'})")
        await drawn(page)
    assert len({box[:2] for box in places.values()}) == len(places) == size.pieces >= 5 * size.page

    # A click, a further click, and twice back to the same places.
    await page.evaluate("scrollTo({top: document.documentElement.scrollHeight / 2, behavior: 'instant'})")
    wall = await settled(page)
    chosen = list(wall)[len(wall) // 2]
    await page.click(f'#wall > .tile[data-id="{chosen}"]')
    await page.wait_for_url(f"**/similar/{chosen}")
    await ready(page)
    answer = await asyncio.to_thread(demo.call, f"/api/images/{chosen}/similar?limit=5")
    await until(lambda: _shows(page, answer["results"][0]["id"]), "the most similar picture")
    assert list(await tiles(page))[:5] == [image["id"] for image in answer["results"]]
    further = page.locator(f'#wall > .tile[data-id="{answer["results"][1]["id"]}"]')
    await further.scroll_into_view_if_needed()  # or the click would, and Back leads to where it was clicked
    similar = await settled(page)
    await further.click()
    await page.wait_for_url(f"**/similar/{answer['results'][1]['id']}")
    await ready(page)
    await page.go_back()
    await page.wait_for_url(f"**/similar/{chosen}")
    await until(lambda: _same_place(page, similar), "the same similar pictures at the same place")
    await page.go_back()
    await until(lambda: _same_place(page, wall), "the same wall at the same place")


async def _more_than(page: Page, count: int) -> bool:
    return await counted(page) > count


async def _shows(page: Page, image_id: int) -> bool:
    return image_id in await tiles(page)


async def _same_place(page: Page, expected: dict[int, float]) -> bool:
    now = await on_screen(page)
    return now.keys() == expected.keys() and all(abs(now[id_] - top) <= 2 for id_, top in expected.items())
