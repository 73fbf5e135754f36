"""A picture's thumbnail: as a file, streamed from a bucket, or by sending the browser there."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final

from aiohttp import hdrs, web
from yarl import URL

from artalike.errors import NotFound, StorageError
from artalike.storage.ports import ADDRESS_SECONDS, RemoteThumbnail
from artalike.web import requests
from artalike.web.services import SERVICES

log = logging.getLogger(__name__)

FOR_EVER: Final = "public, max-age=31536000, immutable"
FOR_A_WHILE: Final = f"public, max-age={ADDRESS_SECONDS // 2}"
"""Of a redirect: whoever keeps one finds its target for as long again."""

_WIDTH_MOST: Final = 100_000


async def thumbnail(request: web.Request) -> web.StreamResponse:
    """A JPEG that never changes: an id is given once. Conditional and range requests are answered for both engines."""
    found = await requests.path_image(request)
    thumbnails = request.app[SERVICES].thumbnails
    text = request.match_info["width"]
    width = int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0
    if not 0 < width <= _WIDTH_MOST:
        raise _none(found.id, text)
    varying: dict[str, str] = {}
    if thumbnails.origin is not None:
        # What a script reads comes from here: a bucket's own rules may not allow it (https://www.w3.org/TR/fetch-metadata/).
        varying = {hdrs.VARY: "Sec-Fetch-Mode"}
        if request.headers.get("Sec-Fetch-Mode", "no-cors") not in {"cors", "same-origin"}:
            url = await thumbnails.address(found.sha256, width, head=request.method == hdrs.METH_HEAD)
            if url is not None:
                raise web.HTTPFound(URL(url, encoded=True), headers={hdrs.CACHE_CONTROL: FOR_A_WHILE, **varying})
    there = await thumbnails.find(found.sha256, width)
    if there is None:
        raise _none(found.id, text)
    headers = {hdrs.CACHE_CONTROL: FOR_EVER, hdrs.CONTENT_TYPE: "image/jpeg", **varying}
    if isinstance(there, RemoteThumbnail):
        return await _streamed(request, there, headers)
    return web.FileResponse(there, headers=headers)


def _none(image_id: int, width: str) -> NotFound:
    return NotFound(f"image {image_id} has no thumbnail of width {width[:20]!r}")


async def _streamed(request: web.Request, there: RemoteThumbnail, headers: dict[str, str]) -> web.StreamResponse:
    """As FileResponse answers: https://www.rfc-editor.org/rfc/rfc9110#section-13.2.2"""
    response = web.StreamResponse(headers={**headers, hdrs.ACCEPT_RANGES: "bytes"})
    response.etag = there.etag
    response.last_modified = there.modified
    start, stop = 0, there.size
    if _matches(request, there):
        response.set_status(304)
        stop = 0
    elif hdrs.RANGE in request.headers and _range_counts(request, there):
        start, stop = _range(request, there.size)
        if start >= stop:
            unsatisfiable = {hdrs.CONTENT_RANGE: f"bytes */{there.size}"}
            raise web.HTTPRequestRangeNotSatisfiable(headers=unsatisfiable)
        response.set_status(206)
        response.headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{stop - 1}/{there.size}"
    if response.status != 304:
        response.content_length = stop - start
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD or start >= stop:
        return response
    try:
        async for chunk in there.body(start, stop):
            await response.write(chunk)
    except (ConnectionResetError, StorageError) as error:
        if isinstance(error, StorageError):
            log.warning("%s %s: %s", request.method, request.path, error)
        if request.transport is not None:
            request.transport.abort()  # a part must not pass for the whole
    return response


def _matches(request: web.Request, there: RemoteThumbnail) -> bool:
    """Whether the one who asks has it already."""
    if request.if_none_match is not None:
        return any(tag.value in {there.etag, "*"} for tag in request.if_none_match)
    since = request.if_modified_since
    return since is not None and _second(there.modified) <= since


def _range_counts(request: web.Request, there: RemoteThumbnail) -> bool:
    """Whether the part that is asked for belongs to the bytes that are here (If-Range)."""
    text = request.headers.get(hdrs.IF_RANGE)
    if text is None:
        return True
    return request.if_range == _second(there.modified) or text == f'"{there.etag}"'


def _range(request: web.Request, size: int) -> tuple[int, int]:
    """What is asked for; nothing where that cannot be."""
    try:
        asked = request.http_range
    except ValueError:  # RFC 9110 lets a server refuse several ranges, and units that it does not know
        return 0, 0
    start = asked.start or 0
    return (max(0, size + start), size) if start < 0 else (start, min(size, size if asked.stop is None else asked.stop))


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def routes() -> list[web.RouteDef]:
    return [web.get("/thumbs/{id}/{width}", thumbnail)]
