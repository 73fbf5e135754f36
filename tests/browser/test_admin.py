"""The admin page: what is asked for is done, and what is done is seen, without a reload."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import Page, expect

from artalike.records import Candidate, FailureGroup, Metadata, SeedState
from artalike.storage.blocks import BlockKind
from tests.browser import hostile
from tests.browser.conftest import Complaints, NewContext
from tests.browser.server import GalleryServer
from tests.browser.steps import accessible, until
from tests.browser.test_safety import HOSTILE

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

STAGE = {"queued": 0, "active": 0, "rate": 0.0, "full": 0.0}
HOST = {
    "host": "museum.example",
    **hostile.HOST,
    "rule": {"rate": 2.0, "concurrency": 4, "source": "https://museum.example/terms"},
}


async def _sign_in(gallery: GalleryServer, page: Page) -> None:
    await page.goto(f"{gallery.url}/admin")
    await page.fill("#token", gallery.token)
    await page.click("text=Sign in")
    await expect(page.locator("#desk")).to_be_visible()


async def _seed(gallery: GalleryServer, source: str = "https://a.example/", **changes: Any) -> None:
    seed = await gallery.fake.frontier.add_seed(Candidate(url=source, kind="page"), source, {})
    gallery.fake.frontier.by_id[seed.id] = replace(seed, **changes)


def _change(gallery: GalleryServer, **changes: Any) -> None:
    gallery.fake.frontier.by_id[1] = replace(gallery.fake.frontier.by_id[1], **changes)


async def test_only_the_token_opens_it(gallery: GalleryServer, page: Page, complaints: Complaints) -> None:
    complaints.expect("401")
    await page.goto(f"{gallery.url}/admin")
    await expect(page.locator("#desk")).to_be_hidden()
    await page.fill("#token", "open sesame")
    await page.press("#token", "Enter")
    await expect(page.locator("#sign-in-error")).to_have_text("The admin token is wrong")
    await _sign_in(gallery, page)
    await expect(page.locator("#source")).to_be_focused()
    await page.reload()
    await expect(page.locator("#desk")).to_be_visible()
    await page.click("text=Sign out")
    await expect(page.locator("#token")).to_be_visible()
    await page.reload()
    await expect(page.locator("#desk")).to_be_hidden()


async def test_a_source_is_added_and_followed(gallery: GalleryServer, page: Page) -> None:
    await _sign_in(gallery, page)
    await expect(page.locator("#no-seeds")).to_be_visible()
    await page.fill("#source", "https://museum.example/list.csv")
    await page.select_option("#kind", "list")
    await page.press("#source", "Enter")
    seed = page.locator(".seed")
    await expect(seed.locator(".source")).to_have_text("https://museum.example/list.csv")
    assert await page.input_value("#source") == ""
    _change(gallery, found=200, done=150, failed=10, pending=40, images=149)
    await expect(seed.locator(".numbers").first).to_contain_text("149 pictures")
    await expect(seed.locator(".numbers").first).to_contain_text("150 of 200 done · 10 failed · 40 waiting")
    await expect(seed.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "80")
    width = await seed.locator(".bar-done").evaluate("(bar) => bar.style.width")
    assert width == "75%"


async def test_what_a_source_is_taken_for_is_told_before_it_starts(gallery: GalleryServer, page: Page) -> None:
    await _seed(gallery, "https://museum.example/list.csv", state=SeedState.DONE)
    await _sign_in(gallery, page)
    await page.fill("#source", "https://museum.example/list.csv")
    detected = page.locator(".detected")
    await expect(detected).to_contain_text("list")
    await expect(detected).to_contain_text("Brings in a picture a row.")
    await expect(detected).not_to_contain_text("here already")
    await page.select_option("#kind", "page")
    await expect(detected).to_contain_text("Brings in its pictures.")
    await expect(detected).to_contain_text("It is here already, done")
    assert len(gallery.fake.frontier.by_id) == 1
    await page.click("#add summary")
    await expect(page.get_by_label("Column of addresses")).to_be_hidden()
    await page.get_by_label("Links to follow").fill("3")
    await page.get_by_label("Addresses a second").first.fill("0.5")
    await page.get_by_label("Read again").first.select_option("every week")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.locator(".seed")).to_have_count(2)
    assert gallery.fake.frontier.by_id[2].options == {"depth": 3, "rate": 0.5, "recrawl": "604800s"}


async def test_a_refused_source_is_explained_and_kept(
    gallery: GalleryServer, page: Page, complaints: Complaints
) -> None:
    complaints.expect("400")
    await _sign_in(gallery, page)
    await page.fill("#source", "gopher://old.example")
    await expect(page.locator(".detected")).to_contain_text("no known kind of source")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.locator("#add-error")).to_contain_text("no known kind of source")
    assert await page.input_value("#source") == "gopher://old.example"


async def test_a_source_is_paused_resumed_cancelled_and_read_again(gallery: GalleryServer, page: Page) -> None:
    await _seed(gallery)
    await _sign_in(gallery, page)
    seed = page.locator(".seed")
    badge = seed.locator(".badge")
    await seed.get_by_text("Pause").click()
    await expect(badge).to_have_text("paused")
    await expect(page.locator("#said")).to_have_text("Paused.")
    assert _state(gallery) is SeedState.PAUSED
    await seed.get_by_text("Resume").click()
    await expect(badge).to_have_text("running")
    await expect(seed.get_by_text("Recrawl now")).to_be_hidden()
    _change(gallery, state=SeedState.DONE)
    await seed.get_by_text("Recrawl now").click()
    await expect(badge).to_have_text("running")
    assert gallery.fake.frontier.by_id[1].crawl == 2
    await seed.get_by_text("Cancel").click()
    assert _state(gallery) is SeedState.RUNNING
    await seed.get_by_text("Really cancel?").press("Escape")
    await seed.get_by_text("Cancel").click()
    await seed.get_by_text("Really cancel?").click()
    await expect(badge).to_have_text("cancelled")
    assert _state(gallery) is SeedState.CANCELLED
    await expect(seed.get_by_role("button")).to_have_text(["Start again"])


async def test_the_pace_and_the_time_between_crawls_are_changed(gallery: GalleryServer, page: Page) -> None:
    await _seed(gallery, rate=5.0, recrawl_seconds=5400.0)
    await _sign_in(gallery, page)
    seed = page.locator(".seed")
    await expect(seed).to_contain_text("at most 5/s · read again every 90 min")
    await seed.get_by_text("Pace and recrawl").click()
    await expect(seed.get_by_label("Addresses a second")).to_have_value("5")
    await seed.get_by_label("Addresses a second").fill("")
    await expect(seed.get_by_label("Read again")).to_have_value("5400s")
    await seed.get_by_label("Read again").select_option("every day")
    await seed.get_by_text("Save").click()
    await expect(seed.get_by_text("Save")).to_be_hidden()
    await expect(seed.get_by_text("Pace and recrawl")).to_be_focused()
    await expect(seed).to_contain_text("read again every day")
    changed = gallery.fake.frontier.by_id[1]
    assert (changed.rate, changed.recrawl_seconds) == (None, 86_400)


async def test_the_last_pictures_of_a_source_are_shown_as_they_come_in(gallery: GalleryServer, page: Page) -> None:
    source = gallery.add()[0].source
    await _seed(gallery, source)
    await _sign_in(gallery, page)
    pictures = page.locator(".latest a")
    await expect(pictures).to_have_count(1)
    image = gallery.add(live=True)[0]
    await expect(pictures).to_have_count(2)
    await expect(pictures.first).to_have_attribute("href", f"/similar/{image.id}")
    gallery.remove(image)
    await expect(pictures).to_have_count(1)


async def test_hosts_tell_their_rules_their_pace_and_what_holds_them_up(gallery: GalleryServer, page: Page) -> None:
    gallery.fake.hosts = [HOST, HOST | {"host": "slow.example", "used": 0, "closed": 118.0, "rule": None}]
    await _sign_in(gallery, page)
    museum, slow = page.locator(".host").nth(0), page.locator(".host").nth(1)
    await expect(museum).to_contain_text("being asked")
    await expect(museum).to_contain_text("2 of 2 at once · one every 10 s")
    await expect(museum).to_contain_text("Its owner's rule: 2/s at most, 4 at once")
    await expect(museum).to_contain_text("robots.txt: 10 s between requests")
    await expect(museum).to_contain_text("1,200 addresses waiting")
    await expect(museum.get_by_text("its terms")).to_have_attribute("href", "https://museum.example/terms")
    await expect(slow).to_contain_text("asked for a rest, 2 min more")
    await expect(slow).to_contain_text("The settings: 2/s at most")
    gallery.fake.hosts = []
    await expect(page.locator("#no-hosts")).to_be_visible()


async def test_failures_are_grouped_and_tried_again(gallery: GalleryServer, page: Page) -> None:
    await _sign_in(gallery, page)
    failure = page.locator(".failure")
    await expect(failure).to_contain_text("3 Too slow")
    await expect(failure).to_contain_text("no answer in 20 s")
    await expect(failure).to_contain_text("https://slow.example/1.jpg")
    await failure.get_by_role("button", name="Retry these").click()
    await expect(failure.get_by_text("3 tried again")).to_be_focused()
    assert gallery.fake.frontier.retried == [("timeout", None)]


async def test_refreshing_leaves_focus_and_typing_alone(gallery: GalleryServer, page: Page) -> None:
    for name in "ab":
        await _seed(gallery, name)
    await _sign_in(gallery, page)
    await page.locator(".seed").nth(1).get_by_text("Pause").focus()
    await page.evaluate("window.held = document.activeElement")
    asked = 0
    while asked < 2:
        async with page.expect_response("**/api/admin/seeds?*"):
            asked += 1
        await _seed(gallery, f"c{asked}")
    await expect(page.locator(".seed")).to_have_count(4)
    assert await page.evaluate("window.held === document.activeElement")


async def test_the_figures_of_collection_and_machine_are_shown(gallery: GalleryServer, page: Page) -> None:
    gallery.add(1200)
    gallery.fake.figures.update(
        rate=4.25,
        pending=17,
        searchable=1199,
        model={"name": "efficientnet_lite2", "dimension": 1280, "ready": False},
        index={"kind": "trained", "size": 1199, "recall": 0.9931, "last_snapshot_at": None},
        disk={"free": 182e9, "total": 512e9, "catalog": 9.8e9, "thumbnails": 21.44e9, "index": 119_900},
        uptime_seconds=3_700,
    )
    await _sign_in(gallery, page)
    await expect(page.locator('[data-total="images"]')).to_have_text("1,200")
    await expect(page.locator('[data-total="rate"]')).to_have_text("4.3")
    await expect(page.locator('[data-total="searchable"]')).to_have_text("1,199")
    await expect(page.locator('[data-fact="model"]')).to_have_text("efficientnet_lite2, 1,280 dimensions, loading")
    await expect(page.locator('[data-fact="index"]')).to_contain_text("finds 99.3 % of the ten nearest")
    await expect(page.locator('[data-fact="index"]')).to_contain_text("100 bytes a vector on the disk")
    await expect(page.locator("#disk")).to_contain_text("182 GB free of 512 GB")
    await expect(page.locator("#disk")).to_contain_text("catalog 9.8 GB · thumbnails 21.4 GB · index 120 kB")
    await expect(page.locator('[data-fact="snapshot"]')).to_have_text("none yet")
    await expect(page.locator('[data-fact="uptime"]')).to_have_text("1 hour 1 min")
    await page.click("#snapshot")
    await expect(page.locator("#snapshot-said")).to_have_text("Written.")
    gallery.fake.figures["problem"] = "the disk is full"
    await expect(page.locator("#problem")).to_have_text("the disk is full")


async def test_a_move_to_another_model_is_followed_to_its_end(gallery: GalleryServer, page: Page) -> None:
    moving = {
        "state": "embedding",
        "model": "ViT-B-32/laion2b_s34b_b79k",
        "images": 1200,
        "embedded": 300,
        "rate": 5.0,
        "seconds_left": 180.0,
        "error": None,
    }
    gallery.fake.figures["reembedding"] = {**moving, "state": "idle"}
    await _sign_in(gallery, page)
    row = page.locator("#moving")
    await expect(row).to_be_hidden()
    gallery.fake.figures["reembedding"] = moving
    await expect(row).to_contain_text("ViT-B-32/laion2b_s34b_b79k")
    await expect(row).to_contain_text("300 of 1,200 pictures, 25 % · 5/s · 3 minutes left")
    await expect(row.locator(".moving-done")).to_have_attribute("style", "width: 25%;")
    gallery.fake.figures["reembedding"] = {**moving, "state": "failed", "error": "<b>the model is gone</b>"}
    await expect(row).to_contain_text("stopped: <b>the model is gone</b>")
    gallery.fake.figures["reembedding"] = {**moving, "state": "indexing"}
    await expect(row).to_contain_text("its index is being filled")
    gallery.fake.figures["reembedding"] = {**moving, "state": "done"}
    await expect(row).to_be_hidden()


async def test_the_slowest_stage_is_seen_at_a_glance(gallery: GalleryServer, page: Page) -> None:
    stages = {name: dict(STAGE) for name in ("fetch", "decode", "embed", "commit")}
    stages["embed"] |= {"queued": 60, "active": 24, "rate": 9.5, "full": 0.9}
    gallery.fake.figures["stages"] = stages
    await _sign_in(gallery, page)
    await expect(page.locator(".stage.slowest")).to_contain_text("embed")
    await expect(page.locator(".stage.slowest")).to_contain_text("9.5/s")
    await expect(page.locator(".stage.slowest")).to_contain_text("60 waiting 24 in work")
    await expect(page.locator("#verdict")).to_contain_text("Embedding sets the pace")
    drawn = "document.querySelector('.slowest .chart-rate').points.numberOfItems"
    await until(lambda: page.evaluate(f"{drawn} > 2"), "the chart to grow")
    gallery.fake.figures["stages"] = stages | {"embed": dict(STAGE), "fetch": STAGE | {"active": 2}}
    await expect(page.locator("#verdict")).to_contain_text("The hosts set the pace")
    await expect(page.locator(".stage.slowest")).to_contain_text("fetch")


async def test_a_picture_is_looked_at_before_it_is_taken_out(
    gallery: GalleryServer, page: Page, complaints: Complaints
) -> None:
    complaints.expect("404")
    image = gallery.add(3)[1]
    await _sign_in(gallery, page)
    await page.fill("#find input", "https://museum.example/nowhere.jpg")
    await page.press("#find input", "Enter")
    await expect(page.locator("#find")).to_contain_text("no image of this collection")
    for named in (str(image.id), f"{gallery.url}/similar/{image.id}", image.url):
        await page.fill("#find input", named)
        await page.press("#find input", "Enter")
        await expect(page.locator("#sheet img")).to_have_attribute("src", f"/thumbs/{image.id}/256")
        await expect(page.locator("#sheet")).to_contain_text(image.url)
        await page.click("text=Leave it")
        await expect(page.locator("#sheet")).to_be_hidden()
    assert image.id in gallery.fake.images.by_id
    await page.fill("#find input", f"#{image.id}")
    await page.press("#find input", "Enter")
    await page.click("text=Take it out for good")
    await expect(page.locator("#find")).to_contain_text(f"Picture {image.id} is out")
    assert image.id not in gallery.fake.images.by_id


async def test_a_block_tells_what_it_would_take_out_asks_and_is_lifted(gallery: GalleryServer, page: Page) -> None:
    gallery.add(4)
    await gallery.fake.removal.block(BlockKind.URL, "https://stock.example/*", reason="asked by mail")
    await _sign_in(gallery, page)
    await expect(page.locator(".block")).to_contain_text("asked by mail")
    await page.fill('#block [name="value"]', "museum.example")
    await expect(page.locator("#block")).to_contain_text("It would take 4 pictures out.")
    await page.fill('#block [name="reason"]', "their wish")
    await page.get_by_role("button", name="Block", exact=True).click()
    assert len(gallery.fake.images.by_id) == 4
    await page.click("text=Really take 4 pictures out?")
    await expect(page.locator("#block")).to_contain_text("Blocked; 4 pictures taken out.")
    await expect(page.locator(".block")).to_have_count(2)
    await expect(page.locator(".block").first).to_contain_text("their wish")
    await page.locator(".block").first.get_by_role("button").click()
    await page.click("text=Really lift?")
    await expect(page.locator(".block")).to_have_count(1)
    assert [block.value for block in gallery.fake.removal.blocks.all()] == ["https://stock.example/*"]


async def test_a_block_that_makes_no_sense_is_explained(
    gallery: GalleryServer, page: Page, complaints: Complaints
) -> None:
    complaints.expect("400")
    await _sign_in(gallery, page)
    await page.select_option('#block [name="kind"]', "sha256")
    await page.fill('#block [name="value"]', "abc")
    await expect(page.locator("#block")).to_contain_text("expected 64 hexadecimal digits")


async def test_nothing_jumps_when_the_figures_come(gallery: GalleryServer, page: Page) -> None:
    for number in range(3):
        await _seed(gallery, f"https://a.example/{number}")
    gallery.fake.hosts = [HOST]
    gallery.fake.figures.update(stages={"fetch": dict(STAGE)}, disk={"free": 1e11, "total": 5e11})
    await _sign_in(gallery, page)
    await page.reload()
    await expect(page.locator(".host")).to_be_visible()
    shifted = await page.evaluate("""() => new Promise((resolve) => {
      let sum = 0;
      const observer = new PerformanceObserver((list) => { for (const { value } of list.getEntries()) sum += value; });
      observer.observe({ type: "layout-shift", buffered: true });
      setTimeout(() => resolve(sum), 500);
    })""")
    assert shifted < 0.02


async def test_an_ended_session_leads_back_to_the_door(
    gallery: GalleryServer, page: Page, complaints: Complaints
) -> None:
    complaints.expect("401")
    await _sign_in(gallery, page)
    await page.context.clear_cookies()
    await expect(page.locator("#token")).to_be_visible()


async def test_a_server_that_goes_away_is_missed_and_found_again(
    gallery: GalleryServer, page: Page, complaints: Complaints
) -> None:
    complaints.expect("ERR_")
    await _sign_in(gallery, page)
    await gallery.stop()
    await expect(page.locator("#offline")).to_be_visible()
    await gallery.start()
    await expect(page.locator("#offline")).to_be_hidden(timeout=20_000)


async def test_text_from_the_web_is_shown_and_never_run(gallery: GalleryServer, page: Page) -> None:
    rule = {"rate": 1.0, "concurrency": 1, "source": "javascript:window.pwned=8"}
    gallery.fake.hosts = [HOST | {"host": text[:200], "rule": rule} for text in HOSTILE]
    for number, text in enumerate(HOSTILE):
        about = Metadata(title=text, creator=text)
        image = gallery.add(metadata=about)[0]
        gallery.fake.images.by_id[image.id] = replace(image, url="javascript:window.pwned=7", source="here")
        await gallery.fake.removal.block(BlockKind.HOST, f"{number}.example", reason=text)
    await _seed(gallery, "here")
    await _sign_in(gallery, page)
    assert set(await page.locator(".host h3").all_text_contents()) == {text[:200] for text in HOSTILE}
    assert await page.locator(".block bdi").all_text_contents() == HOSTILE[::-1]
    await expect(page.locator(".latest img")).to_have_count(8)
    for number in range(1, len(HOSTILE) + 1):
        await page.fill("#find input", str(number))
        await page.press("#find input", "Enter")
        await expect(page.locator("#sheet img")).to_have_attribute("src", f"/thumbs/{number}/256")
        assert await page.locator("#sheet a[href]").count() == 0
    assert await page.locator(".host a[href]").count() == 0
    assert await page.evaluate("window.pwned === undefined")
    assert await page.locator("main script, main svg[onload], main img[src=x]").count() == 0


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 320)])
async def test_everyone_can_use_it(gallery: GalleryServer, new_context: NewContext, scheme: str, width: int) -> None:
    gallery.add(3)
    await _seed(gallery, gallery.add()[0].source, found=20, done=10, failed=2, pending=8, rate=2.0)
    await _seed(gallery, "https://b.example/" + "long/" * 60, state=SeedState.FAILED, error="not a feed")
    await gallery.fake.removal.block(BlockKind.SHA256, "ab" * 32, reason="asked by mail")
    gallery.fake.hosts = [HOST, HOST | {"host": "b.example", "closed": 60.0}]
    stages = {name: dict(STAGE) for name in ("expand", "fetch", "decode", "embed", "thumbnails", "commit", "index")}
    stages["embed"] |= {"queued": 60, "full": 0.9}
    gallery.fake.figures.update(stages=stages, disk={"free": 1e9, "total": 5e11}, problem="the disk is nearly full")

    async def groups(*, seed_id: int | None = None) -> list[FailureGroup]:
        return [FailureGroup(kind, 2, "https://c.example/x", "no", 0.0) for kind in ("timeout", "robots")]

    gallery.fake.frontier.failure_groups = groups  # type: ignore[method-assign]  # the fake knows one group only
    context = await new_context(color_scheme=scheme, viewport={"width": width, "height": 800}, reduced_motion="reduce")
    page = await context.new_page()
    await page.goto(f"{gallery.url}/admin")
    await accessible(page)
    await _sign_in(gallery, page)
    await page.fill("#source", "https://museum.example/page")
    await page.click("#add summary")
    await page.locator(".seed").last.get_by_text("Pace and recrawl").click()
    await page.fill("#find input", "2")
    await page.press("#find input", "Enter")
    await page.fill('#block [name="value"]', "museum.example")
    for shown in (".detected .badge", "#sheet", "#block .answer", ".block", ".failure", ".host", ".stage.slowest"):
        await expect(page.locator(shown).first).to_be_visible()
    await accessible(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


def _state(gallery: GalleryServer) -> SeedState:
    return gallery.fake.frontier.by_id[1].state


async def test_thousands_of_sources_are_a_page_at_a_time_and_narrowed(gallery: GalleryServer, page: Page) -> None:
    for number in range(1, 5001):
        await _seed(gallery, f"https://{number}.example/", state=SeedState.PAUSED if number % 1000 else SeedState.DONE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/admin/seeds?" in request.url else None)
    await _sign_in(gallery, page)
    pages, sources = page.get_by_role("group", name="Pages of sources"), page.locator(".seed .source")
    await expect(pages.get_by_role("status")).to_have_text("1 to 12 of 5,000")
    await expect(sources.first).to_have_text("https://5000.example/")
    await expect(pages.get_by_role("button", name="Newer")).to_be_disabled()
    await pages.get_by_role("button", name="Older").click()
    await expect(pages.get_by_role("status")).to_have_text("13 to 24 of 5,000")
    await expect(sources.first).to_have_text("https://4988.example/")
    await expect(sources).to_have_count(12)
    await page.locator(".seed").first.get_by_role("button", name="Resume").click()
    await expect(page.locator(".seed").first.locator('[data-field="state"]')).to_have_text("running")
    await pages.get_by_role("button", name="Newer").click()
    await expect(sources.first).to_have_text("https://5000.example/")
    await page.get_by_role("combobox", name="Sources to show").select_option("done")
    await expect(sources).to_have_text([f"https://{number}000.example/" for number in range(5, 0, -1)])
    await expect(pages).to_be_hidden()
    await page.get_by_role("combobox", name="Sources to show").select_option("cancelled")
    await expect(sources).to_have_count(0)
    await page.fill("#source", "https://17.example/")
    await page.locator("#kind").select_option("page")
    await expect(page.locator('.detected [data-field="here"]')).to_contain_text("It is here already, paused")
    assert all("limit=12" in url or "source=" in url for url in asked)
    assert await page.locator("*").count() < 1500
    await accessible(page)
