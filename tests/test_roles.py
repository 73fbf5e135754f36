"""One process answers, another brings in: each does its own part of the work, and nothing of the other's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from PIL import Image

from artalike.roles import Role
from tests.running import client, running, settings_for, settled


@pytest.fixture
def pictures(tmp_path: Path) -> str:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(6):
        Image.effect_noise((120 + number, 100), 50).save(folder / f"{number}.png")
    return str(folder)


async def test_one_hands_in_another_brings_in_the_first_shows(tmp_path: Path, pictures: str) -> None:
    settings = settings_for(tmp_path / "data")
    async with running(settings, role=Role.WEB) as service, client(service) as api:
        answer = await api.post("/api/admin/seeds", json={"source": pictures})
        assert answer.status == 202
        assert (await api.get("/")).status == 200
        await asyncio.sleep(0.5)
        stats = await (await api.get("/api/stats")).json()
        assert (stats["images"], stats["pending"]) == (0, 1)
    async with running(settings, role=Role.CRAWL) as service, client(service) as api:
        await settled(service)
        async with asyncio.timeout(30):
            while (await api.get("/readyz")).status != 200:
                await asyncio.sleep(0.05)
        assert (await api.get("/healthz")).status == 200
        async with asyncio.timeout(30):  # they are counted once a second
            while "artalike_images_total 6.0" not in await (await api.get("/metrics")).text():
                await asyncio.sleep(0.1)
        for path in ("/", "/api/stats", "/api/random", "/admin", "/api/admin/seeds", "/thumbs/1/256", "/api/events"):
            answer = await api.get(path)
            assert (answer.status, answer.content_type) == (404, "application/problem+json"), path
        assert (await api.post("/api/admin/seeds", json={"source": pictures})).status == 404
    async with running(settings, role=Role.WEB) as service, client(service) as api:
        page = await (await api.get("/api/random?limit=10")).json()
        assert len(page["results"]) == 6
        found = await (await api.get("/api/search?id=1")).json()
        assert found["results"][0]["id"] == 1
