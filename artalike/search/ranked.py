"""Images ranked by likeness, page after page: no repeats, no gaps, no state on the server.

A ranking is fixed by its query and by the largest id at its start, so that what comes in later changes nothing.
Its order is by score, rounded as it is shown, then by id: where the index puts equals does not matter. The next
page begins behind the last image shown, found again by its id or, where that has been removed, by its score.
Of near-duplicates only the best is shown, in its own place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from artalike.errors import NotFound, QueryError
from artalike.records import FloatArray, Hit, IdArray
from artalike.search import cursors
from artalike.search.cutoff import Cutoffs
from artalike.search.filters import ANYTHING, Filters, inside
from artalike.search.folding import Folded, fold
from artalike.storage.ports import ImageCatalog, Neighbors, VectorIndex

DEPTH: Final = 100_000
"""A ranking ends here. Whoever wants everything pages through random pictures."""

ID_LIMIT: Final = 2**63 - 1  # SQLite's largest
DECIMALS: Final = 6  # of a score: about what float32 gives for a cosine
_SHALLOWEST: Final = 256
_SPARE: Final = 16  # more than a page has: as many near-duplicates may be folded without looking twice
_IN_A_THREAD: Final = 8192  # more take longer to sort than the event loop may stand still

Id = Annotated[int, Field(ge=1, le=ID_LIMIT)]
Score = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """What to look for: the direction between the images ``ids`` and, where given, ``vector``.

    ``vector`` is float32 (dimension,). With ``others`` the images ``ids`` themselves are left out. ``shown`` are left
    out as well, and their near-duplicates; a cursor does not carry them. ``asked`` are images that ``vector`` was made
    of. Only what passes the ``filters`` is found, down to ``min_score``.
    """

    ids: tuple[int, ...] = ()
    vector: FloatArray | None = None
    others: bool = False
    shown: tuple[int, ...] = ()
    asked: tuple[int, ...] = ()
    filters: Filters = ANYTHING
    min_score: float | None = None


class Used(StrEnum):
    """What an answer was ranked by: likeness to pictures, words of the metadata, texts by the model's own encoder."""

    LIKENESS = "likeness"
    WORDS = "words"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Ranking:
    """One page, best first. ``cursor`` is None at the end.

    ``total`` is how many images can be found now; with filters, how many of those that were there at the start pass.
    Below ``cutoff`` images are less alike; it is that of all pages, None where it cannot be told.
    """

    hits: list[Hit]
    cursor: str | None
    total: int
    used: tuple[Used, ...] = (Used.LIKENESS,)
    cutoff: float | None = None


class RankedCursor(cursors.Cursor):
    """A query whose vector, if any, is in the blob; the ids up to ``max_id``; how many have been shown."""

    v: Annotated[int, Field(ge=1, le=1)]
    max_id: Annotated[int, Field(ge=0, le=ID_LIMIT)]
    at: Annotated[int, Field(ge=0, lt=DEPTH)]
    ids: Annotated[tuple[Id, ...], Field(max_length=64)] = ()
    others: bool = False
    last_id: Id | None = None
    last_score: Annotated[float, Field(ge=-2, le=2, allow_inf_nan=False)] | None = None
    asked: Annotated[tuple[Id, ...], Field(max_length=64)] = ()
    filters: Filters = ANYTHING
    min_score: Score | None = None
    cutoff: Score | None = None


@dataclass(frozen=True, slots=True)
class _Order:
    """Ranked ids and scores as far as they are known for sure; ``complete`` when nothing comes behind."""

    ids: IdArray
    scores: NDArray[np.float64]
    complete: bool

    def behind(self, last_id: int, last_score: float) -> int:
        """How many stand before and with the image shown last."""
        place = np.flatnonzero(self.ids == last_id)
        if place.size:
            return int(place[0]) + 1
        score = round(last_score, DECIMALS)
        before = (self.scores > score) | ((self.scores == score) & (self.ids < last_id))
        return int(np.count_nonzero(before))

    def first(self, count: int) -> _Order:
        if count >= len(self.ids):
            return self
        return _Order(self.ids[:count], self.scores[:count], complete=False)

    def down_to(self, min_score: float | None) -> _Order:
        if min_score is None:
            return self
        count = int(np.searchsorted(-self.scores, -min_score, side="right"))
        return self if count == len(self.ids) else _Order(self.ids[:count], self.scores[:count], complete=True)


class Search:
    """Finds what looks like an image of the collection, or like any other picture.

    ``model`` is the id of the active model and ``dimension`` that of its vectors; ``embed`` makes a vector of
    length 1, float32 (dimension,), of a picture's bytes, or raises an ItemError.
    """

    def __init__(
        self,
        images: ImageCatalog,
        index: VectorIndex,
        *,
        model: str,
        dimension: int,
        embed_bytes: Callable[[bytes], Awaitable[FloatArray]],
    ) -> None:
        self._images = images
        self._index = index
        self._model = model
        self._dimension = dimension
        self._embed_bytes = embed_bytes
        self._cutoffs = Cutoffs(images)

    async def like(self, pictures: Sequence[bytes]) -> Query:
        """A query by pictures that need not be in the collection: by the direction between them all.

        Raises QueryError when there is none, DecodeError for bytes that are not a picture, Overloaded.
        """
        vectors = np.stack([await self._embed_bytes(picture) for picture in pictures])
        return Query(vector=as_sent(direction(vectors)))

    async def embedded(self, picture: bytes) -> FloatArray:
        """The vector of a picture, float32 (dimension,). Raises DecodeError, Overloaded."""
        return await self._embed_bytes(picture)

    async def vectors(self, ids: Sequence[int]) -> dict[int, FloatArray]:
        """The vector of each of these images. Raises NotFound when one is not, or not yet, in the collection."""
        found, rows = await self._images.vectors(ids)
        vectors = dict(zip(found.tolist(), rows, strict=True))
        for wanted in ids:
            if wanted not in vectors:
                raise NotFound(f"id = {wanted}: no image that can be searched by")
        return vectors

    async def rank(self, query: Query, *, limit: int, offset: int = 0) -> Ranking:
        """The first page, or the one ``offset`` images into the ranking.

        Raises NotFound when one of the query's images is not, or not yet, in the collection.
        """
        totals = await self._images.totals()
        vector = await self._vector(query)
        cutoff = await self._cutoffs.of(vector)
        place = RankedCursor(
            v=1, max_id=totals.max_id, at=offset, cutoff=None if cutoff is None else round(cutoff, DECIMALS)
        )
        return await self._page(query, vector, place, limit)

    async def go_on(self, cursor: str, *, limit: int, of: int | None = None) -> Ranking:
        """The page that follows; ``of`` insists that it be of the neighbours of this image.

        Raises QueryError for a cursor of another model or query, NotFound as :meth:`rank` does.
        """
        place, blob = cursors.decode(cursor, RankedCursor, salt=self._model)
        if len(blob) not in {0, 2 * self._dimension} or (not blob and not place.ids):
            raise QueryError(f"cursor: expected one with a vector of {self._dimension} numbers or an image's id")
        if of is not None and (place.ids != (of,) or not place.others or blob):
            raise QueryError(f"cursor: expected one that goes on with the neighbours of image {of}")
        vector = np.frombuffer(blob, dtype="<f2").astype(np.float32) if blob else None
        if vector is not None and not np.isfinite(vector).all():
            raise QueryError("cursor: expected a vector of finite numbers")
        query = Query(
            place.ids,
            vector,
            others=place.others,
            asked=place.asked,
            filters=place.filters,
            min_score=place.min_score,
        )
        return await self._page(query, await self._vector(query), place, limit)

    async def _page(self, query: Query, vector: FloatArray, place: RankedCursor, limit: int) -> Ranking:
        among = await self.passing(query.filters, place.max_id)
        hits, after = await self.page(query, vector, place, limit, among)
        cursor = None if after is None else self._cursor(query, after)
        return Ranking(hits, cursor, self.total(among), cutoff=place.cutoff)

    async def page(
        self, query: Query, vector: FloatArray, place: RankedCursor, limit: int, among: IdArray | None
    ) -> tuple[list[Hit], RankedCursor | None]:
        """At most ``limit`` hits from ``place`` on, and where the ranking goes on, None at its end.

        ``vector`` is the query's direction, of length 1, and ``among`` are the ids that pass its filters.
        """
        limit = min(limit, DEPTH - place.at)
        order, shown, others = await self._shown(query, vector, place, limit, among)
        taken, hits = 0, list[Hit]()
        while len(hits) < limit and taken < shown.size:
            wanted = shown[taken : taken + limit - len(hits)]
            images = await self._images.images(order.ids[wanted].tolist())
            scores = dict(zip(order.ids[wanted].tolist(), order.scores[wanted].tolist(), strict=True))
            hits += [Hit(image, scores[image.id], others.get(image.id, 0)) for image in images]
            taken += wanted.size
        if place.at + taken >= DEPTH or (taken == shown.size and order.complete):
            return hits, None
        if not taken:
            return hits, place
        last = int(shown[taken - 1])
        moved = {"last_id": int(order.ids[last]), "last_score": float(order.scores[last])}
        return hits, place.model_copy(update={"at": place.at + taken, **moved})

    @property
    def model(self) -> str:
        return self._model

    @property
    def dimension(self) -> int:
        return self._dimension

    async def passing(self, filters: Filters, max_id: int) -> IdArray | None:
        """Ascending ids (n,) up to ``max_id`` that pass; None when all do."""
        return None if filters.anything else await self._images.passing(filters.criteria(), max_id=max_id)

    def total(self, among: IdArray | None) -> int:
        """How many images can be found, of those that pass."""
        return self._index.size if among is None else len(among)

    async def nearest(self, vector: FloatArray, depth: int, *, max_id: int, among: IdArray | None) -> IdArray:
        """Ids (n,) up to ``max_id`` of what is most alike, best first, about ``depth`` of them."""
        return (await self._ranked(Query(), vector, depth, max_id, among)).ids

    async def _vector(self, query: Query) -> FloatArray:
        parts = [] if query.vector is None else [query.vector]
        if query.ids:
            parts += (await self.vectors(query.ids)).values()
        return direction(np.stack(parts))

    async def _shown(
        self, query: Query, vector: FloatArray, place: RankedCursor, limit: int, among: IdArray | None
    ) -> tuple[_Order, IdArray, Mapping[int, int]]:
        """The ranking, where in it the images stand that are shown from here on, and how many are folded under each.

        More than ``limit`` of them, unless it is complete.
        """
        ahead = limit + _SPARE + (place.at if place.last_id is None else 0)
        while True:
            order, start = await self._order(query, vector, place, ahead, among)
            ids = order.ids[start:]
            folded = await self._folded(query, ids, place.max_id, among)
            shown = start + np.flatnonzero(~np.isin(ids, folded.hidden))
            if place.last_id is None:
                shown = shown[place.at :]
            if order.complete or shown.size > limit:
                return order, shown, folded.others
            ahead *= 2

    async def _order(
        self, query: Query, vector: FloatArray, place: RankedCursor, ahead: int, among: IdArray | None
    ) -> tuple[_Order, int]:
        """The ranking, ``ahead`` deep behind the image shown last, and where that place is.

        More than ``ahead`` are cut off, unless the ranking is complete before.
        """
        start = 0
        depth = max(_SHALLOWEST, 1 << (place.at + ahead + len(query.shown)).bit_length())
        while True:
            order = await self._ranked(query, vector, depth, place.max_id, among)
            if place.last_id is not None and place.last_score is not None:
                start = order.behind(place.last_id, place.last_score)
            if order.complete or len(order.ids) > start + ahead:
                return order.first(start + ahead), start
            depth *= 2

    async def _folded(self, query: Query, ids: IdArray, max_id: int, among: IdArray | None) -> Folded:
        """What of ``ids`` stands behind a near-duplicate that takes part in the ranking, too."""
        groups = await self._images.near_groups(ids.tolist())
        taking_part = groups.embedded & (groups.ids <= max_id)
        if among is not None:
            taking_part &= inside(groups.ids, among)
        if query.others:
            taking_part &= ~np.isin(groups.ids, query.ids)
        return fold(groups, taking_part, query.shown, query.ids + query.asked)

    async def _ranked(self, query: Query, vector: FloatArray, depth: int, max_id: int, among: IdArray | None) -> _Order:
        # What passes is up to max_id already, and the same array for equal filters: such searches are gathered.
        upper = max_id if among is None else None
        [neighbors] = await self._index.search(vector[np.newaxis], depth, max_id=upper, among=among)
        left_out = (*query.shown, *query.ids) if query.others else query.shown
        if len(neighbors.ids) > _IN_A_THREAD:
            order = await asyncio.to_thread(_sorted, neighbors, depth, left_out)
        else:
            order = _sorted(neighbors, depth, left_out)
        return order.down_to(query.min_score)

    def _cursor(self, query: Query, after: RankedCursor) -> str:
        asked = {"ids": query.ids, "others": query.others, "asked": query.asked}
        narrowed = {"filters": query.filters, "min_score": query.min_score}
        place = after.model_copy(update=asked | narrowed)
        blob = b"" if query.vector is None else query.vector.astype("<f2").tobytes()
        return cursors.encode(place, salt=self._model, blob=blob)


def _sorted(neighbors: Neighbors, depth: int, left_out: tuple[int, ...]) -> _Order:
    """What is sure of an answer that was asked for ``depth`` neighbours."""
    scores = neighbors.scores.astype(np.float64).round(DECIMALS)
    complete = len(scores) < depth
    # The cut may go through images of equal score, in whatever order the index holds them.
    sure = np.ones(len(scores), dtype=bool) if complete else scores > scores.min()
    sure &= ~np.isin(neighbors.ids, left_out)
    ids, scores = neighbors.ids[sure], scores[sure]
    best_first = np.lexsort((ids, -scores))
    return _Order(ids[best_first], scores[best_first], complete)


def direction(vectors: FloatArray, weights: Sequence[float] | None = None) -> FloatArray:
    """The mean of rows (n, dimension), or their sum by ``weights``, of length 1, float32 (dimension,).

    Raises QueryError when nothing is left of it.
    """
    rows = vectors.astype(np.float64)
    mean = rows.mean(axis=0) if weights is None else np.asarray(weights) @ rows
    length = np.linalg.norm(mean)
    if length < 1e-6:
        raise QueryError("what is asked for cancels itself out: expected parts that have something in common")
    unit: FloatArray = (mean / length).astype(np.float32)
    return unit


def as_sent(vector: FloatArray) -> FloatArray:
    """Rounded as a cursor carries it, so that the first page is of the same ranking as the others."""
    return vector.astype(np.float16).astype(np.float32)
