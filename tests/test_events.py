from __future__ import annotations

import asyncio

import pytest

from artalike.events import Event, EventBus


async def test_every_subscriber_hears_everything_from_then_on() -> None:
    bus = EventBus()
    bus.publish(Event("before"))
    async with bus.subscribe() as one, bus.subscribe() as other:
        bus.publish(Event("image", {"id": 1}, 1))
        assert await anext(one) == await anext(other) == Event("image", {"id": 1}, 1)


async def test_a_waiting_subscriber_wakes() -> None:
    bus = EventBus()
    async with bus.subscribe() as events:
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        bus.publish(Event("image"))
        assert (await waiting).name == "image"


async def test_a_slow_subscriber_loses_the_oldest_and_is_told_how_many() -> None:
    bus = EventBus()
    async with bus.subscribe(buffer=3) as slow, bus.subscribe(buffer=10) as quick:
        for number in range(5):
            bus.publish(Event("image", id=number))
        bus.close()
        assert [(event.name, event.id) async for event in quick] == [("image", number) for number in range(5)]
        told, *rest = [event async for event in slow]
        assert told == Event("missed", {"count": 2})
        assert [event.id for event in rest] == [2, 3, 4]


async def test_giving_up_waiting_loses_nothing() -> None:
    bus = EventBus()
    async with bus.subscribe() as events:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await anext(events)
        bus.publish(Event("image"))
        assert (await anext(events)).name == "image"


async def test_closing_the_bus_ends_every_subscription_now_and_later() -> None:
    bus = EventBus()
    async with bus.subscribe() as events:
        waiting = asyncio.ensure_future(anext(events, None))
        await asyncio.sleep(0)
        bus.close()
        assert await waiting is None
    async with bus.subscribe() as late:
        assert [event async for event in late] == []


async def test_who_leaves_is_forgotten() -> None:
    bus = EventBus()
    async with bus.subscribe():
        assert bus.subscribers == 1
    assert bus.subscribers == 0


def test_an_event_is_written_as_one_line() -> None:
    assert Event("image", {"title": "Zwei\nZeilen – 山"}).json == '{"title":"Zwei\\nZeilen – 山"}'
