"""Who may use the admin API: the bearer of the token, or of a cookie that the token was exchanged for.

The cookie is ``expiry.HMAC-SHA-256(expiry)`` under a key derived from the token: nothing is stored, and another
token ends all sessions. A change asked for by cookie must also come from a page of this server, as OWASP's
"Cross-Site Request Forgery Prevention" has it: by ``Sec-Fetch-Site``, or by ``Origin`` where that is missing.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from artalike.errors import Unauthorized
from artalike.web.clients import Clients

COOKIE: Final = "artalike_session"
SESSION_SECONDS: Final = 12 * 3600
FAILURES_MOST: Final = 60  # wrong tokens from one address in a minute
_WINDOW: Final = 60.0
_ADDRESSES_MOST: Final = 1024
_SAFE: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


class Auth:
    """Checks tokens and cookies. ``token`` is not empty; ``clients`` tells whose wrong ones are counted together."""

    def __init__(self, token: str, clients: Clients | None = None, *, now: Callable[[], float] = time.time) -> None:
        if not token:
            raise ValueError("token = '': expected one that is not empty")
        self._token = _digest(token)
        self._key = hmac.digest(token.encode(), b"artalike admin session", "sha256")
        self._now = now
        self._clients = clients or Clients()
        self._failures = Failures(now)

    def is_signed_in(self, request: web.BaseRequest) -> bool:
        """Whether a page may show what the admin sees. Raises nothing."""
        return self._cookie_holds(request.cookies.get(COOKIE, ""))

    def check(self, request: web.BaseRequest) -> None:
        """Let an admin call through, or raise Unauthorized, HTTPForbidden or HTTPTooManyRequests."""
        scheme, _, credentials = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() == "bearer":
            self.check_token(request, credentials.strip())
        elif not self.is_signed_in(request):
            raise Unauthorized("the admin API needs the header Authorization: Bearer TOKEN")
        elif request.method not in _SAFE and not _same_origin(request):
            raise web.HTTPForbidden(text="expected this change to come from a page of this server")

    def check_token(self, request: web.BaseRequest, token: str) -> None:
        """Compare in constant time. Raises Unauthorized, or HTTPTooManyRequests after too many wrong ones."""
        address = self._clients.key(request)
        wait = self._failures.wait(address)
        if wait > 0:
            raise web.HTTPTooManyRequests(
                text="too many wrong tokens from this address", headers={hdrs.RETRY_AFTER: str(int(wait) + 1)}
            )
        if not hmac.compare_digest(_digest(token), self._token):
            self._failures.add(address)
            raise Unauthorized("the admin token is wrong")

    def set_cookie(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        expiry = str(int(self._now()) + SESSION_SECONDS)
        response.set_cookie(
            COOKIE,
            f"{expiry}.{self._sign(expiry)}",
            max_age=SESSION_SECONDS,
            path="/",
            httponly=True,
            samesite="Strict",
            secure=request.secure,
        )

    def _cookie_holds(self, cookie: str) -> bool:
        expiry, _, signature = cookie.partition(".")
        signed = hmac.compare_digest(signature.encode(errors="replace"), self._sign(expiry).encode())
        return signed and int(expiry) > self._now()

    def _sign(self, expiry: str) -> str:
        return hmac.new(self._key, expiry.encode(errors="replace"), hashlib.sha256).hexdigest()


AUTH: Final = web.AppKey("AUTH", Auth)


def signed_in(handler: Handler) -> Handler:
    """The handler, for the admin alone."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        request.app[AUTH].check(request)
        return await handler(request)

    return guarded


class Failures:
    """Wrong tokens of the last minute by address. Forgets the oldest addresses beyond a bound."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def add(self, address: str) -> None:
        self._times.setdefault(address, deque(maxlen=FAILURES_MOST)).append(self._now())
        self._times.move_to_end(address)
        if len(self._times) > _ADDRESSES_MOST:
            self._times.popitem(last=False)

    def wait(self, address: str) -> float:
        """Seconds until this address may try again, 0 for at once."""
        times = self._times.get(address)
        if times is None or len(times) < FAILURES_MOST:
            return 0.0
        return max(0.0, times[0] + _WINDOW - self._now())


def _same_origin(request: web.BaseRequest) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    # Either scheme: a proxy in front may speak https for this server.
    return request.headers.get(hdrs.ORIGIN) in {f"http://{request.host}", f"https://{request.host}"}


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()
