from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

from artalike.errors import NotFound, UsageError
from artalike.records import Candidate, Failure, Metadata, SeedState
from artalike.storage.catalog import Database
from artalike.storage.found import _KNOWN, _KNOWN_IMAGES, Bounds
from artalike.storage.images import Images
from artalike.storage.seeds import ROOT_OF, WORTH_ANOTHER_TRY, CrawlQueue
from tests.storage.conftest import embedding_of, leased, on_sqlite, pictures, seed_with


async def test_a_row_is_leased_once_until_it_is_given_back(frontier: CrawlQueue) -> None:
    await seed_with(frontier, pictures("a", "b"))
    tasks = await leased(frontier)
    assert len(tasks) == 2
    assert await leased(frontier) == []
    await frontier.release(tasks[:1])
    assert [task.url for task in await leased(frontier)] == [tasks[0].url]


async def test_what_a_dead_process_had_leased_is_due_again(frontier: CrawlQueue) -> None:
    await seed_with(frontier, pictures("a", "b", "c"))
    await leased(frontier)
    assert await frontier.recover() == 3
    assert len(await leased(frontier)) == 3


async def test_a_small_seed_is_served_at_once_beside_a_big_one(frontier: CrawlQueue) -> None:
    await seed_with(frontier, pictures(*map(str, range(500)), host="big.example"), source="https://big.example/l.txt")
    await frontier.lease(8, busy_hosts=(), per_host=8)
    await seed_with(frontier, pictures("new", host="small.example"), source="https://small.example/l.txt")
    tasks = await frontier.lease(8, busy_hosts=(), per_host=8)
    assert tasks[0].url == "https://small.example/new.jpg"


async def test_leases_spread_over_hosts_and_leave_busy_ones_alone(frontier: CrawlQueue) -> None:
    found = [c for host in ("a", "b", "c") for c in pictures(*map(str, range(20)), host=f"{host}.example")]
    await seed_with(frontier, found)
    tasks = await frontier.lease(100, busy_hosts={"b.example"}, per_host=4)
    assert Counter(task.host for task in tasks) == {"a.example": 4, "c.example": 4}


async def test_pictures_go_before_documents_of_the_same_host(frontier: CrawlQueue) -> None:
    await seed_with(frontier, [Candidate("https://a.example/page", kind="page"), *pictures("a")])
    assert [task.kind for task in await leased(frontier)] == ["image", "page"]


async def test_a_failure_to_retry_waits_its_time_and_one_for_good_is_counted(frontier: CrawlQueue) -> None:
    seed_id = await seed_with(frontier, pictures("slow", "gone"))
    slow, gone = await leased(frontier)
    due = time.time() + 0.2
    await frontier.fail([Failure(slow, "timeout", "no answer", due), Failure(gone, "not_found", "HTTP 404")])
    assert await leased(frontier) == []
    assert await frontier.next_due() == pytest.approx(due)
    [group] = await frontier.failure_groups()
    assert (group.kind, group.count, group.example_url, group.example_detail) == ("not_found", 1, gone.url, "HTTP 404")
    while time.time() < due:
        pass
    [again] = await leased(frontier)
    assert (again.url, again.attempts) == (slow.url, 1)
    seed = await frontier.seed(seed_id)
    assert (seed.found, seed.pending, seed.failed, seed.state) == (3, 1, 1, SeedState.RUNNING)


async def test_failures_can_be_tried_again_by_kind(frontier: CrawlQueue) -> None:
    seed_id = await seed_with(frontier, pictures("a", "b"))
    a, b = await leased(frontier)
    await frontier.fail([Failure(a, "timeout", ""), Failure(b, "not_found", "")])
    assert (await frontier.seed(seed_id)).state is SeedState.DONE
    assert await frontier.retry_failures(kind="timeout") == 1
    assert [task.url for task in await leased(frontier)] == [a.url]
    seed = await frontier.seed(seed_id)
    assert (seed.state, seed.pending, seed.failed) == (SeedState.RUNNING, 1, 1)


async def test_a_seed_is_done_when_all_is_settled_and_failed_when_its_source_is(
    frontier: CrawlQueue, images: Images
) -> None:
    seed_id = await seed_with(frontier, pictures("a"))
    assert (await frontier.seed(seed_id)).state is SeedState.RUNNING
    await images.commit([embedding_of(task) for task in await leased(frontier)])
    seed = await frontier.seed(seed_id)
    assert (seed.state, seed.found, seed.pending, seed.done, seed.images) == (SeedState.DONE, 2, 0, 2, 1)

    bad = await frontier.add_seed(Candidate("https://no.example/", kind="page"), "https://no.example/", {})
    [root] = await leased(frontier)
    await frontier.fail([Failure(root, "dns", "no.example: no such host")])
    bad = await frontier.seed(bad.id)
    assert (bad.state, bad.error) == (SeedState.FAILED, "no.example: no such host")


async def test_an_expansion_goes_on_at_its_cursor(frontier: CrawlQueue) -> None:
    source = "https://a.example/l.txt"
    await frontier.add_seed(Candidate(source, kind="list"), source, {"url_col": "u"})
    [root] = await leased(frontier)
    assert (root.cursor, root.options) == (None, {"url_col": "u"})
    assert await frontier.store_found(root, pictures("a", "b"), cursor="2") == 2
    await frontier.recover()
    again = next(task for task in await leased(frontier) if task.kind == "list")
    assert again.cursor == "2"
    assert await frontier.store_found(again, pictures("b", "c"), cursor="3") == 1


async def test_metadata_found_later_fills_a_waiting_row(frontier: CrawlQueue) -> None:
    await frontier.add_seed(Candidate("https://a.example/", kind="page"), "https://a.example/", {})
    [root] = await leased(frontier)
    url = "https://a.example/x.jpg"
    await frontier.store_found(root, [Candidate(url, metadata=Metadata(title="From the sitemap"))], cursor=None)
    later = Metadata(title="From the page", creator="Her", extra={"medium": "oil"})
    assert await frontier.store_found(root, [Candidate(url, metadata=later)], cursor=None) == 0
    [task] = await leased(frontier)
    assert task.metadata == Metadata(title="From the sitemap", creator="Her", extra={"medium": "oil"})


async def test_what_the_collection_has_is_not_fetched_again(frontier: CrawlQueue, images: Images) -> None:
    await seed_with(frontier, pictures("a"))
    waiting_elsewhere = await seed_with(frontier, pictures("a"), source="https://a.example/second.txt")
    tasks = await leased(frontier)
    await images.commit([embedding_of(task) for task in tasks[:1]])
    await frontier.release(tasks[1:])
    assert await leased(frontier) == []
    assert (await frontier.seed(waiting_elsewhere)).state is SeedState.DONE
    third = await seed_with(frontier, pictures("a"), source="https://a.example/third.txt")
    assert (await frontier.seed(third)).images == 1
    assert await leased(frontier) == []


async def test_a_paused_seed_rests_and_goes_on(frontier: CrawlQueue) -> None:
    seed_id = await seed_with(frontier, pictures("a"))
    await frontier.set_seed_state(seed_id, SeedState.PAUSED)
    assert await leased(frontier) == []
    assert await frontier.next_due() is None
    await frontier.set_seed_state(seed_id, SeedState.RUNNING)
    assert len(await leased(frontier)) == 1


async def test_a_seed_that_comes_to_its_end_while_it_is_paused_is_done_when_it_goes_on(frontier: CrawlQueue) -> None:
    root = Candidate("https://a.example/", kind="page")
    seed = await frontier.add_seed(root, root.url, {"recrawl": "1h"})
    [task] = await leased(frontier)
    await frontier.set_seed_state(seed.id, SeedState.PAUSED)
    await frontier.finish(task)
    seed = await frontier.set_seed_state(seed.id, SeedState.RUNNING)
    assert (seed.state, seed.recrawl_at) == (SeedState.DONE, seed.updated_at + 3600)


async def test_a_paused_seed_with_nothing_left_is_read_again_when_it_is_handed_in_again(frontier: CrawlQueue) -> None:
    root = Candidate("https://a.example/", kind="page")
    seed = await frontier.add_seed(root, root.url, {})
    [task] = await leased(frontier)
    await frontier.set_seed_state(seed.id, SeedState.PAUSED)
    await frontier.finish(task)
    seed = await frontier.add_seed(root, root.url, {})
    assert (seed.state, seed.pending, seed.crawl) == (SeedState.RUNNING, 1, 2)
    assert [task.url for task in await leased(frontier)] == [root.url]


async def test_a_cancelled_seed_forgets_what_is_pending_even_in_flight(frontier: CrawlQueue, images: Images) -> None:
    seed_id = await seed_with(frontier, pictures("a", "b", "c"))
    a, b = await frontier.lease(2, busy_hosts=(), per_host=2)
    seed = await frontier.set_seed_state(seed_id, SeedState.CANCELLED)
    assert (seed.found, seed.pending, seed.done) == (1, 0, 1)
    await images.commit([embedding_of(a)])
    await frontier.fail([Failure(b, "timeout", "", time.time())])
    seed = await frontier.seed(seed_id)
    assert (seed.state, seed.pending, seed.failed) == (SeedState.CANCELLED, 0, 0)
    assert await leased(frontier) == []
    with pytest.raises(UsageError, match="cancelled"):
        await frontier.set_seed_state(seed_id, SeedState.RUNNING)


async def test_what_a_cancelled_seed_has_to_forget_lets_others_write_in_between(
    frontier: CrawlQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artalike.storage.seeds.FORGOTTEN_AT_ONCE", 2)
    other = await seed_with(frontier, pictures("x"), source="https://b.example/list.txt")
    seed_id = await seed_with(frontier, pictures(*"abcdefg"))
    cancelling = asyncio.create_task(frontier.set_seed_state(seed_id, SeedState.CANCELLED))
    while (await frontier.seed(seed_id)).state is not SeedState.CANCELLED:
        await asyncio.sleep(0)
    assert [task.seed_id for task in await leased(frontier)] == [other]
    assert (await frontier.seed(seed_id)).pending > 0
    seed = await cancelling
    assert (seed.state, seed.found, seed.pending, seed.done) == (SeedState.CANCELLED, 1, 0, 1)
    assert await frontier.waiting_hosts(9, first=()) == []


async def test_a_cancelled_seed_that_a_killed_process_has_not_emptied_is_emptied_at_the_start(
    frontier: CrawlQueue, database: Database
) -> None:
    seed_id = await seed_with(frontier, pictures(*"abc"))
    async with database.write() as connection:
        await connection.execute("UPDATE seeds SET state = 'cancelled'")
    assert await frontier.recover() == 0
    seed = await frontier.seed(seed_id)
    assert (seed.state, seed.found, seed.pending) == (SeedState.CANCELLED, 1, 0)


async def test_a_source_seeded_again_is_read_again_for_what_is_new(frontier: CrawlQueue, images: Images) -> None:
    seed_id = await seed_with(frontier, pictures("a", "b", "gone"))
    a, b, gone = await leased(frontier)
    await images.commit([embedding_of(a)])
    await frontier.fail([Failure(b, "timeout", "no answer"), Failure(gone, "not_found", "HTTP 404")])
    assert await seed_with(frontier, pictures("a", "b", "c", "gone")) == seed_id
    assert sorted(task.url[-5:] for task in await leased(frontier)) == ["b.jpg", "c.jpg"]
    seed = await frontier.seed(seed_id)
    assert (seed.found, seed.pending, seed.done, seed.failed, seed.crawl) == (5, 2, 2, 1, 2)


async def test_a_site_that_links_without_end_is_bounded_and_says_so(database: Database) -> None:
    frontier = CrawlQueue(database, bounds=Bounds(documents=5))
    pages = [Candidate(f"https://a.example/calendar/{day}", kind="page") for day in range(50)]
    seed_id = await seed_with(frontier, pages + pictures("a", "b"))
    tasks = await leased(frontier)
    assert Counter(task.kind for task in tasks) == {"page": 5, "image": 2}
    assert (await frontier.seed(seed_id)).error == "stopped at 5 documents (crawl.max_documents)"


async def test_what_a_cancelled_seed_forgets_leaves_room_for_what_is_found_again(database: Database) -> None:
    frontier = CrawlQueue(database, bounds=Bounds(documents=5))
    pages = [Candidate(f"https://a.example/{number}", kind="page") for number in range(5)]
    seed_id = await seed_with(frontier, pages)
    await frontier.set_seed_state(seed_id, SeedState.CANCELLED)
    assert await seed_with(frontier, pages) == seed_id
    seed = await frontier.seed(seed_id)
    assert (seed.pending, seed.error) == (5, None)


async def test_seeds_are_told_by_kind(frontier: CrawlQueue) -> None:
    for kind in ("folder", "page", "folder"):
        root = Candidate(f"file:///{len(await frontier.seeds())}", kind=kind)
        await frontier.add_seed(root, root.url, {})
    assert [seed.id for seed in await frontier.seeds(kind="folder")] == [3, 1]
    assert [seed.id for seed in await frontier.seeds()] == [3, 2, 1]


async def test_unknown_seeds_are_not_found(frontier: CrawlQueue) -> None:
    with pytest.raises(NotFound):
        await frontier.seed(7)
    with pytest.raises(NotFound):
        await frontier.set_seed_state(7, SeedState.PAUSED)


async def test_hostile_text_is_only_data(frontier: CrawlQueue, database: Database) -> None:
    url = "https://a.example/'); DROP TABLE images; --.jpg"
    await seed_with(frontier, [Candidate(url, metadata=Metadata(title="'\"; DELETE FROM seeds; \x00 ü 🎨"))])
    [task] = await leased(frontier)
    assert (task.url, task.metadata.title) == (url, "'\"; DELETE FROM seeds; \x00 ü 🎨")
    assert await database.check() == []


@on_sqlite
async def test_what_is_found_is_looked_up_in_the_frontier_and_not_the_other_way_round(database: Database) -> None:
    async with database.read() as connection:
        for query, values in ((_KNOWN, ("[]", 1)), (_KNOWN_IMAGES, ("[]",))):
            plan = [row[3] for row in await connection.execute_fetchall(f"EXPLAIN QUERY PLAN {query}", values)]
            assert plan[0].startswith("SCAN found")
            assert plan[1].startswith("SEARCH")


@on_sqlite
async def test_among_millions_of_rows_a_root_and_what_failed_are_found_by_indexes_of_their_own(
    database: Database,
) -> None:
    async with database.read() as connection:
        for query, values, index in (
            (ROOT_OF, (1,), "frontier_roots (seed_id=?)"),
            (f"SELECT id FROM frontier WHERE {WORTH_ANOTHER_TRY}", (1, "[]"), "frontier_failed (error_kind=?)"),
        ):
            plan = [row[3] for row in await connection.execute_fetchall(f"EXPLAIN QUERY PLAN {query}", values)]
            assert plan[0] == f"SEARCH frontier USING INDEX {index}"
            assert not any("TEMP B-TREE" in step for step in plan)


async def test_hosts_are_told_with_what_waits_for_them(frontier: CrawlQueue) -> None:
    await seed_with(frontier, [*pictures("1", "2", "3"), *pictures("4", host="b.example")])
    await seed_with(frontier, pictures("5", "6", host="b.example"), source="https://c.example/list.txt")
    assert await frontier.waiting_hosts(9, first=()) == [("a.example", 3), ("b.example", 3)]
    paused = await seed_with(frontier, pictures("7", host="d.example"), source="https://d.example/list.txt")
    assert await frontier.waiting_hosts(1, first=("d.example",)) == [("d.example", 1)]
    await frontier.set_seed_state(paused, SeedState.PAUSED)
    assert [host for host, _ in await frontier.waiting_hosts(9, first=())] == ["a.example", "b.example"]
