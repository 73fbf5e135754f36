"""Images ranked by likeness, page after page: no repeats, no gaps, no state on the server.

A ranking is fixed by its query and by the largest id at its start, so that what comes in later changes nothing.
Its order is by score, rounded as it is shown, then by id: where the index puts equals does not matter. A cursor holds
what has been shown of the head, and behind the head the image shown last, found again by its id or, where that has
been removed, by its score. Of near-duplicates only the best is shown, in its own place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Final

import numpy as np
from pydantic import Field

from artalike.errors import NotFound, QueryError
from artalike.records import FloatArray, Hit, IdArray
from artalike.search import cursors
from artalike.search.cutoff import Cutoffs
from artalike.search.filters import ANYTHING, Filters, inside
from artalike.search.folding import Folded, fold
from artalike.search.order import DECIMALS, DEPTH, Order, Orders, Range
from artalike.storage.ports import ImageCatalog, VectorIndex

ID_LIMIT: Final = 2**63 - 1  # SQLite's largest
SHOWN_BYTES: Final = 1536
"""The head is over once the ids of what has been shown of it take so much of a cursor, less what filters take."""
_SHOWN_MOST: Final = 1024
_SPARE: Final = 16  # more than a page has: as many near-duplicates may be folded without looking twice
_AT_ONCE: Final = 4096  # images of a ranking whose near-duplicates are looked up together, on the way to a far offset

Id = Annotated[int, Field(ge=1, le=ID_LIMIT)]
Score = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """What to look for: the direction between the images ``ids`` and, where given, ``vector``.

    ``vector`` is float32 (dimension,). With ``others`` the images ``ids`` themselves are left out. ``shown`` are left
    out as well, and their near-duplicates. ``asked`` are images that ``vector`` was made of. Only what passes the
    ``filters`` is found, down to ``min_score``.
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
    """A query, the ids up to ``max_id``, and how many have been shown: ``shown`` ids of these are of the head.

    The blob is the query's vector, if any, and those ids. ``last_id`` was the last one shown behind the head.
    """

    v: Annotated[int, Field(ge=2, le=2)]
    max_id: Annotated[int, Field(ge=0, le=ID_LIMIT)]
    at: Annotated[int, Field(ge=0, lt=DEPTH)]
    ids: Annotated[tuple[Id, ...], Field(max_length=64)] = ()
    others: bool = False
    shown: Annotated[int, Field(ge=0, le=_SHOWN_MOST)] = 0
    head_over: bool = False
    last_id: Id | None = None
    last_score: Annotated[float, Field(ge=-2, le=2, allow_inf_nan=False)] | None = None
    asked: Annotated[tuple[Id, ...], Field(max_length=64)] = ()
    filters: Filters = ANYTHING
    min_score: Score | None = None
    cutoff: Score | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Walk:
    """Hits on a part of an order, which images were shown for them, where it stopped, how many are yet to be skipped.

    Of the images shown some are skipped, and some may have been removed since they were ranked.
    """

    hits: list[Hit]
    shown: list[int]
    stop: int
    skip: int


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
        self._orders = Orders(index)
        self._model = model
        self._dimension = dimension
        self._embed_bytes = embed_bytes
        self._cutoffs = Cutoffs(images)

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
            v=2, max_id=totals.max_id, at=0, cutoff=None if cutoff is None else round(cutoff, DECIMALS)
        )
        return await self._page(query, vector, place, limit, skip=offset)

    async def go_on(self, cursor: str, *, limit: int, of: int | None = None) -> Ranking:
        """The page that follows; ``of`` insists that it be of the neighbours of this image.

        Raises QueryError for a cursor of another model or query, NotFound as :meth:`rank` does.
        """
        place, blob = cursors.decode(cursor, RankedCursor, salt=self._model)
        width = cursors.width(place.max_id)
        size = len(blob) - place.shown * width
        if size not in {0, 2 * self._dimension} or (not size and not place.ids):
            raise QueryError(f"cursor: expected one with a vector of {self._dimension} numbers or an image's id")
        blob, shown = blob[:size], blob[size:]
        if of is not None and (place.ids != (of,) or not place.others or blob):
            raise QueryError(f"cursor: expected one that goes on with the neighbours of image {of}")
        vector = np.frombuffer(blob, dtype="<f2").astype(np.float32) if blob else None
        if vector is not None and not np.isfinite(vector).all():
            raise QueryError("cursor: expected a vector of finite numbers")
        query = Query(
            ids=place.ids,
            vector=vector,
            others=place.others,
            shown=tuple(cursors.unpacked(shown, width).tolist()),
            asked=place.asked,
            filters=place.filters,
            min_score=place.min_score,
        )
        return await self._page(query, await self._vector(query), place, limit)

    async def _page(
        self, query: Query, vector: FloatArray, place: RankedCursor, limit: int, *, skip: int = 0
    ) -> Ranking:
        among = await self.passing(query.filters, place.max_id)
        hits, query, after = await self.page(query, vector, place, limit, among, skip=skip)
        cursor = None if after is None else self._cursor(query, after)
        return Ranking(hits, cursor, self.total(among), cutoff=place.cutoff)

    async def page(
        self,
        query: Query,
        vector: FloatArray,
        place: RankedCursor,
        limit: int,
        among: IdArray | None,
        *,
        skip: int = 0,
    ) -> tuple[list[Hit], Query, RankedCursor | None]:
        """At most ``limit`` hits from ``place`` on, past the first ``skip``; and where the ranking goes on.

        That is a query, of whose head more has been shown, and a place, None at the ranking's end. ``vector`` is the
        query's direction, of length 1, and ``among`` are the ids that pass its filters.
        """
        limit = min(limit, DEPTH - place.at - skip)
        hits = list[Hit]()
        if not place.head_over:
            where = _range(query, place, among)
            order = (await self._orders.nearest(vector, where)).down_to(query.min_score)
            walk = await self._walk(query, vector, where, order, limit=limit, skip=skip)
            hits, skip = walk.hits, walk.skip
            query = replace(query, shown=(*query.shown, *walk.shown))
            at_end = walk.stop == len(order.ids)
            room = SHOWN_BYTES - len(query.filters.canonical().encode())
            full = len(query.shown) * cursors.width(place.max_id) >= room
            place = place.model_copy(update={"at": place.at + len(walk.shown), "head_over": at_end or full})
            if (at_end and order.complete) or place.at >= DEPTH:
                return hits, query, None
            if not at_end and len(hits) == limit:
                return hits, query, place
        where = _range(query, place, among)
        order = (await self._orders.others(vector, where)).down_to(query.min_score)
        start = 0
        if place.last_id is not None and place.last_score is not None:
            start = order.behind(place.last_id, place.last_score)
        walk = await self._walk(query, vector, where, order, start, limit=limit - len(hits), skip=skip)
        hits += walk.hits
        at = place.at + len(walk.shown)
        if walk.stop >= len(order.ids) or at >= DEPTH:
            return hits, query, None
        if walk.stop == start:
            return hits, query, place
        last = {"last_id": int(order.ids[walk.stop - 1]), "last_score": float(order.scores[walk.stop - 1])}
        return hits, query, place.model_copy(update={"at": at, **last})

    async def _walk(
        self, query: Query, vector: FloatArray, where: Range, order: Order, start: int = 0, *, limit: int, skip: int
    ) -> _Walk:
        """Along ``order`` from ``start`` on, past the first ``skip`` images that it shows, for ``limit`` hits.

        It stops at the next image that would be shown, or at the end.
        """
        hits, shown, stop = list[Hit](), list[int](), start
        while stop < len(order.ids):
            piece = slice(stop, stop + min(skip + limit - len(hits) + _SPARE, _AT_ONCE))
            ids, scores = order.ids[piece], order.scores[piece]
            folded = await self._folded(query, vector, ids, where)
            standing = np.flatnonzero(~np.isin(ids, folded.hidden))
            passed = standing[: skip + limit - len(hits)]
            wanted = passed[skip:]
            images = await self._images.images(ids[wanted].tolist())
            score = dict(zip(ids[wanted].tolist(), scores[wanted].tolist(), strict=True))
            hits += [Hit(image, score[image.id], folded.others.get(image.id, 0)) for image in images]
            shown += ids[passed].tolist()
            skip -= passed.size - wanted.size
            if passed.size < standing.size:
                return _Walk(hits, shown, stop + int(standing[passed.size]), skip)
            stop += len(ids)
        return _Walk(hits, shown, stop, skip)

    @property
    def model(self) -> str:
        return self._model

    @property
    def images(self) -> ImageCatalog:
        """The collection, as the model has embedded it."""
        return self._images

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
        return (await self._orders.nearest(vector, Range(max_id, among), depth=depth)).ids

    async def _vector(self, query: Query) -> FloatArray:
        parts = [] if query.vector is None else [query.vector]
        if query.ids:
            parts += (await self.vectors(query.ids)).values()
        return direction(np.stack(parts))

    async def _folded(self, query: Query, vector: FloatArray, ids: IdArray, where: Range) -> Folded:
        """What of ``ids`` stands behind a near-duplicate that takes part in the ranking, too."""
        groups = await self._images.near_groups(ids.tolist())
        taking_part = groups.embedded & (groups.ids <= where.max_id)
        if where.among is not None:
            taking_part &= inside(groups.ids, where.among)
        if query.others:
            taking_part &= ~np.isin(groups.ids, query.ids)
        if query.min_score is not None and groups.ids.size:
            known, vectors = await self._images.vectors(groups.ids.tolist())
            alike = (vectors @ vector).astype(np.float64).round(DECIMALS) >= query.min_score
            taking_part &= np.isin(groups.ids, known[alike])
        return fold(groups, taking_part, query.shown, query.ids + query.asked)

    def _cursor(self, query: Query, after: RankedCursor) -> str:
        asked = {"ids": query.ids, "others": query.others, "asked": query.asked, "shown": len(query.shown)}
        narrowed = {"filters": query.filters, "min_score": query.min_score}
        place = after.model_copy(update=asked | narrowed)
        vector = b"" if query.vector is None else query.vector.astype("<f2").tobytes()
        shown = cursors.packed(np.array(query.shown, np.int64), cursors.width(place.max_id))
        return cursors.encode(place, salt=self._model, blob=vector + shown)


def _range(query: Query, place: RankedCursor, among: IdArray | None) -> Range:
    left_out = (*query.shown, *query.ids) if query.others else query.shown
    return Range(place.max_id, among, left_out)


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
