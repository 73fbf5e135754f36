"""The XML of feeds: RSS 2.0, RSS 1.0, Atom and their modules, read into one shape.

Of RSS 2.0 (rssboard.org/rss-specification), RSS 1.0 (web.resource.org/rss/1.0), Atom (RFC 4287), Media RSS
(rssboard.org/media-rss) and the modules ``dc``, ``content``, ``itunes`` and ``creativeCommons``. No tree is built, no
entity expanded, nothing fetched.
"""

from __future__ import annotations

import html
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from lxml import etree

from artalike.crawl import text, urls
from artalike.crawl.sources.charset import text_of
from artalike.crawl.sources.content import pieces
from artalike.crawl.sources.sitemap_xml import TooDeep, parser_for
from artalike.crawl.sources.xml_repair import lacks_declarations, repaired

MAX_ITEMS: Final = 5000
MAX_VALUES: Final = 50
"""Values of one name that are kept of one item: authors, categories, pictures."""
MAX_FIELD: Final = 200_000
"""Characters of one element that are kept: a whole article may be in it."""
MAX_DEPTH: Final = 100
"""Elements inside each other, but for those of an article."""
MAX_REPAIR: Final = 4_000_000
"""Bytes of a broken feed that are put right."""

# Of what a namespace's address contains, in this order; what is of none of them is not read.
_NAMESPACES: Final = (
    ("mrss", "media:"),
    ("modules/content", "content:"),
    ("purl.org/dc/", "dc:"),
    ("itunes", "itunes:"),
    ("creativecommons", "cc:"),
    ("web.resource.org/cc", "cc:"),
    ("modules/", "other:"),
    ("purl.org/rss/1.0", ""),
    ("netscape.com/rdf", ""),
    ("rdf-syntax", ""),
    ("2005/atom", ""),
    ("purl.org/atom", ""),
    ("backend.userland.com", ""),
)
_BASE: Final = "{http://www.w3.org/XML/1998/namespace}base"
_FEEDS: Final = frozenset({"channel", "feed"})
_ITEMS: Final = frozenset({"item", "entry"})
# What has fields of its own, so that they are not taken for those of what is around it.
_PARTS: Final = _FEEDS | _ITEMS | {"media:group", "media:content", "image", "source", "textinput"}
_MEDIA: Final = frozenset({"media:group", "media:content"})
_EMPTY: Final = frozenset({"enclosure", "media:thumbnail", "itunes:image"})
# Text with markup in it, as text or as elements.
_MARKUP: Final = frozenset({"title", "content", "summary", "description", "content:encoded", "rights"})
# Who has the rights or put it there, and did not make it (the roles of Media RSS and of the EBU that it names).
_PUBLISHERS: Final = frozenset({"publisher", "publishing company", "owner", "distributor", "production company"})


@dataclass(slots=True, eq=False)
class Part:
    """A feed, an item, or one of an item's media, with the texts of the elements right inside it.

    ``kind`` and the names of ``values`` are those of elements, lower-case, with the prefix of their module. ``base`` is
    what relative addresses in it are relative to.
    """

    kind: str
    base: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    values: dict[str, list[str]] = field(default_factory=dict)
    media: list[Part] = field(default_factory=list)

    def first(self, *names: str) -> str | None:
        """The first value of the first of these that has one."""
        return next((self.values[name][0] for name in names if name in self.values), None)

    def add(self, name: str, value: str) -> None:
        values = self.values.setdefault(name, [])
        if len(values) < MAX_VALUES:
            values.append(value)


@dataclass(slots=True)
class Feed:
    """A feed as far as it could be read, and what broke it there."""

    about: Part
    items: list[Part]
    trouble: str | None = None


def read_feed(data: bytes, charset: str | None, url: str) -> Feed | None:
    """The feed in ``data``; None when it is none.

    What many feeds do wrong (HTML's entities, a lone ``&``, prefixes that nobody declared) is forgiven.
    """
    feed = _parsed(data, url)
    if len(data) <= MAX_REPAIR and (feed.trouble is not None or lacks_declarations(data)):
        again = _parsed(repaired(text_of(data, charset)).encode("utf-8", "replace"), url)
        if again.trouble is None or len(again.items) > len(feed.items):
            feed = again
    return feed if feed.about.kind or feed.items else None


def _parsed(data: bytes, url: str) -> Feed:
    target = _Target(url)
    parser = parser_for(target)
    trouble = None
    try:
        # Blank space before the declaration is an error that many feeds make and every reader forgives.
        for piece in pieces(io.BytesIO(data.removeprefix(b"\xef\xbb\xbf").lstrip())):
            parser.feed(piece)
        parser.close()
    except (etree.LxmlError, TooDeep) as error:
        trouble = text.reason(error)
    return Feed(target.about, target.items, trouble)


class _Target:
    """What lxml's parser calls for each tag and text."""

    def __init__(self, url: str) -> None:
        self.about = Part("", url)
        self.items: list[Part] = []
        self._parts = [self.about]
        self._open: list[str] = []
        self._text: list[str] = []
        self._length = 0
        self._role: str | None = None
        self._inner = 0
        """How deep inside an element of _MARKUP."""
        self._escape = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = _named(tag)
        # Where no entity is expanded, libxml2 leaves one in attributes: every "&" is the reference to itself.
        attributes = {key: value.replace("&#38;", "&") for key, value in attributes.items()}
        if self._inner:
            self._inner += 1
            self._append(_start_tag(tag, attributes))
            return
        if len(self._open) == MAX_DEPTH:
            raise TooDeep(f"more than {MAX_DEPTH} elements inside each other")
        self._open.append(name)
        self._text, self._length, self._escape = [], 0, attributes.get("type") == "xhtml"
        self._role = (attributes.get("role") or "").strip().lower()
        part = self._parts[-1]
        if name in _PARTS:
            self._begin(name, attributes)
        elif name in _EMPTY or (name == "content" and "src" in attributes):
            self._attach(Part(name, part.base, attributes))
        elif name == "link" and "href" in attributes:
            rel = (attributes.get("rel") or "alternate").strip().lower()
            if rel == "enclosure":
                self._attach(Part("enclosure", part.base, {**attributes, "url": attributes["href"]}))
            else:
                part.add(f"link {rel}", attributes["href"])
        elif name in {"media:license", "cc:license", "media:copyright"}:
            address = attributes.get("href") or attributes.get("url") or _resource(attributes)
            if address:
                part.add(name, address)
        if name in _MARKUP:
            self._inner = 1

    def data(self, data: str) -> None:
        self._append(html.escape(data) if self._inner and self._escape else data)

    def end(self, tag: str) -> None:
        if self._inner > 1:
            self._inner -= 1
            self._append(f"</{_local(tag)}>")
            return
        self._inner = 0
        name, value = self._open.pop(), "".join(self._text).strip()
        around = self._open[-1] if self._open else ""
        self._text, self._length = [], 0
        if name == self._parts[-1].kind and len(self._parts) > 1:
            self._finish(value)
        elif value and name == "name" and around == "author":
            self._parts[-1].add("author", value)
        elif value and around in {self._parts[-1].kind, ""}:
            if name == "media:credit" and self._role in _PUBLISHERS:
                name = "media:publisher"
            self._parts[-1].add(name, value)

    def close(self) -> None:
        """Nothing is left to do; lxml wants to call it."""

    def _append(self, data: str) -> None:
        if self._length < MAX_FIELD:
            self._text.append(data[: MAX_FIELD - self._length])
            self._length += len(data)

    def _begin(self, name: str, attributes: Mapping[str, str]) -> None:
        base = attributes.get(_BASE)
        around = self._parts[-1].base
        part = Part(name, (urls.join(around, base) or around) if base else around, attributes)
        if name in _FEEDS and not self.about.kind:
            self.about = part
        self._parts.append(part)

    def _finish(self, value: str) -> None:
        part = self._parts.pop()
        if part.kind in _ITEMS:
            if len(self.items) < MAX_ITEMS:
                self.items.append(part)
        elif part.kind in _MEDIA:
            self._attach(part)
        elif part.kind == "image" and self._parts[-1].kind in _ITEMS:  # in a feed it is the feed's own sign
            address = part.first("url") or part.attributes.get("url") or value
            self._attach(Part("enclosure", part.base, {"url": address, "medium": "image"}))

    def _attach(self, media: Part) -> None:
        part = self._parts[-1]
        if len(part.media) < MAX_VALUES:
            part.media.append(media)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _resource(attributes: Mapping[str, str]) -> str | None:
    return next((value for name, value in attributes.items() if name.endswith("}resource")), None)


def _start_tag(tag: str, attributes: Mapping[str, str]) -> str:
    said = "".join(f' {name}="{html.escape(value)}"' for name, value in attributes.items() if "}" not in name)
    return f"<{_local(tag)}{said}>"


@lru_cache(1000)
def _named(tag: str) -> str:
    namespace, _, name = tag.rpartition("}")
    lowered = namespace.lower()
    prefix = next((prefix for part, prefix in _NAMESPACES if part in lowered), "other:") if namespace else ""
    return prefix + name.lower()
