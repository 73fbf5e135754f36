"""Describes every call of the API as OpenAPI 3.1, from the models that check and shape them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from artalike import __version__
from artalike.search.filters import Filters
from artalike.web import params, schemas, suggest

_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"
_REF: Final = "#/components/schemas/"

Mode = Literal["validation", "serialization"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call. ``answer`` is a model, or the media type of what is not JSON, or None for no content."""

    method: str
    path: str
    summary: str
    tag: str = "gallery"
    query: type[BaseModel] = params.NoQuery
    filtered: bool = False
    body: type[BaseModel] | None = None
    form: bool = False
    upload: bool = False
    answer: type[BaseModel] | str | None = None
    status: int = 200
    problems: Sequence[int] = ()


def _admin(method: str, path: str, summary: str, **rest: Any) -> Operation:
    slow = (408,) if "body" in rest else ()
    problems = (401, 403, *slow, 429, *rest.pop("problems", ()))
    return Operation(method=method, path=f"/api/admin/{path}", summary=summary, tag="admin", problems=problems, **rest)


OPERATIONS: Final = (
    Operation(
        method="get",
        path="/api/random",
        summary="Random images, page after page, without repeats",
        query=params.RandomQuery,
        filtered=True,
        answer=schemas.RandomAnswer,
        problems=(400, 503),
    ),
    Operation(
        method="get",
        path="/api/search",
        summary="Images that look like one given by url or id, or that have the words of a text, or both",
        query=params.SearchQuery,
        filtered=True,
        answer=schemas.RankedAnswer,
        problems=(400, 404, 415, 422, 429, 503),
    ),
    Operation(
        method="post",
        path="/api/search",
        summary="Images that look like the uploaded ones; or the answer to a question of several pictures and words, "
        "which a form may hold beside its image files",
        query=params.UploadQuery,
        filtered=True,
        upload=True,
        body=params.QuestionBody,
        answer=schemas.RankedAnswer,
        problems=(400, 404, 408, 413, 415, 422, 429, 503),
    ),
    Operation(
        method="get",
        path="/api/images",
        summary="Several images by their ids; those that are not there are left out",
        query=params.ImagesQuery,
        answer=schemas.ImagesAnswer,
        problems=(400, 503),
    ),
    Operation(
        method="get", path="/api/images/{id}", summary="One image", answer=schemas.SingleImage, problems=(404, 503)
    ),
    Operation(
        method="get",
        path="/api/images/{id}/near-duplicates",
        summary="The same picture resized or recompressed: other images, the largest first",
        query=params.NearDuplicatesQuery,
        answer=schemas.NearDuplicatesAnswer,
        problems=(400, 404, 503),
    ),
    Operation(
        method="get",
        path="/api/images/{id}/similar",
        summary="Its neighbours, without itself",
        query=params.SimilarQuery,
        filtered=True,
        answer=schemas.RankedAnswer,
        problems=(400, 404, 503),
    ),
    Operation(
        method="get",
        path="/api/facets",
        summary="Values that filters can be given, with how many images have each",
        query=params.FacetsQuery,
        answer=schemas.FacetsAnswer,
        problems=(400, 503),
    ),
    Operation(
        method="get",
        path="/api/map",
        summary="How the map of the collection is: all images laid out by likeness",
        answer=schemas.MapStatus,
        problems=(404,),
    ),
    Operation(
        method="get",
        path="/api/map/points",
        summary="Its points, little-endian: AMAP; uint32 version 1, layout, n, largest id; uint32 ids; uint16 across; "
        "uint16 down; uint8 red, green, blue of each",
        query=params.PointsQuery,
        answer="application/octet-stream",
        problems=(400, 404),
    ),
    Operation(
        method="get",
        path="/api/suggest",
        summary="Creators and titles that begin as what somebody is typing",
        query=suggest.SuggestQuery,
        answer=suggest.Suggestions,
        problems=(400, 503),
    ),
    Operation(
        method="get",
        path="/thumbs/{id}/{width}",
        summary="A thumbnail, cacheable for ever; or a redirect to the bucket that holds it",
        answer="image/jpeg",
        problems=(404, 503),
    ),
    Operation(method="get", path="/api/stats", summary="Counts and rates", answer=schemas.Figures),
    Operation(
        method="get",
        path="/api/events",
        answer="text/event-stream",
        problems=(400, 503),
        summary="Server-sent events: stats, image, removed, and missed when the listener is too slow",
    ),
    Operation(method="get", path="/api/openapi.json", summary="This description", answer=schemas.Figures),
    Operation(method="get", path="/healthz", summary="Alive", tag="health", answer=schemas.Status),
    Operation(
        method="get", path="/readyz", summary="Able to answer", tag="health", answer=schemas.Status, problems=(503,)
    ),
    Operation(method="get", path="/metrics", summary="Prometheus text", tag="health", answer="text/plain"),
    Operation(
        method="post",
        path="/admin/session",
        summary="Exchange the token for a cookie",
        tag="admin",
        body=params.SessionBody,
        form=True,
        status=204,
        problems=(400, 401, 408, 413, 415, 429),
    ),
    Operation(method="delete", path="/admin/session", summary="Sign out", tag="admin", status=204),
    _admin("get", "seeds", "Sources, newest first", query=params.SeedsQuery, answer=schemas.Seeds, problems=(400,)),
    _admin(
        "post",
        "seeds",
        "Hand in a source",
        body=params.SeedBody,
        answer=schemas.Seed,
        status=202,
        problems=(400, 413, 415),
    ),
    _admin("get", "seeds/{id}", "How far a source has come", answer=schemas.Seed, problems=(404,)),
    _admin(
        "patch",
        "seeds/{id}",
        "Pause or resume, or change the rate or the time between crawls",
        body=params.SeedChange,
        answer=schemas.Seed,
        problems=(400, 404, 413, 415),
    ),
    _admin(
        "get",
        "seeds/{id}/images",
        "The last images that a source has brought in",
        query=params.NewestQuery,
        answer=schemas.NewestImages,
        problems=(400, 404),
    ),
    _admin(
        "post",
        "seeds/{id}/recrawl",
        "Read a source again that is done or has failed",
        answer=schemas.Seed,
        status=202,
        problems=(400, 404),
    ),
    _admin("delete", "seeds/{id}", "Cancel", answer=schemas.Seed, problems=(400, 404)),
    _admin(
        "get",
        "detect",
        "What a source would be taken for; nothing is started",
        query=params.DetectQuery,
        answer=schemas.Detected,
        problems=(400,),
    ),
    _admin(
        "get",
        "hosts",
        "The hosts that are asked: how fast, by whose rules, and what waits for them",
        query=params.HostsQuery,
        answer=schemas.Hosts,
        problems=(400,),
    ),
    _admin("get", "reembed", "How far the collection is on its way to another model", answer=schemas.Reembedding),
    _admin(
        "post",
        "reembed",
        "Move the collection to another model, or go on with that",
        body=params.ModelBody,
        answer=schemas.Reembedding,
        status=202,
        problems=(400, 413, 415, 422),
    ),
    _admin("get", "models", "Models of which the collection holds vectors", answer=schemas.StoredModels),
    _admin(
        "post",
        "models/forget",
        "Delete the vectors of a model that does not answer",
        body=params.ModelBody,
        answer=schemas.Forgotten,
        problems=(400, 413, 415),
    ),
    _admin(
        "get",
        "failures",
        "What failed and why, grouped",
        query=params.FailuresQuery,
        answer=schemas.Failures,
        problems=(400,),
    ),
    _admin(
        "post",
        "failures/retry",
        "Try again what failed",
        body=params.RetryBody,
        answer=schemas.Retried,
        problems=(400, 413, 415),
    ),
    _admin(
        "get",
        "images",
        "The image that an address leads to",
        query=params.ImageByAddress,
        answer=schemas.ImageId,
        problems=(400, 404),
    ),
    _admin(
        "delete",
        "images/{id}",
        "Take an image out for good, and block its bytes",
        query=params.RemovalQuery,
        status=204,
        problems=(400, 404),
    ),
    _admin("get", "blocks", "What must never come in, newest first", answer=schemas.Blocks),
    _admin(
        "post",
        "blocks",
        "Block a host, an address pattern or a hash, and take out what it matches",
        body=params.BlockBody,
        answer=schemas.NewBlock,
        status=201,
        problems=(400, 413, 415),
    ),
    _admin(
        "get",
        "blocks/preview",
        "How many images a block would take out",
        query=params.BlockQuery,
        answer=schemas.Matched,
        problems=(400,),
    ),
    _admin(
        "delete",
        "blocks/{id}",
        "Lift a block: what it took out may be found again",
        status=204,
        problems=(404,),
    ),
    _admin("post", "snapshot", "Write a snapshot of the index now", answer=schemas.Figures, problems=(503,)),
)  # fmt: skip - one call reads as one entry

_PATH_PARAMETERS: Final = {
    "id": {"type": "integer", "minimum": 1},
    "width": {"type": "integer", "minimum": 1, "description": "pixels"},
}


@cache
def document() -> dict[str, Any]:
    """The whole description. It never changes while the process runs."""
    _, definitions = models_json_schema(list(_models()), ref_template=_REF + "{model}")
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _describe(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Artalike",
            "version": __version__,
            "description": "Finds pictures that look alike. HEAD works where GET does; errors are RFC 9457 problems.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "artalike_session"},
            },
        },
    }


def _models() -> Iterator[tuple[type[BaseModel], Mode]]:
    yield schemas.Problem, "serialization"
    for operation in OPERATIONS:
        if operation.body is not None:
            yield operation.body, "validation"
        if isinstance(operation.answer, type):
            yield operation.answer, "serialization"


def _describe(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": _identifier(operation),
        "tags": [operation.tag],
        "parameters": [
            *_path_parameters(operation.path),
            *_query_parameters(operation.query),
            *(_query_parameters(Filters) if operation.filtered else ()),
        ],
        "responses": {str(operation.status): _answer(operation)},
    }
    for status in sorted({*operation.problems, 500}):
        described["responses"][str(status)] = {
            "description": "A problem",
            "content": {_PROBLEM: {"schema": _ref(schemas.Problem)}},
        }
    if operation.body is not None or operation.upload:
        described["requestBody"] = _request_body(operation)
    if operation.path.startswith("/api/admin/"):
        described["security"] = [{"token": []}, {"session": []}]
    return described


def _identifier(operation: Operation) -> str:
    words = re.findall(r"[a-z]+", operation.path.removeprefix("/api"))
    return "_".join((operation.method, *words))


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", path):
        yield {"name": name, "in": "path", "required": True, "schema": _PATH_PARAMETERS[name]}


def _query_parameters(model: type[BaseModel]) -> Iterator[dict[str, Any]]:
    schema = model.model_json_schema(ref_template=_REF + "{model}")
    for name, field in schema.get("properties", {}).items():
        yield {
            "name": name,
            "in": "query",
            "description": field.pop("description", ""),
            "schema": field,
        }


def _request_body(operation: Operation) -> dict[str, Any]:
    if operation.upload:
        files = {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}
        fields = {
            field["name"]: {"description": field["description"], **field["schema"]}
            for field in _query_parameters(params.UploadForm)
        }
        fields["question"] |= {"contentMediaType": _JSON, "contentSchema": _ref(params.QuestionBody)}
        schema = {"type": "object", "properties": {"image": files, **fields}}
        content: dict[str, Any] = {"multipart/form-data": {"schema": schema}}
        if operation.body is not None:
            content[_JSON] = {"schema": _ref(operation.body)}
        return {"required": True, "content": content}
    content = {_JSON: {"schema": _ref(operation.body)}}
    if operation.form:
        content["application/x-www-form-urlencoded"] = {"schema": _ref(operation.body)}
    return {"required": True, "content": content}


def _answer(operation: Operation) -> dict[str, Any]:
    answer = operation.answer
    if answer is None:
        return {"description": "Done"}
    if isinstance(answer, str):
        return {"description": operation.summary, "content": {answer: {"schema": {"type": "string"}}}}
    return {"description": operation.summary, "content": {_JSON: {"schema": _ref(answer)}}}


def _ref(model: type[BaseModel] | None) -> dict[str, str]:
    assert model is not None  # noqa: S101 - for the type checker: callers have looked
    return {"$ref": _REF + model.__name__}


async def show(_: web.Request) -> web.StreamResponse:
    return web.json_response(document())


def routes() -> list[web.RouteDef]:
    return [web.get("/api/openapi.json", show)]
