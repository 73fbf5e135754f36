"""Names: looked up once, remembered, and what cannot be told now is told from what does not exist."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from artalike.crawl import dns
from artalike.crawl.dns import FAILED_SECONDS, FOUND_SECONDS, MISSING_SECONDS, CachedResolver, SystemResolver
from artalike.crawl.fetcher import Fetcher
from artalike.errors import FailureKind, FetchError
from tests.crawl.conftest import settings_for, task_for
from tests.sites import LoopbackResolver, MisbehavingSite


class NameServer(AbstractResolver):
    """Answers as it is told, after a moment, and counts."""

    def __init__(self, error: Exception | None = None, *, seconds: float = 0.0) -> None:
        self.error = error
        self.seconds = seconds
        self.asked: list[str] = []
        self.addresses = ["192.0.2.1", "192.0.2.2"]

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        await asyncio.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None:
        pass


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def cached(
    server: NameServer, clock: Clock | None = None, *, capacity: int = 100, seconds: float = 0.2
) -> CachedResolver:
    return CachedResolver(server, seconds=seconds, capacity=capacity, clock=clock or Clock())


async def refused(resolver: AbstractResolver, host: str = "a.test") -> FetchError:
    with pytest.raises(FetchError) as caught:
        await resolver.resolve(host, 80)
    return caught.value


async def test_a_name_is_looked_up_once_for_all_its_ports_and_kept() -> None:
    server, clock = NameServer(), Clock()
    resolver = cached(server, clock)
    for port in (80, 443, 8080):
        answers = await resolver.resolve("a.test", port)
        assert [(answer["host"], answer["port"]) for answer in answers] == [("192.0.2.1", port), ("192.0.2.2", port)]
    assert server.asked == ["a.test"]
    clock.now = FOUND_SECONDS
    await resolver.resolve("a.test", 80)
    assert len(server.asked) == 2


async def test_two_look_ups_at_once_are_one_and_outlive_who_asked_first() -> None:
    server = NameServer(seconds=0.05)
    resolver = cached(server, seconds=10)
    first, *others = [asyncio.create_task(resolver.resolve("a.test", port)) for port in range(50)]
    await asyncio.sleep(0.01)
    first.cancel()
    assert [len(found) for found in await asyncio.gather(*others)] == [2] * 49
    assert server.asked == ["a.test"]
    assert first.cancelled()


MISSING = (FailureKind.DNS, False, MISSING_SECONDS)
PASSING = (FailureKind.DNS_TEMPORARY, True, FAILED_SECONDS)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), MISSING),
        (socket.gaierror(socket.EAI_NODATA, "No address associated with hostname"), MISSING),
        (UnicodeError("label too long"), MISSING),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), PASSING),
        (socket.gaierror(socket.EAI_FAIL, "Non-recoverable failure in name resolution"), PASSING),
        (socket.gaierror(socket.EAI_SYSTEM, "System error"), PASSING),
        (OSError(None, "SERVFAIL"), PASSING),
        (TimeoutError(), PASSING),
    ],
)
async def test_failures_are_told_apart_and_remembered(
    error: Exception, outcome: tuple[FailureKind, bool, float]
) -> None:
    server, clock = NameServer(error), Clock()
    resolver = cached(server, clock)
    kind, retryable, seconds = outcome
    for _ in range(1000):
        failure = await refused(resolver)
        assert (failure.kind, failure.retryable) == (kind, retryable)
        assert str(failure).startswith("a.test: ")
    assert failure.retry_after == (seconds if retryable else None)
    assert len(server.asked) == 1
    clock.now = seconds
    server.error = None
    assert await resolver.resolve("a.test", 80)


async def test_a_look_up_that_hangs_is_not_waited_for() -> None:
    resolver = cached(NameServer(seconds=600))
    for _ in range(2):
        failure = await refused(resolver)
        assert (failure.kind, failure.retryable, failure.retry_after) == PASSING
    await resolver.close()


async def test_what_a_slow_look_up_finds_is_there_for_the_next_try() -> None:
    server = NameServer(seconds=0.3)
    resolver = cached(server)
    await refused(resolver)
    await asyncio.sleep(0.15)
    assert await resolver.resolve("a.test")
    assert len(server.asked) == 1


async def test_a_look_up_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns, "LONGEST_SECONDS", 0.05)
    resolver = cached(NameServer(seconds=600))
    assert (await refused(resolver)).kind is FailureKind.DNS_TEMPORARY
    assert not resolver._asking


async def test_a_name_without_addresses_is_missing() -> None:
    server = NameServer()
    server.addresses = []
    assert (await refused(cached(server))).kind is FailureKind.DNS


async def test_an_error_of_our_own_is_not_remembered() -> None:
    server = NameServer(ZeroDivisionError())
    resolver = cached(server)
    with pytest.raises(ZeroDivisionError):
        await resolver.resolve("a.test")
    server.error = None
    assert await resolver.resolve("a.test")


async def test_closing_gives_up_what_is_asked() -> None:
    resolver = cached(NameServer(seconds=60))
    asking = asyncio.create_task(refused(resolver))
    await asyncio.sleep(0.01)
    await resolver.close()
    assert (await asking).kind is FailureKind.DNS_TEMPORARY


async def test_the_memory_is_bounded() -> None:
    resolver = cached(NameServer(), capacity=10)
    for number in range(100):
        await resolver.resolve(f"host{number}.test")
    assert len(resolver._answers) == 10
    assert not resolver._asking


async def test_the_system_knows_this_machine() -> None:
    resolver = SystemResolver()
    answers = await resolver.resolve("localhost", 80)
    assert {answer["host"] for answer in answers} <= {"127.0.0.1", "::1"}
    assert {answer["port"] for answer in answers} == {80}
    await resolver.close()


async def test_a_dead_host_with_many_addresses_costs_one_look_up(site: MisbehavingSite) -> None:
    resolver = LoopbackResolver(site.port, {"dead.test": None})
    async with Fetcher.open(settings_for(), resolver=resolver) as fetcher:
        urls = [
            f"{scheme}://dead.test{port}/{n}.jpg"
            for n in range(10)
            for scheme in ("http", "https")
            for port in ("", ":81")
        ]
        outcomes = await asyncio.gather(*(fetcher.image(task_for(url)) for url in urls), return_exceptions=True)
    assert all(isinstance(outcome, FetchError) and outcome.kind is FailureKind.DNS for outcome in outcomes)
    assert resolver.asked == ["dead.test"]
