"""Where an answer stops by itself, with ``min_score``, and where it says that the rest is less alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artalike.errors import QueryError
from artalike.records import FloatArray, Metadata
from artalike.search import cursors, mixed
from artalike.search.cutoff import FEWEST
from artalike.search.question import Part
from artalike.search.ranked import Query, RankedCursor, Ranking
from tests.fakes import MODEL, FakeServices, embed_texts, make_services, vector_of

GoOn = Callable[..., Awaitable[Ranking]]


async def pages(first: Ranking, go_on: GoOn, limit: int) -> list[Ranking]:
    found = [first]
    while found[-1].cursor is not None:
        found.append(await go_on(found[-1].cursor, limit=limit))
    return found


def hits(rankings: list[Ranking]) -> list[tuple[int, float | None]]:
    return [(hit.image.id, hit.score) for ranking in rankings for hit in ranking.hits]


def with_groups(groups: list[int]) -> FakeServices:
    """Images of which those of one group have the same vector; a third of each group say "wave"."""
    fake = make_services(embed_texts=embed_texts)
    for number, group in enumerate(groups):
        title = Metadata(title="wave" if number % 3 == 0 else None)
        fake.images.add(vector=vector_of(f"group {group}"), metadata=title)
    return fake


groups = st.lists(st.integers(0, 12), min_size=1, max_size=300)


@given(groups=groups, min_score=st.floats(-1, 1), limit=st.integers(1, 60), offset=st.integers(0, 20))
@settings(deadline=None, max_examples=60)
async def test_pages_down_to_a_score_are_the_beginning_of_all_pages(
    groups: list[int], min_score: float, limit: int, offset: int
) -> None:
    search = with_groups(groups).services.search
    whole = hits(await pages(await search.rank(Query(ids=(1,)), limit=50), search.go_on, 50))
    query = Query(ids=(1,), min_score=min_score)
    part = await pages(await search.rank(query, limit=limit, offset=offset), search.go_on, limit)
    assert hits(part) == [hit for hit in whole if hit[1] is not None and hit[1] >= min_score][offset:]
    assert all(ranking.hits for ranking in part[1:])


@pytest.mark.parametrize("depth", [250, 300, 900])
async def test_deep_rankings_go_down_to_the_last_image_with_that_very_score(depth: int) -> None:
    fake = make_services(1000)
    search = fake.services.search
    whole = hits(await pages(await search.rank(Query(ids=(1,)), limit=200), search.go_on, 200))
    query = Query(ids=(1,), min_score=whole[depth][1])
    assert hits(await pages(await search.rank(query, limit=200), search.go_on, 200)) == whole[: depth + 1]


@given(
    groups=groups,
    min_score=st.floats(-1, 1),
    limit=st.integers(1, 60),
    head=st.integers(1, 60),
    parts=st.sampled_from(
        [
            [Part(1.0, id=1), Part(1.0, text="wave")],
            [Part(1.0, vector=vector_of("group 3")), Part(-1.0, text="tree")],
            [Part(1.0, text="wave")],
            [Part(1.0, text="wave"), Part(-1.0, vector=vector_of("group 4"))],
        ]
    ),
)
@settings(deadline=None, max_examples=60)
async def test_with_words_no_page_shows_what_has_a_lower_score_and_none_leaves_out_another(
    groups: list[int], min_score: float, limit: int, head: int, parts: list[Part]
) -> None:
    search = with_groups(groups).services.mixed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixed, "HEAD_MOST", head)
        whole = hits(await pages(await search.rank(parts, limit=50), search.go_on, 50))
        part = await pages(await search.rank(parts, limit=limit, min_score=min_score), search.go_on, limit)
    assert hits(part) == [hit for hit in whole if hit[1] is not None and hit[1] >= min_score]


async def test_a_score_cannot_be_asked_of_words_alone() -> None:
    search = make_services(5).services.mixed
    with pytest.raises(QueryError, match="min_score: expected a picture"):
        await search.rank([Part(1.0, text="wave")], limit=5, min_score=0.5)


async def test_likeness_is_said_to_end_at_the_same_score_on_all_pages() -> None:
    fake = make_services(400)
    alike = fake.images.add(vector=near("image 7", "image 8", 0.1)).id
    search = fake.services.mixed
    found = [await search.rank([Part(1.0, id=7)], limit=50)]
    while found[-1].cursor is not None:
        for _ in range(60):
            fake.images.add()
        found.append(await search.go_on(found[-1].cursor, limit=50))
    [cutoff] = {ranking.cutoff for ranking in found}
    assert cutoff is not None
    above = [image for image, score in hits(found) if score is not None and score >= cutoff]
    assert above[:2] == [7, alike]
    assert len(above) < 20
    assert len(hits(found)) == 401  # nothing is hidden


async def test_where_likeness_ends_is_told_of_pictures_only_and_not_of_few() -> None:
    fake = make_services(FEWEST, embed_texts=embed_texts)
    search = fake.services.mixed
    fake.images.add(metadata=Metadata(title="wave"))
    assert (await search.rank([Part(1.0, id=7)], limit=5)).cutoff is not None
    assert (await search.rank([Part(1.0, id=7), Part(-1.0, id=8)], limit=5)).cutoff is not None
    assert (await search.rank([Part(1.0, text="wave")], limit=5)).cutoff is None
    assert (await search.rank([Part(1.0, id=7), Part(1.0, text="wave")], limit=5)).cutoff is None
    few = make_services(FEWEST - 1).services.search
    assert (await few.rank(Query(ids=(7,)), limit=5)).cutoff is None


async def test_a_ranking_that_began_without_an_end_of_likeness_goes_on_without() -> None:
    fake = make_services(FEWEST - 1)
    search = fake.services.search
    first = await search.rank(Query(ids=(7,)), limit=5)
    for _ in range(50):
        fake.images.add()
    assert {ranking.cutoff for ranking in await pages(first, search.go_on, 40)} == {None}


@pytest.mark.parametrize("wrong", [{"min_score": 1.5}, {"cutoff": -2.0}])
async def test_a_cursor_with_a_score_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    place = RankedCursor.model_construct(v=1, max_id=9, at=0, ids=(1,), **wrong)
    with pytest.raises(QueryError, match="cursor"):
        await make_services(9).services.search.go_on(cursors.encode(place, salt=MODEL), limit=5)


def near(one: str, other: str, share: float) -> FloatArray:
    between = vector_of(one) * (1 - share) + vector_of(other) * share
    unit: FloatArray = (between / np.linalg.norm(between)).astype(np.float32)
    return unit
