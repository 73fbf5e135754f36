"""A site without end is crawled to an end."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from artalike.crawl.traps import MAX_ALIKE, YEARS_AHEAD
from tests.city.city import City
from tests.city.labyrinth import HOST, Labyrinth
from tests.running import running, settings_for, settled

ROOT = f"http://{HOST}/"


async def test_a_site_without_end_is_crawled_to_an_end(tmp_path: Path) -> None:
    last = datetime.now(UTC).year + YEARS_AHEAD
    async with City(Labyrinth(last)) as city, running(settings_for(tmp_path), resolver=city.resolver) as service:
        # Deep enough for the calendar to come to its last month, so that it is not depth that ends it.
        number = await service.add_seed(ROOT, options={"depth": 14})
        await settled(service)
        seed = await service.frontier.seed(number)
        asked = [asked.path for asked in city.asked(HOST)]
    assert (seed.state, seed.images, seed.failed, seed.error) == ("done", 1, 0, None)
    assert len(asked) == len(set(asked)) < 60
    months = [found[1] for path in asked if (found := re.fullmatch(r"/calendar/(\d+-\d+)", path))]
    assert max(months) == f"{last}-12"
    assert max(path.count("deeper") for path in asked) <= MAX_ALIKE
    # In another order a list is the list, and with another session a room is the room.
    assert sorted(path for path in asked if "?" in path) == ["/room?id=1", "/room?id=2"]


async def test_lists_that_lead_to_ever_more_lists_are_crawled_up_to_a_bound(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, crawl={"max_documents": 60})
    async with City(Labyrinth(2000, variants=99)) as city, running(settings, resolver=city.resolver) as service:
        number = await service.add_seed(f"{ROOT}list", options={"depth": 100})
        await settled(service)
        seed = await service.frontier.seed(number)
        asked = [asked.path for asked in city.asked(HOST)]
    assert (seed.state, seed.images) == ("done", 1)
    assert "60 documents" in (seed.error or "")
    assert len(asked) <= 62  # and the list itself, and its picture
    assert not any("sort=" in path for path in asked)
