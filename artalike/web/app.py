"""Puts the web together: routes, middlewares, and the services that handlers use."""

from __future__ import annotations

import asyncio

from aiohttp import web

from artalike.web import admin, api, openapi, pages, picture_map, questions, removal, stream, suggest, thumbnails
from artalike.web.auth import AUTH, Auth
from artalike.web.clients import Clients
from artalike.web.deadlines import query_deadline
from artalike.web.headers import add_headers
from artalike.web.limits import LIMITS, Limits, limited
from artalike.web.metrics import request_metrics
from artalike.web.problems import problems
from artalike.web.requests import BODY_BYTES
from artalike.web.services import SERVICES, Services


def create_probes(services: Services) -> web.Application:
    """The application of a process that only ingests: what those ask who watch over it, and nothing else."""
    app = web.Application(middlewares=[request_metrics(services.registry), problems])
    app[SERVICES] = services
    app.add_routes(api.probes())
    app.on_response_prepare.append(add_headers)
    return app


def create_app(services: Services) -> web.Application:
    """The application over open services. Once for one metrics registry; it opens and closes nothing itself."""
    server, gallery = services.settings.server, services.settings.gallery
    app = web.Application(
        middlewares=[
            request_metrics(services.registry),
            problems,
            limited,
            query_deadline(gallery.query_seconds, services.visitors),
        ],
        client_max_size=gallery.max_upload_bytes + BODY_BYTES,
    )
    clients = Clients(server.trusted_proxies)
    app[SERVICES] = services
    app[AUTH] = Auth(services.admin_token, clients)
    app[LIMITS] = Limits(clients, gallery.queries_per_minute)
    app[stream.STREAMS] = set()
    app[questions.PLACES] = asyncio.Semaphore(questions.PLACES_MOST)
    for room in (api, thumbnails, suggest, picture_map, stream, admin, removal, openapi):
        app.add_routes(room.routes())
    pages.add_pages(app)
    app.on_response_prepare.append(add_headers)
    app.on_shutdown.append(stream.end_streams)
    return app
