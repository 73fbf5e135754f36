"""The Rijksmuseum's records become pictures with their metadata, step by step."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from artalike.crawl.fetcher import Fetcher
from artalike.crawl.sources import detect, source_for
from artalike.errors import ItemError
from artalike.records import Candidate, Image, Task
from artalike.service import Service
from tests.city.city import City
from tests.city.rijksmuseum import CC0, DATA, ID, IN_COPYRIGHT, PUBLIC_DOMAIN, Rijksmuseum, Work
from tests.crawl.conftest import expanded, task_for
from tests.crawl.conftest import settings_for as crawl_settings
from tests.running import running, settings_for, settled

BASE = {"rijksmuseum": f"http://{DATA}"}


async def collected(service: Service) -> list[Image]:
    return await service.images.images((await service.images.embedded_ids()).tolist())


@pytest.fixture
async def museum() -> AsyncIterator[tuple[Rijksmuseum, City]]:
    house = Rijksmuseum([Work(number) for number in range(250)])
    async with City(house) as city:
        yield house, city


async def crawled(tmp_path: Path, city: City, source: str, **crawl: Any) -> list[Image]:
    settings = settings_for(tmp_path / "data", museums=BASE, crawl=crawl)
    async with running(settings, resolver=city.resolver) as service:
        await service.add_seed(source)
        await settled(service)
        return await collected(service)


async def test_the_open_pictures_of_a_search_arrive_with_all_that_is_said_of_them(tmp_path: Path) -> None:
    works = [
        Work(1),
        Work(2, rights=CC0, pictures=2),
        Work(3, rights=IN_COPYRIGHT),
        Work(4, rights=None),
        Work(5, type="print"),
    ]
    async with City(Rijksmuseum(works)) as city:
        images = await crawled(tmp_path, city, "rijksmuseum:type=painting")
    assert sorted(image.url for image in images) == [
        f"http://iiif.micr.io/R{number}/full/!1024,1024/0/default.jpg" for number in (1000, 2000, 2001)
    ]
    first = min(images, key=lambda image: image.url)
    said = first.metadata
    assert (said.title, said.creator, said.date) == ("The Night Watch", "Rembrandt van Rijn", "c. 1642")
    assert (said.medium, said.rights) == ("oil on canvas", f"Public Domain: {PUBLIC_DOMAIN}")
    assert said.attribution == "On loan from the City of Amsterdam"
    assert said.page_url == "http://www.rijksmuseum.nl/en/collection/object/SK-C-1"
    assert said.extra["object_number"] == "SK-C-1"
    assert said.extra["dimensions"] == "height 379.5 cm"
    assert said.extra["license"] == "https://creativecommons.org/publicdomain/mark/1.0/"


async def test_texts_come_in_the_language_that_is_asked_for(tmp_path: Path) -> None:
    async with City(Rijksmuseum([Work(1)])) as city:
        [image] = await crawled(tmp_path, city, "rijksmuseum:", languages=("fr", "nl", "en"))
    assert (image.metadata.title, image.metadata.medium) == ("De Nachtwacht", "olieverf op doek")
    assert image.metadata.page_url == "http://www.rijksmuseum.nl/nl/collection/object/SK-C-1"


async def test_what_is_not_open_comes_only_when_it_is_asked_for(tmp_path: Path) -> None:
    async with City(Rijksmuseum([Work(1, rights=IN_COPYRIGHT), Work(2, rights=None)])) as city:
        images = await crawled(tmp_path, city, "rijksmuseum:", open_access_only=False)
    assert {image.metadata.rights for image in images} == {f"In copyright: {IN_COPYRIGHT}", None}


async def test_one_record_is_a_source(tmp_path: Path) -> None:
    async with City(Rijksmuseum([Work(1), Work(2)])) as city:
        [image] = await crawled(tmp_path, city, f"http://{ID}/200000002")
    assert image.url == "http://iiif.micr.io/R2000/full/!1024,1024/0/default.jpg"


async def test_a_search_goes_on_behind_its_cursor(museum: tuple[Rijksmuseum, City]) -> None:
    _, city = museum
    settings = crawl_settings().model_copy(update={"museums": crawl_settings().museums.model_copy(update=BASE)})
    async with Fetcher.open(settings, resolver=city.resolver) as fetcher:
        source, task = source_for("rijksmuseum"), task_for("rijksmuseum:", "rijksmuseum")
        batches = [found async for found in source.expand(task, fetcher)]
        assert [len(found.candidates) for found in batches] == [100, 100, 50]
        assert batches[-1].cursor is None
        rest = await expanded(task_for("rijksmuseum:", "rijksmuseum", cursor=batches[0].cursor), fetcher)
    everything = [candidate.url for found in batches for candidate in found.candidates]
    assert [candidate.url for candidate in rest] == everything[100:]
    assert len(set(everything)) == 250


async def _of(record: Any, fetcher: Fetcher, museum: Rijksmuseum, **options: Any) -> list[Candidate]:
    museum.broken["7"] = json.dumps(record).encode()
    task = task_for(f"http://{ID}/7", "rijksmuseum", options=options)
    return await expanded(task, fetcher)


@pytest.mark.parametrize(
    "record",
    [
        [],
        None,
        {"type": "HumanMadeObject", "shows": 3, "identified_by": "x", "produced_by": [1], "subject_of": {"id": 5}},
        {"type": "HumanMadeObject", "shows": [{"id": None}, {"id": " "}, "x"], "referred_to_by": [[[]]]},
        {"type": "VisualItem", "subject_to": [{"classified_as": {"id": CC0}}], "digitally_shown_by": {"id": ["x"]}},
        {"type": "DigitalObject", "access_point": [{"id": 9}], "subject_to": {}},
        {"type": ["HumanMadeObject"]},
        {"type": "Person"},
    ],
)
async def test_an_absurd_record_yields_nothing_or_says_what_is_wrong(
    museum: tuple[Rijksmuseum, City], record: Any
) -> None:
    house, city = museum
    async with Fetcher.open(crawl_settings(), resolver=city.resolver) as fetcher:
        with suppress(ItemError):
            assert await _of(record, fetcher, house) == []


async def test_records_that_lead_in_circles_come_to_an_end(museum: tuple[Rijksmuseum, City]) -> None:
    house, city = museum
    house.broken["7"] = json.dumps({"type": "HumanMadeObject", "shows": [{"id": f"http://{ID}/7"}]}).encode()
    task: Task = task_for(f"http://{ID}/7", "rijksmuseum", depth=5)
    async with Fetcher.open(crawl_settings(), resolver=city.resolver) as fetcher:
        with pytest.raises(ItemError, match="records to a picture"):
            await expanded(task, fetcher)


async def test_a_digital_object_whose_own_rights_are_closed_is_left_out(museum: tuple[Rijksmuseum, City]) -> None:
    house, city = museum
    record = {
        "type": "DigitalObject",
        "access_point": [{"id": "http://iiif.micr.io/x/full/max/0/default.jpg"}],
        "subject_to": [{"classified_as": [{"id": IN_COPYRIGHT}]}],
    }
    async with Fetcher.open(crawl_settings(), resolver=city.resolver) as fetcher:
        assert await _of(record, fetcher, house) == []
        [candidate] = await _of(record, fetcher, house, open_access=False)
        assert candidate.metadata.rights == IN_COPYRIGHT


def test_a_search_without_a_parameter_is_not_taken_for_the_whole_museum() -> None:
    assert source_for("rijksmuseum").match("rijksmuseum:SK-C-5") is None
    assert detect("rijksmuseum:").url == "rijksmuseum:"
