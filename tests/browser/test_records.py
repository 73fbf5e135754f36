"""What the wall keeps of each picture that it has met, and what it asks for again when somebody comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from artalike.records import Metadata
from tests.browser.conftest import Complaints
from tests.browser.scripts import Script, scripting
from tests.browser.server import GalleryServer
from tests.browser.steps import drawn, on_screen, ready, scroll_to_end, settled, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PRELUDE = """
const [{ Column, lastWhere }, { IdSet }, { Pictures }, { Nearby }, { readImage }] =
  await Promise.all(["columns", "id_set", "pictures", "nearby", "images"]
    .map((name) => import(`/static/js/${name}.js`)));
const image = (id, more = {}) =>
  readImage({ id, width: 300 + (id % 90), height: 200, color: "#0012fe", title: `Picture ${id}`, ...more });
const many = (from, count) => Array.from({ length: count }, (_, i) => image(from + i));
const filled = (images) => {
  const pictures = new Pictures();
  for (const each of images) pictures.push(each);
  return pictures;
};
const moment = (milliseconds = 0) => new Promise((done) => setTimeout(done, milliseconds));
"""

ALL_THERE = "[...document.querySelectorAll('#wall > .tile img')].every(({ naturalWidth }) => naturalWidth > 0)"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def script(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Script]:
    async with scripting(browser, tmp_path_factory.mktemp("gallery"), PRELUDE) as script:
        yield script


async def test_a_column_is_a_list_of_numbers(script: Script) -> None:
    await script("""
      const column = new Column(Uint32Array);
      const list = [];
      for (let i = 0; i < 5000; i++) {
        column.push(i * 7);
        list.push(i * 7);
        if (i % 3 === 0) {
          column.remove(i % 11);
          if (i % 11 < list.length) list.splice(i % 11, 1);
        }
      }
      assert(column.length === list.length && [...column.values].join() === list.join(), "differs");
      assert(column.room.length <= list.length * 1.5 + 64, `${column.room.length} places for ${list.length}`);
      for (let at = 0; at <= 10; at++) assert(lastWhere(10, (index) => index < at) === at - 1, `${at}`);""")


async def test_a_set_of_ids_holds_what_was_added_and_nothing_else(script: Script) -> None:
    await script("""
      const ids = new Set([0, 1, 29, 30, 31, 2 ** 31, 2 ** 40 + 5, Number.MAX_SAFE_INTEGER, -1, -30, -31]);
      for (let i = 0, id = 7; i < 3000; i++, id = (id * 48271) % 2147483647) ids.add(id % 9000);
      const set = new IdSet(ids);
      for (let id = -100; id < 9100; id++) assert(set.has(id) === ids.has(id), `${id}`);
      for (const id of ids) assert(set.has(id), `${id}`);
      assert(!set.has(2 ** 31 + 1) && !set.has(2 ** 40 + 4) && !set.has(Number.MAX_SAFE_INTEGER - 1), "others");""")


async def test_pictures_that_are_far_keep_their_outline_alone(script: Script) -> None:
    await script("""
      const ranked = many(201, 100).map((each) => ({ ...each, score: each.id / 1000, nearDuplicates: 2 }));
      const all = [...many(1, 200), ...ranked];
      const pictures = filled(all);
      pictures.keep(100, 110);
      assert(pictures.known === 10 && pictures.length === 300, `${pictures.known} of ${pictures.length}`);
      assert(pictures.at(105).title === "Picture 106" && pictures.at(99) === undefined, "those near");
      assert(pictures.at(-1) === undefined && pictures.at(300) === undefined, "those that are none");
      assert(pictures.unknown(95, 103).join() === "96,97,98,99,100", pictures.unknown(95, 103).join());
      for (const [index, { id, width, height, color, score }] of all.entries()) {
        const outline = pictures.outline(index);
        assert(outline.id === id && outline.color === color, `${id}`);
        assert(Math.abs(outline.width / outline.height - width / height) < 1e-6, `shape of ${id}`);
        const same = outline.score === score || Math.abs(outline.score - score) < 1e-6;
        assert(same && (outline.score === null) === (score === null), `score of ${id}`);
      }
      pictures.learn([image(250), image(999)]);
      const { title, score, nearDuplicates } = pictures.recall(250);
      assert(title === "Picture 250" && Math.abs(score - 0.25) < 1e-6 && nearDuplicates === 2, "comes back");
      assert(pictures.recall(999) === undefined && pictures.known === 11, "what is not on the wall is not kept");""")


async def test_pictures_keep_their_order_when_one_is_taken_out(script: Script) -> None:
    await script("""
      const pictures = filled([...many(1, 5), { ...image(6), score: 0.5 }, image(7)]);
      for (const gone of [1, 6, 7]) pictures.remove(pictures.indexOf(gone));
      assert([0, 1, 2, 3].map((index) => pictures.id(index)).join() === "2,3,4,5", "order");
      assert(pictures.indexOf(6) === -1 && pictures.recall(6) === undefined, "it is gone");
      pictures.push({ ...image(8), score: 0.25 });
      assert(pictures.outline(4).score === 0.25 && pictures.outline(3).score === null, "scores stay with theirs");
      const copy = Pictures.fromJSON(JSON.parse(JSON.stringify(pictures)));
      assert(JSON.stringify(copy) === JSON.stringify(pictures), "differs");
      assert([...copy.ratios].join() === [...pictures.ratios].join(), "shapes differ");""")


async def test_records_near_the_screen_are_asked_for_again(script: Script) -> None:
    await script("""
      const asked = [];
      let fails = 1;
      const fetch = async (ids) => {
        asked.push(ids);
        if (fails-- > 0) throw new TypeError("away");
        return ids.filter((id) => id !== 13).map((id) => image(id));
      };
      const nearby = new Nearby({ fetch, wait: () => 1 });
      const pictures = filled(many(1, 200));
      let learnt = 0;
      nearby.onlearnt = () => (learnt += 1);
      for (let from = 0; from < 4900; from += 20) {
        for (const each of many(201 + from, 20)) pictures.push(each);
        nearby.attend(pictures, from, from + 100);
      }
      assert(pictures.known < 1100 && asked.length === 0, `${pictures.known} known, ${asked.length} asked`);
      nearby.attend(pictures, 0, 100);
      await moment(30);
      assert(asked.length === 2 && learnt === 1, `asked ${asked.length} times`);
      assert(asked.every((ids) => ids.length <= 200), "as many as the server tells of");
      assert(pictures.unknown(0, 100).join() === "13", "all that are there");
      nearby.attend(pictures, 0, 100);
      await moment(30);
      assert(asked.length === 2, "what is not there is not asked for for ever");""")


async def test_who_flies_past_asks_for_one_stretch_at_a_time(script: Script) -> None:
    await script("""
      let under_way = 0;
      let most = 0;
      const asked = [];
      const fetch = async (ids) => {
        most = Math.max(most, ++under_way);
        asked.push(...ids);
        await moment(5);
        under_way -= 1;
        return ids.map((id) => image(id));
      };
      const nearby = new Nearby({ fetch, wait: () => 1 });
      const pictures = filled(many(1, 20000));
      pictures.keep(0, 0);
      for (let from = 19000; from >= 0; from -= 100) {
        nearby.attend(pictures, from, from + 100);
        if (from % 2000 === 0) await moment(1);
      }
      await moment(60);
      assert(most === 1, `${most} at a time`);
      assert(asked.length < 3000, `${asked.length} asked for`);
      assert(pictures.unknown(0, 100).length === 0, "where it ends all are known");""")


async def test_a_long_wall_holds_few_records_and_names_them_again(gallery: GalleryServer, page: Page) -> None:
    gallery.add(1300, metadata=Metadata(title="The Wave", creator="Hokusai"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/images?" in request.url else None)
    await page.goto(gallery.url)
    await ready(page)
    first = await on_screen(page)
    await _fall(page)
    assert not asked
    await page.evaluate("scrollTo(0, 0)")
    await until(lambda: _all_named(page), "the names of the first pictures")
    assert asked
    assert await on_screen(page) == first
    tile = page.locator("#wall > .tile").nth(2)
    await tile.hover()
    await expect(tile.locator(".caption-creator")).to_have_text("Hokusai")
    await tile.click()
    await expect(page.locator("h1")).to_have_text("The Wave")


async def test_pictures_hang_again_also_when_nothing_more_is_told_of_them(
    gallery: GalleryServer, page: Page, complaints: Complaints
) -> None:
    complaints.expect("Failed to load resource")
    gallery.add(1300, metadata=Metadata(title="The Wave"))
    await page.goto(gallery.url)
    await ready(page)
    first = await on_screen(page)
    await _fall(page)

    async def away(route: Route) -> None:
        await route.fulfill(status=503, body="{}")

    await page.route("**/api/images?*", away)
    await page.evaluate("scrollTo(0, 0)")
    await drawn(page)
    assert await on_screen(page) == first
    await until(lambda: page.evaluate(ALL_THERE), "the thumbnails")
    await page.unroute("**/api/images?*")
    await until(lambda: _all_named(page), "the names")


async def test_a_reload_far_down_keeps_the_place_and_what_was_met(gallery: GalleryServer, page: Page) -> None:
    gallery.add(300, metadata=Metadata(title="The Wave"))
    await page.goto(gallery.url)
    await ready(page)
    await page.evaluate("scrollTo(0, 3000)")
    there = await settled(page)
    await page.reload()
    await ready(page)
    await until(lambda: _same(page, there), "the same pictures at the same place")
    await until(lambda: _all_named(page), "their names")
    await page.evaluate("scrollTo(0, 0)")
    met = await scroll_to_end(page)
    assert len(met) == len(set(met)) == 300


async def _fall(page: Page) -> None:
    """To the end of the wall, past all that is on it."""
    while not await page.is_visible("#end"):
        await page.evaluate("scrollTo({top: 1e7, behavior: 'instant'})")
        await drawn(page)


async def _all_named(page: Page) -> bool:
    return bool(
        await page.evaluate(
            """[...document.querySelectorAll("#wall > .tile img")].every(({ alt }) => alt.startsWith("The Wave"))"""
        )
    )


async def _same(page: Page, there: dict[int, float]) -> bool:
    return await on_screen(page) == there
