"""The map of a real collection, laid out by the real process beside the ingest."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from artalike.service import Service
from tests.layout.test_keeper import unpacked
from tests.running import client, running, settings_for, settled
from tests.sites import draw


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.jpg").write_bytes(draw(number))
    return folder


async def points(service: Service) -> dict[str, Any]:
    async with client(service) as api:
        return unpacked(await (await api.get("/api/map/points")).read())


async def laid_out(service: Service, ids: list[int]) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while (now := await points(service))["ids"].tolist() != ids:
            await asyncio.sleep(0.1)
    return now


async def test_a_collection_is_laid_out_kept_and_what_is_taken_down_leaves(tmp_path: Path, pictures: Path) -> None:
    settings = settings_for(tmp_path / "data", gallery={"map": True})
    async with running(settings) as service:
        await service.add_seed(str(pictures))
        await settled(service)
        before = await laid_out(service, list(range(1, 21)))
        [image] = await service.images.images([5])
        assert "#" + bytes(before["colors"][4]).hex() == image.color
        await service.removal.take_down([7])
        assert 7 not in (await points(service))["ids"]
    async with running(settings) as service:
        after = await laid_out(service, [number for number in range(1, 21) if number != 7])
        assert after["layout"] >= before["layout"]
        async with client(service) as api:
            status = await (await api.get("/api/map")).json()
    assert (status["state"], status["points"], status["images"]) == ("ready", 19, 19)


async def test_a_stop_in_the_middle_of_a_layout_waits_for_nothing(tmp_path: Path, pictures: Path) -> None:
    async with asyncio.timeout(30):
        async with running(settings_for(tmp_path / "data", gallery={"map": True})) as service:
            await service.add_seed(str(pictures))
            await settled(service)
            assert service.picture_map is not None
            while (await service.picture_map.status()).progress is None:
                await asyncio.sleep(0.01)
    assert not (tmp_path / "data" / "map.npz").exists()
