"""The public API: random pictures, search, single images, and how the server is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from artalike.errors import QueryError
from artalike.records import FloatArray
from artalike.search.filters import Filters
from artalike.search.ranked import Ranking
from artalike.web import questions, requests
from artalike.web.metrics import metrics
from artalike.web.params import (
    FacetsQuery,
    ImagesQuery,
    NearDuplicatesQuery,
    QuestionBody,
    RandomQuery,
    SearchQuery,
    SimilarQuery,
    UploadForm,
    UploadQuery,
)
from artalike.web.questions import place
from artalike.web.services import SERVICES, Answering, Services
from artalike.web.views import (
    facets_json,
    image_json,
    near_duplicates_answer,
    random_answer,
    ranking_json,
    similar_answer,
)

UPLOAD_SECONDS: Final = 60.0


async def random(request: web.Request) -> web.StreamResponse:
    params = requests.query(request, RandomQuery)
    filters = requests.filters(request)
    if params.cursor is not None:
        _stands_alone(filters, params.offset, params.seed)
    answer = await random_answer(
        request.app[SERVICES],
        limit=params.limit,
        offset=params.offset,
        seed=params.seed,
        cursor=params.cursor,
        filters=filters,
    )
    return web.json_response(answer)


async def search(request: web.Request) -> web.StreamResponse:
    services = request.app[SERVICES]
    now = services.answering()
    params = requests.query(request, SearchQuery)
    filters = requests.filters(request)
    if params.cursor is not None:
        _stands_alone(filters, params.url, params.id, params.text, params.min_score, params.offset)
        ranking = await now.mixed.go_on(params.cursor, limit=params.limit)
    else:
        parts = await questions.of_query(request, params, now.search)
        ranking = await now.mixed.rank(
            parts, limit=params.limit, offset=params.offset or 0, filters=filters, min_score=params.min_score
        )
    return _ranked(services, ranking, params.limit)


async def search_by_body(request: web.Request) -> web.StreamResponse:
    """By uploaded pictures, by a question in JSON, or both. All but what is asked by may stand in the address, too."""
    services = request.app[SERVICES]
    params = requests.query(request, UploadQuery)
    filters = requests.filters(request)
    if request.content_type == "application/json":
        body = await requests.json_body(request, QuestionBody)
        return await _by_question(request, services.answering(), body, params, filters)
    async with place(request.app):
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                upload = await requests.upload(request, services.settings.gallery.max_upload_bytes, UploadForm)
        except TimeoutError as error:
            raise web.HTTPRequestTimeout(text=f"body: expected all of it within {UPLOAD_SECONDS:g} s") from error
        form = requests.query(request, UploadForm, upload.fields)
        body = QuestionBody() if form.question is None else requests.parsed(form.question, QuestionBody, "question")
        now = services.answering()
        uploads = [await now.search.embedded(picture) for picture in upload.files]
    return await _by_question(request, now, body, form, filters, uploads)


async def _by_question(  # noqa: PLR0917  # each of another kind
    request: web.Request,
    now: Answering,
    body: QuestionBody,
    params: UploadQuery,
    filters: Filters,
    uploads: Sequence[FloatArray] = (),
) -> web.Response:
    """What the body itself says goes before ``params`` and ``filters``."""
    services = request.app[SERVICES]
    limit = body.limit or params.limit
    parts = await questions.of_body(request, body, now.search, uploads)
    wanted = filters if body.filters is None else body.filters
    least = params.min_score if body.min_score is None else body.min_score
    ranking = await now.mixed.rank(parts, limit=limit, filters=wanted, min_score=least)
    return _ranked(services, ranking, limit)


async def image(request: web.Request) -> web.StreamResponse:
    services = request.app[SERVICES]
    found = await requests.path_image(request)
    others = await services.images.near_duplicates(found.id)
    return web.json_response({**image_json(found, services.settings), "near_duplicates": len(others)})


async def images(request: web.Request) -> web.StreamResponse:
    """Those of ``ids`` that are in the collection, in that order."""
    services = request.app[SERVICES]
    ids = list(dict.fromkeys(requests.query(request, ImagesQuery).ids))
    found = await services.images.images(ids)
    return web.json_response({"results": [image_json(image, services.settings) for image in found]})


async def near_duplicates(request: web.Request) -> web.StreamResponse:
    params = requests.query(request, NearDuplicatesQuery)
    found = await requests.path_image(request)
    answer = await near_duplicates_answer(
        request.app[SERVICES], id=found.id, limit=params.limit, offset=params.offset or 0
    )
    return web.json_response(answer)


async def similar(request: web.Request) -> web.StreamResponse:
    params = requests.query(request, SimilarQuery)
    filters = requests.filters(request)
    if params.cursor is not None:
        _stands_alone(filters, params.min_score, params.offset)
    answer = await similar_answer(
        request.app[SERVICES],
        id=requests.path_id(request, "image"),
        limit=params.limit,
        offset=params.offset or 0,
        cursor=params.cursor,
        filters=filters,
        min_score=params.min_score,
    )
    return web.json_response(answer)


async def facets(request: web.Request) -> web.StreamResponse:
    params = requests.query(request, FacetsQuery)
    return web.json_response(facets_json(await request.app[SERVICES].images.facet_values(), params.limit))


async def stats(request: web.Request) -> web.StreamResponse:
    return web.json_response(request.app[SERVICES].stats())


async def alive(_: web.Request) -> web.StreamResponse:
    return web.json_response({"status": "alive"})


async def ready(request: web.Request) -> web.StreamResponse:
    why_not = request.app[SERVICES].ready()
    if why_not is not None:
        raise web.HTTPServiceUnavailable(text=why_not, headers={"Retry-After": "1"})
    return web.json_response({"status": "ready"})


def _ranked(services: Services, ranking: Ranking, limit: int) -> web.Response:
    return web.json_response(ranking_json(ranking, services.settings, "/api/search", limit))


def _stands_alone(filters: Filters, *others: object) -> None:
    if not filters.anything or any(other is not None for other in others):
        raise QueryError("cursor: expected no other parameter beside it but limit")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/api/random", random),
        web.get("/api/search", search),
        web.post("/api/search", search_by_body),
        web.get("/api/images", images),
        web.get("/api/images/{id}", image),
        web.get("/api/images/{id}/similar", similar),
        web.get("/api/images/{id}/near-duplicates", near_duplicates),
        web.get("/api/facets", facets),
        web.get("/api/stats", stats),
        *probes(),
    ]


def probes() -> list[web.RouteDef]:
    """What those ask who watch over a process."""
    return [web.get("/healthz", alive), web.get("/readyz", ready), web.get("/metrics", metrics)]
