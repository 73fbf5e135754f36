"""Asking and wandering: the box, the chips, each picture's own buttons, filters, own pictures, and the trail."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from PIL import Image as Pillow
from playwright.async_api import Page, expect

from artalike.records import Metadata
from tests.browser.conftest import Complaints, NewContext
from tests.browser.server import GalleryServer
from tests.browser.steps import ready, settled, tiles, until
from tests.browser.test_wall import WATCH_SHIFTS

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HOSTILE = "\"><img src=x onerror='window.pwned=1'>\u202egpj"
CHIPS = "#chips .chip"


async def opened(gallery: GalleryServer, page: Page, path: str = "/", *, count: int = 60) -> list[int]:
    if not gallery.fake.images.by_id:
        gallery.add(count, metadata=Metadata(title="The Wave", creator="Hokusai"))
    await page.goto(gallery.url + path)
    await ready(page)
    return list(await tiles(page))


async def shows_the_answer(page: Page, body: dict[str, Any]) -> None:
    """The wall shows what the API answers to a question."""
    answer = await page.evaluate(
        "([body]) => import('/static/js/api.js').then(({ call }) => call('/api/search', { method: 'POST', body }))",
        [{"limit": 60, **body}],
    )
    wanted = [image["id"] for image in answer["results"]]

    async def same() -> bool:
        shown = list(await tiles(page))
        return bool(shown) and shown == wanted[: len(shown)]

    await until(same, f"the answer to {body}")


async def test_more_and_less_of_pictures_make_a_question_of_chips(gallery: GalleryServer, page: Page) -> None:
    first, *_ = await opened(gallery, page)
    await page.locator(f'.tile[data-id="{first}"]').hover()
    await expect(page.get_by_role("button", name="Less like this")).to_be_hidden()  # than what?
    await page.get_by_role("button", name="More like this").click()
    await page.wait_for_url(f"**/similar/{first}")
    second = list(await until(lambda: tiles(page), "pictures like it"))[1]
    await page.locator(f'.tile[data-id="{second}"] a').focus()
    await page.keyboard.press("+")
    await page.wait_for_url(f"**/search?like={first}&like={second}")
    await shows_the_answer(page, {"like": [first, second]})
    third = next(number for number in await tiles(page) if number not in {first, second})
    await page.locator(f'.tile[data-id="{third}"] a').focus()
    await page.keyboard.press("-")
    await page.wait_for_url(f"**/search?like={first}&like={second}&unlike={third}")
    await page.fill("#add-text", "wave")
    await page.keyboard.press("Enter")
    await expect(page.locator(CHIPS)).to_have_count(4)
    await shows_the_answer(page, {"like": [first, second], "unlike": [third], "text": "wave"})
    await expect(page.locator("#told")).to_have_text("Found by likeness and words.")
    await page.locator(CHIPS).nth(1).get_by_title("Counts as much as usual; change").click()
    await page.wait_for_url(f"**/search?like={first}&like={second}~2&unlike={third}&text=wave")
    await page.locator(CHIPS).nth(2).get_by_title("Take away").click()
    await page.wait_for_url(f"**/search?like={first}&like={second}~2&text=wave")
    await shows_the_answer(page, {"like": [first, {"id": second, "weight": 2}], "text": "wave"})


async def test_a_question_can_be_shared_and_gone_back_to(
    gallery: GalleryServer, page: Page, new_context: NewContext
) -> None:
    await opened(gallery, page, "/search?like=3&like=7~2&unlike=9&text=wave", count=300)
    order = list(await tiles(page))
    await page.locator(".tile a").nth(30).scroll_into_view_if_needed()
    scroll = await page.evaluate("scrollY")
    await page.locator(".tile a").nth(30).click()
    await page.wait_for_url("**/similar/*")
    await page.go_back()
    await expect(page.locator(CHIPS)).to_have_count(4)
    await until(lambda: page.evaluate("scroll => scrollY === scroll", scroll), "the place")
    theirs = await (await new_context()).new_page()
    await theirs.goto(page.url)
    await ready(theirs)
    assert list(await tiles(theirs))[:20] == order[:20]
    await expect(theirs.locator(CHIPS)).to_have_count(4)
    assert await theirs.title() == "The Wave, Hokusai, The Wave, Hokusai, less like The Wave, Hokusai, wave – Artalike"


async def test_several_pictures_are_picked_and_asked_by_together(gallery: GalleryServer, page: Page) -> None:
    shown = await opened(gallery, page)
    for number in shown[:3]:
        await page.locator(f'.tile[data-id="{number}"] a').focus()
        look = page.locator(f'.tile[data-id="{number}"] .tool[data-act="more"]')
        before = await look.evaluate("(tool) => [getComputedStyle(tool).background, tool.getBoundingClientRect().top]")
        await page.keyboard.press("x")
        after = await look.evaluate("(tool) => [getComputedStyle(tool).background, tool.getBoundingClientRect().top]")
        assert after == before  # a picture that is picked keeps its buttons as they are
    await expect(page.get_by_text("3 pictures picked")).to_be_visible()
    await expect(page.locator(".tile.picked")).to_have_count(3)
    await page.locator("#picked button").nth(1).click()
    await page.get_by_role("button", name="More like these").click()
    await page.wait_for_url(f"**/search?like={shown[0]}&like={shown[2]}")
    await expect(page.locator("#tray")).to_be_hidden()


async def test_the_trail_is_the_way_that_back_goes(gallery: GalleryServer, page: Page) -> None:
    await opened(gallery, page, count=200)
    await page.locator(".tile a").nth(25).scroll_into_view_if_needed()
    scroll = await page.evaluate("scrollY")
    assert scroll > 300
    for index in (25, 5, 3):
        await page.locator(".tile a").nth(index).click()
        await until(lambda: tiles(page), "pictures like it")
    steps = page.locator("#trail a")
    await expect(steps).to_have_count(4)
    await expect(steps.nth(3)).to_have_attribute("aria-current", "page")
    addresses = [await steps.nth(place).get_attribute("href") for place in range(4)]
    await steps.nth(0).click()
    await page.wait_for_url(gallery.url + "/")
    await until(lambda: page.evaluate("scroll => scrollY === scroll", scroll), "the place on the first wall")
    await expect(steps).to_have_count(4)  # what lies ahead can be walked to again
    await steps.nth(2).click()
    await page.wait_for_url(f"**{addresses[2]}")
    await page.go_back()
    await page.wait_for_url(f"**{addresses[1]}")
    await expect(steps.nth(1)).to_have_attribute("aria-current", "page")
    await page.locator(".tile a").nth(6).click()  # another way from here
    await expect(steps).to_have_count(3)
    await page.reload()
    await ready(page)
    await expect(steps).to_have_count(3)


async def test_words_and_addresses_are_asked_in_one_box(
    gallery: GalleryServer, page: Page, complaints: Complaints
) -> None:
    complaints.expect("Failed to load resource")
    gallery.add(30, metadata=Metadata(title="The Wave"))
    other = gallery.add(metadata=Metadata(title="A Vase"))[0]
    await opened(gallery, page)
    await page.keyboard.press("/")
    await page.keyboard.type("vase")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/search?text=vase")
    assert list(await until(lambda: tiles(page), "the vase")) == [other.id]
    await expect(page.locator("#told")).to_have_text("Found by words.")
    await page.fill("#ask-text", other.url)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/search?like=https*")
    await until(lambda: tiles(page), "pictures like it")
    await expect(page.locator("#told")).to_have_text("Found by likeness.")
    await page.fill("#ask-text", "https://nowhere.example/x.jpg")
    await page.keyboard.press("Enter")
    await expect(page.locator("#gone")).to_contain_text("no image of this collection")
    await page.fill("#ask-text", f"{gallery.url}/similar/5")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/similar/5")


async def test_makers_and_titles_are_suggested(gallery: GalleryServer, page: Page) -> None:
    gallery.add(5, metadata=Metadata(title=HOSTILE, creator="Katsushika"))
    await opened(gallery, page)
    box = page.get_by_role("combobox", name="Words, or the address of a picture")
    await box.fill("kats")
    options = page.locator("#suggestions").get_by_role("option")
    await expect(options).to_have_count(1)
    await expect(box).to_have_attribute("aria-expanded", "true")
    await page.keyboard.press("ArrowDown")
    await expect(box).to_have_attribute("aria-activedescendant", "suggestion-0")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/?creator=Katsushika")
    await expect(page.locator(CHIPS)).to_have_text("by Katsushika")
    await box.fill("onerror")
    await expect(options.first).to_contain_text("onerror='window.pwned=1'")
    await page.keyboard.press("Escape")
    await expect(page.locator("#suggestions")).to_be_hidden()
    await expect(page).to_have_url(f"{gallery.url}/?creator=Katsushika")  # Escape closes the list, and goes nowhere
    await box.fill("onerror=")
    await options.first.click()
    await page.wait_for_url("**/similar/*")
    await page.fill("#add-text", HOSTILE)
    await page.keyboard.press("Enter")
    await expect(page.locator(CHIPS).nth(1).locator(".chip-words")).to_contain_text("onerror")
    assert await page.evaluate("window.pwned === undefined && !document.querySelector('img[src=x]')")


async def test_filters_go_with_every_question(gallery: GalleryServer, page: Page) -> None:
    gallery.add(30)
    for image in gallery.add(4, metadata=Metadata(creator="Ogata")):
        gallery.fake.images.by_id[image.id] = replace(image, width=5000)
    await opened(gallery, page)
    await page.locator("#filters summary").click()
    await expect(page.locator("[name=host] option")).to_have_text(["any", "museum.example (34)"])
    await page.fill("[name=creator]", "ogata")
    await page.keyboard.press("Tab")
    await page.wait_for_url("**/?creator=ogata")
    await until(lambda: _count(page, 4), "four pictures")
    await expect(page.locator("#passing")).to_have_text("4 pictures")
    await page.select_option("[name=orientation]", "portrait")
    await page.wait_for_url("**/?creator=ogata&orientation=portrait")
    await page.keyboard.press("Escape")
    await expect(page.locator(CHIPS)).to_have_count(2)
    await page.locator(".tile a").first.click()
    await page.wait_for_url("**/similar/*?creator=ogata&orientation=portrait")
    await until(lambda: _count(page, 3), "the three others")
    async with page.context.expect_page() as another:
        await page.locator(".tile a").first.click(modifiers=["ControlOrMeta"])
    await (await another.value).wait_for_url("**/similar/*?creator=ogata&orientation=portrait")
    await page.go_back()
    await page.go_back()
    await page.wait_for_url(gallery.url + "/")  # changes made while the panel was open are one step
    await page.goto(f"{gallery.url}/?creator=nobody")
    await expect(page.get_by_text("No picture passes all of these filters.")).to_be_visible()
    await page.get_by_text("Look without filters").click()
    await ready(page)
    await until(lambda: _count(page, 20), "pictures again")
    await page.goto(f"{gallery.url}/?creator=ogata")
    await ready(page)
    await page.get_by_role("link", name="Shuffle").click()
    await page.wait_for_url("**/?seed=*&creator=ogata")
    await until(lambda: _count(page, 4), "the four, shuffled")


async def test_a_colour_is_chosen_by_pointer_by_keys_and_by_typing(gallery: GalleryServer, page: Page) -> None:
    await opened(gallery, page)
    await page.locator("#filters summary").click()
    wheel = page.get_by_role("slider", name="Colour wheel")
    box = await wheel.bounding_box()
    assert box is not None
    await page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 1)
    await page.wait_for_url("**/?color=%23f*")
    await expect(wheel).to_have_attribute("aria-valuetext", re.compile("red, #f[a-f]0.0."))
    for _ in range(24):
        await page.keyboard.press("ArrowRight")
    await expect(wheel).to_have_attribute("aria-valuetext", re.compile("green, #0.f[a-f]0."))
    await page.wait_for_url(re.compile("color=%230.f"))
    await page.fill("[name=color]", "3060a0")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/?color=%233060a0")
    await expect(page.locator(CHIPS)).to_have_text("near #3060a0")
    await page.locator(CHIPS).get_by_title("Take away").click()
    await page.wait_for_url(gallery.url + "/")


async def test_a_picture_of_ones_own_is_asked_by_and_kept_for_the_way_back(
    gallery: GalleryServer, page: Page, new_context: NewContext
) -> None:
    await opened(gallery, page, count=120)
    await page.set_input_files("#file", {"name": "a.png", "mimeType": "image/png", "buffer": _png()})
    await page.wait_for_url("**/search?picture=*")
    await expect(page.locator(CHIPS)).to_have_count(1)
    preview = await page.locator(f"{CHIPS} img").get_attribute("src") or ""
    assert preview.startswith("data:image/jpeg")
    await until(lambda: tiles(page), "pictures like it")
    await expect(page.locator("#told")).to_contain_text("only this page still has it")
    shown = await settled(page)
    await page.locator(".tile a").nth(3).press("Enter")
    await page.wait_for_url("**/similar/*")
    await page.go_back()
    await ready(page)
    assert await settled(page) == shown
    await page.reload()
    await ready(page)
    assert list(await settled(page)) == list(shown)
    assert await page.locator(f"{CHIPS} img").get_attribute("src") == preview
    theirs = await (await new_context()).new_page()
    await theirs.goto(page.url)
    await expect(theirs.locator("#gone")).to_contain_text("A picture of your own stays with you")


@pytest.mark.parametrize("way", ["drop", "paste"])
async def test_a_picture_is_dropped_or_pasted_anywhere(gallery: GalleryServer, page: Page, way: str) -> None:
    await opened(gallery, page)
    await page.evaluate(
        """([way, bytes]) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], "a.png", { type: "image/png" }));
          const more = { bubbles: true, cancelable: true };
          const events = way === "paste"
            ? [new ClipboardEvent("paste", { clipboardData: data, ...more })]
            : ["dragenter", "drop"].map((type) => new DragEvent(type, { dataTransfer: data, ...more }));
          for (const event of events) document.body.dispatchEvent(event);
        }""",
        [way, list(_png())],
    )
    await page.wait_for_url("**/search?picture=*")
    await until(lambda: tiles(page), "pictures like it")
    await expect(page.locator("#drop")).to_be_hidden()


async def test_a_finger_that_stays_on_a_picture_brings_its_buttons(
    gallery: GalleryServer, new_context: NewContext
) -> None:
    context = await new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = await context.new_page()
    shown = await opened(gallery, page)
    client = await context.new_cdp_session(page)
    box = await page.locator(f'.tile[data-id="{shown[2]}"]').bounding_box()
    assert box is not None
    point = {"x": box["x"] + 20, "y": box["y"] + box["height"] - 20}
    await client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    await expect(page.get_by_role("button", name="More like this")).to_be_visible()
    await client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert urlsplit(page.url).path == "/"  # the picture is not opened by it
    await page.get_by_role("button", name="More like this").tap()
    await page.wait_for_url(f"**/similar/{shown[2]}")
    await expect(page.locator("#ask-camera")).to_be_visible()
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390


@pytest.mark.parametrize("width", [320, 1280, 2560])
async def test_nothing_jumps_and_nothing_sticks_out_on_any_screen(
    gallery: GalleryServer, new_context: NewContext, width: int
) -> None:
    gallery.add(80, metadata=Metadata(title="אבג " * 30, creator="x" * 200))
    context = await new_context(viewport={"width": width, "height": 800})
    page = await context.new_page()
    await page.add_init_script(WATCH_SHIFTS)
    for path in ("/search?like=3&like=7~2&unlike=9&text=" + "wave" * 40, "/?color=%233060a0&host=museum.example"):
        await page.goto(gallery.url + path)
        await ready(page)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.locator("#filters summary").click()
        panel = await page.locator("#filter-form").bounding_box()
        assert panel is not None
        assert 0 <= panel["x"] <= panel["x"] + panel["width"] <= width
        assert await page.evaluate("window.shifted") < 0.02


async def test_a_question_needs_no_script(gallery: GalleryServer, new_context: NewContext) -> None:
    gallery.add(10, metadata=Metadata(title="The Wave"))
    page = await (await new_context(java_script_enabled=False)).new_page()
    await page.goto(gallery.url)
    await page.fill("#ask-text", "wave")
    await page.keyboard.press("Enter")
    await expect(page.locator(".tile a")).to_have_count(10)
    await page.locator("#filters summary").click()
    await page.fill("[name=creator]", "nobody")
    await page.get_by_role("button", name="Show").click()
    assert dict(parse_qsl(urlsplit(page.url).query)) == {"text": "wave", "creator": "nobody", "tolerance": "20"}
    await page.locator(CHIPS).nth(1).get_by_role("link").click()
    await expect(page.locator(".tile a")).to_have_count(10)


async def _count(page: Page, count: int) -> bool:
    shown = len(await tiles(page))
    return shown == count or (count >= 20 and shown >= count)


def _png() -> bytes:
    file = io.BytesIO()
    Pillow.new("RGB", (40, 30), "#3060a0").save(file, "PNG")
    return file.getvalue()
