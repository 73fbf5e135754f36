from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artalike.errors import NotFound, QueryError
from artalike.records import FloatArray, Metadata
from artalike.search import cursors, mixed
from artalike.search.mixed import MixedCursor, MixedSearch
from artalike.search.question import HEAD_MOST, Part
from artalike.search.ranked import Query, Ranking, Used
from artalike.storage.ports import Neighbors
from tests.fakes import FakeServices, embed_texts, make_services, vector_of


def ids(ranking: Ranking) -> list[int]:
    return [hit.image.id for hit in ranking.hits]


def search_of(fake: FakeServices) -> MixedSearch:
    return fake.services.mixed


def titled(fake: FakeServices, *titles: str | None) -> None:
    for title in titles:
        fake.images.add(metadata=Metadata(title=title))


def turned(toward: FloatArray, away: FloatArray, share: float) -> FloatArray:
    vector = toward * (1 - share) + away * share
    unit: FloatArray = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit


async def follow(search: MixedSearch, ranking: Ranking, limit: int) -> list[int]:
    seen = ids(ranking)
    while ranking.cursor is not None:
        ranking = await search.go_on(ranking.cursor, limit=limit)
        assert ranking.hits
        seen += ids(ranking)
    return seen


async def test_words_alone_answer_what_has_them_without_a_score() -> None:
    fake = make_services()
    titled(fake, "wave", None, "tree", "wave", "wave")
    search = search_of(fake)
    ranking = await search.rank([Part(1.0, text="wave")], limit=2)
    assert (ranking.used, ranking.total) == (("words",), 3)
    assert [hit.score for hit in ranking.hits] == [None, None]
    titled(fake, "wave")
    assert await follow(search, ranking, 2) == [1, 4, 5]
    assert ids(await search.rank([Part(1.0, text="storm")], limit=5)) == []


async def test_pictures_alone_are_ranked_as_search_does() -> None:
    fake = make_services(30)
    ranking = await search_of(fake).rank([Part(2.0, id=7)], limit=30)
    assert ids(ranking) == ids(await fake.services.search.rank(Query(ids=(7,)), limit=30))
    assert ranking.used == ("likeness",)


async def test_words_that_nobody_has_leave_likeness_alone() -> None:
    fake = make_services(30)
    search = search_of(fake)
    ranking = await search.rank([Part(1.0, id=7), Part(1.0, text="storm")], limit=7)
    assert ranking.used == ("likeness",)
    assert sorted(await follow(search, ranking, 7)) == list(range(1, 31))


async def test_what_is_alike_and_has_the_words_stands_first() -> None:
    fake = make_services(20)
    near = turned(vector_of("image 7"), vector_of("image 1"), 0.3)
    fake.images.add(vector=near, metadata=Metadata(title="wave"))
    titled(fake, "wave")
    ranking = await search_of(fake).rank([Part(1.0, id=7), Part(1.0, text="wave")], limit=3)
    assert ids(ranking)[0] == 21
    assert ranking.used == ("likeness", "words")
    assert ranking.hits[0].score == pytest.approx(float(near @ vector_of("image 7")), abs=1e-3)


async def test_an_unwanted_picture_turns_the_direction_by_its_weight() -> None:
    fake = make_services(2)
    wanted, unwanted = vector_of("image 1"), vector_of("image 2")
    both = turned(wanted, unwanted, 0.5)
    fake.images.add(vector=both)
    plain = await search_of(fake).rank([Part(1.0, id=1)], limit=3)
    away = await search_of(fake).rank([Part(3.0, id=1), Part(-2.0, id=2)], limit=3)
    expected = 3 * wanted - 2 * unwanted
    expected /= np.linalg.norm(expected)
    scores = {hit.image.id: hit.score for hit in away.hits}
    assert scores[3] == pytest.approx(float(both @ expected), abs=1e-3)
    assert ids(plain)[-1] == 2
    assert scores[3] is not None
    assert scores[3] < next(hit.score for hit in plain.hits if hit.image.id == 3 and hit.score is not None)


async def test_unwanted_words_fall_behind_all_that_is_alike() -> None:
    fake = make_services()
    titled(fake, *["wave"] * 3, *[None] * 10)
    ranking = await search_of(fake).rank([Part(1.0, id=2), Part(-1.0, text="wave")], limit=13)
    assert set(ids(ranking)[-3:]) == {1, 2, 3}
    assert ranking.used == ("likeness", "words")


async def test_an_unwanted_picture_orders_what_has_the_words_and_brings_nothing_else_in() -> None:
    fake = make_services()
    titled(fake, *["wave"] * 4, *[None] * 10)
    fake.images.add(vector=vector_of("image 1"), metadata=Metadata(title="wave"))
    ranking = await search_of(fake).rank([Part(1.0, text="wave"), Part(-1.0, id=1)], limit=20)
    assert sorted(ids(ranking)) == [1, 2, 3, 4, 15]
    assert (ids(ranking)[-1], ranking.cursor, ranking.total) == (15, None, 5)


async def test_a_text_ranks_by_the_words_and_by_what_it_means_to_the_model() -> None:
    fake = make_services(embed_texts=embed_texts)
    titled(fake, *[None] * 30, "image 7")
    fake.images.add(vector=turned(vector_of("image 7"), vector_of("image 1"), 0.2), metadata=Metadata(title="image 7"))
    search = search_of(fake)
    ranking = await search.rank([Part(1.0, text="image 7")], limit=4)
    assert (ids(ranking)[0], ranking.used, ranking.total) == (32, ("words", "text"), 32)
    assert {7, 31} < set(ids(ranking))
    scores = {hit.image.id: hit.score for hit in ranking.hits}
    assert scores[7] == pytest.approx(1, abs=1e-3)
    assert scores[31] == pytest.approx(float(vector_of("image 31") @ vector_of("image 7")), abs=1e-3)
    assert sorted(await follow(search, ranking, 4)) == list(range(1, 33))


async def test_a_text_whose_words_nobody_has_ranks_all_by_what_it_means() -> None:
    fake = make_services(30, embed_texts=embed_texts)
    search = search_of(fake)
    ranking = await search.rank([Part(1.0, text="image 7")], limit=8)
    by_vector = Query(vector=vector_of("image 7").astype(np.float16).astype(np.float32))
    assert ranking.used == ("text",)
    whole = await follow(search, ranking, 8)
    assert whole == ids(await fake.services.search.rank(by_vector, limit=30))
    assert await follow(search, await search.rank([Part(1.0, text="image 7")], limit=8, offset=5), 8) == whole[5:]


async def test_the_first_page_of_a_text_looks_no_further_than_the_head(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = make_services(3 * HEAD_MOST, embed_texts=embed_texts)
    depths, search = list[int](), fake.index.search

    async def noted(vectors: FloatArray, k: int, **where: Any) -> list[Neighbors]:
        depths.append(k)
        return await search(vectors, k, **where)

    monkeypatch.setattr(fake.index, "search", noted)
    ranking = await search_of(fake).rank([Part(1.0, text="image 7")], limit=50)
    assert ids(ranking)[0] == 7
    assert depths == [HEAD_MOST]


async def test_an_encoder_that_is_not_there_yet_leaves_the_words() -> None:
    async def loading(_: Sequence[str]) -> None:
        return None

    fake = make_services(embed_texts=loading)
    titled(fake, "wave", None, "wave")
    for text, found in [("wave", [1, 3]), ("storm", [])]:
        ranking = await search_of(fake).rank([Part(1.0, text=text)], limit=5)
        assert (ids(ranking), ranking.used, ranking.cursor) == (found, ("words",), None)


async def test_all_texts_of_a_question_are_embedded_at_once() -> None:
    calls = []

    async def counted(texts: Sequence[str]) -> FloatArray:
        calls.append(list(texts))
        return await embed_texts(texts)

    fake = make_services(9, embed_texts=counted)
    search = search_of(fake)
    parts = [Part(1.0, text="wave"), Part(1.0, id=3), Part(2.0, text="tree"), Part(-1.0, text="boat")]
    await follow(search, await search.rank(parts, limit=2), 2)
    await search.rank([Part(1.0, id=3)], limit=2)
    assert calls == [["wave", "tree", "boat"]]


async def test_an_unwanted_text_is_subtracted_from_a_wanted_one() -> None:
    fake = make_services(10, embed_texts=embed_texts)
    ranking = await search_of(fake).rank([Part(3.0, text="image 3"), Part(-2.0, text="image 5")], limit=10)
    expected = 3 * vector_of("image 3") - 2 * vector_of("image 5")
    expected /= np.linalg.norm(expected)
    for hit in ranking.hits:
        assert hit.score == pytest.approx(float(expected @ vector_of(f"image {hit.image.id}")), abs=1e-3)


async def test_an_unwanted_text_moves_back_what_shows_it_among_what_a_picture_finds() -> None:
    fake = make_services(30, embed_texts=embed_texts)
    search = search_of(fake)
    plain = ids(await search.rank([Part(1.0, id=7)], limit=30))
    away = await search.rank([Part(1.0, id=7), Part(-1.0, text=f"image {plain[1]}")], limit=30)
    assert away.used == ("likeness", "text")
    assert ids(away)[0] == 7
    assert ids(away).index(plain[1]) > 15
    assert sorted(ids(away)) == sorted(plain)
    assert {hit.image.id: hit.score for hit in away.hits}[7] == pytest.approx(1, abs=1e-3)


async def test_with_a_picture_and_a_text_the_score_is_likeness_to_the_picture() -> None:
    fake = make_services(20, embed_texts=embed_texts)
    both = turned(vector_of("image 7"), vector_of("image 9"), 0.4)
    fake.images.add(vector=both)
    search = search_of(fake)
    ranking = await search.rank([Part(1.0, id=7), Part(1.0, text="image 9")], limit=3)
    assert (ids(ranking)[0], ranking.used) == (21, ("likeness", "text"))
    assert ranking.hits[0].score == pytest.approx(float(both @ vector_of("image 7")), abs=1e-3)
    assert sorted(await follow(search, ranking, 3)) == list(range(1, 22))


async def test_an_unwanted_picture_beside_a_text_takes_part_and_the_text_goes_on() -> None:
    fake = make_services(20, embed_texts=embed_texts)
    near = turned(vector_of("image 9"), vector_of("image 7"), 0.4)
    fake.images.add(vector=near)
    search = search_of(fake)
    plain = await search.rank([Part(1.0, text="image 9")], limit=3)
    assert ids(plain)[:2] == [9, 21]
    ranking = await search.rank([Part(1.0, text="image 9"), Part(-2.0, id=7)], limit=3)
    assert ranking.used == ("likeness", "text")
    whole = await follow(search, ranking, 3)
    assert sorted(whole) == list(range(1, 22))
    assert whole.index(21) > 1


@pytest.mark.parametrize(
    "parts",
    [[], [Part(0.0, id=1)], [Part(-1.0, text="wave")], [Part(1.0, text="!?")], [Part(1.0, id=1), Part(-1.0, id=1)]],
    ids=["nothing", "no weight", "only unwanted words", "no word", "cancelled out"],
)
async def test_a_question_without_an_aim_is_refused(parts: list[Part]) -> None:
    for fake in (make_services(3), make_services(3, embed_texts=embed_texts)):
        with pytest.raises(QueryError):
            await search_of(fake).rank(parts, limit=3)


async def test_an_image_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound, match="id = 99"):
        await search_of(make_services(3)).rank([Part(1.0, id=1), Part(-1.0, id=99)], limit=3)


PICTURE = Part(1.0, vector=vector_of("image 3"))
UNWANTED_PICTURE = Part(-1.0, vector=vector_of("image 4"))
WAVE = Part(1.0, text="wave")
NO_TREE = Part(-1.0, text="tree")

titles = st.lists(st.sampled_from([None, "wave", "wave tree", "tree"]), min_size=1, max_size=80)


@given(
    start=titles,
    steps=st.lists(st.tuples(titles, st.lists(st.integers(0, 10**6), max_size=4)), max_size=12),
    limit=st.integers(1, 30),
    head=st.integers(1, 60),
    question=st.sampled_from(
        [
            (False, [PICTURE, WAVE, NO_TREE]),
            (True, [PICTURE, WAVE, NO_TREE]),
            (True, [PICTURE, NO_TREE]),
            (True, [WAVE]),
            (True, [WAVE, NO_TREE]),
            (True, [WAVE, UNWANTED_PICTURE]),
        ]
    ),
)
@settings(deadline=None, max_examples=120)
async def test_pages_neither_repeat_nor_skip_while_the_collection_changes(
    start: list[str | None],
    steps: list[tuple[list[str | None], list[int]]],
    limit: int,
    head: int,
    question: tuple[bool, list[Part]],
) -> None:
    encoder, parts = question
    fake = make_services(embed_texts=embed_texts if encoder else None)
    titled(fake, *start)
    search = search_of(fake)
    expected = set(fake.images.by_id)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixed, "HEAD_MOST", head)
        ranking = await search.rank(parts, limit=limit)
        seen = ids(ranking)
        changes = iter(steps)
        while ranking.cursor is not None:
            added, removed = next(changes, ([], []))
            titled(fake, *added)
            for choice in removed:
                there = sorted(fake.images.by_id)
                if there:
                    fake.images.remove(there[choice % len(there)])
            ranking = await search.go_on(ranking.cursor, limit=limit)
            seen += ids(ranking)
    assert len(seen) == len(set(seen))
    assert expected & set(fake.images.by_id) <= set(seen) <= expected


@pytest.mark.parametrize("limit", [7, 50])
@pytest.mark.parametrize("parts", [[Part(1.0, id=3), WAVE], [WAVE], [WAVE, UNWANTED_PICTURE]])
async def test_an_offset_begins_where_the_pages_before_it_would_have_ended(parts: list[Part], limit: int) -> None:
    fake = make_services(embed_texts=embed_texts)
    titled(fake, *["wave", None, "tree"] * 40)
    search = search_of(fake)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixed, "HEAD_MOST", 30)
        whole = await follow(search, await search.rank(parts, limit=limit), limit)
        for offset in (0, 13, 30, 31, 100):
            ranking = await search.rank(parts, limit=limit, offset=offset)
            assert await follow(search, ranking, limit) == whole[offset:]


async def test_a_cursor_that_was_changed_or_says_more_than_it_holds_is_refused() -> None:
    fake = make_services()
    titled(fake, *["wave"] * 9)
    search = search_of(fake)
    ranking = await search.rank([Part(1.0, id=3), Part(1.0, text="wave")], limit=3)
    assert ranking.cursor is not None
    for text in (ranking.cursor[:-2], ranking.cursor + "AA", "x" + ranking.cursor, ""):
        with pytest.raises(QueryError, match="cursor"):
            await search.go_on(text, limit=3)
    place = MixedCursor(v=1, max_id=9, at=1, head=HEAD_MOST, width=2, used=(Used.WORDS,))
    salt = f"{fake.services.search.model} mixed"
    with pytest.raises(QueryError, match="as many ids as it says"):
        await search.go_on(cursors.encode(place, salt=salt, blob=b"abc"), limit=3)


@pytest.mark.parametrize("dimension", [512, 1280, 2560, 4096])
@pytest.mark.parametrize("max_id", [5, 10**6, 10**10])
def test_a_cursor_is_bounded(dimension: int, max_id: int) -> None:
    most = mixed._head_most(dimension, max_id)
    assert most <= HEAD_MOST
    size = most * cursors.width(max_id) + 2 * dimension
    assert size <= max(mixed.BLOB_BYTES, 2 * dimension)
    assert 4 * size / 3 + 400 < 8000 or dimension > 2800
