"""Reads a page once, in document order, and keeps what is about pictures and links."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from artalike.crawl import directives, text, urls
from artalike.crawl.sources import jsonld
from artalike.crawl.sources.charset import text_of
from artalike.crawl.sources.content import is_picture_address
from artalike.crawl.sources.findings import Findings
from artalike.crawl.sources.sizes import Choice, Version, choose, longer
from artalike.crawl.sources.srcset import MAX_CANDIDATES, versions
from artalike.errors import FailureKind, ParseError
from artalike.records import Candidate, Metadata

MAX_META: Final = 1000
MAX_ELEMENTS: Final = 100_000
"""Pictures and links read of one page."""
NEAR: Final = 12
"""Levels up to which something around a picture is looked for."""
WITHIN: Final = 300
"""Elements or texts up to which something inside another is looked for: without a bound, a page could make the work
grow with the square of its size."""

# Where lazy loaders keep the true address until the picture is scrolled to, before the one that stands in for it.
_LAZY_SOURCES: Final = ("data-src", "data-original", "data-lazy-src", "data-full-src")
_SOURCES: Final = (*_LAZY_SOURCES, "src")
_LAZY_SRCSETS: Final = ("data-srcset", "data-lazy-srcset")
_SRCSETS: Final = (*_LAZY_SRCSETS, "srcset")
_PICTURE_TAGS: Final = frozenset({"img", "amp-img"})
_UNREADABLE_TYPES: Final = frozenset({"image/svg+xml", "image/jxl", "image/heic", "image/heif"})
_SAID_OF_SITE: Final = ("og:description", "og:site_name")
_SOCIAL: Final = ("og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src")


@dataclass(slots=True)
class Page:
    """What a page says. ``links`` are the canonical addresses of its links, ``said`` its robots meta directives."""

    base: str
    title: str | None = None
    said: frozenset[str] = frozenset()
    links: dict[str, None] = field(default_factory=dict)
    meta: dict[str, str] = field(default_factory=dict)
    pictures: Findings = field(default_factory=Findings)


def read_page(data: bytes, charset: str | None, url: str, *, preferred_side: int) -> Page:
    """The page at ``url``; of a picture's versions, the smallest with a side of ``preferred_side`` pixels is taken.

    Raises ParseError, BAD_DOCUMENT, when there is nothing of HTML in it."""
    # Through text and back: libxml2 then reads the encoding that we found, and stops at no NUL. "Huge", because tag
    # soup that never closes its elements is soon deeper than the 256 levels that are taken otherwise.
    source = text_of(data, charset).replace("\0", "\ufffd").encode("utf-8", "replace")
    try:
        root = document_fromstring(source, parser=HTMLParser(encoding="utf-8", no_network=True, huge_tree=True))
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise ParseError(FailureKind.BAD_DOCUMENT, f"{url}: not readable as HTML: {text.reason(error)}") from error
    return _Reader(root, url, preferred_side).read()


class _Reader:
    def __init__(self, root: HtmlElement, url: str, preferred_side: int) -> None:
        self._root = root
        self._side = preferred_side
        self._page = Page(base=url)
        self._captions: dict[HtmlElement, str | None] = {}

    def read(self) -> Page:
        self._read_head()
        page = self._page
        for script in self._root.iter("script"):
            if "ld+json" in (script.get("type") or "").lower():
                for candidate, full in jsonld.pictures(script.text or "", self._side):
                    self._add(candidate.url, candidate.metadata, thumbnail=candidate.thumbnail_url, full=full)
        for element in islice(self._root.iter("img", "amp-img", "a", "area"), MAX_ELEMENTS):
            if element.tag in _PICTURE_TAGS:
                self._read_picture(element)
            else:
                self._read_link(element)
        self._read_social()
        return page

    def _read_head(self) -> None:
        page = self._page
        base = next((element.get("href") for element in self._root.iter("base") if element.get("href")), None)
        if base is not None:
            page.base = urls.join(page.base, base) or page.base
        title = next(self._root.iter("title"), None)
        page.title = None if title is None else _text(title)
        for element in self._root.iter("meta"):
            name = (element.get("property") or element.get("name") or "").strip().lower()
            content = element.get("content") or ""
            page.said |= directives.from_meta(name, content)
            if name and content and len(page.meta) < MAX_META:
                page.meta.setdefault(name, content)

    def _read_picture(self, element: HtmlElement) -> None:
        choice = None if _is_beacon(element) else _best_source(element, self._side)
        if choice is None:
            return
        said = self._said_of(element)
        link = _around(element, "a")
        full = urls.join(self._page.base, link.get("href") or "") if link is not None else None
        if full is None or not is_picture_address(full):
            self._add(choice.url, said, full=choice.full_url)
        elif choice.enough:
            self._add(choice.url, said, full=full)
        else:
            # A small picture that leads to a large one is one picture.
            self._add(full, said, thumbnail=choice.url)

    def _read_link(self, element: HtmlElement) -> None:
        url = urls.join(self._page.base, element.get("href") or "")
        if url is None:
            return
        if not is_picture_address(url):
            if not {"nofollow", "ugc", "sponsored"} & set((element.get("rel") or "").lower().split()):
                self._page.links.setdefault(url)
        elif _first_within(element, *_PICTURE_TAGS) is None:  # else it is read as that picture's large version
            self._add(url, Metadata(title=element.get("title") or _text(element)))

    def _read_social(self) -> None:
        meta = self._page.meta
        title = meta.get("og:image:alt") or meta.get("twitter:image:alt") or meta.get("og:title")
        extra: dict[str, str] = {name: meta[name] for name in _SAID_OF_SITE if name in meta}
        for name in _SOCIAL:
            if name in meta:
                self._add(meta[name], Metadata(title=title, creator=meta.get("author"), extra=extra))
        for element in self._root.iter("link"):
            if "image_src" in (element.get("rel") or "").lower().split():
                self._add(element.get("href") or "", Metadata(title=title))

    def _said_of(self, element: HtmlElement) -> Metadata:
        caption = self._caption(element)
        alt = element.get("alt")
        return Metadata(title=caption or alt or element.get("title"), extra={"alt": alt} if alt and caption else {})

    def _caption(self, element: HtmlElement) -> str | None:
        figure = _around(element, "figure")
        if figure is None:
            return None
        if figure not in self._captions:  # one figure may hold thousands of pictures
            caption = _first_within(figure, "figcaption")
            self._captions[figure] = None if caption is None else _text(caption)
        return self._captions[figure]

    def _add(self, reference: str, said: Metadata, *, thumbnail: str | None = None, full: str | None = None) -> None:
        if len(self._page.pictures) >= MAX_ELEMENTS:
            return
        base = self._page.base
        url = urls.join(base, reference)
        if url is None or urls.suffixes(url)[-1:] == (".svg",):
            return
        small = urls.join(base, thumbnail) if thumbnail else None
        large = urls.join(base, full) if full else None
        self._page.pictures.add(Candidate(url, thumbnail_url=small, metadata=said), full_url=large)


def _is_beacon(element: HtmlElement) -> bool:
    """Whether this is a dot that counts readers. Lazy loaders have such dots, too, until the picture comes."""
    dot = {"0", "1"}.issuperset((element.get("width") or "", element.get("height") or ""))
    return dot and not any(element.get(name) for name in (*_LAZY_SOURCES, *_SRCSETS))


def _best_source(element: HtmlElement, preferred_side: int) -> Choice | None:
    """The version to take of an image element: of its own, and of those of the ``picture`` around it."""
    shown = longer(element.get("width"), element.get("height"))
    srcsets = [element.get(name) or "" for name in _SRCSETS]
    # Not only the parent: libxml2 takes a source element for one that has contents.
    picture = _around(element, "picture")
    if picture is not None:
        for source in islice(picture.iter("source"), MAX_CANDIDATES):
            if (source.get("type") or "").lower() not in _UNREADABLE_TYPES:
                srcsets += [source.get(name) or "" for name in _SRCSETS]
    # Joined, the sizes of all of them compete.
    found = list(versions(", ".join(srcset for srcset in srcsets if srcset.strip()), shown))
    if found:
        source = (element.get("src") or "").strip()
        lazy = any(element.get(name) for name in (*_LAZY_SOURCES, *_LAZY_SRCSETS))
        if shown and source and not lazy and not source.lower().startswith("data:"):
            found.append(Version(source, shown))
        return choose(found, preferred_side)
    sources = (element.get(name) or "" for name in _SOURCES)
    best = next((source for source in sources if source.strip() and not source.lower().startswith("data:")), None)
    return None if best is None else Choice(best)


def _around(element: HtmlElement, tag: str) -> HtmlElement | None:
    return next((ancestor for ancestor in islice(element.iterancestors(), NEAR) if ancestor.tag == tag), None)


def _first_within(element: HtmlElement, *tags: str) -> HtmlElement | None:
    return next((inner for inner in islice(element.iter(), WITHIN) if inner.tag in tags), None)


def _text(element: HtmlElement) -> str | None:
    return " ".join("".join(islice(element.itertext(), WITHIN)).split()) or None
