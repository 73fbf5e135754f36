"""The pages for people: the gallery, the pictures like one picture, and the admin page.

The first page of pictures is rendered here, so that it is there before any script and without one. The same
answer goes along as JSON for the script that takes over. Text from the web passes jinja2's escaping; what may be
linked to is checked.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import jinja2
from aiohttp import hdrs, web

from artalike.errors import ArtalikeError, NotFound
from artalike.resources import folder
from artalike.search.filters import ANYTHING, Filters
from artalike.search.ranked import ID_LIMIT
from artalike.web import asking, boards, questions
from artalike.web.assets import Assets
from artalike.web.auth import AUTH
from artalike.web.manifest import TYPE as MANIFEST_TYPE
from artalike.web.manifest import manifest
from artalike.web.params import QuestionBody
from artalike.web.picture_map import map_of
from artalike.web.problems import MEANINGS
from artalike.web.services import SERVICES
from artalike.web.views import image_json, random_answer, ranking_json, similar_answer

log = logging.getLogger(__name__)

ASSETS: Final = web.AppKey("ASSETS", Assets)
TEMPLATES: Final = web.AppKey("TEMPLATES", jinja2.Environment)

Page = Callable[[web.Request], Awaitable[web.Response]]

_LONGEST_TEXT: Final = 500
_PACKED_ASIDE: Final = 1024
"""Bytes from which on compressing is left to a thread."""

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\s]+")
# Bidirectional overrides and isolates: inside an attribute or a title nothing contains them.
_DIRECTIONS: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_MAILBOX: Final = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8}")
_SEED: Final = re.compile(r"-?[0-9]{1,15}")


def plain(text: object) -> str:
    """Text from the web on one line: without control characters and lone surrogates, of bounded length."""
    line = _CONTROLS.sub(" ", text).strip() if isinstance(text, str) else ""
    return line if len(line) <= _LONGEST_TEXT else f"{line[:_LONGEST_TEXT].rstrip()}…"


def inline(text: object) -> str:
    """The same where nothing keeps its direction apart from its surroundings, as in attributes and titles."""
    return _DIRECTIONS.sub("", plain(text))


def name_of(image: Mapping[str, Any]) -> str:
    """What to call a picture where a name cannot be kept apart from its surroundings, as in attributes."""
    words = ", ".join(filter(None, (plain(image["title"]), plain(image["creator"]))))
    return _DIRECTIONS.sub("", words) or f"Untitled picture {image['id']}"


def web_link(url: object) -> str:
    """The address where it may be linked to: http or https; empty for any other."""
    if not isinstance(url, str):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in {"http", "https"} and parts.hostname else ""


def host_of(url: str) -> str:
    """The host of an address that :func:`web_link` lets pass, with its port."""
    return urlsplit(url).netloc.rpartition("@")[2]


def contact_link(text: str) -> str:
    """Where a contact may be linked to: a web address, or the mailbox of an e-mail address; empty for any other."""
    if _MAILBOX.fullmatch(text):
        return "mailto:" + quote(text, safe="@")
    return web_link(text)


def add_pages(app: web.Application) -> None:
    """Give the application its pages; their files are read when it starts."""
    app.on_startup.append(_load)
    app.add_routes(
        [
            web.get("/", _friendly(gallery)),
            web.get("/similar/{id}", _friendly(similar)),
            web.get("/image/{id}", _friendly(viewer)),
            web.get("/search", _friendly(search)),
            web.get("/map", _friendly(map_page)),
            web.get("/boards", _friendly(boards_page)),
            web.get("/board", _friendly(shared_board)),
            web.get("/admin", _friendly(admin)),
            web.get("/app.webmanifest", app_manifest),
            web.get("/static/{path:.+}", static),
            web.get("/favicon.ico", favicon),
        ]
    )


async def gallery(request: web.Request) -> web.Response:
    """The collection in a random order: ``?seed=`` names one, ``?shuffle`` leads to a new one."""
    services = request.app[SERVICES]
    if "shuffle" in request.query:
        return web.Response(status=303, headers={hdrs.LOCATION: f"/?seed={secrets.randbelow(2**31)}"})
    text = request.query.get("seed", "")
    seed = int(text) if _SEED.fullmatch(text) else None
    limit = services.settings.gallery.page_size
    filters = _filters(request)
    answer = await random_answer(services, limit=limit, seed=seed, filters=filters)
    first = _address("/api/random", filters, limit=limit, seed=answer["seed"])
    images = answer["total"] if filters.anything else services.stats().get("images")
    return _wall(request, answer, first=first, images=images, filters=filters)


async def similar(request: web.Request) -> web.Response:
    """One picture and those like it. Raises NotFound."""
    return await _similar(request)


async def viewer(request: web.Request) -> web.Response:
    """One picture alone, over those like it. Raises NotFound."""
    return await _similar(request, viewing=True)


async def _similar(request: web.Request, *, viewing: bool = False) -> web.Response:
    services = request.app[SERVICES]
    text = request.match_info["id"]
    image_id = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
    found = await services.images.images([image_id]) if 0 < image_id <= ID_LIMIT else []
    if not found:
        raise NotFound(f"There is no picture {text[:20]}.")
    limit = services.settings.gallery.page_size
    filters = _filters(request)
    answer = await similar_answer(services, id=image_id, limit=limit, filters=filters)
    first = _address(f"/api/images/{image_id}/similar", filters, limit=limit)
    question = image_json(found[0], services.settings)
    images = services.stats().get("images")
    return _wall(request, answer, first=first, images=images, question=question, filters=filters, viewing=viewing)


async def search(request: web.Request) -> web.Response:
    """The answer to a question of several parts, at its plainest address. Raises QueryError, NotFound and others.

    A visitor's own picture is never here: its answer is kept, and its page made, by the script.
    """
    services = request.app[SERVICES]
    filters = _filters(request)
    limit = services.settings.gallery.page_size
    images = services.stats().get("images")
    if not {"picture", "unlike_picture"}.isdisjoint(request.query):
        nothing: dict[str, Any] = {"results": [], "next": None, "total": 0, "used": []}
        return _wall(request, nothing, first=f"{request.rel_url}&limit={limit}", images=images, filters=filters)
    body = asking.read(request.query.items())
    page = asking.page(body, filters)
    if not page.startswith("/search"):
        return web.Response(status=303, headers={hdrs.LOCATION: page})
    now = services.answering()
    parts = await questions.of_body(request, body, now.search)
    ranking = await now.mixed.rank(parts, limit=limit, filters=filters)
    answer = ranking_json(ranking, services.settings, "/api/search", limit)
    asked = await services.images.images([part.id for part in (*body.like, *body.unlike) if part.id is not None])
    known = {image.id: image_json(image, services.settings) for image in asked}
    return _wall(request, answer, first=f"{page}&limit={limit}", images=images, body=body, known=known, filters=filters)


async def map_page(request: web.Request) -> web.Response:
    """All pictures laid out by likeness. Raises NotFound where the map is turned off."""
    map_of(request)
    services = request.app[SERVICES]
    widths = sorted(services.settings.imaging.thumbnail_widths)
    return _render(request, "map.html", widths=widths, images=services.stats().get("images"))


async def boards_page(request: web.Request) -> web.Response:
    """The visitor's own boards, which the browser keeps: the page is the same for all."""
    return _boards(request)


async def shared_board(request: web.Request) -> web.Response:
    """The pictures of a board that somebody shares. Raises NotFound for an address with none."""
    services = request.app[SERVICES]
    board = boards.read(request.query.get("name", ""), request.query.get("ids", ""))
    if not board.ids:
        raise NotFound("There are no pictures on this board.")
    found = [image_json(image, services.settings) for image in await services.images.images(board.ids)]
    name = inline(board.name) or "A shared board"
    return _boards(request, {"name": name, "images": found, "missing": len(board.ids) - len(found)})


def _boards(request: web.Request, shared: Mapping[str, Any] | None = None) -> web.Response:
    settings = request.app[SERVICES].settings
    widths = sorted(settings.imaging.thumbnail_widths)
    data = {
        "shared": shared,
        "thumbnail_widths": widths,
        "title": settings.gallery.title,
        "full_images": settings.gallery.full_images == "on",
    }
    return _render(request, "boards.html", data=data, shared=shared, viewing=None, widths=widths)


async def admin(request: web.Request) -> web.Response:
    """The admin page. It shows nothing by itself: all it has comes from the admin API."""
    return _render(
        request, "admin.html", signed_in=request.app[AUTH].is_signed_in(request), kinds=request.app[SERVICES].kinds
    )


async def static(request: web.Request) -> web.Response:
    return request.app[ASSETS].response(request, request.match_info["path"])


async def app_manifest(request: web.Request) -> web.Response:
    gallery = request.app[SERVICES].settings.gallery
    about = manifest(plain(gallery.title), request.app[ASSETS], has_map=gallery.map)
    return web.json_response(about, content_type=MANIFEST_TYPE, headers={hdrs.CACHE_CONTROL: "no-cache"})


async def favicon(request: web.Request) -> web.Response:
    return request.app[ASSETS].response(request, "icon.svg")


def _wall(
    request: web.Request,
    answer: Mapping[str, Any],
    *,
    first: str,
    images: int | None,
    question: Mapping[str, Any] | None = None,
    body: QuestionBody | None = None,
    known: Mapping[int, Mapping[str, Any]] | None = None,
    filters: Filters = ANYTHING,
    viewing: bool = False,
) -> web.Response:
    settings = request.app[SERVICES].settings
    widths = sorted(settings.imaging.thumbnail_widths)
    data = {
        "answer": answer,
        "first": first,
        "images": images,
        "page_size": settings.gallery.page_size,
        "question": question,
        "known": list((known or {}).values()),
        "thumbnail_widths": widths,
        "title": settings.gallery.title,
        "full_images": settings.gallery.full_images == "on",
    }
    asked_by = [(name, value) for name, value in request.query.items() if name in asking.NAMES]
    chips = asking.chips(body or QuestionBody(), filters, of=None if question is None else question["id"])
    return _render(
        request,
        "gallery.html",
        data=data,
        question=question,
        viewing=question if viewing else None,
        chips=chips,
        asked_for=inline(asking.title(body)) if body else "",
        asked_by=asked_by,
        path=f"/similar/{question['id']}" if question and viewing else request.path,
        known=known or {},
        filters=filters,
        widths=widths,
        images=images,
    )


def _filters(request: web.Request) -> Filters:
    """As a form sends them, in which what is left open is empty. Raises QueryError."""
    values = {name: request.query[name].strip() for name in Filters.model_fields if name in request.query}
    return Filters.of({name: value for name, value in values.items() if value})


def _address(path: str, filters: Filters, **parameters: object) -> str:
    return f"{path}?{urlencode({**parameters, **filters.model_dump(mode='json', exclude_defaults=True)})}"


def _render(request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
    page = request.app[TEMPLATES].get_template(template)
    settings = request.app[SERVICES].settings
    contact = plain(settings.gallery.contact or settings.crawl.contact)
    text = page.render(assets=request.app[ASSETS], gallery=settings.gallery, contact=contact, **context)
    headers = {hdrs.CACHE_CONTROL: "no-cache", hdrs.VARY: hdrs.ACCEPT_ENCODING}
    response = web.Response(
        text=text, status=status, content_type="text/html", headers=headers, zlib_executor_size=_PACKED_ASIDE
    )
    if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        response.enable_compression(web.ContentCoding.gzip)
    return response


def _friendly(page: Page) -> Page:
    """The page, or one that says what went wrong."""

    @functools.wraps(page)
    async def wrapped(request: web.Request) -> web.Response:
        try:
            return await page(request)
        except web.HTTPTooManyRequests:
            detail = "So much was asked from your address in the last minute that it takes a short rest."
            return _render(request, "error.html", status=429, heading="A moment, please", detail=detail)
        except ArtalikeError as error:
            meaning = next(MEANINGS[kind] for kind in type(error).__mro__ if kind in MEANINGS)
            if meaning.status >= 500:
                log.warning("%s %s: %s", request.method, request.path, error)
            detail = "Please try again in a moment." if meaning.status >= 500 else str(error)
            heading = "Nothing hangs here" if meaning.status == 404 else "This did not work"
            return _render(request, "error.html", status=meaning.status, heading=heading, detail=detail)

    return wrapped


async def _load(app: web.Application) -> None:
    app[ASSETS], app[TEMPLATES] = await asyncio.to_thread(_read)


def _read() -> tuple[Assets, jinja2.Environment]:
    """Assets, and templates that are compiled already: rendering one later reads no file."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters = (plain, inline, name_of, web_link, host_of, contact_link)
    environment.filters.update({made.__name__: made for made in filters})
    for name in environment.list_templates():
        environment.get_template(name)
    return Assets.load(folder("static")), environment
