"""Text from the web at its worst, in every view: what there is to open, and what is read off it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from playwright.async_api import Page, expect

from artalike.records import Candidate, FailureGroup, Metadata
from artalike.storage.blocks import BlockKind
from artalike.storage.facet_values import FacetValue, FacetValues
from tests.browser.server import GalleryServer
from tests.browser.steps import ready, until
from tests.browser.test_safety import HOSTILE

TEXTS: Final = [text for text in HOSTILE if len(text) < 1000]
"""One of 3,000 letters is cut everywhere, which ``test_safety`` looks at."""

ADDRESS: Final = "https://museum.example/\u202e<img src=x onerror=window.pwned=8>/\u05d0\u05d1'\"file.jpg"

Open = Callable[[GalleryServer, Page, str], Awaitable[None]]


def address(image_id: int) -> str:
    """Of an image in its home."""
    return f"{ADDRESS}?{image_id}"


def fill(server: GalleryServer) -> None:
    """A collection of which everything that can be said is hostile."""
    for text in TEXTS:
        about = Metadata(text, text, text, text, text, text, ADDRESS)
        image = server.add(metadata=about)[0]
        server.fake.images.by_id[image.id] = replace(image, url=address(image.id), source=text)
    server.fake.images.groups = [set(range(1, len(TEXTS) + 1))]
    values = tuple(FacetValue(text, 3) for text in TEXTS)

    async def facets() -> FacetValues:
        return FacetValues(sources=values, hosts=values, creators=values, rights=values, years=(1500, 1900))

    server.fake.images.facet_values = facets  # type: ignore[method-assign]  # the fake knows of one host only


async def wall(server: GalleryServer, page: Page, text: str) -> None:
    await page.goto(server.url)
    await ready(page)
    # Captions are made where somebody looks.
    for number in range(1, len(TEXTS) + 1):
        await page.locator(f'.tile[data-id="{number}"] > a').focus()
        await expect(page.locator(f'.tile[data-id="{number}"] .caption-title')).to_be_visible()


async def similar(server: GalleryServer, page: Page, text: str) -> None:
    number = TEXTS.index(text) + 1
    await page.goto(f"{server.url}/similar/{number}")
    await page.locator("main.ready").wait_for()
    await page.evaluate("document.querySelector('#wall').scrollIntoView()")  # what is said of it may be long
    await page.locator(".tile > a").first.press("Enter")  # the trail has a step
    await page.wait_for_url(lambda url: not url.endswith(f"/similar/{number}"))
    await expect(page.locator("#trail li").first).to_be_visible()


async def searched(server: GalleryServer, page: Page, text: str) -> None:
    asked = [("text", text), ("without", f"no {text}"), ("like", "1"), ("unlike", str(TEXTS.index(text) + 1))]
    await page.goto(f"{server.url}/search?{urlencode(asked)}")
    await expect(page.locator("main.ready #chips > .chip").first).to_be_visible()
    await page.locator("#add-text").fill(f"more {text[:60]}")
    await page.locator("#add-text").press("Enter")
    await expect(page.locator("#trail li")).to_have_count(2)


async def suggested(server: GalleryServer, page: Page, text: str) -> None:
    await page.goto(f"{server.url}/similar/1")
    await ready(page)
    await page.locator("#ask-text").press_sequentially(next(word for word in text.split() if len(word) > 1)[:12])
    await expect(page.locator(".suggestion").first).to_be_visible()


async def filtered(server: GalleryServer, page: Page, text: str) -> None:
    narrowed = {"creator": text[:150].strip(), "rights": text[:150].strip(), "source": text}
    await page.goto(f"{server.url}/?{urlencode(narrowed)}")
    await expect(page.locator("main.ready #chips > .chip").first).to_be_visible()
    await page.locator("#filters summary").click()
    await until(lambda: page.locator("#creators option").count(), "makers to choose from")


async def picked(server: GalleryServer, page: Page, text: str) -> None:
    await page.goto(f"{server.url}/similar/1")
    await ready(page)
    await page.locator("#wall > .tile > a").first.focus()
    await page.keyboard.press("x")
    await page.keyboard.press("f")
    await expect(page.locator("#tray")).to_be_visible()
    await expect(page.locator(".said")).to_be_visible()


async def viewed(server: GalleryServer, page: Page, text: str) -> None:
    await _keep(server, page, text)
    await page.goto(f"{server.url}/image/{TEXTS.index(text) + 1}")
    await expect(page.locator("#viewer .near").first).to_be_visible()
    await page.locator("#viewer .near-one").first.click()
    await page.locator(".boards-of summary").click()
    await page.locator(".board-choices input").first.click()
    await expect(page.locator(".said")).to_be_visible()


async def boards(server: GalleryServer, page: Page, text: str) -> None:
    await _keep(server, page, text)
    await page.goto(f"{server.url}/boards")
    await expect(page.locator(".board-card").first).to_be_visible()


async def board(server: GalleryServer, page: Page, text: str) -> None:
    await _keep(server, page, text)
    await page.goto(f"{server.url}/boards#b1")
    await expect(page.locator("#kept > .kept-one").first).to_be_visible()
    await page.locator("#kept > .kept-one > a").first.focus()
    await page.keyboard.press("Delete")
    await expect(page.locator(".said")).to_be_visible()


async def shared_board(server: GalleryServer, page: Page, text: str) -> None:
    await page.goto(f"{server.url}/board?{urlencode({'name': text, 'ids': '1,2,3'})}")
    await expect(page.locator("#kept > .kept-one").first).to_be_visible()


async def mapped(server: GalleryServer, page: Page, text: str) -> None:
    await page.goto(f"{server.url}/map")
    await page.locator("#list").click()
    await expect(page.locator("#listed li").first).to_be_visible()
    await page.locator("#map").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("#card .card-title")).not_to_be_empty()


async def nothing(server: GalleryServer, page: Page, text: str) -> None:
    await page.goto(f"{server.url}/search?{urlencode({'text': 'red', 'orientation': text})}")
    await expect(page.locator("main.message h1")).to_be_visible()


async def administered(server: GalleryServer, page: Page, text: str) -> None:
    frontier = server.fake.frontier
    for source in TEXTS:
        seed = await frontier.add_seed(Candidate("https://a.example/", "page"), source, {})
        frontier.by_id[seed.id] = replace(seed, error=source)

    async def groups(*, seed_id: int | None = None) -> list[FailureGroup]:
        return [FailureGroup(f"kind {number}", 1, ADDRESS, each, 0.0) for number, each in enumerate(TEXTS)]

    frontier.failure_groups = groups  # type: ignore[method-assign]  # the fake knows of one group only
    server.fake.hosts = [HOST | {"host": each} for each in TEXTS]
    for number, each in enumerate(TEXTS):
        await server.fake.removal.block(BlockKind.HOST, f"{number}.example", reason=each)
    server.fake.figures["problem"] = text
    await page.goto(f"{server.url}/admin")
    if await page.locator("#door").is_visible():
        await page.fill("#token", server.token)
        await page.press("#token", "Enter")
    for row in (".seed", ".host", ".failure", ".block"):
        await expect(page.locator(row).first).to_be_visible()
    await page.locator("#find input").fill(str(TEXTS.index(text) + 1))
    await page.locator("#find input").press("Enter")
    await expect(page.locator("#sheet")).to_be_visible()
    await page.locator("#source").fill(text)
    await expect(page.locator(".detected")).to_contain_text("no known kind of source")


VIEWS: Final[dict[str, Open]] = {
    "wall": wall,
    "similar": similar,
    "searched": searched,
    "suggested": suggested,
    "filtered": filtered,
    "picked": picked,
    "viewed": viewed,
    "boards": boards,
    "board": board,
    "shared board": shared_board,
    "mapped": mapped,
    "nothing": nothing,
    "administered": administered,
}

ALL_AT_ONCE: Final = {"wall", "picked", "mapped"}
"""Views that show all texts, the same whichever they are opened for: once is enough."""

HOST: Final = {
    "waiting": 1200,
    "used": 2,
    "places": 2,
    "limit": 4,
    "rate": 2.0,
    "share": 1.0,
    "pause": 10.0,
    "rest": 0.0,
    "closed": 0.0,
    "delay": 10.0,
    "latency": 0.25,
    "requests": 60,
    "rule": {"rate": 2.0, "concurrency": 4, "source": ADDRESS},
}


async def _keep(server: GalleryServer, page: Page, text: str) -> None:
    """Boards of hostile names and pictures in the browser's storage."""
    images: list[dict[str, Any]] = [
        {"id": number, "width": 40, "height": 30, "color": "#aabbcc", "title": each, "creator": each}
        for number, each in enumerate(TEXTS, start=1)
    ]
    kept = [{"id": "favourites", "name": "", "images": images[:2]}, {"id": "b1", "name": text, "images": images}]
    await page.goto(f"{server.url}/static/icon.svg")  # nothing there reads or writes what is stored
    await page.evaluate("(boards) => localStorage.setItem('artalike:boards', boards)", json.dumps(kept))


# What of the page's texts does not stand by itself. Text from the web is known by letters that are written from the
# right, and by characters that turn the direction of what follows. It stands by itself in an element with a direction
# of its own and nothing else in it, or between FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE. Where neither can be,
# in attributes and titles, there are no such characters.
LEAKS: Final = r"""(texts) => {
  const known = texts.map((text) => text.replace(/[\u0000-\u001f\u007f-\u009f\s]+/g, " ").trim());
  const turns = /[\u202a-\u202e\u2066-\u2069]/;
  const foreign = /[\u0590-\u08ff\u202a-\u202e\u2066-\u2069]/;
  const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
  const isolated = /\u2068[^\u202a-\u202e\u2066-\u2069]*\u2069/g;
  const leaks = [];
  const named = (element) => `<${element.tagName.toLowerCase()} id=${element.id} class=${element.className}>`;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const around = node.parentElement;
    if (around.closest("script, style, noscript")) continue;
    const rest = node.data.replaceAll(isolated, "");
    if (!foreign.test(rest)) continue;
    const said = node.data.replace(/[\u0000-\u001f\u007f-\u009f\s]+/g, " ").trim();
    const whole = known.some((text) => text.startsWith(said.replace(/…$/, "")));
    if (turns.test(rest) && !whole) leaks.push(`turned in ${named(around)}: ${said}`);
    const alone = around.closest("[dir], bdi");
    if (!alone) leaks.push(`no direction of its own: ${named(around)}: ${node.data.slice(0, 80)}`);
    else if (alone.textContent.trim() !== node.data.trim()) {
      leaks.push(`not alone: ${named(alone)}: ${alone.textContent.slice(0, 200)}`);
    }
  }
  for (const element of document.querySelectorAll("*")) {
    for (const name of ["alt", "title", "aria-label", "aria-valuetext", "placeholder", "download", "label"]) {
      const value = element.getAttribute(name);
      if (!value || !(turns.test(value) || controls.test(value))) continue;
      leaks.push(`${name} of ${named(element)}: ${value.slice(0, 80)}`);
    }
  }
  if (turns.test(document.title) || controls.test(document.title)) leaks.push(`title: ${document.title}`);
  return [...new Set(leaks)];
}"""

RAN: Final = """() => [
  ...(window.pwned === undefined ? [] : [`it ran: ${window.pwned}`]),
  ...[...document.querySelectorAll('script:not([src]):not([type="application/json"]), [onload], [onerror], img[src=x]')]
    .map((element) => `made: ${element.outerHTML.slice(0, 80)}`),
  ...[...document.querySelectorAll('a[href]')].filter((link) => !/^(https?|mailto):$/.test(link.protocol))
    .map((link) => `leads to ${link.href.slice(0, 80)}`),
]"""

# Texts that are written from the right and do not begin there.
LEFT: Final = r"""() => {
  const wrong = [];
  for (const element of document.querySelectorAll('[dir="auto"], bdi')) {
    if (!/^[\s"'“(]*[\u0590-\u08ff]/.test(element.textContent) || !element.checkVisibility()) continue;
    if (getComputedStyle(element).direction !== "rtl") wrong.push(`direction of ${element.className} ${element.id}`);
    const align = getComputedStyle(element).textAlign;
    if (["start", "right", "center", "-webkit-auto"].includes(align)) continue;
    wrong.push(`${align} in ${element.tagName} ${element.className} ${element.id}`);
  }
  return [...new Set(wrong)];
}"""
