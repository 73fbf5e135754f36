"""A walk through the whole city: every museum at once, in one process, and once more when nothing has changed."""

from __future__ import annotations

import asyncio
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

from artalike.service import Service
from tests.city import aic, cleveland, commons, iiif, louvre, met, rijksmuseum
from tests.city.city import City
from tests.running import client, running, settings_for, settled
from tests.sites import draw

MUSEUMS: Final = {
    "met": met.BASE,
    "louvre": louvre.BASE,
    "aic": aic.BASE,
    "cleveland": cleveland.BASE,
    "rijksmuseum": f"http://{rijksmuseum.DATA}",
    "commons": f"http://{commons.WIKI}/w",
}


def houses() -> tuple[list[Any], dict[str, int]]:
    """Every house, and how many open pictures each has to give to which source."""
    library = iiif.IiifHouse()
    stocked = [
        met.Met([met.record(1, further=2), met.record(2), met.record(3, public=False)]),
        louvre.Louvre([louvre.record(1, [louvre.image(1), louvre.image(2)]), louvre.record(2, [louvre.image(3)])]),
        aic.Aic([aic.artwork(1), aic.artwork(2), aic.artwork(3, public=False)]),
        cleveland.Cleveland([cleveland.artwork(1), cleveland.artwork(2), cleveland.artwork(3, licence="Copyrighted")]),
        rijksmuseum.Rijksmuseum([rijksmuseum.Work(1), rijksmuseum.Work(2)]),
        commons.Commons([commons.Media(1, "File:Wave.jpg", ("Category:Ukiyo-e",))]),
        library,
    ]
    expected = {
        "met:": 4,
        "louvre:": 3,
        "aic:": 2,
        "cleveland:": 2,
        "rijksmuseum:": 2,
        "commons:Category:Ukiyo-e": 1,
        iiif.second(library): 6,
        iiif.third(library): 7,
    }
    return stocked, expected


def shards(folder: Path, numbers: range) -> Path:
    """A webdataset shard of pictures that no house has."""
    folder.mkdir()
    for number in numbers:
        (folder / f"{number:09d}.jpg").write_bytes(draw(number))
    shard = folder.with_suffix(".tar")
    with tarfile.open(shard, "w") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    return shard


async def hand_in(service: Service, sources: list[str]) -> dict[str, dict[str, Any]]:
    """Hand in everything at once, and wait for the end. The seeds by their sources."""
    async with client(service) as api:
        answers = await asyncio.gather(*(api.post("/api/admin/seeds", json={"source": source}) for source in sources))
        assert {answer.status for answer in answers} == {202}
        await settled(service, seconds=60)
        seeds = (await (await api.get("/api/admin/seeds")).json())["results"]
        return {seed["source"]: seed for seed in seeds}


async def test_all_the_museums_at_once_and_nothing_twice(tmp_path: Path) -> None:
    stocked, expected = houses()
    expected[str(shards(tmp_path / "shard", range(900, 905)))] = 5
    settings = settings_for(tmp_path / "data", museums=MUSEUMS)
    async with City(*stocked) as city:
        async with running(settings, resolver=city.resolver) as service:
            seeds = await hand_in(service, list(expected))
            assert {source: seed["images"] for source, seed in seeds.items()} == expected
            assert {source: seed["error"] for source, seed in seeds.items()} == dict.fromkeys(expected)
            images = await service.images.images((await service.images.embedded_ids()).tolist())
            by_source = Counter(image.source for image in images)
            assert by_source.total() == service.images.counts.images
            for image in images:
                if not image.url.startswith("file:"):
                    said = image.metadata
                    assert said.title, image.url
                    assert said.page_url or image.source.startswith("http"), image.url
        pictures = [asked.path for asked in city.log if asked.path.endswith((".jpg", ".JPG"))]
        assert len(pictures) == len(set(pictures))

        before = len(city.log)
        async with running(settings, resolver=city.resolver) as service:
            again = await hand_in(service, list(expected))
            assert {seed["crawl"] for seed in again.values()} == {2}
            assert {source: seed["images"] for source, seed in again.items()} == expected
        assert not [asked.path for asked in city.log[before:] if asked.path.endswith((".jpg", ".JPG"))]
