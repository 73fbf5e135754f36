"""A museum's press office: its news as RSS with Media RSS, page by page, and as Atom.

Shaped after what WordPress answers at ``/feed/`` and ``/feed/atom/`` (wordpress.org/documentation, "WordPress Feeds":
pages by ``?paged=N``, an ``ETag`` with every answer), with the ``next`` links of RFC 5005 and the ``media`` elements of
rssboard.org/media-rss.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from aiohttp import web

from tests.city.city import picture

HOST: Final = "press.example"
BASE: Final = f"http://{HOST}"
PER_PAGE: Final = 3
RIGHTS: Final = "https://creativecommons.org/publicdomain/zero/1.0/"
_FIRST: Final = datetime(2024, 1, 1, tzinfo=UTC)
_NAMESPACES: Final = (
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:atom="http://www.w3.org/2005/Atom" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
)


@dataclass
class Story:
    """One piece of news. ``shows`` is where its picture is: ``media``, ``article``, ``page``, or ``nowhere``."""

    number: int
    shows: str = "media"
    title: str = ""
    changed: int = 0

    def __post_init__(self) -> None:
        self.title = self.title or f"Story {self.number}"

    @property
    def link(self) -> str:
        return f"{BASE}/story/{self.number}"

    @property
    def published(self) -> datetime:
        return _FIRST + timedelta(days=self.number)

    @property
    def updated(self) -> datetime:
        return self.published + timedelta(hours=self.changed)


@dataclass
class Press:
    """``http://press.example/feed/`` and ``/feed/atom/``. Pictures are at ``/N-SIDE.jpg``."""

    stories: list[Story] = field(default_factory=list)
    not_modified: int = 0
    """How often it could say that nothing has changed."""

    @property
    def hosts(self) -> tuple[str, ...]:
        return (HOST,)

    def publish(self, number: int, shows: str = "media") -> Story:
        story = Story(number, shows)
        self.stories.append(story)
        return story

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path.endswith(".jpg"):
            number, _, side = path.strip("/").removesuffix(".jpg").partition("-")
            return picture(int(number), (int(side) // 16, int(side) // 20))
        if path.startswith("/story/"):
            return self._story(int(path.removeprefix("/story/")))
        newest = sorted(self.stories, key=lambda story: -story.number)
        page = int(request.query.get("paged", "1"))
        shown = newest[(page - 1) * PER_PAGE : page * PER_PAGE]
        if not shown:
            raise web.HTTPNotFound
        following = f"{path}?paged={page + 1}" if page * PER_PAGE < len(newest) else None
        if path == "/feed/":
            return self._unless_known(request, _rss(shown, following), "application/rss+xml")
        if path == "/feed/atom/":
            return self._unless_known(request, _atom(shown, following), "application/atom+xml")
        raise web.HTTPNotFound

    def _unless_known(self, request: web.Request, body: str, content_type: str) -> web.Response:
        etag = f'"{hashlib.sha1(body.encode()).hexdigest()}"'
        if request.headers.get("If-None-Match") == etag:
            self.not_modified += 1
            return web.Response(status=304, headers={"ETag": etag})
        return web.Response(text=body, content_type=content_type, charset="utf-8", headers={"ETag": etag})

    def _story(self, number: int) -> web.Response:
        story = next((each for each in self.stories if each.number == number), None)
        if story is None:
            raise web.HTTPNotFound
        image = f'<img src="/{number}-1600.jpg" alt="On the page of {number}">' if story.shows == "page" else ""
        body = f'<title>{escape(story.title)}</title>{image}<a href="/story/{number + 1}">next</a>'
        return web.Response(text=body, content_type="text/html")


def _rss(stories: list[Story], following: str | None) -> str:
    items = "".join(
        f"<item><title>{escape(story.title)}</title><link>{story.link}</link>"
        f'<guid isPermaLink="false">{BASE}/?p={story.number}</guid><dc:creator>Curator {story.number}</dc:creator>'
        f"<pubDate>{format_datetime(story.updated)}</pubDate>{_shown(story)}</item>"
        for story in stories
    )
    link = f'<atom:link rel="next" href={quoteattr(following)}/>' if following else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" {_NAMESPACES}><channel><title>Press</title>'
        f"<link>{BASE}</link><copyright>{RIGHTS}</copyright>{link}{items}</channel></rss>"
    )


def _shown(story: Story) -> str:
    if story.shows == "media":
        sizes = "".join(
            f'<media:content url="{BASE}/{story.number}-{side}.jpg" type="image/jpeg" width="{side}" height="{side}"/>'
            for side in (4800, 1600, 320)
        )
        return (
            f"<media:group>{sizes}</media:group><media:title>Picture {story.number}</media:title>"
            f'<media:credit role="artist">Artist {story.number}</media:credit>'
            f'<media:thumbnail url="{BASE}/{story.number}-160.jpg" width="160" height="160"/>'
        )
    return f"<content:encoded><![CDATA[{_article(story)}]]></content:encoded>"


def _article(story: Story) -> str:
    image = f'<img src="/{story.number}-1600.jpg" alt="In article {story.number}">' if story.shows == "article" else ""
    return f"<p>A & B</p>{image}<img src=/dot-1.jpg width=1 height=1>"


def _atom(stories: list[Story], following: str | None) -> str:
    def body(story: Story) -> str:
        if story.shows == "media":
            return f'<link rel="enclosure" type="image/jpeg" href="/{story.number}-1600.jpg"/>'
        return f'<content type="html">{escape(_article(story))}</content>'

    entries = "".join(
        f'<entry><title type="html">{escape(story.title)}</title><id>{story.link}</id><link href="{story.link}"/>'
        f"<author><name>Curator {story.number}</name></author><published>{story.published.isoformat()}</published>"
        f"<updated>{story.updated.isoformat()}</updated>{body(story)}</entry>"
        for story in stories
    )
    link = f'<link rel="next" href={quoteattr(following)}/>' if following else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Press</title>'
        f"<rights>{RIGHTS}</rights>{link}{entries}</feed>"
    )
