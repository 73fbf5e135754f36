"""Whoever sends too slowly is cut off, and whoever is merely slow is not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from artalike import service
from artalike.web import requests
from tests.fakes import make_services
from tests.running import running, settings_for
from tests.web.conftest import Client, Serve

HEAD = (
    "POST {path} HTTP/1.1\r\nHost: a.example\r\nContent-Length: {length}\r\nContent-Type: {type}\r\n"
    "Authorization: Bearer x\r\n\r\n"
)
UPLOAD = "multipart/form-data; boundary=a"
PART = b"--a\r\nContent-Disposition: form-data; name=image; filename=x\r\n\r\n"


class Sender:
    """A plain connection that sends a request's body as slowly as it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def begin(cls, client: Client, path: str, content_type: str, length: int = 10_000) -> Sender:
        sender = cls(*await asyncio.open_connection("127.0.0.1", client.port))
        await sender.send(HEAD.format(path=path, length=length, type=content_type).encode())
        return sender

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def status(self) -> int:
        line = await self._reader.readline()
        return int(line.split()[1])

    def close(self) -> None:
        self._writer.close()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(requests, "BYTES_PER_SECOND", 1000)


@pytest.mark.usefixtures("hurried")
async def test_a_dribbled_upload_is_ended(serve: Serve) -> None:
    client = await serve(make_services(3))
    sender = await Sender.begin(client, "/api/search", UPLOAD)
    await sender.send(PART)
    answer = asyncio.create_task(sender.status())
    async with asyncio.timeout(5):
        while not answer.done():
            await sender.send(b"x")
            await asyncio.sleep(0.02)
    assert await answer == 408
    sender.close()


@pytest.mark.usefixtures("hurried")
async def test_so_is_one_that_dribbles_in_a_parts_headers(serve: Serve) -> None:
    client = await serve(make_services(3))
    sender = await Sender.begin(client, "/api/search", UPLOAD)
    await sender.send(b"--a\r\n")
    answer = asyncio.create_task(sender.status())
    async with asyncio.timeout(5):
        while not answer.done():
            await sender.send(b"X: y\r\n")
            await asyncio.sleep(0.02)
    assert await answer == 408
    sender.close()


@pytest.mark.usefixtures("hurried")
async def test_so_is_a_body_of_another_kind(serve: Serve) -> None:
    client = await serve(make_services(3))
    sender = await Sender.begin(client, "/admin/session", "application/json")
    await sender.send(b"{")
    async with asyncio.timeout(5):
        assert await sender.status() == 408
    sender.close()


@pytest.mark.usefixtures("hurried")
async def test_an_upload_at_the_least_pace_is_taken_however_long_it_takes(serve: Serve) -> None:
    client = await serve(make_services(3))
    slow = PART + b"x" * 1100 + b"\r\n--a--\r\n"
    sender = await Sender.begin(client, "/api/search", UPLOAD, len(slow))
    for start in range(0, len(slow), 100):
        await sender.send(slow[start : start + 100])
        await asyncio.sleep(0.06)
    async with asyncio.timeout(5):
        assert await sender.status() == 200
    sender.close()


async def test_a_connection_that_sends_no_whole_request_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "IDLE_SECONDS", 0.3)
    async with running(settings_for(tmp_path / "data")) as served:
        address = urlsplit(served.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: a.example\r\n")
        closed = asyncio.create_task(reader.read())
        async with asyncio.timeout(5):
            while not closed.done():
                writer.write(b"X: y\r\n")
                await asyncio.sleep(0.05)
        assert await closed == b""
        writer.close()
