"""Sitemaps (sitemaps.org) with Google's image entries: indexes, XML and plain text, packed with gzip or not."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import BinaryIO, Final

from anyio import to_thread

from artalike.crawl import urls
from artalike.crawl.sources.base import Document, Found, Reach
from artalike.crawl.sources.batches import Step, in_batches, numbered
from artalike.crawl.sources.content import head, is_picture_address, lines, opened
from artalike.crawl.sources.feed import FeedSource
from artalike.crawl.sources.local import existing
from artalike.crawl.sources.options import Options
from artalike.crawl.sources.sitemap_xml import Entry, xml_entries
from artalike.errors import FailureKind, ParseError
from artalike.records import Candidate, Task

MAX_NESTING: Final = 5
"""Indexes in indexes. The protocol allows none; some sites have two."""
RECRAWL: Final = 86_400.0
"""Seconds after which a sitemap is read again. What it calls unchanged (``lastmod``) is then left alone."""

_FEED: Final = FeedSource()
_NAME: Final = re.compile(r"sitemap[^/]*\.(?:xml|txt)(?:\.gz)?", re.IGNORECASE)
# The root element, behind a declaration, comments and a document type.
_ROOT: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|<\?[^>]*>|<!--(?:(?!-->).)*-->|<!DOCTYPE[^>]*>)*<(?:\w+:)?(?:urlset|sitemapindex)[\s>]",
    re.DOTALL,
)


class SitemapSource:
    """A sitemap or an index of sitemaps. The cursor is the number of the last entry found."""

    kind = "sitemap"
    looks_like = "an address or file called sitemap*.xml or sitemap*.txt, also .gz"
    yields = "the pictures that it names, and those on the pages that it names"
    takes = ("depth",)
    schemes = ("http", "https", "file")

    def match(self, text: str) -> str | None:
        path = existing(text)
        url = urls.web(text) if path is None else urls.from_path(path)
        if url is None or (path is not None and not path.is_file()):
            return None
        return url if _NAME.search(url.partition("?")[0].rpartition("/")[2]) else None

    def recognizes(self, document: Document) -> bool:
        return _ROOT.match(head(document)) is not None

    async def expand(self, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
        local = urls.is_local(task.url)
        document = Document(task.url, b"") if local else await reach.document(task.url, accept="application/xml,*/*")
        if not local and await to_thread.run_sync(_FEED.recognizes, document):
            # The protocol allows feeds for sitemaps. This one is as far away as the page that named it.
            yield Found([Candidate(task.url, _FEED.kind, depth=max(0, task.depth - 1))], None)
            return
        options = Options.of(task.options)
        depth = reach.settings.crawl.depth if options.depth is None else options.depth
        limit = None if local else reach.settings.download.max_document_bytes
        steps = _steps(task, document, None if local else document.data, max_depth=depth, limit=limit)
        async with aclosing(in_batches(steps)) as batches:
            async for found in batches:
                yield replace(found, recrawl=RECRAWL if task.depth == 0 else None)


def _steps(task: Task, document: Document, data: bytes | None, *, max_depth: int, limit: int | None) -> Iterator[Step]:
    if task.depth > MAX_NESTING:
        raise ParseError(FailureKind.BAD_DOCUMENT, f"{document.url}: more than {MAX_NESTING} indexes around it")
    with opened(document.url, data, limit) as stream:
        start = stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    with opened(document.url, data, limit) as stream:
        read = xml_entries if start.startswith(b"<") or b"\0" in start else _text_entries
        yield from numbered(_candidates(read(stream, document.url), task, document.url, max_depth), task.cursor)


def _text_entries(stream: BinaryIO, name: str) -> Iterator[Entry]:
    found = False
    for line in lines(stream):
        url = urls.web(line)
        if url is not None:
            found = True
            yield Entry(url)
    if not found:
        raise ParseError(FailureKind.BAD_DOCUMENT, f"{name}: not a sitemap: neither XML nor a list of addresses")


def _candidates(entries: Iterator[Entry], task: Task, base: str, max_depth: int) -> Iterator[Candidate]:
    for entry in entries:
        url = urls.join(base, entry.url)
        if url is None or urls.is_local(url):
            continue
        if entry.is_sitemap:
            yield Candidate(url, "sitemap", depth=task.depth + 1, revision=entry.lastmod)
        elif not is_picture_address(url):
            # At the deepest depth: the page is read for pictures, and its links are left alone.
            yield Candidate(url, "page", depth=max(max_depth, task.depth), revision=entry.lastmod)
        else:
            yield Candidate(url, depth=task.depth, revision=entry.lastmod)
        for picture in entry.pictures:
            address = urls.join(base, picture.url)
            if address is not None and not urls.is_local(address):
                page = replace(picture.metadata, page_url=url)
                yield replace(picture, url=address, depth=task.depth, metadata=page)
