"""Pages: what is a picture of theirs, what is said of it, and where their owners draw the line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from artalike.crawl import urls
from artalike.crawl.fetcher import Fetcher
from artalike.crawl.sources import html, jsonld
from artalike.crawl.sources.html import Page, read_page
from artalike.crawl.sources.sizes import choose, longer, pixels
from artalike.crawl.sources.srcset import versions
from artalike.errors import FailureKind, ParseError
from artalike.records import Candidate, Metadata
from tests.crawl.conftest import expanded, of_kind, settings_for, task_for
from tests.sites import MisbehavingSite, Reply, draw

BASE = "http://a.com/dir/page.html"
SIDE = 1024


def pictures(html: str, *, charset: str | None = None) -> list[Candidate]:
    """The pictures of a page at BASE, without its fallbacks."""
    return list(read_page(html.encode(), charset, BASE, preferred_side=SIDE).pictures.all(Metadata()))


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<img src="x.jpg">', ["dir/x.jpg"]),
        ('<img src=" /x.jpg\n">', ["x.jpg"]),
        ('<img src="picture.php?id=3">', ["dir/picture.php?id=3"]),
        ('<img src="a.jpg" srcset="b.jpg 640w, c.jpg 1280w, d.jpg 320w">', ["dir/c.jpg"]),
        ('<img src="a.jpg" srcset="b.jpg, c.jpg 2x">', ["dir/c.jpg"]),
        ('<img src="blank.gif" data-src="x.jpg">', ["dir/x.jpg"]),
        ('<img src="data:image/gif;base64,R0lG" data-srcset="x.jpg 300w, y.jpg 600w">', ["dir/y.jpg"]),
        ('<img src="data:image/gif;base64,R0lG">', []),
        ('<img srcset="data:image/gif;base64,R0lG 1w, x.jpg 2w">', ["dir/x.jpg"]),
        ("<img><img src><img src=''>", []),
        ("<noscript><img src=x.jpg></noscript>", ["dir/x.jpg"]),
        ("<amp-img src=x.jpg></amp-img>", ["dir/x.jpg"]),
        (
            "<picture><source srcset='a.avif 800w' type=image/avif><source srcset='b.svg 9000w' type=image/svg+xml>"
            "<img src=c.jpg></picture>",
            ["dir/a.avif"],
        ),
        ("<a href=large.jpg><img src=small.jpg></a>", ["dir/large.jpg"]),
        ("<a href=large.png><span><img src=small.jpg></span></a>", ["dir/large.png"]),
        ("<a href=page2><img src=small.jpg></a>", ["dir/small.jpg"]),
        ("<a href=x.JPG>a picture</a>", ["dir/x.JPG"]),
        ("<img src=logo.svg>", []),
        ("<base href='http://cdn.com/y/'><img src=x.jpg>", ["http://cdn.com/y/x.jpg"]),
        ("<base href='javascript:x'><img src=x.jpg>", ["dir/x.jpg"]),
        ("<base target=_blank><base href='/z/'><img src=x.jpg>", ["z/x.jpg"]),
        ("<meta property=og:image content=/og.jpg>", ["og.jpg"]),
        ("<meta name=twitter:image content=/t.jpg>", ["t.jpg"]),
        ("<link rel=image_src href=/l.jpg>", ["l.jpg"]),
        ("<img src=x.jpg><img src=./x.jpg#2><meta property=og:image content=/dir/x.jpg>", ["dir/x.jpg"]),
        ("<img src='file:///etc/passwd'><img src='javascript:1'><img src='ftp://a/x.jpg'>", []),
        ("<img src='http://[::1'><img src='http://u:p@b.com/x.jpg'>", []),
        ("<img src='\\\\b.com\\x.jpg'>", ["http://b.com/x.jpg"]),
        ("<IMG SRC=x.jpg", []),
        ("<div>" * 1000 + "<img src=x.jpg>", ["dir/x.jpg"]),
        ("\0<p>\0<img src=x.jpg>", ["dir/x.jpg"]),
        (
            '<?xml version="1.0" encoding="UTF-8"?><html xmlns="http://www.w3.org/1999/xhtml">'
            '<img src="x.jpg"/></html>',
            ["dir/x.jpg"],
        ),
    ],
)
def test_pictures_of_a_page_are_found(html: str, expected: list[str]) -> None:
    found = [candidate.url for candidate in pictures(html)]
    assert found == [url if urls.is_web(url) else f"http://a.com/{url}" for url in expected]


@pytest.mark.parametrize(
    ("srcset", "expected"),
    [
        ("", None),
        (" , ,", None),
        ("a.jpg", "a.jpg"),
        ("a.jpg,", "a.jpg"),
        ("a.jpg 1x, b.jpg 1.5x", "b.jpg"),
        ("a,b.jpg 100w, c.jpg 50w", "a,b.jpg"),
        ("a.jpg 100w 50h,b.jpg 200w", "b.jpg"),
        ("a.jpg?w=1,2 nonsense, b.jpg infw, c.jpg -5w", "a.jpg?w=1,2"),
        ("a.jpg nanx", "a.jpg"),
        ("," * 100_000, None),
        (" " * 40_000 + "x", "x"),
        ("a.jpg 2x," + "b.jpg 1x," * 100_000, "a.jpg"),
    ],
)
def test_the_largest_of_a_srcset_is_taken_when_none_is_large_enough(srcset: str, expected: str | None) -> None:
    choice = choose(list(versions(srcset)), SIDE)
    assert (choice and choice.url) == expected


@pytest.mark.parametrize(
    ("html", "expected", "full"),
    [
        ("<img srcset='a 320w, b 1024w, c 2048w, d 6000w'>", "b", "d"),
        ("<img srcset='d 6000w, c 2048w, b 1023w'>", "c", "d"),
        ("<img srcset='a 320w, b 640w'>", "b", None),
        ("<img srcset='a 640w 1100h, b 900w 1547h'>", "a", "b"),
        ("<img srcset='a 1x, b 2x, c 3x' width=600 height=400>", "b", "c"),
        ("<img src=z srcset='b 2x, c 3x' width=1200px>", "z", "c"),
        ("<img src=blank.gif data-srcset='b 2x, c 3x' width=1200>", "b", "c"),
        ("<img src=z srcset='b 2x, c 3x' width=50%>", "c", None),
        ("<img src=z srcset='b 2x, c 3x' width=10>", "c", None),
        ("<img srcset='a, b nonsense, c 1500w'>", "c", None),
        ("<picture><source srcset='a 1500w'><source srcset='b 3000w'><img src=c></picture>", "a", "b"),
        ("<a href=huge.jpg><img srcset='a 640w, b 1280w, c 1920w'></a>", "b", "huge.jpg"),
        ("<a href=huge.jpg><img srcset='a 320w, b 640w'></a>", "huge.jpg", None),
        ("<a href=huge.jpg><img src=a width=1280></a>", "huge.jpg", None),
    ],
)
def test_of_a_pictures_versions_the_smallest_that_is_large_enough_is_taken(
    html: str, expected: str, full: str | None
) -> None:
    (candidate,) = pictures(html)
    assert candidate.url == f"http://a.com/dir/{expected}"
    assert candidate.metadata.extra.get("full_url") == (full and f"http://a.com/dir/{full}")


def test_a_full_version_named_elsewhere_is_no_picture_of_its_own() -> None:
    said = {"@type": "ImageObject", "contentUrl": "full.jpg", "creator": {"name": "Hokusai"}}
    (candidate, other) = pictures(
        script(said)
        + "<img alt=Wave srcset='s.jpg 320w, m.jpg 1200w, full.jpg 9000w'><img srcset='x.jpg 1100w, full.jpg 9000w'>"
        + "<meta property=og:image content=full.jpg><a href=full.jpg>the file</a><img src=other.jpg>"
    )
    assert (candidate.url, candidate.metadata.creator) == ("http://a.com/dir/m.jpg", "Hokusai")
    assert candidate.metadata.title == "Wave"
    assert candidate.metadata.extra == {"full_url": "http://a.com/dir/full.jpg"}
    assert other.url == "http://a.com/dir/other.jpg"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (640, 640),
        ("640", 640),
        (" 640.5px ", 640),
        ("0", None),
        ("-1", None),
        ("100%", None),
        ("9" * 50, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
        (True, None),
        ([], None),
    ],
)
def test_sides_are_read_as_sites_write_them(value: object, expected: float | None) -> None:
    assert pixels(value) == expected
    assert longer(value, None) == expected


def test_what_is_said_of_a_picture_is_kept() -> None:
    (captioned, described, titled, linked) = pictures(
        "<figure><img src=1.jpg alt='A wave'><figcaption>The <b>Great</b> Wave\n by Hokusai</figcaption></figure>"
        "<img src=2.jpg alt='Red &amp; blue' title=no><img src=3.jpg title='A title'><a href=4.jpg>Fuji</a>"
    )
    assert captioned.metadata.title == "The Great Wave by Hokusai"
    assert captioned.metadata.extra == {"alt": "A wave"}
    assert [c.metadata.title for c in (described, titled, linked)] == ["Red & blue", "A title", "Fuji"]


def test_a_small_picture_that_leads_to_a_large_one_is_its_thumbnail() -> None:
    (candidate,) = pictures("<a href=large.jpg><img src=small.jpg alt=Fuji></a>")
    assert (candidate.thumbnail_url, candidate.metadata.title) == ("http://a.com/dir/small.jpg", "Fuji")


def script(data: object) -> str:
    return f'<script type="application/ld+json">{json.dumps(data)}</script>'


def test_json_ld_says_who_made_what_and_when() -> None:
    (candidate,) = pictures(
        script(
            {
                "@graph": [
                    {
                        "@type": ["VisualArtwork"],
                        "name": "The Great Wave &amp; Fuji",
                        "creator": [{"@type": "Person", "name": "Hokusai"}, "Nishimuraya"],
                        "dateCreated": 1831,
                        "license": "https://creativecommons.org/publicdomain/zero/1.0/",
                        "creditText": "<i>The Met</i>",
                        "image": {"@type": "ImageObject", "contentUrl": "/wave.jpg", "thumbnailUrl": "/wave-s.jpg"},
                        "publisher": {"logo": {"@type": "ImageObject", "url": "/logo.jpg"}},
                    }
                ]
            }
        )
        + "<img src=/wave.jpg alt='not this'>"
    )
    said = candidate.metadata
    assert (candidate.url, candidate.thumbnail_url) == ("http://a.com/wave.jpg", "http://a.com/wave-s.jpg")
    assert (said.title, said.creator, said.date) == ("The Great Wave & Fuji", "Hokusai, Nishimuraya", "1831")
    assert said.rights == "https://creativecommons.org/publicdomain/zero/1.0/"
    assert said.attribution == "The Met"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"image": "a.jpg"}, ["a.jpg"]),
        ({"image": ["a.jpg", {"@type": "ImageObject", "url": "b.jpg"}, 3, None]}, ["a.jpg", "b.jpg"]),
        ([{"image": "a.jpg"}, {"@type": "Product", "image": ["b.jpg"]}], ["a.jpg", "b.jpg"]),
        ({"@type": "ImageObject", "contentUrl": "a.jpg"}, ["a.jpg"]),
        ({"thumbnailUrl": "t.jpg"}, ["t.jpg"]),
        ({"@type": "VideoObject", "contentUrl": "v.mp4", "thumbnailUrl": ["t.jpg"]}, ["t.jpg"]),
        ({"logo": "l.jpg", "author": {"image": "face.jpg"}}, []),
        ({"itemListElement": [{"item": {"image": "a.jpg"}}]}, ["a.jpg"]),
        ("text", []),
        (None, []),
    ],
)
def test_json_ld_in_its_many_shapes(data: object, expected: list[str]) -> None:
    assert [candidate.url for candidate, _ in jsonld.pictures(json.dumps(data), SIDE)] == expected


def image_object(url: str, width: object = None, height: object = None, **more: object) -> dict[str, object]:
    return {"@type": "ImageObject", "url": url, "width": width, "height": height, **more}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"image": [image_object("/640x480/1.jpg", 640, 480), image_object("/2000x1500/1.jpg", "2000px", "1500")]},
            [("/2000x1500/1.jpg", None)],
        ),
        (
            {"image": [image_object(f"/{width}/1.jpg", width, width) for width in (5000, 1200, 2000, 600)]},
            [("/1200/1.jpg", "/5000/1.jpg")],
        ),
        ({"image": [image_object("/1.jpg", 640, 480), image_object("/2.jpg", 2000, 1500)]}, ["/1.jpg", "/2.jpg"]),
        ({"image": [image_object("/640/a", 640, 480), image_object("/2000/a", 2000, 500)]}, ["/640/a", "/2000/a"]),
        (image_object("/big.jpg", 6000, 4000, thumbnail=image_object("/s.jpg", 1500, 1000)), [("/s.jpg", "/big.jpg")]),
        (image_object("/big.jpg", 6000, 4000, thumbnail=image_object("/s.jpg", 150, 100)), ["/big.jpg"]),
        (image_object("/big.jpg", thumbnail=image_object("/s.jpg", 1500, 1000)), ["/big.jpg"]),
        (image_object("/big.jpg", thumbnail="/s.jpg"), ["/big.jpg"]),
    ],
)
def test_json_ld_with_several_sizes_of_one_picture(data: object, expected: list[str | tuple[str, str | None]]) -> None:
    found = [(candidate.url, full) for candidate, full in jsonld.pictures(json.dumps(data), SIDE)]
    assert found == [(each, None) if isinstance(each, str) else each for each in expected]


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"image": "\\ud800"}', "9" * 10_000, "<!-- {} -->"])
def test_hostile_json_ld_is_borne(text: str) -> None:
    assert len(list(jsonld.pictures(text, SIDE))) <= 1


def test_a_page_of_a_million_pictures_is_read_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "MAX_ELEMENTS", 100)
    many = [f"{n}.jpg" for n in range(500)]
    assert len(pictures(script({"image": many}))) == 100
    assert len(pictures("".join(f"<img src={name}>" for name in many))) == 100


@pytest.mark.parametrize(
    ("data", "charset"),
    [
        ("<p>Größe ñ</p><img src=x alt='Größe ñ'>".encode(), None),
        ("<img src=x alt='Größe ñ'>".encode("latin-1"), None),
        ("<img src=x alt='Größe ñ'>".encode("latin-1"), "iso-8859-1"),
        ("<meta charset=windows-1252><img src=x alt='Größe ñ'>".encode("cp1252"), None),
        ("<meta charset=iso-8859-1><img src=x alt='Größe ñ'>".encode(), "utf-8"),
        (
            "<meta http-equiv=content-type content='text/html; charset=latin1'><img src=x alt='Größe ñ'>".encode(
                "cp1252"
            ),
            None,
        ),
        ("<img src=x alt='Größe ñ'>".encode("utf-8-sig"), "iso-8859-1"),
        ("\ufeff<img src=x alt='Größe ñ'>".encode("utf-16-le"), None),
        ("<meta charset=utf-16><img src=x alt='Größe ñ'>".encode(), None),
        ("<meta charset=idna><img src=x alt='Größe ñ'>".encode(), "unicode_escape"),
        ("<img src=x alt='Größe ñ'>".encode(), "no such \x00 charset"),
    ],
)
def test_the_charset_is_right(data: bytes, charset: str | None) -> None:
    (candidate,) = read_page(data, charset, BASE, preferred_side=SIDE).pictures.all(Metadata())
    assert candidate.metadata.title == "Größe ñ"


def test_charsets_of_east_asia_are_right() -> None:
    for charset in ("shift_jis", "euc-jp", "gb2312", "big5", "iso-2022-jp"):
        data = f"<meta charset={charset}><img src=x alt='日本'>".encode(charset)
        (candidate,) = read_page(data, None, BASE, preferred_side=SIDE).pictures.all(Metadata())
        assert candidate.metadata.title == "日本"


@given(
    st.one_of(st.binary(), st.text().map(str.encode), st.text("<>/=\"' imgsrcabf&#;!-", max_size=200).map(str.encode))
)
@example(b"")
@example(b"<")
@example(b"<!--")
@example(b"<html xmlns='\x00'>")
@example(b"<img src='&#xD800;'>")
@example(b"<meta name=robots content>")
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_bytes_give_pictures_or_a_parse_error(data: bytes) -> None:
    page, message = Page(BASE), ""
    try:
        page = read_page(data, None, BASE, preferred_side=SIDE)
    except ParseError as error:
        message = str(error)
    assert "\n" not in message
    assert all(urls.is_web(candidate.url) for candidate in page.pictures.all(Metadata()))
    assert all(urls.is_web(link) for link in page.links)


async def test_candidates_carry_their_page_and_its_title(site: MisbehavingSite, fetcher: Fetcher) -> None:
    url = site.page("/p", "<title>A &amp; B\n</title><img src=1.jpg><img src=2.jpg alt=Fuji>")
    found = await expanded(task_for(url, "page"), fetcher)
    assert [(c.metadata.title, c.metadata.page_url) for c in found] == [("A & B", url), ("Fuji", url)]


async def test_how_large_a_picture_is_wanted_is_a_setting(site: MisbehavingSite) -> None:
    url = site.page("/p", "<img srcset='a 300w, b 700w, c 2000w'>")
    for side, expected in ((256, "a"), (512, "b"), (1024, "c"), (4096, "c")):
        async with Fetcher.open(settings_for(download={"preferred_side": side})) as fetcher:
            (candidate,) = await expanded(task_for(url, "page"), fetcher)
        assert candidate.url == f"{site.root}/{expected}"
        assert candidate.metadata.extra.get("full_url") == (None if expected == "c" else f"{site.root}/c")


async def test_a_dot_that_counts_readers_is_no_picture(site: MisbehavingSite, fetcher: Fetcher) -> None:
    url = site.page("/p", "<img src=/dot.gif width=1 height=1><img src=blank.gif data-src=x.jpg width=1 height=1>")
    assert [candidate.url for candidate in await expanded(task_for(url, "page"), fetcher)] == [f"{site.root}/x.jpg"]


async def test_links_are_followed_on_the_same_site_and_within_depth(site: MisbehavingSite, fetcher: Fetcher) -> None:
    url = site.page(
        "/p",
        f"<a href=/one>1</a><a href=/one#again>1</a><a href={site.root}/two?x=1>2</a><a href=http://other.com/>o</a>"
        "<a href=/file.pdf>pdf</a><a href=/nf rel='nofollow ugc'>n</a><a href=mailto:a@b.c>m</a><a href=/p>self</a>"
        "<area href=/three>",
    )
    expected = [f"{site.root}/{path}" for path in ("one", "two?x=1", "three")]
    found = await expanded(task_for(url, "page"), fetcher)
    assert of_kind(found, "page") == expected
    assert {candidate.depth for candidate in found} == {1}
    assert of_kind(await expanded(task_for(url, "page", depth=1), fetcher), "page") == []
    deeper = await expanded(task_for(url, "page", depth=1, options={"depth": 2}), fetcher)
    assert of_kind(deeper, "page") == expected
    assert {candidate.depth for candidate in deeper} == {2}
    assert await expanded(task_for(url, "page", options={"depth": 0}), fetcher) == []


@pytest.mark.parametrize("directive", ["noindex", "noimageindex", "noai", "noimageai", "noml", "none", "NoAI, all"])
@pytest.mark.parametrize("where", ["meta", "header", "ours"])
async def test_owners_keep_their_pictures_out(
    site: MisbehavingSite, fetcher: Fetcher, directive: str, where: str
) -> None:
    name = "artalike" if where == "ours" else "robots"
    html = "<img src=x.jpg>" + ("" if where == "header" else f"<meta name={name} content='{directive}'>")
    url = site.page("/p", html, **({"X_Robots_Tag": directive} if where == "header" else {}))
    with pytest.raises(ParseError, match="its owner says") as caught:
        await expanded(task_for(url, "page"), fetcher)
    assert caught.value.kind is FailureKind.OPTED_OUT


async def test_links_of_a_page_without_pictures_for_us_are_still_followed(
    site: MisbehavingSite, fetcher: Fetcher
) -> None:
    url = site.page("/p", "<meta name=robots content=noindex><img src=x.jpg><a href=/two>2</a>")
    assert [(c.kind, c.url) for c in await expanded(task_for(url, "page"), fetcher)] == [("page", f"{site.root}/two")]


async def test_nofollow_keeps_links_out_and_not_pictures(site: MisbehavingSite, fetcher: Fetcher) -> None:
    url = site.page("/p", "<meta name=robots content=nofollow><img src=x.jpg><a href=/two>2</a>")
    assert [c.kind for c in await expanded(task_for(url, "page"), fetcher)] == ["image"]


async def test_directives_for_others_are_for_others(site: MisbehavingSite, fetcher: Fetcher) -> None:
    url = site.page("/p", "<meta name=googlebot content=noindex><img src=x.jpg>", X_Robots_Tag="bingbot: noindex")
    assert len(await expanded(task_for(url, "page"), fetcher)) == 1


@pytest.mark.parametrize(
    ("body", "content_type", "kind"),
    [
        (draw(1), "image/jpeg", "image"),
        (draw(1), "application/octet-stream", "image"),
        (draw(1), "text/html; charset=utf-8", "image"),
        (b"<?xml version='1.0'?>\n<!-- x --><!DOCTYPE x><s:urlset xmlns:s='x'></s:urlset>", "text/html", "sitemap"),
        (b'<?xml version="1.0"?><urlset xmlns="x"></urlset>', "text/xml", "sitemap"),
        (b"<sitemapindex></sitemapindex>", "application/xml", "sitemap"),
        (b"http://a.com/1.jpg\nhttp://a.com/2.jpg\n", "text/plain", "list"),
        (b"url,title\n", "text/csv", "list"),
        (b"PAR1...PAR1", "application/octet-stream", "list"),
    ],
)
async def test_an_address_that_promised_nothing_is_what_its_document_is(
    site: MisbehavingSite, fetcher: Fetcher, body: bytes, content_type: str, kind: str
) -> None:
    task = task_for(site.put("/x", body, content_type), "page", metadata=Metadata(title="Kept"))
    (candidate,) = await expanded(task, fetcher)
    assert (candidate.kind, candidate.url, candidate.metadata.title) == (kind, task.url, "Kept")


async def test_a_page_that_talks_of_sitemaps_is_a_page(site: MisbehavingSite, fetcher: Fetcher) -> None:
    url = site.page("/p", "<p>A sitemap begins with <urlset> and a list with http://</p><img src=x.jpg>")
    assert of_kind(await expanded(task_for(url, "page"), fetcher), "image") == [f"{site.root}/x.jpg"]


async def test_a_page_after_a_redirect_is_where_it_ended(site: MisbehavingSite, fetcher: Fetcher) -> None:
    site.pages["/old"] = Reply(b"", status=301, headers={"Location": "/new/page"})
    site.page("/new/page", "<img src=x.jpg><a href=two>2</a>")
    found = await expanded(task_for(f"{site.root}/old", "page"), fetcher)
    assert [c.url for c in found] == [f"{site.root}/new/x.jpg", f"{site.root}/new/two"]


async def test_the_root_of_a_site_leads_to_the_sitemaps_of_its_robots_txt(site: MisbehavingSite) -> None:
    site.robots = "User-agent: *\nDisallow:\nSitemap: /sitemap-art.xml"
    site.page("/", "<img src=x.jpg>")
    site.page("/inner", "<img src=x.jpg>")
    async with Fetcher.open(settings_for()) as fetcher:
        root = await expanded(task_for(f"{site.root}/", "page"), fetcher)
        inner = await expanded(task_for(f"{site.root}/inner", "page"), fetcher)
        alone = await expanded(task_for(f"{site.root}/", "page", options={"depth": 0}), fetcher)
    assert of_kind(root, "sitemap") == [f"{site.root}/sitemap-art.xml"]
    assert of_kind(inner, "sitemap") == of_kind(alone, "sitemap") == []


async def test_a_killed_page_goes_on_behind_its_cursor(site: MisbehavingSite, fetcher: Fetcher) -> None:
    url = site.page("/p", "".join(f"<img src={n}.jpg>" for n in range(5)))
    every = await expanded(task_for(url, "page"), fetcher)
    assert await expanded(task_for(url, "page", cursor="3"), fetcher) == every[3:]


async def test_a_saved_page_names_what_lies_beside_it_and_nothing_else(tmp_path: Path, fetcher: Fetcher) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "page.html").write_text(
        "<img src=page_files/1.jpg><img src=../secret.jpg><img src='file:///etc/secret.jpg'>"
        "<img src=%2e%2e/secret.jpg><img src='page_files/..%2f..%2fsecret.jpg'>"
        "<img src=http://a.com/2.jpg><a href=other.html>o</a>"
    )
    found = await expanded(task_for(urls.from_path(folder / "page.html"), "page"), fetcher)
    assert [c.url for c in found] == [urls.from_path(folder / "page_files" / "1.jpg"), "http://a.com/2.jpg"]


async def test_wrong_options_fail_the_page_and_not_the_process(site: MisbehavingSite, fetcher: Fetcher) -> None:
    with pytest.raises(ParseError, match="option depth"):
        await expanded(task_for(site.page("/p", "<p>"), "page", options={"depth": "x"}), fetcher)
