"""The map over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from artalike.layout.keeper import PictureMap
from tests.fakes import DIMENSION, MODEL, FakeServices, make_services
from tests.layout.test_keeper import Computing, unpacked
from tests.web.conftest import Client, Serve


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeServices]:
    """Services whose map is ready."""
    fake = make_services(30)
    picture_map = PictureMap(
        fake.images, tmp_path / "map.npz", MODEL, DIMENSION, step_seconds=0.01, compute=Computing()
    )
    fake.answer(picture_map=picture_map)
    task = asyncio.create_task(picture_map.run())
    async with asyncio.timeout(5):
        while (await picture_map.status()).points < 30:
            await asyncio.sleep(0.01)
    yield fake
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_status_tells_of_a_layout(serve: Serve, fake: FakeServices) -> None:
    client = await serve(fake)
    async with client.get("/api/map") as response:
        status = await response.json()
    assert status["computed_at"].endswith("+00:00")
    assert status["layout"] > 0
    assert {key: status[key] for key in ("state", "points", "images")} == {
        "state": "ready",
        "points": 30,
        "images": 30,
    }


async def test_points_come_once_and_then_not_again_until_they_change(serve: Serve, fake: FakeServices) -> None:
    client = await serve(fake)
    async with client.get("/api/map/points") as response:
        assert response.headers["Content-Encoding"] == "gzip"
        etag = response.headers["ETag"]
        assert unpacked(await response.read())["ids"].tolist() == list(range(1, 31))
    async with client.get("/api/map/points", headers={"If-None-Match": etag}) as response:
        assert response.status == 304
    async with client.get("/api/map/points", headers={"Accept-Encoding": "identity"}) as response:
        assert "Content-Encoding" not in response.headers
        assert len(unpacked(await response.read())["ids"]) == 30
    fake.images.remove(3)
    async with client.get("/api/map/points", headers={"If-None-Match": etag}) as response:
        assert response.status == 200
        assert 3 not in unpacked(await response.read())["ids"]


async def test_points_behind_an_id(serve: Serve, fake: FakeServices) -> None:
    client = await serve(fake)
    async with client.get("/api/map/points?after=27") as response:
        assert unpacked(await response.read())["ids"].tolist() == [28, 29, 30]
    for wrong in ("-1", "many", str(2**64)):
        async with client.get(f"/api/map/points?after={wrong}") as response:
            assert response.status == 400


async def test_an_empty_collection_has_an_empty_map(serve: Serve) -> None:
    client = await serve(make_services(0))
    async with client.get("/api/map") as response:
        assert (await response.json())["state"] == "empty"
    async with client.get("/api/map/points") as response:
        assert unpacked(await response.read())["layout"] == 0


async def test_a_map_that_is_turned_off_is_not_there(serve: Serve) -> None:
    fake = make_services(3)
    fake.answer(picture_map=None)
    client: Client = await serve(fake)
    for path in ("/api/map", "/api/map/points"):
        async with client.get(path) as response:
            assert response.status == 404
            assert "gallery.map" in (await response.json())["detail"]
