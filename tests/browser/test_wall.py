"""The wall of pictures: endless, live, and never moving what is being looked at."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import Complaints, NewContext
from tests.browser.server import GalleryServer
from tests.browser.steps import on_screen, ready, scroll_to_end, settled, tiles, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# Cumulative layout shift (web.dev/cls) without its session windows: every shift that nobody caused counts.
WATCH_SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""

WATCH_FIRST_TILE = """
new MutationObserver((_, observer) => {
  if (!document.querySelector("#wall > .tile")) return;
  window.firstTile = performance.now();
  observer.disconnect();
}).observe(document, { childList: true, subtree: true });
"""


async def test_an_empty_gallery_says_so_and_fills_by_itself(gallery: GalleryServer, page: Page) -> None:
    await page.goto(gallery.url)
    await expect(page.get_by_text("The walls are still bare")).to_be_visible()
    seen: dict[int, object] = {}
    for _ in range(12):
        gallery.add(3, live=True)
        await asyncio.sleep(0.1)
        now = await tiles(page)
        assert {id_: now[id_] for id_ in seen} == seen  # what hangs stays where it hangs
        seen = dict(now)
    await until(lambda: _count(page, 36), "all 36 pictures")
    assert {id_: box for id_, box in (await tiles(page)).items() if id_ in seen} == seen
    await expect(page.get_by_text("The walls are still bare")).to_be_hidden()
    await expect(page.locator("#counter")).to_have_text("36 pictures")


async def test_an_unfinished_row_waits_for_more_and_is_shown_when_none_come(gallery: GalleryServer, page: Page) -> None:
    await page.add_init_script(WATCH_FIRST_TILE)
    await page.goto(gallery.url)
    await expect(page.locator("#empty")).to_be_visible()
    told = await page.evaluate("performance.now()")
    gallery.add(1, live=True)
    first = await until(lambda: tiles(page), "the lonely picture")
    assert await page.evaluate("window.firstTile") > told + 800
    gallery.add(1, live=True)
    both = await until(lambda: _count(page, 2), "the second one")
    assert both[1] == first[1]


async def test_pictures_that_no_event_told_of_are_found_all_the_same(gallery: GalleryServer, page: Page) -> None:
    await page.goto(gallery.url)
    await expect(page.locator("#empty")).to_be_visible()
    gallery.add(9)
    await until(lambda: _count(page, 9), "the pictures that the counter tells of")


async def test_the_counter_tells_size_and_rate(gallery: GalleryServer, page: Page) -> None:
    gallery.add(1234)
    gallery.fake.figures["rate"] = 12.3
    await page.goto(gallery.url)
    await expect(page.locator("#counter")).to_have_text("1,234 pictures · 12/s")


async def test_scrolling_meets_every_picture_once(gallery: GalleryServer, page: Page) -> None:
    gallery.add(330)
    await page.goto(gallery.url)
    await ready(page)
    met = await scroll_to_end(page)
    assert len(met) == 330
    assert set(met) == set(gallery.fake.images.by_id)


async def test_only_what_is_near_the_screen_is_in_the_page(gallery: GalleryServer, page: Page) -> None:
    gallery.add(600)
    await page.goto(gallery.url)
    await ready(page)
    for _ in range(12):
        await page.evaluate("scrollBy({top: 1200, behavior: 'instant'})")
        await asyncio.sleep(0.1)
    assert 20 < len(await tiles(page)) < 150


async def test_rows_fill_the_wall_and_keep_shapes(gallery: GalleryServer, page: Page) -> None:
    gallery.add(60)
    await page.goto(gallery.url)
    await ready(page)
    wall = await page.locator("#wall").bounding_box()
    assert wall is not None
    shown = await tiles(page)
    rows: dict[float, list[tuple[float, float]]] = {}
    for id_, (x, y, w, h) in shown.items():
        rows.setdefault(y, []).append((x, w))
        image = gallery.fake.images.by_id[id_]
        if image.width / image.height >= 0.4:
            assert abs(w - h * image.width / image.height) <= 1 + image.width / image.height
    for boxes in list(rows.values())[:-1]:
        assert boxes[0][0] == wall["x"]
        assert boxes[-1][0] + boxes[-1][1] == pytest.approx(wall["x"] + wall["width"], abs=1)


async def test_new_pictures_are_offered_and_do_not_disturb(gallery: GalleryServer, page: Page) -> None:
    gallery.add(400)
    await page.goto(gallery.url)
    await ready(page)
    await page.evaluate("scrollTo(0, 500)")
    before = await settled(page)
    new = gallery.add(5, live=True)
    await expect(page.locator("#fresh")).to_have_text("+5 new")
    assert await on_screen(page) == before
    await page.click("#fresh")
    await until(lambda: _first(page, *(image.id for image in reversed(new))), "the latest pictures in front")
    await expect(page.locator("#fresh")).to_be_hidden()


async def test_shuffle_shows_another_order_under_its_own_address(gallery: GalleryServer, page: Page) -> None:
    gallery.add(200)
    await page.goto(gallery.url)
    await ready(page)
    before = list(await tiles(page))
    await page.click("#shuffle")
    await until(lambda: _differs(page, before), "another order")
    assert "?seed=" in page.url
    shuffled = list(await tiles(page))
    other = await page.context.new_page()
    await other.goto(page.url)
    await ready(other)
    assert list(await tiles(other))[:20] == shuffled[:20]


async def test_a_failed_page_is_tried_again_and_the_scroll_goes_on(
    gallery: GalleryServer, page: Page, complaints: Complaints
) -> None:
    complaints.expect("Failed to load resource")
    gallery.add(200)
    await page.route("**/api/random?*", lambda route: route.fulfill(status=503, body="{}"))
    await page.goto(gallery.url)
    await ready(page)
    await page.evaluate("scrollTo(0, 1e6)")
    await expect(page.locator("#failed")).to_be_visible()
    await page.unroute("**/api/random?*")
    # Not by the mouse: the page may have tried again by itself meanwhile, and then the button is gone.
    await page.locator("#retry").evaluate("(button) => button.click()")
    assert set(await scroll_to_end(page)) | set(await tiles(page)) <= set(gallery.fake.images.by_id)
    await expect(page.locator("#end")).to_be_visible()


async def test_a_server_that_goes_away_is_waited_for(
    gallery: GalleryServer, page: Page, complaints: Complaints
) -> None:
    complaints.expect("ERR_")
    gallery.add(300)
    await page.goto(gallery.url)
    await ready(page)
    await gallery.stop()
    await page.evaluate("scrollTo(0, 1e6)")
    await expect(page.locator("#failed")).to_contain_text("could not be loaded")
    await expect(page.locator("#offline")).to_be_visible()
    await gallery.start()
    await expect(page.locator("#offline")).to_be_hidden()
    met = await scroll_to_end(page)  # nobody has pressed the button
    assert len(met) > 100


async def test_a_thumbnail_that_fails_is_asked_for_again_and_then_offered(
    gallery: GalleryServer, page: Page, complaints: Complaints
) -> None:
    complaints.expect("Failed to load resource")
    gallery.add(30)
    asked: list[str] = []

    async def fail(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(status=500, body="")

    await page.route("**/thumbs/7/*", fail)
    await page.goto(gallery.url)
    await ready(page)
    tile = page.locator('.tile[data-id="7"]')
    await expect(tile.get_by_role("button", name="Try again")).to_be_visible()
    assert len(asked) >= 4
    await page.unroute("**/thumbs/7/*")
    await tile.get_by_role("button", name="Try again").click()
    await expect(tile.locator("img")).to_have_class(re.compile(r"\bloaded\b"))
    await expect(tile.get_by_role("button", name="Try again")).to_be_hidden()


@pytest.mark.parametrize("path", ["/", "/similar/5"])
async def test_nothing_jumps_while_the_page_loads_grows_and_scrolls(
    gallery: GalleryServer, page: Page, path: str
) -> None:
    gallery.add(300)
    await page.add_init_script(WATCH_SHIFTS)
    await page.route("**/main.js", _late)  # the page is drawn before the script has come
    await page.route("**/thumbs/**", _late)
    await page.goto(gallery.url + path)
    await ready(page)
    for _ in range(8):
        gallery.add(2, live=True)
        await page.mouse.wheel(0, 700)
        await asyncio.sleep(0.15)
    assert await page.evaluate("window.shifted") < 0.02


async def test_arrow_keys_move_between_pictures_enter_opens_and_escape_returns(
    gallery: GalleryServer, page: Page
) -> None:
    gallery.add(120)
    await page.goto(gallery.url)
    await ready(page)
    shown = list((await tiles(page)).items())
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")  # the link that skips to the pictures
    assert await _focused(page) == shown[0][0]
    await page.keyboard.press("ArrowRight")
    assert await _focused(page) == shown[1][0]
    for _ in range(8):
        await page.keyboard.press("ArrowDown")
    reached = await _focused(page)
    boxes = await tiles(page)
    assert boxes[reached][1] > dict(shown)[shown[0][0]][1] + 900
    assert reached in await on_screen(page)
    scroll = await page.evaluate("scrollY")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/similar/{reached}")
    await until(lambda: _count(page, 20), "similar pictures")
    await page.keyboard.press("Escape")
    await page.wait_for_url(gallery.url + "/")
    await until(lambda: _is(page, reached), "the focus back on the picture")
    assert await page.evaluate("scrollY") == scroll


@pytest.mark.parametrize("width", [320, 360, 768])
async def test_small_screens_need_no_sideways_scrolling(
    gallery: GalleryServer, new_context: NewContext, complaints: Complaints, width: int
) -> None:
    complaints.expect("404")  # the last of the paths
    gallery.add(60)
    context = await new_context(viewport={"width": width, "height": 740}, has_touch=True, is_mobile=True)
    page = await context.new_page()
    for path in ("/", "/similar/5", "/admin", "/similar/999"):
        response = await page.goto(gallery.url + path)
        assert response is not None
        widths = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert widths[0] <= width >= widths[1] - 1, path


async def test_a_resized_window_keeps_the_place(gallery: GalleryServer, page: Page) -> None:
    gallery.add(300)
    await page.goto(gallery.url)
    await ready(page)
    await page.evaluate("scrollTo(0, 2000)")
    before = await settled(page)
    await page.set_viewport_size({"width": 700, "height": 800})
    after = await until(lambda: _moved(page, before), "another layout")
    assert next(iter(before)) in after


async def test_the_first_page_needs_no_script(gallery: GalleryServer, new_context: NewContext) -> None:
    gallery.add(30)
    context = await new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(gallery.url)
    await expect(page.locator(".tile a")).to_have_count(30)
    await expect(page.locator(".tile img").first).to_be_visible()
    await page.locator(".tile a").nth(3).click()
    assert "/similar/" in page.url
    await expect(page.locator("h1")).to_be_visible()
    await page.get_by_text("Shuffle").first.click()
    assert "?seed=" in page.url


async def _count(page: Page, count: int) -> dict[int, tuple[float, float, float, float]]:
    shown = await tiles(page)
    return shown if len(shown) >= count else {}


async def _first(page: Page, *image_ids: int) -> bool:
    return list(await tiles(page))[: len(image_ids)] == list(image_ids)


async def _differs(page: Page, order: list[int]) -> bool:
    now = list(await tiles(page))
    return bool(now) and now[:10] != order[:10]


async def _moved(page: Page, before: dict[int, float]) -> dict[int, float]:
    now = await settled(page)
    return now if now != before else {}


async def _focused(page: Page) -> int:
    return int(await page.evaluate("document.activeElement.closest('.tile')?.dataset.id ?? 0"))


async def _is(page: Page, image_id: int) -> bool:
    return await _focused(page) == image_id


async def _late(route: Route) -> None:
    await asyncio.sleep(0.3)
    await route.continue_()


async def test_a_picture_that_is_removed_leaves_the_wall_and_the_rest_closes_up(
    gallery: GalleryServer, page: Page, complaints: Complaints
) -> None:
    gallery.add(400)
    await page.goto(gallery.url)
    await ready(page)
    await page.evaluate("scrollTo(0, 900)")
    before = await settled(page)
    shown = list(before)
    gone = gallery.fake.images.by_id[shown[len(shown) // 2]]
    gallery.remove(gone)
    await until(lambda: _lacks(page, gone.id), "the picture to go")
    now = await settled(page)
    assert now[shown[0]] == pytest.approx(before[shown[0]], abs=1)
    assert list(now)[: len(shown) // 2] == shown[: len(shown) // 2]
    above = gallery.fake.images.by_id[next(iter(await tiles(page)))]
    gallery.remove(above)
    await until(lambda: _lacks(page, above.id), "the picture above the screen to go")
    assert set(await on_screen(page)) & set(now)
    met = await scroll_to_end(page)
    assert not {gone.id, above.id} & set(met)
    assert len(await page.evaluate("[...document.querySelectorAll('#wall > .tile')].map((t) => t.dataset.id)")) == len(
        await tiles(page)
    )


async def test_a_page_of_a_removed_picture_says_so_and_going_back_does_not_show_it(
    gallery: GalleryServer, page: Page, complaints: Complaints
) -> None:
    complaints.expect("Failed to load resource")
    gallery.add(60)
    await page.goto(gallery.url)
    await ready(page)
    first = next(iter(await tiles(page)))
    await page.click(f'[data-id="{first}"] a')
    await expect(page.locator("#question")).to_be_visible()
    gallery.remove(gallery.fake.images.by_id[first])
    await expect(page.locator("#gone")).to_be_visible()
    await expect(page.locator("#question")).to_be_hidden()
    await page.go_back()
    await ready(page)
    assert first not in await settled(page)


async def test_a_page_that_was_away_learns_what_has_gone(
    gallery: GalleryServer, page: Page, complaints: Complaints
) -> None:
    complaints.expect("Failed to load resource")
    gallery.add(60)
    await page.route("**/api/events", lambda route: route.abort())
    await page.goto(gallery.url)
    await ready(page)
    first = next(iter(await tiles(page)))
    gallery.remove(gallery.fake.images.by_id[first])
    await page.unroute("**/api/events")
    await until(lambda: _lacks(page, first), "the picture to go")


async def _lacks(page: Page, image_id: int) -> bool:
    return image_id not in await tiles(page)


async def test_pictures_come_small_and_are_sharpened_where_one_looks(
    gallery: GalleryServer, new_context: NewContext
) -> None:
    gallery.add(300)
    page = await (await new_context(device_scale_factor=2)).new_page()
    await page.goto(gallery.url)
    await ready(page)
    await page.evaluate("scrollTo(0, 3000)")
    await settled(page)
    widths = """() => [...document.querySelectorAll("#wall > .tile")].map((tile) => {
      const { top, bottom, width } = tile.getBoundingClientRect();
      const loaded = Number(tile.querySelector("img").currentSrc.split("/").at(-1));
      return [bottom > 0 && top < innerHeight && width > 128, loaded];
    })"""

    async def sharp() -> bool:
        return {width for seen, width in await page.evaluate(widths) if seen} == {640}

    await until(sharp, "the sharp ones")
    assert {width for seen, width in await page.evaluate(widths) if not seen} == {256}


async def test_what_is_on_its_way_has_room_already_and_nothing_below_it_moves(
    gallery: GalleryServer, page: Page
) -> None:
    gallery.add(400)
    held = asyncio.Event()

    async def hold(route: Route) -> None:
        await held.wait()
        await route.continue_()

    await page.add_init_script(WATCH_SHIFTS)
    await page.route("**/api/random*", hold)
    await page.goto(gallery.url)
    await ready(page)
    lowest = max(y + height for _, y, _, height in (await tiles(page)).values())
    await page.mouse.move(600, 400)
    for _ in range(12):
        await page.mouse.wheel(0, 600)
        await asyncio.sleep(0.05)
    assert await page.evaluate("scrollY") > lowest
    await expect(page.locator(".footer")).to_be_hidden()
    held.set()
    await until(lambda: on_screen(page), "the pictures that belong there")
    assert await page.evaluate("window.shifted") < 0.02
    await scroll_to_end(page)
    await expect(page.locator(".footer")).to_be_visible()


async def test_the_first_pictures_hang_before_the_program_is_there(gallery: GalleryServer, page: Page) -> None:
    gallery.add(300)
    held = asyncio.Event()

    async def hold(route: Route) -> None:
        await held.wait()
        await route.continue_()

    await page.add_init_script(WATCH_SHIFTS)
    await page.route("**/js/main.js", hold)
    await page.goto(f"{gallery.url}/similar/5")
    await page.wait_for_selector("main.laid .wall.ready > .tile")
    before = await on_screen(page)
    assert len(before) >= 3
    await expect(page.locator(".tile img").first).to_be_visible()
    held.set()
    await ready(page)
    assert await settled(page) == before
    assert await page.evaluate("window.shifted") == 0
