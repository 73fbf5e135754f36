"""A web page: the pictures it shows, and the pages of its site that it links to."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from anyio import to_thread

from artalike.crawl import traps, urls
from artalike.crawl.directives import KEEPS_LINKS_OUT, KEEPS_PICTURES_OUT
from artalike.crawl.sources.base import Document, Found, Reach, Source
from artalike.crawl.sources.batches import in_batches, numbered
from artalike.crawl.sources.html import Page, read_page
from artalike.crawl.sources.local import existing
from artalike.crawl.sources.options import Options
from artalike.errors import FailureKind, ParseError
from artalike.records import IMAGE_KIND, Candidate, Metadata, Task

ACCEPT: Final = "text/html,application/xhtml+xml,application/xml;q=0.9,image/*;q=0.8,*/*;q=0.5"
# Links that are never pages of pictures: not worth a request.
_NO_PAGES: Final = frozenset(
    {".pdf", ".epub", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".ics", ".vcf", ".css", ".js", ".mjs", ".json"}
    | {".zip", ".gz", ".tar", ".rar", ".7z", ".exe", ".dmg", ".iso", ".apk", ".woff", ".woff2", ".ttf", ".otf", ".ico"}
    | {".mp3", ".mp4", ".m4a", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".ogg", ".ogv", ".wav", ".flac", ".svg"}
)
_LOCAL_PAGES: Final = frozenset({".html", ".htm", ".xhtml"})


class PageSource:
    """An HTML page, and what any address turns out to be that says nothing else.

    ``others`` are the sources that a document may turn out to be of.
    """

    kind = "page"
    looks_like = "the http or https address of a page, or a local .html file"
    yields = "its pictures, and those of the pages of its site that it links to"
    takes = ("depth",)
    schemes = ("http", "https", "file")

    def __init__(self, others: Sequence[Source]) -> None:
        self._others = others

    def match(self, text: str) -> str | None:
        path = existing(text)
        if path is not None:
            return urls.from_path(path) if path.is_file() and path.suffix.lower() in _LOCAL_PAGES else None
        return urls.web(text)

    def recognizes(self, document: Document) -> bool:
        return document.content_type in {"text/html", "application/xhtml+xml"}

    async def expand(self, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
        document = await reach.document(task.url, accept=ACCEPT)
        kind = await to_thread.run_sync(self._true_kind, document)
        if kind is not None:
            yield Found([replace(_same(task), kind=kind)], None)
            return
        options = Options.of(task.options)
        depth = reach.settings.crawl.depth if options.depth is None else options.depth
        side = reach.settings.download.preferred_side
        read = partial(read_page, document.data, document.charset, document.url, preferred_side=side)
        page = await to_thread.run_sync(read)
        said = page.said | document.directives
        sitemaps = await _sitemaps(task, reach) if depth > task.depth else ()
        candidates = _candidates(task, document.url, page=page, said=said, depth=depth, sitemaps=sitemaps)
        async with aclosing(in_batches(numbered(candidates, task.cursor))) as batches:
            async for found in batches:
                yield found
        refused = said & KEEPS_PICTURES_OUT
        if refused and page.pictures and not (depth > task.depth and page.links):
            names = ", ".join(sorted(refused))
            raise ParseError(FailureKind.OPTED_OUT, f"{document.url}: its owner says {names}")

    def _true_kind(self, document: Document) -> str | None:
        return next((source.kind for source in self._others if source.recognizes(document)), None)


def _candidates(
    task: Task, url: str, *, page: Page, said: frozenset[str], depth: int, sitemaps: Sequence[str]
) -> Iterator[Candidate]:
    if not said & KEEPS_PICTURES_OUT:
        about = Metadata(title=page.title or page.meta.get("og:title"), page_url=url if urls.is_web(url) else None)
        for candidate in page.pictures.all(about):
            if _within(url, candidate.url):
                yield replace(candidate, depth=task.depth)
    for sitemap in sitemaps:
        yield Candidate(sitemap, "sitemap", depth=task.depth + 1)
    if not said & KEEPS_LINKS_OUT and depth > task.depth:
        links = (link for link in page.links if urls.is_web(link) and urls.same_site(link, url) and _may_be_page(link))
        for link in traps.followed(links, url):
            yield Candidate(link, "page", depth=task.depth + 1)


def _within(page: str, picture: str) -> bool:
    # A page saved from the web must not be able to name the other files of this machine.
    return urls.is_web(picture) or urls.to_path(picture).is_relative_to(urls.to_path(page).parent)


def _may_be_page(url: str) -> bool:
    return _NO_PAGES.isdisjoint(urls.suffixes(url)[-1:])


async def _sitemaps(task: Task, reach: Reach) -> Sequence[str]:
    parts = urlsplit(task.url)
    is_root = task.depth == 0 and parts.path == "/" and not parts.query
    return await reach.sitemaps(task.url) if is_root and urls.is_web(task.url) else ()


def _same(task: Task) -> Candidate:
    return Candidate(task.url, IMAGE_KIND, task.thumbnail_url, task.depth, task.metadata)
