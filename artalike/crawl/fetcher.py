"""Gets pictures and documents, and keeps every rule on the way: guard, robots.txt, slots, opt-outs, caps.

Redirects are followed by hand, because each hop may lead to another host, with other rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from mimetypes import guess_type
from typing import Final, Self

from aiohttp.abc import AbstractResolver
from anyio import to_thread

from artalike.config import Settings
from artalike.crawl import files, hosts, robots, urls
from artalike.crawl.directives import KEEPS_PICTURES_OUT
from artalike.crawl.dns import CachedResolver, SystemResolver
from artalike.crawl.guard import AddressGuard
from artalike.crawl.hosts import HostRule, HostRules
from artalike.crawl.slots import Slots
from artalike.crawl.sources.base import NO_HEADERS, Document
from artalike.crawl.transport import Cap, Reply, Transport, condition, user_agent
from artalike.errors import FailureKind, FetchError, NotModified
from artalike.records import NEVER_ASKED, Download, Task, Validators

IMAGE_ACCEPT: Final = "image/avif,image/webp,image/jpeg,image/png,image/*;q=0.8,*/*;q=0.1"
Refuses = Callable[[str], str | None]
"""Why nothing may be fetched from an address, None when it may."""

QUERY_SECONDS: Final = 20.0
"""How long a visitor waits for a picture; also what a site that trickles can keep a visitor's place for."""
_NOT_MODIFIED: Final = 304
_OVERLOADED: Final = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class FetchStatistics:
    """Since the start: ``requests`` sent and ``bytes`` received; ``in_flight`` now."""

    requests: int
    bytes: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class _Ask:
    """How one address is asked for. ``headers`` and ``validators`` stay with its origin; ``accept`` goes along."""

    cap: Cap
    accept: str = "*/*"
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS)
    validators: Validators = NEVER_ASKED
    obey_robots: bool = True
    max_redirects: int = 5


class Fetcher:
    """The crawler's hands; satisfies :class:`~artalike.crawl.sources.base.Reach`. Made by :meth:`open`."""

    def __init__(
        self, settings: Settings, guard: AddressGuard, transport: Transport, known: HostRules, refuses: Refuses
    ) -> None:
        crawl = settings.crawl
        self._settings = settings
        self._guard = guard
        self._transport = transport
        self._robots = robots.Robots(self._robots_txt, hours=crawl.robots_hours)
        self._known = known
        self._refuses = refuses
        self.slots: Final = Slots(concurrency=crawl.host_concurrency, rate=crawl.host_rate, known=known)
        # A visitor does not wait behind the crawl; the places still keep visitors from flooding a host.
        self._query_slots = Slots(concurrency=crawl.host_concurrency, rate=0)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        *,
        resolver: AbstractResolver | None = None,
        refuses: Refuses = lambda url: None,
    ) -> AsyncIterator[Self]:
        """A fetcher with its connections; ``resolver`` looks up names instead of the system's.

        ``refuses`` is asked about every address, those behind redirects too.

        Raises SettingError when ``crawl.host_rules`` names no file of rules.
        """
        known = await to_thread.run_sync(hosts.load, settings.crawl.host_rules)
        guard = AddressGuard(allow_private=settings.crawl.allow_private)
        # A look-up that hangs must be known as one, before connecting is given up.
        names = CachedResolver(resolver or SystemResolver(), seconds=settings.download.connect_seconds / 2)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(names.close)
            transport = await stack.enter_async_context(Transport(settings, guard, names))
            yield cls(settings, guard, transport, known, refuses)

    @property
    def settings(self) -> Settings:
        return self._settings

    def statistics(self) -> FetchStatistics:
        """What has been sent and received."""
        return FetchStatistics(self._transport.requests, self._transport.bytes, self._transport.in_flight)

    async def image(self, task: Task) -> Download:
        """The bytes of a task's picture, from the web or from this machine. They are not looked at here.

        Raises FetchError of any kind: OPTED_OUT for a picture whose owner does not want it used. Raises NotModified
        for a picture that is had already and still the same, where ``task.recheck`` and ``task.validators`` are set.
        """
        limit = self._settings.download.max_bytes
        if urls.is_local(task.url):
            download = Download(task, await files.read(self._permitted(task.url), limit), task.url)
        else:
            ask = self._ask(limit, IMAGE_ACCEPT, validators=task.validators if task.recheck else NEVER_ASKED)
            reply = await self._succeed(task.url, ask, self.slots)
            if refusals := reply.directives & KEEPS_PICTURES_OUT:
                names = ", ".join(sorted(refusals))
                raise FetchError(FailureKind.OPTED_OUT, f"{reply.url}: its owner says {names} in X-Robots-Tag")
            _check_modified(reply)
            download = Download(task, reply.data, reply.url, reply.validators)
        if not download.data:
            raise FetchError(FailureKind.EMPTY, f"{task.url[:500]}: no bytes")
        return download

    async def document(
        self,
        url: str,
        *,
        accept: str = "*/*",
        headers: Mapping[str, str] = NO_HEADERS,
        max_bytes: int | None = None,
        validators: Validators = NEVER_ASKED,
    ) -> Document:
        """See :meth:`~artalike.crawl.sources.base.Reach.document`."""
        limit = self._settings.download.max_document_bytes if max_bytes is None else max_bytes
        if urls.is_local(url):
            return Document(url, await files.read(self._permitted(url), limit), guess_type(url)[0] or "")
        reply = await self._succeed(url, self._ask(limit, accept, headers, validators), self.slots)
        _check_modified(reply)
        return Document(
            reply.url, reply.data, reply.content_type, reply.charset, reply.directives, validators=reply.validators
        )

    async def sitemaps(self, url: str) -> Sequence[str]:
        """See :meth:`~artalike.crawl.sources.base.Reach.sitemaps`."""
        rules = await self._robots.rules(self._guard.check(url))
        return rules.sitemaps

    async def query(self, url: str) -> bytes:
        """The bytes at a visitor's address: a single look on a person's behalf, so robots.txt is not asked.

        Never a local file. At most ``gallery.max_upload_bytes``, and at most :data:`QUERY_SECONDS` with all redirects.
        Raises FetchError.
        """
        cap = Cap(self._settings.gallery.max_upload_bytes)
        ask = _Ask(cap, IMAGE_ACCEPT, obey_robots=False, max_redirects=self._settings.download.max_redirects)
        try:
            async with asyncio.timeout(min(QUERY_SECONDS, self._settings.download.total_seconds)):
                return (await self._succeed(url, ask, self._query_slots)).data
        except TimeoutError as error:
            raise FetchError(FailureKind.TIMEOUT, f"{url[:200]}: takes too long", retryable=True) from error

    def _ask(
        self,
        limit: int,
        accept: str,
        headers: Mapping[str, str] = NO_HEADERS,
        validators: Validators = NEVER_ASKED,
    ) -> _Ask:
        return _Ask(Cap(limit), accept, headers, validators, max_redirects=self._settings.download.max_redirects)

    async def _robots_txt(self, url: str) -> Reply:
        ask = _Ask(Cap(robots.MAX_BYTES, cut=True), obey_robots=False, max_redirects=robots.MAX_REDIRECTS)
        return await self._follow(url, ask, self.slots)

    async def _succeed(self, url: str, ask: _Ask, slots: Slots) -> Reply:
        reply = await self._follow(url, ask, slots)
        if not (200 <= reply.status < 300 or (reply.status == _NOT_MODIFIED and self._conditional(url, ask, reply))):
            raise self._refusal(reply)
        return reply

    def _conditional(self, url: str, ask: _Ask, reply: Reply) -> bool:
        return bool(ask.validators) and urls.origin_of(self._checked(url)) == urls.origin_of(reply.url)

    async def _follow(self, url: str, ask: _Ask, slots: Slots) -> Reply:
        first, seen = "", set[str]()
        for _ in range(ask.max_redirects + 1):
            url = self._checked(url)
            first = first or url
            if url in seen:
                break
            seen.add(url)
            # What a caller adds for one origin (a key, say) is for no other.
            at_home = urls.origin_of(url) == urls.origin_of(first)
            own = {**ask.headers, **condition(ask.validators)} if at_home else NO_HEADERS
            reply = await self._hop(url, ask, {**own, "Accept": ask.accept}, slots)
            if reply.location is None:
                # Another origin's validators would be sent to this one the next time, where they mean nothing.
                return reply if at_home else replace(reply, validators=NEVER_ASKED)
            url = _target(reply.url, reply.location)
        raise FetchError(
            FailureKind.REDIRECT_LOOP, f"{first}: redirects in a circle, or more than {ask.max_redirects} times"
        )

    async def _hop(self, url: str, ask: _Ask, headers: Mapping[str, str], slots: Slots) -> Reply:
        host = urls.host_of(url)
        rule = self._known.of(host)
        delay = None
        if ask.obey_robots:
            offered = rule is not None and rule.offers(url)
            delay = (await (self._robots.rules(url) if offered else self._robots.check(url))).crawl_delay
        if rule is not None:
            slots = self.slots if rule.limits else slots  # its owner means visitors and crawl together
            headers = {**self._headers_of(rule), **headers}
        wait = slots.wait(host)
        if wait > self._settings.download.total_seconds:
            # A worker has better things to do; the frontier can wait.
            raise FetchError(
                FailureKind.RATE_LIMITED, f"{url}: its host asked for a rest", retryable=True, retry_after=wait
            )
        async with slots.hold(host, delay=delay) as turn:
            try:
                reply = await self._transport.get(url, ask.cap, headers)
            except FetchError as error:
                if error.kind is FailureKind.TIMEOUT:
                    turn.overloaded()
                raise
            if reply.status in _OVERLOADED:
                turn.overloaded()
                # A 503 without a wish may be of this one address; a 429 is always of the host.
                default = self._settings.crawl.backoff_seconds if reply.status == 429 else 0.0
                slots.back_off(host, default if reply.retry_after is None else reply.retry_after)
            else:
                turn.answered(reply.latency)
        return reply

    def _headers_of(self, rule: HostRule) -> dict[str, str]:
        name = user_agent(self._settings.crawl)
        return {key: value.replace(hosts.USER_AGENT, name) for key, value in rule.headers.items()}

    def _checked(self, url: str) -> str:
        reason = urls.invalid_reason(url)
        if reason is not None:
            raise FetchError(FailureKind.BAD_URL, reason)
        return self._permitted(self._guard.check(url))

    def _permitted(self, url: str) -> str:
        reason = self._refuses(url)
        if reason is not None:
            raise FetchError(FailureKind.BLOCKED, reason)
        return url

    @staticmethod
    def _refusal(reply: Reply) -> FetchError:
        kind, retryable = _meaning(reply.status)
        return FetchError(
            kind, f"{reply.url}: answered {reply.status}", retryable=retryable, retry_after=reply.retry_after
        )


def _check_modified(reply: Reply) -> None:
    if reply.status == _NOT_MODIFIED:
        raise NotModified(f"{reply.url}: as it was the last time")


def _target(base: str, location: str) -> str:
    target = urls.join(base, location)
    if target is None:
        raise FetchError(FailureKind.BAD_URL, f"{base}: redirects to {location[:200]!r}, which is no web address")
    return target


def _meaning(status: int) -> tuple[FailureKind, bool]:
    """What a status that is no success counts as, and whether another try may help."""
    if status in {404, 410}:
        return FailureKind.NOT_FOUND, False
    if status == 429:
        return FailureKind.RATE_LIMITED, True
    if status == 408:
        return FailureKind.TIMEOUT, True
    if status >= 500:
        return FailureKind.SERVER_ERROR, True
    return FailureKind.REFUSED, False
