"""Cleveland's pages become pictures in the smallest size that is large enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from artalike.crawl.sources.cleveland import LIMIT, pictures_of
from artalike.errors import FailureKind, ParseError
from artalike.records import SeedState
from tests.city.city import City
from tests.city.cleveland import API, BASE, IMAGES, Cleveland, artwork, images
from tests.crawl.sources.visits import BEFORE, absurd, addresses, batches, check_all, collected, reaching, root
from tests.running import running, settings_for, settled

AT_HOME = {"cleveland": BASE}


def place(name: str) -> str:
    return f"http://{IMAGES}/{name.partition('_')[0]}/{name}.jpg"


async def test_the_open_pictures_of_all_pages_arrive_with_all_that_is_said_of_them(tmp_path: Path) -> None:
    house = Cleveland(
        [
            artwork(1, further=2),
            artwork(2, licence="Copyrighted"),
            artwork(3, images={}),
            artwork(4, images=images(4, web_side=1024)),
            artwork(5),
        ]
    )
    house.most = 2
    house.once = {"0": (500, {}), "2": (429, {"Retry-After": "1"})}
    async with City(house) as city:
        async with running(settings_for(tmp_path, museums=AT_HOME), resolver=city.resolver) as service:
            seed_id = await service.add_seed("cleveland:")
            await settled(service)
            found = await collected(service)
            seed = await service.frontier.seed(seed_id)
        asked = city.asked(API)
    assert {image.url for image in found.values()} == {
        place("1958.1_print"),
        place("1958.1_alt0_print"),
        place("1958.1_alt1_print"),
        place("1958.4_web"),
        place("1958.5_print"),
    }
    assert (seed.state, seed.images, seed.failed) == (SeedState.DONE, 5, 0)
    said = found["1958.1_print.jpg"].metadata
    assert said.title == "Nathaniel Hurd 1"
    assert said.creator == "John Singleton Copley (American, 1738–1815); William Hogarth (British, 1697–1764)"
    assert (said.date, said.medium) == ("c. 1765", "oil on canvas")
    assert said.attribution == "Gift of the John Huntington Art and Polytechnic Trust"
    assert said.rights is not None
    assert said.rights.startswith("Public domain, CC0 1.0")
    assert said.page_url == "https://clevelandart.org/art/1958.1"
    assert said.extra["full_url"] == f"http://{IMAGES}/1958.1/1958.1_full.tif"
    assert said.extra["did_you_know"] == "The sitter was a silversmith."
    detail = found["1958.1_alt1_print.jpg"].metadata
    assert (detail.title, detail.extra["picture"]["annotation"]) == ("Nathaniel Hurd 1", "Detail 1")

    assert [each.path.rpartition("skip=")[2] for each in asked] == ["0", "0", "2", "2"]
    assert asked[-1].at - asked[-2].at >= 0.9
    assert all("cc0=1" in each.path and "has_image=1" in each.path for each in asked)


async def test_another_crawl_finds_only_what_has_changed(tmp_path: Path) -> None:
    house = Cleveland([artwork(1), artwork(2)])
    async with City(house) as city:
        async with running(settings_for(tmp_path, museums=AT_HOME), resolver=city.resolver) as service:
            seed_id = await service.add_seed("cleveland:")
            await settled(service)
            before = len(city.log)
            house.artworks[1] |= {"title": "Paul Revere", "updated_at": "2999-01-01 00:00:00.000000"}
            house.artworks.append(artwork(3, updated_at="2999-01-01 00:00:00.000000"))
            assert await service.frontier.crawl_again(seed_id)
            await settled(service)
            found = await collected(service)
        asked = [each.path for each in city.log[before:] if each.host == IMAGES]
    assert {name: image.metadata.title for name, image in found.items()} == {
        "1958.1_print.jpg": "Nathaniel Hurd 1",
        "1958.2_print.jpg": "Paul Revere",
        "1958.3_print.jpg": "Nathaniel Hurd 3",
    }
    assert [path for path in asked if path != "/robots.txt"] == ["/1958.3/1958.3_print.jpg"]


async def test_a_listing_goes_on_behind_its_cursor() -> None:
    async with City(Cleveland(map(artwork, range(2 * LIMIT + 50)))) as city, reaching(city, AT_HOME) as fetcher:
        found = await batches(root("cleveland:"), fetcher)
        asked = len(city.asked(API))
        rest = await batches(root("cleveland:", cursor=found[0].cursor), fetcher)
        again = await batches(root("cleveland:", cursor=found[-1].cursor), fetcher)
        changed = await batches(root("cleveland:", checkpoint=BEFORE), fetcher)
    assert [len(each.candidates) for each in found] == [LIMIT, LIMIT, 50]
    assert addresses(rest) == addresses(found[1:])
    assert addresses(again) == addresses(changed) == []
    assert asked == 3
    assert {each.checkpoint for each in rest} == {found[0].checkpoint}


async def test_a_search_asks_for_what_is_open_unless_all_is_wanted() -> None:
    house = Cleveland([artwork(1), artwork(2, licence="Copyrighted"), artwork(3, type="Sculpture")])
    async with City(house) as city, reaching(city, AT_HOME) as fetcher:
        source = "cleveland:query=hurd&type=Painting"
        assert addresses(await batches(root(source), fetcher)) == [place("1958.1_print")]
        [found] = await batches(root(source, open_access=False), fetcher)
    assert addresses([found]) == [place("1958.1_print"), place("1958.2_print")]
    assert found.candidates[1].metadata.rights == "Copyrighted; © The Estate of Somebody"


@pytest.mark.parametrize(
    ("side", "sizes", "expected"),
    [
        (1024, images(1), ("print", "web")),
        (800, images(1), ("web", None)),
        (9000, images(1), ("print", "web")),
        (1024, {"web": images(1)["web"]}, ("web", None)),
        (1024, {"web": {"url": place("1958.1_web")}, "print": {"url": place("1958.1_print")}}, ("web", None)),
        (1024, {"web": {"url": None, "width": "9999"}, "print": images(1)["print"]}, ("print", None)),
    ],
)
def test_the_smallest_size_is_taken_that_is_large_enough(
    side: int, sizes: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    [found] = pictures_of(artwork(1, images=sizes), root("cleveland:"), True, side)
    chosen, small = expected
    assert found.url == place(f"1958.1_{chosen}")
    assert found.thumbnail_url == (place(f"1958.1_{small}") if small else None)


def test_the_original_is_taken_only_where_there_is_nothing_else() -> None:
    [found] = pictures_of(artwork(1, images={"full": images(1)["full"]}), root("cleveland:"), True, 1024)
    assert found.url.endswith("_full.tif")


async def test_a_parameter_that_means_nothing_is_refused_by_name() -> None:
    async with City(Cleveland([])) as city, reaching(city, AT_HOME) as fetcher:
        assert addresses(await batches(root("cleveland:"), fetcher)) == []
        with pytest.raises(ParseError, match="parameter 'century': unknown; expected one of q, query, dep") as caught:
            await batches(root("cleveland:century=18"), fetcher)
    assert caught.value.kind is FailureKind.BAD_DOCUMENT


@given(absurd(artwork(1, further=2)))
@settings(deadline=None)
def test_no_record_breaks_it(answer: dict[str, Any]) -> None:
    check_all(pictures_of(answer, root("cleveland:"), False, 1024))
