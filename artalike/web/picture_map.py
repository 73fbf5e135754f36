"""The map of the collection for browsers: how it is, and its points."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from aiohttp import hdrs, web

from artalike.errors import NotFound
from artalike.layout.keeper import PictureMap
from artalike.layout.points import EMPTY
from artalike.web import requests
from artalike.web.params import PointsQuery
from artalike.web.services import SERVICES

BINARY: Final = "application/octet-stream"


def map_of(request: web.Request) -> PictureMap:
    """Raises NotFound where it is turned off."""
    found = request.app[SERVICES].picture_map
    if found is None:
        raise NotFound("there is no map of this collection: gallery.map is false")
    return found


async def status(request: web.Request) -> web.StreamResponse:
    now = await map_of(request).status()
    return web.json_response(
        {
            "state": "ready" if now.number else "computing" if now.images else "empty",
            "progress": now.progress,
            "layout": now.number,
            "points": now.points,
            "images": now.images,
            "computed_at": now.computed_at and datetime.fromtimestamp(now.computed_at, UTC).isoformat(),
        },
        headers={hdrs.CACHE_CONTROL: "no-cache"},
    )


async def points(request: web.Request) -> web.StreamResponse:
    """All points, compressed once for everyone; or those behind an id, which are few."""
    params = requests.query(request, PointsQuery)
    found = await map_of(request).points()
    headers = {hdrs.CACHE_CONTROL: "no-cache", hdrs.VARY: hdrs.ACCEPT_ENCODING}
    if found is None:
        return web.Response(body=EMPTY, content_type=BINARY, headers=headers)
    if params.after is not None:
        return web.Response(body=found.behind(params.after), content_type=BINARY, headers=headers)
    headers[hdrs.ETAG] = f'"{found.etag}"'
    if any(tag.value in {found.etag, "*"} for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=found.packed, content_type=BINARY, headers=headers)
    return web.Response(body=found.body, content_type=BINARY, headers=headers)


def routes() -> list[web.RouteDef]:
    return [web.get("/api/map", status), web.get("/api/map/points", points)]
