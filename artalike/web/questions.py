"""What a request asks for, as the parts that :mod:`artalike.search.mixed` ranks by.

Addresses that are not in the collection are fetched, where the settings allow it, a few at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from artalike.errors import NotFound, Overloaded, QueryError
from artalike.records import FloatArray
from artalike.search.question import Part
from artalike.search.ranked import Search
from artalike.web.limits import LIMITS
from artalike.web.params import LIKE_WEIGHT, UNLIKE_WEIGHT, QuestionBody, QuestionPart, SearchQuery
from artalike.web.requests import PICTURES_MOST
from artalike.web.services import SERVICES

PLACES_MOST: Final = 16  # so many pictures to search by are held in memory at once
PLACES: Final = web.AppKey("PLACES", asyncio.Semaphore)

TEXTS_MOST: Final = 8
"""Texts in one question; each is a search of its own."""


@asynccontextmanager
async def place(app: web.Application) -> AsyncIterator[None]:
    """One of the few places for a picture that comes from outside. Raises Overloaded when all are taken."""
    places = app[PLACES]
    if places.locked():
        raise Overloaded(f"{PLACES_MOST} pictures are being looked at already", retry_after=2)
    async with places:
        yield


async def of_query(request: web.Request, params: SearchQuery, search: Search) -> list[Part]:
    """One picture, or words, or both, for ``search``. Raises QueryError, NotFound, and what a fetch does."""
    if params.url is not None and params.id is not None:
        raise QueryError(
            "expected exactly one of the parameters url, id and cursor, with or without text beside url or id"
        )
    parts = []
    if params.url is not None:
        parts.append(await _address(request, params.url, LIKE_WEIGHT, search))
    if params.id is not None:
        parts.append(Part(LIKE_WEIGHT, id=params.id))
    if params.text is not None:
        parts.append(Part(LIKE_WEIGHT, text=params.text))
    if not parts:
        raise QueryError("expected exactly one of the parameters url, id and cursor, or text instead")
    return parts


async def of_body(
    request: web.Request, body: QuestionBody, search: Search, uploads: Sequence[FloatArray] = ()
) -> list[Part]:
    """Everything that a body asks for, for ``search``.

    ``uploads`` are the vectors of the pictures that came with it, of which those that it does not name are to be
    looked for.

    Raises QueryError, NotFound, and what a fetch does.
    """
    asked = [(part, LIKE_WEIGHT if part.weight is None else part.weight) for part in body.like]
    asked += [(part, -(UNLIKE_WEIGHT if part.weight is None else part.weight)) for part in body.unlike]
    if body.text is not None:
        asked.append((QuestionPart(text=body.text), LIKE_WEIGHT))
    named = {part.upload for part, _ in asked if part.upload is not None}
    if max(named, default=-1) >= len(uploads):
        raise QueryError(f"upload = {max(named)}: expected the place, from 0, of one of {len(uploads)} image files")
    asked += [(QuestionPart(upload=place), LIKE_WEIGHT) for place in range(len(uploads)) if place not in named]
    if not asked:
        raise QueryError("body: expected at least one of like, unlike and text")
    texts = sum(part.text is not None for part, _ in asked)
    if texts > TEXTS_MOST:
        raise QueryError(f"body: expected at most {TEXTS_MOST} texts")
    if texts:
        request.app[LIMITS].spend(request)
    parts = []
    fetched = 0
    for part, weight in asked:
        if part.upload is not None:
            parts.append(Part(weight, vector=uploads[part.upload]))
            continue
        if part.url is None:
            parts.append(Part(weight, id=part.id, text=part.text))
            continue
        parts.append(await _address(request, part.url, weight, search))
        fetched += parts[-1].vector is not None
        if fetched > PICTURES_MOST:
            raise QueryError(f"body: expected at most {PICTURES_MOST} addresses of pictures that are not here")
    return parts


async def _address(request: web.Request, url: str, weight: float, search: Search) -> Part:
    services = request.app[SERVICES]
    known = await services.find_url(url)
    if known is not None:
        return Part(weight, id=known)
    if services.fetch_query is None or not services.settings.gallery.fetch_queries:
        raise NotFound(f"url = {url[:200]!r}: no image of this collection")
    request.app[LIMITS].spend(request)
    async with place(request.app):
        return Part(weight, vector=await search.embedded(await services.fetch_query(url)))
