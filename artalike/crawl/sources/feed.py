"""Feeds: RSS, Atom and Media RSS, page by page (RFC 5005), newest first."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from anyio import to_thread

from artalike.crawl import urls
from artalike.crawl.directives import KEEPS_LINKS_OUT, forbids_pictures_of
from artalike.crawl.sources.base import Document, Found, Reach
from artalike.crawl.sources.batches import Step, in_batches, numbered
from artalike.crawl.sources.content import head
from artalike.crawl.sources.feed_items import key_of, page_of, pictures_of
from artalike.crawl.sources.feed_xml import Feed, read_feed
from artalike.crawl.sources.local import existing
from artalike.crawl.sources.options import Options
from artalike.errors import FailureKind, ParseError
from artalike.records import Candidate, Task

ACCEPT: Final = (
    "application/atom+xml,application/rss+xml,application/rdf+xml,application/xml;q=0.9,text/xml;q=0.9,*/*;q=0.5"
)
MAX_BYTES: Final = 10_000_000
MAX_PAGES: Final = 100
RECRAWL: Final = 3600.0
"""Seconds after which a feed is read again; longer where it asks for that itself."""
LONGEST_RECRAWL: Final = 86_400.0
REMEMBERED: Final = 20
"""Items of a feed's first page by which the next crawl knows that it has come to what was there."""

_PATH: Final = re.compile(
    r"(?:/(?:feed|rss|atom)/?|\.(?:rss|atom)|/(?:feed|rss2?|atom1?)\.(?:xml|rdf|php)|/index\.rdf)$", re.IGNORECASE
)
_QUERY: Final = re.compile(r"(?:^|&)(?:feed|format)=(?:rss|atom|rdf)", re.IGNORECASE)
_LOCAL: Final = re.compile(r"(?:^|[^a-z])(?:rss|atom|feed)\w{0,3}\.xml$|\.(?:rss|atom)$", re.IGNORECASE)
_ROOT: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|<\?[^>]*>|<!--(?:(?!-->).)*-->|<!DOCTYPE[^>]*>)*"
    rb"<(?:rss[\s>]|(?:\w+:)?feed\s[^>]*(?:www\.w3\.org/2005/Atom|purl\.org/atom)"
    rb"|(?:\w+:)?RDF\s[^>]*(?:purl\.org/rss/|netscape\.com/rdf))",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a reading has come: to which page, what its number is, and how many of its candidates are found."""

    url: str
    page: int = 0
    done: int = 0

    @classmethod
    def of(cls, task: Task) -> _Place:
        if task.cursor is None:
            return cls(task.url)
        return cls(*json.loads(task.cursor))

    def __str__(self) -> str:
        return json.dumps([self.url, self.page, self.done])


class FeedSource:
    """A feed: the pictures of its items, and the pages of those that have none.

    The cursor is a page, its number and the number of the last candidate found there; the checkpoint, the newest items:
    the next crawl reads no pages behind the one on which it meets one of them.
    """

    kind = "feed"
    looks_like = "the address of a feed (…/feed, .rss, .atom, rss.xml), or such a file"
    yields = "the pictures of its items, and on each recrawl only what is new"
    takes = ("depth",)
    schemes = ("http", "https", "file")

    def match(self, text: str) -> str | None:
        path = existing(text)
        if path is not None:
            return urls.from_path(path) if path.is_file() and _LOCAL.search(path.name) else None
        url = urls.web(text)
        if url is None:
            return None
        parts = urlsplit(url)
        return url if _PATH.search(parts.path) or _QUERY.search(parts.query) else None

    def recognizes(self, document: Document) -> bool:
        return _ROOT.match(head(document)) is not None

    async def expand(self, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
        place: _Place | None = _Place.of(task)
        while place is not None:
            limit = min(MAX_BYTES, reach.settings.download.max_document_bytes)
            document = await reach.document(place.url, accept=ACCEPT, max_bytes=limit)
            feed = await to_thread.run_sync(read_feed, document.data, document.charset, document.url)
            if feed is None:
                yield Found([_as_page(task, document, place)], None)
                return
            following = _next(task, feed, document, place)
            async for found in _of_page(task, reach, feed, document.directives, place):
                yield found
            first = place.page == 0
            yield Found(
                [],
                None if following is None else str(following),
                checkpoint=json.dumps(_keys(feed)[:REMEMBERED]) if first else None,
                recrawl=_recrawl(feed) if first and task.depth == 0 else None,
            )
            if feed.trouble is not None:
                raise ParseError(FailureKind.BAD_DOCUMENT, f"{document.url}: broken XML: {feed.trouble}")
            place = following


async def _of_page(
    task: Task, reach: Reach, feed: Feed, said: frozenset[str], place: _Place
) -> AsyncGenerator[Found, None]:
    settings = reach.settings
    options = Options.of(task.options)
    depth = settings.crawl.depth if options.depth is None else options.depth
    follow = depth > task.depth and not said & KEEPS_LINKS_OUT
    take = not forbids_pictures_of(said)
    candidates = _candidates(task, feed, settings.download.preferred_side if take else None, follow=follow)
    steps: Iterator[Step] = (
        (candidate, str(replace(place, done=int(number))))
        for candidate, number in numbered(candidates, str(place.done))
    )
    async with aclosing(in_batches(steps)) as batches:
        async for found in batches:
            yield found
    if not take and not follow and feed.items:
        raise ParseError(FailureKind.OPTED_OUT, f"{place.url}: its owner says {', '.join(sorted(said))}")


def _candidates(task: Task, feed: Feed, preferred_side: int | None, *, follow: bool) -> Iterator[Candidate]:
    """The pictures, none where ``preferred_side`` is None, or else the pages of all items."""
    for item in feed.items:
        pictures = [] if preferred_side is None else pictures_of(item, feed.about, preferred_side)
        yield from (replace(picture, depth=task.depth) for picture in pictures)
        page = page_of(item, task.depth + 1) if follow and not pictures else None
        if page is not None:
            yield page


def _next(task: Task, feed: Feed, document: Document, place: _Place) -> _Place | None:
    """The page behind this one, unless what is there was read the last time."""
    named = feed.about.first("link next")
    url = urls.join(document.url, named) if named else None
    if url is None or not urls.is_web(url) or url in {document.url, place.url} or place.page + 1 >= MAX_PAGES:
        return None
    if not urls.same_site(url, document.url) or not feed.items:
        return None
    known = set(json.loads(task.checkpoint)) if task.recheck and task.checkpoint else set()
    return None if known.intersection(_keys(feed)) else _Place(url, place.page + 1)


def _keys(feed: Feed) -> Sequence[str]:
    return [key[:500] for item in feed.items if (key := key_of(item)) is not None]


def _recrawl(feed: Feed) -> float:
    minutes = feed.about.first("ttl") or ""
    wished = float(minutes) * 60 if minutes.isdecimal() and len(minutes) < 9 else 0.0
    return min(max(RECRAWL, wished), LONGEST_RECRAWL)


def _as_page(task: Task, document: Document, place: _Place) -> Candidate:
    """Where an address promised a feed and there is a page. Raises ParseError for anything else."""
    if place.page or document.content_type not in {"text/html", "application/xhtml+xml"}:
        raise ParseError(FailureKind.BAD_DOCUMENT, f"{document.url}: not a feed")
    return Candidate(task.url, "page", depth=task.depth)
