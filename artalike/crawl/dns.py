"""What names resolve to: looked up once at a time, remembered, and a name that does not exist told from one that could
not be looked up.

One look-up serves all ports of a name, and everybody who asks meanwhile. Failures are remembered, too (RFC 9520), so
that a dead host with a thousand addresses costs one look-up a minute.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

from artalike.errors import FailureKind, FetchError

FOUND_SECONDS: Final = 300.0
MISSING_SECONDS: Final = 60.0
"""How long a name that does not exist is not looked for again."""
FAILED_SECONDS: Final = 10.0
"""How long after a resolver failed it is not asked for the same name again."""
LONGEST_SECONDS: Final = 60.0
"""How long a look-up goes on after everybody has given up waiting for it."""
REMEMBERED: Final = 10_000
LOOKUPS_AT_ONCE: Final = 32

# What getaddrinfo says of a name that has no address, whoever asks (RFC 3493 §6.1); all else may be other tomorrow.
_MISSING: Final = frozenset(
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY") if hasattr(socket, name)
)

Addresses = Sequence[ResolveResult]


@dataclass(frozen=True, slots=True)
class _Answer:
    of: Addresses | FetchError
    until: float


class CachedResolver(AbstractResolver):
    """``inner`` with a memory. ``seconds`` is how long anybody waits for it; what it finds later is for the next try.

    It is asked without a port; what it answers with a port of its own keeps it.
    """

    def __init__(
        self,
        inner: AbstractResolver,
        *,
        seconds: float,
        capacity: int = REMEMBERED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inner = inner
        self._seconds = seconds
        self._capacity = capacity
        self._clock = clock
        self._answers: OrderedDict[str, _Answer] = OrderedDict()
        self._asking: dict[str, asyncio.Task[_Answer]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises FetchError: DNS for a name without an address, DNS_TEMPORARY, retryable, when nobody could say."""
        addresses = await self._addresses(host, family)
        return [ResolveResult({**address, "port": address["port"] or port}) for address in addresses]

    async def close(self) -> None:
        """Gives up what is being looked up."""
        for task in list(self._asking.values()):
            task.cancel()
        await self._inner.close()

    async def _addresses(self, host: str, family: socket.AddressFamily) -> Addresses:
        answer = self._answers.get(host)
        if answer is None or self._clock() >= answer.until:
            task = self._asking.get(host)
            if task is None:
                task = self._asking[host] = asyncio.create_task(self._ask(host, family))
                task.add_done_callback(lambda _: self._asking.pop(host))
            # Whoever gives up waiting leaves the look-up to the others. A system whose first name server is down needs
            # some seconds for each name.
            await asyncio.wait([task], timeout=self._seconds)
            if not task.done():
                raise _again(_temporary(host, "the look-up takes too long"), FAILED_SECONDS)
            if task.cancelled():
                raise _temporary(host, "the look-up was given up")
            answer = task.result()
        if isinstance(answer.of, FetchError):
            raise _again(answer.of, answer.until - self._clock())
        return answer.of

    async def _ask(self, host: str, family: socket.AddressFamily) -> _Answer:
        found: Addresses | FetchError
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                found = await self._inner.resolve(host, 0, family)
            found = found or _missing(host, "has no address")
        except TimeoutError:
            found = _temporary(host, "the look-up takes too long")
        except UnicodeError:  # what Python's IDNA encoding says of a name that is too long
            found = _missing(host, "no name that can be looked up")
        except OSError as error:
            fail = _missing if isinstance(error, socket.gaierror) and error.errno in _MISSING else _temporary
            found = fail(host, error.strerror or str(error))
        return self._remember(host, found)

    def _remember(self, host: str, found: Addresses | FetchError) -> _Answer:
        seconds = FOUND_SECONDS
        if isinstance(found, FetchError):
            seconds = FAILED_SECONDS if found.retryable else MISSING_SECONDS
        answer = self._answers[host] = _Answer(found, self._clock() + seconds)
        self._answers.move_to_end(host)
        while len(self._answers) > self._capacity:
            self._answers.popitem(last=False)
        return answer


class SystemResolver(AbstractResolver):
    """The system's look-ups, in threads of their own: names that hang hold up nothing but other names."""

    def __init__(self, *, at_once: int = LOOKUPS_AT_ONCE) -> None:
        self._threads = ThreadPoolExecutor(at_once, "dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises OSError."""
        look_up = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        infos = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        return [
            ResolveResult(
                hostname=host,
                host=_with_scope(address),
                port=int(address[1]),
                family=found,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found, _, proto, _, address in infos
            if found in {socket.AF_INET, socket.AF_INET6}
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _with_scope(address: tuple[Any, ...]) -> str:
    scope = address[3] if len(address) == 4 else 0
    return f"{address[0]}%{scope}" if scope else str(address[0])


def _missing(host: str, reason: str) -> FetchError:
    return FetchError(FailureKind.DNS, f"{host}: {reason}")


def _temporary(host: str, reason: str) -> FetchError:
    return FetchError(FailureKind.DNS_TEMPORARY, f"{host}: {reason}", retryable=True)


def _again(failure: FetchError, seconds: float) -> FetchError:
    # Asking again before the next look-up would only use up tries.
    wait = max(seconds, 0.0) if failure.retryable else None
    return FetchError(failure.kind, str(failure), retryable=failure.retryable, retry_after=wait)
