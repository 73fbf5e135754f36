"""A museum's news from its feed to the gallery, and what is read of it the next time."""

from __future__ import annotations

from pathlib import Path

import pytest

from artalike.records import SeedState
from tests.city.city import City
from tests.city.press import BASE, HOST, PER_PAGE, RIGHTS, Press
from tests.crawl.sources.visits import collected
from tests.running import running, settings_for, settled

SHOWS = ("media", "article", "page", "nowhere")


def press(count: int) -> Press:
    house = Press()
    for number in range(1, count + 1):
        house.publish(number, SHOWS[(number - 1) % 4])
    return house


@pytest.mark.parametrize("path", ["/feed/", "/feed/atom/"])
async def test_the_pictures_of_all_pages_arrive_with_what_is_said_of_them(tmp_path: Path, path: str) -> None:
    house = press(8)
    async with City(house) as city, running(settings_for(tmp_path), resolver=city.resolver) as service:
        number = await service.add_seed(f"{BASE}{path}")
        await settled(service)
        images = await collected(service)
        seed = await service.frontier.seed(number)
        asked = [each.path for each in city.asked(HOST)]
    assert sorted(images) == [f"{number}-1600.jpg" for number in (1, 2, 3, 5, 6, 7)]
    assert (seed.kind, seed.state, seed.images, seed.failed) == ("feed", SeedState.DONE, 6, 0)
    of_media, of_article, of_page = (images[f"{number}-1600.jpg"].metadata for number in (1, 2, 3))
    assert (of_media.date, of_media.rights, of_media.page_url) == ("2024-01-02", RIGHTS, f"{BASE}/story/1")
    if path == "/feed/":
        assert (of_media.title, of_media.creator) == ("Picture 1", "Artist 1")
        assert of_media.extra["full_url"] == f"{BASE}/1-4800.jpg"
    assert (of_article.title, of_article.creator) == ("In article 2", "Curator 2")
    assert of_article.extra["feed"] == "Press"
    assert (of_page.title, of_page.page_url) == ("On the page of 3", f"{BASE}/story/3")
    # The pages of items without pictures, and none that those lead to.
    assert sorted(path for path in asked if "story" in path) == [f"/story/{number}" for number in (3, 4, 7, 8)]
    assert [each for each in asked if each.startswith(path)] == [path, f"{path}?paged=2", f"{path}?paged=3"]


async def test_the_next_crawls_bring_what_is_new_and_ask_for_nothing_else(tmp_path: Path) -> None:
    house = press(8)
    async with City(house) as city, running(settings_for(tmp_path), resolver=city.resolver) as service:
        number = await service.add_seed(f"{BASE}/feed/")
        await settled(service)
        seen = len(city.log)

        async def again() -> list[str]:
            nonlocal seen
            assert await service.frontier.crawl_again(number)
            service.pipeline.wake()
            await settled(service)
            asked, seen = [each.path for each in city.log[seen:]], len(city.log)
            return asked

        assert await again() == ["/feed/"]
        assert house.not_modified == 1
        house.publish(9)
        house.publish(10, "page")
        assert sorted(await again()) == ["/10-1600.jpg", "/9-1600.jpg", "/feed/", "/story/10"]
        # More than a page of news: read on, up to where the last crawl began.
        for new in range(11, 11 + PER_PAGE + 1):
            house.publish(new)
        asked = await again()
        assert [path for path in asked if path.startswith("/feed/")] == ["/feed/", "/feed/?paged=2"]
        assert len([path for path in asked if path.endswith(".jpg")]) == PER_PAGE + 1
        # A changed item without a picture: its page is read again.
        house.stories[9].changed = 5
        house.publish(15, "nowhere")
        assert "/story/15" in await again()
        seed = await service.frontier.seed(number)
    assert (seed.state, seed.failed) == (SeedState.DONE, 0)


async def test_a_page_is_read_again_when_its_item_has_changed(tmp_path: Path) -> None:
    house = Press()
    story, other = house.publish(1, "nowhere"), house.publish(2, "nowhere")
    async with City(house) as city, running(settings_for(tmp_path), resolver=city.resolver) as service:
        number = await service.add_seed(f"{BASE}/feed/atom/")
        await settled(service)
        assert await collected(service) == {}
        story.shows, story.changed = "page", 3
        other.shows = "page"  # and says nothing of it
        assert await service.frontier.crawl_again(number)
        service.pipeline.wake()
        await settled(service)
        assert list(await collected(service)) == ["1-1600.jpg"]
        assert len(city.asked(HOST, "/story/2")) == 1
