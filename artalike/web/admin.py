"""The admin API: seeds, failures, snapshots, and signing in for the admin page."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from artalike.durations import seconds_of
from artalike.errors import UsageError
from artalike.records import SeedState
from artalike.web import requests
from artalike.web.auth import AUTH, COOKIE, signed_in
from artalike.web.params import (
    DetectQuery,
    FailuresQuery,
    HostsQuery,
    ModelBody,
    NewestQuery,
    RetryBody,
    SeedBody,
    SeedChange,
    SeedsQuery,
    SessionBody,
)
from artalike.web.services import SERVICES
from artalike.web.views import failure_json, image_json, model_json, seed_json


async def sign_in(request: web.Request) -> web.StreamResponse:
    """Exchange the token for a cookie; a plain HTML form is sent back to the admin page."""
    auth = request.app[AUTH]
    body = await requests.json_body(request, SessionBody, form=True)
    auth.check_token(request, body.token)
    from_form = request.content_type == "application/x-www-form-urlencoded"
    response = web.Response(status=303, headers={"Location": "/admin"}) if from_form else web.Response(status=204)
    auth.set_cookie(request, response)
    return response


async def sign_out(request: web.Request) -> web.StreamResponse:
    response = web.Response(status=204)
    response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict", secure=request.secure)
    return response


async def add_seed(request: web.Request) -> web.StreamResponse:
    services = request.app[SERVICES]
    body = await requests.json_body(request, SeedBody)
    root = await services.detect(body.source, body.kind, body.options)
    seed = await services.frontier.add_seed(root, body.source, body.options)
    services.wake()
    return web.json_response(seed_json(seed), status=202, headers={"Location": f"/api/admin/seeds/{seed.id}"})


async def list_seeds(request: web.Request) -> web.StreamResponse:
    params = requests.query(request, SeedsQuery)
    seeds, total = await request.app[SERVICES].frontier.seeds_page(
        params.limit + 1, before=params.before, state=params.state, source=params.source
    )
    shown = seeds[: params.limit]
    following = {"before": shown[-1].id, "limit": params.limit} if len(seeds) > params.limit else None
    narrowed = {name: value for name, value in (("state", params.state), ("source", params.source)) if value}
    after = None if following is None else f"/api/admin/seeds?{urlencode(following | narrowed)}"
    return web.json_response({"results": [seed_json(seed) for seed in shown], "next": after, "total": total})


async def show_seed(request: web.Request) -> web.StreamResponse:
    seed_id = requests.path_id(request, "seed")
    return web.json_response(seed_json(await request.app[SERVICES].frontier.seed(seed_id)))


async def change_seed(request: web.Request) -> web.StreamResponse:
    services = request.app[SERVICES]
    seed_id = requests.path_id(request, "seed")
    body = await requests.json_body(request, SeedChange)
    if body == SeedChange():
        raise UsageError("a change of nothing: expected at least one of state, rate, recrawl")
    if body.state is not None:  # first, because it may be refused: then nothing is changed
        await services.frontier.set_seed_state(seed_id, SeedState(body.state))
    if body.rate is not None:
        await services.frontier.set_rate(seed_id, body.rate or None)
    if body.recrawl is not None:
        await services.frontier.set_recrawl(seed_id, seconds_of(body.recrawl))
    services.wake()
    return web.json_response(seed_json(await services.frontier.seed(seed_id)))


async def cancel_seed(request: web.Request) -> web.StreamResponse:
    services = request.app[SERVICES]
    seed = await services.frontier.set_seed_state(requests.path_id(request, "seed"), SeedState.CANCELLED)
    services.wake()
    return web.json_response(seed_json(seed))


async def recrawl_seed(request: web.Request) -> web.StreamResponse:
    services = request.app[SERVICES]
    seed_id = requests.path_id(request, "seed")
    if not await services.frontier.crawl_again(seed_id):
        state = (await services.frontier.seed(seed_id)).state
        raise UsageError(f"seed {seed_id}: it is {state}; expected one that is done or has failed")
    services.wake()
    return web.json_response(seed_json(await services.frontier.seed(seed_id)), status=202)


async def newest_images(request: web.Request) -> web.StreamResponse:
    services = request.app[SERVICES]
    params = requests.query(request, NewestQuery)
    seed = await services.frontier.seed(requests.path_id(request, "seed"))
    newest = await services.images.newest(seed.source, limit=params.limit)
    found = await services.images.images(newest)
    return web.json_response({"results": [image_json(image, services.settings) for image in found]})


async def detect(request: web.Request) -> web.StreamResponse:
    services = request.app[SERVICES]
    params = requests.query(request, DetectQuery)
    root = await services.detect(params.source, params.kind, {})
    kind = next(kind for kind in services.kinds if kind.kind == root.kind)
    return web.json_response(
        {
            "kind": kind.kind,
            "url": root.url,
            "looks_like": kind.looks_like,
            "yields": kind.yields,
            "options": list(kind.takes),
        }
    )


async def list_hosts(request: web.Request) -> web.StreamResponse:
    params = requests.query(request, HostsQuery)
    return web.json_response({"results": await request.app[SERVICES].hosts(params.limit)})


async def list_failures(request: web.Request) -> web.StreamResponse:
    params = requests.query(request, FailuresQuery)
    groups = await request.app[SERVICES].frontier.failure_groups(seed_id=params.seed)
    return web.json_response({"results": [failure_json(group) for group in groups]})


async def retry_failures(request: web.Request) -> web.StreamResponse:
    services = request.app[SERVICES]
    body = await requests.json_body(request, RetryBody)
    retried = await services.frontier.retry_failures(kind=body.kind, seed_id=body.seed)
    services.wake()
    return web.json_response({"retried": retried})


async def take_snapshot(request: web.Request) -> web.StreamResponse:
    return web.json_response(await request.app[SERVICES].take_snapshot())


async def show_reembedding(request: web.Request) -> web.StreamResponse:
    return web.json_response(request.app[SERVICES].reembedding.status)


async def reembed(request: web.Request) -> web.StreamResponse:
    """Move the collection to another model; what goes on by then is told."""
    reembedding = request.app[SERVICES].reembedding
    body = await requests.json_body(request, ModelBody)
    await reembedding.start(body.model)
    return web.json_response(reembedding.status, status=202, headers={"Location": "/api/admin/reembed"})


async def list_models(request: web.Request) -> web.StreamResponse:
    found = await request.app[SERVICES].reembedding.models()
    return web.json_response({"results": [model_json(model) for model in found]})


async def forget_model(request: web.Request) -> web.StreamResponse:
    body = await requests.json_body(request, ModelBody)
    return web.json_response({"forgotten": await request.app[SERVICES].reembedding.forget(body.model)})


def routes() -> list[web.RouteDef]:
    return [
        web.post("/admin/session", sign_in),
        web.delete("/admin/session", sign_out),
        web.get("/api/admin/seeds", signed_in(list_seeds)),
        web.post("/api/admin/seeds", signed_in(add_seed)),
        web.get("/api/admin/seeds/{id}", signed_in(show_seed)),
        web.patch("/api/admin/seeds/{id}", signed_in(change_seed)),
        web.delete("/api/admin/seeds/{id}", signed_in(cancel_seed)),
        web.get("/api/admin/seeds/{id}/images", signed_in(newest_images)),
        web.post("/api/admin/seeds/{id}/recrawl", signed_in(recrawl_seed)),
        web.get("/api/admin/detect", signed_in(detect)),
        web.get("/api/admin/hosts", signed_in(list_hosts)),
        web.get("/api/admin/failures", signed_in(list_failures)),
        web.post("/api/admin/failures/retry", signed_in(retry_failures)),
        web.post("/api/admin/snapshot", signed_in(take_snapshot)),
        web.get("/api/admin/reembed", signed_in(show_reembedding)),
        web.post("/api/admin/reembed", signed_in(reembed)),
        web.get("/api/admin/models", signed_in(list_models)),
        web.post("/api/admin/models/forget", signed_in(forget_model)),
    ]
