"""Known hosts' own rules: which one counts, what a wrong file is told, and that they are kept."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from artalike import __version__
from artalike.crawl import hosts
from artalike.crawl.fetcher import Fetcher
from artalike.crawl.hosts import HostRule, HostRules
from artalike.crawl.slots import Slots
from artalike.errors import FailureKind, FetchError, SettingError
from tests.crawl.conftest import settings_for, task_for
from tests.sites import LoopbackResolver, MisbehavingSite

RULES = """
["api.example.org"]
rate = 5
["*.example.org"]
rate = 4
["*.deep.example.org"]
rate = 3
["BÜCHER.example"]
rate = 2
["127.0.0.1"]
rate = 1
["[::1]"]
rate = 0.5
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    return path


@pytest.mark.parametrize(
    ("host", "rate"),
    [
        ("api.example.org", 5),
        ("api.example.org:8443", 5),
        ("www.example.org", 4),
        ("www.example.org:8080", 4),
        ("a.b.example.org", 4),
        ("x.deep.example.org", 3),
        ("deep.example.org", 4),
        ("example.org", None),
        ("notexample.org", None),
        ("example.org.evil.test", None),
        ("xn--bcher-kva.example", 2),
        ("127.0.0.1:8000", 1),
        ("[::1]:8000", 0.5),
        ("[::1]", 0.5),
        ("", None),
    ],
)
def test_the_rule_that_fits_best_counts_at_every_port(file: Path, host: str, rate: float | None) -> None:
    rule = hosts.load(str(file)).of(host)
    assert (rule and rule.rate) == rate


def test_the_users_file_goes_before_ours(file: Path) -> None:
    ours = hosts.load().of("upload.wikimedia.org")
    assert ours is not None
    file.write_text('["*.wikimedia.org"]\nrate = 0.2')
    rules = hosts.load(str(file))
    assert rules.of("upload.wikimedia.org") == HostRule(rate=0.2)
    assert rules.of("api.artic.edu") == hosts.load().of("api.artic.edu") is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"crawl.host_rules = .*: No such file"),
        ("= 1", "not TOML"),
        ("[a", "not TOML"),
        ('["a.test"]\nspeed = 1', r"rules.toml: 'a.test'.speed: unknown key; expected one of rate, concurrency"),
        ('["a.test"]\nrate = "fast"', r"'a.test'.rate = 'fast': "),
        ('["a.test"]\nrate = -1', r"'a.test'.rate = -1: "),
        ('["a.test"]\nrate = inf', r"'a.test'.rate = inf: "),
        ('["a.test"]\nconcurrency = 0', r"'a.test'.concurrency = 0: "),
        ('["a.test"]\nheaders = { "X: y" = "1" }', "no header that may be added"),
        ('["a.test"]\nheaders = { Cookie = "a=b" }', "no header that may be added"),
        ('["a.test"]\nheaders = { Authorization = "Basic a" }', "no header that may be added"),
        ('["a.test"]\nheaders = { X = "a\\r\\nY: z" }', "no header that may be added"),
        ("rate = 1", r"'rate' = 1: "),
        ('["http://a.test"]', "expected a host's name"),
        ('["a.test:80"]\nrate = 1', None),
        ('["a.test:8080"]', "expected a host's name"),
        ('["a.test/x"]', "expected a host's name"),
        ('["a.*.test"]', "expected a host's name"),
        ('[""]', "expected a host's name"),
    ],
)
def test_a_wrong_file_is_told_what_is_wrong(file: Path, text: str | None, message: str | None) -> None:
    file.unlink() if text is None else file.write_text(text)
    if message is None:
        hosts.load(str(file))
        return
    with pytest.raises(SettingError, match=message) as caught:
        hosts.load(str(file))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_owners_ask_for_is_in_our_rules_with_its_source() -> None:
    rules = hosts.load()
    packaged = hosts._read(hosts.PACKAGED)
    assert all(rule.source.startswith("https://") for rule in packaged.values())
    limits = {
        "upload.wikimedia.org": (5, 2),
        "api.artic.edu": (1, 1),
        "www.artic.edu": (1, 1),
        "collectionapi.metmuseum.org": (80, 100),
    }
    for host, (rate, concurrency) in limits.items():
        rule = rules.of(host)
        assert rule is not None
        assert rule.rate is not None
        assert rule.concurrency is not None
        assert 0 < rule.rate <= rate
        assert rule.concurrency <= concurrency


def test_a_known_rule_stands_in_place_of_the_settings() -> None:
    known = HostRules({"a.test": HostRule(rate=0.5, concurrency=3)})
    slots = Slots(concurrency=1, rate=10, known=known)
    assert (slots.limit("a.test:8080"), slots.limit("b.test")) == (3, 1)
    slots.back_off("a.test:8080", 0)
    assert slots.statistics()[0].pause == 2


def test_what_a_rule_leaves_out_is_as_the_settings_say(file: Path) -> None:
    file.write_text('["*"]\n["a.test"]\nconcurrency = 3\n["*.test"]\nrate = 0')
    slots = Slots(concurrency=2, rate=10, known=hosts.load(str(file)))
    for host in ("a.test", "b.test", "api.artic.edu"):
        slots.back_off(host, 0)
    assert {state.host: (state.pause, state.limit) for state in slots.statistics()} == {
        "a.test": (0.1, 3),
        "b.test": (0, 2),
        "api.artic.edu": (0.1, 2),
    }


async def test_headers_are_sent_to_the_host_that_wants_them_and_to_no_other(site: MisbehavingSite, file: Path) -> None:
    file.write_text('["a.test"]\nrate = 0\nheaders = { "AIC-User-Agent" = "{user_agent}", Accept = "nonsense" }')
    settings = settings_for(crawl={"host_rules": str(file), "contact": "me@example.org"})
    async with Fetcher.open(settings, resolver=LoopbackResolver(site.port)) as fetcher:
        for name in ("a.test", "b.test"):
            await fetcher.image(task_for(site.picture(0, root=f"http://{name}")))
    sent = {(asked.host, asked.headers.get("AIC-User-Agent")) for asked in site.log}
    assert sent == {("a.test", f"artalike/{__version__} (+me@example.org)"), ("b.test", None)}
    assert all(asked.headers["Accept"] != "nonsense" for asked in site.log)


async def test_visitors_and_crawl_together_keep_what_an_owner_asks_for(site: MisbehavingSite, file: Path) -> None:
    file.write_text('["a.test"]\nrate = 20\nconcurrency = 1')
    settings = settings_for(crawl={"host_rules": str(file), "host_concurrency": 8})
    async with Fetcher.open(settings, resolver=LoopbackResolver(site.port)) as fetcher:
        await fetcher.image(task_for("http://a.test/picture/0.jpg"))
        await fetcher.query("http://a.test/picture/1.jpg")
        await fetcher.query("http://a.test/picture/2.jpg")
    times = site.times(host="a.test")
    assert times[-1] - times[0] > 0.95 * 3 / 20


async def test_a_file_that_is_not_there_is_a_wrong_setting() -> None:
    with pytest.raises(SettingError, match=r"crawl\.host_rules"):
        async with Fetcher.open(settings_for(crawl={"host_rules": "/nowhere.toml"})):
            pass


async def test_what_is_offered_to_programs_is_theirs_whatever_robots_txt_says_to_crawlers(
    site: MisbehavingSite, file: Path
) -> None:
    file.write_text('["127.0.0.1"]\nrate = 0\ninterfaces = ["/w/api.php", "/data/"]')
    site.robots = "User-agent: *\nDisallow: /w/\nDisallow: /data\nCrawl-delay: 0.3\n"
    for path in ("/w/api.php", "/w/api.phpx", "/w/index.php", "/data/1.json", "/database"):
        site.put(path, b"{}", "application/json")
    async with Fetcher.open(settings_for(crawl={"host_rules": str(file)})) as fetcher:
        started = time.monotonic()
        for path in ("/w/api.php?action=query", "/data/1.json"):
            await fetcher.document(site.root + path)
        assert time.monotonic() - started >= 0.3
        for path in ("/w/api.phpx", "/w/index.php", "/database", "/data"):
            with pytest.raises(FetchError) as caught:
                await fetcher.document(site.root + path)
            assert caught.value.kind is FailureKind.ROBOTS
