"""One process answers, another brings in: each does its own part of the work, and nothing of the other's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from PIL import Image

from artalike.config import Settings
from artalike.errors import SettingError
from artalike.roles import check
from tests.running import client, running, settings_for, settled

CLUSTER = {"storage": {"catalog": "postgresql://a@b/c", "thumbnails": "s3://d"}, "index": {"engine": "milvus"}}


@pytest.fixture
def pictures(tmp_path: Path) -> str:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(6):
        Image.effect_noise((120 + number, 100), 50).save(folder / f"{number}.png")
    return str(folder)


async def test_one_hands_in_another_brings_in_the_first_shows(tmp_path: Path, pictures: str) -> None:
    web, crawl = (settings_for(tmp_path / "data", server={"role": role}) for role in ("web", "crawl"))
    async with running(web) as service, client(service) as api:
        answer = await api.post("/api/admin/seeds", json={"source": pictures})
        assert answer.status == 202
        assert (await api.get("/")).status == 200
        await asyncio.sleep(0.5)
        stats = await (await api.get("/api/stats")).json()
        assert (stats["images"], stats["pending"]) == (0, 1)
        answer = await api.post("/api/admin/reembed", json={"model": "efficientnet_lite0"})
        assert (answer.status, "several processes share" in await answer.text()) == (400, True)
    async with running(crawl) as service, client(service) as api:
        await settled(service)
        async with asyncio.timeout(30):
            while (await api.get("/readyz")).status != 200:
                await asyncio.sleep(0.05)
        assert (await api.get("/healthz")).status == 200
        async with asyncio.timeout(30):  # committed a moment before they are counted
            while "artalike_images_total 6.0" not in await (await api.get("/metrics")).text():
                await asyncio.sleep(0.1)
        for path in ("/", "/api/stats", "/api/random", "/admin", "/api/admin/seeds", "/thumbs/1/256", "/api/events"):
            answer = await api.get(path)
            assert (answer.status, answer.content_type) == (404, "application/problem+json"), path
        assert (await api.post("/api/admin/seeds", json={"source": pictures})).status == 404
    async with running(web) as service, client(service) as api:
        page = await (await api.get("/api/random?limit=10")).json()
        assert len(page["results"]) == 6
        found = await (await api.get("/api/search?id=1")).json()
        assert found["results"][0]["id"] == 1


@pytest.mark.parametrize("role", ["web", "crawl"])
@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ({"storage": {"thumbnails": "s3://d"}}, "expected storage.catalog = postgresql://"),
        ({"index": {"engine": "faiss"}}, "index.engine = 'faiss' .* expected index.engine = 'milvus'"),
        ({"storage": {"catalog": "postgresql://a@b/c"}}, "expected storage.thumbnails = s3://"),
    ],
)
def test_a_role_needs_engines_that_can_be_shared(role: str, missing: dict[str, dict[str, str]], expected: str) -> None:
    settings = Settings.model_validate(CLUSTER | {"server": {"role": role}} | missing)
    with pytest.raises(SettingError, match=rf"server.role = '{role}' \(--role\): .*{expected}") as told:
        check(settings)
    assert "\n" not in str(told.value)


def test_engines_that_can_be_shared_are_taken_by_any_role() -> None:
    for role in ("all", "web", "crawl"):
        check(Settings.model_validate(CLUSTER | {"server": {"role": role}}))
    check(Settings())
