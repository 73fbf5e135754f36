"""Reads what a request says, within bounds, or raises an error that names what is wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from artalike.errors import NotFound, QueryError
from artalike.records import Image
from artalike.search.filters import ANYTHING, Filters
from artalike.search.ranked import ID_LIMIT
from artalike.web.deadlines import paused
from artalike.web.params import expectation
from artalike.web.services import SERVICES

BODY_BYTES: Final = 65_536
PICTURES_MOST: Final = 8
PATIENCE_SECONDS: Final = 10.0
BYTES_PER_SECOND: Final = 16_384
"""A body must come at this pace on average, but for the first seconds: less holds a connection for its own sake."""

_SHOWN: Final = 100

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Upload:
    """What a multipart body holds: one image file at least, and simple fields as names and values."""

    files: list[bytes]
    fields: list[tuple[str, str]]


def query(request: web.Request, model: type[ModelT], fields: Sequence[tuple[str, str]] = ()) -> ModelT:
    """The query parameters, and ``fields`` of a form beside them. Raises QueryError."""
    values: dict[str, str] = {}
    for name, value in (*request.query.items(), *fields):
        if name in values and name in model.model_fields:
            raise QueryError(f"{name} = {_shown(value)}: expected it once, found it twice")
        values[name] = value
    try:
        return model.model_validate_strings(values)
    except ValidationError as error:
        raise _explain(error, model) from error


def filters(request: web.Request) -> Filters:
    """The filters among the query parameters. Raises QueryError."""
    values: dict[str, str] = {}
    for name, value in request.query.items():
        if name in values:
            raise QueryError(f"{name} = {_shown(value)}: expected it once, found it twice")
        if name in Filters.model_fields:
            values[name] = value
    return Filters.of(values) if values else ANYTHING


def path_id(request: web.Request, what: str) -> int:
    """The ``{id}`` of the path. Raises NotFound for whatever no ``what`` can have as its id."""
    text = request.match_info["id"]
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and 0 < int(text) <= ID_LIMIT):
        raise NotFound(f"there is no {what} {_shown(text)}")
    return int(text)


async def path_image(request: web.Request) -> Image:
    """The image that the path's ``{id}`` names. Raises NotFound."""
    image_id = path_id(request, "image")
    found = await request.app[SERVICES].images.images([image_id])
    if not found:
        raise NotFound(f"there is no image {image_id}")
    return found[0]


async def json_body(request: web.Request, model: type[ModelT], *, form: bool = False) -> ModelT:
    """The JSON body, or with ``form`` that of a simple HTML form. An empty body is an empty object.

    Raises QueryError, HTTPUnsupportedMediaType, HTTPRequestEntityTooLarge, HTTPRequestTimeout.
    """
    data = await _read(request)
    if form and request.content_type == "application/x-www-form-urlencoded":
        data = json.dumps(dict(parse_qsl(data.decode(errors="replace")))).encode()
    elif data and request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(
            text=f"Content-Type = {_shown(request.content_type)}: expected application/json"
        )
    return parsed(data or b"{}", model)


def parsed(data: bytes | str, model: type[ModelT], what: str = "body") -> ModelT:
    """``data`` as JSON of the ``model``. Raises QueryError."""
    try:
        content = from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise QueryError(f"{what}: expected JSON; {error}") from error
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise _explain(error, model, what) from error


async def upload(request: web.Request, max_bytes: int, model: type[BaseModel]) -> Upload:
    """A multipart body of at most ``max_bytes``; its fields are some of the ``model``'s, and not checked yet.

    Raises QueryError, HTTPUnsupportedMediaType, HTTPRequestEntityTooLarge, HTTPRequestTimeout.
    """
    if request.content_type != "multipart/form-data":
        raise web.HTTPUnsupportedMediaType(
            text=f"Content-Type = {_shown(request.content_type)}: expected multipart/form-data with image files"
        )
    if (request.content_length or 0) > max_bytes + BODY_BYTES:
        raise _too_large(max_bytes, request.content_length or 0)
    try:
        async with _at_pace(request) as came:
            read = await _upload(request, max_bytes, model, came)
    except (ValueError, HttpProcessingError, web.RequestPayloadError) as error:
        raise QueryError("body: expected a well-formed multipart/form-data body") from error
    if not read.files:
        raise QueryError("body: expected at least one image file, found none")
    return read


async def _upload(request: web.Request, max_bytes: int, model: type[BaseModel], came: Callable[[int], None]) -> Upload:
    read = Upload([], [])
    size = 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise QueryError("body: expected image files, found a multipart inside the multipart")
        kind = part.headers.get(hdrs.CONTENT_TYPE, "text/plain")
        simple = part.filename is None and kind.startswith(("text/", "application/json"))
        if simple and (part.name not in model.model_fields or len(read.fields) == len(model.model_fields)):
            *others, last = model.model_fields
            names = f"{', '.join(others)} and {last}" if others else last
            raise QueryError(f"body: expected image files, {names}, found the field {_shown(part.name or '')}")
        data = bytearray()
        while chunk := await part.read_chunk():
            size += len(chunk)
            came(len(chunk))
            if size > max_bytes:
                raise _too_large(max_bytes, size)
            data += chunk
            if simple and len(data) > BODY_BYTES:
                raise _too_large(BODY_BYTES, len(data), part.name or "body")
        if data and simple:  # a form sends an empty part for what nobody has filled in or chosen
            read.fields.append((part.name or "", data.decode(errors="replace")))
        elif data:
            read.files.append(bytes(data))
        if len(read.files) > PICTURES_MOST:
            raise QueryError(f"body: expected at most {PICTURES_MOST} image files, found more")
    return read


async def _read(request: web.Request) -> bytes:
    data = bytearray()
    try:
        async with _at_pace(request) as came:
            async for chunk in request.content.iter_chunked(BODY_BYTES):
                data += chunk
                came(len(chunk))
                if len(data) > BODY_BYTES:
                    raise _too_large(BODY_BYTES, len(data))
    except (HttpProcessingError, web.RequestPayloadError) as error:
        raise QueryError("body: expected a well-formed HTTP body") from error
    return bytes(data)


@asynccontextmanager
async def _at_pace(request: web.Request) -> AsyncIterator[Callable[[int], None]]:
    """Time to read a body, more of it for each byte that the callable is told of. Raises HTTPRequestTimeout."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_SECONDS
    pace = asyncio.timeout_at(until)

    def came(size: int) -> None:
        nonlocal until
        until += size / BYTES_PER_SECOND
        pace.reschedule(until)

    try:
        with paused(request):
            async with pace:
                yield came
    except TimeoutError as error:
        if not pace.expired():
            raise
        raise web.HTTPRequestTimeout(
            text=f"body: expected at least {BYTES_PER_SECOND} bytes a second after the first {PATIENCE_SECONDS:g} s"
        ) from error


def _too_large(most: int, size: int, what: str = "body") -> web.HTTPRequestEntityTooLarge:
    return web.HTTPRequestEntityTooLarge(max_size=most, actual_size=size, text=f"{what}: expected at most {most} bytes")


def _explain(error: ValidationError, model: type[BaseModel], what: str = "body") -> QueryError:
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"]) or what
    if first["type"] == "extra_forbidden":
        return QueryError(f"{name}: unknown key; expected one of {', '.join(model.model_fields)}")
    expected = expectation(model, first["loc"][0] if first["loc"] else "")
    if first["type"] == "missing":
        return QueryError(f"{name}: missing; expected {expected}")
    reason = f"expected {expected}" if expected else first["msg"][0].lower() + first["msg"][1:]
    return QueryError(f"{name} = {_shown(first['input'])}: {reason}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
