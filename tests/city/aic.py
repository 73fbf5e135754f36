"""The Art Institute of Chicago, shaped after its documentation, https://api.artic.edu/docs.

- ``/artworks``: sorted by ``updated_at``, the latest first; ``page`` from 1, ``limit`` up to 100, ``fields``; in the
  answer ``pagination``, ``data``, ``info`` and ``config``.
- ``/artworks/search``: ``q`` and ``query[term][is_public_domain]``, no more than 10,000 records of one search.
- Pictures at ``{iiif_url}/{image_id}/full/843,/0/default.jpg``, refused (403) where that is wider than they are.

It answers to other names than the real one, whose pace would make the tests slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from aiohttp import web

from tests.city.city import picture

API: Final = "api.artic.example"
IMAGES: Final = "www.artic.example"
BASE: Final = f"http://{API}/api/v1"

_PICTURE: Final = re.compile(r"/iiif/2/([0-9]+)-0000-4000-8000-000000000000/full/([0-9]+),/0/default\.jpg")


def image_id(number: int) -> str:
    return f"{number:08}-0000-4000-8000-000000000000"


def artwork(
    number: int, *, further: int = 0, public: bool = True, pictured: bool = True, **fields: Any
) -> dict[str, Any]:
    """An artwork, with ``further`` pictures beside its first."""
    return {
        "id": number,
        "api_model": "artworks",
        "api_link": f"https://api.artic.edu/api/v1/artworks/{number}",
        "title": f"Water Lilies {number}",
        "alt_titles": None,
        "thumbnail": {"lqip": "data:image/gif;base64,R0lGOD", "width": 2250, "height": 1500, "alt_text": "A painting."},
        "main_reference_number": f"1933.{number}",
        "date_display": "1906",
        "artist_display": "Claude Monet (French, 1840–1926)",
        "artist_title": "Claude Monet",
        "medium_display": "Oil on canvas",
        "dimensions": "89.9 × 94.1 cm (35 3/8 × 37 1/16 in.)",
        "credit_line": "Mr. and Mrs. Martin A. Ryerson Collection",
        "is_public_domain": public,
        "copyright_notice": None if public else "© 2018 Estate of Somebody / Artists Rights Society (ARS), New York",
        "image_id": image_id(number * 10) if pictured else None,
        "alt_image_ids": [image_id(number * 10 + place) for place in range(1, further + 1)],
        "subject_titles": ["water lilies", "landscapes"],
        "updated_at": "2024-02-29T23:26:30-06:00",
        **fields,
    }


class Aic:
    """``once`` maps a page's number to the status and headers that it is answered with once."""

    hosts = (API, IMAGES)

    def __init__(self, artworks: Iterable[dict[str, Any]]) -> None:
        self.artworks = list(artworks)
        self.once: dict[str, tuple[int, dict[str, str]]] = {}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if match := _PICTURE.fullmatch(request.path):
            return self._picture(int(match[1]), int(match[2]))
        page, limit = int(request.query["page"]), int(request.query["limit"])
        if fault := self.once.pop(str(page), None):
            return web.Response(status=fault[0], headers=fault[1])
        is_search = request.path == "/api/v1/artworks/search"
        if limit > 100 or (is_search and page * limit > 10_000):
            return web.json_response({"status": 403, "error": "Invalid limit"}, status=403)
        if is_search:
            found = [each for each in self.artworks if request.query["q"].lower() in each["artist_display"].lower()]
            if request.query.get("query[term][is_public_domain]") == "true":
                found = [each for each in found if each["is_public_domain"]]
        elif request.path == "/api/v1/artworks":
            found = sorted(self.artworks, key=lambda each: str(each["updated_at"]), reverse=True)
        else:
            raise web.HTTPNotFound
        fields = request.query["fields"].split(",")
        shown = found[(page - 1) * limit : page * limit]
        return web.json_response(
            {
                "pagination": {
                    "total": len(found),
                    "limit": limit,
                    "offset": (page - 1) * limit,
                    "total_pages": -(-len(found) // limit),
                    "current_page": page,
                },
                "data": [{name: each[name] for name in fields if name in each} for each in shown],
                "info": {"license_text": "CC0", "license_links": ["https://www.artic.edu/terms"], "version": "1.10"},
                "config": {"iiif_url": f"http://{IMAGES}/iiif/2", "website_url": "https://www.artic.edu"},
            }
        )

    def _picture(self, number: int, width: int) -> web.Response:
        known = {each["image_id"]: each["thumbnail"]["width"] for each in self.artworks if each["thumbnail"]}
        if width > known.get(image_id(number), width):
            return web.Response(status=403)
        return picture(number)
