"""Headers that every response carries: what a browser may do with it, and who may read it."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from artalike.web.services import SERVICES

# Pictures come from anywhere, where they may; everything else only from here. A visitor's own picture is shown from
# where it is, as `data:`, and nobody is asked for it.
_HERE: Final = "img-src 'self' data:"
_ANYWHERE: Final = f"{_HERE} https: http:"
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        _ANYWHERE,
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

SECURITY: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Pictures' homes are asked without cookies: https://html.spec.whatwg.org/multipage/browsers.html#coep-credentialless
    "Cross-Origin-Embedder-Policy": "credentialless",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

# A front end may live on another host. It reads without credentials; the admin API is not among these.
_OPEN: Final = ("/api/random", "/api/search", "/api/images", "/api/map", "/thumbs/")


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    services = request.app[SERVICES]
    if services.settings.gallery.full_images == "off":
        # Thumbnails may lie at another server, to which browsers are sent: https://www.w3.org/TR/CSP3/#redirect
        there = " ".join(filter(None, (_HERE, services.thumbnails.origin)))
        response.headers.setdefault("Content-Security-Policy", POLICY.replace(_ANYWHERE, there))
    for name, value in SECURITY.items():
        response.headers.setdefault(name, value)
    if request.method in {hdrs.METH_GET, hdrs.METH_HEAD} and request.path.startswith(_OPEN):
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"
