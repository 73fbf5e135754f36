"""The admin API of removal: images that are taken out, and blocks that keep them and others out."""

from __future__ import annotations

from aiohttp import web

from artalike.errors import NotFound
from artalike.storage.blocks import BlockKind
from artalike.web import requests
from artalike.web.auth import signed_in
from artalike.web.params import BlockBody, BlockQuery, ImageByAddress, RemovalQuery
from artalike.web.services import SERVICES
from artalike.web.views import block_json


async def find_image(request: web.Request) -> web.StreamResponse:
    params = requests.query(request, ImageByAddress)
    found = await request.app[SERVICES].find_url(params.url)
    if found is None:
        raise NotFound(f"url = {params.url[:200]!r}: no image of this collection")
    return web.json_response({"id": found})


async def take_down(request: web.Request) -> web.StreamResponse:
    params = requests.query(request, RemovalQuery)
    image_id = requests.path_id(request, "image")
    if not await request.app[SERVICES].removal.take_down([image_id], reason=params.reason):
        raise NotFound(f"there is no image {image_id}")
    return web.Response(status=204)


async def list_blocks(request: web.Request) -> web.StreamResponse:
    blocks = request.app[SERVICES].removal.blocks.all()
    return web.json_response({"results": [block_json(block) for block in blocks]})


async def add_block(request: web.Request) -> web.StreamResponse:
    body = await requests.json_body(request, BlockBody)
    block, removed = await request.app[SERVICES].removal.block(BlockKind(body.kind), body.value, reason=body.reason)
    headers = {"Location": f"/api/admin/blocks/{block.id}"}
    return web.json_response({**block_json(block), "removed": removed}, status=201, headers=headers)


async def preview_block(request: web.Request) -> web.StreamResponse:
    params = requests.query(request, BlockQuery)
    images = await request.app[SERVICES].removal.preview(BlockKind(params.kind), params.value)
    return web.json_response({"images": images})


async def lift_block(request: web.Request) -> web.StreamResponse:
    await request.app[SERVICES].removal.unblock(requests.path_id(request, "block"))
    return web.Response(status=204)


def routes() -> list[web.RouteDef]:
    return [
        web.get("/api/admin/images", signed_in(find_image)),
        web.delete("/api/admin/images/{id}", signed_in(take_down)),
        web.get("/api/admin/blocks", signed_in(list_blocks)),
        web.post("/api/admin/blocks", signed_in(add_block)),
        web.get("/api/admin/blocks/preview", signed_in(preview_block)),
        web.delete("/api/admin/blocks/{id}", signed_in(lift_block)),
    ]
