"""One HTTP request: its body read in pieces up to a cap, and aiohttp's errors translated, here and nowhere else."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from artalike.config import Crawl, Settings
from artalike.crawl import directives, text
from artalike.crawl.backoff import parse_retry_after
from artalike.crawl.guard import AddressGuard
from artalike.errors import FailureKind, FetchError
from artalike.records import NEVER_ASKED, Validators

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MEDIA_TYPE: Final = re.compile(r"\s*([\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127})", re.ASCII)
_CHARSET: Final = re.compile(r";\s*charset\s*=\s*[\"']?([\w.:+-]{1,40})", re.ASCII | re.IGNORECASE)
# Only what the standard library can unpack in bounded pieces.
_ENCODINGS: Final = "gzip, deflate"
_PIECE: Final = 1 << 16
# What is stored and sent back must be a header in every respect; longer ones are a server's mistake or malice.
_ENTITY_TAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,490}"')
_DATE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9,:+ -]{0,98}")


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one request.

    ``data`` is unpacked, and empty for redirects and errors. ``content_type`` is lower-case without parameters,
    "" when none was given. ``directives`` are those of ``X-Robots-Tag`` that are for us. ``retry_after`` is in seconds.
    ``validators`` are short and printable. ``latency`` is seconds until the answer began.
    """

    url: str
    status: int
    data: bytes
    content_type: str
    charset: str | None
    location: str | None
    retry_after: float | None
    directives: frozenset[str]
    validators: Validators = NEVER_ASKED
    latency: float = 0.0


@dataclass(frozen=True, slots=True)
class Cap:
    """How many bytes of a body are read; with ``cut`` the rest is left, without it more is TOO_LARGE."""

    bytes: int
    cut: bool = False


class Transport:
    """The connections to all hosts. ``resolver`` remembers, raises FetchError, and is the caller's to close."""

    def __init__(self, settings: Settings, guard: AddressGuard, resolver: AbstractResolver) -> None:
        crawl, download = settings.crawl, settings.download
        self.requests = 0
        self.bytes = 0
        self.in_flight = 0
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=guard.resolver(resolver),
                use_dns_cache=False,  # the resolver remembers, and checks each time
                limit=0,  # the slots of the hosts and the number of workers are the limits
            ),
            timeout=aiohttp.ClientTimeout(
                total=download.total_seconds, connect=download.connect_seconds, sock_read=download.read_seconds
            ),
            headers={
                "User-Agent": user_agent(crawl),
                "Accept-Encoding": _ENCODINGS,
            },
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            read_bufsize=_PIECE,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self, url: str, cap: Cap, headers: Mapping[str, str] = MappingProxyType({})) -> Reply:
        """Ask for a canonical address once; a redirect is an answer like others.

        Raises FetchError: CONNECTION, TLS, TIMEOUT, TOO_LARGE, or what the guard and the resolver refuse.
        """
        self.requests += 1
        self.in_flight += 1
        started = time.monotonic()
        try:
            with _translated(url):
                # The address is canonical; encoded again it would not be the one that was checked.
                request = self._session.get(URL(url, encoded=True), headers=headers, allow_redirects=False)
                async with request as response:
                    return await self._reply(url, response, cap, latency=time.monotonic() - started)
        finally:
            self.in_flight -= 1

    async def _reply(self, url: str, response: aiohttp.ClientResponse, cap: Cap, *, latency: float) -> Reply:
        data = b""
        if 200 <= response.status < 300:
            data = await self._body(url, response, cap)
        content_type, charset = _content_type(response.headers)
        return Reply(
            url=url,
            status=response.status,
            data=data,
            content_type=content_type,
            charset=charset,
            location=response.headers.get("Location") if response.status in REDIRECTS else None,
            retry_after=parse_retry_after(response.headers.get("Retry-After")),
            directives=directives.from_headers(response.headers.getall("X-Robots-Tag", [])),
            validators=_validators(response.headers),
            latency=latency,
        )

    async def _body(self, url: str, response: aiohttp.ClientResponse, cap: Cap) -> bytes:
        if not cap.cut and (response.content_length or 0) > cap.bytes:
            raise _too_large(url, cap)
        pieces = bytearray()
        # What arrives here is unpacked already, a piece at a time: a bomb is defused after one piece too many.
        async for piece in response.content.iter_any():
            self.bytes += len(piece)
            pieces += piece
            if len(pieces) > cap.bytes:
                if not cap.cut:
                    raise _too_large(url, cap)
                break
        return bytes(pieces[: cap.bytes])


def user_agent(crawl: Crawl) -> str:
    """Who we say we are."""
    contact = text.plain(crawl.contact) or ""  # a line break would end the header
    return f"{crawl.user_agent} (+{contact})" if contact else crawl.user_agent


def condition(validators: Validators) -> dict[str, str]:
    """The headers that ask for an answer only when it is another (RFC 9110 §13.1)."""
    asked = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    return {name: value for name, value in asked.items() if value}


def _validators(headers: Mapping[str, str]) -> Validators:
    etag, modified = headers.get("ETag", "").strip(), headers.get("Last-Modified", "").strip()
    return Validators(
        etag if _ENTITY_TAG.fullmatch(etag) else None,
        modified if _DATE.fullmatch(modified) else None,
    )


def _content_type(headers: Mapping[str, str]) -> tuple[str, str | None]:
    """The type, lower-case and without parameters, and the charset of a ``Content-Type`` (RFC 9110 §8.3)."""
    # Not the standard library's reader: it calls itself for each parenthesis, until the stack is at its end, and takes
    # time with the square of the length, half a second for the 8 KB that a header may have.
    match = _MEDIA_TYPE.match(headers.get("Content-Type", ""))
    if match is None:
        return "", None
    charset = _CHARSET.search(match.string, match.end())
    return match[1].lower(), charset[1] if charset else None


def _too_large(url: str, cap: Cap) -> FetchError:
    return FetchError(FailureKind.TOO_LARGE, f"{url}: more than {cap.bytes} bytes")


@contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except aiohttp.ClientConnectorCertificateError as error:
        reason = error.certificate_error
        raise _failure(FailureKind.TLS, url, reason, retryable=False) from error
    except (aiohttp.ClientSSLError, ssl.SSLError) as error:
        raise _failure(FailureKind.TLS, url, error) from error
    except TimeoutError as error:
        raise _failure(FailureKind.TIMEOUT, url, error) from error
    except aiohttp.InvalidURL as error:
        raise _failure(FailureKind.BAD_URL, url, error, retryable=False) from error
    except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
        raise _failure(FailureKind.CONNECTION, url, error) from error


def _failure(kind: FailureKind, url: str, error: BaseException, *, retryable: bool = True) -> FetchError:
    return FetchError(kind, f"{url}: {text.reason(error)}", retryable=retryable)
