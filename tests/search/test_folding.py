"""Near-duplicates in ranked answers: one stands for its group, and pages stay true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artalike.records import Metadata
from artalike.search import mixed, ranked
from artalike.search.filters import Filters
from artalike.search.folding import fold
from artalike.search.question import Part
from artalike.search.ranked import Query, Ranking
from artalike.storage.ports import NearGroups
from tests.fakes import FakeServices, make_services, vector_of


def ids(ranking: Ranking) -> list[int]:
    return [hit.image.id for hit in ranking.hits]


def folded(ranking: Ranking) -> dict[int, int]:
    return {hit.image.id: hit.near_duplicates for hit in ranking.hits if hit.near_duplicates}


def gallery(*labels: int, creators: str = "") -> FakeServices:
    """Images that are near-duplicates where they have a label, above 0, in common. A younger one is larger."""
    fake = make_services()
    add(fake, list(labels), creators)
    return fake


def add(fake: FakeServices, labels: list[int], creators: str = "") -> None:
    for number, label in enumerate(labels):
        creator = creators[number] if number < len(creators) else None
        image = fake.images.add(metadata=Metadata(creator=creator))
        if label > 0:
            mine = next((group for group in fake.images.groups if group & labelled(fake, label)), None)
            if mine is None:
                fake.images.groups.append(mine := set())
            mine.add(image.id)
            labelled(fake, label).add(image.id)


def labelled(fake: FakeServices, label: int) -> set[int]:
    known: dict[int, set[int]] = fake.__dict__.setdefault("labels", {})
    return known.setdefault(label, set())


async def follow(fake: FakeServices, query: Query, limit: int, *between: list[int]) -> list[int]:
    steps = iter(between)
    ranking = await fake.services.search.rank(query, limit=limit)
    seen = ids(ranking)
    while ranking.cursor is not None:
        add(fake, next(steps, []))
        ranking = await fake.services.search.go_on(ranking.cursor, limit=limit)
        seen += ids(ranking)
    return seen


def best(fake: FakeServices, there: set[int], asked: tuple[int, ...] = ()) -> set[int]:
    """The one of each group, and all that are in none."""
    shown = set(there)
    for group in fake.images.groups:
        members = [fake.images.by_id[number] for number in group & there]
        members.sort(key=lambda image: (image.id not in asked, -image.width * image.height, image.id))
        shown -= {image.id for image in members[1:]}
    return shown


async def test_the_largest_stands_for_its_near_duplicates_and_says_how_many_there_are() -> None:
    fake = gallery(1, 0, 1, 1, 2, 2, 0)
    ranking = await fake.services.search.rank(Query(ids=(7,)), limit=10)
    assert sorted(ids(ranking)) == [2, 4, 6, 7]
    assert folded(ranking) == {4: 2, 6: 1}
    scores = {hit.image.id: hit.score for hit in ranking.hits}
    assert scores[4] == pytest.approx(float(vector_of("image 4") @ vector_of("image 7")), abs=1e-5)


def test_of_equal_size_the_oldest_stands_for_the_others() -> None:
    groups = NearGroups(np.array([2, 1]), np.array([1, 1]), np.array([9, 9]), np.array([True, True]))
    assert fold(groups, np.array([True, True])).hidden.tolist() == [2]


async def test_an_image_that_is_asked_by_stands_for_its_group() -> None:
    fake = gallery(1, 1, 1, 0)
    assert folded(await fake.services.search.rank(Query(ids=(2,)), limit=10)) == {2: 2}
    vector = vector_of("image 2")
    assert folded(await fake.services.search.rank(Query(vector=vector, asked=(1,)), limit=10)) == {1: 2}
    assert folded(await fake.services.search.rank(Query(vector=vector), limit=10)) == {3: 2}


async def test_the_near_duplicates_of_an_image_are_folded_among_its_neighbours() -> None:
    fake = gallery(1, 1, 1, 0)
    assert folded(await fake.services.search.rank(Query(ids=(3,), others=True), limit=10)) == {2: 2}


async def test_who_is_taken_out_leaves_its_place_to_the_next() -> None:
    fake = gallery(1, 1, 1, 0)
    fake.images.remove(3)
    assert folded(await fake.services.search.rank(Query(ids=(4,)), limit=10)) == {2: 1}
    fake.images.remove(2)
    assert folded(await fake.services.search.rank(Query(ids=(4,)), limit=10)) == {}


async def test_who_is_filtered_out_leaves_its_place_to_the_next() -> None:
    fake = gallery(1, 1, 1, 0, creators="aabb")
    ranking = await fake.services.search.rank(Query(ids=(4,), filters=Filters(creator="a")), limit=10)
    assert (ids(ranking), folded(ranking), ranking.total) == ([2], {2: 2}, 2)


async def test_who_is_less_alike_than_was_asked_for_stands_for_nobody() -> None:
    fake = gallery(1, 1, 0, 0)
    near = vector_of("image 3") + vector_of("image 4") / 2
    fake.index.vectors[1] = (near / np.linalg.norm(near)).astype(np.float32)
    assert 2 in ids(await fake.services.search.rank(Query(ids=(3,)), limit=10))
    ranking = await fake.services.search.rank(Query(ids=(3,), min_score=0.7), limit=10)
    assert (ids(ranking), folded(ranking)) == ([3, 1], {1: 1})


async def test_who_came_after_the_start_or_is_not_embedded_stands_for_nobody() -> None:
    fake = gallery(1, 1, *[0] * 8)
    ranking = await fake.services.search.rank(Query(ids=(10,)), limit=1)
    add(fake, [1])
    seen = ids(ranking)
    while ranking.cursor is not None:
        ranking = await fake.services.search.go_on(ranking.cursor, limit=1)
        seen += ids(ranking)
    assert sorted(seen) == list(range(2, 11))
    del fake.index.vectors[11]
    assert 2 in ids(await fake.services.search.rank(Query(ids=(10,)), limit=20))


async def test_a_page_takes_one_query_more_however_many_are_folded() -> None:
    fake = gallery(*[0] * 50, *(number // 2 for number in range(2, 12)))
    await fake.services.search.rank(Query(ids=(7,)), limit=20)
    assert (fake.images.queries, fake.images.group_queries) == (1, 1)


labels = st.lists(st.integers(-3, 6), min_size=1, max_size=90)


@given(start=labels, between=st.lists(labels, max_size=6), limit=st.integers(1, 30), others=st.booleans())
@settings(deadline=None, max_examples=60)
async def test_pages_neither_repeat_nor_skip_while_groups_grow(
    start: list[int], between: list[list[int]], limit: int, others: bool
) -> None:
    fake = gallery(*start)
    there = set(fake.images.by_id) - ({1} if others else set())
    expected = best(fake, there, (1,))
    seen = await follow(fake, Query(ids=(1,), others=others), limit, *between)
    assert sorted(seen) == sorted(expected)


@given(start=labels, limit=st.integers(1, 30), crowd=st.integers(0, 60), at_once=st.sampled_from([3, 4096]))
@settings(deadline=None, max_examples=60)
async def test_an_offset_counts_what_is_shown(start: list[int], limit: int, crowd: int, at_once: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ranked, "_AT_ONCE", at_once)
        await offsets_walk_the_whole(gallery(*[1] * crowd, *start), limit)


async def offsets_walk_the_whole(fake: FakeServices, limit: int) -> None:
    query = Query(ids=(len(fake.images.by_id),))
    whole = await follow(fake, query, limit)
    by_offset = []
    for offset in range(0, len(fake.images.by_id) + limit, limit):
        ranking = await fake.services.search.rank(query, limit=limit, offset=offset)
        by_offset += ids(ranking)
        assert (ranking.cursor is None) == (offset + limit >= len(whole))
    assert by_offset == whole
    middle = await fake.services.search.rank(query, limit=limit, offset=limit)
    rest = ids(middle)
    while middle.cursor is not None:
        middle = await fake.services.search.go_on(middle.cursor, limit=limit)
        rest += ids(middle)
    assert rest == whole[limit:]


def waves(fake: FakeServices, every: int) -> set[int]:
    """Call every so manieth image a wave."""
    named = {number for number in fake.images.by_id if number % every == 0}
    for number in named:
        image = fake.images.by_id[number]
        fake.images.by_id[number] = replace(image, metadata=replace(image.metadata, title="wave"))
    return named


async def walk(fake: FakeServices, ranking: Ranking, limit: int) -> list[int]:
    seen = ids(ranking)
    while ranking.cursor is not None:
        ranking = await fake.services.mixed.go_on(ranking.cursor, limit=limit)
        assert ranking.hits
        seen += ids(ranking)
    return seen


async def test_of_those_that_have_the_words_the_best_is_shown() -> None:
    fake = gallery(1, 1, 1, 1, 0, 0)
    waves(fake, 3)
    fake.images.by_id[2] = replace(fake.images.by_id[2], metadata=Metadata(title="wave"))
    ranking = await fake.services.mixed.rank([Part(1.0, text="wave")], limit=10)
    assert (ids(ranking), folded(ranking)) == ([3, 6], {3: 3})


async def test_an_image_that_is_asked_by_stands_for_its_group_in_a_question_of_several_parts() -> None:
    fake = gallery(1, 1, 1, 0, 0)
    waves(fake, 2)
    parts = [Part(1.0, id=1), Part(1.0, id=5)]
    assert folded(await fake.services.mixed.rank(parts, limit=10)) == {1: 2}
    ranking = await fake.services.mixed.rank([*parts, Part(1.0, text="wave")], limit=1)
    assert len(ranking.used) == 2
    assert sorted(await walk(fake, ranking, 1)) == [1, 4, 5]


@given(
    start=labels,
    every=st.integers(1, 5),
    limit=st.integers(1, 30),
    most=st.integers(1, 60),
    words_alone=st.booleans(),
    by=st.sampled_from(["", "a"]),
)
@settings(deadline=None, max_examples=80)
async def test_a_fused_ranking_shows_each_group_once_by_cursor_and_by_offset(
    start: list[int], every: int, limit: int, most: int, words_alone: bool, by: str
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(mixed, "HEAD_MOST", most)  # so that there is more behind the head
        fake = gallery(*start, creators="ab" * 90)
        named = waves(fake, every)
        filters = Filters(creator=by) if by else Filters()
        passing = {i for i, image in fake.images.by_id.items() if by in (image.metadata.creator or "")}
        parts = [Part(1.0, text="wave"), *([] if words_alone else [Part(1.0, id=1)])]

        async def page(limit: int, offset: int = 0) -> Ranking:
            return await fake.services.mixed.rank(parts, limit=limit, offset=offset, filters=filters)

        whole = ids(await page(200))
        covered = [next((number for number, group in enumerate(fake.images.groups) if i in group), -i) for i in whole]
        assert len(covered) == len(set(covered))
        found = passing & named if words_alone else passing
        expected = best(fake, set(sorted(found)[:most]) if words_alone else found)
        assert len(whole) == len(expected)
        assert set(whole) <= found
        assert await walk(fake, await page(limit), limit) == whole
        assert [i for offset in range(0, len(whole), limit) for i in ids(await page(limit, offset))] == whole
        assert not ids(await page(limit, len(whole)))


async def test_who_is_taken_out_of_a_fused_ranking_leaves_its_place_to_the_next() -> None:
    fake = gallery(0, 0, 0, 0, 1, 1)
    waves(fake, 1)
    ranking = await fake.services.mixed.rank([Part(1.0, text="wave")], limit=2)
    fake.images.remove(6)
    assert await walk(fake, ranking, 2) == [1, 2, 3, 4, 5]
