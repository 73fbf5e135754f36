"""Sitemaps and their indexes, whole, torn and hostile."""

from __future__ import annotations

import gzip
import io
import resource
from collections import deque
from pathlib import Path
from typing import BinaryIO, ClassVar, cast

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from artalike.crawl import urls
from artalike.crawl.fetcher import Fetcher
from artalike.crawl.sources import source_for
from artalike.crawl.sources.sitemap import MAX_NESTING
from artalike.crawl.sources.sitemap_xml import xml_entries
from artalike.errors import FailureKind, ParseError
from tests.crawl.conftest import expanded, of_kind, settings_for, task_for, until_error
from tests.sites import MisbehavingSite

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
    'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">'
)
TWO_PAGES = f"{HEAD}<url><loc>http://a.com/1</loc></url><url><loc>http://a.com/2</loc></url></urlset>"
IMAGES = f"""{HEAD}
<url><loc>
  http://a.com/wave </loc><lastmod>2024-01-01</lastmod>
  <image:image><image:loc>http://cdn.com/1.jpg</image:loc><image:title>The &lt;b&gt;Great&lt;/b&gt; Wave</image:title>
    <image:license>https://creativecommons.org/publicdomain/zero/1.0/</image:license></image:image>
  <image:image><image:loc>/2.jpg?a=1&amp;b=2</image:loc><image:caption><![CDATA[Fuji &amp; <i>sea</i>]]></image:caption>
    <image:geo_location>Edo</image:geo_location></image:image>
</url></urlset>"""


async def found_of(site: MisbehavingSite, fetcher: Fetcher, body: str | bytes, name: str = "sitemap.xml", **task):  # type: ignore[no-untyped-def]
    url = site.put(f"/{name}", body.encode() if isinstance(body, str) else body, "application/xml")
    return await expanded(task_for(url, "sitemap", **task), fetcher)


@pytest.mark.parametrize("packed", [False, True])
async def test_pages_are_found_whose_links_will_not_be_followed(
    site: MisbehavingSite, fetcher: Fetcher, packed: bool
) -> None:
    body = gzip.compress(TWO_PAGES.encode()) if packed else TWO_PAGES
    found = await found_of(site, fetcher, body)
    assert [(c.kind, c.url) for c in found] == [("page", "http://a.com/1"), ("page", "http://a.com/2")]
    assert {candidate.depth for candidate in found} == {fetcher.settings.crawl.depth}
    assert {c.depth for c in await found_of(site, fetcher, body, options={"depth": 4})} == {4}


async def test_pictures_are_found_with_what_is_said_of_them(site: MisbehavingSite, fetcher: Fetcher) -> None:
    page, first, second = await found_of(site, fetcher, IMAGES)
    assert (page.kind, page.url) == ("page", "http://a.com/wave")
    assert (first.url, first.metadata.title) == ("http://cdn.com/1.jpg", "The Great Wave")
    assert first.metadata.rights == "https://creativecommons.org/publicdomain/zero/1.0/"
    assert (second.url, second.metadata.title) == (f"{site.root}/2.jpg?a=1&b=2", "Fuji & sea")
    assert second.metadata.extra == {"geo_location": "Edo"}
    assert first.metadata.page_url == second.metadata.page_url == "http://a.com/wave"


async def test_an_index_leads_to_its_sitemaps(site: MisbehavingSite, fetcher: Fetcher) -> None:
    body = "<sitemapindex><sitemap><loc>http://a.com/1.xml</loc></sitemap><sitemap><loc>/2.gz</loc></sitemap></sitemapindex>"
    found = await found_of(site, fetcher, body)
    assert of_kind(found, "sitemap") == ["http://a.com/1.xml", f"{site.root}/2.gz"]
    assert {candidate.depth for candidate in found} == {1}


async def test_what_a_sitemap_says_of_the_last_change_is_the_revision(site: MisbehavingSite, fetcher: Fetcher) -> None:
    dated = "<lastmod> 2024-01-01T10:00:00Z </lastmod>"
    entries = f"<url><loc>/1</loc>{dated}</url><url><loc>/2</loc></url><url>{dated}<loc>/3.jpg</loc></url>"
    page, undated, picture = await found_of(site, fetcher, f"{HEAD}{entries}</urlset>")
    index = f"<sitemapindex><sitemap><loc>/1.xml</loc>{dated}</sitemap></sitemapindex>"
    (nested,) = await found_of(site, fetcher, index)
    assert {c.revision for c in (page, picture, nested)} == {"2024-01-01T10:00:00Z"}
    assert undated.revision is None
    (endless,) = await found_of(site, fetcher, index.replace("2024", "2" * 5000))
    assert len(endless.revision or "") < 100


async def test_a_sitemap_is_worth_reading_again_by_the_day(site: MisbehavingSite, fetcher: Fetcher) -> None:
    url = site.put("/sitemap.xml", TWO_PAGES.encode())
    for depth, expected in ((0, 86_400), (1, None)):
        task = task_for(url, "sitemap", depth=depth)
        assert [found.recrawl async for found in source_for("sitemap").expand(task, fetcher)] == [expected]


async def test_a_feed_in_place_of_a_sitemap_is_read_as_a_feed(site: MisbehavingSite, fetcher: Fetcher) -> None:
    (candidate,) = await found_of(site, fetcher, '<rss version="2.0"><channel></channel></rss>', depth=1)
    assert (candidate.kind, candidate.url, candidate.depth) == ("feed", f"{site.root}/sitemap.xml", 0)


async def test_indexes_within_indexes_come_to_an_end(site: MisbehavingSite, fetcher: Fetcher) -> None:
    with pytest.raises(ParseError, match="indexes around it"):
        await found_of(site, fetcher, TWO_PAGES, depth=MAX_NESTING + 1)


async def test_a_plain_list_of_addresses_is_a_sitemap(site: MisbehavingSite, fetcher: Fetcher) -> None:
    body = "\ufeffhttp://a.com/1\r\n\r\nhttp://a.com/2.jpg\nnot an address\nhttp://a.com/3"
    found = await found_of(site, fetcher, body, "sitemap.txt")
    assert of_kind(found, "page") == ["http://a.com/1", "http://a.com/3"]
    assert of_kind(found, "image") == ["http://a.com/2.jpg"]


async def test_a_local_sitemap_is_read(tmp_path: Path, fetcher: Fetcher) -> None:
    (tmp_path / "sitemap.xml.gz").write_bytes(gzip.compress(TWO_PAGES.encode()))
    found = await expanded(task_for(urls.from_path(tmp_path / "sitemap.xml.gz"), "sitemap"), fetcher)
    assert len(found) == 2


@pytest.mark.parametrize(
    "body",
    [
        f"\n\n  {TWO_PAGES}",
        TWO_PAGES.replace('xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" ', ""),
        TWO_PAGES.replace("sitemaps.org/schemas/sitemap/0.9", "google.com/schemas/sitemap/0.84"),
        TWO_PAGES.encode("utf-8-sig"),
        TWO_PAGES.replace("UTF-8", "UTF-16").encode("utf-16"),
        TWO_PAGES.replace("UTF-8", "ISO-8859-1").encode("latin-1"),
        TWO_PAGES.replace("<url>", "<url><!-- x --><xhtml:link xmlns:xhtml='x' href='http://a.com/de'/>"),
    ],
)
async def test_common_mistakes_are_forgiven(site: MisbehavingSite, fetcher: Fetcher, body: str | bytes) -> None:
    assert of_kind(await found_of(site, fetcher, body), "page") == ["http://a.com/1", "http://a.com/2"]


async def test_broken_xml_gives_what_could_be_read_and_then_fails(site: MisbehavingSite, fetcher: Fetcher) -> None:
    url = site.put("/sitemap.xml", TWO_PAGES.replace("</urlset>", "<url><loc>http://a.com/3</wrong>").encode())
    found, error = await until_error(task_for(url, "sitemap"), fetcher)
    assert error.kind is FailureKind.BAD_DOCUMENT
    assert [candidate.url for candidate in found] == ["http://a.com/1", "http://a.com/2"]


@pytest.mark.parametrize(
    "body", ["<html><body>Not found</body></html>", "<x></x>", "", "not a sitemap", "<", "<!DOCTYPE html><p>x</p>"]
)
async def test_what_is_no_sitemap_is_called_that(site: MisbehavingSite, fetcher: Fetcher, body: str) -> None:
    with pytest.raises(ParseError):
        await found_of(site, fetcher, body)


async def test_entities_are_neither_expanded_nor_fetched(
    site: MisbehavingSite, fetcher: Fetcher, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    external = f'<!DOCTYPE urlset [<!ENTITY x SYSTEM "file://{tmp_path}/secret"><!ENTITY y SYSTEM "{site.root}/dtd">]>'
    body = "<urlset><url><loc>http://a.com/&x;&y;</loc></url></urlset>"
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(12))
    bomb = f"<!DOCTYPE urlset [{laughs}]><urlset><url><loc>http://a.com/&l11;</loc></url></urlset>"
    for hostile in (external + body, bomb):
        try:
            found = await found_of(site, fetcher, hostile)
        except ParseError:
            found = []
        assert all("secret" not in c.url and len(c.url) < 100 for c in found)
    assert site.asked("/dtd") == 0


async def test_files_of_this_machine_are_not_named_from_the_web(site: MisbehavingSite, fetcher: Fetcher) -> None:
    body = TWO_PAGES.replace("http://a.com/1", "file:///etc/passwd")
    assert [c.url for c in await found_of(site, fetcher, body)] == ["http://a.com/2"]


async def test_a_killed_expansion_goes_on_right_behind_its_entry(site: MisbehavingSite, fetcher: Fetcher) -> None:
    every = await found_of(site, fetcher, IMAGES)
    for done in range(len(every) + 1):
        assert await found_of(site, fetcher, IMAGES, cursor=str(done)) == every[done:]


async def test_a_sitemap_that_unpacks_to_too_much_is_refused(site: MisbehavingSite) -> None:
    body = gzip.compress((HEAD + " " * 3_000_000 + "</urlset>").encode())
    async with Fetcher.open(settings_for(download={"max_document_bytes": 1_000_000})) as fetcher:
        with pytest.raises(ParseError) as caught:
            await found_of(site, fetcher, body)
    assert caught.value.kind is FailureKind.TOO_LARGE


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="measures memory as Linux tells it")
def test_a_huge_sitemap_takes_little_memory() -> None:
    class Long(io.RawIOBase):
        """Sixteen megabytes of entries, and of elements that mean nothing, without an end."""

        left = 16_000_000
        sizes: ClassVar[list[int]] = []

        def read(self, size: int = -1) -> bytes:
            self.sizes.append(int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize())
            if len(self.sizes) == 1:
                return HEAD.encode()
            self.left -= size
            entry = b"<url><loc>http://a.com/1</loc><x><y/></x></url><junk a='b'/>"
            return entry * (size // len(entry)) if self.left > 0 else b""

    stream = Long()
    with pytest.raises(ParseError, match="broken XML"):
        deque(xml_entries(cast("BinaryIO", stream), "long"), maxlen=0)
    assert len(stream.sizes) > 200
    # A tree of it would take more than a hundred.
    assert max(stream.sizes) - stream.sizes[0] < 20_000_000


@given(
    st.one_of(
        st.binary(),
        st.binary().map(lambda data: HEAD.encode() + data),
        st.text("<>/urlsetlocimage:&;\"'= ", max_size=300).map(lambda text: (HEAD + text).encode()),
    )
)
@example(b"<urlset>\x00</urlset>")
@example(b"<urlset><loc/></urlset>")
@example(b"<urlset><image><loc>x</loc></image></urlset>")
@example(b"<" + b"a" * 100_000)
@example(b"<a>" * 1000)
@example(b"<urlset>" + b"<a>" * 100_000)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_bytes_give_entries_or_a_parse_error(data: bytes) -> None:
    message = ""
    try:
        list(xml_entries(io.BytesIO(data), "sitemap"))
    except ParseError as error:
        message = str(error)
    assert "\n" not in message
