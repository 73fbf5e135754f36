"""Text from the web is shown, never run, on every page."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.async_api import Page, expect

from artalike.records import Candidate, FailureGroup, Metadata
from tests.browser.server import GalleryServer
from tests.browser.steps import ready, tiles, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HOSTILE = [
    "<script>window.pwned = 1</script>",
    '"><img src=x onerror="window.pwned = 2">',
    "</script><script>window.pwned = 3</script>",
    "'; window.pwned = 4; //",
    "<svg/onload=window.pwned=5>",
    "{{ 7 * 7 }}${7 * 7}&lt;b&gt;",
    "\u202egnp.reverse\u202c",
    "line\nbreak\tand\x07bell\x1b[31m",
    "<!--<script>",
    "אבג " * 60,
    "x" * 3000,
]


@pytest.fixture
def hostile(gallery: GalleryServer) -> GalleryServer:
    for text in HOSTILE:
        about = Metadata(
            title=text, creator=text, date=text, rights=text, attribution=text, page_url="javascript:window.pwned=6"
        )
        image = gallery.add(metadata=about)[0]
        gallery.fake.images.by_id[image.id] = replace(image, url="javascript:window.pwned=7", source=text)
    return gallery


async def test_on_the_wall(hostile: GalleryServer, page: Page) -> None:
    await page.goto(hostile.url)
    await ready(page)
    await until(lambda: _all_there(page), "all tiles")
    for id_, text in enumerate(HOSTILE, start=1):
        assert await _captioned(page, id_) == _plain(text)
        alt = await page.locator(f'.tile[data-id="{id_}"] img').get_attribute("alt") or ""
        assert "\u202e" not in alt
    await _nothing_ran(page)


async def test_on_the_wall_as_it_comes_in(gallery: GalleryServer, page: Page) -> None:
    await page.goto(gallery.url)
    await expect(page.locator("#empty")).to_be_visible()
    for text in HOSTILE:
        gallery.add(metadata=Metadata(title=text, creator=text), live=True)
    await until(lambda: _all_there(page), "all tiles")
    for id_, text in enumerate(HOSTILE, start=1):
        assert await _captioned(page, id_) == _plain(text)
    await _nothing_ran(page)


async def test_above_the_pictures_like_it(hostile: GalleryServer, page: Page) -> None:
    for number, text in enumerate(HOSTILE, start=1):
        await page.goto(f"{hostile.url}/similar/{number}")
        await ready(page)
        rendered = await _facts(page)
        assert rendered["title"] == _plain(text)
        assert rendered["links"] == []
        await page.click("#home")
        await page.click(f'.tile[data-id="{number}"] a')
        await page.wait_for_url(f"**/similar/{number}")
        assert await _facts(page) == rendered  # the script shows what the server does
        await _nothing_ran(page)


async def test_on_the_admin_page(gallery: GalleryServer, page: Page) -> None:
    for text in HOSTILE:
        await gallery.fake.frontier.add_seed(Candidate(url="https://a.example/", kind="page"), text, {})
        gallery.fake.frontier.by_id[len(gallery.fake.frontier.by_id)] = replace(
            await gallery.fake.frontier.seed(len(gallery.fake.frontier.by_id)), error=text
        )

    async def groups(*, seed_id: int | None = None) -> list[FailureGroup]:
        return [FailureGroup(f"kind{i}", 1, text, text, 0.0) for i, text in enumerate(HOSTILE)]

    gallery.fake.frontier.failure_groups = groups  # type: ignore[method-assign]  # the fake knows one group only
    gallery.fake.figures["problem"] = HOSTILE[0]
    await page.goto(f"{gallery.url}/admin")
    await page.fill("#token", gallery.token)
    await page.press("#token", "Enter")
    await expect(page.locator(".seed")).to_have_count(len(HOSTILE))
    await expect(page.locator(".failure")).to_have_count(len(HOSTILE))
    sources = await page.locator(".seed .source").all_text_contents()
    assert sources == HOSTILE[::-1]
    await expect(page.locator("#problem")).to_have_text(HOSTILE[0])
    await _nothing_ran(page)


async def _facts(page: Page) -> dict[str, object]:
    facts: dict[str, object] = await page.evaluate("""() => ({
      title: document.querySelector("h1").textContent,
      creator: document.querySelector('[data-field="creator"]').textContent,
      rows: [...document.querySelectorAll("[data-row]:not([hidden])")].map((row) => row.textContent),
      links: [...document.querySelectorAll(".links a[href]")].map((link) => link.href),
      window: document.title,
    })""")
    return facts


async def _all_there(page: Page) -> bool:
    return len(await tiles(page)) == len(HOSTILE)


async def _nothing_ran(page: Page) -> None:
    assert await page.evaluate("window.pwned === undefined")
    made = await page.evaluate("document.querySelectorAll('main script, main svg[onload], main img[src=x]').length")
    assert made == 0


def _plain(text: str) -> str:
    """As shown: on one line, without control characters, and not without end."""
    line = " ".join("".join(letter if letter >= " " and letter != "\x7f" else " " for letter in text).split())
    return line if len(line) <= 500 else line[:500] + "…"


async def _captioned(page: Page, image_id: int) -> str | None:
    """The title over a picture that has the focus."""
    await page.locator(f'.tile[data-id="{image_id}"] a').focus()
    return await page.locator(f'.tile[data-id="{image_id}"] .caption-title').text_content()
