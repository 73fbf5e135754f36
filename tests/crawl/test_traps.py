"""What is left alone of links that have no end, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artalike.crawl import traps, urls
from artalike.crawl.fetcher import Fetcher
from artalike.crawl.traps import followed, is_endless, without_session
from tests.crawl.conftest import expanded, of_kind, task_for
from tests.sites import MisbehavingSite

A = "http://a.com"


@pytest.mark.parametrize(
    "path",
    [
        "/a/a/a",
        "/x/a/a/a/y",
        "/a/b/a/b/a/b",
        "/x/a/b/c/a/b/c/a/b/c",
        "/about//about//about",
        "/a/b/a/a/c/a",
        "/" + "/".join(map(str, range(17))),
        "/?" + "&".join(f"p{n}={n}" for n in range(9)),
        "/" + "x" * 2000,
        "/calendar/2099/01",
        "/calendar/1900-01",
        "/de/kalender?datum=2050-01-01",
        "/events/2099-05",
        "/events.php?from=20990501",
        "/x?month=2099-01",
        "/x?day=1&month=12&year=9999",
        "/x?month=5&year=1492",
        "/calendar/2099%2F01",
    ],
)
def test_addresses_without_end_are_known(path: str) -> None:
    assert is_endless(A + path)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/a/a",
        "/a/b/a/b",
        "/2011/11/11/11-11-11",
        "/en/collection/paintings/dutch/17th-century/rembrandt/night-watch/details",
        "/search?q=a&page=3&department=11&from=1600&to=1700&type=print",
        "/collection?year=1492",
        "/exhibitions/1931",
        "/prevents/9999",
        "/objects/20990501",
        "/calendar/",
        "/calendar/2024/05?view=list",
        "/events/12345678",
        "/event/4711",
        "/events/4711?from=2024",
        "/events/opening-night-123456789",
        "/x?month=5",
    ],
)
def test_addresses_of_an_ordinary_site_are_not(path: str) -> None:
    assert not is_endless(A + path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/x?PHPSESSID=abc&id=3", "/x?id=3"),
        ("/x?id=3&jsessionid=1", "/x?id=3"),
        ("/x;jsessionid=0A1B?id=3", "/x?id=3"),
        ("/(S(abc123))/x", "/x"),
        ("/x?sessionid=1", "/x"),
        ("/x?ASPSESSIONIDQQ=1&session_id=2&osCsid=3&zenid=4&CFID=5&CFTOKEN=6", "/x"),
        ("/x?utm_source=a&utm_medium=b&fbclid=c&page=2", "/x?page=2"),
        ("/x?sid=0123456789abcdef0123", "/x"),
        ("/x?sid=12&s=monet&token=abc", "/x?sid=12&s=monet&token=abc"),
        ("/x?id=1;b&sessions=2024", "/x?id=1;b&sessions=2024"),
        ("/Monet_(painter)?x", "/Monet_(painter)?x"),
        ("/x", "/x"),
    ],
)
def test_who_asks_is_no_part_of_an_address(path: str, expected: str) -> None:
    assert without_session(A + path) == A + expected


def test_another_order_of_a_page_is_the_same_page() -> None:
    links = ["/list?sort=title", "/list?order=desc&sort=date", "/list?page=2", "/list?page=2&sort=title"]
    links += ["/list?b=1&a=2", "/list?a=2&b=1", "/list?view=grid&id=3", "/list", "/other?sort=title", "/other"]
    found = [link.removeprefix(A) for link in followed((A + link for link in links), f"{A}/list")]
    assert found == ["/list?page=2", "/list?b=1&a=2", "/list?view=grid&id=3", "/other?sort=title"]


def test_of_links_that_differ_in_their_queries_alone_some_are_followed() -> None:
    links = [f"{A}/list?id={n}" for n in range(1000)] + [f"{A}/item/{n}" for n in range(1000)]
    found = list(followed(links, f"{A}/"))
    assert len(found) == traps.MAX_VARIANTS + 1000


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=100))
def test_any_address_stays_one(path: str) -> None:
    try:
        url = urls.canonical(f"{A}/{path}")
    except ValueError:
        return
    is_endless(url)
    stripped = without_session(url)
    assert without_session(stripped) == stripped
    assert urls.origin_of(stripped) == A
    assert list(followed([url, url, stripped], f"{A}/")) in ([stripped], [])


async def test_a_page_leads_out_of_its_traps_and_keeps_its_pictures(site: MisbehavingSite, fetcher: Fetcher) -> None:
    endless = "/calendar/2099/12/x.jpg"
    url = site.page(
        "/calendar/",
        f"<img src={endless}><img src=/a/a/a/a/a.jpg><a href=/calendar/2099/12>next</a><a href=/a/a/a/>deeper</a>"
        "<a href='/rooms?PHPSESSID=1&amp;id=2'>room</a><a href='/rooms?id=2'>room</a><a href='?sort=date'>by date</a>",
    )
    found = await expanded(task_for(url, "page"), fetcher)
    assert of_kind(found, "image") == [f"{site.root}{endless}", f"{site.root}/a/a/a/a/a.jpg"]
    assert of_kind(found, "page") == [f"{site.root}/rooms?id=2"]
