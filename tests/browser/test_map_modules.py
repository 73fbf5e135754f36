"""The map's modules without a page: view, points, level of detail and dots, run in the browser's engine."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.scripts import Script, scripting

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PRELUDE = """
const [view, { Points }, detail, dots] = await Promise.all(
  ["view", "points", "detail", "dots"].map((name) => import(`/static/js/map/${name}.js`)));
const close = (one, other, what, least = 1e-6) => assert(Math.abs(one - other) <= least, `${what}: ${one}, ${other}`);
const size = { width: 1200, height: 700 };
let seed = 42;
const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
const anywhere = (count) => Uint16Array.from({ length: count }, () => 65535 * random());
const scattered = (count) => new Points(1, Uint32Array.from({ length: count }, (_, i) => i + 1),
  anywhere(count), anywhere(count), Uint8Array.from({ length: 3 * count }, () => 255 * random()));
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def script(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Script]:
    async with scripting(browser, tmp_path_factory.mktemp("gallery"), PRELUDE) as script:
        yield script


async def test_screen_and_map_are_each_others_inverse(script: Script) -> None:
    await script("""
      for (let time = 0; time < 200; time++) {
        const at = { x: 65536 * random(), y: 65536 * random(), zoom: 12 * random() - 0.5 };
        const place = view.toMap(at, size, 1200 * random(), 700 * random());
        const spot = view.toScreen(at, size, place.x, place.y);
        const back = view.toMap(at, size, spot.x, spot.y);
        close(back.x, place.x, "x");
        close(back.y, place.y, "y");
      }""")


async def test_zooming_keeps_what_is_under_the_pointer(script: Script) -> None:
    await script("""
      const before = { x: 30000, y: 30000, zoom: 4 };
      const under = view.toMap(before, size, 100, 650);
      for (const steps of [-2, -0.3, 0.5, 3]) {
        const after = view.toMap(view.zoomed(before, size, steps, 100, 650), size, 100, 650);
        close(after.x, under.x, "x");
        close(after.y, under.y, "y");
      }
      const far = view.zoomed(before, size, 99, 100, 650);
      assert(far.zoom === view.ZOOM_MOST, "too near");
      const moved = view.panned(before, size, 50, -20);
      const spot = view.toScreen(moved, size, 30000, 30000);
      close(spot.x, 650, "panned x");
      close(spot.y, 330, "panned y");""")


async def test_an_address_tells_a_view_and_nothing_else_does(script: Script) -> None:
    await script("""
      const there = { x: 12345, y: 54321, zoom: 5.25 };
      const back = view.viewOf(view.hashOf(there));
      for (const key of ["x", "y", "zoom"]) close(back[key], there[key], key, 1);
      for (const other of ["", "#", "#wall", "#1,2", "#0.5,0.5,abc", "#0.5,0.5,3;", "#1e9,0,0", "#0.5,0.5,NaN"]) {
        assert(view.viewOf(other) === null, other);
      }
      const held = view.viewOf("#9,-9,99");
      assert(held.x === 65536 && held.y === 0 && held.zoom === view.ZOOM_MOST, "outside");""")


async def test_points_are_read_as_they_were_packed(script: Script) -> None:
    await script("""
      const packed = (count, { magic = 0x50414d41, version = 1, cut = 0 } = {}) => {
        const data = new ArrayBuffer(20 + 11 * count);
        const out = new DataView(data);
        [magic, version, 7, count, count].forEach((value, i) => out.setUint32(4 * i, value, true));
        for (let i = 0; i < count; i++) {
          out.setUint32(20 + 4 * i, i + 1, true);
          out.setUint16(20 + 4 * count + 2 * i, 100 * i, true);
          out.setUint16(20 + 6 * count + 2 * i, 200 * i, true);
          [i, 2 * i, 3 * i].forEach((value, c) => out.setUint8(20 + 8 * count + 3 * i + c, value));
        }
        return data.slice(0, data.byteLength - cut);
      };
      const points = Points.read(packed(5));
      assert(points.layout === 7 && points.count === 5 && points.largest === 5, "head");
      assert(points.xs[4] === 400 && points.ys[4] === 800 && points.colors[14] === 12, "row");
      assert(Points.read(packed(0)).count === 0, "none");
      for (const wrong of [{ magic: 1 }, { version: 2 }, { cut: 3 }]) {
        let refused = false;
        try { Points.read(packed(5, wrong)); } catch { refused = true; }
        assert(refused, JSON.stringify(wrong));
      }
      const both = points.with(points);
      assert(both.count === 10 && both.colors.length === 30, "joined");""")


async def test_the_nearest_points_are_those_of_a_plain_search(script: Script) -> None:
    await script("""
      const points = scattered(5000);
      for (let time = 0; time < 100; time++) {
        const x = 65536 * random();
        const y = 65536 * random();
        const far = [...points.ids.keys()].map((i) => Math.hypot(points.xs[i] - x, points.ys[i] - y));
        const order = [...far.keys()].sort((a, b) => far[a] - far[b]);
        const found = points.nearby(x, y, 20000, 12);
        assert(found.length === 12, "too few");
        found.forEach((index, i) => close(far[index], far[order[i]], `neighbour ${i}`));
        const near = points.nearest(x, y, 500);
        assert(far[order[0]] <= 500 ? far[near] === far[order[0]] : near === -1, "nearest");
      }""")


async def test_pictures_never_overlap_stay_as_one_moves_and_come_nearer_without_going(script: Script) -> None:
    await script("""
      const points = scattered(4000);
      const ids = (level, part) => new Map(detail.shown(points, level, part).map((one) => [one.index, one]));
      let wider = null;
      for (let level = 0; level < 9; level++) {
        const all = ids(level, { left: 0, top: 0, right: 65536, bottom: 65536 });
        const side = 65536 / 2 ** level;
        const taken = new Set();
        for (const { index, x, y } of all.values()) {
          const [column, row] = [x, y].map((at) => Math.floor(at / side));
          assert(!taken.has(row * 1e4 + column), "two in a square");
          taken.add(row * 1e4 + column);
          for (const at of [x, y]) {
            const inside = at - Math.floor(at / side) * side;
            assert(Math.abs(inside - side / 2) <= (1 - detail.BOX) * side / 2 + 1e-6, "leaves it");
          }
          assert(Math.abs(x - points.xs[index]) <= side / 2, "far from its point");
        }
        const part = { left: 11111, top: 22222, right: 33333, bottom: 40000 };
        for (const [index, one] of ids(level, part)) {
          assert(JSON.stringify(all.get(index)) === JSON.stringify(one), "another when a part is looked at");
        }
        if (wider) for (const index of wider.keys()) assert(all.has(index), "has gone on coming nearer");
        wider = all;
      }""")


async def test_pictures_are_shown_where_few_share_a_square(script: Script) -> None:
    await script("""
      assert(detail.levelsOf(scattered(1)).near === 0, "one");
      const some = detail.levelsOf(scattered(1000));
      const many = detail.levelsOf(scattered(100000));
      assert(some.near < many.near && many.near < many.alone, JSON.stringify([some, many]));
      for (let zoom = 0; zoom < 12; zoom += 0.1) {
        const scale = view.scaleOf(zoom, size);
        const square = (65536 / 2 ** detail.levelShown(some, scale, 46)) * scale;
        assert(square >= 45.9 && square <= 241, `a square of ${square} at ${zoom}`);
      }""")


async def test_dots_are_painted_in_their_colours_where_they_are_and_cut_off_at_the_edges(script: Script) -> None:
    await script("""
      const paper = [255, 255, 255];
      const points = new Points(1, Uint32Array.of(1, 2), Uint16Array.of(32768, 0), Uint16Array.of(32768, 32768),
        Uint8Array.of(200, 30, 40, 255, 255, 255));
      const inks = dots.inks(points, paper);
      assert(inks[0] === dots.pixel(200, 30, 40), "colour");
      assert((inks[1] & 255) < 220, "white on white");
      const small = { width: 100, height: 100 };
      const pixels = new Uint32Array(124 * 124).fill(dots.pixel(...paper));
      dots.paint(pixels, small, 12, view.WHOLE, points, inks, 8);
      const at = (x, y) => pixels[(y + 12) * 124 + x + 12];
      assert(at(50, 50) === inks[0], "its middle");
      assert(at(50, 60) === dots.pixel(...paper), "beside it");
      assert(at(0, 50) === inks[1] && at(2, 50) === inks[1], "half of a dot at the edge");
      dots.paint(pixels, small, 12, { x: 0, y: 0, zoom: 12 }, points, inks, 8);
      dots.paint(pixels, small, 12, { x: 65536, y: 65536, zoom: -0.5 }, points, inks, 8);""")


async def test_a_hundred_thousand_dots_are_painted_in_one_go(script: Script) -> None:
    """No speed is asserted, as of no test; all of them must be there."""
    covered = await script("""
      const points = scattered(100000);
      const inks = dots.inks(points, [255, 255, 255]);
      const pixels = new Uint32Array((1200 + 24) * (700 + 24)).fill(dots.pixel(255, 255, 255));
      dots.paint(pixels, size, 12, view.WHOLE, points, inks, 2);
      return pixels.filter((pixel) => pixel !== dots.pixel(255, 255, 255)).length;""")
    assert covered > 200_000
