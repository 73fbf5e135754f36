from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientResponse

from artalike.events import Event
from artalike.web import stream
from artalike.web.app import create_app
from artalike.web.views import image_json
from tests.fakes import FakeServices, make_services
from tests.web.conftest import Client, Serve


class Listener:
    """Reads server-sent events as a browser does."""

    def __init__(self, response: ClientResponse) -> None:
        self.response = response

    async def next(self, name: str | None = None) -> dict[str, Any]:
        """The next event (of this name), or the next comment under ``:``."""
        async with asyncio.timeout(5):
            while True:
                fields: dict[str, Any] = {}
                while line := (await self.response.content.readline()).decode().rstrip("\n"):
                    field, _, value = line.partition(":")
                    fields[field or ":"] = value.strip()
                if not fields:
                    raise EOFError
                if "data" in fields:
                    fields["data"] = json.loads(fields["data"])
                if "retry" not in fields and name in {None, fields.get("event")}:
                    return fields


@asynccontextmanager
async def listen(client: Client, **headers: str) -> AsyncIterator[Listener]:
    async with client.get(
        "/api/events", headers={key.replace("_", "-"): value for key, value in headers.items()}
    ) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        yield Listener(response)


def publish(fake: FakeServices) -> int:
    image = fake.images.add()
    fake.events.publish(Event("image", image_json(image, fake.services.settings), image.id))
    return image.id


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STATS_SECONDS", 0.05)


async def test_the_stats_come_first_then_each_image_with_its_id(serve: Serve) -> None:
    fake = make_services(3)
    async with listen(await serve(fake)) as listener:
        assert (await listener.next())["data"] == {"images": 3}
        publish(fake)
        event = await listener.next("image")
    assert event["id"] == "4"
    assert event["data"] == image_json(fake.images.by_id[4], fake.services.settings)


@pytest.mark.usefixtures("hurried")
async def test_stats_come_again_when_they_have_changed(serve: Serve) -> None:
    fake = make_services(3)
    async with listen(await serve(fake)) as listener:
        await listener.next("stats")
        fake.images.add()
        assert (await listener.next("stats"))["data"] == {"images": 4}


async def test_stats_come_at_most_once_a_second(serve: Serve) -> None:
    fake = make_services(3)
    async with listen(await serve(fake)) as listener:
        await listener.next("stats")
        for _ in range(20):
            publish(fake)
        assert [(await listener.next())["event"] for _ in range(20)] == ["image"] * 20


@pytest.mark.usefixtures("hurried")
async def test_silence_is_broken_by_heartbeats(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.1)
    async with listen(await serve(make_services(3))) as listener:
        await listener.next("stats")
        assert ":" in await listener.next()


async def test_a_listener_that_comes_back_hears_what_it_missed_once(serve: Serve) -> None:
    fake = make_services(10)
    fake.images.remove(9)
    async with listen(await serve(fake), Last_Event_ID="7") as listener:
        assert [(await listener.next("image"))["id"] for _ in range(2)] == ["8", "10"]
        image = fake.images.by_id[10]  # its event comes late: it was in the catalog before
        fake.events.publish(Event("image", image_json(image, fake.services.settings), 10))
        publish(fake)
        assert (await listener.next("image"))["id"] == "11"


async def test_of_much_that_was_missed_only_the_latest_comes(serve: Serve) -> None:
    async with listen(await serve(make_services(500)), Last_Event_ID="0") as listener:
        assert (await listener.next("image"))["id"] == "301"


@pytest.mark.parametrize("last", ["x", "-1", "9" * 30])
async def test_a_wrong_last_event_id_is_refused(serve: Serve, last: str) -> None:
    client = await serve(make_services(3))
    async with client.get("/api/events", headers={"Last-Event-ID": last}) as response:
        assert response.status == 400
        assert "Last-Event-ID" in (await response.json(content_type=None))["detail"]


@pytest.mark.usefixtures("hurried")
async def test_a_listener_that_is_gone_is_forgotten(serve: Serve) -> None:
    fake = make_services(3)
    client = await serve(fake)
    async with listen(client) as listener:
        await listener.next("stats")
        assert fake.events.subscribers == 1
        listener.response.close()
    await until(lambda: fake.events.subscribers == 0)


@pytest.mark.usefixtures("hurried")
async def test_a_listener_that_does_not_read_is_dropped(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "WRITE_SECONDS", 0.2)
    fake = make_services(3)
    async with listen(await serve(fake)) as listener:
        await listener.next("stats")
        big = Event("image", {"title": "x" * 1_000_000}, 9)
        for _ in range(100):
            fake.events.publish(big)
        await until(lambda: fake.events.subscribers == 0)


async def test_a_listener_that_is_too_slow_is_told_what_it_missed(serve: Serve) -> None:
    fake = make_services()
    async with listen(await serve(fake)) as listener:
        await listener.next("stats")
        for _ in range(300):
            publish(fake)
        assert (await listener.next("missed"))["data"] == {"count": 44}
        assert (await listener.next("image"))["id"] == "45"


async def test_there_are_so_many_listeners_and_no_more(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STREAMS_MOST", 2)
    client = await serve(make_services(3))
    async with listen(client), listen(client), client.get("/api/events") as response:
        assert response.status == 503
        assert response.content_type == "application/problem+json"
        assert response.headers["Retry-After"] == "10"


async def test_the_end_of_the_server_is_the_end_of_the_stream(aiohttp_server: Any, aiohttp_client: Any) -> None:
    fake = make_services(3)
    server = await aiohttp_server(create_app(fake.services))
    async with listen(await aiohttp_client(server)) as listener:
        await listener.next("stats")
        async with asyncio.timeout(2):
            await server.close()
        with pytest.raises(EOFError):
            await listener.next("image")


async def test_the_end_of_the_bus_is_the_end_of_the_stream(serve: Serve) -> None:
    fake = make_services(3)
    async with listen(await serve(fake)) as listener:
        await listener.next("stats")
        fake.events.close()
        with pytest.raises(EOFError):
            await listener.next("image")


async def test_head_does_not_listen(serve: Serve) -> None:
    client = await serve(make_services(3))
    async with client.head("/api/events") as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
