"""The Metropolitan Museum of Art, shaped after its documentation, https://metmuseum.github.io.

- ``/objects`` with ``departmentIds`` (divided by ``|``) and ``metadataDate``: ``total`` and ``objectIDs``, ascending.
- ``/search`` with ``q``, ``departmentId`` and ``hasImages``: the same by relevance, ``objectIDs`` null without a match.
- ``/objects/ID``: a record, of which ``primaryImage``, ``primaryImageSmall`` and ``additionalImages`` are empty where
  the object is not in the public domain; 404 and a ``message`` for some of the objects that are listed.

It answers to other names than the real one, whose pace would make the tests slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from aiohttp import web

from tests.city.city import picture

API: Final = "collectionapi.met.example"
IMAGES: Final = "images.met.example"
BASE: Final = f"http://{API}/public/collection/v1"

_ROOT: Final = "/public/collection/v1"
_PICTURE: Final = re.compile(r"/CRDImages/ep/(original|web-large)/DP([0-9]+)\.jpg")


def record(
    number: int, *, further: int = 0, public: bool = True, pictured: bool = True, **fields: Any
) -> dict[str, Any]:
    """An object, with ``further`` pictures beside its first."""
    pictured = pictured and public
    pictures = [f"http://{IMAGES}/CRDImages/ep/original/DP{number * 10 + place}.jpg" for place in range(further + 1)]
    return {
        "objectID": number,
        "isHighlight": False,
        "accessionNumber": f"36.100.{number}",
        "isPublicDomain": public,
        "primaryImage": pictures[0] if pictured else "",
        "primaryImageSmall": pictures[0].replace("original", "web-large") if pictured else "",
        "additionalImages": pictures[1:] if pictured else [],
        "constituents": [{"constituentID": 161947, "role": "Artist", "name": "Vincent van Gogh", "gender": ""}],
        "department": "European Paintings",
        "objectName": "Painting",
        "title": f"Wheat Field {number}",
        "culture": "",
        "artistDisplayName": "Vincent van Gogh",
        "artistDisplayBio": "Dutch, Zundert 1853–1890 Auvers-sur-Oise",
        "objectDate": "1889",
        "objectBeginDate": 1889,
        "medium": "Oil on canvas",
        "dimensions": "28 7/8 × 36 3/4 in. (73.2 × 93.4 cm)",
        "measurements": [{"elementName": "Overall", "elementMeasurements": {"Height": 73.2, "Width": 93.4}}],
        "creditLine": "Purchase, The Annenberg Foundation Gift, 1993",
        "rightsAndReproduction": "" if public else "© 2026 Artists Rights Society (ARS), New York",
        "metadataDate": "2024-02-29T04:55:29.093Z",
        "objectURL": f"https://www.metmuseum.org/art/collection/search/{number}",
        "tags": [{"term": "Landscapes", "AAT_URL": "http://vocab.getty.edu/page/aat/300132294"}],
        **fields,
    }


class Met:
    """``missing`` are listed, but gone. ``once`` maps a path to the status and headers that answer for it once."""

    hosts = (API, IMAGES)

    def __init__(self, records: Iterable[dict[str, Any]], missing: Iterable[int] = ()) -> None:
        self.records = {each["objectID"]: each for each in records}
        self.missing = frozenset(missing)
        self.once: dict[str, tuple[int, dict[str, str]]] = {}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if fault := self.once.pop(request.path, None):
            return web.Response(status=fault[0], headers=fault[1])
        if match := _PICTURE.fullmatch(request.path):
            return picture(int(match[2]), (192, 144) if match[1] == "original" else (96, 72))
        path = request.path.removeprefix(_ROOT)
        if path == "/objects":
            return self._list(sorted(self._of_departments(request) | self.missing))
        if path == "/search":
            return self._list(sorted(self._matching(request), reverse=True))
        found = self.records.get(int(path.removeprefix("/objects/")))
        if found is None:
            return web.json_response({"message": "ObjectID not found"}, status=404)
        return web.json_response(found)

    def _list(self, numbers: list[int]) -> web.Response:
        return web.json_response({"total": len(numbers), "objectIDs": numbers or None})

    def _of_departments(self, request: web.Request) -> set[int]:
        names = {"11": "European Paintings", "3": "Asian Art"}
        wanted = {names[number] for number in request.query.get("departmentIds", "").split("|") if number}
        since = request.query.get("metadataDate", "")
        return {
            number
            for number, each in self.records.items()
            if (not wanted or each["department"] in wanted) and each["metadataDate"] >= since
        }

    def _matching(self, request: web.Request) -> set[int]:
        return {
            number
            for number, each in self.records.items()
            if request.query["q"].lower() in f"{each['title']} {each['artistDisplayName']}".lower()
            and (each["primaryImage"] or request.query.get("hasImages") != "true")
        }
