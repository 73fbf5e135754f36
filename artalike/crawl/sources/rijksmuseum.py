"""The Rijksmuseum: its search (data.rijksmuseum.nl/docs/search) and its records in Linked Art (linked.art/model).

A search leads to objects, an object to what it shows, that to digital pictures, those to a IIIF image: each step is a
document of its own with the metadata gathered so far, so that a crawl may stop and be paced at any of them. The search
cannot be asked for what has changed: a recrawl reads all records again, and no picture.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from anyio import to_thread

from artalike.crawl import urls
from artalike.crawl.sources import museum
from artalike.crawl.sources.base import Document, Found, Reach
from artalike.crawl.sources.options import Options
from artalike.errors import FailureKind, ParseError
from artalike.records import Candidate, Metadata, Task

MAX_ITEMS: Final = 1000
"""Entries read of one list in a record; a search page has 100."""
MAX_DEPTH: Final = 4
"""Documents from the root to a picture, with one to spare."""

_ACCEPT: Final = "application/ld+json,application/json;q=0.5"
_RECORD: Final = re.compile(r"https?://(?:id|data)\.rijksmuseum\.nl/[0-9]{1,40}")
_IIIF: Final = re.compile(r"(https?://[^?#]+)/full/(?:max|full)/0/(?:default|native|color)\.jpg")
_OPEN: Final = re.compile(r"https?://creativecommons\.org/publicdomain/(?:mark|zero)/")

# Terms of the Art & Architecture Thesaurus (vocab.getty.edu/aat) by which the records say what a text is.
_AAT: Final = "http://vocab.getty.edu/aat/"
_LANGUAGES: Final = {"nl": f"{_AAT}300388256", "en": f"{_AAT}300388277"}
_MAIN_TITLES: Final = frozenset({f"{_AAT}300404670", f"{_AAT}300417200"})
_MAKER: Final = f"{_AAT}300435416"
_MATERIALS: Final = f"{_AAT}300435429"
_CREDIT: Final = f"{_AAT}300026687"
_FURTHER: Final = {"dimensions": f"{_AAT}300435430", "description": f"{_AAT}300435452"}

Node = Mapping[str, Any]


class RijksmuseumSource:
    """Objects by search parameters, ``rijksmuseum:type=painting``, or one by the address of its record.

    The cursor is the address of the next page. Open access is what its record marks as public domain or CC0.
    """

    kind = "rijksmuseum"
    looks_like = "rijksmuseum:, rijksmuseum:type=painting&creator=… or the address of a record at id.rijksmuseum.nl"
    yields = "the open collection of the Rijksmuseum, or what of it is asked for"
    takes = ("open_access", "languages")
    schemes = ("http", "https")

    def match(self, text: str) -> str | None:
        url = urls.web(text)
        return url if url is not None and _RECORD.fullmatch(url) else museum.root_of(self.kind, text)

    def recognizes(self, document: Document) -> bool:
        return False

    async def expand(self, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
        if not museum.is_root(task):
            yield Found(await self._of_record(task, reach), None)
            return
        query = {"imageAvailable": ["true"]}
        for name, value in parse_qsl(task.url.partition(":")[2]):
            query[name] = [*query.get(name, []), value] if name != "imageAvailable" else [value]
        base = reach.settings.museums.rijksmuseum
        url: str | None = task.cursor or f"{base}/search/collection?{urlencode(query, doseq=True, errors='replace')}"
        seen: set[str] = set()
        while url is not None and url not in seen:
            seen.add(url)
            page, address = await _read(url, reach)
            objects = [Candidate(item, self.kind, depth=task.depth + 1) for item in _ids(page.get("orderedItems"))]
            # A page without objects ends it, whatever it calls the next: pages could go on without end.
            url = urls.join(address, _text(_node(page.get("next")).get("id")) or "") if objects else None
            yield Found(objects, url)

    async def _of_record(self, task: Task, reach: Reach) -> list[Candidate]:
        if task.depth > MAX_DEPTH:
            raise ParseError(FailureKind.BAD_DOCUMENT, f"{task.url}: more than {MAX_DEPTH} records to a picture")
        record, url = await _read(task.url, reach)
        asked = Options.of(task.options).languages
        said = _Said(reach.settings.crawl.languages if asked is None else asked)
        match record.get("type"):
            case "HumanMadeObject":
                found, metadata = _ids(record.get("shows")), _of_object(record, said, url)
            case "VisualItem":
                found, metadata = _ids(record.get("digitally_shown_by")), _with_rights(task.metadata, record, said)
            case "DigitalObject":
                side = reach.settings.download.preferred_side
                pictures = [_sized(address, side) for address in _ids(record.get("access_point"))[:1]]
                metadata = _with_rights(task.metadata, record, said)
                return [Candidate(picture, metadata=metadata) for picture in pictures if _allowed(task, record, reach)]
            case other:
                raise ParseError(FailureKind.BAD_DOCUMENT, f"{url}: a record of type {str(other)[:100]!r}")
        if record["type"] == "VisualItem" and not _allowed(task, record, reach):
            return []
        return [Candidate(address, self.kind, depth=task.depth + 1, metadata=metadata) for address in found]


async def _read(url: str, reach: Reach) -> tuple[dict[str, Any], str]:
    document = await reach.document(url, accept=_ACCEPT)
    return await to_thread.run_sync(museum.parse_json, document.data, document.url), document.url


def _allowed(task: Task, record: Node, reach: Reach) -> bool:
    """Whether the picture is for everyone, or all are wanted. A silent digital object goes by its visual item."""
    if not museum.only_open_access(task, reach.settings):
        return True
    marks = [*_marks(record)]
    return all(map(_OPEN.match, marks)) and (bool(marks) or record.get("type") == "DigitalObject")


def _marks(record: Node) -> Iterator[str]:
    for right in _nodes(record.get("subject_to")):
        yield from _ids(right.get("classified_as"))


def _with_rights(metadata: Metadata, record: Node, said: _Said) -> Metadata:
    marks = [*_marks(record)]
    if not marks:
        return metadata
    names = [name for right in _nodes(record.get("subject_to")) for name in _nodes(right.get("identified_by"))]
    rights = ": ".join(part for part in (said.best(names), marks[0]) if part)
    return replace(metadata, rights=rights, extra={**metadata.extra, "license": marks[0]})


def _of_object(record: Node, said: _Said, url: str) -> Metadata:
    # Of a record only what is about the object itself: the rest, up to 200 KB, is about its neighbours.
    texts = _nodes(record.get("referred_to_by"))
    named = _nodes(record.get("identified_by"))
    production = _node(record.get("produced_by"))
    further = {name: said.best(_of_class(texts, term)) for name, term in _FURTHER.items()}
    numbers = [_text(node.get("content")) for node in named if node.get("type") == "Identifier"]
    extra = {
        "id": _text(record.get("id")),
        "object_number": next(filter(None, numbers), None),
        "equivalent": _ids(record.get("equivalent")),
        "classified_as": _ids(record.get("classified_as")),
        "made_of": _ids(record.get("made_of")),
        **further,
    }
    return Metadata(
        title=said.best([node for node in named if node.get("type") == "Name"], _is_main_title),
        creator=said.best(_of_class(_nodes(production.get("referred_to_by")), _MAKER)) or _makers(production, said),
        date=_date(_node(production.get("timespan")), said),
        medium=said.best(_of_class(texts, _MATERIALS)),
        attribution=said.best(_of_class(texts, _CREDIT)) or "Rijksmuseum, Amsterdam",
        page_url=_page(record, said) or _text(record.get("id")) or url,  # a browser is led from the record to its page
        extra={name: value for name, value in extra.items() if value},
    )


def _makers(production: Node, said: _Said) -> str | None:
    parts = [production, *_nodes(production.get("part"))]
    people = [person for part in parts for person in _nodes(part.get("carried_out_by"))]
    names = (said.noted(_nodes(person.get("notation"))) or _text(person.get("_label")) for person in people)
    return ", ".join(dict.fromkeys(filter(None, names))) or None


def _date(span: Node, said: _Said) -> str | None:
    named = said.best(_nodes(span.get("identified_by")))
    if named is not None:
        return named
    years = [(_text(span.get(end)) or "")[:4] for end in ("begin_of_the_begin", "end_of_the_end")]
    return "–".join(dict.fromkeys(year for year in years if year.isdecimal())) or None


def _page(record: Node, said: _Said) -> str | None:
    """The museum's own page about an object, of several the one in the best language."""
    best: tuple[int, str] | None = None
    for text in _nodes(record.get("subject_of")):
        for carrier in _nodes(text.get("digitally_carried_by")):
            pages = _ids(carrier.get("access_point")) if carrier.get("format") == "text/html" else ()
            rank = said.rank(text)
            if pages and (best is None or rank < best[0]):
                best = rank, pages[0]
    return best[1] if best else None


def _is_main_title(node: Node) -> bool:
    return not _MAIN_TITLES.isdisjoint(_ids(node.get("classified_as")))


def _of_class(nodes: Sequence[Node], term: str) -> list[Node]:
    return [node for node in nodes if term in _ids(node.get("classified_as"))]


class _Said:
    """Picks among texts in several languages."""

    def __init__(self, languages: Sequence[str]) -> None:
        tags = [language.partition("-")[0].lower() for language in languages]
        self._order = {_LANGUAGES.get(tag, tag): place for place, tag in reversed([*enumerate(tags)])}
        self._tags = {tag: place for place, tag in reversed([*enumerate(tags)])}

    def rank(self, node: Node) -> int:
        """The smaller, the better its language; without one it may be in any."""
        named = _ids(node.get("language"))
        unknown = len(self._order) + bool(named)
        return min((self._order.get(name, unknown) for name in named), default=unknown)

    def best(self, nodes: Sequence[Node], preferred: Callable[[Node], bool] = bool) -> str | None:
        """The ``content`` in the best language, among those the first ``preferred`` one, or the first."""
        told = [(self.rank(node), not preferred(node), text) for node in nodes if (text := _text(node.get("content")))]
        return min(told, key=lambda each: each[:2])[2] if told else None

    def noted(self, notations: Sequence[Node]) -> str | None:
        """Of JSON-LD's ``@value`` with ``@language``, the one in the best language."""
        last = len(self._tags)
        told = [(self._tags.get(str(node.get("@language")), last), _text(node.get("@value"))) for node in notations]
        return min(told, key=lambda each: each[0])[1] if told else None


def _sized(address: str, side: int) -> str:
    """The same IIIF image at a polite size (Image API §4.2); an address of any other form as it is."""
    match = _IIIF.fullmatch(address)
    return f"{match[1]}/full/!{side},{side}/0/default.jpg" if match else address


def _node(value: Any) -> Node:
    return value if isinstance(value, dict) else {}


def _nodes(value: Any) -> list[Node]:
    values = value[:MAX_ITEMS] if isinstance(value, list) else [value]
    return [node for node in values if isinstance(node, dict)]


def _ids(value: Any) -> list[str]:
    return [name for node in _nodes(value) if (name := _text(node.get("id")))]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
