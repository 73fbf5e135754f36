"""robots.txt, obeyed; and how politely a host is really asked, by its own count."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from artalike.crawl.fetcher import Fetcher
from artalike.crawl.robots import LONGEST_CRAWL_DELAY, MAX_BYTES, UNREACHABLE_SECONDS, Robots
from artalike.crawl.transport import Reply
from artalike.errors import FailureKind, FetchError
from tests.crawl.conftest import settings_for, task_for
from tests.sites import LoopbackResolver, MisbehavingSite
from tests.sites import Reply as SiteReply


class Server:
    """Answers for robots.txt, as the fetcher would."""

    def __init__(self, text: str = "", status: int = 200) -> None:
        self.text = text
        self.status = status
        self.retry_after: float | None = None
        self.error: FetchError | None = None
        self.asked: list[str] = []

    async def __call__(self, url: str) -> Reply:
        self.asked.append(url)
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return Reply(url, self.status, self.text.encode(), "text/plain", None, None, self.retry_after, frozenset())


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("text", "path", "allowed"),
    [
        ("", "/x", True),
        ("User-agent: *\nDisallow: /", "/x", False),
        ("User-agent: *\nDisallow:", "/x", True),
        ("User-agent: *\nDisallow: /private\nAllow: /private/art", "/private/art/1", True),
        ("User-agent: *\nDisallow: /private\nAllow: /private/art", "/private/x", False),
        ("User-agent: *\nDisallow: /*.gif$", "/a.gif", False),
        ("User-agent: *\nDisallow: /*.gif$", "/a.gif?x", True),
        ("User-agent: *\nDisallow: /\n\nUser-agent: artalike\nAllow: /", "/x", True),
        ("User-agent: Artalike\nDisallow: /x", "/x", False),
        ("User-agent: googlebot\nDisallow: /", "/x", True),
        ("User-agent: *\nDisallow: /a%3cd", "/a%3Cd", False),
        ("\ufeffUser-agent: *\r\nDisallow: /x\r\n", "/x", False),
        ("<html><body>Disallow: /</body></html>", "/x", True),
        ("\0\0\0", "/x", True),
        # Groups of one name are one; of several names all, however the line is written.
        (
            "User-agent: artalike\nDisallow: /a\n\nUser-agent: *\nDisallow: /b\n\nuser-agent:ARTALIKE\nDisallow: /c",
            "/c",
            False,
        ),
        ("User-agent: artalike\nDisallow: /a\n\nUser-agent: *\nDisallow: /b", "/b", True),
        ("User-agent: googlebot\nUser-agent: artalike\nDisallow: /x", "/x", False),
        ("User-agent: artalike/0.9\nDisallow: /x", "/x", False),
        ("User-agent: Mozilla/5.0 (compatible; Artalike/1.0)\nDisallow: /x", "/x", False),
        ("User-agent: googlebot, artalike # both\nDisallow: /x", "/x", False),
        ("User agent artalike\nDisallow /x", "/x", False),
        ("User-agent: * # all\nDisallow: /x", "/x", False),
        # Names that only begin like ours, or go on behind it, are others'.
        ("User-agent: *\nDisallow: /\n\nUser-agent: art\nAllow: /", "/x", False),
        ("User-agent: artalike-news\nDisallow: /", "/x", True),
        ("User-agent: smartalike\nDisallow: /", "/x", True),
        ("User-agent: *\nDisallow: /x # nobody", "/x", False),
        ("User-agent: *\nDisallow: /ä", "/%C3%A4", False),
        ("User-agent: *\nDisallow: /a\nAllow: /a", "/a", True),
        ("User-agent: *\nDisallow: /\nAllow: /$", "/", True),
        ("User-agent: *\nDisallow: /\nAllow: /$", "/x", False),
        ("User-agent: *\nDisallow: /?sid=", "/?sid=1", False),
        ("User-agent: *\nDisallow: /", "/robots.txt", True),
        ("Disallow: /x\nUser-agent: *\n", "/x", True),
        ("User-agent: *\nUser-agent:\nDisallow: /x", "/x", False),
    ],
)
async def test_rules_are_read_as_rfc_9309_has_them(text: str, path: str, allowed: bool) -> None:
    robots = Robots(Server(text), hours=24)
    rules = await robots.rules("http://example.com/")
    assert rules.allows(f"http://example.com{path}") is allowed


async def test_what_is_forbidden_fails_for_good() -> None:
    robots = Robots(Server("User-agent: *\nDisallow: /"), hours=24)
    with pytest.raises(FetchError) as caught:
        await robots.check("http://example.com/x")
    assert (caught.value.kind, caught.value.retryable) == (FailureKind.ROBOTS, False)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 304])
async def test_a_missing_robots_txt_allows_all(status: int) -> None:
    assert (await Robots(Server("x", status), hours=24).rules("http://example.com/x")).allows("http://example.com/x")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 599])
async def test_an_unreadable_robots_txt_allows_nothing_for_now(status: int) -> None:
    with pytest.raises(FetchError) as caught:
        await Robots(Server("", status), hours=24).rules("http://example.com/x")
    assert (caught.value.kind, caught.value.retryable) == (FailureKind.ROBOTS_UNREACHABLE, True)


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        (FetchError(FailureKind.BAD_URL, "redirects to nonsense"), FailureKind.ROBOTS_UNREACHABLE, True),
        (FetchError(FailureKind.DNS, "no such name"), FailureKind.DNS, False),
        (FetchError(FailureKind.CONNECTION, "reset", retryable=True), FailureKind.CONNECTION, True),
        (FetchError(FailureKind.PRIVATE_ADDRESS, "redirects inside"), FailureKind.PRIVATE_ADDRESS, False),
    ],
)
async def test_what_hits_robots_txt_alone_is_told_from_what_hits_the_host(
    error: FetchError, kind: FailureKind, retryable: bool
) -> None:
    server = Server()
    server.error = error
    with pytest.raises(FetchError) as caught:
        await Robots(server, hours=24).rules("http://example.com/x")
    assert (caught.value.kind, caught.value.retryable) == (kind, retryable)


async def test_a_retry_after_is_waited_for_before_the_next_look() -> None:
    server, clock = Server("", 503), Clock()
    server.retry_after = 600.0
    robots = Robots(server, hours=24, clock=clock)
    for clock.now in (0.0, 599.0, 600.0):
        with pytest.raises(FetchError) as caught:
            await robots.rules("http://example.com/x")
    assert caught.value.retry_after == 600
    assert len(server.asked) == 2


async def test_too_many_redirects_count_as_missing() -> None:
    server = Server()
    server.error = FetchError(FailureKind.REDIRECT_LOOP, "round and round")
    assert (await Robots(server, hours=24).rules("http://example.com/x")).allows("http://example.com/x")


async def test_an_unreachable_site_keeps_its_own_cause_and_is_left_alone_for_a_while() -> None:
    server, clock = Server("User-agent: *\nDisallow: /x"), Clock()
    server.error = FetchError(FailureKind.DNS, "no such name", retryable=True)
    robots = Robots(server, hours=24, clock=clock)
    for elapsed in (0.0, 20.0):
        clock.now = elapsed
        with pytest.raises(FetchError) as caught:
            await robots.rules("http://example.com/")
        assert caught.value.kind is FailureKind.DNS
        # Who tries again does so when there is something new to learn.
        assert caught.value.retry_after == UNREACHABLE_SECONDS - elapsed
    assert len(server.asked) == 1
    server.error, clock.now = None, UNREACHABLE_SECONDS
    assert not (await robots.rules("http://example.com/")).allows("http://example.com/x")


async def test_an_old_copy_counts_while_the_site_is_out_of_reach() -> None:
    server, clock = Server("User-agent: *\nDisallow: /x"), Clock()
    robots = Robots(server, hours=1, clock=clock)
    await robots.rules("http://example.com/")
    clock.now, server.status = 3601.0, 503
    assert not (await robots.rules("http://example.com/")).allows("http://example.com/x")
    assert len(server.asked) == 2


async def test_a_copy_is_kept_for_its_hours_by_origin() -> None:
    server, clock = Server(), Clock()
    robots = Robots(server, hours=1, clock=clock)
    for url in ("http://a.com/1", "http://a.com/2?x", "https://a.com/", "http://a.com:8080/", "http://b.com/"):
        await robots.rules(url)
    origins = ["http://a.com", "https://a.com", "http://a.com:8080", "http://b.com"]
    assert server.asked == [f"{origin}/robots.txt" for origin in origins]
    clock.now = 3600.0
    await robots.rules("http://a.com/3")
    assert len(server.asked) == 5


async def test_callers_at_the_same_time_share_one_request() -> None:
    server = Server()
    robots = Robots(server, hours=1)
    await asyncio.gather(*(robots.rules(f"http://a.com/{n}") for n in range(50)))
    assert len(server.asked) == 1


async def test_when_the_first_of_them_is_cancelled_the_next_asks() -> None:
    server = Server("User-agent: *\nDisallow: /x")
    robots = Robots(server, hours=1)
    first, second = (asyncio.create_task(robots.rules("http://a.com/x")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert not (await second).allows("http://a.com/x")


async def test_the_cache_is_bounded() -> None:
    robots = Robots(Server(), hours=1, capacity=10)
    for number in range(100):
        await robots.rules(f"http://host{number}.com/")
    assert len(robots._entries) == 10


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("Crawl-delay: 2.5", 2.5),
        ("Crawl-delay: 1000000", LONGEST_CRAWL_DELAY),
        ("Crawl-delay: -1", 0),
        ("Crawl-delay: inf", 0),
        ("Crawl-delay: nan", 0),
        ("Crawl-delay: soon", 0),
        ("Request-rate: 1/5", 5),
        ("Request-rate: 1/" + "9" * 4000, LONGEST_CRAWL_DELAY),
        ("Request-rate: 30/1m\nCrawl-delay: 1", 2),
        ("", 0),
    ],
)
async def test_the_crawl_delay_is_read_and_bounded(text: str, delay: float) -> None:
    rules = await Robots(Server(f"User-agent: *\n{text}"), hours=1).rules("http://a.com/")
    assert rules.crawl_delay == delay


async def test_names_times_rules_cost_no_more_than_names_and_rules() -> None:
    """Half a megabyte of crawlers' names and of rules for all of them; each rule for each name would be 10^8."""
    names = "".join(f"User-agent: a{number}\n" for number in range(12_000))
    rules = "".join(f"Disallow: /{number}\n" for number in range(12_000))
    async with asyncio.timeout(5):
        read = await Robots(Server(f"{names}User-agent: *\n{rules}"), hours=1).rules("http://a.com/")
    assert not read.allows("http://a.com/77")


async def test_wildcards_that_take_long_hold_up_nobody_else() -> None:
    robots = Robots(Server("User-agent: *\n" + "Disallow: /*ab*c*d$\n" * 5000), hours=1)
    await robots.rules("http://a.com/")
    late = []

    async def watch() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.001)
            late.append(time.monotonic() - before)

    watching = asyncio.create_task(watch())
    started = time.monotonic()
    await robots.check("http://a.com/" + "a" * 7000)
    watching.cancel()
    assert max(late) < (time.monotonic() - started) / 3


async def test_sitemaps_are_found_whoever_they_are_for() -> None:
    text = "Sitemap: http://A.com/one.xml\nUser-agent: x\nDisallow: /\nSitemap: /two.xml\nSitemap: javascript:x\n"
    rules = await Robots(Server(text + "Sitemap: file:///etc/passwd\n"), hours=1).rules("http://a.com/")
    assert rules.sitemaps == ("http://a.com/one.xml", "http://a.com/two.xml")


async def test_what_is_forbidden_is_never_asked_for(site: MisbehavingSite, fetcher: Fetcher) -> None:
    site.robots = "User-agent: *\nDisallow: /picture/1"
    await fetcher.image(task_for(site.picture(0)))
    for get in (fetcher.image(task_for(site.picture(1))), fetcher.document(site.picture(1))):
        with pytest.raises(FetchError) as caught:
            await get
        assert caught.value.kind is FailureKind.ROBOTS
    assert [asked.path for asked in site.log] == ["/robots.txt", "/picture/0.jpg"]


async def test_a_redirect_asks_the_robots_txt_of_the_host_it_leads_to(site: MisbehavingSite, fetcher: Fetcher) -> None:
    site.robots = "User-agent: *\nDisallow: /picture/"
    site.pages["/go"] = SiteReply(b"", status=302, headers={"Location": "http://b.test/picture/0.jpg"})
    with pytest.raises(FetchError) as caught:
        await fetcher.image(task_for("http://a.test/go"))
    assert caught.value.kind is FailureKind.ROBOTS
    assert [(asked.host, asked.path) for asked in site.log] == [
        ("a.test", "/robots.txt"),
        ("a.test", "/go"),
        ("b.test", "/robots.txt"),
    ]


async def test_a_huge_robots_txt_is_read_up_to_the_cap(site: MisbehavingSite, fetcher: Fetcher) -> None:
    filler = "# nothing\n" * (MAX_BYTES // 10)
    site.robots = f"User-agent: *\nDisallow: /picture/0\n{filler}Disallow: /picture/1\n"
    await fetcher.image(task_for(site.picture(1)))
    with pytest.raises(FetchError):
        await fetcher.image(task_for(site.picture(0)))


async def test_the_rate_is_kept_at_the_hosts_own_door(site: MisbehavingSite) -> None:
    rate = 20.0
    names = ("a.test", "b.test")
    settings = settings_for(crawl={"host_rate": rate, "host_concurrency": 4})
    async with Fetcher.open(settings, resolver=LoopbackResolver(site.port)) as fetcher:
        await asyncio.gather(
            *(fetcher.image(task_for(site.picture(n, root=f"http://{name}"))) for n in range(6) for name in names)
        )
    for name in names:
        gaps = [later - earlier for earlier, later in pairwise(site.times(host=name))]
        assert len(gaps) == 6  # robots.txt is the seventh request
        assert min(gaps) > 0.6 / rate  # what a busy machine may shift on the way
        assert sum(gaps) > 0.95 * len(gaps) / rate


async def test_a_crawl_delay_is_kept_without_a_rate(site: MisbehavingSite) -> None:
    site.robots = "User-agent: *\nCrawl-delay: 0.1"
    async with Fetcher.open(settings_for(crawl={"host_concurrency": 8})) as fetcher:
        await asyncio.gather(*(fetcher.image(task_for(site.picture(n))) for n in range(4)))
    times = site.times()
    assert times[-1] - times[0] > 0.95 * 4 * 0.1


async def test_no_host_is_asked_for_more_at_once_than_allowed(site: MisbehavingSite) -> None:
    site.hold_seconds = 0.02
    names = [f"host{n}.test" for n in range(4)]
    async with Fetcher.open(
        settings_for(crawl={"host_concurrency": 2}), resolver=LoopbackResolver(site.port)
    ) as fetcher:
        await asyncio.gather(
            *(fetcher.image(task_for(site.picture(n, root=f"http://{name}"))) for n in range(6) for name in names)
        )
    assert {name: site.at_once[name] for name in names} == dict.fromkeys(names, 2)


async def test_long_files_are_not_kept_for_all_sites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artalike.crawl.robots.CACHED_CHARACTERS", 1000)
    server = Server("# " + "x" * 300)
    robots = Robots(server, hours=1)
    for number in range(8):
        await robots.rules(f"http://{number}.example/")
    assert len(robots._entries) <= 4
    await robots.rules("http://7.example/")
    assert len(server.asked) == 8


async def test_what_is_remembered_of_a_failure_holds_nothing_of_what_was_received() -> None:
    server = Server()
    server.error = FetchError(FailureKind.TIMEOUT, "no answer")
    robots = Robots(server, hours=1)
    with pytest.raises(FetchError):
        await robots.rules("http://a.example/")
    [entry] = robots._entries.values()
    assert isinstance(entry.answer, FetchError)
    assert entry.answer.__traceback__ is None
    assert entry.answer.__cause__ is None
