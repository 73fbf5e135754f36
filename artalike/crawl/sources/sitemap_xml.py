"""The XML of sitemaps, read as it streams by: no tree is built, no entity expanded, nothing fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

from lxml import etree

from artalike.crawl import text
from artalike.crawl.sources.content import pieces
from artalike.errors import FailureKind, ParseError
from artalike.records import Candidate, Metadata

MAX_FIELD: Final = 10_000
"""Characters of one element that are kept."""
MAX_LASTMOD: Final = 64
"""Characters: a date and a time have some thirty."""
MAX_DEPTH: Final = 100
"""Elements inside each other; a sitemap has four."""
MAX_PICTURES: Final = 1000
"""Pictures kept of one entry; the image extension allows so many."""

_ROOTS: Final = frozenset({"urlset", "sitemapindex"})
_ENTRIES: Final = frozenset({"url", "sitemap"})


class TooDeep(ValueError):
    """More elements inside each other than any document of its kind has: each would be remembered."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One ``url`` or ``sitemap`` element; addresses and ``lastmod`` are as written."""

    url: str
    is_sitemap: bool = False
    pictures: Sequence[Candidate] = ()
    lastmod: str | None = None


def parser_for(target: object) -> etree.XMLParser:
    """Hands what it reads to ``target`` as it goes; expands no entity, fetches nothing, keeps libxml2's bounds."""
    return etree.XMLParser(
        # The stubs know only targets that also take bytes and comments, which lxml hands to none that lacks them.
        target=cast("etree.ParserTarget", target),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )


def xml_entries(stream: BinaryIO, name: str) -> Iterator[Entry]:
    """The entries in their order. ``name`` is for messages.

    Raises ParseError, BAD_DOCUMENT, where the XML breaks, after the entries before that place, and for XML that is no
    sitemap.
    """
    target = _Target()
    parser = parser_for(target)
    first = True
    try:
        for piece in pieces(stream):
            # Blank space before the declaration is an error that many sites make and every reader forgives.
            parser.feed(piece.removeprefix(b"\xef\xbb\xbf").lstrip() if first else piece)
            first = False
            yield from target.drain()
        parser.close()
    except (etree.LxmlError, TooDeep) as error:
        yield from target.drain()
        raise ParseError(FailureKind.BAD_DOCUMENT, f"{name}: broken XML: {text.reason(error)}") from error
    yield from target.drain()
    if target.root not in _ROOTS:
        raise ParseError(FailureKind.BAD_DOCUMENT, f"{name}: not a sitemap: its root is <{target.root}>")


class _Target:
    """What lxml's parser calls for each tag and text. Namespaces are dropped: sites spell them in many ways."""

    def __init__(self) -> None:
        self.root = ""
        self._ready: list[Entry] = []
        self._open: list[str] = []
        self._text: list[str] = []
        self._length = 0
        self._loc = ""
        self._lastmod: str | None = None
        self._pictures: list[Candidate] = []
        self._picture: dict[str, str] = {}

    def drain(self) -> list[Entry]:
        """The entries completed since the last call."""
        ready, self._ready = self._ready, []
        return ready

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = _local(tag)
        self.root = self.root or name
        if len(self._open) == MAX_DEPTH:
            raise TooDeep(f"more than {MAX_DEPTH} elements inside each other")
        self._open.append(name)
        self._text, self._length = [], 0
        if name in _ENTRIES:
            self._begin()
        elif name == "image":
            self._picture = {}

    def data(self, data: str) -> None:
        if self._length < MAX_FIELD:
            self._text.append(data[: MAX_FIELD - self._length])
            self._length += len(data)

    def end(self, tag: str) -> None:
        name, value = self._open.pop(), "".join(self._text).strip()
        around = self._open[-1] if self._open else ""
        self._text, self._length = [], 0
        if around == "image":
            self._picture.setdefault(name, value)
        elif name == "image":
            self._end_picture()
        elif name == "loc":
            self._loc = value
        elif name == "lastmod":
            self._lastmod = value[:MAX_LASTMOD] or None
        elif name in _ENTRIES:
            if self._loc:
                self._ready.append(Entry(self._loc, name == "sitemap", tuple(self._pictures), self._lastmod))
            self._begin()

    def close(self) -> None:
        """Nothing is left to do; lxml wants to call it."""

    def _begin(self) -> None:
        self._loc, self._lastmod, self._pictures = "", None, []

    def _end_picture(self) -> None:
        picture = self._picture
        if picture.get("loc") and len(self._pictures) < MAX_PICTURES:
            place = text.from_html(picture.get("geo_location", ""))
            metadata = Metadata(
                title=text.from_html(picture.get("title") or picture.get("caption", "")),
                rights=text.from_html(picture.get("license", "")),
                extra={"geo_location": place} if place else {},
            )
            self._pictures.append(Candidate(picture["loc"], metadata=metadata))


def _local(tag: str) -> str:
    return tag.rpartition("}")[2].lower()
