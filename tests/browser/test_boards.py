"""Keeping: favourites and boards in the browser, in a file, and in an address; and the help sheet."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from artalike.records import Image, Metadata
from artalike.web.boards import read
from artalike.web.views import image_json
from tests.browser.conftest import NewContext
from tests.browser.server import GalleryServer
from tests.browser.steps import accessible, ready, until
from tests.browser.test_safety import HOSTILE

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

BOXES = """[...document.querySelectorAll("#kept > li")].map((card) => card.getBoundingClientRect().toJSON())"""
PHONE = {"width": 390, "height": 844}


def hang(gallery: GalleryServer, count: int) -> list[Image]:
    """Pictures of a folder: they have no home in the web that could be asked for them."""
    hung = []
    for image in gallery.add(count, metadata=Metadata(title="The Wave")):
        hung.append(replace(image, url=f"file:///pictures/{image.id}.jpg"))
        gallery.fake.images.by_id[image.id] = hung[-1]
    return hung


async def keep(page: Page, count: int) -> list[int]:
    """Give hearts to the first pictures on the wall, by key; their ids."""
    await ready(page)
    links = page.locator(".tile > a")
    ids = []
    for number in range(count):
        await links.nth(number).focus()
        await page.keyboard.press("f")
        ids.append(int(await links.nth(number).evaluate("(link) => link.closest('.tile').dataset.id")))
    return ids


async def stored(page: Page) -> dict[str, list[int]]:
    boards: list[dict[str, Any]] = json.loads(await page.evaluate("localStorage.getItem('artalike:boards') ?? '[]'"))
    return {board["name"]: [image["id"] for image in board["images"]] for board in boards}


async def shown(page: Page) -> list[int]:
    ids: list[int] = await page.evaluate(
        "[...document.querySelectorAll('#kept > li')].map((li) => Number(li.dataset.key))"
    )
    return ids


async def test_a_heart_keeps_a_picture_and_lets_it_go(gallery: GalleryServer, page: Page) -> None:
    hang(gallery, 40)
    await page.goto(gallery.url)
    await ready(page)
    tile = page.locator(".tile").nth(2)
    await tile.hover()
    await tile.locator(".heart").click()
    await expect(page.get_by_text("Kept among your favourites.")).to_be_visible()
    await expect(tile.locator(".heart")).to_have_attribute("aria-pressed", "true")
    await expect(tile).to_have_class("tile kept")
    await page.click(".said button")
    assert await stored(page) == {"Favourites": []}
    await expect(tile).to_have_class("tile")
    await tile.hover()
    await tile.locator(".heart").click()
    picked = int(await tile.get_attribute("data-id") or 0)
    await tile.locator(".look-closer").click()
    assert page.url == f"{gallery.url}/image/{picked}"
    await expect(page.locator("#viewer .heart")).to_have_attribute("aria-pressed", "true")
    await page.click("#viewer .heart")
    await expect(page.locator("#viewer").get_by_text("Taken off Favourites.")).to_be_visible()
    assert await stored(page) == {"Favourites": []}
    await page.keyboard.press("Control+z")
    await until(lambda: _holds(page, {"Favourites": [picked]}), "what was undone")


async def test_boards_are_made_filled_ordered_and_renamed(gallery: GalleryServer, page: Page) -> None:
    hang(gallery, 40)
    await page.goto(f"{gallery.url}/image/5")
    await ready(page)
    await page.click(".boards-of summary")
    await page.fill(".board-panel input[name=name]", "Blue")
    await page.keyboard.press("Enter")
    for number in (9, 7):
        await page.goto(f"{gallery.url}/image/{number}")
        await ready(page)
        await page.click(".boards-of summary")
        await page.get_by_label("Blue").check()
    await page.goto(f"{gallery.url}/boards")
    await page.get_by_role("link", name="Blue").click()
    await expect(page.locator("h1:visible")).to_have_text("Blue")
    assert await shown(page) == [5, 9, 7]
    await page.locator("#kept a").first.focus()
    await page.keyboard.press("Alt+ArrowRight")
    assert await shown(page) == [9, 5, 7]
    await expect(page.locator("#moved")).to_have_text("Moved to place 2 of 3.")
    assert await page.evaluate("document.activeElement.getAttribute('href')") == "/image/5"
    await (
        page.locator("#kept > li").nth(2).drag_to(page.locator("#kept > li").nth(0), target_position={"x": 4, "y": 20})
    )
    assert await shown(page) == [7, 9, 5]
    await page.locator("#kept a").nth(1).focus()
    await page.keyboard.press("Delete")
    assert await shown(page) == [7, 5]
    assert await page.evaluate("document.activeElement.getAttribute('href')") == "/image/5"
    await page.click(".said button")
    assert await shown(page) == [7, 9, 5]
    await page.get_by_role("button", name="Rename").click()
    await page.keyboard.type("Bleu")
    await page.keyboard.press("Enter")
    await expect(page.locator("h1:visible")).to_have_text("Bleu")
    await page.get_by_role("button", name="Remove", exact=True).click()
    await expect(page.locator("h1:visible")).to_have_text("Boards")
    await page.click(".said button")
    await page.reload()
    await expect(page.locator("h1:visible")).to_have_text("Bleu")
    assert await shown(page) == [7, 9, 5]


async def test_a_board_asks_for_more_like_it_and_is_looked_at_closely(gallery: GalleryServer, page: Page) -> None:
    hang(gallery, 40)
    await page.goto(gallery.url)
    kept = await keep(page, 3)
    await page.goto(f"{gallery.url}/boards#favourites")
    await expect(page.locator("#like-list > li")).not_to_have_count(0)
    likes = await page.evaluate("[...document.querySelectorAll('#like-list > li')].map((li) => Number(li.dataset.key))")
    assert not set(likes) & set(kept)
    first = page.locator("#like-list > li").first
    await first.hover()
    await first.get_by_role("button", name="Put on this board").click()
    assert await shown(page) == [*kept, likes[0]]
    await page.locator("#kept a").nth(1).click()
    await expect(page.locator("#viewer h2")).to_have_text("The Wave")
    assert page.url == f"{gallery.url}/image/{kept[1]}"
    await page.keyboard.press("ArrowRight")
    await page.wait_for_url(f"**/image/{kept[2]}")
    await page.keyboard.press("Escape")
    await page.wait_for_url("**/boards#favourites")
    await expect(page.locator("#viewer")).to_be_hidden()


async def test_under_a_finger_buttons_lie_on_a_board_only_while_it_is_arranged(
    gallery: GalleryServer, new_context: NewContext
) -> None:
    hang(gallery, 20)
    page = await (await new_context(viewport=PHONE, has_touch=True, is_mobile=True)).new_page()
    await page.goto(gallery.url)
    kept = await keep(page, 3)
    await page.goto(f"{gallery.url}/boards#favourites")
    first = page.locator("#kept > li").first
    await expect(first).to_be_visible()
    await expect(first.get_by_role("button")).to_have_count(0)
    await page.get_by_role("button", name="Arrange").tap()
    await first.get_by_role("button", name="Move on").tap()
    assert await shown(page) == [kept[1], kept[0], kept[2]]
    await page.get_by_role("button", name="Arrange").tap()
    await expect(first.get_by_role("button")).to_have_count(0)


async def test_a_shared_address_shows_the_board_and_can_be_kept(
    gallery: GalleryServer, page: Page, new_context: NewContext
) -> None:
    hung = hang(gallery, 9)
    await page.goto(gallery.url)
    kept = await keep(page, 3)
    await page.goto(f"{gallery.url}/boards#favourites")
    await page.get_by_role("button", name="Share").click()
    address = await page.locator(".share-line input").input_value()
    gallery.remove(next(image for image in hung if image.id == kept[1]))
    theirs = await (await new_context(viewport=PHONE, has_touch=True)).new_page()
    await theirs.goto(address)
    await expect(theirs.locator("h1:visible")).to_have_text("Favourites")
    await expect(theirs.locator("#board-missing")).to_have_text("1 of its pictures is no longer in the collection.")
    assert await shown(theirs) == [kept[0], kept[2]]
    assert await theirs.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    await theirs.get_by_role("button", name="Keep this board").click()
    await theirs.wait_for_url("**/boards#*")
    await expect(theirs.locator("#kept > li")).to_have_count(2)
    assert await shown(theirs) == [kept[0], kept[2]]
    plain = await (await new_context(java_script_enabled=False)).new_page()
    await plain.goto(address)
    await expect(plain.locator("#kept img")).to_have_count(2)


async def test_a_file_brings_boards_back_and_tells_what_is_gone(
    gallery: GalleryServer, page: Page, new_context: NewContext, tmp_path: Path
) -> None:
    hung = hang(gallery, 9)
    await page.goto(gallery.url)
    kept = await keep(page, 3)
    await page.goto(f"{gallery.url}/boards")
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export all").click()
    file = tmp_path / "boards.json"
    await (await download.value).save_as(file)
    gallery.remove(next(image for image in hung if image.id == kept[0]))
    theirs = await (await new_context()).new_page()
    await theirs.goto(f"{gallery.url}/boards")
    await theirs.set_input_files("#import-file", file)
    await expect(theirs.locator(".said")).to_contain_text("2 pictures on 1 board came in. 1 picture of it is not in")
    assert await stored(theirs) == {"Favourites": kept[1:]}
    await page.reload()
    await page.goto(f"{gallery.url}/boards#favourites")
    await expect(page.locator("#board-missing")).to_have_text("1 picture is no longer in the collection.")
    await page.get_by_role("button", name="Take off what is gone").click()
    assert await shown(page) == kept[1:]


async def test_hostile_files_and_names_do_no_harm(gallery: GalleryServer, page: Page, tmp_path: Path) -> None:
    hang(gallery, 9)
    await page.goto(f"{gallery.url}/boards")
    for text in ("", "{", "[]", '{"artalike_boards": 1, "boards": "x"}', '{"artalike_boards": 2, "boards": []}'):
        file = tmp_path / "bad.json"
        file.write_text(text)
        await page.set_input_files("#import-file", file)
        await expect(page.locator(".said")).to_contain_text(" file")
        await page.evaluate("document.querySelector('.said').remove()")
        await page.reload()
    image = {"id": 3, "width": 4, "height": 3, "color": "red;}", "title": HOSTILE[0], "creator": {"a": 1}}
    odd = [
        None,
        7,
        {"id": "__proto__", "images": [image]},
        {"id": "x", "images": {}},
        {"id": "../x", "images": [image]},
    ]
    boards = [{"id": f"b{n}", "name": text, "images": [image, image, {"id": -1}, 4]} for n, text in enumerate(HOSTILE)]
    file = tmp_path / "worse.json"
    file.write_text(json.dumps({"artalike_boards": 1, "boards": [*odd, *boards], "__proto__": {"polluted": 1}}))
    await page.set_input_files("#import-file", file)
    await expect(page.locator(".board-card")).to_have_count(len(HOSTILE))
    names = await page.locator(".board-name").all_text_contents()
    assert all(name and len(name) <= 80 for name in names)
    for number in range(len(HOSTILE)):
        await page.goto(f"{gallery.url}/boards#b{number}")
        await expect(page.locator("#kept > li")).to_have_count(1)
        assert await page.evaluate("window.pwned === undefined && ({}).polluted === undefined")
    for text in HOSTILE:
        await page.goto(
            f"{gallery.url}/board?ids=1,x,-3,2e9,{'9' * 400},2&name="
            + await page.evaluate("(t) => encodeURIComponent(t.toWellFormed())", text)
        )
        assert await shown(page) == [1, 2]
        assert await page.evaluate("window.pwned === undefined")


async def test_two_tabs_agree(gallery: GalleryServer, page: Page) -> None:
    hang(gallery, 20)
    await page.goto(gallery.url)
    await ready(page)
    other = await page.context.new_page()
    await other.goto(f"{gallery.url}/boards#favourites")
    kept = await keep(page, 2)
    await expect(other.locator("#kept > li")).to_have_count(2)
    await other.locator("#kept a").first.focus()
    await other.keyboard.press("Delete")
    await expect(page.locator(".tile.kept")).to_have_count(1)
    await expect(other.locator("#kept > li")).to_have_count(1)
    assert await stored(page) == {"Favourites": kept[1:]}


async def test_a_store_that_is_full_or_forbidden_is_told_and_not_fatal(
    gallery: GalleryServer, page: Page, new_context: NewContext
) -> None:
    hang(gallery, 20)
    await page.add_init_script(
        "Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); }"
    )
    await page.goto(gallery.url)
    await keep(page, 2)
    await expect(page.locator(".said")).to_contain_text("There is no room left in this browser")
    await expect(page.locator(".tile.kept")).to_have_count(2)
    context = await new_context()
    await context.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('', 'SecurityError'); } })"
    )
    private = await context.new_page()
    await private.goto(gallery.url)
    await keep(private, 2)
    await expect(private.locator(".said")).to_contain_text("it is gone when the page is closed")
    await expect(private.locator(".tile.kept")).to_have_count(2)


async def test_the_help_sheet_names_the_keys_and_gives_the_focus_back(gallery: GalleryServer, page: Page) -> None:
    hang(gallery, 9)
    await page.goto(gallery.url)
    await ready(page)
    await page.locator(".tile > a").nth(1).focus()
    await page.keyboard.press("?")
    await expect(page.locator("#help")).to_contain_text("look closer")
    await page.keyboard.press("Escape")
    await expect(page.locator("#help")).to_have_count(0)
    assert await page.evaluate("document.activeElement.closest('.tile') !== null")
    await page.keyboard.press("v")
    await page.keyboard.press("?")
    await expect(page.locator("#help")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#viewer")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_wrong_with_viewer_boards_and_help(
    gallery: GalleryServer, new_context: NewContext, scheme: str
) -> None:
    hang(gallery, 20)
    gallery.fake.images.groups = [{5, 6, 7}]
    page = await (await new_context(color_scheme=scheme, reduced_motion="reduce")).new_page()
    await page.goto(f"{gallery.url}/image/5")
    await ready(page)
    await page.click(".boards-of summary")
    await page.fill(".board-panel input[name=name]", "Blue")
    await page.keyboard.press("Enter")
    await page.click("#viewer .heart")
    await page.locator(".near-one").first.click()
    await accessible(page)
    await page.keyboard.press("?")
    await accessible(page)
    await page.goto(f"{gallery.url}/similar/5")
    await keep(page, 2)
    await accessible(page)
    await page.goto(f"{gallery.url}/boards")
    await accessible(page)
    await page.goto(f"{gallery.url}/boards#favourites")
    await expect(page.locator("#like-list > li")).not_to_have_count(0)
    await page.locator("#kept a").first.focus()
    await accessible(page)
    await page.goto(f"{gallery.url}/board?name=Blue&ids=1,2,99")
    await accessible(page)


async def test_boards_are_changed_without_changing_what_was(gallery: GalleryServer, page: Page) -> None:
    await page.goto(f"{gallery.url}/healthz")
    faults = await page.evaluate("""async () => {
      const model = await import("/static/js/boards/model.js");
      const faults = [];
      const check = (holds, what) => { if (!holds) faults.push(what); };
      const image = (id) => ({ id, width: 3, height: 2, color: "#112233", title: `No. ${id}`, creator: "" });
      const ids = (boards, id) => model.boardOf(boards, id)?.images.map((kept) => kept.id).join();
      const freeze = (boards) => {
        for (const board of boards) Object.freeze(Object.freeze(board).images);
        return Object.freeze(boards);
      };
      let boards = freeze(model.readBoards([{ id: "a", name: " A\\n1 ", images: [1, 2, 3, 2].map(image) }]));
      check(boards[0].id === model.FAVOURITES && boards[1].name === "A 1" && ids(boards, "a") === "1,2,3", "read");
      for (const [image, place, order] of [[1, 2, "2,3,1"], [3, 0, "3,1,2"], [2, -5, "2,1,3"], [9, 0, "1,2,3"]]) {
        check(ids(model.moved(boards, "a", image, place), "a") === order, `move ${image} to ${place}`);
      }
      check(ids(model.withImages(boards, "a", [3, 4].map(image)), "a") === "1,2,3,4", "no repeats");
      check(ids(model.withImages(boards, "a", [image(4)], 1), "a") === "1,4,2,3", "at a place");
      check(ids(model.withoutImages(boards, "a", [2]), "a") === "1,3", "without");
      const theirs = [
        { id: "a", name: "theirs", images: [3, 5].map(image) },
        { id: "b", name: "new", images: [image(7)] },
      ];
      const other = model.readFile(model.fileOf(model.readBoards(theirs), "", new Date()));
      const both = model.merged(boards, other);
      check(ids(both, "a") === "1,2,3,5" && ids(both, "b") === "7" && both[1].name === "A 1", "merged");
      check(JSON.stringify(model.merged(both, other)) === JSON.stringify(both), "merged twice");
      const images = Array.from({ length: 5000 }, (_, i) => image(i + 1e6));
      const many = model.readBoards([{ id: "m", name: "", images }]);
      check(many[1].images.length === model.IMAGES_MOST && many[1].name === "Untitled board", "bounds");
      check(model.linkOf(many[1]) === null, "too much for an address");
      check(model.withoutBoard(boards, model.FAVOURITES).length === 2, "favourites stay");
      check(model.spread([1, 2, 3, 4, 5, 6, 7, 8], 4).join() === "1,3,5,7", "spread");
      check(model.spread([1], 4).join() === "1", "all of few");
      for (const text of ["", "null", "[]", "7", '{"artalike_boards":1}', "x".repeat(model.FILE_BYTES + 1)]) {
        try {
          model.readFile(text);
          faults.push(`took ${text.slice(0, 20)}`);
        } catch (error) {
          check(error instanceof model.NoBoard, "error");
        }
      }
      return faults;
    }""")
    assert faults == []
    link = await page.evaluate("""async () => (await import("/static/js/boards/model.js")).linkOf(
      { id: "x", name: "Blau & Grün", images: [30, 4, 12].map((id) => ({ id })) })""")
    address = await page.evaluate("(link) => Object.fromEntries(new URL(link, 'http://a/').searchParams)", link)
    board = read(address["name"], address["ids"])
    assert (board.name, board.ids) == ("Blau & Grün", (30, 4, 12))


async def _holds(page: Page, boards: dict[str, list[int]]) -> bool:
    return await stored(page) == boards


async def test_a_board_that_is_nearly_full_says_so_before_it_is(gallery: GalleryServer, page: Page) -> None:
    hang(gallery, 40)
    other = {"width": 3, "height": 2, "color": "#112233", "title": "", "creator": ""}
    kept = [{"id": 1000 + number, **other} for number in range(998)]
    await page.goto(gallery.url)
    favourites = json.dumps([{"id": "favourites", "name": "Favourites", "images": kept}])
    await page.evaluate("(boards) => localStorage.setItem('artalike:boards', boards)", favourites)
    await page.reload()
    await keep(page, 1)
    await expect(page.locator(".said")).to_contain_text("Kept among your favourites. There is room for 1 more.")
    await page.locator(".tile > a").nth(1).focus()
    await page.keyboard.press("f")
    await expect(page.locator(".said")).to_contain_text("It is full now: a board holds 1000 pictures.")


async def test_of_a_thousand_pictures_few_are_in_the_page(gallery: GalleryServer, page: Page) -> None:
    kept = [image_json(image, gallery.services.settings) for image in hang(gallery, 1000)]
    full = [{"id": f"b{number}", "name": f"Board {number}", "images": kept} for number in (1, 2)]
    await page.goto(gallery.url + "/boards")
    await page.evaluate("(boards) => localStorage.setItem('artalike:boards', boards)", json.dumps(full))
    await page.goto(gallery.url + "/boards#b2")
    await page.reload()
    await expect(page.locator("#board-count")).to_have_text("1,000 pictures")
    await until(lambda: shown(page), "pictures")
    assert await page.locator("*").count() < 1500
    first = await shown(page)
    assert first == list(range(1, len(first) + 1))
    boxes = await page.evaluate(BOXES)
    ends = {box["top"]: max(each["right"] for each in boxes if each["top"] == box["top"]) for box in boxes}
    assert max(ends.values()) - min(ends.values()) < 1

    await page.evaluate("scrollTo({top: document.body.offsetHeight - 2 * innerHeight, behavior: 'instant'})")
    await until(lambda: _hangs(page, 990), "pictures far below")
    assert await page.locator("*").count() < 1500
    await page.locator('#kept > li[data-key="990"] > a').focus()
    await page.keyboard.press("Alt+ArrowLeft")
    await expect(page.locator("#moved")).to_have_text("Moved to place 989 of 1000.")
    await expect(page.locator('#kept > li[data-key="990"] > a')).to_be_focused()
    await page.keyboard.press("Delete")
    await expect(page.locator("#board-count")).to_have_text("999 pictures")
    await expect(page.locator('#kept > li[data-key="989"] > a')).to_be_focused()

    await page.keyboard.press("Enter")
    await expect(page.locator("#viewer")).to_be_visible()
    await page.keyboard.press("ArrowLeft")
    await page.wait_for_url("**/image/988")
    await page.keyboard.press("Escape")
    await expect(page.locator('#kept > li[data-key="988"] > a')).to_be_focused()
    assert (await stored(page))["Board 2"][986:990] == [987, 988, 989, 991]


async def _hangs(page: Page, image_id: int) -> bool:
    return image_id in await shown(page)
