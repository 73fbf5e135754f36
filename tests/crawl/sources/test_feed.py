"""Feeds of every family, well made, badly made and hostile."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from artalike.crawl import urls
from artalike.crawl.fetcher import Fetcher
from artalike.crawl.sources import feed, feed_xml, source_for
from artalike.crawl.sources.feed_items import page_of, pictures_of
from artalike.crawl.sources.feed_xml import read_feed
from artalike.crawl.sources.xml_repair import repaired
from artalike.errors import FailureKind, ParseError
from artalike.records import Candidate, Task
from tests.crawl.conftest import expanded, of_kind, task_for, until_error
from tests.sites import MisbehavingSite

BASE: Final = "http://a.com/feed"
SIDE: Final = 1024
RSS: Final = (
    '<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:atom="http://www.w3.org/2005/Atom" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
    'xmlns:cc="http://backend.userland.com/creativeCommonsRssModule"><channel><title>The Museum</title>'
)


def rss(*items: str, about: str = "") -> str:
    return RSS + about + "".join(f"<item>{item}</item>" for item in items) + "</channel></rss>"


def pictures(document: str) -> list[Candidate]:
    read = read_feed(document.encode(), None, BASE)
    assert read is not None
    return [picture for item in read.items for picture in pictures_of(item, read.about, SIDE)]


async def found_of(site: MisbehavingSite, fetcher: Fetcher, body: str, **task: Any) -> list[Candidate]:
    url = site.put("/feed", body.encode(), "application/rss+xml")
    return await expanded(task_for(url, "feed", **task), fetcher)


def test_rss_with_media_says_who_made_what_and_when() -> None:
    (candidate,) = pictures(
        rss(
            """<title>Item</title><link>/wave</link><guid isPermaLink="false">tag:1</guid>
            <pubDate>Sat, 07 Sep 2002 09:42:31 GMT</pubDate><author>someone@a.com (Nobody)</author>
            <category>Prints</category><category>Sea &amp;amp; sky</category>
            <media:content url="/wave.jpg" type="image/jpeg" width="800" height="600">
              <media:title type="plain">The Great Wave</media:title>
              <media:credit role="artist">Hokusai</media:credit><media:credit role="publisher">The Museum</media:credit>
              <media:thumbnail url="/wave-s.jpg" width="75" height="75"/>
              <media:license type="text/html" href="http://creativecommons.org/publicdomain/zero/1.0/">CC0</media:license>
              <media:description type="html">&lt;b&gt;Under&lt;/b&gt; the wave</media:description>
            </media:content>""",
            about="<copyright>The Museum 2002</copyright><image><title>No</title><url>/logo.gif</url></image>",
        )
    )
    said = candidate.metadata
    assert (candidate.url, candidate.thumbnail_url) == ("http://a.com/wave.jpg", "http://a.com/wave-s.jpg")
    assert (said.title, said.creator, said.date) == ("The Great Wave", "Hokusai", "2002-09-07")
    assert said.rights == "http://creativecommons.org/publicdomain/zero/1.0/"
    assert (said.attribution, said.page_url) == ("The Museum", "http://a.com/wave")
    assert said.extra == {
        "description": "Under the wave",
        "keywords": ["Prints", "Sea & sky"],
        "guid": "tag:1",
        "feed": "The Museum",
    }


ATOM: Final = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:base="http://b.com/x/">
<title type="html">A &lt;b&gt;feed&lt;/b&gt;</title><rights>All rights</rights><author><name>House</name></author>
<entry><title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">The <em>Great</em> Wave</div></title>
 <link href="wave"/><link rel="enclosure" type="image/png" href="wave.png"/><id>urn:1</id>
 <author><name>Hokusai</name><email>h@b.com</email></author><author><name>Hiroshige</name></author>
 <published>1831-01-02T00:00:00Z</published><updated>2020-01-01T00:00:00Z</updated>
 <source><title>Elsewhere</title><author><name>Nobody</name></author></source></entry>
<entry><title>Fuji</title><link rel="alternate" href="/fuji"/><id>urn:2</id><updated>2021-01-01T00:00:00Z</updated>
 <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">1 &lt; 2
 <img src="a.jpg?x=1&amp;y=2" alt="Red &amp; Fuji"/>
 <img src="b.jpg"/></div></content></entry>
<entry><title>Out of line</title><id>http://b.com/three</id><content type="image/jpeg" src="c.jpg"/></entry>
</feed>"""


def test_atom_in_its_many_ways() -> None:
    wave, red, fuji, three = pictures(ATOM)
    assert (wave.url, wave.metadata.title) == ("http://b.com/x/wave.png", "The Great Wave")
    assert (wave.metadata.creator, wave.metadata.date) == ("Hokusai, Hiroshige", "1831-01-02")
    assert wave.metadata.page_url == "http://b.com/x/wave"
    assert (red.url, red.metadata.title) == ("http://b.com/a.jpg?x=1&y=2", "Red & Fuji")
    assert (fuji.url, fuji.metadata.title) == ("http://b.com/b.jpg", "Fuji")
    assert (fuji.metadata.creator, fuji.metadata.rights) == ("House", "All rights")
    assert (three.url, three.metadata.page_url) == ("http://b.com/x/c.jpg", "http://b.com/three")
    assert three.metadata.extra["feed"] == "A feed"


def test_rss_1_is_read() -> None:
    (candidate,) = pictures(
        """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
        xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/">
        <channel rdf:about="http://a.com/"><title>Site</title><items><rdf:Seq><rdf:li resource="http://a.com/1"/></rdf:Seq>
        </items></channel><image><url>logo.gif</url></image>
        <item rdf:about="http://a.com/1"><title>One</title><link>http://a.com/1</link><dc:creator>Hokusai</dc:creator>
        <dc:date>1831</dc:date><dc:rights>CC0</dc:rights>
        <content:encoded><![CDATA[<p>Text <img src="one.jpg" width="600"></p>]]></content:encoded></item></rdf:RDF>"""
    )
    said = candidate.metadata
    assert (candidate.url, said.title, said.creator) == ("http://a.com/one.jpg", "One", "Hokusai")
    assert (said.date, said.rights, said.extra["feed"]) == ("1831", "CC0", "Site")


IMG: Final = "<description>&lt;img src=/small.jpg&gt;</description>"


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ('<enclosure url="/1.jpg" type="image/jpeg" length="1"/>', ["1.jpg"]),
        ('<enclosure url="/1" type="image/jpeg"/><enclosure url="/2.mp3" type="audio/mpeg"/>', ["1"]),
        ('<enclosure url="/1.svg" type="image/svg+xml"/>', []),
        ('<media:content url="/1.jpg"/><media:content url="/2" medium="image"/>', ["1.jpg", "2"]),
        ('<media:content url="/1.mp4" medium="video"/><media:thumbnail url="/still.jpg"/>', ["still.jpg"]),
        ('<media:content url="/1.jpg"/><enclosure url="/1.jpg" type="image/jpeg"/>', ["1.jpg"]),
        ('<media:thumbnail url="/a" width="75"/><media:thumbnail url="/b" width="150"/>', ["b"]),
        ('<itunes:image href="/cover.jpg"/>', ["cover.jpg"]),
        ("<image><url>/1.jpg</url><title>No</title></image>", ["1.jpg"]),
        ('<media:content url="https://0.gravatar.com/avatar/x?s=96" medium="image"/>' + IMG, ["small.jpg"]),
        (IMG, ["small.jpg"]),
        ('<media:content url="/1.jpg"/>' + IMG, ["1.jpg"]),
        (
            '<media:content url="/1.jpg"/>'
            "<content:encoded><![CDATA[<img src=/1.jpg><img src=/2.jpg>]]></content:encoded>",
            ["1.jpg", "2.jpg"],
        ),
        ("<description>&lt;img src=/dot.gif width=1 height=1&gt; text</description>", []),
        ("<description>no markup</description>", []),
        ('<enclosure url="file:///etc/passwd.jpg"/><enclosure url="javascript:1" type="image/png"/>', []),
        ('<media:content url=""/><media:content/><enclosure/>', []),
    ],
)
def test_pictures_of_an_item_are_found(item: str, expected: list[str]) -> None:
    found = [candidate.url.replace("http://a.com/", "") for candidate in pictures(rss(item))]
    assert found == expected


def test_the_one_picture_of_an_article_is_a_small_version_of_the_one_that_is_named() -> None:
    (candidate,) = pictures(rss('<media:content url="/1.jpg"/>' + IMG))
    assert candidate.thumbnail_url == "http://a.com/small.jpg"


def test_of_several_sizes_the_smallest_that_is_large_enough_is_taken() -> None:
    sizes = "".join(
        f'<media:content url="/{side}.jpg" type="image/jpeg" width="{side}"/>' for side in (4000, 1200, 640)
    )
    (candidate,) = pictures(rss(f"<media:group>{sizes}<media:title>Wave</media:title></media:group>"))
    assert (candidate.url, candidate.metadata.title) == ("http://a.com/1200.jpg", "Wave")
    assert candidate.metadata.extra["full_url"] == "http://a.com/4000.jpg"


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ("<author>jane@a.com (Jane Doe)</author>", "Jane Doe"),
        ("<author>jane@a.com</author>", None),
        ("<dc:creator>Jane</dc:creator><dc:creator>John</dc:creator><dc:creator>Jane</dc:creator>", "Jane, John"),
        ("<author>x@a.com</author><itunes:author>Jane</itunes:author>", "Jane"),
    ],
)
def test_makers_are_named_without_their_addresses(author: str, expected: str | None) -> None:
    (candidate,) = pictures(rss(IMG + author))
    assert candidate.metadata.creator == expected


@pytest.mark.parametrize(
    "document",
    [
        f"\n  <?xml version='1.0'?>{rss(IMG)}",
        rss(IMG + "<title>Caf&eacute; &nbsp; & more &unknown; &#0;</title>"),
        rss(IMG).replace(' xmlns:media="http://search.yahoo.com/mrss/"', "") + "<!-- x -->",
        rss('<media:content url="/small.jpg"/><g:x>1</g:x>').replace(
            ' xmlns:media="http://search.yahoo.com/mrss/"', ""
        ),
        rss(IMG + "<title>\x08 control \x0b</title>"),
        rss(IMG + "<title><![CDATA[A & B]]> & C</title>"),
        f"<?xml version='1.0' encoding='utf-16'?>{rss(IMG + '<title>&hellip;</title>')}",
    ],
)
def test_common_mistakes_are_forgiven(document: str) -> None:
    assert [candidate.url for candidate in pictures(document)] == ["http://a.com/small.jpg"]


def test_repair_leaves_what_is_right_alone() -> None:
    right = '<a x="&lt;&amp;&quot;&#65;&#x41;"><![CDATA[&nbsp; & <b:c>]]>&apos;</a>'
    assert repaired(right).replace(' xmlns:b="urn:unknown:b"', "") == right
    assert repaired("<a>&nbsp;&lt&x;&;&#xD800;</a>") == "<a>\xa0&amp;lt&amp;x;&amp;;\ufffd</a>"
    assert repaired("<![CDATA[" * 50_000).startswith("<![CDATA[")


def test_entities_are_neither_expanded_nor_fetched(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(12))
    for definition in (f'<!ENTITY l11 SYSTEM "file://{tmp_path}/secret">', laughs):
        body = f"<!DOCTYPE rss [{definition}]>{rss(IMG + '<title>&l11;</title>')}"
        read = read_feed(body.encode(), None, BASE)
        titles = [item.first("title") or "" for item in read.items] if read else []
        assert all("secret" not in title and len(title) < 100 for title in titles)


def test_a_feed_is_read_up_to_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_xml, "MAX_ITEMS", 3)
    assert len(pictures(rss(*[IMG.replace("small", str(n)) for n in range(9)]))) == 3
    many = "".join(f'<media:content url="/{n}.jpg"/><category>{n}</category>' for n in range(500))
    found = pictures(rss(many))
    assert len(found) == len(found[0].metadata.extra["keywords"]) == feed_xml.MAX_VALUES
    long = "x" * 1_000_000
    read = read_feed(rss(f"<title>{long}</title>").encode(), None, BASE)
    assert read is not None
    assert len(read.items[0].first("title") or "") == feed_xml.MAX_FIELD


async def test_items_without_a_picture_lead_to_their_pages_within_depth(
    site: MisbehavingSite, fetcher: Fetcher
) -> None:
    when = "<pubDate>Sat, 07 Sep 2002 09:42:31 GMT</pubDate>"
    body = rss(
        f"<link>http://b.com/1</link>{when}", f"<link>/2</link>{IMG}", "<guid>http://b.com/3</guid>",
        "<link>/4.jpg</link>", "<link>javascript:1</link>", "<link>file:///etc/passwd</link>", "<title>None</title>",
    )  # fmt: skip
    found = await found_of(site, fetcher, body)
    pages = [candidate for candidate in found if candidate.kind == "page"]
    assert [page.url for page in pages] == ["http://b.com/1", "http://b.com/3"]
    assert [page.revision for page in pages] == ["Sat, 07 Sep 2002 09:42:31 GMT", None]
    assert {page.depth for page in pages} == {1}
    assert of_kind(found, "image") == [f"{site.root}/small.jpg", f"{site.root}/4.jpg"]
    assert of_kind(await found_of(site, fetcher, body, depth=1), "page") == []
    assert of_kind(await found_of(site, fetcher, body, options={"depth": 0}), "page") == []


@pytest.mark.parametrize(
    ("directives", "kinds"),
    [("noindex, follow", ["image"]), ("noai", ["page"]), ("nofollow", ["image"]), ("bingbot: none", ["image"])],
)
async def test_owners_keep_pictures_and_links_out(
    site: MisbehavingSite, fetcher: Fetcher, directives: str, kinds: list[str]
) -> None:
    url = site.put("/feed", rss(f"<link>/1</link>{IMG}").encode(), "application/rss+xml", X_Robots_Tag=directives)
    assert [candidate.kind for candidate in await expanded(task_for(url, "feed"), fetcher)] == kinds


async def test_a_feed_of_which_nothing_is_for_us_is_called_that(site: MisbehavingSite, fetcher: Fetcher) -> None:
    url = site.put("/feed", rss(f"<link>/1</link>{IMG}").encode(), "application/rss+xml", X_Robots_Tag="noai, nofollow")
    with pytest.raises(ParseError, match="its owner says") as caught:
        await expanded(task_for(url, "feed"), fetcher)
    assert caught.value.kind is FailureKind.OPTED_OUT


def pages_of(site: MisbehavingSite, count: int, *, per_page: int = 2) -> str:
    """A feed in pages, the newest first. Its address."""
    for page in range(count):
        items = [
            f'<guid>{page}-{n}</guid><enclosure type="image/jpeg" url="/p/{page}-{n}.jpg"/>' for n in range(per_page)
        ]
        following = f'<atom:link rel="next" href="/feed?page={page + 1}"/>'
        path = f"/feed?page={page}"
        site.put(path.partition("?")[0] + str(page), rss(*items, about=following.replace("?page=", "")).encode())
    return f"{site.root}/feed0"


async def test_a_feed_is_followed_page_by_page_to_its_end(site: MisbehavingSite, fetcher: Fetcher) -> None:
    url = pages_of(site, 3)
    site.pages["/feed2"].body = rss("<guid>2</guid>" + IMG).encode()
    found = await expanded(task_for(url, "feed"), fetcher)
    expected = ["p/0-0.jpg", "p/0-1.jpg", "p/1-0.jpg", "p/1-1.jpg", "small.jpg"]
    assert [candidate.url for candidate in found] == [f"{site.root}/{path}" for path in expected]
    assert {candidate.depth for candidate in found} == {0}


async def test_pages_without_end_come_to_an_end(
    site: MisbehavingSite, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MAX_PAGES", 4)
    url = pages_of(site, 9)
    assert len(await expanded(task_for(url, "feed"), fetcher)) == 8
    assert site.asked("/feed4") == 0
    for next_page in (url, f"{site.root}/feed0#2", "http://other.com/feed", "file:///etc/passwd"):
        site.put("/feed0", rss(IMG, about=f'<atom:link rel="next" href="{next_page}"/>').encode())
        assert len(await expanded(task_for(url, "feed"), fetcher)) == 1


async def test_a_killed_reading_goes_on_behind_its_cursor(site: MisbehavingSite, fetcher: Fetcher) -> None:
    url = pages_of(site, 3)
    site.pages["/feed2"].body = rss(*[IMG.replace("small", str(n)) for n in range(3)]).encode()
    batches = [found async for found in source_for("feed").expand(task_for(url, "feed"), fetcher)]
    every = [candidate for found in batches for candidate in found.candidates]
    assert len(every) == 7
    done = 0
    for found in batches[:-1]:
        done += len(found.candidates)
        assert await expanded(task_for(url, "feed", cursor=found.cursor), fetcher) == every[done:]
    assert site.asked("/feed0") == 2  # at the beginning, and behind the first batch


async def test_the_next_crawl_reads_on_only_to_what_was_there(site: MisbehavingSite, fetcher: Fetcher) -> None:
    url = pages_of(site, 3)
    site.pages["/feed2"].body = rss(IMG).encode()

    async def crawl(checkpoint: str | None) -> tuple[int, list[str | None]]:
        task = task_for(url, "feed")
        again = Task(**{name: getattr(task, name) for name in ("id", "seed_id", "seed_source", "kind", "url", "host")},
                     checkpoint=checkpoint, recheck=checkpoint is not None)  # fmt: skip
        before = len(site.log)
        found = [found async for found in source_for("feed").expand(again, fetcher)]
        assert {batch.recrawl for batch in found} <= {None, feed.RECRAWL}
        return len(site.log) - before, [batch.checkpoint for batch in found if batch.checkpoint]

    requests, checkpoints = await crawl(None)
    assert (requests, len(checkpoints)) == (4, 1)  # with robots.txt
    assert await crawl(checkpoints[0]) == (1, checkpoints)
    site.pages["/feed1"].body = site.pages["/feed0"].body.replace(b"/feed1", b"/feed2")
    site.put("/feed0", rss("<guid>new</guid>" + IMG, about='<atom:link rel="next" href="/feed1"/>').encode())
    assert (await crawl(checkpoints[0]))[0] == 2


@pytest.mark.parametrize(
    ("ttl", "expected"), [("", 3600), ("5", 3600), ("240", 14_400), ("99999999", 86_400), ("x", 3600), ("9" * 99, 3600)]
)
async def test_a_feed_is_worth_reading_again_by_the_hour_or_as_it_says(
    site: MisbehavingSite, fetcher: Fetcher, ttl: str, expected: float
) -> None:
    url = site.put("/feed", rss(IMG, about=f"<ttl>{ttl}</ttl>").encode())
    for depth, recrawl in ((0, expected), (1, None)):
        found = [found async for found in source_for("feed").expand(task_for(url, "feed", depth=depth), fetcher)]
        assert found[-1].recrawl == recrawl


async def test_broken_xml_gives_what_could_be_read_and_then_fails(site: MisbehavingSite, fetcher: Fetcher) -> None:
    url = site.put("/feed", rss(IMG, "<title>").replace("</item></channel></rss>", "").encode())
    found, error = await until_error(task_for(url, "feed"), fetcher)
    assert (len(found), error.kind) == (1, FailureKind.BAD_DOCUMENT)


async def test_a_page_where_a_feed_was_promised_is_read_as_a_page(site: MisbehavingSite, fetcher: Fetcher) -> None:
    url = site.page("/feed", "<img src=x.jpg>")
    (candidate,) = await expanded(task_for(url, "feed"), fetcher)
    assert (candidate.kind, candidate.url) == ("page", url)
    for body, content_type in ((b"text", "text/plain"), (b"", "application/rss+xml"), (b"<x/>", "text/xml")):
        with pytest.raises(ParseError, match="not a feed"):
            await expanded(task_for(site.put("/feed", body, content_type), "feed"), fetcher)


@pytest.mark.parametrize("body", [rss(IMG), ATOM, "<!-- x --><rdf:RDF xmlns='http://purl.org/rss/1.0/'></rdf:RDF>"])
async def test_an_address_that_promised_nothing_is_a_feed_when_there_is_one(
    site: MisbehavingSite, fetcher: Fetcher, body: str
) -> None:
    for content_type in ("text/xml", "text/html", "application/octet-stream"):
        task = task_for(site.put("/x", body.encode(), content_type), "page")
        (candidate,) = await expanded(task, fetcher)
        assert (candidate.kind, candidate.url) == ("feed", task.url)


async def test_a_local_feed_names_no_files(tmp_path: Path, fetcher: Fetcher) -> None:
    (tmp_path / "feed.xml").write_text(rss('<enclosure url="secret.jpg"/>', '<enclosure url="http://a.com/1.jpg"/>'))
    found = await expanded(task_for(urls.from_path(tmp_path / "feed.xml"), "feed"), fetcher)
    assert [candidate.url for candidate in found] == ["http://a.com/1.jpg"]


@given(
    st.one_of(
        st.binary(),
        st.text("<>/item:entrylk&;\"'= [!CDAT]", max_size=200).map(lambda text: (RSS + text).encode()),
        st.text(max_size=100).map(lambda text: rss(f"<title>{text}</title>", text).encode("utf-8", "replace")),
    )
)
@example(b"<rss>" + b"<item>" * 5000)
@example(ATOM.replace("1999/xhtml", "1999/xh}tml").encode())
@example(b"")
@example(rss("<content:encoded>" + "<b>" * 200 + "</b>" * 200 + "</content:encoded>").encode())
@example(rss("<link href='http://[::1'/><enclosure url='http://[::1'/><pubDate>Mon, 99 Foo 2020</pubDate>").encode())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_bytes_give_a_feed_or_none(data: bytes) -> None:
    read = read_feed(data, None, BASE)
    for item in read.items if read else []:
        assert read is not None
        assert all(urls.is_web(candidate.url) for candidate in pictures_of(item, read.about, SIDE))
        page = page_of(item, 1)
        assert page is None or urls.is_web(page.url)
    assert read is None or read.trouble is None or "\n" not in read.trouble
