"""The kinds of sources, and which of them a string is.

A new kind is one file with one class, added to ``_SPECIFIC``; nothing else knows the kinds.
"""

from __future__ import annotations

from typing import Final

from artalike.crawl import urls
from artalike.crawl.sources.aic import AicSource
from artalike.crawl.sources.base import Document, Found, Reach, Source
from artalike.crawl.sources.cleveland import ClevelandSource
from artalike.crawl.sources.commons import CommonsSource
from artalike.crawl.sources.feed import FeedSource
from artalike.crawl.sources.folder import FolderSource
from artalike.crawl.sources.funnel import Funnel
from artalike.crawl.sources.iiif import IiifSource
from artalike.crawl.sources.image import ImageSource
from artalike.crawl.sources.list import ListSource
from artalike.crawl.sources.local import existing, named
from artalike.crawl.sources.louvre import LouvreSource
from artalike.crawl.sources.met import MetSource
from artalike.crawl.sources.options import check_options
from artalike.crawl.sources.page import PageSource
from artalike.crawl.sources.rijksmuseum import RijksmuseumSource
from artalike.crawl.sources.shards import ShardsSource
from artalike.crawl.sources.sitemap import SitemapSource
from artalike.errors import SourceError
from artalike.records import Candidate

__all__ = ["SOURCES", "Document", "Found", "Reach", "Source", "check_options", "detect", "source_for"]

_SPECIFIC: Final[tuple[Source, ...]] = (
    CommonsSource(),  # before images: the page of a file there is called like one
    RijksmuseumSource(),
    ShardsSource(),
    FolderSource(),
    ImageSource(),
    IiifSource(),
    SitemapSource(),
    FeedSource(),
    ListSource(),
    MetSource(),
    LouvreSource(),
    AicSource(),
    ClevelandSource(),
)
"""In the order in which they are asked; the first that matches has it."""

SOURCES: Final[tuple[Source, ...]] = tuple(Funnel(source) for source in (*_SPECIFIC, PageSource(_SPECIFIC)))
"""Every kind. A page is what any address is that says nothing more."""

_BY_KIND: Final = {source.kind: source for source in SOURCES}


def source_for(kind: str) -> Source:
    """The source of a kind. Raises SourceError that lists the kinds."""
    source = _BY_KIND.get(kind)
    if source is None:
        raise SourceError(f"kind {kind[:100]!r}: unknown; expected one of {', '.join(_BY_KIND)}")
    return source


def detect(source: str, kind: str | None = None) -> Candidate:
    """The root from which a source grows: its kind found out, or taken from ``kind``.

    Looks at the disk, so call it in a thread. Raises SourceError that lists the kinds.
    """
    text = source.strip()
    if not urls.is_text(text):
        raise SourceError(f"source {_shown(text)}: no text in UTF-8; expected the address of a path, file:///…%FF")
    asked = SOURCES if kind is None else (source_for(kind),)
    for candidate in asked:
        url = candidate.match(text)
        if url is not None:
            return Candidate(url, candidate.kind)
    if kind is not None:
        return _forced(text, asked[0])
    raise SourceError(_refusal(text))


def _forced(text: str, source: Source) -> Candidate:
    """``text`` as a source of a kind that it does not look like, where its scheme allows that."""
    path = existing(text)
    url = urls.from_path(path) if path is not None else urls.web(text)
    if url is None or url.partition(":")[0] not in source.schemes:
        raise SourceError(
            f"source {_shown(text)}: {_trouble(text)}; expected for kind {source.kind!r}: {source.looks_like}"
        )
    return Candidate(url, source.kind)


def _refusal(text: str) -> str:
    kinds = "; ".join(f"{source.kind} ({source.looks_like})" for source in SOURCES)
    return f"source {_shown(text)}: {_trouble(text)}; expected one of: {kinds}"


def _trouble(text: str) -> str:
    """What is wrong with a source that nobody knows."""
    if not text:
        return "empty"
    meant = _BY_KIND.get(text.partition(":")[0].lower())
    if meant is not None and ":" in text:
        return f"kind {meant.kind!r} is asked for as {meant.looks_like}"
    if existing(text) is not None:
        return "a file of no known kind"
    try:
        looks_local = urls.is_local(text) or not urls.has_scheme(text)
        if looks_local and named(text) is not None:
            return "no such file or folder"
        urls.canonical(text)
    except (ValueError, RuntimeError) as error:
        return str(error)
    return "not of a known kind"


def _shown(text: str) -> str:
    return repr(text[:200])
