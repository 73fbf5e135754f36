"""What makes the gallery an app that can be installed: https://www.w3.org/TR/appmanifest/

Browsers ask for no service worker to install it, and there is none: offline there is no collection to show. The
icons are drawn after ``icon.svg`` and ``icon-maskable.svg``, whose frames keep within the safe zone of any mask.
"""

from __future__ import annotations

from typing import Any, Final

from artalike.web.assets import Assets

TYPE: Final = "application/manifest+json"
PAPER: Final = "#f7f4ee"
"""The page's ground in light; where it is dark, each page says so itself."""


def manifest(title: str, assets: Assets, *, has_map: bool) -> dict[str, Any]:
    """The application manifest of a gallery of this title."""
    places = [("Boards", "/boards"), ("Shuffle", "/?shuffle")]
    return {
        "id": "/",
        "name": title,
        "short_name": title,
        "description": "Pictures that look alike, found by wandering.",
        "lang": "en",
        "dir": "auto",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": PAPER,
        "theme_color": PAPER,
        "icons": [
            *(_icon(assets, f"icon-{side}.png", f"{side}x{side}", "any") for side in (192, 512)),
            *(_icon(assets, f"icon-maskable-{side}.png", f"{side}x{side}", "maskable") for side in (192, 512)),
            _icon(assets, "icon.svg", "any", "any"),
            _icon(assets, "icon-maskable.svg", "any", "maskable"),
        ],
        "shortcuts": [{"name": name, "url": url} for name, url in ([("Map", "/map")] if has_map else []) + places],
    }


def _icon(assets: Assets, path: str, sizes: str, purpose: str) -> dict[str, str]:
    kind = "image/svg+xml" if path.endswith(".svg") else "image/png"
    return {"src": assets.url(path), "sizes": sizes, "type": kind, "purpose": purpose}
