"""robots.txt as RFC 9309 wants it obeyed: what may be fetched, how fast, and where the sitemaps are.

What cannot be found (4xx) allows all; what cannot be reached or read (429, 5xx, no connection) allows nothing for now.
A copy that has grown old goes on counting while its site is out of reach (RFC 9309 §2.4). ``Crawl-delay`` and
``Request-rate`` are older than the RFC and obeyed all the same.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from anyio import CapacityLimiter, to_thread
from protego import Protego

from artalike.crawl import urls
from artalike.crawl.directives import AGENT
from artalike.crawl.transport import Reply
from artalike.errors import FailureKind, FetchError

MAX_BYTES: Final = 500 * 1024
"""RFC 9309 §2.5: at least so much is read; what comes behind it is not."""
MAX_REDIRECTS: Final = 5
LONGEST_CRAWL_DELAY: Final = 600.0
"""Seconds; more would mean never."""
MAX_SITEMAPS: Final = 1000
CACHED_ORIGINS: Final = 10_000
CACHED_CHARACTERS: Final = 10_000_000
"""Characters of all that are kept: parsed, they are some thirty times as many bytes."""
UNREACHABLE_SECONDS: Final = 60.0
"""How long nobody asks again after a failure."""
HEAVY: Final = 5_000_000
"""Characters of rules times characters of an address from which on looking it up may take more than milliseconds."""

# Read as generously as the parser does; whoever writes our name inside a longer one (a version, a browser's) means us.
_AGENT_LINE: Final = re.compile(r"\s*user(?:-|\s*)agent[\s:]+(?P<name>[^\s#].*)", re.IGNORECASE)
_OUR_NAME: Final = re.compile(rf"(?<![a-z0-9_-]){AGENT}(?![a-z_-])", re.IGNORECASE)
_SOMEBODY: Final = "somebody-else"
# The causes that a site's pictures share with its robots.txt; anything else is of that file alone.
_OF_THE_HOST: Final = frozenset(
    {FailureKind.DNS, FailureKind.DNS_TEMPORARY, FailureKind.CONNECTION, FailureKind.TLS, FailureKind.TIMEOUT}
    | {FailureKind.PRIVATE_ADDRESS, FailureKind.RATE_LIMITED}
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What one site's robots.txt says to us. ``crawl_delay`` is in seconds, 0 for none; ``size`` is in characters."""

    parsed: Protego | None = None
    crawl_delay: float = 0.0
    sitemaps: tuple[str, ...] = ()
    size: int = 0

    def allows(self, url: str) -> bool:
        """Whether we may fetch ``url``, which must be of this site."""
        return self.parsed is None or bool(self.parsed.can_fetch(url, AGENT))


def _not_asked() -> FetchError:
    return FetchError(FailureKind.ROBOTS_UNREACHABLE, "robots.txt has not been asked for yet", retryable=True)


@dataclass(slots=True)
class _Entry:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    answer: Rules | FetchError = field(default_factory=_not_asked)
    fresh_until: float = -math.inf

    @property
    def size(self) -> int:
        return self.answer.size if isinstance(self.answer, Rules) else 0


class Robots:
    """The rules of all sites, fetched once and kept for ``hours``.

    ``fetch`` gets one robots.txt: through the guard, redirects followed, whatever the status; it raises FetchError.
    """

    def __init__(
        self,
        fetch: Callable[[str], Awaitable[Reply]],
        *,
        hours: float,
        capacity: int = CACHED_ORIGINS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._seconds = hours * 3600.0
        self._capacity = capacity
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._characters = 0
        self._one_heavy = CapacityLimiter(1)

    async def rules(self, url: str) -> Rules:
        """The rules of the site of ``url``. Callers at the same time share one request.

        Raises FetchError while the site's robots.txt cannot be had: ROBOTS_UNREACHABLE, which may pass, or what keeps
        anybody from reaching the host.
        """
        origin = urls.origin_of(url)
        entry = self._entry(origin)
        async with entry.lock:
            if self._clock() >= entry.fresh_until:
                before = entry.size
                await self._refresh(entry, f"{origin}/robots.txt")
                if self._entries.get(origin) is entry:
                    self._characters += entry.size - before
        if isinstance(entry.answer, FetchError):
            raise self._again(entry.answer, entry.fresh_until - self._clock())
        return entry.answer

    async def check(self, url: str) -> Rules:
        """The rules of the site of ``url``, which allow it.

        Raises FetchError: ROBOTS when they forbid it, or as :meth:`rules`.
        """
        rules = await self.rules(url)
        # Half a megabyte of wildcards against a long address takes seconds: that may hold up its own site, no other.
        heavy = rules.size * len(url) > HEAVY
        allowed = await to_thread.run_sync(rules.allows, url, limiter=self._one_heavy) if heavy else rules.allows(url)
        if not allowed:
            raise FetchError(FailureKind.ROBOTS, f"{url}: forbidden by the site's robots.txt")
        return rules

    @staticmethod
    def _again(failure: FetchError, seconds: float) -> FetchError:
        # Asking again before the next look at robots.txt would only use up tries.
        wait = max(seconds, 0.0) if failure.retryable else None
        return FetchError(failure.kind, str(failure), retryable=failure.retryable, retry_after=wait)

    async def _refresh(self, entry: _Entry, url: str) -> None:
        try:
            entry.answer = await self._read(url)
            entry.fresh_until = self._clock() + self._seconds
        except FetchError as error:
            if isinstance(entry.answer, FetchError):
                # Not the error itself: kept, it would keep its traceback, and with that all that was received.
                entry.answer = self._again(error, 0.0)
            entry.fresh_until = self._clock() + max(UNREACHABLE_SECONDS, error.retry_after or 0.0)

    async def _read(self, url: str) -> Rules:
        try:
            reply = await self._fetch(url)
        except FetchError as error:
            if error.kind is FailureKind.REDIRECT_LOOP:
                return Rules()  # RFC 9309 §2.3.1.2: after five redirects it may be taken to be missing
            if error.kind in _OF_THE_HOST:
                raise
            raise _unreachable(str(error)) from error
        if reply.status == 429 or reply.status >= 500:
            raise _unreachable(f"{url}: answered {reply.status}", reply.retry_after)
        if not 200 <= reply.status < 300:
            return Rules()
        return await to_thread.run_sync(_parse, reply.data, reply.url)

    def _entry(self, origin: str) -> _Entry:
        entry = self._entries.setdefault(origin, _Entry())
        self._entries.move_to_end(origin)
        while len(self._entries) > self._capacity or (self._characters > CACHED_CHARACTERS and len(self._entries) > 1):
            _, oldest = self._entries.popitem(last=False)
            self._characters -= oldest.size
        return entry


def _unreachable(reason: str, retry_after: float | None = None) -> FetchError:
    return FetchError(
        FailureKind.ROBOTS_UNREACHABLE,
        f"{reason}; nothing of the site may be fetched until its robots.txt can be read",
        retryable=True,
        retry_after=retry_after,
    )


def _parse(data: bytes, url: str) -> Rules:
    text = "\n".join(map(_for_us, data.decode("utf-8-sig", "replace").splitlines()))
    parsed = Protego.parse(text)
    sitemaps = (urls.join(url, sitemap) for sitemap in list(parsed.sitemaps)[:MAX_SITEMAPS])
    return Rules(
        parsed=parsed,
        crawl_delay=_delay(parsed),
        sitemaps=tuple(dict.fromkeys(sitemap for sitemap in sitemaps if sitemap is not None)),
        size=len(text),
    )


def _delay(parsed: Protego) -> float:
    delay = float(parsed.crawl_delay(AGENT) or 0.0)
    rate = parsed.request_rate(AGENT)
    if rate is not None and rate.requests > 0:
        delay = max(delay, min(rate.seconds, 1_000_000) / rate.requests)
    return min(max(delay, 0.0), LONGEST_CRAWL_DELAY) if math.isfinite(delay) else 0.0


def _for_us(line: str) -> str:
    """A line of robots.txt; where it names a crawler, it names us, everyone, or somebody else, and no more.

    Protego takes beginnings of our name for ours (``art``), and our name with a version for another's. It also copies
    each rule for each name above it, so that half a megabyte of both would cost gigabytes.
    """
    match = _AGENT_LINE.match(line)
    if match is None:
        return line
    name = match["name"].partition("#")[0].split()
    if name[0] == "*":
        return "User-agent: *"
    return f"User-agent: {AGENT if _OUR_NAME.search(' '.join(name)) else _SOMEBODY}"
