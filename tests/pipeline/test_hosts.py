"""Hosts for people: whose rules they go by, how they are asked now, and what waits for them."""

from __future__ import annotations

from collections.abc import Collection

from artalike.crawl.hosts import HostRule, HostRules
from artalike.crawl.slots import Slots
from artalike.pipeline.hosts import active_hosts
from artalike.web.schemas import Host
from tests.fakes import FakeFrontier


class Waiting(FakeFrontier):
    """Five addresses wait for each of these."""

    def __init__(self, *hosts: str) -> None:
        super().__init__()
        self._hosts = hosts

    async def waiting_hosts(self, limit: int, *, first: Collection[str]) -> list[tuple[str, int]]:
        return [(host, 5) for host in self._hosts][:limit]


async def test_a_host_tells_its_rules_its_pace_and_what_waits() -> None:
    silent = HostRule(headers={"X-Crawler": "artalike"})  # says nothing of the pace
    rule = HostRule(rate=2.0, concurrency=3, source="https://museum.example/terms")
    slots = Slots(
        concurrency=8, rate=1.0, known=HostRules({"museum.example": rule, "other.example": silent}), clock=lambda: 100.0
    )
    async with slots.hold("museum.example", delay=4.0) as turn:
        turn.overloaded()
        slots.back_off("museum.example", 30)
        [museum, other] = await active_hosts(slots, Waiting("other.example"), lambda _: 2, 10)
    assert Host.model_validate(museum).model_dump() == museum
    assert museum["rule"] == {"rate": 2.0, "concurrency": 3, "source": "https://museum.example/terms"}
    assert (museum["used"], museum["limit"], museum["waiting"], museum["requests"]) == (1, 3, 2, 1)
    assert (museum["delay"], museum["pause"], museum["share"], museum["closed"]) == (4.0, 8.0, 0.5, 30.0)
    assert other == Host.model_validate(other).model_dump()
    assert (other["host"], other["waiting"], other["used"], other["rate"]) == ("other.example", 7, 0, 1.0)
    assert other["rule"] is None


async def test_there_are_no_more_than_asked_for_and_the_busiest_come_first() -> None:
    slots = Slots(concurrency=2, rate=0)
    for number in range(20):
        async with slots.hold(f"{number}.example"):
            pass
    async with slots.hold("19.example"):
        found = await active_hosts(slots, Waiting("waiting.example"), lambda _: 0, 4)
    assert [host["host"] for host in found[:2]] == ["19.example", "waiting.example"]
    assert len(found) == 4
