from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artalike.errors import DecodeError, NotFound, QueryError
from artalike.search import cursors
from artalike.search.order import DEPTH
from artalike.search.ranked import Query, RankedCursor, Ranking, Search, as_sent, direction
from tests.fakes import DIMENSION, MODEL, NOT_A_PICTURE, FakeServices, embed_bytes, make_services, vector_of


async def like(search: Search, *pictures: bytes) -> Query:
    """By pictures that need not be in the collection, and what lies between them."""
    return Query(vector=as_sent(direction(np.stack([await search.embedded(picture) for picture in pictures]))))


def ids(ranking: Ranking) -> list[int]:
    return [hit.image.id for hit in ranking.hits]


def add_groups(fake: FakeServices, groups: list[int]) -> None:
    """Images of which those of one group have the same vector."""
    for group in groups:
        fake.images.add(vector=vector_of(f"group {group}"))


async def read_all(
    fake: FakeServices, query: Query, limit: int, between: list[tuple[list[int], list[int]]]
) -> list[int]:
    steps = iter(between)
    ranking = await fake.services.search.rank(query, limit=limit)
    seen = ids(ranking)
    while ranking.cursor is not None:
        added, removed = next(steps, ([], []))
        add_groups(fake, added)
        for choice in removed:
            there = sorted(number for number in fake.images.by_id if number not in query.ids)
            if there:
                fake.images.remove(there[choice % len(there)])
        ranking = await fake.services.search.go_on(ranking.cursor, limit=limit)
        seen += ids(ranking)
    return seen


groups = st.lists(st.integers(0, 12), min_size=1, max_size=400)
between = st.lists(
    st.tuples(st.lists(st.integers(0, 12), max_size=20), st.lists(st.integers(0, 10**6), max_size=8)), max_size=20
)


@given(start=groups, steps=between, limit=st.integers(1, 50), by_picture=st.booleans(), others=st.booleans())
@settings(deadline=None, max_examples=60)
async def test_pages_neither_repeat_nor_skip_while_the_collection_changes(
    start: list[int], steps: list[tuple[list[int], list[int]]], limit: int, by_picture: bool, others: bool
) -> None:
    fake = make_services()
    add_groups(fake, start)
    there = set(fake.images.by_id)
    query = await like(fake.services.search, b"group 3") if by_picture else Query(ids=(1,), others=others)
    expected = there - (set(query.ids) if query.others else set())
    seen = await read_all(fake, query, limit, steps)
    assert len(seen) == len(set(seen))
    assert expected & set(fake.images.by_id) <= set(seen) <= expected


@given(start=groups, limit=st.integers(1, 50))
@settings(deadline=None, max_examples=30)
async def test_offsets_and_cursors_walk_the_same_order(start: list[int], limit: int) -> None:
    fake = make_services()
    add_groups(fake, start)
    query = Query(ids=(1,))
    by_offset = [
        number
        for offset in range(0, len(start), limit)
        for number in ids(await fake.services.search.rank(query, limit=limit, offset=offset))
    ]
    assert by_offset == await read_all(fake, query, limit, [])


async def test_the_order_is_by_cosine_and_the_image_itself_comes_first() -> None:
    fake = make_services(400)
    ranking = await fake.services.search.rank(Query(ids=(7,)), limit=20)
    truth = sorted(fake.index.vectors, key=lambda number: -float(fake.index.vectors[number] @ fake.index.vectors[7]))
    assert ids(ranking) == truth[:20]
    assert ranking.hits[0].score == pytest.approx(1, abs=1e-6)
    assert ranking.total == 400


async def test_all_of_a_page_comes_from_one_query_of_the_catalog() -> None:
    fake = make_services(500)
    await fake.services.search.rank(Query(ids=(7,)), limit=200)
    assert fake.images.queries == 1


async def test_an_image_that_the_catalog_no_longer_has_is_left_out_and_made_up_for() -> None:
    fake = make_services(50)
    best = ids(await fake.services.search.rank(Query(ids=(7,)), limit=12))
    del fake.images.by_id[best[3]]  # the index has not heard yet
    assert ids(await fake.services.search.rank(Query(ids=(7,)), limit=11)) == [*best[:3], *best[4:]]


async def test_a_picture_that_is_not_in_the_collection_finds_what_it_looks_like() -> None:
    fake = make_services(300)
    ranking = await fake.services.search.rank(await like(fake.services.search, b"image 42"), limit=5)
    assert ids(ranking)[0] == 42


async def test_several_pictures_find_what_lies_between_them() -> None:
    fake = make_services(300)
    middle = vector_of("image 4") + vector_of("image 5")
    between_them = fake.images.add(vector=(middle / np.linalg.norm(middle)).astype(np.float32)).id
    ranking = await fake.services.search.rank(await like(fake.services.search, b"image 4", b"image 5"), limit=5)
    assert ids(ranking)[0] == between_them
    assert ids(await fake.services.search.rank(Query(ids=(4, 5)), limit=5))[0] == between_them


async def test_pictures_that_cancel_each_other_out_are_refused() -> None:
    async def opposite(data: bytes) -> np.typing.NDArray[np.float32]:
        return await embed_bytes(b"image 1") * (1 if data == b"plus" else -1)

    fake = make_services(3)
    search = Search(fake.images, fake.index, model=MODEL, dimension=DIMENSION, embed_bytes=opposite)
    with pytest.raises(QueryError, match="cancels itself out"):
        await like(search, b"plus", b"minus")


async def test_what_is_not_a_picture_is_refused() -> None:
    with pytest.raises(DecodeError):
        await like(make_services(3).services.search, NOT_A_PICTURE)


async def test_an_unknown_image_is_named() -> None:
    with pytest.raises(NotFound, match="99"):
        await make_services(3).services.search.rank(Query(ids=(1, 99)), limit=5)


async def test_a_query_image_that_is_removed_ends_its_ranking() -> None:
    fake = make_services(30)
    ranking = await fake.services.search.rank(Query(ids=(1,)), limit=5)
    fake.images.remove(1)
    assert ranking.cursor is not None
    with pytest.raises(NotFound):
        await fake.services.search.go_on(ranking.cursor, limit=5)


@pytest.mark.parametrize(
    ("place", "blob"),
    [
        (RankedCursor(v=2, max_id=9, at=0), b""),
        (RankedCursor(v=2, max_id=9, at=0), bytes(DIMENSION)),
        (RankedCursor(v=2, max_id=9, at=0), bytes(2 * DIMENSION)),
        (RankedCursor(v=2, max_id=9, at=0), b"\x00\x7e" * DIMENSION),  # not a number
    ],
    ids=["nothing", "a shorter vector", "a vector of zeros", "a vector of no numbers"],
)
async def test_a_made_up_cursor_is_refused(place: RankedCursor, blob: bytes) -> None:
    cursor = cursors.encode(place, salt=MODEL, blob=blob)
    with pytest.raises(QueryError):
        await make_services(9).services.search.go_on(cursor, limit=5)


async def test_a_cursor_of_another_images_neighbours_is_refused() -> None:
    fake = make_services(30)
    ranking = await fake.services.search.rank(Query(ids=(1,), others=True), limit=5)
    assert ranking.cursor is not None
    assert (await fake.services.search.go_on(ranking.cursor, limit=5, of=1)).hits
    with pytest.raises(QueryError, match="neighbours of image 2"):
        await fake.services.search.go_on(ranking.cursor, limit=5, of=2)


async def test_a_cursor_of_another_model_is_refused() -> None:
    fake = make_services(30)
    other = Search(fake.images, fake.index, model="other", dimension=DIMENSION, embed_bytes=embed_bytes)
    ranking = await fake.services.search.rank(Query(ids=(1,)), limit=5)
    assert ranking.cursor is not None
    with pytest.raises(QueryError, match="model"):
        await other.go_on(ranking.cursor, limit=5)


@pytest.mark.parametrize("limit", [7, 60, 200])
@pytest.mark.parametrize("others", [True, False])
async def test_an_index_that_misses_some_costs_no_image(limit: int, others: bool) -> None:
    fake = make_services(1300)
    fake.index.misses = 0.2
    seen = await read_all(fake, Query(ids=(3,), others=others), limit, [])
    assert sorted(seen) == [number for number in range(1, 1301) if not others or number != 3]


async def test_behind_the_head_all_vectors_are_looked_at_once_for_all_pages() -> None:
    fake = make_services(1500)
    await read_all(fake, Query(ids=(3,)), 100, [])
    assert fake.index.searches <= 8


async def test_a_ranking_ends_at_its_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artalike.search.ranked.DEPTH", 25)
    seen = await read_all(make_services(100), Query(ids=(1,)), 10, [])
    assert len(seen) == len(set(seen)) == 25
    assert DEPTH >= 100_000


async def test_an_empty_collection_answers_with_nothing() -> None:
    fake = make_services()
    ranking = await fake.services.search.rank(await like(fake.services.search, b"image 1"), limit=5)
    assert (ranking.hits, ranking.cursor, ranking.total) == ([], None, 0)


async def test_32_readers_at_once_each_see_everything_once_while_the_collection_grows() -> None:
    fake = make_services(300)

    async def read(number: int) -> list[int]:
        ranking = await fake.services.search.rank(Query(ids=(number,)), limit=17)
        seen = ids(ranking)
        while ranking.cursor is not None:
            await asyncio.sleep(0)
            fake.images.add()
            ranking = await fake.services.search.go_on(ranking.cursor, limit=17)
            seen += ids(ranking)
        return seen

    for seen in await asyncio.gather(*(read(number) for number in range(1, 33))):
        assert len(seen) == len(set(seen))
        assert set(range(1, 301)) <= set(seen)


async def test_more_equals_than_one_search_brings_are_paged_once_each() -> None:
    fake = make_services()
    add_groups(fake, [1] * 150 + [2] * 700 + [1] * 150)
    assert sorted(await read_all(fake, Query(ids=(1,)), 60, [])) == list(range(1, 1001))


async def test_the_page_goes_on_among_equals_when_the_last_one_shown_is_removed() -> None:
    fake = make_services()
    add_groups(fake, [1] * 20)
    first = await fake.services.search.rank(Query(ids=(1,)), limit=8)
    fake.images.remove(8)
    assert first.cursor is not None
    assert ids(await fake.services.search.go_on(first.cursor, limit=50)) == list(range(9, 21))


async def test_far_down_the_order_is_still_that_of_the_cosines() -> None:
    fake = make_services(9500)
    ranking = await fake.services.search.rank(Query(ids=(1,)), limit=3, offset=9200)
    numbers = np.array(sorted(fake.index.vectors))
    cosines = np.array([fake.index.vectors[number] for number in numbers.tolist()]) @ fake.index.vectors[1]
    assert ids(ranking) == numbers[np.argsort(-cosines)][9200:9203].tolist()
