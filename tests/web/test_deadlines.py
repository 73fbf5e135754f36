"""A query ends in time, and its work ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from artalike.records import FloatArray, Image, PixelArray
from artalike.search.ranked import Search
from artalike.visitors import Visitors
from artalike.web import requests
from benchmarks.tiny import TinyNetwork
from tests.fakes import DIMENSION, MODEL, FakeServices, make_services, vector_of
from tests.running import client as client_of
from tests.running import running, settings_for
from tests.sites import draw
from tests.web.conftest import Serve
from tests.web.test_api import pictures


class Embedder:
    """Takes its time, and knows who came to an end and who was given up."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun = asyncio.Event()
        self.given_up = asyncio.Event()
        self.done = 0

    async def __call__(self, data: bytes) -> FloatArray:
        self.begun.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.given_up.set()
            raise
        self.done += 1
        return vector_of(data.decode())


def embedding_with(fake: FakeServices, embedder: Embedder) -> FakeServices:
    search = Search(fake.images, fake.index, model=MODEL, dimension=DIMENSION, embed_bytes=embedder)
    fake.answer(search=search)
    return fake


async def test_a_query_that_takes_too_long_is_503_and_its_work_is_dropped(serve: Serve) -> None:
    embedder = Embedder()
    client = await serve(embedding_with(make_services(3, gallery={"query_seconds": 0.1}), embedder))
    async with client.post("/api/search", data=pictures(b"image 1")) as response:
        answer = await response.json(content_type=None)
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
        assert answer["type"] == "urn:artalike:overloaded"
        assert "0.1 s" in answer["detail"]
    assert embedder.given_up.is_set()
    async with client.get("/api/search?id=1") as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "path", ["/", "/similar/1", "/image/1", "/search?text=red", "/api/random", "/api/images/1/similar"]
)
async def test_pages_have_the_time_of_a_query_too(serve: Serve, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    fake = make_services(3, gallery={"query_seconds": 0.1})

    async def never(ids: Sequence[int]) -> list[Image]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(fake.images, "images", never)
    client = await serve(fake)
    async with asyncio.timeout(5), client.get(path) as response:
        assert response.status == 503


async def test_the_time_in_which_an_upload_comes_is_not_the_querys(serve: Serve) -> None:
    client = await serve(make_services(3, gallery={"query_seconds": 0.2}))

    async def unhurried() -> AsyncIterator[bytes]:
        yield b"--a\r\nContent-Disposition: form-data; name=image; filename=x\r\n\r\nimage"
        await asyncio.sleep(0.4)
        yield b" 2\r\n--a--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=a"}
    async with client.post("/api/search", data=unhurried(), headers=headers) as response:
        assert (await response.json())["results"][0]["id"] == 2


async def test_the_pause_for_a_body_is_not_for_the_work_behind_it(serve: Serve) -> None:
    embedder = Embedder()
    client = await serve(embedding_with(make_services(3, gallery={"query_seconds": 0.2}), embedder))

    async def unhurried() -> AsyncIterator[bytes]:
        yield b"--a\r\nContent-Disposition: form-data; name=image; filename=x\r\n\r\nimage"
        await asyncio.sleep(0.3)
        yield b" 2\r\n--a--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=a"}
    async with client.post("/api/search", data=unhurried(), headers=headers) as response:
        assert response.status == 503
    assert requests.PATIENCE_SECONDS > 0.3


async def test_ingest_waits_while_a_query_is_answered_but_not_while_its_body_comes(serve: Serve) -> None:
    embedder = Embedder()
    fake = embedding_with(make_services(3), embedder)
    fake.services = replace(fake.services, visitors=Visitors(patience=30))
    client = await serve(fake)
    read = asyncio.Event()

    async def unhurried() -> AsyncIterator[bytes]:
        yield b"--a\r\nContent-Disposition: form-data; name=image; filename=x\r\n\r\nimage"
        await read.wait()
        yield b" 2\r\n--a--\r\n"

    async def upload() -> int:
        headers = {"Content-Type": "multipart/form-data; boundary=a"}
        async with client.post("/api/search", data=unhurried(), headers=headers) as response:
            return response.status

    async with asyncio.timeout(10):
        query = asyncio.create_task(upload())
        await asyncio.sleep(0.1)
        await fake.services.visitors.let_pass()  # the body is still on its way
        read.set()
        await embedder.begun.wait()
        waits = asyncio.create_task(fake.services.visitors.let_pass())
        await asyncio.sleep(0.1)
        assert not waits.done()
        embedder.go.set()
        await waits
        assert await query == 200


class Blocked(TinyNetwork):
    """Embeds nothing until it may, and counts the pictures."""

    def __init__(self, loop: asyncio.AbstractEventLoop, gate: asyncio.Event, begun: asyncio.Event) -> None:
        self._loop, self._gate, self._begun = loop, gate, begun
        self.pictures = 0

    def embed(self, batch: PixelArray) -> FloatArray:
        self._loop.call_soon_threadsafe(self._begun.set)
        asyncio.run_coroutine_threadsafe(self._gate.wait(), self._loop).result(10)
        self.pictures += len(batch)
        return super().embed(batch)


async def test_what_a_client_that_has_gone_asked_for_is_not_embedded(tmp_path: Path) -> None:
    gate, begun = asyncio.Event(), asyncio.Event()
    network = Blocked(asyncio.get_running_loop(), gate, begun)

    async with (
        running(settings_for(tmp_path / "data"), network=lambda: network) as service,
        client_of(service) as client,
    ):

        async def upload(number: int) -> int:
            async with client.post("/api/search", data=pictures(draw(number))) as response:
                await response.read()
                return response.status

        async def waiting(queries: int) -> None:
            async with asyncio.timeout(10):
                while service.batcher.statistics().urgent_queued != queries:
                    await asyncio.sleep(0.01)

        patient = asyncio.create_task(upload(1))
        await begun.wait()
        impatient = asyncio.create_task(upload(2))
        await waiting(1)
        impatient.cancel()
        await waiting(0)
        gate.set()
        assert await patient == 200
    assert network.pictures == 1
