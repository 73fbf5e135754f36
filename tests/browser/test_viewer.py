"""Looking closer: one picture over the wall, with its full self from its home, and the way to the next one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from PIL import Image as Pillow
from playwright.async_api import Page, expect

from artalike.records import Image, Metadata
from tests.browser.conftest import Complaints, NewContext
from tests.browser.server import GalleryServer
from tests.browser.steps import ready, settled, tiles, until
from tests.browser.test_safety import HOSTILE
from tests.fakes import make_services

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PHONE = {"width": 390, "height": 844}
TITLE = "#viewer h2"
ABOUT = Metadata("The Wave", "Hokusai", "1831", "Woodcut", "CC0", "The Met", "https://museum.example/wave")


class Home:
    """Where full pictures live: answers with one, or with nothing, and remembers who asked."""

    def __init__(self, picture: Path) -> None:
        self.asked: list[web.Request] = []
        self.broken = False
        self._picture = picture
        self._runner = web.AppRunner(self._app())
        self.url = ""

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/{name}", self._answer)
        return app

    async def start(self) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if self.broken:
            raise web.HTTPNotFound
        return web.FileResponse(self._picture, headers={"Cache-Control": "no-store"})


@pytest_asyncio.fixture(loop_scope="session")
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    picture = tmp_path / "full.png"
    Pillow.new("RGB", (1200, 900), "#204060").save(picture)
    home = Home(picture)
    await home.start()
    yield home
    await home.stop()


def hang(gallery: GalleryServer, home: Home, count: int = 40, metadata: Metadata = ABOUT) -> list[Image]:
    """Pictures whose full selves are at that home, in one shape."""
    hung = []
    for image in gallery.add(count, metadata=metadata):
        here = replace(image, url=f"{home.url}/{image.id}.png", width=1200, height=900)
        gallery.fake.images.by_id[image.id] = here
        gallery.see(here)
        hung.append(here)
    return hung


async def test_a_picture_is_looked_at_closely_and_the_wall_is_found_as_it_was(
    gallery: GalleryServer, home: Home, page: Page
) -> None:
    hang(gallery, home, 200)
    await page.goto(gallery.url)
    await ready(page)
    await page.evaluate("scrollTo({top: 900, behavior: 'instant'})")
    place = await settled(page)
    picked = list(place)[-3]
    await page.locator(f'.tile[data-id="{picked}"] a').first.focus()
    place = await settled(page)
    await page.keyboard.press("v")
    await expect(page.locator("#viewer")).to_be_visible()
    assert page.url == f"{gallery.url}/image/{picked}"
    await expect(page.locator(TITLE)).to_have_text("The Wave")
    await expect(page).to_have_title("The Wave, Hokusai – Artalike")
    for words in ("Hokusai", "1831", "Woodcut", "1200 × 900", "CC0", "The Met"):
        await expect(page.locator(".viewer-text")).to_contain_text(words)
    await expect(page.locator('#viewer [data-told="home"]')).to_have_attribute("href", "https://museum.example/wave")
    await expect(page.locator(".record")).to_have_attribute("href", f"/api/images/{picked}")
    await page.keyboard.press("Escape")
    await expect(page.locator("#viewer")).to_be_hidden()
    assert page.url == f"{gallery.url}/"
    assert await settled(page) == place
    assert await page.evaluate("document.activeElement.closest('.tile').dataset.id") == str(picked)
    await page.go_forward()
    await expect(page.locator(TITLE)).to_be_visible()
    await page.reload()
    await expect(page.locator(TITLE)).to_have_text("The Wave")
    await page.click("#viewer .close")
    await expect(page.locator("#viewer")).to_be_hidden()
    assert page.url == f"{gallery.url}/"
    assert await settled(page) == place


async def test_its_address_opens_by_itself_and_leads_to_what_is_like_it(
    gallery: GalleryServer, home: Home, page: Page
) -> None:
    hang(gallery, home)
    await page.goto(f"{gallery.url}/image/7")
    await ready(page)
    await expect(page.locator(TITLE)).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#viewer")).to_be_hidden()
    assert page.url == f"{gallery.url}/similar/7"
    await expect(page.locator("h1")).to_have_text("The Wave")
    await page.click("#question .look")
    assert page.url == f"{gallery.url}/image/7"
    await page.keyboard.press("ArrowRight")
    await until(lambda: _elsewhere(page, 7), "the next picture")
    following = int(page.url.rsplit("/", 1)[1])
    assert following == next(iter(await tiles(page)))
    await page.keyboard.press("m")
    await page.wait_for_url(f"**/similar/{following}")
    await expect(page.locator("#viewer")).to_be_hidden()
    await page.go_back()
    await expect(page.locator(TITLE)).to_be_visible()
    assert page.url == f"{gallery.url}/image/{following}"
    await page.go_back()
    assert page.url == f"{gallery.url}/similar/7"
    await expect(page.locator("#viewer")).to_be_hidden()


async def test_without_scripts_it_is_a_page(gallery: GalleryServer, home: Home, new_context: NewContext) -> None:
    hang(gallery, home)
    page = await (await new_context(java_script_enabled=False)).new_page()
    await page.goto(f"{gallery.url}/image/7")
    await expect(page.locator(TITLE)).to_have_text("The Wave")
    await expect(page.locator(".pane.first .pane-thumbnail")).to_be_visible()
    await page.click(".more-like")
    await expect(page.locator("h1")).to_have_text("The Wave")


async def test_the_full_picture_comes_from_its_home_which_is_not_told_who_asks(
    gallery: GalleryServer, home: Home, page: Page
) -> None:
    hang(gallery, home, 3)
    await page.context.add_cookies([{"name": "who", "value": "me", "url": home.url}])
    await page.goto(f"{gallery.url}/image/2")
    full = page.locator(".pane.first .pane-full")
    await expect(full).to_be_visible()
    assert await full.evaluate("(picture) => picture.naturalWidth") == 1200
    [asked] = home.asked
    assert asked.path == "/2.png"
    assert "Referer" not in asked.headers
    assert "Cookie" not in asked.headers
    assert "Origin" not in asked.headers


async def test_the_thumbnail_stays_when_the_full_picture_does_not_come(
    gallery: GalleryServer, home: Home, page: Page, complaints: Complaints
) -> None:
    complaints.expect("404")
    hang(gallery, home, 3)
    home.broken = True
    await page.goto(f"{gallery.url}/image/2")
    await expect(page.get_by_text("The full picture could not be loaded")).to_be_visible()
    thumbnail = page.locator(".pane.first .pane-thumbnail")
    await expect(thumbnail).to_have_class("pane-thumbnail loaded")
    home.broken = False
    await page.click(".full-again")
    await expect(page.locator(".pane.first .pane-full")).to_be_visible()
    await expect(page.locator(".full-state")).to_be_hidden()


async def test_where_full_pictures_are_off_no_home_is_asked(gallery: GalleryServer, home: Home, page: Page) -> None:
    await gallery.stop()
    gallery.fake = make_services(0, gallery={"full_images": "off"})
    gallery.services = replace(gallery.fake.services, thumbnails=gallery.services.thumbnails)
    await gallery.start()
    hang(gallery, home, 3)
    answer = await page.goto(f"{gallery.url}/image/2")
    assert answer is not None
    assert "img-src 'self' data:;" in answer.headers["content-security-policy"]
    await expect(page.locator(".pane.first .pane-thumbnail")).to_have_class("pane-thumbnail loaded")
    await page.keyboard.press("+")
    await page.wait_for_timeout(200)
    assert not home.asked
    assert await page.locator(".pane.first .pane-full").get_attribute("src") is None


async def test_zoom_and_pan_by_wheel_keys_drag_and_double_click(gallery: GalleryServer, home: Home, page: Page) -> None:
    hang(gallery, home, 3)
    await page.goto(f"{gallery.url}/image/2")
    await ready(page)
    picture = page.locator(".pane.first .pane-picture")
    whole = await _box(page)
    stage = await page.locator(".stage").bounding_box()
    assert stage is not None
    assert whole["width"] <= stage["width"]
    await page.mouse.move(whole["x"] + 10, whole["y"] + 10)
    await page.mouse.wheel(0, -300)
    near = await _box(page)
    assert near["width"] > 1.5 * whole["width"]
    share = (whole["x"] + 10 - near["x"]) / near["width"]
    assert share == pytest.approx(10 / whole["width"], abs=0.01)  # what is under the pointer stays there
    await page.mouse.down()
    await page.mouse.move(whole["x"] - 90, whole["y"] + 10)
    await page.mouse.up()
    assert (await _box(page))["x"] == pytest.approx(near["x"] - 100, abs=1)
    await page.keyboard.press("ArrowLeft")
    await until(lambda: _moved(page, near["x"] - 100), "the picture moves under an arrow key")
    assert page.url.endswith("/image/2")
    await page.keyboard.press("0")
    await until(lambda: _wide(page, whole["width"]), "the whole picture")
    await picture.dblclick()
    await until(lambda: _wide(page, 2.5 * whole["width"]), "a close look")
    await page.keyboard.press("-")
    await until(lambda: _wide(page, 2.5 / 1.5 * whole["width"]), "one step out")


async def test_on_a_phone_fingers_pinch_and_sweep(gallery: GalleryServer, home: Home, new_context: NewContext) -> None:
    hang(gallery, home, 30)
    context = await new_context(viewport=PHONE, has_touch=True)
    page = await context.new_page()
    await page.goto(f"{gallery.url}/image/2")
    await ready(page)
    fingers = await context.new_cdp_session(page)

    async def touch(kind: str, *points: tuple[float, float]) -> None:
        touched = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        await fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched})

    whole = await _box(page)
    await touch("touchStart", (150, 250), (200, 250))
    for spread in (20, 40, 60):
        await touch("touchMove", (150 - spread, 250), (200 + spread, 250))
    await touch("touchEnd")
    await until(lambda: _wider(page, 2 * whole["width"]), "the pinched picture")
    await page.keyboard.press("0")
    await until(lambda: _wide(page, whole["width"]), "the whole picture")
    await touch("touchStart", (300, 250))
    for x in (250, 180, 120):
        await touch("touchMove", (x, 252))
    await touch("touchEnd")
    await until(lambda: _elsewhere(page, 2), "the next picture")
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]


async def test_arrow_keys_walk_along_the_wall_and_past_what_was_loaded(
    gallery: GalleryServer, home: Home, page: Page
) -> None:
    hang(gallery, home, 130)
    await page.goto(gallery.url)
    await ready(page)
    await page.locator(".tile a").first.focus()
    await page.keyboard.press("v")
    await expect(page.locator(".previous")).to_be_hidden()
    met = [page.url]
    for _ in range(129):
        await page.keyboard.press("ArrowRight")
        await until(lambda: _elsewhere(page, int(met[-1].rsplit("/", 1)[1])), "the next picture")
        met.append(page.url)
    assert len(set(met)) == 130
    await expect(page.locator(".next")).to_be_hidden()
    await page.keyboard.press("Escape")
    await expect(page.locator("#viewer")).to_be_hidden()
    assert page.url == f"{gallery.url}/"
    focused = await page.evaluate("document.activeElement.closest('.tile').dataset.id")
    assert met[-1].endswith(f"/{focused}")


async def test_near_duplicates_lie_side_by_side(gallery: GalleryServer, home: Home, page: Page) -> None:
    hang(gallery, home, 9)
    gallery.fake.images.groups = [{2, 5, 6}]
    await page.goto(f"{gallery.url}/image/2")
    await expect(page.locator(".near-one")).to_have_count(2)
    await page.locator(".near-one").first.click()
    panes = page.locator(".pane:not([hidden])")
    await expect(panes).to_have_count(2)
    await page.keyboard.press("+")
    widths = [await pane.evaluate("(pane) => pane.firstElementChild.style.transform") for pane in await panes.all()]
    assert widths[0] == widths[1] != ""
    await page.keyboard.press("Escape")
    await expect(panes).to_have_count(1)
    await expect(page.locator(TITLE)).to_be_visible()


async def test_a_picture_taken_out_meanwhile_says_so(
    gallery: GalleryServer, home: Home, page: Page, complaints: Complaints
) -> None:
    complaints.expect("404")  # what of the picture was still to be loaded
    hung = hang(gallery, home, 9)
    await page.goto(f"{gallery.url}/image/2")
    await ready(page)
    await until(lambda: _listening(gallery), "the page listens")
    gallery.remove(hung[1])
    await expect(page.locator(".viewer-gone")).to_be_visible()
    await expect(page.locator(TITLE)).to_be_hidden()
    await page.keyboard.press("Escape")
    await expect(page.locator("#viewer")).to_be_hidden()


async def test_the_focus_stays_in_it(gallery: GalleryServer, home: Home, page: Page) -> None:
    hang(gallery, home, 9)
    await page.goto(f"{gallery.url}/image/2")
    await ready(page)
    for _ in range(25):
        await page.keyboard.press("Tab")
        assert await page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('#viewer')"
        )


async def test_a_citation_is_copied(gallery: GalleryServer, home: Home, new_context: NewContext) -> None:
    hang(gallery, home, 3)
    context = await new_context(permissions=["clipboard-read", "clipboard-write"])
    page = await context.new_page()
    await page.goto(f"{gallery.url}/image/2")
    await ready(page)
    await page.click(".copy-citation")
    await expect(page.locator(".copy-said")).to_have_text("Copied")
    text = await page.evaluate("navigator.clipboard.readText()")
    assert text.startswith("Hokusai, The Wave, 1831, Woodcut. The Met. https://museum.example/wave (accessed ")


async def test_text_from_the_web_is_shown_and_not_run(gallery: GalleryServer, page: Page) -> None:
    for text in HOSTILE:
        gallery.add(metadata=Metadata(text, text, text, text, text, text, "javascript:window.pwned=6"))
    gallery.fake.images.groups = [set(range(1, len(HOSTILE) + 1))]
    for number, text in enumerate(HOSTILE, start=1):
        image = gallery.fake.images.by_id[number]
        gallery.fake.images.by_id[number] = replace(image, url="javascript:window.pwned=7", source=text)
        await page.goto(f"{gallery.url}/image/{number}")
        await expect(page.locator(".near-one")).to_have_count(len(HOSTILE) - 1)
        shown = await page.locator(TITLE).text_content()
        assert shown == await page.evaluate("(text) => import('/static/js/images.js').then((m) => m.plain(text))", text)
        assert await page.evaluate("window.pwned === undefined")
        links = await page.evaluate("[...document.querySelectorAll('#viewer a[href]')].map((link) => link.protocol)")
        assert set(links) == {"http:"}


async def test_zoom_keeps_its_point_and_its_bounds(gallery: GalleryServer, page: Page) -> None:
    await page.goto(f"{gallery.url}/healthz")
    found = await page.evaluate("""async () => {
      const zoomModule = await import("/static/js/viewer/zoom.js");
      const { frameOf, zoomed, panned, pinched, refitted, wheelFactor, WHOLE } = zoomModule;
      const faults = [];
      let seed = 7;
      const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
      for (let round = 0; round < 3000; round++) {
        const picture = { width: 20 + random() * 9000, height: 20 + random() * 9000 };
        const size = { width: 100 + random() * 3000, height: 100 + random() * 2000 };
        const frame = frameOf(picture, size);
        if (frame.base.width > size.width + 1e-6 || frame.base.height > size.height + 1e-6) faults.push("too large");
        const shape = frame.base.width / frame.base.height / (picture.width / picture.height);
        if (Math.abs(shape - 1) > 1e-9) faults.push("stretched");
        let zoom = WHOLE;
        for (let step = 0; step < 8; step++) {
          const at = { x: (random() - 0.5) * size.width, y: (random() - 0.5) * size.height };
          const to = { x: at.x + random() * 90, y: at.y - random() * 90 };
          const before = zoom;
          const way = Math.floor(random() * 3);
          if (way === 0) zoom = zoomed(zoom, Math.exp(random() * 2 - 1), at, frame);
          if (way === 1) zoom = panned(zoom, to.x, to.y, frame);
          if (way === 2) zoom = pinched(zoom, [at, to], [to, { x: -at.x, y: at.y }], frame);
          const room = (side) => Math.max(0, (frame.base[side] * zoom.scale - size[side]) / 2);
          const slack = [room("width"), room("height")];
          if (Math.abs(zoom.x) > slack[0] + 1e-6 || Math.abs(zoom.y) > slack[1] + 1e-6) faults.push("out of its frame");
          if (zoom.scale < 1 || zoom.scale > frame.most) faults.push("scale " + zoom.scale);
          const free = Math.abs(zoom.x) < slack[0] - 1 && Math.abs(zoom.y) < slack[1] - 1;
          if (way === 0 && free) {
            const drift = (at.x - zoom.x) / zoom.scale - (at.x - before.x) / before.scale;
            if (Math.abs(drift) > 1e-6) faults.push("the point has moved");
          }
          const other = frameOf(picture, { width: size.height, height: size.width });
          const moved = refitted(zoom, frame, other);
          if (![moved.scale, moved.x, moved.y].every(Number.isFinite)) faults.push("not a place");
        }
      }
      const wheels = [{ deltaY: 3, deltaMode: 1 }, { deltaY: 48, deltaMode: 0 }].map(wheelFactor);
      wheels.push(wheelFactor({ deltaY: -1e9, deltaMode: 0, ctrlKey: true }));
      if (wheels[0] !== wheels[1] || wheels[2] !== 2) faults.push("wheel");
      return [...new Set(faults)];
    }""")
    assert found == []


@pytest.mark.parametrize(
    ("about", "cited"),
    [
        (
            {
                "creator": "J. M. W. Turner",
                "title": "Rain, Steam, Speed",
                "date": "1844",
                "attribution": "National Gallery.",
            },
            "J. M. W. Turner, Rain, Steam, Speed, 1844. National Gallery. https://h.example/p (accessed 5 March 2026).",
        ),
        ({}, "Untitled. h.example. https://h.example/p (accessed 5 March 2026)."),
        (
            {"title": "Who?", "creator": "\u202eA\u2066"},
            "A, Who? h.example. https://h.example/p (accessed 5 March 2026).",
        ),
        ({"page_url": "javascript:1"}, "Untitled. h.example. https://h.example/a.jpg (accessed 5 March 2026)."),
        ({"page_url": None, "url": "file:///a.jpg"}, "Untitled. here. http://here/image/3 (accessed 5 March 2026)."),
    ],
)  # fmt: skip - one line a case
async def test_a_citation_says_what_is_known(
    gallery: GalleryServer, page: Page, about: dict[str, object], cited: str
) -> None:
    await page.goto(f"{gallery.url}/healthz")
    record = {"id": 3, "width": 4, "height": 3, "url": "https://h.example/a.jpg", "page_url": "https://h.example/p"}
    said = await page.evaluate(
        """async (record) => {
      const { citation } = await import("/static/js/viewer/citation.js");
      const { readImage } = await import("/static/js/images.js");
      return citation(readImage(record), new Date(2026, 2, 5), "http://here/image/3");
    }""",
        record | about,
    )
    assert said == cited


async def _box(page: Page) -> dict[str, float]:
    """The picture's own box, wherever it reaches."""
    box: dict[str, float] = await page.evaluate("""() => {
      const { x, y, width, height } = document.querySelector(".pane.first .pane-picture").getBoundingClientRect();
      return { x, y, width, height };
    }""")
    return box


async def _wide(page: Page, width: float) -> bool:
    return abs((await _box(page))["width"] - width) < 1


async def _wider(page: Page, width: float) -> bool:
    return (await _box(page))["width"] > width


async def _moved(page: Page, x: float) -> bool:
    return abs((await _box(page))["x"] - x) > 20


async def _elsewhere(page: Page, id_: int) -> bool:
    return not page.url.endswith(f"/image/{id_}")


async def _listening(gallery: GalleryServer) -> bool:
    return bool(gallery.services.events.subscribers)
