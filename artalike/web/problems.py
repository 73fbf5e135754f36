"""Errors as RFC 9457 problem details, for every request and from one table."""

from __future__ import annotations

import http
import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from artalike import errors

log = logging.getLogger(__name__)

CONTENT_TYPE: Final = "application/problem+json"
CHALLENGE: Final = 'Bearer realm="artalike"'


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error is called over HTTP. ``private``: its message is for the log alone."""

    status: int
    name: str
    title: str
    private: bool = False


# The nearest class in an error's line of descent decides.
MEANINGS: Final[Mapping[type[errors.ArtalikeError], Meaning]] = {
    errors.UsageError: Meaning(400, "wrong-request", "The request is wrong"),
    errors.Unauthorized: Meaning(401, "unauthorized", "The admin token is needed"),
    errors.NotFound: Meaning(404, "not-found", "There is no such thing"),
    errors.ModelUnavailable: Meaning(422, "model-unavailable", "The model cannot be had"),
    errors.DecodeError: Meaning(415, "not-a-picture", "Not a picture that this server takes"),
    errors.ItemError: Meaning(422, "unusable-picture", "The picture cannot be had"),
    errors.EmbedError: Meaning(500, "embedding-failed", "The question could not be embedded"),
    errors.IndexUnavailable: Meaning(503, "index-unavailable", "The index does not answer"),
    errors.Overloaded: Meaning(503, "overloaded", "Too much at once"),
    errors.DiskFull: Meaning(507, "disk-full", "No space is left"),
    errors.StorageError: Meaning(503, "storage-failed", "The storage did not answer", private=True),
    errors.ArtalikeError: Meaning(500, "failed", "The server failed", private=True),
}


def problem(
    request: web.BaseRequest,
    status: int,
    detail: str,
    *,
    name: str | None = None,
    title: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """A response with a problem; without a name of its own it means no more than its status."""
    content: dict[str, Any] = {
        "type": f"urn:artalike:{name}" if name else "about:blank",
        "title": title or http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.path,
    }
    body = json.dumps(content).encode()
    return web.Response(status=status, body=body, content_type=CONTENT_TYPE, headers=headers)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns whatever a handler raises into a problem; what nobody foresaw is logged and stays inside."""
    try:
        return await handler(request)
    except errors.ArtalikeError as error:
        return _from_error(request, error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _from_http(request, error)
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        return problem(request, 500, "the server has a fault; its log says more")


def _from_error(request: web.Request, error: errors.ArtalikeError) -> web.Response:
    meaning = next(MEANINGS[kind] for kind in type(error).__mro__ if kind in MEANINGS)
    detail = str(error)
    if meaning.status >= 500:
        log.warning("%s %s: %s", request.method, request.path, detail)
    if meaning.private:
        detail = "the server could not do this now; its log says more"
    headers: dict[str, str] = {}
    if isinstance(error, errors.Overloaded):
        headers[hdrs.RETRY_AFTER] = str(math.ceil(error.retry_after))
    elif isinstance(error, errors.Unauthorized):
        headers[hdrs.WWW_AUTHENTICATE] = CHALLENGE
    return problem(request, meaning.status, detail, name=meaning.name, title=meaning.title, headers=headers)


def _from_http(request: web.Request, error: web.HTTPException) -> web.Response:
    kept = {
        name: value for name, value in error.headers.items() if name not in {hdrs.CONTENT_TYPE, hdrs.CONTENT_LENGTH}
    }
    detail = error.text or error.reason
    if isinstance(error, web.HTTPMethodNotAllowed):
        detail = f"{request.path} takes {', '.join(sorted(error.allowed_methods))}, not {request.method}"
    elif detail == f"{error.status}: {error.reason}":
        detail = f"there is nothing at {request.path}" if error.status == 404 else error.reason
    return problem(request, error.status, detail, headers=kept)
