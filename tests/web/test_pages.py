"""The pages as the server renders them, before any script runs, and the files that they ask for."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import lxml.html
import pytest

from artalike import resources
from artalike.errors import StartError, StorageError
from artalike.records import Image, Metadata
from artalike.web.assets import Assets
from artalike.web.pages import host_of, name_of, plain, web_link
from tests.fakes import FakeServices, make_services
from tests.web.conftest import BEARER, Client, Serve

TILES = '//*[@id="wall"]/li'
HOSTILE = '"><script>alert(1)</script>\u202e\x07\udcff'


async def page(client: Client, path: str, *, status: int = 200) -> Any:
    """The parsed page at ``path``."""
    async with client.get(path, allow_redirects=False) as response:
        assert response.status == status
        assert response.content_type == "text/html"
        return lxml.html.document_fromstring(await response.text())


def data_of(document: Any) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(document.get_element_by_id("page-data").text)
    return data


def with_record(fake: FakeServices, image: Image, **changes: Any) -> None:
    fake.images.by_id[image.id] = replace(image, **changes)


async def test_the_first_page_holds_the_first_answer(serve: Serve) -> None:
    client = await serve(make_services(130))
    document = await page(client, "/")
    data = data_of(document)
    shown = [int(tile.get("data-id")) for tile in document.xpath(TILES)]
    assert len(shown) == len(set(shown)) == 60
    assert shown == [image["id"] for image in data["answer"]["results"]]
    async with client.get(data["answer"]["next"]) as response:
        following = [image["id"] for image in (await response.json())["results"]]
    assert not set(following) & set(shown)
    async with client.get(data["first"]) as response:
        assert [image["id"] for image in (await response.json())["results"]] == shown
    assert document.get_element_by_id("counter").text_content() == "130 pictures"


async def test_a_seed_in_the_address_names_an_order(serve: Serve) -> None:
    client = await serve(make_services(130))
    orders = [data_of(await page(client, f"/?seed={seed}"))["answer"] for seed in (5, 5, 6)]
    assert orders[0]["results"] == orders[1]["results"] != orders[2]["results"]
    assert orders[0]["seed"] == 5


@pytest.mark.parametrize("seed", ["abc", "", "1e9", "9" * 40, "٣", "5%00"])
async def test_a_seed_that_is_none_is_passed_over(serve: Serve, seed: str) -> None:
    client = await serve(make_services(3))
    assert data_of(await page(client, f"/?seed={seed}"))["answer"]["seed"] < 0


async def test_shuffling_leads_to_a_seed(serve: Serve) -> None:
    client = await serve(make_services(3))
    async with client.get("/?shuffle", allow_redirects=False) as response:
        assert response.status == 303
        assert re.fullmatch(r"/\?seed=\d+", response.headers["Location"])


async def test_a_picture_has_a_page_with_its_neighbours(serve: Serve) -> None:
    fake = make_services(20)
    about = Metadata("The Wave", "Hokusai", "1831", "Woodcut", "CC0", "The Met", "https://museum.example/wave")
    with_record(fake, fake.images.by_id[7], metadata=about)
    client = await serve(fake)
    document = await page(client, "/similar/7")
    question = document.get_element_by_id("question")
    assert question.get("hidden") is None
    for text in ("The Wave", "Hokusai", "1831", "Woodcut", "CC0", "The Met", "museum.example"):
        assert text in question.text_content()
    assert question.xpath('.//*[@data-field="home"]/@href') == ["https://museum.example/wave"]
    assert question.xpath(".//img/@src") == ["/thumbs/7/256"]
    shown = [int(tile.get("data-id")) for tile in document.xpath(TILES)]
    assert sorted(shown) == [number for number in range(1, 21) if number != 7]
    assert document.findtext("head/title") == "The Wave, Hokusai – Artalike"


@pytest.mark.parametrize("name", ["99", "0", "-1", "seven", "7.0", "9" * 19, "9" * 400, "%00", "<script>"])
async def test_a_picture_that_is_not_there_is_a_friendly_404(serve: Serve, name: str) -> None:
    client = await serve(make_services(3))
    document = await page(client, f"/similar/{name}", status=404)
    assert "There is no picture" in document.text_content()
    assert not document.xpath("//script")


async def test_a_picture_has_a_page_of_its_own(serve: Serve) -> None:
    fake = make_services(20)
    about = Metadata("The Wave", "Hokusai", "1831", "Woodcut", "CC0", "The Met", "https://museum.example/wave")
    with_record(fake, fake.images.by_id[7], metadata=about)
    client = await serve(fake)
    document = await page(client, "/image/7")
    viewer = document.get_element_by_id("viewer")
    assert viewer.get("open") is not None
    for text in ("The Wave", "Hokusai", "1831", "Woodcut", "CC0", "The Met", "museum.example"):
        assert text in viewer.text_content()
    assert viewer.xpath('.//*[contains(@class, "pane-thumbnail")]/@src')[0] == "/thumbs/7/256"
    assert document.findtext("head/title") == "The Wave, Hokusai – Artalike"
    assert (await page(client, "/similar/7")).get_element_by_id("viewer").get("open") is None
    await page(client, "/image/21", status=404)


@pytest.mark.parametrize(("full_images", "homes"), [("on", True), ("off", False)])
async def test_pictures_come_from_elsewhere_only_where_they_may(serve: Serve, full_images: str, homes: bool) -> None:
    client = await serve(make_services(2, gallery={"full_images": full_images}))
    for path in ("/", "/image/1", "/similar/1", "/image/3"):
        async with client.get(path) as response:
            policy = response.headers["Content-Security-Policy"].split("; ")
            assert ("img-src 'self' data:" in policy) is not homes
            assert response.headers["Cross-Origin-Embedder-Policy"] == "credentialless"
    assert data_of(await page(client, "/image/1"))["full_images"] is homes


async def test_a_shared_board_shows_what_is_there_of_it(serve: Serve) -> None:
    client = await serve(make_services(20))
    document = await page(client, "/board?name=Blue%20%3Cb%3E%E2%80%AE&ids=7,3,99,x,-1,7")
    assert document.get_element_by_id("board-title").text_content() == "Blue <b>"
    assert document.xpath('//*[@id="kept"]/li/@data-key') == ["7", "3"]
    assert data_of(document)["shared"]["missing"] == 1
    assert document.findtext("head/title") == "Blue <b> – Artalike"
    for query in ("", "?ids=", "?ids=x,0,1e3", "?name=Blue"):
        await page(client, f"/board{query}", status=404)
    assert data_of(await page(client, "/boards"))["shared"] is None


async def test_a_failing_storage_is_a_friendly_page_without_its_secrets(serve: Serve) -> None:
    fake = make_services(3)

    async def fail(*_: object, **__: object) -> None:
        raise StorageError("/secret/path: database disk image is malformed")

    fake.images.totals = fail  # type: ignore[method-assign,assignment]  # a disk that fails
    document = await page(await serve(fake), "/", status=503)
    assert "try again" in document.text_content()
    assert "secret" not in document.text_content()


async def test_an_empty_collection_says_so(serve: Serve) -> None:
    document = await page(await serve(make_services(0)), "/")
    assert document.get_element_by_id("empty").get("hidden") is None
    assert document.get_element_by_id("counter").text_content() == "0 pictures"
    assert document.xpath(TILES) == []


async def test_text_from_the_web_stays_text(serve: Serve) -> None:
    fake = make_services(2)
    about = Metadata(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, "javascript:alert(1)")
    for image in list(fake.images.by_id.values()):
        with_record(fake, image, metadata=about, source=HOSTILE, url="file:///home/anna/secret.jpg")
    client = await serve(fake)
    for path in ("/", "/similar/1"):
        document = await page(client, path)
        assert len(document.xpath("//script[not(@src)]")) == 1  # the data
        title = document.xpath('//*[@id="wall"]//*[@class="caption-title"]')[0].text
        assert title == '"><script>alert(1)</script>\u202e'
        assert "\u202e" not in document.xpath('//*[@id="wall"]//img/@alt')[0]
        assert data_of(document)["answer"]["results"][0]["title"] == HOSTILE
        assert [link for link in document.xpath("//a/@href") if not link.startswith(("/", "#"))] == []


@pytest.mark.parametrize("path", ["/", "/similar/1", "/image/1", "/boards", "/board?ids=1", "/admin", "/similar/99"])
async def test_pages_hold_no_code_and_no_style(serve: Serve, path: str) -> None:
    client = await serve(make_services(5))
    document = await page(client, path, status=404 if "99" in path else 200)
    for element in document.iter():
        assert "style" not in element.attrib, element.tag
        assert not [name for name in element.attrib if name.startswith("on")], element.tag
        assert element.tag != "style"
        if element.tag == "script":
            assert element.get("src") or element.get("type") == "application/json"


async def test_the_admin_page_opens_on_the_desk_for_who_is_signed_in(serve: Serve) -> None:
    fake = make_services(0)
    client = await serve(fake)
    document = await page(client, "/admin")
    assert document.get_element_by_id("desk").get("hidden") is not None
    form = document.get_element_by_id("sign-in")
    async with client.post(form.get("action"), data={"token": fake.services.admin_token}) as response:
        assert response.url.path == "/admin"
    document = await page(client, "/admin")
    assert document.get_element_by_id("desk").get("hidden") is None
    assert document.get_element_by_id("door").get("hidden") is not None


async def test_the_admin_page_tells_nobody_the_token(serve: Serve) -> None:
    fake = make_services(0)
    client = await serve(fake)
    async with client.get("/admin", headers=BEARER) as response:
        assert fake.services.admin_token not in await response.text()


@pytest.mark.parametrize("path", ["/", "/similar/1", "/image/1", "/boards", "/board?ids=1", "/admin"])
async def test_all_files_that_a_page_asks_for_are_there(serve: Serve, path: str) -> None:
    client = await serve(make_services(5))
    document = await page(client, path)
    urls = [*document.xpath("//head/link[@rel!='manifest']/@href"), *document.xpath("//script/@src")]
    done: set[str] = set()
    while urls:
        url = urls.pop()
        if url in done:
            continue
        done.add(url)
        async with client.get(url) as response:
            assert response.status == 200, url
            assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            text = (await response.read()).decode(errors="replace")
        if url.endswith(".js"):
            urls += [
                urljoin(url, name) for name in re.findall(r'^(?:import|export) .*from "(.+)";$', text, re.MULTILINE)
            ]
    assert len(done) > 5


@pytest.mark.parametrize("path", ["/", "/similar/1", "/boards", "/map", "/admin"])
async def test_modules_of_a_page_are_asked_for_at_once(serve: Serve, path: str) -> None:
    """Else a slow line loads them one import after the other."""
    client = await serve(make_services(1))
    document = await page(client, path)
    preloaded = document.xpath('//head/link[@rel="modulepreload"]/@href')
    assert len(preloaded) == len(set(preloaded))
    assert set(preloaded) == await _needed(client, document.xpath('//script[@type="module"]/@src')[0])


async def test_the_gallery_hangs_its_pictures_by_a_few_modules_and_asks_for_the_rest_at_once(serve: Serve) -> None:
    client = await serve(make_services(1))
    document = await page(client, "/")
    assert len(document.xpath('//head/link[@rel="modulepreload"]')) <= 6
    rest = document.xpath('//*[@id="rest"]/link[@rel="modulepreload"]/@href')
    assert rest[0].endswith("/js/main.js")
    assert len(rest) == len(set(rest))
    assert set(rest) == await _needed(client, rest[0])


async def _needed(client: Client, url: str) -> set[str]:
    """The module and all that it imports."""
    waiting, needed = [url], set[str]()
    while waiting:
        url = waiting.pop()
        if url not in needed:
            needed.add(url)
            async with client.get(url) as response:
                names = re.findall(r'^(?:import|export)\b.*?from "(.+)";$', await response.text(), re.MULTILINE)
            waiting += [urljoin(url, name) for name in names]
    return needed


async def test_pages_are_sent_compressed_to_who_understands_that(serve: Serve) -> None:
    client = await serve(make_services(60))
    sizes = {}
    for coding in ("gzip", "identity"):
        async with client.get("/", headers={"Accept-Encoding": coding}) as response:
            assert response.headers.get("Content-Encoding", "identity") == coding
            assert response.headers["Vary"] == "Accept-Encoding"
            assert "page-data" in await response.text()
            sizes[coding] = response.content_length or len(await response.read())
    assert sizes["gzip"] < sizes["identity"] / 4


@pytest.mark.parametrize("path", ["/", "/boards", "/map", "/admin", "/similar/99"])
async def test_a_page_has_one_sheet_of_styles(serve: Serve, path: str) -> None:
    client = await serve(make_services(1))
    document = await page(client, path, status=404 if "99" in path else 200)
    [sheet] = document.xpath('//link[@rel="stylesheet"]/@href')
    async with client.get(sheet) as response:
        assert response.status == 200
        assert response.content_type == "text/css"
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response.headers["Content-Encoding"] == "gzip"
        assert "--paper" in await response.text()


def test_sheets_are_joined_in_their_order() -> None:
    files = {"css/a.css": b"a{}", "css/b.css": b"b{}", "c.css": b"c{}"}
    assets = Assets(files)
    assert assets.sheet("b", "a") == f"/static/{assets.version}/css/b+a.css"
    for wrong in (("a", "c"), ("a", "a"), ("../c",), ()):
        with pytest.raises(KeyError):
            assets.sheet(*wrong)


@pytest.mark.parametrize("names", ["base+none", "base+base", "+", "base+", "base+..%2fboot", "+".join(["base"] * 30)])
async def test_only_sheets_that_are_there_are_joined(serve: Serve, names: str) -> None:
    client = await serve(make_services(0))
    async with client.get(f"/static/css/{names}.css") as response:
        assert response.status == 404
    async with client.get("/static/css/gallery+base.css") as response:  # no page has asked for it
        assert response.status == 200


async def test_files_without_a_version_are_checked_by_their_tag(serve: Serve) -> None:
    client = await serve(make_services(0))
    async with client.get("/static/js/layout.js") as response:
        assert response.headers["Cache-Control"] == "no-cache"
        assert response.content_type == "text/javascript"
        tag, text = response.headers["ETag"], await response.text()
    assert "fullRow" in text
    async with client.get("/static/js/layout.js", headers={"If-None-Match": tag}) as response:
        assert response.status == 304
        assert await response.read() == b""
    async with client.get("/static/js/layout.js", headers={"If-None-Match": '"other"'}) as response:
        assert response.status == 200
    async with client.get("/favicon.ico") as response:
        assert response.content_type == "image/svg+xml"


@pytest.mark.parametrize(
    "path", ["no.js", "../pyproject.toml", "..%2fpyproject.toml", "js/", "jsconfig.json", "%2e%2e/config.toml", "\x00"]
)
async def test_only_the_folder_s_own_files_are_served(serve: Serve, path: str) -> None:
    client = await serve(make_services(0))
    async with client.get(f"/static/{path}") as response:
        assert response.status == 404


def test_the_version_changes_with_any_file() -> None:
    first, same, other = (Assets({"a.js": body, "b.css": b"x"}) for body in (b"1", b"1", b"2"))
    assert first.version == same.version != other.version
    assert first.url("a.js") == f"/static/{first.version}/a.js"
    with pytest.raises(KeyError):
        first.url("c.js")


def test_folders_are_found_in_the_package_first_and_then_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "artalike"
    (tmp_path / "static").mkdir(parents=True)
    package.mkdir()
    monkeypatch.setattr(resources, "_PACKAGE", package)
    assert resources.folder("static") == tmp_path / "static"
    (package / "static").mkdir()
    assert resources.folder("static") == package / "static"
    with pytest.raises(StartError, match="templates"):
        resources.folder("templates")


@pytest.mark.parametrize(
    ("text", "line"),
    [(None, ""), (3, ""), (" a\n\tb\x00c ", "a b c"), ("x" * 501, "x" * 500 + "…"), ("\udcff", ""), ("é", "é")],
)
def test_text_becomes_one_clean_line(text: object, line: str) -> None:
    assert plain(text) == line


@pytest.mark.parametrize(
    ("title", "creator", "name"),
    [
        (None, None, "Untitled picture 9"),
        ("Wave", None, "Wave"),
        (None, "Hokusai", "Hokusai"),
        ("\u202eWave\u2066", " ", "Wave"),
        ("\u202e", None, "Untitled picture 9"),
    ],
)
def test_every_picture_has_a_name(title: str | None, creator: str | None, name: str) -> None:
    assert name_of({"id": 9, "title": title, "creator": creator}) == name


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://a.example/x", "https://a.example/x"),
        ("http://user:word@a.example:81/", "http://user:word@a.example:81/"),
        ("javascript:alert(1)", ""),
        ("java\nscript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//a.example", ""),
        ("http://", ""),
        ("http://[", ""),
        (None, ""),
    ],
)
def test_only_web_addresses_become_links(url: object, link: str) -> None:
    assert web_link(url) == link
    assert host_of(link) in {"", "a.example", "a.example:81"}


@pytest.mark.parametrize(
    ("contact", "shown"),
    [
        ("rights@museum.example", '<a href="mailto:rights@museum.example" rel="external noopener noreferrer">rights@'),
        (
            "https://museum.example/rights",
            '<a href="https://museum.example/rights" rel="external noopener noreferrer">',
        ),
        ("o'neill+x%@museum.example", '<a href="mailto:o%27neill%2Bx%25@museum.example"'),
        ("the front desk", "Rights or removal: the front desk</p>"),
        ("javascript:alert(1)", "Rights or removal: javascript:alert(1)</p>"),
        ("a@b.example?bcc=c@d.example", "Rights or removal: a@b.example?bcc=c@d.example</p>"),
        ("<script>alert(1)</script>", "Rights or removal: &lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ('https://a.example/"onclick="x', 'href="https://a.example/&#34;onclick=&#34;x"'),
    ],
)
async def test_whom_to_ask_about_rights_is_shown_beside_each_picture_and_below_all(
    serve: Serve, contact: str, shown: str
) -> None:
    client = await serve(make_services(2, gallery={"contact": contact}, crawl={"contact": "crawler@a.example"}))
    for url in ("/", "/similar/1"):
        async with client.get(url) as response:
            page = await response.text()
        assert page.count(shown) == 2
        assert "crawler@a.example" not in page


async def test_the_crawlers_contact_stands_in_and_without_one_nothing_is_shown(serve: Serve) -> None:
    client = await serve(make_services(2, crawl={"contact": "crawler@a.example"}))
    async with client.get("/") as response:
        assert "mailto:crawler@a.example" in await response.text()
    client = await serve(make_services(2))
    async with client.get("/") as response:
        assert "Rights or removal" not in await response.text()
