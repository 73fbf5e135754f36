"""A stream of changes, walked from its end, and again when it has grown."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from artalike.crawl.fetcher import Fetcher
from artalike.crawl.sources import Found
from artalike.crawl.sources.iiif_changes import RECRAWL
from artalike.errors import FailureKind, NotModified, ParseError
from artalike.records import Task
from tests.city.city import City
from tests.city.iiif import HOST, ON_A_PAGE, ROOT, STREAM, IiifHouse, canvas3, manifest3
from tests.crawl.conftest import settings_for, task_for
from tests.crawl.sources.visits import batches
from tests.running import running, settled
from tests.running import settings_for as service_settings

URL = ROOT + STREAM


def day(number: int) -> str:
    return f"2024-01-{number:02d}T12:00:00Z"


def at(number: int) -> str:
    return f"2024-01-{number:02d}T12:00:00+00:00"


def manifest(name: object) -> str:
    return f"{ROOT}/v3/{name}/manifest.json"


@pytest.fixture
def house() -> IiifHouse:
    return IiifHouse()


@pytest.fixture
async def city(house: IiifHouse) -> AsyncIterator[City]:
    async with City(house) as city:
        yield city


@pytest.fixture
async def fetcher(city: City) -> AsyncIterator[Fetcher]:
    async with Fetcher.open(settings_for(), resolver=city.resolver) as fetcher:
        yield fetcher


def stream(cursor: str | None = None, checkpoint: str | None = None) -> Task:
    return replace(task_for(URL, "iiif", cursor=cursor), checkpoint=checkpoint)


def added(found: Sequence[Found]) -> list[str]:
    return [candidate.url for each in found for candidate in each.candidates]


def gone(found: Sequence[Found]) -> list[str]:
    return [url for each in found for url in each.gone]


def newest(found: Sequence[Found]) -> str:
    value: str = json.loads(found[-1].checkpoint or "")["newest"]
    return value


async def test_the_whole_stream_is_read_the_first_time_newest_first(
    house: IiifHouse, city: City, fetcher: Fetcher
) -> None:
    for number in range(1, 8):
        house.happens("Create", manifest(number), day(number))
    found = await batches(stream(), fetcher)
    assert added(found) == [manifest(number) for number in range(7, 0, -1)]
    assert {(c.kind, c.depth) for each in found for c in each.candidates} == {("iiif", 1)}
    assert next(c.revision for each in found for c in each.candidates) == at(7)
    assert {each.recrawl for each in found} == {RECRAWL}
    assert newest(found) == at(7)
    assert [asked.path for asked in city.asked(HOST)] == [STREAM, *(f"{STREAM}/{page}" for page in (2, 1, 0))]


async def test_the_next_time_only_what_is_new_is_read(house: IiifHouse, city: City, fetcher: Fetcher) -> None:
    for number in range(1, 10):
        house.happens("Create", manifest(number), day(number))
    first = await batches(stream(), fetcher)
    house.happens("Update", manifest(2), day(10))
    house.happens("Delete", manifest(3), day(11))
    city.log.clear()
    found = await batches(stream(checkpoint=first[-1].checkpoint), fetcher)
    # What happened at the very time is told again: more may have happened then.
    assert (added(found), gone(found)) == ([manifest(2), manifest(9)], [manifest(3)])
    assert newest(found) == at(11)
    assert [asked.path for asked in city.asked(HOST)] == [STREAM, f"{STREAM}/3", f"{STREAM}/2"]

    nothing = await batches(stream(checkpoint=found[-1].checkpoint), fetcher)
    assert (added(nothing), gone(nothing), newest(nothing)) == ([], [manifest(3)], at(11))


async def test_of_the_activities_on_one_thing_the_newest_counts(house: IiifHouse, fetcher: Fetcher) -> None:
    house.happens("Create", manifest("deleted"), day(1))
    house.happens("Create", manifest("kept"), day(2))
    house.happens("Delete", manifest("back"), day(3))
    house.happens("Update", manifest("kept"), day(4))
    house.happens("Delete", manifest("deleted"), day(5))
    house.happens("Create", manifest("back"), day(6))
    found = await batches(stream(), fetcher)
    assert (added(found), gone(found)) == ([manifest("back"), manifest("kept")], [manifest("deleted")])


async def test_a_move_withdraws_one_address_and_adds_another(house: IiifHouse, fetcher: Fetcher) -> None:
    house.happens("Create", manifest("old"), day(1))
    house.happens("Move", manifest("old"), day(2), target={"id": manifest("new"), "type": "Manifest"})
    house.happens("Move", manifest("a"), day(3), target={"id": manifest("b"), "type": "Manifest"})
    house.happens("Delete", manifest("b"), day(4))
    found = await batches(stream(), fetcher)
    assert added(found) == [manifest("new")]
    assert gone(found) == [manifest("b"), manifest("a"), manifest("old")]


async def test_what_is_added_to_or_removed_from_another_stream_is_left_alone(
    house: IiifHouse, fetcher: Fetcher
) -> None:
    here, there = ({"id": url, "type": "OrderedCollection"} for url in (URL, f"{ROOT}/other"))
    house.happens("Add", manifest(1), day(1), target=here)
    house.happens("Add", manifest(2), day(2), target=there)
    house.happens("Remove", manifest(3), day(3), origin=here)
    house.happens("Remove", manifest(4), day(4), origin=there)
    house.happens("Remove", manifest(5), day(5))
    found = await batches(stream(), fetcher)
    assert (added(found), gone(found)) == ([manifest(1)], [manifest(5), manifest(3)])


async def test_a_refresh_ends_the_first_crawl(house: IiifHouse, city: City, fetcher: Fetcher) -> None:
    for number in range(1, 5):
        house.happens("Create", manifest(number), day(number))
    house.happens("Refresh", None, day(5))
    house.happens("Update", manifest(1), day(6))
    found = await batches(stream(), fetcher)
    assert added(found) == [manifest(1)]
    assert len(city.asked(HOST)) == 2


async def test_before_a_refresh_only_what_is_gone_counts_later(house: IiifHouse, fetcher: Fetcher) -> None:
    house.happens("Create", manifest(1), day(1))
    first = await batches(stream(), fetcher)
    house.happens("Create", manifest(2), day(2))
    house.happens("Delete", manifest(3), day(3))
    house.happens("Move", manifest(4), day(4), target={"id": manifest(5), "type": "Manifest"})
    house.happens("Refresh", None, day(5))
    house.happens("Update", manifest(6), day(6))
    found = await batches(stream(checkpoint=first[-1].checkpoint), fetcher)
    assert (added(found), gone(found)) == ([manifest(6)], [manifest(3)])


async def test_a_walk_goes_on_in_the_middle_without_forgetting_what_was_settled(
    house: IiifHouse, city: City, fetcher: Fetcher
) -> None:
    for number in range(1, 10):
        house.happens("Create", manifest(number), day(number))
    house.happens("Delete", manifest(1), day(10))
    whole = await batches(stream(), fetcher)
    assert (len(whole), gone(whole), manifest(1) in added(whole)) == (4, [manifest(1)], False)
    for done, found in enumerate(whole, start=1):
        city.log.clear()
        rest = await batches(stream(cursor=found.cursor, checkpoint=found.checkpoint), fetcher)
        assert added(rest) == added(whole[done:])
        assert len(city.asked(HOST)) == len(whole) - done


async def test_a_long_page_is_handed_on_in_parts(house: IiifHouse, fetcher: Fetcher, monkeypatch: Any) -> None:
    monkeypatch.setattr("artalike.crawl.sources.iiif_changes.BATCH", 2)
    for number in range(1, ON_A_PAGE + 1):
        house.happens("Create", manifest(number), day(number))
    whole = await batches(stream(), fetcher)
    assert [len(each.candidates) for each in whole] == [2, 1]
    assert added(await batches(stream(cursor=whole[0].cursor), fetcher)) == added(whole[1:])


async def test_a_stream_whose_own_document_is_unchanged_may_have_grown(house: IiifHouse, fetcher: Fetcher) -> None:
    house.happens("Create", manifest(1), day(1))
    first = await batches(stream(), fetcher)
    house.happens("Create", manifest(2), day(2))

    class Unchanged:
        settings = fetcher.settings

        async def document(self, url: str, **asked: Any) -> Any:
            if url == URL:
                raise NotModified(url)
            return await fetcher.document(url, **asked)

    found = await batches(stream(checkpoint=first[-1].checkpoint), Unchanged())  # type: ignore[arg-type]  # as far as it is used
    assert added(found) == [manifest(2), manifest(1)]
    with pytest.raises(NotModified):
        await batches(stream(), Unchanged())  # type: ignore[arg-type]  # as far as it is used


async def test_times_that_cannot_be_are_not_kept_as_the_newest(house: IiifHouse, fetcher: Fetcher) -> None:
    house.happens("Create", manifest(1), day(1))
    for number, time in enumerate(("2999-01-01T00:00:00Z", "yesterday", "", "2024-01-02T13:00:00.1234567+01:00")):
        house.happens("Create", manifest(10 + number), time)
    house.happens("Create", manifest(20), day(3), endTime=7)
    found = await batches(stream(), fetcher)
    assert len(added(found)) == 6
    assert newest(found) == "2024-01-02T12:00:00.123456+00:00"


async def test_registries_lead_to_streams_and_other_things_to_nothing(house: IiifHouse, fetcher: Fetcher) -> None:
    things: list[Any] = [
        {"type": "Create", "object": {"id": f"{ROOT}/more", "type": "OrderedCollection"}},
        {"type": "Create", "object": {"id": f"{ROOT}/canvas", "type": "Canvas"}},
        {"type": "Create", "object": {"id": "file:///etc/passwd", "type": "Manifest"}},
        {"type": "Like", "object": {"id": manifest(1), "type": "Manifest"}},
        {"type": "Create"},
        {"object": {"id": manifest(2)}},
        7,
    ]
    house.activities += things
    found = await batches(stream(), fetcher)
    assert added(found) == [f"{ROOT}/more"]
    # No times: each crawl would be of everything.
    assert {each.recrawl for each in found} == {None}


async def test_pages_that_lead_round_in_a_ring_come_to_an_end(house: IiifHouse, fetcher: Fetcher) -> None:
    page = {"id": f"{ROOT}/a", "type": "OrderedCollectionPage", "orderedItems": [], "prev": f"{ROOT}/b"}
    house.put(page)
    house.put(page | {"id": f"{ROOT}/b", "prev": f"{ROOT}/a"})
    assert len(await batches(task_for(f"{ROOT}/a", "iiif"), fetcher)) == 2


async def test_a_stream_without_a_last_page_is_no_stream(house: IiifHouse, fetcher: Fetcher) -> None:
    house.put({"id": f"{ROOT}/s", "type": "OrderedCollection", "first": f"{ROOT}/s/0"})
    with pytest.raises(ParseError) as caught:
        await batches(task_for(f"{ROOT}/s", "iiif"), fetcher)
    assert caught.value.kind is FailureKind.BAD_DOCUMENT


async def test_what_was_moved_keeps_its_pictures(house: IiifHouse, tmp_path: Path) -> None:
    house.happens("Create", house.work("old", 1), day(1))
    house.happens("Create", house.work("other", 2), day(2))
    settings = service_settings(tmp_path, download={"preferred_side": 128})
    async with City(house) as city, running(settings, resolver=city.resolver) as service:
        seed_id = await service.add_seed(URL, kind="iiif")
        await settled(service)
        house.put(house.documents.pop("/v3/old/manifest.json") | {"id": manifest("new"), "label": {"en": ["new"]}})
        house.happens("Move", manifest("old"), day(3), target={"id": manifest("new"), "type": "Manifest"})
        assert await service.frontier.crawl_again(seed_id)
        await settled(service)
        images = await service.images.images((await service.images.embedded_ids()).tolist())
    assert sorted(image.url.split("/")[4] for image in images) == ["1", "2"]


async def test_a_collection_keeps_in_step_with_a_stream(house: IiifHouse, tmp_path: Path) -> None:
    for number in range(1, 6):
        house.happens("Create", house.work(f"w{number}", number), day(number))
    settings = service_settings(tmp_path, download={"preferred_side": 128})

    async with City(house) as city, running(settings, resolver=city.resolver) as service:

        async def titles() -> list[str]:
            images = await service.images.images((await service.images.embedded_ids()).tolist())
            return sorted(image.metadata.title or "" for image in images)

        seed_id = await service.add_seed(URL, kind="iiif")
        await settled(service)
        assert await titles() == ["w1", "w2", "w3", "w4", "w5"]

        house.happens("Delete", manifest("w2"), day(10))
        del house.documents["/v3/w2/manifest.json"]
        house.happens("Create", house.work("w6", 6), day(11))
        changed = [canvas3("w3", number, house.scan(30 + number).body()) for number in range(2)]
        house.put(manifest3("w3", changed, label={"en": ["changed"]}))
        house.happens("Update", manifest("w3"), day(12))
        city.log.clear()
        assert await service.frontier.crawl_again(seed_id)
        await settled(service)
        left = await titles()
        asked = [asked.path for asked in city.asked(HOST)]
    assert "w2" not in left
    assert {"w6", "changed, p. 0", "changed, p. 1"} <= set(left)
    assert not [path for path in asked if path.startswith(("/v3/w1/", "/v3/w4/", "/image/1/", "/image/4/"))]
    assert house.refused == []
