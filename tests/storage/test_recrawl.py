"""A source that is read again: only what may have changed, as often as it was asked for."""

from __future__ import annotations

import asyncio
import time

import pytest

from artalike.errors import NotFound
from artalike.records import Candidate, Failure, Metadata, SeedState, Task, Validators
from artalike.storage.catalog import Database
from artalike.storage.found import Bounds
from artalike.storage.images import Images
from artalike.storage.seeds import CrawlQueue
from tests.storage.conftest import embedding_of, leased, pictures

ROOT = Candidate("https://a.example/sitemap.xml", "sitemap")


async def begin(frontier: CrawlQueue, **options: object) -> Task:
    await frontier.add_seed(ROOT, ROOT.url, options)
    [root] = await leased(frontier)
    return root


def page(name: str, revision: str | None = None) -> Candidate:
    return Candidate(f"https://a.example/{name}", "page", revision=revision)


async def crawl(frontier: CrawlQueue, *found: Candidate, **options: object) -> list[str]:
    """Read the root, which names ``found``, and all that is then due. What was due, without the root."""
    root = await begin(frontier, **options)
    await frontier.store_found(root, found, cursor=None)
    await frontier.finish(root)
    tasks = await leased(frontier)
    for task in tasks:
        await frontier.finish(task)
    return sorted(task.url.rpartition("/")[2] for task in tasks)


async def test_documents_are_read_again_when_their_revision_says_so_or_nothing_says(frontier: CrawlQueue) -> None:
    assert await crawl(frontier, page("old", "1"), page("new", "1"), page("silent")) == ["new", "old", "silent"]
    assert await crawl(frontier, page("old", "1"), page("new", "2"), page("silent")) == ["new", "silent"]
    [seed] = await frontier.seeds()
    assert (seed.found, seed.done, seed.pending, seed.crawl, seed.state) == (4, 4, 0, 2, SeedState.DONE)


async def test_a_document_is_read_once_in_a_crawl_however_often_it_is_named(frontier: CrawlQueue) -> None:
    root = await begin(frontier)
    await frontier.store_found(root, [page("a")], cursor="1")
    [a] = await leased(frontier)
    await frontier.finish(a)
    await frontier.store_found(root, [page("a")], cursor="2")
    assert await leased(frontier) == []


async def test_a_picture_is_had_once_until_its_revision_changes(frontier: CrawlQueue, images: Images) -> None:
    url = "https://a.example/1.jpg"
    for revision, due in (("1", 1), ("1", 0), ("2", 1), (None, 0)):
        root = await begin(frontier)
        await frontier.store_found(root, [Candidate(url, revision=revision)], cursor=None)
        await frontier.finish(root)
        tasks = await leased(frontier)
        assert [(task.url, task.recheck) for task in tasks] == [(url, revision == "2")] * due
        if tasks:
            await images.commit([embedding_of(task) for task in tasks])
    [seed] = await frontier.seeds()
    assert (seed.found, seed.done, seed.images) == (2, 2, 1)


async def test_what_a_server_gave_comes_back_with_the_task(frontier: CrawlQueue) -> None:
    root = await begin(frontier)
    assert not root.recheck
    await frontier.store_found(root, [], cursor=None, checkpoint="2026-01-01")
    await frontier.finish(root, validators=Validators('"abc"', "Thu, 01 Jan 2026 00:00:00 GMT"))
    again = await begin(frontier)
    assert (again.recheck, again.validators.etag, again.checkpoint) == (True, '"abc"', "2026-01-01")


async def test_a_checkpoint_counts_when_its_expansion_has_come_to_its_end(frontier: CrawlQueue) -> None:
    root = await begin(frontier)
    await frontier.store_found(root, [], cursor="7", checkpoint="new")
    await frontier.release([root])
    [resumed] = await leased(frontier)
    assert (resumed.cursor, resumed.checkpoint) == ("7", None)
    await frontier.finish(resumed)
    assert (await begin(frontier)).checkpoint == "new"


async def test_behind_an_unchanged_document_others_are_read_again(frontier: CrawlQueue) -> None:
    await crawl(frontier, page("a"), page("dated", "1"), *pictures("p"))
    root = await begin(frontier)
    await frontier.unchanged(root)
    assert [task.url for task in await leased(frontier)] == ["https://a.example/a"]
    [seed] = await frontier.seeds()
    assert (seed.found, seed.pending, seed.done, seed.state) == (4, 1, 3, SeedState.RUNNING)


async def test_other_options_make_everything_be_read_again(frontier: CrawlQueue) -> None:
    await crawl(frontier, page("dated", "1"))
    root = await begin(frontier, depth=3)
    assert not root.validators
    await frontier.store_found(root, [page("dated", "1")], cursor=None)
    assert len(await leased(frontier)) == 1


async def test_a_seed_is_crawled_again_in_its_time(frontier: CrawlQueue) -> None:
    root = await begin(frontier, recrawl="1s")
    assert await frontier.recrawl_due() == 0
    await frontier.finish(root)
    [seed] = await frontier.seeds()
    assert seed.recrawl_at == pytest.approx(time.time() + 1, abs=0.5)
    assert await frontier.recrawl_due() == 0
    await asyncio.sleep(1.1)
    assert await frontier.recrawl_due() == 1
    assert await frontier.recrawl_due() == 0
    [again] = await leased(frontier)
    assert (again.url, again.recheck) == (ROOT.url, True)


async def test_a_source_says_how_often_it_is_worth_reading_unless_the_person_does(frontier: CrawlQueue) -> None:
    root = await begin(frontier)
    await frontier.store_found(root, [], cursor=None, recrawl=3600)
    await frontier.finish(root)
    [seed] = await frontier.seeds()
    assert seed.recrawl_seconds == 3600
    assert seed.recrawl_at == pytest.approx(time.time() + 3600, abs=5)
    seed = await frontier.set_recrawl(seed.id, 0)
    assert (seed.recrawl_seconds, seed.recrawl_at) == (0, None)
    root = await begin(frontier)
    await frontier.store_found(root, [], cursor=None, recrawl=3600)
    assert (await frontier.seed(seed.id)).recrawl_seconds == 0


async def test_a_paced_seed_gets_no_more_than_its_rate(frontier: CrawlQueue) -> None:
    root = await begin(frontier)
    await frontier.store_found(root, pictures(*map(str, range(40))), cursor=None)
    await frontier.set_rate(root.seed_id, 4)
    begun, got = time.monotonic(), 0
    while time.monotonic() - begun < 2.2:
        got += len(await frontier.lease(64, busy_hosts=(), per_host=64))
        await asyncio.sleep(0.02)
    assert 4 * 2 <= got <= 4 * 3
    due = await frontier.next_due()
    assert due is not None
    assert due > time.time()
    await frontier.set_rate(root.seed_id, None)
    assert len(await frontier.lease(64, busy_hosts=(), per_host=64)) == 40 - got
    with pytest.raises(NotFound):
        await frontier.set_rate(99, 1)


async def test_a_rate_may_be_written_as_text(frontier: CrawlQueue) -> None:
    seed = await frontier.add_seed(ROOT, ROOT.url, {"rate": " 1_000"})
    assert seed.rate == 1000
    assert len(await leased(frontier)) == 1


async def test_a_corrected_record_replaces_what_its_own_source_said(frontier: CrawlQueue, images: Images) -> None:
    url, record = "https://a.example/1.jpg", page("record")
    named = Candidate(url, metadata=Metadata(title="Untitled", creator="Hokusai"))
    assert await crawl(frontier, record) == ["record"]
    root = await begin(frontier)
    await frontier.store_found(root, [named], cursor=None)
    await frontier.finish(root)
    tasks = await leased(frontier)
    committed = await images.commit([embedding_of(task) for task in tasks if task.kind == "image"])
    root = await begin(frontier)
    await frontier.store_found(root, [Candidate(url, metadata=Metadata(title="The Wave"))], cursor=None)
    [image] = await images.images([committed[0].id])
    assert (image.metadata.title, image.metadata.creator) == ("The Wave", "Hokusai")


async def test_another_source_only_fills_what_is_empty(frontier: CrawlQueue, images: Images) -> None:
    [task] = await seed_pictures(frontier, Candidate("https://a.example/1.jpg", metadata=Metadata(title="The Wave")))
    [committed] = await images.commit([embedding_of(task)])
    other = Candidate("https://a.example/1.jpg", metadata=Metadata(title="pic", date="1831"))
    await frontier.add_seed(Candidate("https://b.example/l.txt", "list"), "https://b.example/l.txt", {})
    [root] = await leased(frontier)
    await frontier.store_found(root, [other], cursor=None)
    [image] = await images.images([committed.id])
    assert (image.metadata.title, image.metadata.date) == ("The Wave", "1831")


async def seed_pictures(frontier: CrawlQueue, *found: Candidate) -> list[Task]:
    root = await begin(frontier)
    await frontier.store_found(root, found, cursor=None)
    await frontier.finish(root)
    return await leased(frontier)


async def test_what_is_kept_for_a_seed_is_bounded_and_it_says_so(database: Database) -> None:
    frontier = CrawlQueue(database, bounds=Bounds(found=5))
    root = await begin(frontier)
    assert await frontier.store_found(root, pictures(*"abcdefgh"), cursor=None) == 4
    assert (await frontier.seed(root.seed_id)).error == "stopped at 5 addresses (crawl.max_found)"


async def test_what_must_not_come_in_is_counted_and_never_handed_out(database: Database) -> None:
    frontier = CrawlQueue(database, refuses=lambda url: "blocked" if "b.jpg" in url else None)
    [task] = await seed_pictures(frontier, *pictures("a", "b"))
    assert task.url.endswith("a.jpg")
    [seed] = await frontier.seeds()
    assert (seed.found, seed.pending, seed.failed) == (3, 1, 1)
    [group] = await frontier.failure_groups()
    assert group.kind == "blocked"
    assert await frontier.retry_failures() == 0


async def test_trying_again_takes_what_may_work_another_time(frontier: CrawlQueue) -> None:
    tasks = await seed_pictures(frontier, *pictures("slow", "gone", "refused"))
    kinds = {"slow": "timeout", "gone": "not_found", "refused": "refused"}
    await frontier.fail([Failure(t, kinds[t.url.rpartition("/")[2][:-4]], "") for t in tasks])
    assert await frontier.retry_failures() == 1
    assert await frontier.retry_failures(kind="not_found") == 1


async def test_a_cancelled_seed_stays_cancelled_whatever_is_noticed_after(frontier: CrawlQueue) -> None:
    root = await begin(frontier)
    await frontier.set_seed_state(root.seed_id, SeedState.CANCELLED)
    assert not await frontier.crawl_again(root.seed_id)
    assert await frontier.add_found(root.seed_id, pictures("late")) == 0
    assert (await frontier.seed(root.seed_id)).state is SeedState.CANCELLED
    with pytest.raises(NotFound):
        await frontier.root(root.seed_id)
