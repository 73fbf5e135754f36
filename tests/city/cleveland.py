"""The Cleveland Museum of Art, shaped after its documentation, https://openaccess-api.clevelandart.org.

- ``/api/artworks/`` with ``skip``, ``limit`` (up to 1000), and the filters ``q``, ``type``, ``has_image`` and ``cc0``:
  ``info`` with the ``total``, and ``data``.
- An artwork's ``images`` and each of its ``alternate_images`` have ``web`` and ``print`` (JPEG) and ``full`` (TIFF),
  whose ``width`` and ``height`` are texts.

It answers to other names than the real one, whose pace would make the tests slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from aiohttp import web

from tests.city.city import picture

API: Final = "openaccess-api.cleveland.example"
IMAGES: Final = "openaccess-cdn.cleveland.example"
BASE: Final = f"http://{API}/api"

_PICTURE: Final = re.compile(r"/1958\.([0-9]+)/1958\.[0-9]+_(?:alt([0-9])_)?(web|print)\.jpg")


def images(number: int, *, alt: int | None = None, web_side: int = 893) -> dict[str, Any]:
    """A picture in its sizes."""
    name = f"1958.{number}" if alt is None else f"1958.{number}_alt{alt}"
    place = f"http://{IMAGES}/1958.{number}/{name}"
    sides = {"web": (748, web_side, "jpg"), "print": (2847, 3400, "jpg"), "full": (5692, 6797, "tif")}
    return {
        size: {
            "url": f"{place}_{size}.{suffix}",
            "width": str(width),
            "height": str(height),
            "filesize": str(width * height),
            "filename": f"{name}_{size}.{suffix}",
        }
        for size, (width, height, suffix) in sides.items()
    }


def artwork(number: int, *, further: int = 0, licence: str = "CC0", **fields: Any) -> dict[str, Any]:
    """An artwork, with ``further`` pictures beside its first."""
    return {
        "id": 94979 + number,
        "accession_number": f"1958.{number}",
        "share_license_status": licence,
        "tombstone": f"Nathaniel Hurd {number}, c. 1765. John Singleton Copley.",
        "title": f"Nathaniel Hurd {number}",
        "creation_date": "c. 1765",
        "creation_date_earliest": 1760,
        "creators": [
            {
                "id": 5,
                "description": "John Singleton Copley (American, 1738–1815)",
                "role": "artist",
                "qualifier": None,
            },
            {"id": 6, "description": "William Hogarth (British, 1697–1764)", "role": "printer", "qualifier": "after"},
        ],
        "culture": ["America"],
        "technique": "oil on canvas",
        "department": "American Painting and Sculpture",
        "type": "Painting",
        "creditline": "Gift of the John Huntington Art and Polytechnic Trust",
        "copyright": None if licence == "CC0" else "© The Estate of Somebody",
        "did_you_know": "The sitter was a silversmith.",
        "url": f"https://clevelandart.org/art/1958.{number}",
        "images": images(number),
        "alternate_images": [
            {"date_created": "2019-05-01T00:00:00", "annotation": f"Detail {place}", **images(number, alt=place)}
            for place in range(further)
        ],
        "updated_at": "2024-02-29 11:07:01.287000",
        **fields,
    }


class Cleveland:
    """``once`` maps what is skipped to the status and headers that it is answered with once."""

    hosts = (API, IMAGES)

    def __init__(self, artworks: Iterable[dict[str, Any]]) -> None:
        self.artworks = list(artworks)
        self.once: dict[str, tuple[int, dict[str, str]]] = {}
        self.most = 1000
        """The most that it gives on one page, whatever is asked for."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if match := _PICTURE.fullmatch(request.path):
            return picture(int(match[1]) * 10 + int(match[2] or 9), (96, 72) if match[3] == "web" else (192, 144))
        if request.path != "/api/artworks/":
            raise web.HTTPNotFound
        query = request.query
        skip, limit = int(query.get("skip", 0)), int(query.get("limit", 1000))
        if fault := self.once.pop(str(skip), None):
            return web.Response(status=fault[0], headers=fault[1])
        found = [
            each
            for each in self.artworks
            if ("cc0" not in query or each["share_license_status"] == "CC0")
            and (query.get("has_image") != "1" or each["images"])
            and query.get("q", "").lower() in each["tombstone"].lower()
            and query.get("type", each["type"]) == each["type"]
        ]
        info = {"total": len(found), "parameters": dict(query)}
        return web.json_response({"info": info, "data": found[skip : skip + min(limit, self.most)]})
