"""Rankings and random pages of what passes a filter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artalike.errors import QueryError
from artalike.records import Metadata
from artalike.search import cursors, mixed
from artalike.search import random_pages as random_pages_module
from artalike.search.filters import Filters
from artalike.search.mixed import MixedCursor
from artalike.search.question import HEAD_MOST, Part
from artalike.search.ranked import Query, Ranking, Used
from artalike.web.params import CURSOR_LENGTH
from tests.fakes import DIMENSION, FakeServices, make_services, vector_of

GOYA = Filters(creator="goya")


def ids(ranking: Ranking) -> list[int]:
    return [hit.image.id for hit in ranking.hits]


def add(fake: FakeServices, by_goya: list[bool]) -> None:
    for own in by_goya:
        group = len(fake.images.by_id) % 7
        fake.images.add(metadata=Metadata(creator="Goya" if own else None), vector=vector_of(f"group {group}"))


def passing(fake: FakeServices) -> set[int]:
    return {image.id for image in fake.images.by_id.values() if image.metadata.creator}


makers = st.lists(st.booleans(), min_size=1, max_size=150) | st.lists(
    st.integers(0, 40).map(lambda number: number == 7), min_size=1, max_size=400
)


@given(start=makers, between=st.lists(makers, max_size=6), limit=st.integers(1, 40))
@settings(deadline=None, max_examples=60)
async def test_pages_hold_all_that_passes_once_while_the_collection_grows(
    start: list[bool], between: list[list[bool]], limit: int
) -> None:
    fake = make_services()
    add(fake, start)
    expected, steps = passing(fake), iter(between)
    ranking = await fake.services.search.rank(Query(ids=(1,), filters=GOYA), limit=limit)
    seen = ids(ranking)
    assert ranking.total == len(expected)
    while ranking.cursor is not None:
        add(fake, next(steps, []))
        ranking = await fake.services.search.go_on(ranking.cursor, limit=limit)
        assert ranking.total == len(expected)
        seen += ids(ranking)
    assert sorted(seen) == sorted(expected)


async def test_the_order_is_that_of_all_without_what_does_not_pass() -> None:
    fake = make_services()
    for number in range(300):
        fake.images.add(metadata=Metadata(creator="Goya" if number % 3 else None))
    whole = await fake.services.search.rank(Query(ids=(5,)), limit=300)
    some = await fake.services.search.rank(Query(ids=(5,), filters=GOYA), limit=300)
    assert ids(some) == [number for number in ids(whole) if number in passing(fake)]
    assert some.cursor is None


async def test_a_picture_that_does_not_pass_can_be_asked_by() -> None:
    fake = make_services()
    add(fake, [False, True, True])
    assert ids(await fake.services.search.rank(Query(ids=(1,), filters=GOYA), limit=5)) == [2, 3]
    query = Query(vector=np.asarray(vector_of("group 1")), filters=GOYA)
    assert ids(await fake.services.search.rank(query, limit=5)) == [2, 3]


async def random_pages(fake: FakeServices, limit: int, between: list[list[bool]]) -> list[int]:
    steps = iter(between)
    page = await fake.services.random.page(limit=limit, seed=5, filters=GOYA)
    total = len(passing(fake))
    seen = [image.id for image in page.images]
    while page.cursor is not None:
        assert (len(page.images), page.total) == (limit, total)
        add(fake, next(steps, []))
        page = await fake.services.random.go_on(page.cursor, limit=limit)
        assert page.images
        seen += [image.id for image in page.images]
    return seen


@given(start=makers, between=st.lists(makers, max_size=6), limit=st.integers(1, 40), few=st.sampled_from([0, 10**6]))
@settings(deadline=None, max_examples=60)
async def test_random_pages_hold_all_that_passes_once_while_the_collection_grows(
    start: list[bool], between: list[list[bool]], limit: int, few: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(random_pages_module, "_FEW", few)
        fake = make_services()
        add(fake, start)
        expected = passing(fake)
        seen = await random_pages(fake, limit, between)
        assert sorted(seen) == sorted(expected)


@pytest.mark.parametrize("few", [0, 10**6], ids=["by walking", "by looking up"])
async def test_a_random_order_is_that_of_all_without_what_does_not_pass(
    few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random_pages_module, "_FEW", few)
    fake = make_services()
    add(fake, [number % 5 != 0 for number in range(300)])
    for removed in (7, 8, 100):
        fake.images.remove(removed)
    whole = await fake.services.random.page(limit=300, seed=5)
    expected = [image.id for image in whole.images if image.id in passing(fake)]
    assert await random_pages(fake, 23, []) == expected
    for offset in (0, 23, 230, 236, 237, 10**6):
        page = await fake.services.random.page(limit=23, offset=offset, seed=5, filters=GOYA)
        assert [image.id for image in page.images] == expected[offset : offset + 23]
        assert (page.cursor is None) == (offset + 23 >= len(expected))
    own = await fake.services.random.page(limit=300, filters=GOYA)
    assert {image.id for image in own.images} == passing(fake)
    assert [image.id for image in own.images] != expected


async def test_nothing_passes() -> None:
    fake = make_services(20)
    page = await fake.services.random.page(limit=5, filters=GOYA)
    assert (page.images, page.cursor, page.total) == ([], None, 0)
    ranking = await fake.services.search.rank(Query(ids=(1,), filters=GOYA), limit=5)
    assert (ranking.hits, ranking.cursor, ranking.total) == ([], None, 0)


@pytest.mark.parametrize("dimension", [512, 1280])
@pytest.mark.parametrize("width", [1, 3])
def test_a_cursor_with_the_longest_filters_fits_into_an_address(dimension: int, width: int) -> None:
    filters = Filters(source="é" * 600, creator="c" * 200, rights="r" * 150)
    asked = (256**width - 1,) * 16
    most = mixed._head_most(dimension, asked[0], besides=len(f"{filters.canonical()}{asked}".encode()))
    assert 0 < most <= HEAD_MOST
    place = MixedCursor(
        v=1,
        max_id=asked[0],
        at=10**5,
        head=most,
        width=width,
        likeness=True,
        used=tuple(Used),
        last_id=asked[0],
        last_score=-0.123456,
        asked=asked,
        filters=filters,
    )
    blob = bytes(2 * dimension + most * width)
    cursor = cursors.encode(place, salt="any", blob=blob)
    assert len(cursor) <= CURSOR_LENGTH
    assert cursors.decode(cursor, MixedCursor, salt="any") == (place, blob)
    with pytest.raises(QueryError, match="more than 1600 bytes"):
        Filters.of({"source": "é" * 1200})


async def test_pages_of_the_longest_filters_have_addresses_that_can_be_asked_for() -> None:
    fake = make_services()
    for _ in range(900):
        fake.images.add(metadata=Metadata(creator="g" * 200))
    filters = Filters(source="é" * 600, creator="g" * 200, rights="r" * 150)
    picture = vector_of("group 1")
    ranking = await fake.services.search.rank(Query(vector=picture, asked=(900,) * 16, filters=filters), limit=200)
    seen = ids(ranking)
    while ranking.cursor is not None:
        assert len(ranking.cursor) <= CURSOR_LENGTH - 4 / 3 * 2 * (1280 - DIMENSION)
        ranking = await fake.services.search.go_on(ranking.cursor, limit=200)
        seen += ids(ranking)
    assert sorted(seen) == list(range(1, 901))


async def test_words_and_pictures_together_take_filters_on_every_page() -> None:
    fake = make_services()
    add(fake, [number % 3 == 0 for number in range(60)])
    for number in range(1, 61, 2):
        image = fake.images.by_id[number]
        fake.images.by_id[number] = replace(image, metadata=replace(image.metadata, title="wave"))
    for parts in ([Part(1.0, text="wave")], [Part(1.0, text="wave"), Part(1.0, id=2)], [Part(1, id=2), Part(1, id=3)]):
        expected = {i for i in passing(fake) if i % 2 or len(parts) > 1}
        ranking = await fake.services.mixed.rank(parts, limit=4, filters=GOYA)
        assert ranking.total == len(expected)
        seen = ids(ranking)
        while ranking.cursor is not None:
            add(fake, [True])
            ranking = await fake.services.mixed.go_on(ranking.cursor, limit=4)
            seen += ids(ranking)
        assert sorted(seen) == sorted(expected)


async def test_what_passes_no_more_is_not_on_the_next_page() -> None:
    fake = make_services()
    for _ in range(6):
        fake.images.add(metadata=Metadata(title="wave", creator="Goya"))
    ranking = await fake.services.mixed.rank([Part(1.0, text="wave")], limit=2, filters=GOYA)
    fake.images.by_id[4] = replace(fake.images.by_id[4], metadata=Metadata(title="wave"))
    assert ranking.cursor is not None
    assert ids(await fake.services.mixed.go_on(ranking.cursor, limit=9)) == [3, 5, 6]
