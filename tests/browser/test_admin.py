"""The admin page: what is asked for is done, and what is done is seen, without a reload."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.async_api import Page, expect

from artalike.records import Candidate, SeedState
from tests.browser.conftest import Complaints
from tests.browser.server import GalleryServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def _sign_in(gallery: GalleryServer, page: Page) -> None:
    await page.goto(f"{gallery.url}/admin")
    await page.fill("#token", gallery.token)
    await page.click("text=Sign in")
    await expect(page.locator("#desk")).to_be_visible()


async def test_only_the_token_opens_it(gallery: GalleryServer, page: Page, complaints: Complaints) -> None:
    complaints.expect("401")
    await page.goto(f"{gallery.url}/admin")
    await expect(page.locator("#desk")).to_be_hidden()
    await page.fill("#token", "open sesame")
    await page.press("#token", "Enter")
    await expect(page.locator("#sign-in-error")).to_have_text("The admin token is wrong")
    await _sign_in(gallery, page)
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
    first = gallery.fake.frontier.by_id[1]
    gallery.fake.frontier.by_id[1] = replace(first, found=200, done=150, failed=10, pending=40, images=149)
    await expect(seed.locator(".numbers")).to_contain_text("149 pictures")
    await expect(seed.locator(".numbers")).to_contain_text("150 of 200 done · 10 failed · 40 waiting")
    width = await seed.locator(".bar-done").evaluate("(bar) => bar.style.width")
    assert width == "75%"


async def test_a_refused_source_is_explained_and_kept(
    gallery: GalleryServer, page: Page, complaints: Complaints
) -> None:
    complaints.expect("400")
    await _sign_in(gallery, page)
    await page.fill("#source", "gopher://old.example")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.locator("#add-error")).to_contain_text("no known kind of source")
    assert await page.input_value("#source") == "gopher://old.example"


async def test_a_source_is_paused_resumed_and_cancelled(gallery: GalleryServer, page: Page) -> None:
    await gallery.fake.frontier.add_seed(Candidate(url="https://a.example/", kind="page"), "https://a.example/", {})
    await _sign_in(gallery, page)
    seed = page.locator(".seed")
    await seed.get_by_text("Pause").click()
    await expect(seed.locator(".badge")).to_have_text("paused")
    assert _state(gallery) is SeedState.PAUSED
    await seed.get_by_text("Resume").click()
    await expect(seed.locator(".badge")).to_have_text("running")
    await seed.get_by_text("Cancel").click()
    assert _state(gallery) is SeedState.RUNNING
    await seed.get_by_text("Really cancel?").click()
    await expect(seed.locator(".badge")).to_have_text("cancelled")
    assert _state(gallery) is SeedState.CANCELLED
    await expect(seed.get_by_role("button")).to_have_count(0)


async def test_failures_are_grouped_and_tried_again(gallery: GalleryServer, page: Page) -> None:
    await _sign_in(gallery, page)
    failure = page.locator(".failure")
    await expect(failure).to_contain_text("timeout")
    await expect(failure).to_contain_text("https://slow.example/1.jpg")
    await failure.get_by_role("button").click()
    await expect(failure.get_by_role("button")).to_have_text("3 tried again")
    assert gallery.fake.frontier.retried == [("timeout", None)]


async def test_refreshing_leaves_focus_and_typing_alone(gallery: GalleryServer, page: Page) -> None:
    for name in "ab":
        await gallery.fake.frontier.add_seed(Candidate(url="https://a.example/", kind="page"), name, {})
    await _sign_in(gallery, page)
    await page.locator(".seed").nth(1).get_by_text("Pause").focus()
    await page.evaluate("window.held = document.activeElement")
    asked = 0
    while asked < 2:
        async with page.expect_response("**/api/admin/seeds"):
            asked += 1
        await gallery.fake.frontier.add_seed(Candidate(url="https://a.example/", kind="page"), f"c{asked}", {})
    await expect(page.locator(".seed")).to_have_count(4)
    assert await page.evaluate("window.held === document.activeElement")


async def test_the_figures_of_collection_and_machine_are_shown(gallery: GalleryServer, page: Page) -> None:
    gallery.add(1200)
    gallery.fake.figures.update(
        rate=4.25,
        pending=17,
        searchable=1199,
        stages={"fetch": {"active": 3, "queued": 21, "rate": 4.1}},
        model={"name": "efficientnet_lite2", "dimension": 1280, "ready": False},
        index={"size": 1199, "last_snapshot_at": None},
        uptime_seconds=3_700,
    )
    await _sign_in(gallery, page)
    await expect(page.locator('[data-total="images"]')).to_have_text("1,200")
    await expect(page.locator('[data-total="rate"]')).to_have_text("4.3")
    await expect(page.locator('[data-total="searchable"]')).to_have_text("1,199")
    await expect(page.locator("#stages tr")).to_have_text("fetch2134.1")
    await expect(page.locator('[data-fact="model"]')).to_have_text("efficientnet_lite2, 1,280 dimensions, loading")
    await expect(page.locator('[data-fact="snapshot"]')).to_have_text("none yet")
    await expect(page.locator('[data-fact="uptime"]')).to_have_text("1 hour 1 min")
    await page.click("#snapshot")
    await expect(page.locator("#snapshot-said")).to_have_text("Written.")


async def test_an_ended_session_leads_back_to_the_door(
    gallery: GalleryServer, page: Page, complaints: Complaints
) -> None:
    complaints.expect("401")
    await _sign_in(gallery, page)
    await page.context.clear_cookies()
    await expect(page.locator("#token")).to_be_visible()


def _state(gallery: GalleryServer) -> SeedState:
    return gallery.fake.frontier.by_id[1].state
