from __future__ import annotations

from dataclasses import replace
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from artalike.records import SeedState
from artalike.web import pages
from artalike.web.app import create_app
from artalike.web.openapi import OPERATIONS, document
from tests.fakes import make_services
from tests.web.conftest import BEARER, Serve

HTML = {
    "/",
    "/search",
    "/similar/{id}",
    "/image/{id}",
    "/map",
    "/boards",
    "/board",
    "/admin",
    "/static/{path}",
    "/app.webmanifest",
    "/favicon.ico",
}


def test_the_description_is_valid() -> None:
    OpenAPIV31SpecValidator(document()).validate()


async def test_it_is_served(serve: Serve) -> None:
    client = await serve(make_services())
    async with client.get("/api/openapi.json") as response:
        assert await response.json() == document()


def test_every_route_is_described_and_every_described_call_is_a_route() -> None:
    routes = {
        (route.method.lower(), route.resource.canonical)
        for route in create_app(make_services().services).router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    described = {(method, path) for path, calls in document()["paths"].items() for method in calls}
    assert routes - described == {("get", path) for path in HTML}
    assert described <= routes
    assert pages.__name__ == "artalike.web.pages"


def test_every_parameter_of_a_path_or_query_is_described_with_what_is_expected() -> None:
    for path, calls in document()["paths"].items():
        for call in calls.values():
            assert path.count("{") == sum(parameter["in"] == "path" for parameter in call["parameters"])
            assert all(parameter["description"] for parameter in call["parameters"] if parameter["in"] == "query")


def test_admin_calls_and_no_others_need_the_token() -> None:
    for path, calls in document()["paths"].items():
        assert all(("security" in call) == path.startswith("/api/admin/") for call in calls.values())


async def test_calls_answer_with_the_status_and_type_that_are_described(serve: Serve, folder: Any) -> None:
    fake = make_services(5, folder)
    client = await serve(fake)
    bodies = {
        "/api/admin/seeds": {"source": "https://a.example/list.txt"},
        "/api/admin/blocks": {"kind": "host", "value": "b.example"},
        "/admin/session": {"token": fake.services.admin_token},
    }
    queries = {
        "/api/search": "?id=1",
        "/api/suggest": "?text=wave",
        "/api/images": "?ids=1,3,99",
        "/api/admin/images": "?url=https://museum.example/3.jpg",
        "/api/admin/detect": "?source=https://a.example/list.txt",
        "/api/admin/blocks/preview": "?kind=host&value=museum.example",
    }
    await client.post("/api/admin/seeds", json=bodies["/api/admin/seeds"], headers=BEARER)
    fake.frontier.by_id[1] = replace(fake.frontier.by_id[1], state=SeedState.DONE)
    for operation in OPERATIONS:
        if operation.upload or (operation.body is not None and operation.path not in bodies):
            continue
        url = operation.path.replace("{id}", "1").replace("{width}", "256")
        url += queries.get(operation.path, "")
        body = bodies.get(operation.path) if operation.body is not None else None
        async with client.request(operation.method, url, json=body, headers=BEARER) as response:
            described = document()["paths"][operation.path][operation.method]["responses"][str(response.status)]
            assert response.status == operation.status
            assert response.status == 204 or response.content_type in described["content"]
