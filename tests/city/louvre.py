"""The Louvre, shaped after its public pages.

- https://collections.louvre.fr/sitemap.xml: an index of ``/media/sitemap/sitemapN.xml``, in which each record is named
  once in French and once in English (``/en/ark:/53355/ID``), each with the other as its alternate.
- https://collections.louvre.fr/en/page/documentationJSON: ``/ark:/53355/ID.json``. ``image`` has a credit for each
  picture; the names of its addresses are met with a small and a large first letter.

It answers to other names than the real one, whose pace would make the tests slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from aiohttp import web

from tests.city.city import picture

HOST: Final = "collections.louvre.example"
BASE: Final = f"http://{HOST}"

_PICTURE: Final = re.compile(r"/media/cache/(large|small)/0000000021/([0-9]+)_OG\.JPG")
_NAMESPACE: Final = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml"'


def image(number: int, *, capital: bool = False, **fields: Any) -> dict[str, Any]:
    """A picture as a record names it."""
    large, small = (f"{BASE}/media/cache/{size}/0000000021/{number:010}_OG.JPG" for size in ("large", "small"))
    names = ("UrlImage", "UrlThumbnail") if capital else ("urlImage", "urlThumbnail")
    credit = {"copyright": "© 2011 Musée du Louvre / Thierry Ollivier", "type": "face", "position": 0}
    return {names[0]: large, names[1]: small} | credit | fields


def record(number: int, images: Iterable[dict[str, Any]] = (), **fields: Any) -> dict[str, Any]:
    """A record; what is not known is empty."""
    ark = f"cl{number:09}"
    return {
        "arkId": ark,
        "url": f"https://collections.louvre.fr/ark:/53355/{ark}",
        "modified": "2024-03-01",
        "title": f"La Vierge {number}",
        "titleComplement": "",
        "denominationTitle": [],
        "displayDateCreated": "1503 / 1519 (1er quart du XVIe siècle)",
        "currentLocation": "Denon, [Peint] Salle 710 - Grande Galerie",
        "dateCreated": [{"type": "Date de création/fabrication", "startYear": 1503, "endYear": 1519, "doubt": ""}],
        "creator": [
            {
                "label": "Léonard de Vinci",
                "attributionLevel": "Attribution actuelle",
                "linkType": "",
                "wikidata": "Q762",
            },
            {"label": "Italie", "attributionLevel": "Attribution actuelle", "linkType": "École de"},
            {"label": "Luini, Bernardino", "attributionLevel": "Ancienne Attribution", "linkType": "Atelier de"},
        ],
        "objectNumber": [{"value": "INV 776", "type": "Numéro principal"}],
        "collection": "Département des Peintures",
        "description": "",
        "materialsAndTechniques": "huile sur bois (peuplier)",
        "heldBy": "Musée du Louvre, Département des Peintures",
        "index": {},
        "image": list(images),
        **fields,
    }


class Louvre:
    """Two records in a sitemap. ``once`` maps a path to the status and headers that it is answered with once."""

    hosts = (HOST,)

    def __init__(self, records: Iterable[dict[str, Any]]) -> None:
        self.records = {each["arkId"]: each for each in records}
        self.once: dict[str, tuple[int, dict[str, str]]] = {}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if fault := self.once.pop(request.path, None):
            return web.Response(status=fault[0], headers=fault[1])
        if match := _PICTURE.fullmatch(request.path):
            return picture(int(match[2]), (128, 96) if match[1] == "large" else (64, 48))
        if match := re.fullmatch(r"/ark:/53355/(cl[0-9]{9})\.json", request.path):
            if match[1] not in self.records:
                raise web.HTTPNotFound
            return web.json_response(self.records[match[1]])
        arks = sorted(self.records)
        if request.path == "/sitemap.xml":
            maps = (
                f"<sitemap><loc>{BASE}/media/sitemap/sitemap{each // 2}.xml</loc></sitemap>"
                for each in range(0, len(arks), 2)
            )
            return _xml(f"<sitemapindex {_NAMESPACE}>{''.join(maps)}</sitemapindex>")
        if match := re.fullmatch(r"/media/sitemap/sitemap([0-9]+)\.xml", request.path):
            shown = arks[int(match[1]) * 2 :][:2]
            about = f"<url><loc>{BASE}/en/page/apropos</loc></url>"
            return _xml(f"<urlset {_NAMESPACE}>{about}{''.join(map(self._entries, shown))}</urlset>")
        raise web.HTTPNotFound

    def _entries(self, ark: str) -> str:
        french, english = f"{BASE}/ark:/53355/{ark}", f"{BASE}/en/ark:/53355/{ark}"
        links = "".join(
            f'<xhtml:link rel="alternate" hreflang="{language}" href="{url}"/>'
            for language, url in (("fr", french), ("en", english))
        )
        modified = self.records[ark]["modified"]
        return "".join(f"<url><loc>{url}</loc>{links}<lastmod>{modified}</lastmod></url>" for url in (french, english))


def _xml(body: str) -> web.Response:
    return web.Response(text=f'<?xml version="1.0" encoding="UTF-8"?>{body}', content_type="application/xml")
