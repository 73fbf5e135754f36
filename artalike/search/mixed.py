"""Questions of several parts: pictures and words to look for, and others to stay away from.

Pictures become one direction, ``Σ w·like - Σ w·unlike``; words rank by the metadata; both rankings are fused by their
ranks. What a fused ranking begins with, its head, depends on counts of words over the whole collection, which change
while it grows. So the cursor carries the ids of the head: what has been ranked stays as it is. Behind the head follow
all other images by likeness, where there is a picture to look for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from pydantic import Field

from artalike.errors import QueryError
from artalike.records import FloatArray, Hit, IdArray
from artalike.search import cursors
from artalike.search.fusion import Weighted, fused
from artalike.search.ranked import (
    DECIMALS,
    DEPTH,
    ID_LIMIT,
    Id,
    Query,
    RankedCursor,
    Ranking,
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
    shown is named.
    """

    v: Annotated[int, Field(ge=1, le=1)]
    max_id: Annotated[int, Field(ge=0, le=ID_LIMIT)]
    at: Annotated[int, Field(ge=0, lt=DEPTH + HEAD_MOST)]
    head: Annotated[int, Field(ge=0, le=HEAD_MOST)]
    width: Annotated[int, Field(ge=1, le=7)]
    likeness: bool = False
    ends: bool = False
    last_id: Id | None = None
    last_score: Annotated[float, Field(ge=-2, le=2, allow_inf_nan=False)] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Mixed:
    """A ranking whose ``head`` is settled, and goes on by ``vector`` unless it ``ends``."""

    head: IdArray
    vector: FloatArray | None
    ends: bool


class MixedSearch:
    """Ranks by pictures and words together; by pictures alone as :class:`Search` does."""

    def __init__(self, search: Search, images: ImageCatalog) -> None:
        self._search = search
        self._images = images

    async def rank(self, parts: Sequence[Part], *, limit: int, offset: int = 0) -> Ranking:
        """The first page, or the one ``offset`` images into the ranking. Parts of no weight are as if not there.

        Raises QueryError when nothing is asked for or a text has no words, NotFound for an image that is not there.
        """
        parts = [part for part in parts if part.weight]
        if len(parts) == 1 and parts[0].id is not None and parts[0].weight > 0:
            return await self._search.rank(Query(ids=(parts[0].id,)), limit=limit, offset=offset)
        totals = await self._images.totals()
        vector = await self._direction(parts)
        texts = [part for part in parts if part.text is not None and part.weight > 0]
        if vector is None and not texts:
            raise QueryError("expected something to look for: a picture in like or unlike, or words")
        head, ends = await self._head(parts, texts, vector, totals.max_id)
        if head is None:
            return await self._search.rank(Query(vector=vector), limit=limit, offset=offset)
        place = MixedCursor(
            v=1,
            max_id=totals.max_id,
            at=offset,
            head=head.size,
            width=_width(totals.max_id),
            likeness=vector is not None,
            ends=ends,
        )
        return await self._page(_Mixed(head, vector, ends), place, limit)

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
        return await self._page(_Mixed(_unpacked(blob[size:], place.width), vector, place.ends), place, limit)

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

    async def _head(
        self, parts: Sequence[Part], texts: Sequence[Part], vector: FloatArray | None, max_id: int
    ) -> tuple[IdArray | None, bool]:
        """The head, None when words have no say in this ranking, and whether the ranking ends with it."""
        rankings: list[Weighted] = [
            (await self._images.words(part.text or "", limit=HEAD_MOST, max_id=max_id), part.weight) for part in texts
        ]
        # Whoever wants a word and only stays away from a picture does not ask for what is least like that picture.
        looked_for = any(part.text is None and part.weight > 0 for part in parts)
        ends = bool(texts) and not looked_for
        if vector is not None and ends:
            rankings.append((await self._by_likeness(rankings, vector), 1.0))
        elif vector is not None:
            rankings.append((await self._search.nearest(vector, HEAD_MOST, max_id=max_id), 1.0))
        unwanted = await self._unwanted(parts, rankings)
        if not ends and not unwanted and not any(ids.size for ids, _ in rankings[: len(texts)]):
            return None, False
        return fused(rankings, unwanted)[: _head_most(self._search.dimension, max_id)], ends

    async def _by_likeness(self, rankings: Sequence[Weighted], vector: FloatArray) -> IdArray:
        """What ``rankings`` have, the most alike first."""
        ids, vectors = await self._images.vectors(fused(rankings).tolist())
        scores = (vectors @ vector).astype(np.float64).round(DECIMALS)
        best_first: IdArray = ids[np.lexsort((ids, -scores))]
        return best_first

    async def _unwanted(self, parts: Sequence[Part], rankings: Sequence[Weighted]) -> list[Weighted]:
        among = fused(rankings).tolist()
        found = [
            (await self._images.having_words(part.text, among), -part.weight)
            for part in parts
            if part.text is not None and part.weight < 0
        ]
        return [(ids, weight) for ids, weight in found if ids.size]

    async def _page(self, mixed: _Mixed, place: MixedCursor, limit: int) -> Ranking:
        hits, at = list[Hit](), place.at
        while len(hits) < limit and at < place.head:
            wanted = mixed.head[at : at + limit - len(hits)]
            hits += await self._hits(wanted, mixed.vector)
            at += wanted.size
        after = place.model_copy(update={"at": at}) if at < place.head else None
        if after is None and mixed.vector is not None and not mixed.ends:
            query = Query(vector=mixed.vector, shown=tuple(mixed.head.tolist()))
            behind = RankedCursor(
                v=1, max_id=place.max_id, at=at - place.head, last_id=place.last_id, last_score=place.last_score
            )
            more, then = await self._search.page(query, behind, limit - len(hits))
            hits += more
            if then is not None:
                moved = {"at": place.head + then.at, "last_id": then.last_id, "last_score": then.last_score}
                after = place.model_copy(update=moved)
        used = (Used.LIKENESS, Used.WORDS) if place.likeness else (Used.WORDS,)
        total = place.head if mixed.vector is None or mixed.ends else self._search.size
        return Ranking(hits, None if after is None else self._cursor(mixed, after), total, used)

    async def _hits(self, ids: IdArray, vector: FloatArray | None) -> list[Hit]:
        images = await self._images.images(ids.tolist())
        if vector is None:
            return [Hit(image, None) for image in images]
        known, vectors = await self._images.vectors(ids.tolist())
        unit = direction(vector[np.newaxis])
        scores = dict(zip(known.tolist(), (vectors @ unit).astype(np.float64).round(DECIMALS).tolist(), strict=True))
        return [Hit(image, scores.get(image.id)) for image in images]

    def _cursor(self, mixed: _Mixed, after: MixedCursor) -> str:
        blob = b"" if mixed.vector is None else mixed.vector.astype(_VECTOR_ITEM).tobytes()
        return cursors.encode(after, salt=self._salt, blob=blob + _packed(mixed.head, after.width))


def _width(max_id: int) -> int:
    """Bytes for an id."""
    return max(1, (max_id.bit_length() + 7) // 8)


def _head_most(dimension: int, max_id: int) -> int:
    return min(HEAD_MOST, max(0, BLOB_BYTES - dimension * _VECTOR_ITEM.itemsize) // _width(max_id))


def _packed(ids: IdArray, width: int) -> bytes:
    return b"".join(number.to_bytes(width, "little") for number in ids.tolist())


def _unpacked(data: bytes, width: int) -> IdArray:
    numbers: Iterable[int] = (
        int.from_bytes(data[start : start + width], "little") for start in range(0, len(data), width)
    )
    return np.fromiter(numbers, np.int64)
