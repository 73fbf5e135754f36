"""From a source to a search, through the whole process."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from artalike.__main__ import main
from artalike.errors import ModelMismatch, PortBusy, SourceError
from artalike.records import FloatArray, PixelArray, SeedState
from artalike.service import Service
from artalike.storage import growing_index, index_opening
from artalike.storage.folder import DataFolder
from artalike.storage.growing_index import GrowingIndex
from tests.running import CARD, TOKEN, TinyNetwork, client, running, settings_for, settled
from tests.sites import MisbehavingSite


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with 20 different pictures and one copy."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(20):
        image = Image.radial_gradient("L").resize((120 + 5 * number, 100))
        colored = Image.merge("RGB", (image, image.rotate(18 * number), image.point(lambda v, n=number: v * n // 20)))
        colored.save(folder / f"{number}.png")
    (folder / "copy of 3.png").write_bytes((folder / "3.png").read_bytes())
    return folder


async def test_a_folder_becomes_a_gallery_that_finds_each_picture_first(tmp_path: Path, pictures: Path) -> None:
    async with running(settings_for(tmp_path / "data")) as service, client(service) as api:
        answer = await api.post("/api/admin/seeds", json={"source": str(pictures)})
        assert answer.status == 202
        seed_id = (await answer.json())["id"]
        await settled(service)
        seed = await (await api.get(f"/api/admin/seeds/{seed_id}")).json()
        assert (seed["state"], seed["images"], seed["failed"]) == ("done", 21, 0)
        stats = await (await api.get("/api/stats")).json()
        assert (stats["images"], stats["searchable"]) == (20, 20)
        page = await (await api.get("/api/random?limit=200")).json()
        assert len(page["results"]) == page["total"] == 20
        for image in page["results"]:
            found = await (await api.get("/api/search", params={"url": image["url"], "limit": 3})).json()
            assert found["results"][0]["id"] == image["id"]
            assert found["results"][0]["score"] > 0.999
            thumbnail = await api.get(image["thumbnail_url"])
            assert (thumbnail.status, thumbnail.content_type) == (200, "image/jpeg")


async def test_a_picture_is_known_by_its_address_however_that_is_spelled(tmp_path: Path) -> None:
    async with (
        MisbehavingSite() as site,
        running(settings_for(tmp_path / "data")) as service,
        client(service) as api,
    ):
        address = site.picture(1)
        await service.add_seed(address)
        await settled(service)
        path = address.removeprefix("http:")
        for spelled in (address, f"HTTP:{path}#top", f" http:{path.replace('picture', 'x/../%70icture')}"):
            for call in ("/api/search", "/api/admin/images"):
                answer = await api.get(call, params={"url": spelled})
                assert answer.status == 200, (call, spelled)
        assert (await api.get("/api/search", params={"url": f"{address}?other"})).status == 404


async def test_the_index_grows_up_while_it_serves_and_stays_so(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(index_opening, "GROWN_AT", 15)
    monkeypatch.setattr(growing_index, "TICK_SECONDS", 0.05)
    settings = settings_for(tmp_path / "data")

    async def index(service: Service) -> dict[str, Any]:
        async with client(service) as api:
            stats = await (await api.get("/api/stats")).json()
            _, vectors = await service.images.vectors([7])
            [neighbors] = await service.index.search(vectors, 3)
            assert neighbors.ids[0] == 7
        assert stats["searchable"] == stats["images"] == 20
        found: dict[str, Any] = stats["index"]
        return found

    async with running(settings) as service:
        await service.add_seed(str(pictures))
        await settled(service)
        async with asyncio.timeout(20):
            while (await index(service))["kind"] != "trained":
                await asyncio.sleep(0.05)
    async with running(settings) as service:
        assert (await index(service))["kind"] == "trained"
    for command in ("doctor", "status"):
        assert await asyncio.to_thread(main, [command, "--data", str(tmp_path / "data")]) == 0
    assert "trained, finds 100.0 % of the ten nearest" in capsys.readouterr().out


async def test_a_large_index_that_is_built_anew_grows_up_before_it_serves(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(tmp_path / "data")
    async with running(settings) as service:
        await service.add_seed(str(pictures))
        await settled(service)
    DataFolder(tmp_path / "data").snapshot.unlink()
    monkeypatch.setattr(index_opening, "GROWN_AT", 15)
    async with running(settings) as service:
        assert (service.index.stats["kind"], service.index.size) == ("trained", 20)


async def test_a_recall_of_one_keeps_the_index_exact(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_opening, "GROWN_AT", 15)
    settings = settings_for(tmp_path / "data")
    async with running(settings) as service:
        await service.add_seed(str(pictures))
        await settled(service)
        assert isinstance(service.index, GrowingIndex)
        assert await service.index.train()
    async with running(settings_for(tmp_path / "data", index={"recall": 1})) as service:
        assert service.index.stats["kind"] == "exact"
        assert service.index.size == 20


async def test_each_new_picture_is_told_when_it_can_be_found(tmp_path: Path, pictures: Path) -> None:
    async with running(settings_for(tmp_path / "data")) as service, service.events.subscribe() as events:
        await service.add_seed(str(pictures))
        told = 0
        async with asyncio.timeout(20):
            async for event in events:
                if event.name == "image":
                    assert event.id is not None
                    [neighbors] = await service.index.search((await service.images.vectors([event.id]))[1], 1)
                    assert neighbors.ids.tolist() == [event.id]
                    told += 1
                if told == 20:
                    break


async def test_an_uploaded_picture_finds_itself(tmp_path: Path, pictures: Path) -> None:
    async with running(settings_for(tmp_path / "data")) as service, client(service) as api:
        await service.add_seed(str(pictures))
        await settled(service)
        form = aiohttp.FormData()
        form.add_field("file", (pictures / "7.png").read_bytes(), filename="7.png")
        answer = await (await api.post("/api/search?limit=5", data=form)).json()
        assert answer["results"][0]["url"].endswith("/7.png")
        assert answer["results"][0]["score"] > 0.999


async def test_all_is_there_after_a_restart_and_nothing_is_fetched_twice(tmp_path: Path, pictures: Path) -> None:
    settings = settings_for(tmp_path / "data")
    async with running(settings) as service:
        await service.add_seed(str(pictures))
        await settled(service)
        before = (await service.index.ids()).tolist()
    assert DataFolder(tmp_path / "data").snapshot.exists()
    async with running(settings) as service:
        assert (await service.index.ids()).tolist() == before
        assert service.metrics.stage_rates["fetch"].value() == 0
        await service.add_seed(str(pictures))
        await settled(service)
        assert service.metrics.stage_rates["fetch"].value() == 0
        assert (await service.images.totals()).images == 20


@pytest.mark.parametrize("damage", ["missing", "torn", "empty"])
async def test_an_index_without_its_snapshot_is_built_from_the_catalog(
    tmp_path: Path, pictures: Path, damage: str
) -> None:
    settings = settings_for(tmp_path / "data")
    async with running(settings) as service:
        await service.add_seed(str(pictures))
        await settled(service)
    snapshot = DataFolder(tmp_path / "data").snapshot
    content = snapshot.read_bytes()
    if damage == "missing":
        snapshot.unlink()
    else:
        snapshot.write_bytes(content[: len(content) // 2] if damage == "torn" else b"")
    async with running(settings) as service:
        assert service.index.size == 20
    assert snapshot.stat().st_size == len(content)


async def test_a_stage_that_crashes_ends_the_process_with_its_error(tmp_path: Path, pictures: Path) -> None:
    class Broken(TinyNetwork):
        def __init__(self) -> None:
            raise ModelMismatch("the weights are of another network")

    with pytest.raises(BaseExceptionGroup) as caught:
        async with running(settings_for(tmp_path / "data"), network=Broken) as service:
            await service.add_seed(str(pictures))
            await asyncio.sleep(0.5)
    assert caught.group_contains(ModelMismatch, match="another network")


async def test_another_model_on_the_same_folder_is_refused(tmp_path: Path, pictures: Path) -> None:
    settings = settings_for(tmp_path / "data")
    async with running(settings) as service:
        await service.add_seed(str(pictures))
        await settled(service)
    with sqlite3.connect(DataFolder(tmp_path / "data").catalog) as catalog:
        catalog.execute("UPDATE models SET model_id = 'other@1/1'")
    catalog.close()
    with pytest.raises(ModelMismatch, match=r"embedded by other@1/1, the setting means tiny@00000000/1"):
        async with running(settings):
            pass


async def test_a_busy_port_is_named(tmp_path: Path) -> None:
    async with running(settings_for(tmp_path / "one")) as first:
        port = int(first.url.rpartition(":")[2])
        with pytest.raises(PortBusy, match=rf"server.port = {port}: .*expected .* a free port"):
            async with running(settings_for(tmp_path / "two", server={"port": port})):
                pass


async def test_a_source_that_nobody_understands_is_refused_with_the_kinds(tmp_path: Path) -> None:
    async with running(settings_for(tmp_path / "data")) as service, client(service) as api:
        answer = await api.post("/api/admin/seeds", json={"source": "gopher://x.example/"})
        assert answer.status == 400
        detail = (await answer.json())["detail"]
        assert all(kind in detail for kind in ("image", "folder", "list", "page", "sitemap"))
        with pytest.raises(SourceError):
            await service.add_seed(str(tmp_path / "not there"))


async def test_a_stopped_crawl_goes_on_where_it_was(tmp_path: Path, pictures: Path) -> None:
    settings = settings_for(tmp_path / "data", embedding={"batch_size": 1})

    class Slow(TinyNetwork):
        def embed(self, batch: PixelArray) -> FloatArray:
            time.sleep(0.05)
            return super().embed(batch)

    async with running(settings, network=Slow) as service:
        await service.add_seed(str(pictures))
        async with asyncio.timeout(10):
            while (await service.images.totals()).images < 3:
                await asyncio.sleep(0.01)
    async with running(settings) as service:
        await settled(service)
        [seed] = await service.frontier.seeds()
        assert (seed.state, seed.images, seed.failed) == (SeedState.DONE, 21, 0)


async def test_nothing_answers_without_the_token_that_needs_it(tmp_path: Path) -> None:
    async with running(settings_for(tmp_path / "data")) as service, aiohttp.ClientSession(service.url) as api:
        for method, path in (
            ("POST", "/api/admin/seeds"),
            ("GET", "/api/admin/seeds"),
            ("GET", "/api/admin/failures"),
            ("POST", "/api/admin/snapshot"),
        ):
            assert (await api.request(method, path, json={})).status == 401
        assert (await api.get("/api/admin/seeds", headers={"Authorization": f"Bearer {TOKEN}"})).status == 200


async def test_metrics_count_what_came_in(tmp_path: Path, pictures: Path) -> None:
    async with running(settings_for(tmp_path / "data")) as service, client(service) as api:
        await service.add_seed(str(pictures))
        await settled(service)
        text = await (await api.get("/metrics")).text()
        lines = dict(line.rpartition(" ")[::2] for line in text.splitlines() if not line.startswith("#"))
        assert lines["artalike_images_total"] == "20.0"
        assert lines["artalike_known_images_total"] == "1.0"
        assert float(lines['artalike_stage_seconds_count{stage="decode"}']) == 21
        assert "artalike_loop_lag_seconds_count" in lines


async def test_the_model_in_use_is_told(tmp_path: Path) -> None:
    async with running(settings_for(tmp_path / "data")) as service:
        assert isinstance(service, Service)
        assert service.stats()["model"]["id"] == CARD.model_id
