"""The admin page's reckoning without the page, run in the browser's engine."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from artalike.errors import FailureKind
from tests.browser.scripts import Script, scripting

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

MODULES = ("progress", "bottleneck", "causes", "figures", "host_words", "lookup", "options", "newest", "chart")
PRELUDE = f"""
const [{", ".join(MODULES)}] =
  await Promise.all({list(MODULES)}.map((name) => import(`/static/js/admin/${{name}}.js`)));
const counts = (found, done, failed = 0) => ({{ found, done, failed, pending: found - done - failed, images: done }});
const image = (id, source = "s") => ({{ id, width: 3, height: 2, color: "#112233", source }});
const host = {{ host: "a.example", waiting: 0, used: 0, places: 1, limit: 4, rate: 2, share: 1, pause: 0.5, rest: 0,
  closed: 0, delay: null, latency: null, requests: 0, rule: null }};
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def run(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Script]:
    async with scripting(browser, tmp_path_factory.mktemp("gallery"), PRELUDE) as script:
        yield script


async def test_time_left_is_told_from_the_last_minute_and_only_where_it_is_known(run: Script) -> None:
    # Slow for five minutes, then ten a second: what was slow before no longer counts.
    assert await run("""
      const it = new progress.Progress();
      const told = [];
      for (let at = 0; at <= 300; at += 2) it.note(counts(10_000, at), at);
      for (let at = 302; at <= 400; at += 2) it.note(counts(10_000, 300 + 10 * (at - 300)), at);
      return [it.rate, it.left];""") == [10, 870]
    # Nothing can be told at first, when nothing moves, when more is found than done, and when all is done.
    assert await run("""
      const left = (steps, next) => {
        const it = new progress.Progress();
        for (let i = 0; i <= steps; i += 1) it.note(next(i), i);
        return it.left;
      };
      return [
        left(10, (i) => counts(1000, i)),
        left(60, () => counts(1000, 5)),
        left(60, (i) => counts(1000 + 3 * i, i)),
        left(60, (i) => counts(60, i)),
        left(60, (i) => counts(1000, i, i)),
      ];""") == [None, None, None, None, (1000 - 120) / 2]
    # A pause, or a crawl that begins anew, is not taken for slowness.
    assert await run("""
      const it = new progress.Progress();
      for (let at = 0; at <= 60; at += 1) it.note(counts(1000, 10 * at), at);
      it.note(counts(1000, 3), 61);
      return [it.rate, it.left];""") == [None, None]


async def test_the_last_full_queue_names_the_stage_that_holds_up_the_others(run: Script) -> None:
    assert await run("""
      const idle = { queued: 0, active: 0, rate: 0, full: 0 };
      const stages = (changes) => Object.fromEntries(
        bottleneck.STAGES.map((name) => [name, { ...idle, ...changes[name] }]));
      return [
        { embed: { full: 0.9 }, decode: { full: 1 } },
        { embed: { full: 0.9 }, commit: { full: 0.8 } },
        { decode: { full: 0.75 } },
        { fetch: { queued: 12, active: 3 }, embed: { full: 0.5 } },
        { expand: { active: 1 } },
        {},
      ].map((changes) => bottleneck.bottleneck(stages(changes)).stage);""") == [
        "embed", "commit", "decode", "fetch", "", "",
    ]  # fmt: skip
    assert await run("return bottleneck.bottleneck({}).words") == "Nothing is under way."


async def test_every_kind_of_failure_has_words(run: Script) -> None:
    kinds = [kind.value for kind in FailureKind]
    told = await run(f"return {kinds}.map((kind) => causes.cause(kind).meaning)")
    assert all(told)
    assert await run('return causes.cause("constructor")') == {"title": "constructor", "meaning": ""}


async def test_figures_are_told_no_more_exactly_than_they_are_known(run: Script) -> None:
    assert await run("return [0, 999, 999.6, 1500, 182e9, 999_600, 5e15].map(figures.bytes)") == [
        "0 bytes", "999 bytes", "1 kB", "1.5 kB", "182 GB", "1 MB", "5 PB",
    ]  # fmt: skip
    assert await run("return [3, 100, 1000, 7000, 400_000].map(figures.about)") == [
        "less than a minute", "about 2 min", "about 15 min", "about 2 hours", "about 5 days",
    ]  # fmt: skip
    assert await run("return [0.5, 90, 5400, 86_400, 604_800].map(figures.span)") == [
        "0.5 s", "1.5 min", "90 minutes", "1 day", "7 days",
    ]  # fmt: skip


async def test_a_host_tells_what_holds_it_up(run: Script) -> None:
    states = await run("""
      return [
        { closed: 118, share: 0.5, used: 1 }, { share: 0.25 }, { used: 1 }, { rest: 6.2 }, { waiting: 3 }, {},
      ].map((changes) => host_words.stateOf({ ...host, ...changes }).words);""")
    assert states == [
        "asked for a rest, 2 min more", "slowed down to 25 %", "being asked", "next in 6.2 s", "in line", "idle",
    ]  # fmt: skip
    assert await run("return host_words.dotsOf({ ...host, used: 3, places: 2 })") == ["used", "used", "shut", "shut"]
    assert await run("return host_words.dotsOf({ ...host, host: '', limit: 1_000_000 })") == []
    assert await run("return host_words.rulesOf({ ...host, rate: 0.01, delay: 10 })") == (
        "The settings: one every 2 min at most, 4 at once · robots.txt: 10 s between requests"
    )


async def test_a_picture_can_be_named_in_many_ways(run: Script) -> None:
    assert await run("""
      return [" 12 ", "#12", "http://here/similar/12", "/thumbs/12/256", "http://here/api/images/12?x=1",
        "https://there/similar/12", "012", "", "not an address", "http://here/similar/12x"]
        .map((text) => lookup.meant(text, "http://here"));""") == [
        {"id": 12}, {"id": 12}, {"id": 12}, {"id": 12}, {"id": 12},
        {"url": "https://there/similar/12"}, {"url": "012"}, None, {"url": "not an address"},
        {"url": "http://here/similar/12x"},
    ]  # fmt: skip


async def test_only_options_that_are_heeded_are_sent(run: Script) -> None:
    fields = [
        ["depth", "3"], ["rate", "0.5"], ["recrawl", "never"], ["watch", "yes"], ["open_access", "no"],
        ["languages", " en, ,fr "], ["caption_col", ""], ["constructor", "x"], ["source", "https://a"],
    ]  # fmt: skip
    assert await run(f"return options.readOptions({fields}, ['depth', 'languages', 'open_access'])") == {
        "depth": 3, "rate": 0.5, "recrawl": "never", "open_access": False, "languages": ["en", "fr"],
    }  # fmt: skip


async def test_the_last_pictures_are_kept_in_order_and_within_bounds(run: Script) -> None:
    assert await run("""
      const it = new newest.Newest();
      it.add(image(7));
      it.know("s", [image(6), image(5), { id: "x" }]);
      for (const id of [9, 8, 7, 12, 11, 10, 13]) it.add(image(id));
      it.remove(12);
      for (let i = 0; i < 2000; i += 1) it.add(image(100 + i, `other ${i}`));
      return [it.of("other 1999").length, it.of("other 0").length, it.of("s").length];""") == [1, 0, 0]
    assert await run("""
      const it = new newest.Newest();
      for (const id of [9, 8, 7, 12, 11, 10, 13, 7, 6, 5]) it.add(image(id));
      it.remove(12);
      return it.of("s").map((image) => image.id);""") == [13, 11, 10, 9, 8, 7, 6]


async def test_charts_stay_within_their_frame_and_end_now(run: Script) -> None:
    assert await run("return chart.points([0, 5, 10], 10)") == "117.98,31 118.99,16 120,1"
    assert await run("return chart.points([50], 10)") == "120,1"
