"""No view runs what the web says, shows it as anything but text, or lets its direction out into what stands around."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page

from artalike.layout.keeper import PictureMap
from tests.browser.conftest import Complaints, NewContext
from tests.browser.hostile import ADDRESS, ALL_AT_ONCE, LEAKS, LEFT, RAN, TEXTS, VIEWS, address, fill
from tests.browser.server import GalleryServer
from tests.fakes import DIMENSION, MODEL
from tests.layout.test_keeper import Computing

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SAID = [*TEXTS, ADDRESS, *map(address, range(1, len(TEXTS) + 1))]
HEBREW = next(text for text in TEXTS if text.startswith("\u05d0"))
OVERFLOW = """() => {
  const { scrollWidth } = document.documentElement;
  if (scrollWidth <= innerWidth) return [];
  return [...document.body.querySelectorAll("*")].map((element) => [element, element.getBoundingClientRect().right])
    .filter(([, right]) => right > innerWidth)
    .map(([element, right]) => `${element.tagName} ${element.id} ${element.className} to ${right}`);
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def hostile(tmp_path: Path) -> AsyncIterator[GalleryServer]:
    """A server of hostile pictures, all on its map."""
    server = GalleryServer(tmp_path)
    fill(server)
    picture_map = PictureMap(
        server.fake.images, tmp_path / "map.npz", MODEL, DIMENSION, step_seconds=0.05, compute=Computing()
    )
    server.fake.answer(picture_map=picture_map)
    await server.start()
    following = asyncio.create_task(picture_map.run())
    async with asyncio.timeout(20):
        while (await picture_map.status()).points < len(TEXTS):
            await asyncio.sleep(0.02)
    yield server
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await server.stop()


@pytest.mark.parametrize("view", VIEWS)
async def test_it_is_text_and_nothing_else_in(
    hostile: GalleryServer, page: Page, complaints: Complaints, view: str
) -> None:
    complaints.expect("Failed to load resource")  # museums that are not there, and mistakes that are looked at
    for text in TEXTS[:1] if view in ALL_AT_ONCE else TEXTS:
        await VIEWS[view](hostile, page, text)
        assert await page.evaluate(RAN) == []
        assert await page.evaluate(LEAKS, SAID) == []
        assert await page.evaluate(LEFT) == []


@pytest.mark.parametrize("view", VIEWS)
async def test_on_the_narrowest_screen_nothing_is_beyond_its_edge_in(
    hostile: GalleryServer, new_context: NewContext, complaints: Complaints, view: str
) -> None:
    complaints.expect("Failed to load resource")
    page = await (await new_context(viewport={"width": 320, "height": 640})).new_page()
    await VIEWS[view](hostile, page, HEBREW)
    assert await page.evaluate(OVERFLOW) == []
