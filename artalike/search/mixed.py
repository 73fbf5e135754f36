"""Questions of several parts: pictures and words to look for, and others to stay away from.

Pictures become one direction, ``Σ w·like - Σ w·unlike``; words rank by the metadata; and where the model has a text
encoder, texts become a direction of their own. The rankings are fused by their ranks. Directions of pictures and of
texts are never added up: a model puts the two into regions of their own (Liang et al., "Mind the Gap", NeurIPS 2022),
and their cosines have no scale in common. Between texts the gap cancels out: an unwanted text is subtracted from wanted
ones. Where there are only pictures, it moves back what they have found; not by ranks, which a subtraction of equal
weights leaves without an order, but by scores of mean 0 and deviation 1 (Montague and Aslam, "Relevance Score
Normalization for Metasearch", CIKM 2001).

What a fused ranking begins with, its head, depends on counts of words over the whole collection, which change
while it grows. So the cursor carries the ids of the head: what has been ranked stays as it is. Behind the head follow
all other images by likeness, to the picture to look for or else to the text.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Final

import numpy as np
from pydantic import Field

from artalike.errors import QueryError
from artalike.records import FloatArray, Hit, IdArray
from artalike.search import cursors
from artalike.search.filters import ANYTHING, Filters, inside
from artalike.search.folding import Folded, fold
from artalike.search.fusion import Weighted, fused
from artalike.search.order import DECIMALS, DEPTH
from artalike.search.ranked import (
    ID_LIMIT,
    Id,
    Query,
    RankedCursor,
    Ranking,
    Score,
    Search,
    Used,
    as_sent,
    direction,
)
from artalike.storage.ports import ImageCatalog

HEAD_MOST: Final = 1000
"""So many of each ranking are fused, and so many ids stand in a cursor at most."""

BLOB_BYTES: Final = 5600
"""Of a cursor: with base64 and the rest of the address it fits into a request line of 8,190 bytes."""

EmbedTexts = Callable[[Sequence[str]], Awaitable[FloatArray | None]]
"""Vectors of length 1, float32 (n, dimension), of n texts; None where there is no text encoder, or not yet."""

_VECTOR_ITEM: Final = np.dtype("<f2")


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What to look for, or with a negative ``weight`` to stay away from: exactly one of an image, a vector, words.

    ``vector`` is float32 (dimension,), of length 1.
    """

    weight: float
    id: int | None = None
    vector: FloatArray | None = None
    text: str | None = None


class MixedCursor(cursors.Cursor):
    """``head`` ids of ``width`` bytes stand in the blob, behind the vector if there is ``likeness``.

    ``at`` counts through the head and then, unless the ranking ``ends`` there, through the others, of which the last
    shown is named. ``asked`` are the images to look for.
    """

    v: Annotated[int, Field(ge=1, le=1)]
    max_id: Annotated[int, Field(ge=0, le=ID_LIMIT)]
    at: Annotated[int, Field(ge=0, lt=DEPTH + HEAD_MOST)]
    head: Annotated[int, Field(ge=0, le=HEAD_MOST)]
    width: Annotated[int, Field(ge=1, le=7)]
    likeness: bool = False
    ends: bool = False
    used: Annotated[tuple[Used, ...], Field(min_length=1, max_length=len(Used))]
    last_id: Id | None = None
    last_score: Annotated[float, Field(ge=-2, le=2, allow_inf_nan=False)] | None = None
    asked: Annotated[tuple[Id, ...], Field(max_length=64)] = ()
    filters: Filters = ANYTHING
    min_score: Score | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Mixed:
    """A ranking whose ``head`` is settled, and goes on by ``vector`` unless it ``ends``."""

    head: IdArray
    vector: FloatArray | None
    ends: bool
    used: tuple[Used, ...]


class MixedSearch:
    """Ranks by pictures and texts together; by pictures alone as :class:`Search` does."""

    def __init__(self, search: Search, images: ImageCatalog, embed_texts: EmbedTexts | None = None) -> None:
        self._search = search
        self._images = images
        self._embed_texts = embed_texts

    async def rank(
        self,
        parts: Sequence[Part],
        *,
        limit: int,
        offset: int = 0,
        filters: Filters = ANYTHING,
        min_score: float | None = None,
    ) -> Ranking:
        """The first page, or the one ``offset`` images into the ranking. Parts of no weight are as if not there.

        What has a score below ``min_score`` is left out. Raises QueryError when nothing is asked for, a text has no
        words, or no image would have a score; NotFound for an image that is not there.
        """
        parts = [part for part in parts if part.weight]
        if len(parts) == 1 and parts[0].id is not None and parts[0].weight > 0:
            query = Query(ids=(parts[0].id,), filters=filters, min_score=min_score)
            return await self._search.rank(query, limit=limit, offset=offset)
        totals = await self._images.totals()
        asked = tuple(part.id for part in parts if part.id is not None and part.weight > 0)
        mixed = await self._settled(parts, totals.max_id, await self._search.passing(filters, totals.max_id))
        if mixed.used == (Used.LIKENESS,):
            query = Query(vector=mixed.vector, asked=asked, filters=filters, min_score=min_score)
            return await self._search.rank(query, limit=limit, offset=offset)
        most = _head_most(self._search.dimension, totals.max_id, besides=len(f"{filters.canonical()}{asked}".encode()))
        mixed = replace(mixed, head=await self._at_least(min_score, mixed.head[:most], mixed.vector))
        place = MixedCursor(
            v=1,
            max_id=totals.max_id,
            at=0,
            head=mixed.head.size,
            width=cursors.width(totals.max_id),
            likeness=mixed.vector is not None,
            ends=mixed.ends,
            used=mixed.used,
            asked=asked,
            filters=filters,
            min_score=min_score,
        )
        return await self._page(mixed, place, limit, skip=offset)

    async def go_on(self, cursor: str, *, limit: int) -> Ranking:
        """The page that follows. Raises QueryError for a cursor of another model or query."""
        try:
            place, blob = cursors.decode(cursor, MixedCursor, salt=self._salt)
        except QueryError:
            return await self._search.go_on(cursor, limit=limit)
        size = self._search.dimension * _VECTOR_ITEM.itemsize if place.likeness else 0
        if len(blob) != size + place.head * place.width or len(blob) > BLOB_BYTES + size:
            raise QueryError("cursor: expected one with as many ids as it says")
        vector = np.frombuffer(blob[:size], _VECTOR_ITEM).astype(np.float32) if size else None
        if vector is not None and not np.isfinite(vector).all():
            raise QueryError("cursor: expected a vector of finite numbers")
        mixed = _Mixed(cursors.unpacked(blob[size:], place.width), vector, place.ends, place.used)
        return await self._page(mixed, place, limit)

    @property
    def _salt(self) -> str:
        return f"{self._search.model} mixed"

    async def _direction(self, parts: Sequence[Part]) -> FloatArray | None:
        """Between the pictures among ``parts``, as a cursor carries it; None when there is none."""
        known = await self._search.vectors([part.id for part in parts if part.id is not None])
        weights, vectors = [], []
        for part in parts:
            vector = known[part.id] if part.id is not None else part.vector
            if vector is not None:
                weights.append(part.weight)
                vectors.append(vector)
        return as_sent(direction(np.stack(vectors), weights)) if vectors else None

    async def _meaning(self, parts: Sequence[Part]) -> tuple[FloatArray | None, float]:
        """Between the texts among ``parts``, and its weight: negative, where all of them are to be stayed away from."""
        spoken = [(part.text, part.weight) for part in parts if part.text is not None]
        if not spoken or self._embed_texts is None:
            return None, 0.0
        vectors = await self._embed_texts([text for text, _ in spoken])
        if vectors is None:
            return None, 0.0
        wanted = sum(max(weight, 0) for _, weight in spoken)
        if wanted:
            return as_sent(direction(vectors, [weight for _, weight in spoken])), wanted
        return direction(vectors, [-weight for _, weight in spoken]), sum(weight for _, weight in spoken)

    async def _settled(self, parts: Sequence[Part], max_id: int, among: IdArray | None) -> _Mixed:
        """The ranking of ids up to ``max_id`` and, where given, in ``among``; its head may yet be too long."""
        with_words = partial(self._images.words, limit=HEAD_MOST, max_id=max_id, among=among)
        nearest = partial(self._search.nearest, depth=HEAD_MOST, max_id=max_id, among=among)
        texts = [part for part in parts if part.text is not None and part.weight > 0]
        pictures = await self._direction(parts)
        if pictures is None and not texts:
            raise QueryError("expected something to look for: a picture in like or unlike, or words")
        by_words: list[Weighted] = [(await with_words(part.text or ""), part.weight) for part in texts]
        meaning, weight = await self._meaning(parts)
        rankings = list(by_words)
        if meaning is not None and weight > 0:
            rankings.append((await nearest(meaning), weight))
        # Whoever wants a text and only stays away from a picture does not ask for what is least like that picture.
        looked_for = not texts or any(part.text is None and part.weight > 0 for part in parts)
        if pictures is not None and looked_for:
            found = await nearest(pictures)
            if meaning is not None and weight < 0:
                found = await self._moved_back(found, pictures, meaning, weight)
            rankings.append((found, 1.0))
        elif pictures is not None:
            rankings.append((await self._by_likeness(rankings, pictures), 1.0))
        unwanted = await self._unwanted(parts, rankings)

        ends = meaning is None and not looked_for
        say = {
            Used.LIKENESS: pictures is not None,
            Used.WORDS: ends or bool(unwanted) or any(ids.size for ids, _ in by_words),
            Used.TEXT: meaning is not None,
        }
        used = tuple(each for each in Used if say[each])
        vector = meaning if meaning is not None and not looked_for else pictures
        if len(used) == 1 and vector is not None:  # what follows a head says it all
            return _Mixed(np.empty(0, np.int64), vector, ends, used)
        return _Mixed(fused(rankings, unwanted), vector, ends, used)

    async def _at_least(self, min_score: float | None, head: IdArray, vector: FloatArray | None) -> IdArray:
        """Those of the ``head`` whose score is not below."""
        if min_score is None:
            return head
        if vector is None:
            raise QueryError("min_score: expected a picture to look for; words alone give no scores")
        scores = await self._scores(head, vector)
        return head[[scores.get(number, -2) >= min_score for number in head.tolist()]]

    async def _by_likeness(self, rankings: Sequence[Weighted], vector: FloatArray) -> IdArray:
        """What ``rankings`` have, the most alike first."""
        ids, vectors = await self._images.vectors(fused(rankings).tolist())
        return _best_first(ids, vectors @ vector)

    async def _moved_back(self, found: IdArray, pictures: FloatArray, text: FloatArray, weight: float) -> IdArray:
        """What was ``found`` by ``pictures``, with ``text`` counting by its negative weight."""
        ids, vectors = await self._images.vectors(found.tolist())
        return _best_first(ids, _standard(vectors @ pictures) + weight * _standard(vectors @ text))

    async def _unwanted(self, parts: Sequence[Part], rankings: Sequence[Weighted]) -> list[Weighted]:
        among = fused(rankings).tolist()
        found = [
            (await self._images.having_words(part.text, among), -part.weight)
            for part in parts
            if part.text is not None and part.weight < 0
        ]
        return [(ids, weight) for ids, weight in found if ids.size]

    async def _page(self, mixed: _Mixed, place: MixedCursor, limit: int, *, skip: int = 0) -> Ranking:
        """The page from ``place`` on, without the first ``skip`` images that it would show."""
        among = await self._search.passing(place.filters, place.max_id)
        hits, at = list[Hit](), place.at
        if at < place.head:
            folded = await self._folded(mixed.head, place.asked, among)
            standing = np.flatnonzero(~np.isin(mixed.head, folded.hidden))
            standing = standing[standing >= at]
            skip, standing = max(0, skip - standing.size), standing[skip:]
            while len(hits) < limit and standing.size:
                wanted = limit - len(hits)
                hits += await self._hits(mixed.head[standing[:wanted]], mixed.vector, folded)
                standing = standing[wanted:]
            at = int(standing[0]) if standing.size else place.head
        after = place.model_copy(update={"at": at}) if at < place.head else None
        if after is None and mixed.vector is not None and not mixed.ends:
            query = Query(
                shown=tuple(mixed.head.tolist()), asked=place.asked, filters=place.filters, min_score=place.min_score
            )
            behind = RankedCursor(
                v=2,
                max_id=place.max_id,
                at=at - place.head,
                head_over=True,
                last_id=place.last_id,
                last_score=place.last_score,
            )
            unit = direction(mixed.vector[np.newaxis])
            more, _, then = await self._search.page(query, unit, behind, limit - len(hits), among, skip=skip)
            hits += more
            if then is not None:
                moved = {"at": place.head + then.at, "last_id": then.last_id, "last_score": then.last_score}
                after = place.model_copy(update=moved)
        total = place.head if mixed.vector is None or mixed.ends else self._search.total(among)
        return Ranking(hits, None if after is None else self._cursor(mixed, after), total, mixed.used)

    async def _folded(self, head: IdArray, asked: Sequence[int], among: IdArray | None) -> Folded:
        """What in the head stands behind a near-duplicate that is in it, too, or passes no more."""
        groups = await self._images.near_groups(head.tolist())
        taking_part = np.isin(groups.ids, head)
        if among is None:
            return fold(groups, taking_part, asked)
        folded = fold(groups, taking_part & inside(groups.ids, among), asked)
        return replace(folded, hidden=np.union1d(folded.hidden, head[~inside(head, among)]))

    async def _hits(self, ids: IdArray, vector: FloatArray | None, folded: Folded) -> list[Hit]:
        images = await self._images.images(ids.tolist())
        if vector is None:
            return [Hit(image, None, folded.others.get(image.id, 0)) for image in images]
        scores = await self._scores(ids, vector)
        return [Hit(image, scores.get(image.id), folded.others.get(image.id, 0)) for image in images]

    async def _scores(self, ids: IdArray, vector: FloatArray) -> dict[int, float]:
        known, vectors = await self._images.vectors(ids.tolist())
        # In float32 the last decimal depends on how many rows there are, and an image would have two scores.
        scores = vectors.astype(np.float64) @ direction(vector[np.newaxis])
        return dict(zip(known.tolist(), scores.round(DECIMALS).tolist(), strict=True))

    def _cursor(self, mixed: _Mixed, after: MixedCursor) -> str:
        blob = b"" if mixed.vector is None else mixed.vector.astype(_VECTOR_ITEM).tobytes()
        return cursors.encode(after, salt=self._salt, blob=blob + cursors.packed(mixed.head, after.width))


def _best_first(ids: IdArray, scores: FloatArray) -> IdArray:
    """Equals stand in the order of their ids."""
    ranked: IdArray = ids[np.lexsort((ids, -scores.astype(np.float64).round(DECIMALS)))]
    return ranked


def _standard(scores: FloatArray) -> FloatArray:
    """Of mean 0 and deviation 1."""
    deviation = scores.std() if scores.size else 0.0
    standard: FloatArray = (scores - scores.mean()) / deviation if deviation else np.zeros_like(scores)
    return standard


def _head_most(dimension: int, max_id: int, besides: int = 0) -> int:
    """Ids that fit into a cursor with a vector and ``besides`` bytes of filters and the like."""
    room = BLOB_BYTES - dimension * _VECTOR_ITEM.itemsize - besides
    return min(HEAD_MOST, max(0, room) // cursors.width(max_id))
