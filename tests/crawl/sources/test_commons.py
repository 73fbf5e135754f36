"""Categories and files of Wikimedia Commons become pictures with their metadata."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from artalike.config import Settings
from artalike.crawl.fetcher import Fetcher
from artalike.crawl.sources import source_for
from artalike.errors import FailureKind, ItemError
from artalike.records import Image
from tests.city.city import City
from tests.city.commons import UPLOAD, WIKI, Commons, Media
from tests.crawl.conftest import expanded, of_kind, task_for, until_error
from tests.crawl.conftest import settings_for as crawl_settings
from tests.running import running, settings_for, settled

BASE = {"commons": f"http://{WIKI}/w"}
PRINTS = "Category:Ukiyo-e"


def settings_of(**crawl: Any) -> Settings:
    settings = crawl_settings(crawl)
    return settings.model_copy(update={"museums": settings.museums.model_copy(update=BASE)})


def many(count: int, category: str = PRINTS) -> list[Media]:
    return [Media(number, f"File:Print {number}.jpg", (category,)) for number in range(count)]


async def crawled(tmp_path: Path, house: Commons, source: str, **crawl: Any) -> list[Image]:
    async with City(house) as city:
        settings = settings_for(tmp_path / "data", museums=BASE, crawl=crawl)
        async with running(settings, resolver=city.resolver) as service:
            await service.add_seed(source)
            await settled(service)
            return await service.images.images((await service.images.embedded_ids()).tolist())


async def test_the_files_of_a_category_arrive_with_all_that_is_said_of_them(tmp_path: Path) -> None:
    house = Commons(
        [
            Media(1, "File:Great Wave.jpg", (PRINTS,)),
            Media(2, "File:Small.png", (PRINTS,), width=800, mime="image/png", license="cc-by-sa-4.0"),
            Media(3, "File:Map.svg", (PRINTS,), mime="image/svg+xml"),
            Media(4, "File:Book.djvu", (PRINTS,), mime="image/vnd.djvu"),
            Media(5, "File:Closed.jpg", (PRINTS,), license="cc-by-nc-4.0"),
            Media(6, "File:Old.jpg", (PRINTS,), license="gfdl"),
            Media(7, "File:German.jpg", (PRINTS,), license="cc-by-2.0-de"),
            Media(8, "File:Elsewhere.jpg", ("Category:Maps",)),
        ]
    )
    images = {image.metadata.title: image for image in await crawled(tmp_path, house, "commons:category:ukiyo-e")}
    assert set(images) == {"Great Wave", "Small", "German"}
    wave = images["Great Wave"]
    assert wave.url == f"http://{UPLOAD}/thumb/1/Great_Wave.jpg/1280px-Great_Wave.jpg"
    assert images["Small"].url == f"http://{UPLOAD}/2/Small.png"
    assert images["Small"].metadata.rights == "CC BY-SA 4.0: https://creativecommons.org/licenses/by-sa/4.0"
    said = wave.metadata
    assert (said.creator, said.rights) == ("Katsushika Hokusai", "Public domain")
    assert said.date == "circa 1830"
    assert said.attribution == "Katsushika Hokusai, Public domain, via Wikimedia Commons"
    assert said.page_url == f"http://{WIKI}/wiki/File:Great_Wave.jpg"
    assert said.extra["ImageDescription"] == "A & B"
    assert said.extra["file"] == "File:Great Wave.jpg"


async def test_every_licence_comes_when_that_is_asked_for(tmp_path: Path) -> None:
    licenses = ("pd", "cc0", "cc-by-nc-4.0", "gfdl")
    house = Commons([Media(n, f"File:{name}.jpg", (PRINTS,), license=name) for n, name in enumerate(licenses)])
    assert len(await crawled(tmp_path, house, f"commons:{PRINTS}", open_access_only=False)) == 4


async def test_categories_are_followed_as_deep_as_is_asked_and_once_each(tmp_path: Path) -> None:
    below = {PRINTS: ["Category:Birds"], "Category:Birds": ["Category:Owls", PRINTS], "Category:Owls": []}
    files = [
        Media(1, "File:A.jpg", (PRINTS, "Category:Birds")),
        Media(2, "File:B.jpg", ("Category:Birds",)),
        Media(3, "File:C.jpg", ("Category:Owls",)),
    ]
    for depth, count in ((0, 1), (1, 2), (2, 3)):
        images = await crawled(tmp_path / str(depth), Commons(files, below), f"commons:{PRINTS}", depth=depth)
        assert len(images) == count


async def test_one_file_is_a_source(tmp_path: Path) -> None:
    house = Commons(many(3))
    [image] = await crawled(tmp_path, house, "https://commons.wikimedia.org/wiki/File:Print_2.jpg")
    assert image.metadata.title == "Print 2"


async def test_a_category_goes_on_behind_its_cursor() -> None:
    async with City(Commons(many(120))) as city, Fetcher.open(settings_of(), resolver=city.resolver) as fetcher:
        source, task = source_for("commons"), task_for(f"commons:{PRINTS}", "commons")
        batches = [found async for found in source.expand(task, fetcher)]
        everything = [candidate.url for found in batches for candidate in found.candidates]
        assert len(set(everything)) == len(everything) == 120
        assert batches[-1].cursor is None
        for number, batch in enumerate(batches[:-1], start=1):
            rest = await expanded(task_for(f"commons:{PRINTS}", "commons", cursor=batch.cursor), fetcher)
            done = [candidate.url for found in batches[:number] for candidate in found.candidates]
            assert [candidate.url for candidate in rest] == everything[len(done) :]


async def test_a_new_version_of_a_file_has_another_revision() -> None:
    async def revision(version: int) -> str | None:
        house = Commons([Media(1, "File:A.jpg", (PRINTS,), version=version)])
        async with City(house) as city, Fetcher.open(settings_of(), resolver=city.resolver) as fetcher:
            [candidate] = await expanded(task_for(f"commons:{PRINTS}", "commons"), fetcher)
            return candidate.revision

    assert await revision(1) == await revision(1)
    assert await revision(1) != await revision(2)


async def test_a_wiki_that_lags_is_asked_again_later() -> None:
    task = task_for(f"commons:{PRINTS}", "commons")
    house = Commons(many(1), lagging=1)
    async with City(house) as city, Fetcher.open(settings_of(), resolver=city.resolver) as fetcher:
        _, error = await until_error(task, fetcher)
        assert (error.kind, error.retryable) == (FailureKind.RATE_LIMITED, True)
        assert error.retry_after == pytest.approx(5.9)
        assert len(await expanded(task, fetcher)) == 1


@pytest.mark.parametrize("title", ["Category:Nothing", "File:Nothing.jpg"])
async def test_a_page_that_is_not_there_is_a_failure(title: str) -> None:
    async with City(Commons(many(1))) as city, Fetcher.open(settings_of(), resolver=city.resolver) as fetcher:
        _, error = await until_error(task_for(f"commons:{title}", "commons"), fetcher)
    assert (error.kind, error.retryable) == (FailureKind.NOT_FOUND, False)


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {"query": []},
        {"query": {"pages": {"1": {}}}},
        {"query": {"pages": [1, {"title": 3}, {"title": "File:A.jpg", "imageinfo": [{"mime": []}]}]}},
        {"query": {"pages": [{"title": "File:A", "imageinfo": [{"mime": "image/png", "url": 1, "extmetadata": [3]}]}]}},
        {"query": {"pages": [{"title": "Category:\ud800"}]}, "continue": {"gcmcontinue": "x" * 20_000}},
        {"query": {"pages": [{"title": "Category:A"}]}, "continue": {"gcmcontinue": {"a": []}, "action": "edit"}},
        {"error": "no"},
        {"error": {"code": {}, "info": [], "lag": float("nan")}},
        {"error": {"code": "maxlag", "info": None, "lag": float("inf")}},
    ],
)
async def test_an_absurd_answer_yields_no_picture_or_says_what_is_wrong(answer: Any) -> None:
    house = Commons([], raw=json.dumps(answer).encode())
    async with City(house) as city, Fetcher.open(settings_of(), resolver=city.resolver) as fetcher:
        with suppress(ItemError):
            assert of_kind(await expanded(task_for(f"commons:{PRINTS}", "commons"), fetcher), "image") == []
        assert all("action=edit" not in asked.path for asked in city.log)
        assert len(city.log) < 6


@pytest.mark.parametrize(
    ("license_name", "is_open"),
    [
        ("Public domain", True),
        ("CC0", True),
        ("CC BY 4.0", True),
        ("CC BY-SA 3.0 nl", True),
        ("No restrictions", True),
        ("CC BY-NC 2.0", False),
        ("CC BY-NC-SA 2.0", False),
        ("CC BY-ND 2.0", False),
        ("GFDL", False),
        ("FAL", False),
        ("Copyrighted free use", False),
        ("", False),
    ],
)
async def test_open_access_is_what_asks_for_no_more_than_a_line_beside_the_picture(
    license_name: str, is_open: bool
) -> None:
    info = {"mime": "image/png", "url": "http://a/b.png", "extmetadata": {"LicenseShortName": {"value": license_name}}}
    house = Commons([], raw=json.dumps({"query": {"pages": [{"title": "File:B.png", "imageinfo": [info]}]}}).encode())
    async with City(house) as city, Fetcher.open(settings_of(), resolver=city.resolver) as fetcher:
        assert bool(await expanded(task_for("commons:File:B.png", "commons"), fetcher)) is is_open
