"""Counts and times requests for Prometheus, by route and never by address: the number of series is bounded."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

from artalike.web.services import SERVICES

BUCKETS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


def request_metrics(registry: CollectorRegistry) -> Middleware:
    """The middleware that counts; it belongs outside of the one that makes errors into responses."""
    count = Counter("artalike_http_requests", "Requests answered", ["method", "route", "status"], registry=registry)
    seconds = Histogram("artalike_http_seconds", "Time to answer", ["route"], registry=registry, buckets=BUCKETS)

    @web.middleware
    async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "unknown"
        method = request.method if request.method in hdrs.METH_ALL else "other"
        started = time.monotonic()
        response = await handler(request)
        count.labels(method, route, response.status).inc()
        if response.content_type != "text/event-stream":  # that one lasts as long as somebody looks
            seconds.labels(route).observe(time.monotonic() - started)
        return response

    return measure


async def metrics(request: web.Request) -> web.Response:
    request.app[SERVICES].stats()  # which sets the gauges of the stages
    # In a thread: the process's own figures are read from files.
    text = await asyncio.to_thread(generate_latest, request.app[SERVICES].registry)
    return web.Response(body=text, headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_LATEST})
