"""Questions of several parts: pictures and words to look for, and others to stay away from.

What a fused ranking begins with, its head, depends on counts of words over the whole collection, which change
while it grows. So the cursor carries the ids of the head: what has been ranked stays as it is. Behind the head follow
all other images by likeness, to the picture to look for or else to the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Final

import numpy as np
from pydantic import Field

from artalike.errors import QueryError
from artalike.records import FloatArray, Hit, IdArray
from artalike.search import cursors
from artalike.search.filters import ANYTHING, Filters, inside
from artalike.search.folding import Folded, fold
from artalike.search.order import DECIMALS, DEPTH
from artalike.search.question import HEAD_MOST, EmbedTexts, Part, Questions, Settled
from artalike.search.ranked import (
    ID_LIMIT,
    Id,
    Query,
    RankedCursor,
    Ranking,
    Score,
    Search,
    Used,
    direction,
)
from artalike.storage.ports import ImageCatalog

BLOB_BYTES: Final = 5600
"""Of a cursor: with base64 and the rest of the address it fits into a request line of 8,190 bytes."""

_VECTOR_ITEM: Final = np.dtype("<f2")


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


class MixedSearch:
    """Ranks by pictures and texts together; by pictures alone as :class:`Search` does."""

    def __init__(
        self, search: Search, images: ImageCatalog, embed_texts: EmbedTexts | None = None, *, trust: float = 1.0
    ) -> None:
        """``embed_texts`` and ``trust`` are those of :class:`~artalike.search.question.Questions`."""
        self._search = search
        self._images = images
        self._questions = Questions(search, images, embed_texts, trust=trust)

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
        asked = tuple(part.id for part in parts if part.id is not None and part.weight > 0)
        if parts and all(part.text is None for part in parts):
            vector = await self._questions.direction(parts)
            query = Query(vector=vector, asked=asked, filters=filters, min_score=min_score)
            return await self._search.rank(query, limit=limit, offset=offset)
        totals = await self._images.totals()
        mixed = await self._questions.settled(parts, totals.max_id, await self._search.passing(filters, totals.max_id))
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
        mixed = Settled(cursors.unpacked(blob[size:], place.width), vector, place.ends, place.used)
        return await self._page(mixed, place, limit)

    @property
    def _salt(self) -> str:
        return f"{self._search.model} mixed"

    async def _at_least(self, min_score: float | None, head: IdArray, vector: FloatArray | None) -> IdArray:
        """Those of the ``head`` whose score is not below."""
        if min_score is None:
            return head
        if vector is None:
            raise QueryError("min_score: expected a picture to look for; words alone give no scores")
        scores = await self._scores(head, vector)
        return head[[scores.get(number, -2) >= min_score for number in head.tolist()]]

    async def _page(self, mixed: Settled, place: MixedCursor, limit: int, *, skip: int = 0) -> Ranking:
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

    def _cursor(self, mixed: Settled, after: MixedCursor) -> str:
        blob = b"" if mixed.vector is None else mixed.vector.astype(_VECTOR_ITEM).tobytes()
        return cursors.encode(after, salt=self._salt, blob=blob + cursors.packed(mixed.head, after.width))


def _head_most(dimension: int, max_id: int, besides: int = 0) -> int:
    """Ids that fit into a cursor with a vector and ``besides`` bytes of filters and the like."""
    room = BLOB_BYTES - dimension * _VECTOR_ITEM.itemsize - besides
    return min(HEAD_MOST, max(0, room) // cursors.width(max_id))
