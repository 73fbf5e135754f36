"""A collection whose vectors are on Milvus: level with the catalog, whichever of the two was killed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from artalike.commands.doctor import run_doctor
from artalike.config import Index, Settings
from artalike.errors import IndexUnavailable, SettingError
from artalike.service import Service
from artalike.storage import outboxed_index
from artalike.storage.outbox import Outbox, owner
from artalike.storage.ports import ImageCatalog
from tests.cluster.indexes import MemoryCatalog
from tests.cluster.milvus import MilvusServer, free_port
from tests.running import client, running, settings_for, settled

pytestmark = pytest.mark.cluster

SERVERS = ("milvus_lite", pytest.param("milvus_server", marks=pytest.mark.slow))


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[MilvusServer]:
    found: MilvusServer = request.getfixturevalue(request.param)
    yield found
    found.drop_all()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outboxed_index, "TICK_SECONDS", 0.1)
    monkeypatch.setattr(outboxed_index, "RETRY_SECONDS", 0.2)


def drawn(folder: Path, start: int, count: int = 10) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(start, start + count):
        noise = np.random.default_rng(number).integers(0, 255, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    return folder


def settings_of(data: Path, server: MilvusServer, **more: Any) -> Settings:
    return settings_for(data, index={"engine": "milvus", "uri": server.uri, **more})


async def until(true: Callable[[], bool], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.05)


async def waiting(service: Service) -> int:
    return await Outbox(service.images._database, service.images.model).waiting()


async def told(service: Service, count: int) -> None:
    """Wait until no seed is running and the server has been told of all ``count`` images."""
    await settled(service, seconds=120)
    async with asyncio.timeout(120):
        while service.index.size != count or service.index.stats["problem"] or await waiting(service):
            await asyncio.sleep(0.05)


async def level(service: Service) -> bool:
    return np.array_equal(await service.index.ids(), await service.images.embedded_ids())


async def test_pictures_are_found_and_stay_there_over_a_restart(server: MilvusServer, tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "data", server)
    async with running(settings) as service:
        await service.add_seed(str(drawn(tmp_path / "pictures", 0)))
        await told(service, 10)
        async with client(service) as session:
            found = await (await session.get("/api/images/3/similar")).json()
            stats = await (await session.get("/api/stats")).json()
            saved = await session.post("/api/admin/snapshot")
        assert {image["id"] for image in found["results"]} == set(range(1, 11)) - {3}
        assert (stats["searchable"], stats["index"]["kind"]) == (10, "milvus")
        assert saved.status == 200
    async with running(settings) as service:
        assert (service.index.size, await level(service)) == (10, True)
    assert await asyncio.to_thread(run_doctor, settings, as_json=False) == 0


async def test_while_the_server_is_lost_ingest_goes_on_and_it_comes_level_when_it_is_back(
    server: MilvusServer, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path / "data", server)
    async with running(settings) as service, client(service) as session:
        await service.add_seed(str(drawn(tmp_path / "first", 0)))
        await told(service, 10)
        await asyncio.to_thread(server.kill)
        try:
            answer = await session.get("/api/search?id=1")
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
            assert server.uri not in await answer.text()
            await service.add_seed(str(drawn(tmp_path / "second", 100)))
            await settled(service)
            await service.removal.take_down([2])
            assert (service.images.counts.images, (await session.get("/api/random")).status) == (19, 200)
            assert (await session.get("/api/images/2")).status == 404
            assert await waiting(service) == 11
        finally:
            await asyncio.to_thread(server.start)
        await told(service, 19)
        assert await level(service)
        answer = await session.get("/api/search?id=1&limit=200")
        assert {image["id"] for image in (await answer.json())["results"]} == set(range(1, 21)) - {2}
    assert await asyncio.to_thread(run_doctor, settings, as_json=False) == 0


async def test_a_kill_of_the_server_while_it_is_written_to_loses_nothing(server: MilvusServer, tmp_path: Path) -> None:
    async with running(settings_of(tmp_path / "data", server)) as service:
        await service.add_seed(str(drawn(tmp_path / "pictures", 0, 150)))
        await until(lambda: service.index.size > 0)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await told(service, 150)
        assert await level(service)


async def test_what_was_committed_when_the_process_was_killed_is_told_by_the_next(
    milvus_lite: MilvusServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path / "data", milvus_lite)
    with monkeypatch.context() as patch:

        async def nothing(*_: object, **__: object) -> int:
            return 0

        patch.setattr(outboxed_index.OutboxedIndex, "add", nothing)
        patch.setattr(outboxed_index, "TICK_SECONDS", 100)
        async with running(settings) as service:
            await service.add_seed(str(drawn(tmp_path / "pictures", 0)))
            await settled(service)
            assert (service.index.size, await waiting(service)) == (0, 10)
    # What waits is no broken promise: the next start tells it.
    assert await asyncio.to_thread(run_doctor, settings, as_json=False) == 0
    async with running(settings) as service:
        assert (service.index.size, await waiting(service), await level(service)) == (10, 0, True)


async def test_what_the_server_has_forgotten_or_has_too_many_is_set_right_at_the_start(
    milvus_lite: MilvusServer, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path / "data", milvus_lite)
    async with running(settings) as service:
        await service.add_seed(str(drawn(tmp_path / "pictures", 0)))
        await told(service, 10)
        served = service.index
        assert isinstance(served, outboxed_index.OutboxedIndex)
        _, [vector] = await service.images.vectors([1])
        await served._index.remove(np.array([4]))
        await served._index.add(np.array([2**40]), vector[np.newaxis])
    assert await asyncio.to_thread(run_doctor, settings, as_json=False) == 1
    async with running(settings) as service:
        assert await level(service)


async def test_a_server_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("pymilvus", reason="pymilvus not installed: make test-cluster")
    settings = settings_for(tmp_path, index={"engine": "milvus", "uri": f"http://127.0.0.1:{free_port()}"})
    with pytest.raises(IndexUnavailable, match=r"^index\.uri = 'http://127.0.0.1:\d+': expected a Milvus that answers"):
        async with running(settings):
            pass


async def test_an_error_of_the_client_that_is_its_own_cause_is_told_too() -> None:
    pymilvus = pytest.importorskip("pymilvus", reason="pymilvus not installed: make test-cluster")
    from artalike.storage.milvus_connection import in_time  # noqa: PLC0415  # where it is installed

    error = pymilvus.MilvusException(message="gone away")
    with pytest.raises(IndexUnavailable, match="gone away"):
        async with in_time(Index(), 1):
            raise error from error


async def test_a_token_that_the_server_does_not_take_is_told_in_one_line_without_it(tmp_path: Path) -> None:
    aio = pytest.importorskip("grpc.aio", reason="pymilvus not installed: make test-cluster")
    grpc = sys.modules["grpc"]

    async def refuse(_: bytes, context: Any) -> None:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "auth check failure, please check username and password")

    class Refusing(grpc.GenericRpcHandler):  # type: ignore[misc, name-defined]
        def service(self, _: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(refuse)

    server = aio.server(handlers=[Refusing()])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        index = {"engine": "milvus", "uri": f"http://127.0.0.1:{port}", "token": "root:wrong"}
        with pytest.raises(SettingError, match=r"^index\.token: .*does not take the one that is set") as raised:
            async with running(settings_for(tmp_path, index=index)):
                pass
        assert "wrong" not in str(raised.value)
    finally:
        await server.stop(None)


async def test_a_collection_of_another_dimension_is_refused(milvus_lite: MilvusServer, tmp_path: Path) -> None:
    from artalike.storage.milvus_index import MilvusIndex  # noqa: PLC0415  # where it is installed

    settings = settings_of(tmp_path, milvus_lite).index
    catalog = cast("ImageCatalog", MemoryCatalog(8))
    async with MilvusIndex.open("same", 8, catalog, settings):
        pass
    with pytest.raises(SettingError, match=r"index\.collection = 'artalike'.* of 8 numbers; expected 16"):
        async with MilvusIndex.open("same", 16, catalog, settings):
            pass


async def test_two_collections_on_one_server_do_not_meet(milvus_lite: MilvusServer, tmp_path: Path) -> None:
    drawn(tmp_path / "pictures", 0)
    owners = set[str | None]()
    for name in ("one", "other"):
        async with running(settings_of(tmp_path / name, milvus_lite)) as service:
            assert service.index.size == 0
            await service.add_seed(str(tmp_path / "pictures"))
            await told(service, 10)
            owners.add(await owner(service.images._database))
    assert len(owners) == 2


async def test_with_the_embedded_index_again_nothing_waits_for_a_server(
    milvus_lite: MilvusServer, tmp_path: Path
) -> None:
    async with running(settings_of(tmp_path / "data", milvus_lite)) as service:
        await service.add_seed(str(drawn(tmp_path / "first", 0)))
        await told(service, 10)
    async with running(settings_for(tmp_path / "data")) as service:
        await service.add_seed(str(drawn(tmp_path / "second", 100)))
        await settled(service)
        assert (service.index.stats["kind"], service.index.size, await waiting(service)) == ("exact", 20, 0)
    async with running(settings_of(tmp_path / "data", milvus_lite)) as service:
        assert (service.index.size, await level(service)) == (20, True)
