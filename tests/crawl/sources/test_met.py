"""The Met's objects become pictures, once each, and on another crawl only what has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from artalike.crawl.sources.met import numbers_of, pictures_of
from artalike.errors import FailureKind, ParseError
from artalike.records import SeedState
from tests.city.city import City
from tests.city.met import API, BASE, IMAGES, Met, record
from tests.crawl.conftest import task_for
from tests.crawl.sources.visits import (
    BEFORE,
    absurd,
    addresses,
    anything,
    batches,
    check_all,
    collected,
    reaching,
    root,
)
from tests.running import running, settings_for, settled

AT_HOME = {"met": BASE}
LISTING = "/public/collection/v1/objects"


async def test_the_open_objects_of_a_department_arrive_with_all_that_is_said_of_them(tmp_path: Path) -> None:
    house = Met(
        [
            record(1, further=2),
            record(2),
            record(3, public=False),
            record(4, pictured=False),
            record(5, department="Asian Art"),
        ],
        missing=[6],
    )
    house.once = {LISTING: (500, {}), f"{LISTING}/2": (429, {"Retry-After": "1"})}
    async with City(house) as city:
        settings = settings_for(tmp_path, museums=AT_HOME)
        async with running(settings, resolver=city.resolver) as service:
            seed_id = await service.add_seed("met:department=11")
            await settled(service)
            images = await collected(service)
            seed = await service.frontier.seed(seed_id)
            [failed] = await service.frontier.failure_groups()
    assert set(images) == {"DP10.jpg", "DP11.jpg", "DP12.jpg", "DP20.jpg"}
    assert (seed.state, seed.images, seed.failed) == (SeedState.DONE, 4, 1)
    assert (failed.kind, failed.count, failed.example_url) == (FailureKind.NOT_FOUND, 1, f"{BASE}/objects/6")
    said = images["DP10.jpg"].metadata
    assert images["DP10.jpg"].url == f"http://{IMAGES}/CRDImages/ep/web-large/DP10.jpg"
    assert (said.title, said.creator, said.date) == ("Wheat Field 1", "Vincent van Gogh", "1889")
    assert (said.medium, said.attribution) == ("Oil on canvas", "Purchase, The Annenberg Foundation Gift, 1993")
    assert said.rights is not None
    assert said.rights.startswith("Public domain, CC0 1.0")
    assert said.page_url == "https://www.metmuseum.org/art/collection/search/1"
    assert said.extra["full_url"] == f"http://{IMAGES}/CRDImages/ep/original/DP10.jpg"
    assert said.extra["measurements"][0]["elementMeasurements"] == {"Height": 73.2, "Width": 93.4}
    assert images["DP12.jpg"].metadata.title == "Wheat Field 1"

    asked = [each.path for each in city.asked(API)]
    listing = f"{LISTING}?departmentIds=11"
    once = {f"{LISTING}/{number}" for number in (1, 3, 4, 6)}
    assert sorted(asked) == sorted([listing, listing, f"{LISTING}/2", f"{LISTING}/2", *once])
    refused, again = (each.at for each in city.asked(API, f"{LISTING}/2"))
    assert not [each for each in city.asked(API) if refused + 0.1 < each.at < refused + 0.9]
    assert again - refused >= 0.9


async def test_another_crawl_reads_only_what_has_changed_and_lets_go_of_what_is_closed(tmp_path: Path) -> None:
    house = Met([record(number) for number in range(1, 6)])
    async with City(house) as city:
        async with running(settings_for(tmp_path, museums=AT_HOME), resolver=city.resolver) as service:
            seed_id = await service.add_seed("met:")
            await settled(service)
            before = len(city.log)
            house.records[2] |= {"title": "Wheat Field with Cypresses", "metadataDate": "2999-01-01T00:00:00Z"}
            house.records[3] = record(3, public=False, metadataDate="2999-01-01T00:00:00Z")
            house.records[7] = record(7, metadataDate="2999-01-01T00:00:00Z")
            assert await service.frontier.crawl_again(seed_id)
            await settled(service)
            images = await collected(service)
        asked = [each.path for each in city.log[before:] if each.path != "/robots.txt"]
    assert sorted(images) == [f"DP{number}0.jpg" for number in (1, 2, 4, 5, 7)]
    assert images["DP20.jpg"].metadata.title == "Wheat Field with Cypresses"
    assert asked[0].startswith(f"{LISTING}?metadataDate=2")
    assert sorted(asked[1:]) == ["/CRDImages/ep/web-large/DP70.jpg", *(f"{LISTING}/{number}" for number in (2, 3, 7))]


async def test_a_listing_goes_on_behind_its_cursor() -> None:
    async with City(Met(record(number) for number in range(1, 2501))) as city, reaching(city, AT_HOME) as fetcher:
        found = await batches(root("met:"), fetcher)
        assert [len(each.candidates) for each in found] == [1000, 1000, 500, 0]
        rest = await batches(root("met:", cursor=found[0].cursor), fetcher)
        again = await batches(root("met:", cursor=found[-1].cursor), fetcher)
    assert addresses(found) == [f"{BASE}/objects/{number}" for number in range(1, 2501)]
    assert addresses(rest) == addresses(found[1:])
    assert addresses(again) == []
    # What changes while a crawl is interrupted is for the next one to see.
    assert {each.checkpoint for each in rest + again} == {found[0].checkpoint}


async def test_a_search_finds_what_has_pictures_and_on_another_crawl_what_has_changed() -> None:
    house = Met([*map(record, range(1, 6)), record(6, public=False), record(7, title="Quail", artistDisplayName="")])
    house.records[4]["metadataDate"] = "2025-07-01T00:00:00Z"
    async with City(house) as city, reaching(city, AT_HOME) as fetcher:
        found = await batches(root("met:query=van+gogh"), fetcher)
        later = await batches(root("met:query=van+gogh", checkpoint=BEFORE), fetcher)
        nothing = await batches(root("met:q=nobody"), fetcher)
        searches = city.asked(API, "/public/collection/v1/search?hasImages=true&q=van+gogh")
        changes = city.asked(API, f"{LISTING}?metadataDate=2025-05-31")
    assert addresses(found) == [f"{BASE}/objects/{number}" for number in range(1, 6)]
    assert addresses(later) == [f"{BASE}/objects/4"]
    assert addresses(nothing) == []
    assert (len(searches), len(changes)) == (2, 1)


async def test_several_departments_are_asked_for_at_once() -> None:
    async with City(Met([record(1), record(2, department="Asian Art")])) as city, reaching(city, AT_HOME) as fetcher:
        found = await batches(root("met:department=11%2C3"), fetcher)
    assert len(addresses(found)) == 2
    assert [each.path for each in city.asked(API)] == [f"{LISTING}?departmentIds=11%7C3"]


async def test_what_is_not_open_comes_only_when_it_is_asked_for() -> None:
    pictured = {"primaryImageSmall": f"http://{IMAGES}/CRDImages/ep/web-large/DP1.jpg"}
    house = Met([record(1, public=False) | pictured])
    async with City(house) as city, reaching(city, AT_HOME) as fetcher:
        [closed] = await batches(task_for(f"{BASE}/objects/1", "met"), fetcher)
        [opened] = await batches(task_for(f"{BASE}/objects/1", "met", options={"open_access": False}), fetcher)
    assert closed.candidates == []
    [candidate] = opened.candidates
    assert candidate.metadata.rights == "© 2026 Artists Rights Society (ARS), New York"


async def test_no_request_goes_past_the_pace_of_the_host() -> None:
    house = Met(map(record, range(1, 9)))
    async with City(house) as city, reaching(city, AT_HOME, host_rate=20) as fetcher:
        for url in addresses(await batches(root("met:"), fetcher)):
            await batches(task_for(url, "met"), fetcher)
        times = [each.at for each in city.asked(API)]
    assert len(times) == 9
    assert times[-1] - times[0] > 8 / 20 - 0.05


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("met:departmnet=11", "parameter 'departmnet': unknown; expected one of department, "),
        ("met:medium=Paintings", "parameter 'medium': needs q beside it"),
    ],
)
async def test_a_parameter_that_means_nothing_is_refused_by_name(source: str, message: str) -> None:
    async with City(Met([])) as city, reaching(city, AT_HOME) as fetcher:
        with pytest.raises(ParseError, match=message):
            await batches(root(source), fetcher)
        assert not city.log


@given(absurd(record(1, further=2)), anything)
@settings(deadline=None)
def test_no_record_breaks_it(answer: dict[str, Any], numbers: Any) -> None:
    check_all(pictures_of(answer, task_for(f"{BASE}/objects/1", "met"), False))
    try:
        found = numbers_of({"objectIDs": numbers}, BASE)
    except ParseError:
        assert not isinstance(numbers, list)
    else:
        assert found == sorted(set(found))
