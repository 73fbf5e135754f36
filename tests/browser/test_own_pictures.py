"""A visitor's own picture is a part of a question like any other: with words, weights, other pictures and filters."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from PIL import Image as Pillow
from playwright.async_api import FilePayload, Page, expect

from artalike.records import FloatArray, Metadata
from artalike.search.question import Part
from artalike.search.ranked import Search
from artalike.web import questions
from artalike.web.params import QuestionBody
from tests.browser.server import GalleryServer
from tests.browser.steps import accessible, ready, tiles, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CHIPS = "#chips > .chip"


def picture(color: str) -> FilePayload:
    drawn = io.BytesIO()
    Pillow.new("RGB", (64, 48), color).save(drawn, "PNG")
    return {"name": f"{color}.png", "mimeType": "image/png", "buffer": drawn.getvalue()}


class Questions:
    """What the server has been asked by ``POST /api/search``: how many pictures went along, and the question."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[int, dict[str, Any]]] = []
        understand = questions.of_body

        async def note(
            request: web.Request, body: QuestionBody, search: Search, uploads: Sequence[FloatArray] = ()
        ) -> list[Part]:
            said = body.model_dump(mode="json", exclude_defaults=True, exclude={"limit"})
            self.asked.append((len(uploads), {name: value for name, value in said.items() if value}))
            return await understand(request, body, search, uploads)

        monkeypatch.setattr(questions, "of_body", note)


@pytest.fixture
def server_asked(monkeypatch: pytest.MonkeyPatch) -> Questions:
    return Questions(monkeypatch)


async def asked_by_own(gallery: GalleryServer, page: Page) -> None:
    gallery.add(60, metadata=Metadata(title="vase", creator="Monet"))
    await page.goto(gallery.url)
    await ready(page)
    await page.set_input_files("#file", picture("red"))
    await page.wait_for_url("**/search?picture=*")
    await until(lambda: tiles(page), "pictures like it")


async def test_words_weights_other_pictures_and_filters_join_it(
    gallery: GalleryServer, page: Page, server_asked: Questions
) -> None:
    await asked_by_own(gallery, page)
    assert server_asked.asked[-1] == (1, {"like": [{"upload": 0}]})

    await page.locator("#add-text").fill("blue")
    await page.keyboard.press("Enter")
    await expect(page.locator(CHIPS)).to_have_count(2)
    await until(lambda: _told(page, "not kept"), "an answer")
    assert server_asked.asked[-1] == (1, {"like": [{"upload": 0}, {"text": "blue"}]})

    await page.locator("#add-text").fill("-portrait")
    await page.keyboard.press("Enter")
    await expect(page.locator(CHIPS)).to_have_count(3)
    await page.locator(CHIPS).first.get_by_title("Counts as much as usual; change").click()
    await page.wait_for_url("**picture=*~2*")

    await until(lambda: tiles(page), "pictures")
    tile = page.locator("#wall > .tile").nth(2)
    number = int(await tile.get_attribute("data-id") or 0)
    await tile.locator("a").focus()
    await page.keyboard.press("-")
    await expect(page.locator(CHIPS)).to_have_count(4)
    await page.locator("#filters summary").click()
    await page.fill('[name="creator"]', "Monet")
    await page.keyboard.press("Enter")
    await expect(page.locator(CHIPS)).to_have_count(5)

    await until(lambda: _asked(server_asked, 5), "all of it asked")
    pictures, question = server_asked.asked[-1]
    assert pictures == 1
    assert question == {
        "like": [{"upload": 0, "weight": 2}, {"text": "blue"}],
        "unlike": [{"text": "portrait"}, {"id": number}],
        "filters": {"creator": "monet"},
    }
    await accessible(page)


async def test_several_can_be_asked_by_and_stayed_away_from(
    gallery: GalleryServer, page: Page, server_asked: Questions
) -> None:
    await asked_by_own(gallery, page)
    await page.set_input_files("#added-file", picture("blue"))
    await expect(page.locator(CHIPS)).to_have_count(2)
    await page.get_by_role("button", name="More like your picture 2", exact=True).click()
    await page.wait_for_url("**unlike_picture=*")
    await until(lambda: _asked(server_asked, 3), "all of it asked")
    assert server_asked.asked[-1] == (2, {"like": [{"upload": 0}], "unlike": [{"upload": 1}]})
    await expect(page.locator("#told")).to_contain_text("only this page still has it")
    sources = await page.locator(f"{CHIPS} img").evaluate_all("(pictures) => pictures.map((picture) => picture.src)")
    assert len(set(sources)) == 2

    await page.get_by_role("button", name="Take away: your picture 1").click()
    await page.wait_for_url(gallery.url + "/")  # what is left looks for nothing


async def test_after_a_reload_what_was_shown_of_it_is_asked_by(
    gallery: GalleryServer, page: Page, server_asked: Questions
) -> None:
    await asked_by_own(gallery, page)
    await page.reload()
    await ready(page)
    await page.locator("#add-text").fill("vase")
    await page.keyboard.press("Enter")
    await expect(page.locator(CHIPS)).to_have_count(2)
    await until(lambda: _told(page, "words"), "an answer")
    assert server_asked.asked[-1] == (1, {"like": [{"upload": 0}, {"text": "vase"}]})


@pytest.mark.parametrize("where", [".drop-new", ".drop-add"])
async def test_a_drop_asks_anew_or_adds(gallery: GalleryServer, page: Page, where: str) -> None:
    await asked_by_own(gallery, page)
    await page.evaluate(
        """([where, bytes]) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], "b.png", { type: "image/png" }));
          const fire = (target, type) =>
            target.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
          fire(document.body, "dragenter");
          fire(document.querySelector(where), "drop");
        }""",
        [where, list(picture("green")["buffer"])],
    )
    await expect(page.locator(CHIPS)).to_have_count(2 if where == ".drop-add" else 1)
    await expect(page.locator("#drop")).to_be_hidden()
    await until(lambda: tiles(page), "pictures")


async def test_the_way_back_has_its_picture(gallery: GalleryServer, page: Page) -> None:
    await asked_by_own(gallery, page)
    await page.locator("#add-text").fill("blue")
    await page.keyboard.press("Enter")
    await expect(page.locator("#trail .step")).to_have_count(3)
    await expect(page.locator("#trail .step").nth(2)).to_contain_text("your picture, blue")
    assert await page.locator("#trail .step img[src^='data:image/jpeg']").count() == 2
    await page.go_back()
    await expect(page.locator(CHIPS)).to_have_count(1)
    assert list(parse_qs(urlsplit(page.url).query)) == ["picture"]


async def _told(page: Page, words: str) -> bool:
    return words in (await page.locator("#told").text_content() or "")


async def _asked(questions: Questions, least: int) -> bool:
    return len(questions.asked) >= least
