"""The modules without a page: layout, grid, feed, stored views and the small ones, run in the browser's engine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.scripts import Script, scripting

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PRELUDE = """
const [layout, { Grid }, { Feed }, { Views, View }, images, format, places, { Arrivals }, { ApiError }] =
  await Promise.all(["layout", "grid", "feed", "views", "images", "format", "places", "arrivals", "api"]
    .map((name) => import(`/static/js/${name}.js`)));
const image = (id, width = 300, height = 200) => images.readImage({ id, width, height, color: "#112233" });
const rowsOf = (grid) => Array.from({ length: grid.rowCount }, (_, index) => grid.row(index));
const many = (from, count) => Array.from({ length: count }, (_, i) => image(from + i, 150 + ((from + i) * 37) % 300));
const frame = { width: 1000, height: 200, gap: 10 };
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def script(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Script]:
    async with scripting(browser, tmp_path_factory.mktemp("gallery"), PRELUDE) as script:
        yield script


async def test_a_hundred_thousand_shapes_make_rows_that_fill_the_width(script: Script) -> None:
    rows = await script("""
      let seed = 42;
      const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
      let rows = 0;
      for (let wall = 0; wall < 50; wall++) {
        const width = 280 + Math.floor(random() * 3600);
        const frame = { width, height: layout.targetHeight(width), gap: width < 600 ? 6 : 10 };
        const ratios = Array.from({ length: 2000 }, () => Math.exp((random() - 0.5) * 2 * (random() < 0.1 ? 4 : 1)));
        let start = 0;
        for (let row; (row = layout.fullRow(ratios, start, frame)); start += row.widths.length) {
          rows += 1;
          let edge = -frame.gap;
          row.lefts.forEach((left, i) => {
            assert(left === edge + frame.gap, `gap at ${start + i}`);
            assert(Number.isInteger(row.widths[i]) && row.widths[i] > 0, `width at ${start + i}`);
            edge = left + row.widths[i];
            const shape = layout.boxRatio(ratios[start + i], frame);
            assert(Math.abs(row.widths[i] - shape * row.height) <= 1 + shape / 2 + 1e-6, `shape at ${start + i}`);
          });
          assert(edge === width, `row at ${start} ends at ${edge} of ${width}`);
          const times = row.height / frame.height;
          assert(times <= layout.HIGHEST + 0.01 && times > 0.25, `row at ${start} is ${times} times as high`);
        }
        assert(ratios.length - start < 60, "pictures left over");
        if (start === ratios.length) continue;
        const last = layout.lastRow(ratios, start, frame);
        assert(last.lefts.at(-1) + last.widths.at(-1) <= width, "the last row is too wide");
      }
      return rows;""")
    assert rows > 10_000


async def test_shapes_are_kept_but_for_the_most_extreme(script: Script) -> None:
    await script("""
      for (const ratio of [0.5, 0.75, 1, 1.5, 3, 6]) assert(layout.boxRatio(ratio, frame) === ratio, `${ratio}`);
      assert(layout.boxRatio(0.05, frame) === layout.NARROWEST, "tower");
      assert(layout.boxRatio(80, frame) === 10, "panorama");
      for (const broken of [0, -1, NaN, Infinity]) assert(layout.boxRatio(broken, frame) === 1, "broken");""")


async def test_rows_do_not_depend_on_how_the_pictures_came(script: Script) -> None:
    await script("""
      const all = many(1, 300);
      const whole = new Grid(frame);
      whole.add(all);
      const pieces = new Grid(frame);
      for (let at = 0, size = 1; at < all.length; at += size, size = (size % 7) + 1) {
        pieces.add(all.slice(at, at + size));
      }
      assert(JSON.stringify(rowsOf(whole)) === JSON.stringify(rowsOf(pieces)), "rows differ");""")


async def test_placed_pictures_never_move_whatever_comes(script: Script) -> None:
    await script("""
      const grid = new Grid(frame);
      const boxes = new Map();
      for (let id = 1; id < 200; id++) {
        grid.add([image(id, 100 + (id * 61) % 500)]);
        if (id % 5 === 0) grid.flush();
        for (const [index, box] of boxes) assert(JSON.stringify(grid.box(index)) === box, `${index} has moved`);
        for (let index = 0; index < grid.placed; index++) boxes.set(index, JSON.stringify(grid.box(index)));
      }
      assert(rowsOf(grid).every((row) => row.lefts.at(-1) + row.widths.at(-1) <= frame.width), "too wide");""")


async def test_a_grid_comes_back_from_its_breaks(script: Script) -> None:
    await script("""
      const grid = new Grid(frame);
      for (let part = 0; part < 9; part++) {
        grid.add(many(part * 40 + 1, 37));
        grid.flush();
        grid.add([image(9000 + part)]);
      }
      const copy = Grid.restore(frame, ...JSON.parse(JSON.stringify([grid.pictures, grid.breaks])));
      assert(JSON.stringify(rowsOf(copy)) === JSON.stringify(rowsOf(grid)), "rows differ");
      Grid.restore(frame, grid.pictures.toJSON(), [3, 4000, 1]);  // a damaged record harms nothing""")


async def test_a_row_ends_where_pictures_become_less_alike(script: Script) -> None:
    await script("""
      const scored = (from, count, split) => many(from, count).map((image, i) =>
        ({ ...image, score: from + i < split ? 0.8 : 0.3 }));
      for (const split of [1, 2, 3, 14, 18, 19, 20, 21, 40, 41, 60]) {
        const grid = new Grid(frame);
        for (let from = 1; from <= 60; from += 20) {
          grid.add(scored(from, 20, split), 0.5);
          if (from === 21) grid.flush();
        }
        grid.flush();
        assert(grid.split === split - 1, `split at ${grid.split}`);
        const index = grid.rowAt(split - 1);
        assert(rowsOf(grid)[index].start === split - 1, `a row across ${split}`);
        const above = rowsOf(grid)[index - 1];
        const free = rowsOf(grid)[index].top - (above ? above.top + above.height + frame.gap : 0);
        assert(free === layout.DIVIDER, `${free} pixels free`);
        assert(grid.divider === rowsOf(grid)[index].top - layout.DIVIDER, `a divider at ${grid.divider}`);
        assert(grid.placed === 60, "not all have a place");
        const copy = Grid.restore(frame, ...JSON.parse(JSON.stringify([grid.pictures, grid.breaks, grid.split])));
        assert(JSON.stringify(rowsOf(copy)) === JSON.stringify(rowsOf(grid)), "rows differ");
        grid.resize({ ...frame, width: 500 });
        assert(rowsOf(grid)[grid.rowAt(split - 1)].start === split - 1, "across it after a resize");
        grid.remove(0);
        const moved = Math.max(0, split - 2);
        assert(grid.split === moved && rowsOf(grid)[grid.rowAt(moved)].start === moved, "across it after a removal");
      }""")


async def test_without_a_cutoff_or_scores_or_anything_below_there_is_no_divider(script: Script) -> None:
    await script("""
      const grids = [[null, 0.3], [0.5, null], [0.5, 0.8]].map(([cutoff, score]) => {
        const grid = new Grid(frame);
        grid.add(many(1, 40).map((image) => ({ ...image, score })), cutoff);
        grid.flush();
        return grid;
      });
      assert(grids.every((grid) => grid.split === null && grid.divider === null), "a divider");""")


async def test_arrows_lead_along_rows_and_to_the_nearest_in_the_next(script: Script) -> None:
    await script("""
      const grid = new Grid(frame);
      grid.add(many(1, 60));
      grid.flush();
      assert(grid.neighbor(0, "ArrowLeft") === 0 && grid.neighbor(0, "ArrowUp") === 0, "at the start");
      assert(grid.neighbor(59, "ArrowRight") === 59 && grid.neighbor(59, "ArrowDown") === 59, "at the end");
      for (let index = 0; index < rowsOf(grid).at(-2).start; index++) {
        const down = grid.neighbor(index, "ArrowDown");
        const [here, there] = [grid.box(index), grid.box(down)];
        assert(there.top > here.top, "not below");
        assert(there.left < here.left + here.width && here.left < there.left + there.width, "not underneath");
      }""")


async def test_rows_on_the_screen_are_found(script: Script) -> None:
    await script("""
      const grid = new Grid(frame);
      assert(grid.rowsBetween(0, 500).join() === "0,0", "empty");
      grid.add(many(1, 500));
      for (let top = -300; top < grid.height + 300; top += 97) {
        const [first, end] = grid.rowsBetween(top, top + 400);
        rowsOf(grid).forEach((row, i) => {
          const touches = row.top + row.height > top && row.top <= top + 400;
          assert(!touches || (i >= first && i < end), `row ${i} is missing at ${top}`);
        });
        assert(end - first < 8, "too many rows");
      }""")


async def test_a_feed_never_gives_a_picture_twice_and_passes_over_stale_pages(script: Script) -> None:
    await script("""
      const pages = { "/a": [[1, 2, 3], "/b"], "/b": [[2, 3], "/c"], "/c": [[3, 4], "https://evil.example/"] };
      const fetchPage = async (url) => {
        const [ids, next] = pages[url];
        return { results: ids.map((id) => image(id)), next, total: 4 };
      };
      const feed = new Feed({ first: "/a", next: "/a", total: null, seen: [1] }, { fetchPage });
      const given = [];
      feed.onpage = (page) => given.push(page.map(({ id }) => id).join());
      await feed.load();
      await Promise.all([feed.load(), feed.load()]);
      assert(given.join("|") === "2,3|4", given.join("|"));
      assert(feed.state === "ended" && feed.total === 4, feed.state);
      await feed.load();
      feed.rewind();
      await feed.load();
      assert(given.at(-1) === "" && feed.state === "ended", "walked again");""")


async def test_a_feed_tries_again_by_itself_and_goes_on_where_it_was(script: Script) -> None:
    await script("""
      let broken = 3;
      const asked = [];
      const fetchPage = async (url) => {
        asked.push(url);
        if (url === "/b" && broken-- > 0) throw new ApiError(503, "busy");
        return { results: [image(asked.length)], next: url === "/a" ? "/b" : null };
      };
      const feed = new Feed({ first: "/a", next: "/a", total: null }, { fetchPage, wait: () => 1 });
      const states = [];
      feed.onstate = () => states.push(feed.state);
      await feed.load();
      await feed.load();
      assert(feed.state === "failed" && feed.error === "busy", feed.state);
      while (feed.state !== "ended") await new Promise((done) => setTimeout(done, 5));
      assert(asked.join() === "/a,/b,/b,/b,/b", asked.join());""")


async def test_a_link_that_is_no_longer_understood_starts_the_walk_anew(script: Script) -> None:
    await script("""
      let refuse = true;
      const fetchPage = async (url) => {
        if (url === "/old" && refuse) { refuse = false; throw new ApiError(400, "cursor"); }
        return { results: many(1, 6), next: null };
      };
      const feed = new Feed({ first: "/a", next: "/old", total: null, seen: [1, 2, 3] }, { fetchPage, wait: () => 1 });
      const given = [];
      feed.onpage = (page) => given.push(...page.map(({ id }) => id));
      await feed.load();
      while (feed.state !== "ended") await new Promise((done) => setTimeout(done, 5));
      assert(given.join() === "4,5,6", given.join());
      const nothing = async () => { throw new ApiError(404, "no"); };
      const gone = new Feed({ first: "/a", next: "/a", total: null }, { fetchPage: nothing });
      await gone.load();
      assert(gone.state === "gone", gone.state);""")


async def test_answers_begin_with_a_few_and_go_on_by_whole_pages(script: Script) -> None:
    await script("""
      for (const place of [{ kind: "similar", id: 5 }, { kind: "search", parts: [] }]) {
        assert(places.answersOf(place, 60).endsWith("limit=20"), places.answersOf(place, 60));
      }
      assert(places.answersOf({ kind: "random", seed: null }, 60) === "/api/random?limit=60", "the wall itself");
      const asked = [];
      const fetchPage = async (url) => {
        asked.push(url);
        return { results: many(20 * asked.length, 20), next: `/a?cursor=c${asked.length}limit=7&limit=20` };
      };
      const first = "/a?limit=20";
      const feed = new Feed({ first, next: first, total: null, pageSize: 60 }, { fetchPage });
      for (let page = 0; page < 3; page++) await feed.load();
      const further = [1, 2].map((cursor) => `/a?cursor=c${cursor}limit=7&limit=60`);
      assert(asked.join() === [first, ...further].join(), asked.join());""")


async def test_a_stopped_feed_drops_what_was_under_way(script: Script) -> None:
    await script("""
      let answer;
      const fetchPage = () => new Promise((done) => (answer = done));
      const feed = new Feed({ first: "/a", next: "/a", total: null }, { fetchPage });
      feed.onpage = () => assert(false, "gave a page after it was stopped");
      const loading = feed.load();
      feed.stop();
      answer({ results: many(1, 3), next: null });
      await loading;
      assert(feed.state === "idle" && feed.next === "/a", feed.state);""")


async def test_stored_views_are_bounded_and_come_back_whole(script: Script) -> None:
    await script("""
      sessionStorage.clear();
      const make = (key, count) => {
        const feed = new Feed({ first: "/a", next: "/n", total: 9 });
        const view = new View(key, { kind: "random", seed: 3 }, null, feed, new Grid(frame));
        view.grid.add(feed.admit(many(1, count)));
        return Object.assign(view, { scroll: 1234, focused: 5 });
      };
      const views = new Views(sessionStorage);
      for (let i = 0; i < 40; i++) views.save(make(`v${i}`, 4500));
      const stored = Object.keys(sessionStorage).filter((name) => name.startsWith("artalike:view:"));
      assert(stored.length >= 10 && stored.length <= 11, `${stored.length} stored`);
      assert(views.find("v0") === null, "the oldest is gone");
      const back = new Views(sessionStorage).find("v39");
      const original = make("v39", 4500);
      assert(JSON.stringify(back) === JSON.stringify(original), "differs");
      assert(JSON.stringify(rowsOf(back.grid)) === JSON.stringify(rowsOf(original.grid)), "rows differ");
      assert(back.feed.admit(many(4499, 4)).map(({ id }) => id).join() === "4501,4502", "knows what it has");
      sessionStorage.setItem("artalike:view:x", "{broken");
      assert(views.find("x") === null, "broken records are dropped");""")


async def test_latest_arrivals_are_kept_and_all_are_counted(script: Script) -> None:
    await script("""
      const arrivals = new Arrivals(3);
      many(1, 5).forEach((picture) => arrivals.add(picture));
      assert(arrivals.count === 5, "count");
      const { images: kept, missed } = arrivals.since(1);
      assert(kept.map(({ id }) => id).join() === "3,4,5" && missed === 1, "since 1");
      assert(arrivals.since(5).images.length === 0 && arrivals.since(4).missed === 0, "since the end");""")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("/", "/"),
        ("/?seed=12", "/?seed=12"),
        ("/?seed=-9007199254740", "/?seed=-9007199254740"),
        ("/?seed=abc", "/"),
        ("/similar/7", "/similar/7"),
        ("/similar/7?x=1#wall", "/similar/7"),
        ("/similar/seven", None),
        ("/admin", None),
    ],
)
async def test_places_and_addresses_belong_together(script: Script, url: str, address: str | None) -> None:
    found = await script("const place = places.placeOf(argument); return place && places.pageOf(place);", url)
    assert found == address


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("format.counted(1, 'picture')", "1 picture"),
        ("format.counted(1234, 'picture')", "1,234 pictures"),
        ("format.rate(12.3)", "12/s"),
        ("format.rate(9.94)", "9.9/s"),
        ("format.rate(0.5)", "0.5/s"),
        ("format.rate(0.01)", ""),
        ("format.rate(undefined)", ""),
        ("format.ago(1000, 1005)", "just now"),
        ("format.ago(1000, 1600)", "10 min ago"),
        ("format.ago(0, 864000)", "10 days ago"),
        ("format.duration(59)", "59 seconds"),
        ("format.duration(3700)", "1 hour 1 min"),
        ("format.percent(0.876)", "88 %"),
        ("format.percent(-0.1)", "0 %"),
    ],
)
async def test_numbers_and_times_read_well(script: Script, expression: str, text: str) -> None:
    assert await script(f"return {expression};") == text


@pytest.mark.parametrize(
    "value",
    [None, 5, "x", [], {}, {"id": "1", "width": 1, "height": 1}, {"id": 1, "width": 0, "height": 1}, {"id": 1.5}],
)
async def test_what_is_no_image_is_left_out(script: Script, value: Any) -> None:
    assert await script("return images.readImage(argument);", value) is None


@pytest.mark.parametrize(
    ("link", "safe"),
    [
        ("https://museum.example/a b", "https://museum.example/a%20b"),
        ("http://museum.example/", "http://museum.example/"),
        ("https://museum.example/a/b-1.jpg?x=1&y=2", "https://museum.example/a/b-1.jpg?x=1&y=2"),
        ("https://museum.example/a/../b.jpg", "https://museum.example/b.jpg"),
        ("https://museum.example:99999/b.jpg", ""),
        ("javascript:alert(1)", ""),
        ("JavaScript:alert(1)", ""),
        (" javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("file:///etc/passwd", ""),
        ("//museum.example/", ""),
        ("/relative", ""),
        ("http://", ""),
        (None, ""),
    ],
)
async def test_only_web_addresses_are_linked(script: Script, link: str | None, safe: str) -> None:
    assert await script("return images.safeLink(argument);", link) == safe
    about = {"id": 1, "width": 1, "height": 1, "color": "red; x", "url": link}
    read = await script("return images.readImage(argument);", about)
    assert read["url"] == safe
    assert read["color"] == "#8a857c", json.dumps(read)


async def test_a_grid_closes_up_where_a_picture_is_taken_out_and_not_above(script: Script) -> None:
    await script("""
      for (let victim = 0; victim < 43; victim += 3) {
        const grid = new Grid(frame);
        grid.add(many(1, 40));
        grid.flush();
        grid.add(many(41, 3));
        const row = grid.rowAt(victim);
        const above = JSON.stringify(rowsOf(grid).slice(0, victim < grid.placed ? row : rowsOf(grid).length));
        const shown = grid.placed;
        const wasShown = victim < shown;
        grid.remove(victim);
        assert(grid.count === 42 && grid.pictures.indexOf(victim + 1) === -1, "it is gone");
        assert(grid.placed >= shown - (wasShown ? 1 : 0), "what was shown is shown");
        assert(JSON.stringify(rowsOf(grid)).startsWith(above.slice(0, -1)), "rows above stay");
        let at = 0;
        for (const placed of rowsOf(grid)) {
          assert(placed.start === at, "rows follow each other");
          at += placed.widths.length;
        }
      }
      const last = new Grid(frame);
      last.add(many(1, 1));
      last.flush();
      last.remove(0);
      assert(last.placed === 0 && last.height === 0, "an empty wall has no height");
    """)
