"""What a crawl looks like from the other side: measured by the sites, over fifty hosts at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from statistics import fmean
from typing import Final
from urllib.parse import urlsplit

import pytest

from artalike.crawl.fetcher import Fetcher
from artalike.errors import FetchError
from artalike.records import Candidate
from artalike.service import Service
from artalike.storage.catalog import Database
from artalike.storage.folder import DataFolder
from artalike.storage.seeds import CrawlQueue
from tests.city.city import City
from tests.city.street import House
from tests.crawl.conftest import settings_for as fetcher_settings
from tests.crawl.conftest import task_for
from tests.running import client, running, settings_for
from tests.storage.conftest import seed_with

RATE: Final = 4.0
"""Of the settings, for hosts that say nothing."""
SECONDS: Final = 6.0
SLACK: Final = 0.15
"""Seconds by which two requests may be pushed together on their way; a machine that stalls pushes more."""
TURNS: Final = 8
"""Of the event loop, from one request to a host to the next."""
IDLE_LAG: Final = 0.005
"""Seconds by which the event loop of a machine with nothing else to do may be late on average."""

RULES: Final = """
["*.known.test"]
rate = 8
concurrency = 1

["strict.test"]
rate = 2
concurrency = 1
"""


def street() -> list[House]:
    """Fifty hosts, and what each of them allows."""
    everyone, us = "User-agent: *\n", "User-agent: artalike\n"
    closed = ("/private/",)
    return [
        *(House(f"plain{n}.test", rate=RATE) for n in range(7)),
        *(House(f"slow{n}.test", rate=RATE, seconds=0.6) for n in range(3)),
        *(House(f"delay{n}.test", rate=2, robots=f"{everyone}Crawl-delay: 0.5\n") for n in range(4)),
        *(House(f"ours{n}.test", rate=1, robots=f"{everyone}Disallow: /\n\n{us}Crawl-delay: 1\n") for n in range(3)),
        *(House(f"paced{n}.test", rate=2, robots=f"{everyone}Request-rate: 2/1s\n") for n in range(2)),
        *(
            House(f"part{n}.test", rate=RATE, robots=f"{everyone}Disallow: /private/\n", forbidden=closed)
            for n in range(5)
        ),
        *(House(f"shut{n}.test", robots=f"{everyone}Disallow: /\n", forbidden=("/",)) for n in range(3)),
        *(House(f"unread{n}.test", robots=503 - 3 * n, forbidden=("/",)) for n in range(2)),
        *(House(f"absent{n}.test", rate=RATE, robots=status) for n, status in enumerate((401, 403, 410))),
        House("header.test", rate=RATE, page_says="noai, noimageai", forbidden=("/private/", "/0.jpg", "/1.jpg")),
        House("meta.test", rate=RATE, meta="noimageai", forbidden=("/private/", "/0.jpg", "/1.jpg")),
        House("meta-noindex.test", rate=RATE, meta="noimageindex", forbidden=("/private/", "/0.jpg", "/1.jpg")),
        *(House(f"kept{n}.test", rate=RATE, pictures_say="noai") for n in range(2)),
        *(House(f"busy{n}.test", rate=RATE, rest=1) for n in range(4)),
        *(House(f"moved{n}.test", rate=RATE, moved_to=f"part{n}.test") for n in range(2)),
        *(House(f"{n}.known.test", rate=8, concurrency=1) for n in range(2)),
        House("strict.test", rate=2, concurrency=1),
        House("upload.wikimedia.org", rate=5),
        House("api.artic.edu", rate=1, concurrency=1),
        House("www.artic.edu", rate=1, concurrency=1),
        House("collectionapi.metmuseum.org", rate=80, concurrency=8),
    ]


@pytest.mark.slow
async def test_fifty_hosts_are_asked_for_no_more_than_they_allow(tmp_path: Path) -> None:
    houses = street()
    assert len({house.name for house in houses}) == 50
    (tmp_path / "rules.toml").write_text(RULES)
    crawl = {"host_rate": RATE, "host_concurrency": 2, "host_rules": str(tmp_path / "rules.toml")}
    settings = settings_for(tmp_path / "data", crawl=crawl, download={"workers": 64})
    # Pages are asked for by themselves; of the other houses a list has all pictures, allowed or not.
    paged = [house for house in houses if house.page_says or house.meta]
    (tmp_path / "pictures.txt").write_text(
        "\n".join(address for house in houses if house not in paged for address in house.addresses)
    )
    async with City(*houses) as city, lag() as stalls:
        city.robots.update({house.name: house.robots for house in houses})
        async with running(settings, resolver=city.resolver) as service:
            for source in (str(tmp_path / "pictures.txt"), *(house.root for house in paged)):
                await service.add_seed(source)
            await asyncio.sleep(SECONDS)
            shown = await hosts_shown(service)
            states = service.fetcher.slots.statistics()

        slack = SLACK + 2 * max(stalls)
        for house in houses:
            assert house.excess(city) < slack, house.name
            assert city.at_once[house.name] <= house.concurrency, house.name
            assert not house.trespasses(city), house.name
            assert not house.too_early, house.name
            # Nothing was asked of anybody before what they have to say about that.
            assert next(asked.path for asked in city.log if asked.host == house.name) == "/robots.txt"
        # Politeness is no excuse for doing nothing; a busy machine is late at each of a request's turns of the loop.
        for house in houses:
            if house.rate and not (house.rest or house in paged or house.seconds > 0.1):
                between = 1 / house.rate + TURNS * fmean(stalls)
                wanted = min((SECONDS - 1.5) / between, house.pictures)
                assert len(city.asked(house.name)) >= 0.7 * wanted, (house.name, fmean(stalls))
    assert {"plain0.test", "busy0.test", "absent1.test", "api.artic.edu"} <= shown
    assert not shown & {house.name for house in houses if house.pictures_say or house in paged}
    assert {state.host for state in states} <= {house.name for house in houses}
    assert all(state.used <= state.limit for state in states if state.host == "api.artic.edu")


@pytest.mark.slow
async def test_a_new_seed_shows_its_first_picture_within_seconds_while_a_hundred_thousand_wait(tmp_path: Path) -> None:
    crowd = [House(f"crowd{n}.test", pictures=2000) for n in range(50)]
    newcomer = House("new.test", pictures=20)
    settings = settings_for(tmp_path / "data", crawl={"host_rate": 2, "host_concurrency": 2})
    folder = DataFolder(settings.storage.data)
    await asyncio.to_thread(folder.create)
    async with Database.open(folder.catalog) as database:
        waiting = [Candidate(f"{house.root}{n}.jpg") for house in crowd for n in range(house.pictures)]
        await seed_with(CrawlQueue(database), waiting)
    async with City(*crowd, newcomer) as city, running(settings, resolver=city.resolver) as service:
        async with asyncio.timeout(10):
            while len({asked.host for asked in city.log}) < 25:  # the crowd is under way
                await asyncio.sleep(0.02)
        assert service.stats()["pending"] > 99_000
        async with service.events.subscribe() as events:
            handed_in = time.monotonic()
            await service.add_seed(newcomer.root)
            async with asyncio.timeout(20):
                async for event in events:
                    if event.name == "image" and newcomer.name in str(event.data):
                        break
            assert time.monotonic() - handed_in < 5
        assert service.stats()["pending"] > 99_000


@pytest.mark.slow
async def test_a_host_that_says_only_503_is_found_a_pace_that_it_bears() -> None:
    """It tells no numbers, and refuses whatever is more than it can do; the crawler has no limit of its own."""
    weak = House("weak.test", bears=20, seconds=0.02)
    settings = fetcher_settings(crawl={"host_concurrency": 16}, download={"workers": 32})
    async with City(weak) as city, Fetcher.open(settings, resolver=city.resolver) as fetcher, lag() as stalls:

        async def crawl() -> None:
            while True:
                with suppress(FetchError):
                    await fetcher.image(task_for(f"{weak.root}{len(city.log) % 40}.jpg"))

        crawling = [asyncio.create_task(crawl()) for _ in range(16)]
        await asyncio.sleep(5)
        for each in crawling:
            each.cancel()
        await asyncio.gather(*crawling, return_exceptions=True)
    since = time.monotonic() - 3
    asked = sum(each.at > since for each in city.log) / 3
    refused = sum(at > since for at in weak.refused) / 3
    least = 5 * IDLE_LAG / max(fmean(stalls), IDLE_LAG)  # a busy machine looks like a slow host
    assert least < asked < 1.3 * weak.bears, (asked, refused, fmean(stalls))
    assert refused < 0.4 * asked, (asked, refused)


@asynccontextmanager
async def lag() -> AsyncIterator[list[float]]:
    """By how much the event loop is late, in seconds, every now and then: what the crawler cannot be blamed for."""
    late = [0.0]

    async def watch() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            late.append(time.monotonic() - before - 0.01)

    watching = asyncio.create_task(watch())
    try:
        yield late
    finally:
        watching.cancel()


async def hosts_shown(service: Service) -> set[str]:
    """The hosts of all pictures in the gallery."""
    found, path = set[str](), "/api/random?limit=200"
    async with client(service) as api:
        while path:
            page = await (await api.get(path)).json()
            found |= {str(urlsplit(image["url"]).hostname) for image in page["results"]}
            path = page["next"]
    return found
