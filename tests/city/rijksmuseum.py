"""The Rijksmuseum, shaped after its documentation.

- https://data.rijksmuseum.nl/docs/search: ``/search/collection``, 100 identifiers a page, ``next.id`` with a pageToken.
- https://data.rijksmuseum.nl/docs/http/: ``id.rijksmuseum.nl/NUMBER`` in a browser leads to the museum's page; who asks
  for ``application/ld+json`` gets the record, here by a redirect to ``data.rijksmuseum.nl``.
- https://linked.art/model/digital/ and the record https://id.rijksmuseum.nl/200107928 (The Night Watch): an object
  ``shows`` a VisualItem, which is ``digitally_shown_by`` a DigitalObject, whose ``access_point`` is a IIIF image.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from tests.city.city import picture

DATA: Final = "data.rijksmuseum.nl"
ID: Final = "id.rijksmuseum.nl"
IMAGES: Final = "iiif.micr.io"
PAGE_SIZE: Final = 100

PUBLIC_DOMAIN: Final = "https://creativecommons.org/publicdomain/mark/1.0/"
CC0: Final = "https://creativecommons.org/publicdomain/zero/1.0/"
IN_COPYRIGHT: Final = "http://rightsstatements.org/vocab/InC/1.0/"

_AAT: Final = "http://vocab.getty.edu/aat/"
_NAMES: Final = {PUBLIC_DOMAIN: ("Publieke domein", "Public Domain"), CC0: ("CC0 1.0", "CC0 1.0")}
_LANGUAGES: Final = ("300388256", "300388277")
_IMAGE: Final = re.compile(r"/R(\d+)/full/!(\d+),(\d+)/0/default\.jpg")


@dataclass(frozen=True, slots=True)
class Work:
    """One object. ``pictures`` of it are shown by as many digital objects."""

    number: int
    type: str = "painting"
    rights: str | None = PUBLIC_DOMAIN
    pictures: int = 1
    titles: tuple[str, str] = ("De Nachtwacht", "The Night Watch")


class Rijksmuseum:
    """``broken`` maps a record's number to the bytes that are there instead."""

    hosts = (DATA, ID, IMAGES, "www.rijksmuseum.nl")

    def __init__(self, works: list[Work]) -> None:
        self.works = works
        self.broken: dict[str, bytes] = {}
        self._records: dict[str, dict[str, Any]] = {}
        for work in works:
            self._records |= _records(work)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = request.path.strip("/")
        if request.host == IMAGES:
            return self._image(request)
        if request.path == "/search/collection" and request.host == DATA:
            return self._search(request)
        if "application/ld+json" not in request.headers.get("Accept", "") or name not in self._records | self.broken:
            raise web.HTTPNotFound
        if request.host == ID:
            raise web.HTTPSeeOther(f"http://{DATA}/{name}")
        if name in self.broken:
            return web.Response(body=self.broken[name], content_type="application/ld+json")
        return web.json_response(self._records[name], content_type="application/ld+json")

    def _search(self, request: web.Request) -> web.StreamResponse:
        query = {name: value for name, value in request.query.items() if name != "pageToken"}
        unknown = set(query) - {"type", "imageAvailable", "creator", "title", "objectNumber"}
        if unknown or query.get("imageAvailable") != "true":
            raise web.HTTPBadRequest
        found = [work for work in self.works if query.get("type", work.type) == work.type]
        start = int(request.query.get("pageToken", "0"))
        here = f"http://{DATA}/search/collection"
        page: dict[str, Any] = {
            "@context": "https://linked.art/ns/v1/search.json",
            "id": f"{here}?{request.query_string}",
            "type": "OrderedCollectionPage",
            "partOf": {"id": f"{here}?{urlencode(query)}", "type": "OrderedCollection", "totalItems": len(found)},
            "orderedItems": [
                {"id": f"http://{ID}/2{work.number:08}", "type": "HumanMadeObject"}
                for work in found[start : start + PAGE_SIZE]
            ],
        }
        if start + PAGE_SIZE < len(found):
            token = {"pageToken": str(start + PAGE_SIZE)}
            page["next"] = {"id": f"{here}?{urlencode(query | token)}", "type": "OrderedCollectionPage"}
        return web.json_response(page)

    @staticmethod
    def _image(request: web.Request) -> web.StreamResponse:
        match = _IMAGE.fullmatch(request.path)
        if match is None or match[2] != match[3]:
            raise web.HTTPNotFound
        return picture(int(match[1]))


def _records(work: Work) -> dict[str, dict[str, Any]]:
    item, visual = f"2{work.number:08}", f"3{work.number:08}"
    digital = [f"5{work.number:08}{view:03}" for view in range(work.pictures)]
    records: dict[str, dict[str, Any]] = {
        item: {
            "@context": "https://linked.art/ns/v1/linked-art.json",
            "id": f"http://{ID}/{item}",
            "type": "HumanMadeObject",
            "identified_by": [
                {"type": "Identifier", "content": f"SK-C-{work.number}", "classified_as": [_type("300312355")]},
                *_both(work.titles, "300417200", kind="Name"),
                *_both(("Het korporaalschap", "Officers"), "300417203", kind="Name"),
            ],
            "produced_by": {
                "type": "Production",
                "timespan": {"type": "TimeSpan", "identified_by": _both(("ca. 1642", "c. 1642"), kind="Name")},
                "referred_to_by": _both(("Rembrandt van Rijn", "Rembrandt van Rijn"), "300435416"),
            },
            "referred_to_by": [
                *_both(("olieverf op doek", "oil on canvas"), "300435429"),
                *_both(("Bruikleen van de gemeente Amsterdam", "On loan from the City of Amsterdam"), "300026687"),
                *_both(("hoogte 379,5 cm", "height 379.5 cm"), "300435430"),
            ],
            "subject_of": [_web_page("nl", work, 0), _web_page("en", work, 1)],
            "shows": [{"id": f"http://{ID}/{visual}", "type": "VisualItem"}],
        },
        visual: {
            "id": f"http://{ID}/{visual}",
            "type": "VisualItem",
            "digitally_shown_by": [{"id": f"http://{ID}/{name}", "type": "DigitalObject"} for name in digital],
        },
    }
    if work.rights is not None:
        names = _both(_NAMES.get(work.rights, ("Auteursrecht", "In copyright")), kind="Name")
        mark = {"id": work.rights, "type": "Type"}
        records[visual]["subject_to"] = [{"type": "Right", "identified_by": names, "classified_as": [mark]}]
    for view, name in enumerate(digital):
        records[name] = {
            "id": f"http://{ID}/{name}",
            "type": "DigitalObject",
            "access_point": [
                {"id": f"http://{IMAGES}/R{work.number * 1000 + view}/full/max/0/default.jpg", "type": "DigitalObject"}
            ],
            "digitally_shows": [{"id": f"http://{ID}/{visual}", "type": "VisualItem"}],
        }
    return records


def _web_page(language: str, work: Work, place: int) -> dict[str, Any]:
    address = f"http://www.rijksmuseum.nl/{language}/collection/object/SK-C-{work.number}"
    carrier = {"type": "DigitalObject", "format": "text/html", "access_point": [{"id": address}]}
    return {"type": "LinguisticObject", "language": [_type(_LANGUAGES[place])], "digitally_carried_by": [carrier]}


def _both(texts: tuple[str, str], term: str | None = None, kind: str = "LinguisticObject") -> list[dict[str, Any]]:
    classified = {"classified_as": [_type(term)]} if term else {}
    return [
        {"type": kind, "content": text, "language": [_type(language)], **classified}
        for text, language in zip(texts, _LANGUAGES, strict=True)
    ]


def _type(term: str) -> dict[str, str]:
    return {"id": f"{_AAT}{term}", "type": "Type"}
