"""What asking computes without a page: addresses, filters in words, colours on the wheel, what is dropped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.scripts import Script, scripting
from tests.web.test_asking import ADDRESSES

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PRELUDE = 'const places = await import("/static/js/places.js");'


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def script(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Script]:
    async with scripting(browser, tmp_path_factory.mktemp("gallery"), PRELUDE) as script:
        yield script


@pytest.mark.parametrize(("address", "like", "unlike", "plainest"), ADDRESSES)
async def test_the_script_reads_and_writes_addresses_as_the_server_does(
    script: Script, address: str, like: list[Any], unlike: list[Any], plainest: str
) -> None:
    found = await script(
        """
      const { bodyOf, readParts } = await import("/static/js/ask/parts.js");
      const place = places.placeOf(argument);
      const page = places.pageOf(place);
      assert(places.pageOf(places.placeOf(page)) === page, "not stable");
      return [bodyOf(readParts(new URL(argument, "http://here/").searchParams)), page];""",
        address,
    )
    assert found[0] == {"like": like, "unlike": unlike}
    if plainest != "?":
        written, wanted = urlsplit(found[1].lower()), urlsplit(plainest)
        assert written.path == wanted.path
        assert sorted(parse_qsl(written.query)) == sorted(parse_qsl(wanted.query))


async def test_parts_are_weighed_turned_and_bounded(script: Script) -> None:
    await script("""
      const { atLevel, levelOf, partOf, partOfText, withPart } = await import("/static/js/ask/parts.js");
      for (const away of [false, true]) {
        for (const level of ["less", "normal", "more"]) {
          assert(levelOf(atLevel(partOf("id", 1, { away }), level)) === level, `${level} ${away}`);
        }
      }
      let parts = [];
      for (let id = 1; id < 30; id++) parts = withPart(parts, partOf("id", id));
      assert(parts.length === 16, "too many pictures");
      for (let id = 1; id < 30; id++) parts = withPart(parts, partOf("text", `word ${id}`, { away: true }));
      assert(parts.length === 24, "too many texts");
      assert(withPart([partOf("id", 1)], partOf("id", 1, { away: true })).length === 1, "both more and less of it");
      for (const nothing of ["", "  ", "…", "🌊"]) assert(partOfText(nothing) === null, nothing);
      assert(partOfText(" https://a.example/x y").kind === "url", "an address");
      assert(partOfText("javascript:alert(1)").kind === "text", "words");""")


async def test_filters_are_said_in_words_and_taken_away(script: Script) -> None:
    labels = await script("""
      const { anyFilter, changed, describe, readFilters } = await import("/static/js/ask/filters.js");
      const all = readFilters(new URLSearchParams(
        "creator=Monet&year_from=-50&year_to=1900&host=a.example&min_side=1000&color=%23aabbcc&tolerance=30&seed=3&x=1"));
      let left = all;
      for (const { opens } of describe(all)) left = changed(left, opens);
      assert(!anyFilter(left) && JSON.stringify(left) === "{}", JSON.stringify(left));
      assert(changed(all, { color: "" }).tolerance === undefined, "a tolerance of no colour");
      assert(changed(all, { tolerance: "20" }).tolerance === undefined, "the usual tolerance is not said");
      assert(describe({ color: "red;x" })[0].color === null, "a colour that is none is not shown");
      return describe(all).map((chip) => chip.label);""")
    assert labels == ["by Monet", "50 BC to 1900", "at a.example", "at least 1,000 pixels each way", "near #aabbcc"]


async def test_colours_go_to_the_wheel_and_back(script: Script) -> None:
    await script("""
      const { at, fromHex, hexOf, nameOfColor, pointOf, toHex, turned } = await import("/static/js/ask/colors.js");
      for (let n = 0; n < 4000; n++) {
        const hex = `#${((n * 4211) % 0x1000000).toString(16).padStart(6, "0")}`;
        const color = fromHex(hex);
        assert(toHex(color) === hex, `${hex} became ${toHex(color)}`);
        const { x, y } = pointOf(color);
        assert(Math.hypot(x, y) <= 1 + 1e-9, `${hex} is off the wheel`);
        assert(toHex(at(x, y, color.light)) === hex, `${hex} is elsewhere`);
      }
      assert(toHex(at(0, -1, 0.5)) === "#ff0000" && toHex(at(9, 0, 0.5)) === "#80ff00", "around the wheel");
      assert(hexOf(" A1b ") === "#aa11bb" && hexOf("#12345") === "" && hexOf("red") === "", "as typed");
      let color = fromHex("#ff0000");
      for (let n = 0; n < 72; n++) color = turned(color, "ArrowRight");
      assert(toHex(color) === "#ff0000" && turned(color, "a") === null, "once around");
      for (let n = 0; n < 40; n++) color = turned(color, "ArrowDown");
      assert(color.strength === 0 && nameOfColor(color) === "grey", "grey in the middle");
      assert(nameOfColor(fromHex("#000033")) === "dark blue", nameOfColor(fromHex("#000033")));""")


async def test_only_addresses_of_pictures_are_taken_from_what_is_dropped(script: Script) -> None:
    await script("""
      const { addressOf, ownPicture } = await import("/static/js/ask/transfer.js");
      const of = (values) => {
        const data = new DataTransfer();
        for (const [type, text] of Object.entries(values)) data.setData(type, text);
        return addressOf(data);
      };
      const html = "<a href='https://b.example'><img src='https://a.example/x.jpg' onerror='window.ran=1'></a>";
      assert(of({ "text/html": html, "text/uri-list": "https://b.example" }) === "https://a.example/x.jpg", "its own");
      assert(of({ "text/uri-list": "# a comment\\r\\nhttps://b.example/y" }) === "https://b.example/y", "a link");
      for (const text of ["javascript:alert(1)", "file:///etc/passwd", "red vase", "data:image/png;base64,AA"]) {
        assert(of({ "text/plain": text }) === "", text);
      }
      assert(ownPicture("http://a.example/similar/12?x=1", "http://a.example") === 12, "a page of ours");
      assert(ownPicture("http://a.example/thumbs/7/640", "http://a.example") === 7, "a thumbnail of ours");
      assert(ownPicture("http://b.example/similar/12", "http://a.example") === 0, "somebody else's");
      assert(!window.ran, "something ran");""")
