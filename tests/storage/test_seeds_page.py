"""However many sources there are, they are listed a page at a time."""

from __future__ import annotations

from artalike.records import Candidate, SeedState
from artalike.storage.seeds import CrawlQueue


async def test_pages_hold_each_seed_once_newest_first(frontier: CrawlQueue) -> None:
    for number in range(1, 12):
        await frontier.add_seed(Candidate(f"https://{number}.example/", kind="page"), f"source {number}", {})
    whole = await frontier.seeds()
    met, before = [], None
    while True:
        page, total = await frontier.seeds_page(4, before=before)
        assert total == 11
        assert len(page) <= 4
        if not page:
            break
        met += page
        before = page[-1].id
    assert met == whole


async def test_pages_are_narrowed_by_state_and_source(frontier: CrawlQueue) -> None:
    for number in range(1, 7):
        seed = await frontier.add_seed(Candidate(f"https://{number}.example/", kind="page"), f"source {number}", {})
        if number % 2:
            await frontier.set_seed_state(seed.id, SeedState.PAUSED)
    paused, total = await frontier.seeds_page(2, state=SeedState.PAUSED)
    assert ([seed.source for seed in paused], total) == (["source 5", "source 3"], 3)
    last, _ = await frontier.seeds_page(2, state=SeedState.PAUSED, before=paused[-1].id)
    assert [seed.source for seed in last] == ["source 1"]
    await frontier.add_seed(Candidate("https://4.example/feed", kind="feed"), "source 4", {})
    both, total = await frontier.seeds_page(9, source="source 4")
    assert ([seed.kind for seed in both], total) == (["feed", "page"], 2)
    assert await frontier.seeds_page(9, source="nothing") == ([], 0)
