from __future__ import annotations

import asyncio
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artalike.errors import QueryError
from artalike.search import cursors
from artalike.search.random_pages import SEED_LIMIT, Order, RandomCursor, own_seed
from tests.fakes import FakeServices, make_services

# What happens between two pages: so many images come, and some of those that are there go.
changes = st.lists(st.tuples(st.integers(0, 30), st.lists(st.integers(0, 10**6), max_size=10)), max_size=30)
seeds = st.none() | st.integers(0, SEED_LIMIT)


def change(fake: FakeServices, added: int, removed: list[int]) -> set[int]:
    for _ in range(added):
        fake.images.add()
    gone = set()
    for choice in removed:
        if there := sorted(fake.images.by_id):
            gone.add(there[choice % len(there)])
            fake.images.remove(there[choice % len(there)])
    return gone


@given(start=st.integers(0, 120), before=changes, between=changes, limit=st.integers(1, 40), seed=seeds)
@settings(deadline=None)
async def test_pages_hold_all_that_stayed_once_while_the_collection_changes(
    start: int, before: list[tuple[int, list[int]]], between: list[tuple[int, list[int]]], limit: int, seed: int | None
) -> None:
    fake = make_services(start)
    for added, removed in before:
        change(fake, added, removed)
    there, gone, steps = set(fake.images.by_id), set[int](), iter(between)
    page = await fake.services.random.page(limit=limit, seed=seed)
    seen = [image.id for image in page.images]
    while page.cursor is not None:
        assert len(page.images) == limit
        gone |= change(fake, *next(steps, (0, [])))
        page = await fake.services.random.go_on(page.cursor, limit=limit)
        seen += [image.id for image in page.images]
    assert len(seen) == len(set(seen))
    assert there - gone <= set(seen) <= there


@given(start=st.integers(0, 150), before=changes, limit=st.integers(1, 40), seed=seeds)
@settings(deadline=None)
async def test_offsets_give_every_image_once_at_rest(
    start: int, before: list[tuple[int, list[int]]], limit: int, seed: int | None
) -> None:
    fake = make_services(start)
    for added, removed in before:
        change(fake, added, removed)
    seen: list[int] = []
    for offset in range(0, len(fake.images.by_id) + limit, limit):
        page = await fake.services.random.page(limit=limit, offset=offset, seed=seed)
        assert page.total == len(fake.images.by_id)
        assert len(page.images) == max(0, min(limit, page.total - offset))
        seen += [image.id for image in page.images]
    assert sorted(seen) == sorted(fake.images.by_id)


async def test_offset_and_cursor_walk_the_same_order() -> None:
    fake = make_services(300)
    for number in range(1, 300, 3):
        fake.images.remove(number)
    first = await fake.services.random.page(limit=50)
    assert first.cursor is not None
    by_cursor = await fake.services.random.go_on(first.cursor, limit=50)
    for seed in (None, first.seed):
        by_offset = await fake.services.random.page(limit=50, offset=50, seed=seed)
        assert by_offset == by_cursor


async def test_offsets_without_a_seed_stay_in_step_while_the_collection_grows_within_the_hour() -> None:
    fake = make_services(500)
    fake.images.clock = fake.now = fake.now + 3600
    seen: list[int] = []
    for offset in range(0, 500, 20):
        page = await fake.services.random.page(limit=20, offset=offset)
        seen += [image.id for image in page.images]
        change(fake, 15, [])
    assert sorted(seen) == list(range(1, 501))
    assert len(fake.images.by_id) == 875


async def test_new_images_do_come_at_the_end_of_the_hours_order() -> None:
    fake = make_services(100)
    fake.images.clock = fake.now = fake.now + 3600
    await fake.services.random.page(limit=1)
    change(fake, 30, [])
    page = await fake.services.random.page(limit=200, offset=100)
    assert sorted(image.id for image in page.images) == list(range(101, 131))


async def test_the_servers_order_changes_by_the_hour_and_survives_a_restart_within_it() -> None:
    fake, again = make_services(200), make_services(200)
    first, restarted = [await one.services.random.page(limit=50) for one in (fake, again)]
    fake.now += 3600
    later = await fake.services.random.page(limit=50)
    assert [image.id for image in restarted.images] == [image.id for image in first.images]
    assert [image.id for image in later.images] != [image.id for image in first.images]
    assert later.seed != first.seed


async def test_at_rest_the_first_page_is_drawn_from_everything() -> None:
    fake = make_services(1000)
    front: list[int] = []
    for _ in range(100):
        fake.now += 3600
        front += [image.id for image in (await fake.services.random.page(limit=10)).images]
    assert 440 < np.mean(front) < 560
    assert max(front) > 950


@given(hour=st.integers(0, 10**6), start=st.integers(0, 10**9), growth=st.floats(1, 50))
def test_the_servers_seeds_are_exact_in_json(hour: int, start: int, growth: float) -> None:
    seed = own_seed(hour, start, int(start * growth))
    assert -SEED_LIMIT <= seed < 0


@given(start=st.integers(1, 1000), growth=st.floats(1, 1.99))
@settings(deadline=None)  # a busy machine is no slow program
def test_an_hours_order_keeps_its_ranks_until_the_collection_has_doubled(start: int, growth: float) -> None:
    later = int(start * growth)
    before, after = (Order(own_seed(7, start, last), last).ids(np.arange(start)) for last in (start, later))
    assert before.tolist() == after.tolist()


async def test_a_page_of_a_collection_without_gaps_takes_one_query() -> None:
    fake = make_services(1000)
    await fake.services.random.page(limit=100, seed=3)
    assert fake.images.queries == 1


async def test_a_collection_of_which_little_is_left_takes_few_queries() -> None:
    fake = make_services(20_000)
    for number in range(1, 19_991):
        fake.images.remove(number)
    page = await fake.services.random.page(limit=50, seed=1)
    assert sorted(image.id for image in page.images) == list(range(19_991, 20_001))
    assert page.cursor is None
    assert fake.images.queries <= 3


async def test_32_readers_at_once_each_see_everything_once() -> None:
    fake = make_services(400)
    shuffled = random.Random(1)

    async def read() -> list[int]:
        page = await fake.services.random.page(limit=shuffled.randint(1, 60), seed=shuffled.randint(0, 99))
        seen = [image.id for image in page.images]
        while page.cursor is not None:
            await asyncio.sleep(0)
            fake.images.add()
            page = await fake.services.random.go_on(page.cursor, limit=shuffled.randint(1, 60))
            seen += [image.id for image in page.images]
        return seen

    for seen in await asyncio.gather(*(read() for _ in range(32))):
        assert len(seen) == len(set(seen))
        assert set(range(1, 401)) <= set(seen)


async def test_an_empty_collection_has_one_empty_page() -> None:
    page = await make_services().services.random.page(limit=10)
    assert (page.images, page.cursor, page.total) == ([], None, 0)


async def test_a_cursor_of_a_far_larger_collection_is_refused() -> None:
    cursor = cursors.encode(RandomCursor(v=1, seed=1, last=2**40, at=0), salt="random")
    with pytest.raises(QueryError, match="this collection"):
        await make_services(10).services.random.go_on(cursor, limit=10)


async def test_a_collection_in_its_first_hour_is_shuffled_too() -> None:
    fake = make_services()
    await fake.services.random.page(limit=1)
    change(fake, 300, [])
    front = [image.id for image in (await fake.services.random.page(limit=256)).images]
    assert sorted(front) == list(range(1, 257))
    assert np.mean(front[:50]) > 80
