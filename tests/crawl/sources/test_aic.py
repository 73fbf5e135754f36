"""The Art Institute's pages become pictures at the width that it recommends, and it is told who asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from artalike.crawl.sources.aic import LIMIT, pictures_of
from artalike.errors import FetchError, ParseError
from artalike.records import SeedState
from tests.city.aic import API, BASE, IMAGES, Aic, artwork, image_id
from tests.city.city import City
from tests.crawl.sources.visits import BEFORE, absurd, addresses, batches, check_all, reaching, root
from tests.running import running, settings_for, settled

AT_HOME = {"aic": BASE}


def picture(number: int, width: int = 843) -> str:
    return f"http://{IMAGES}/iiif/2/{image_id(number)}/full/{width},/0/default.jpg"


async def test_the_open_pictures_of_all_pages_arrive_with_all_that_is_said_of_them(tmp_path: Path) -> None:
    narrow: dict[str, Any] = {"thumbnail": {"lqip": "", "width": 600, "height": 400, "alt_text": ""}}
    house = Aic(
        [
            artwork(1, further=1),
            artwork(2, public=False),
            artwork(3, pictured=False),
            *(artwork(number, pictured=False) for number in range(10, 10 + 2 * LIMIT)),
            artwork(4, updated_at="2020-01-01T00:00:00-06:00", artist_title=None, **narrow),
        ]
    )
    house.once = {"2": (500, {}), "3": (429, {"Retry-After": "1"})}
    async with City(house) as city:
        settings = settings_for(tmp_path, museums=AT_HOME, crawl={"contact": "mailto:curator@example.org"})
        async with running(settings, resolver=city.resolver) as service:
            seed_id = await service.add_seed("aic:")
            await settled(service)
            images = await service.images.images((await service.images.embedded_ids()).tolist())
            seed = await service.frontier.seed(seed_id)
        asked = city.asked(API)
    assert sorted(image.url for image in images) == [picture(10), picture(11), picture(40, 600)]
    assert (seed.state, seed.images, seed.failed) == (SeedState.DONE, 3, 0)
    said = min(images, key=lambda image: image.url).metadata
    assert (said.title, said.creator, said.date) == ("Water Lilies 1", "Claude Monet", "1906")
    assert (said.medium, said.attribution) == ("Oil on canvas", "Mr. and Mrs. Martin A. Ryerson Collection")
    assert said.rights is not None
    assert said.rights.startswith("Public domain, CC0 1.0")
    assert said.page_url == "https://www.artic.edu/artworks/1"
    assert said.extra["subject_titles"] == ["water lilies", "landscapes"]
    assert max(images, key=lambda image: image.url).metadata.creator == "Claude Monet (French, 1840–1926)"

    # What was had before a failure is not asked for again.
    assert [int(each.path.partition("page=")[2].partition("&")[0]) for each in asked] == [1, 2, 2, 3, 3]
    assert asked[-1].at - asked[-2].at >= 0.9
    who = f"{settings.crawl.user_agent} (+mailto:curator@example.org)"
    assert {each.headers["AIC-User-Agent"] for each in asked} == {who}


async def test_another_crawl_ends_where_nothing_has_changed_and_lets_go_of_what_is_closed(tmp_path: Path) -> None:
    blank = (artwork(number, pictured=False) for number in range(10, 10 + 3 * LIMIT))
    house = Aic([artwork(1), artwork(3), *blank])
    async with City(house) as city:
        async with running(settings_for(tmp_path, museums=AT_HOME), resolver=city.resolver) as service:
            seed_id = await service.add_seed("aic:")
            await settled(service)
            before = len(city.log)
            house.artworks[0] |= {"title": "Nymphéas", "updated_at": "2999-01-01T00:00:00-06:00"}
            house.artworks[1] |= {"is_public_domain": False, "updated_at": "2999-01-01T00:00:00-06:00"}
            house.artworks.append(artwork(2, updated_at="2999-01-01T00:00:00-06:00"))
            assert await service.frontier.crawl_again(seed_id)
            await settled(service)
            images = await service.images.images((await service.images.embedded_ids()).tolist())
        asked = city.log[before:]
    titles = {image.url: image.metadata.title for image in images}
    assert titles == {picture(10): "Nymphéas", picture(20): "Water Lilies 2"}
    assert sorted(each.host for each in asked if each.path != "/robots.txt") == [API, API, IMAGES]


async def test_a_listing_goes_on_behind_its_cursor() -> None:
    house = Aic(artwork(number) for number in range(1, 2 * LIMIT + 51))
    async with City(house) as city, reaching(city, AT_HOME) as fetcher:
        found = await batches(root("aic:"), fetcher)
        asked = len(city.asked(API))
        rest = await batches(root("aic:", cursor=found[0].cursor), fetcher)
    assert [len(each.candidates) for each in found] == [LIMIT, LIMIT, 50]
    assert addresses(rest) == addresses(found[1:])
    assert (asked, len(city.asked(API)) - asked) == (3, 2)
    assert {each.checkpoint for each in rest} == {found[0].checkpoint}


async def test_a_search_asks_for_what_is_open_unless_all_is_wanted() -> None:
    house = Aic([artwork(1), artwork(2, public=False), artwork(3, artist_display="Mary Cassatt")])
    house.artworks.append(artwork(4, updated_at="2025-07-01T00:00:00-06:00"))
    async with City(house) as city, reaching(city, AT_HOME) as fetcher:
        assert addresses(await batches(root("aic:query=monet"), fetcher)) == [picture(10), picture(40)]
        assert addresses(await batches(root("aic:q=monet", checkpoint=BEFORE), fetcher)) == [picture(40)]
        [found] = await batches(root("aic:q=monet", open_access=False), fetcher)
        assert addresses(await batches(root("aic:q=nobody"), fetcher)) == []
    assert addresses([found]) == [picture(10), picture(20), picture(40)]
    assert found.candidates[1].metadata.rights == "© 2018 Estate of Somebody / Artists Rights Society (ARS), New York"


async def test_a_search_ends_with_the_last_record_that_it_may_have() -> None:
    works = [artwork(number, pictured=False) for number in range(10_001)]
    async with City(Aic(works)) as city, reaching(city, AT_HOME) as fetcher:
        last = await batches(root("aic:q=monet", cursor="2026-01-01T00:00:00+00:00 99"), fetcher)
    assert len(last) == len(city.asked(API)) == 1


async def test_a_parameter_that_means_nothing_is_refused_by_name() -> None:
    async with City(Aic([])) as city, reaching(city, AT_HOME) as fetcher:
        with pytest.raises(ParseError, match="parameter 'artist': unknown; expected one of q, query"):
            await batches(root("aic:artist=Monet"), fetcher)


async def test_an_interface_that_is_not_there_is_an_error_of_the_fetch() -> None:
    async with City(Aic([])) as city, reaching(city, {"aic": f"http://{API}/api/v0"}) as fetcher:
        with pytest.raises(FetchError, match="404"):
            await batches(root("aic:"), fetcher)


@given(absurd(artwork(1, further=2)), absurd({"iiif_url": f"http://{IMAGES}/iiif/2", "website_url": "x"}))
@settings(deadline=None)
def test_no_record_breaks_it(answer: dict[str, Any], config: dict[str, Any]) -> None:
    check_all(pictures_of(answer, config, root("aic:"), False))
