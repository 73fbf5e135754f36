"""Wikimedia Commons, shaped after the documentation of its Action API.

- https://www.mediawiki.org/wiki/API:Categorymembers and API:Continue: ``generator=categorymembers``, ``gcmtype``,
  ``gcmlimit``; of ``continue``, all parameters go into the next request. A property that does not fit into one answer
  comes in the next, with ``iicontinue``, while the other pages of the batch come without it.
- https://www.mediawiki.org/wiki/API:Imageinfo: ``iiurlwidth`` gives ``thumburl``, for at most 50 files an answer, and
  the original's address where that is no wider; ``extmetadata`` holds HTML.
- https://www.mediawiki.org/wiki/Manual:Maxlag_parameter: an error with status 200.
- https://www.mediawiki.org/wiki/Common_thumbnail_sizes: at the image host, no other widths than the standard ones.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from tests.city.city import picture

WIKI: Final = "commons.wikimedia.org"
UPLOAD: Final = "upload.wikimedia.org"

_WIDTHS: Final = frozenset({20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840})
_THUMB: Final = re.compile(r"/thumb/(\d+)/[^/]+/(\d+)px-[^/]+")
_LICENSES: Final = {
    "pd": ("Public domain", "Public domain", None),
    "cc0": ("CC0", "Creative Commons Zero", "http://creativecommons.org/publicdomain/zero/1.0/deed.en"),
    "cc-by-sa-4.0": ("CC BY-SA 4.0", "Attribution-Share Alike 4.0", "https://creativecommons.org/licenses/by-sa/4.0"),
    "cc-by-2.0-de": ("CC BY 2.0 de", "Attribution 2.0", "https://creativecommons.org/licenses/by/2.0/de/deed.en"),
    "cc-by-nc-4.0": ("CC BY-NC 4.0", "Attribution-NonCommercial", "https://creativecommons.org/licenses/by-nc/4.0"),
    "gfdl": ("GFDL", "GNU Free Documentation License", "http://www.gnu.org/copyleft/fdl.html"),
}


@dataclass(frozen=True, slots=True)
class Media:
    """A file. ``artist`` and ``description`` are HTML, as editors write them."""

    number: int
    title: str
    categories: tuple[str, ...]
    license: str = "pd"
    width: int = 4000
    mime: str = "image/jpeg"
    artist: str = '<bdi><a href="https://en.wikipedia.org/wiki/en:Hokusai">Katsushika Hokusai</a></bdi>'
    description: str = "A &amp; B"
    version: int = 1


@dataclass(slots=True)
class Commons:
    """``subcategories`` maps a category to those in it. ``lagging`` answers are refused before any is given."""

    files: list[Media]
    subcategories: dict[str, list[str]] = field(default_factory=dict)
    lagging: int = 0
    raw: bytes | None = None
    """What the API answers instead, whatever it is asked."""
    hosts: tuple[str, ...] = (WIKI, UPLOAD)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if not request.headers.get("User-Agent", "").startswith("artalike/"):
            raise web.HTTPForbidden
        if request.host == UPLOAD:
            return self._upload(request.path)
        if request.path != "/w/api.php":
            raise web.HTTPNotFound
        if self.raw is not None:
            return web.Response(body=self.raw, content_type="application/json")
        query = request.query
        if query.get("format") != "json" or query.get("formatversion") != "2" or query.get("action") != "query":
            raise web.HTTPBadRequest
        if "maxlag" in query and self.lagging:
            self.lagging -= 1
            error = {"code": "maxlag", "info": "Waiting for 10.64.32.12: 5.9 seconds lagged.", "lag": 5.9}
            return web.json_response({"error": error}, headers={"Retry-After": "5"})
        if "titles" in query:
            named = [media for media in self.files if media.title == query["titles"]]
            pages = [_page(media, query, told=True) for media in named]
            missing = {"ns": 6, "title": query["titles"], "missing": True}
            # Of one file, older versions could be had by going on.
            older = {"continue": {"iistart": "2009-09-30T06:04:51Z", "continue": "||"}}
            return web.json_response({**older, "query": {"pages": pages or [missing]}})
        return web.json_response(self._category(query))

    def _category(self, query: Any) -> dict[str, Any]:
        title, limit = query["gcmtitle"], int(query["gcmlimit"])
        assert limit <= 50
        members: list[Media | str] = [media for media in self.files if title in media.categories]
        if "subcat" in query["gcmtype"].split("|"):
            members += self.subcategories.get(title, [])
        start = int(query.get("gcmcontinue", "file|0").partition("|")[2])
        batch = members[start : start + limit]
        if not batch:
            return {"batchcomplete": True}
        # The second half of each batch comes without its imageinfo first.
        half, second = len(batch) // 2, "iicontinue" in query
        pages = [
            {"pageid": 9, "ns": 14, "title": member}
            if isinstance(member, str)
            else _page(member, query, told=(place >= half) == second)
            for place, member in enumerate(batch)
        ]
        answer: dict[str, Any] = {"query": {"pages": pages}}
        position = {"gcmcontinue": f"file|{start}"} if start else {}
        if not second:
            return answer | {"continue": {**position, "iicontinue": "Half|2020", "continue": "||"}}
        if start + limit < len(members):
            answer["continue"] = {"gcmcontinue": f"file|{start + limit}", "continue": "gcmcontinue||"}
        return answer | {"batchcomplete": True}

    def _upload(self, path: str) -> web.StreamResponse:
        match = _THUMB.fullmatch(path)
        if match is None:
            return picture(int(path.split("/")[1]) * 10)
        if int(match[2]) not in _WIDTHS:
            raise web.HTTPTooManyRequests
        return picture(int(match[1]) * 10 + 1)


def _page(media: Media, query: Any, *, told: bool) -> dict[str, Any]:
    page: dict[str, Any] = {"pageid": media.number, "ns": 6, "title": media.title, "imagerepository": "local"}
    if not told:
        return page
    name = quote(media.title.removeprefix("File:").replace(" ", "_"))
    original = f"http://{UPLOAD}/{media.number}/{name}"
    width = int(query["iiurlwidth"])
    short, terms, url = _LICENSES[media.license]
    said = {
        "ObjectName": html.escape(media.title.removeprefix("File:").rpartition(".")[0]),
        "ImageDescription": media.description,
        "Artist": f'<style data-mw-deduplicate="1">.x{{color:red}}</style>{media.artist}',
        "DateTimeOriginal": 'circa 1830<div style="display: none;">date QS:P,+1830</div>',
        "Credit": "<a>Met</a>",
        "License": media.license,
        "LicenseShortName": short,
        "UsageTerms": terms,
        "LicenseUrl": url,
    }
    page["imageinfo"] = [
        {
            "size": 1_353_326,
            "width": media.width,
            "height": 2400,
            "thumburl": f"http://{UPLOAD}/thumb/{media.number}/{name}/{width}px-{name}"
            if media.width > width
            else original,
            "url": original,
            "descriptionurl": f"http://{WIKI}/wiki/{quote(media.title.replace(' ', '_'), safe=':')}",
            "sha1": f"{media.number:030}{media.version:010}",
            "mime": media.mime,
            "extmetadata": {
                key: {"value": value, "source": "commons-desc-page"} for key, value in said.items() if value is not None
            },
        }
    ]
    return page
