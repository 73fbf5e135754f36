"""What a manifest says of its pictures, as one record.

IIIF's ``metadata`` are pairs of label and value for people to read, in the institution's own words and languages
(https://iiif.io/api/presentation/3.0/#metadata): who made what when is found by the labels.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from artalike.crawl import urls
from artalike.crawl.sources.iiif_json import (
    Json,
    address,
    identifier,
    joined,
    listed,
    objects,
    strings,
    text_of,
    texts,
    translations,
)
from artalike.crawl.sources.iiif_labels import field_of
from artalike.records import Metadata

MAX_PAIRS: Final = 200
MAX_ORIGINAL: Final = 16_000
"""Characters of JSON kept of a manifest's pairs, with each of its pictures."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a manifest or a canvas says of itself.

    ``rights`` are the statements, ``remarks`` the texts that may bear on them; ``original`` is kept as it came.
    """

    label: str | None
    fields: dict[str, str]
    rights: tuple[str, ...]
    remarks: tuple[str, ...]
    attribution: str | None
    page_url: str | None
    original: Json

    def terms(self, *farther: Said) -> list[str]:
        """What is said of rights here, or else by the first of ``farther`` that says it, and every remark."""
        every = (self, *farther)
        rights = next((said.rights for said in every if said.rights), ())
        return [*rights, *(remark for said in every for remark in said.remarks)]


def said_of(resource: Json, base: str, languages: Sequence[str], *, room: int = MAX_ORIGINAL) -> Said:
    """What ``resource``, of the document at ``base``, says of itself in the first of ``languages`` that it has.

    ``room`` is how many characters of its pairs are kept as they came.
    """
    fields = _fields(resource, languages)
    rights = tuple(strings(resource.get("rights")) or strings(resource.get("license")))[:10]
    statement = _statement(resource, languages)
    provider = joined(
        name for agent in objects(resource.get("provider")) for name in texts(agent.get("label"), languages)
    )
    original = {
        "metadata": _kept(resource.get("metadata"), room),
        "summary": text_of(resource.get("summary") or resource.get("description"), languages),
        "provider": provider,
        "navDate": resource.get("navDate"),
    }
    return Said(
        label=text_of(resource.get("label"), languages),
        fields=fields,
        rights=rights,
        remarks=tuple(text for text in (statement, fields.get("rights")) if text),
        attribution=statement or fields.get("attribution") or provider,
        page_url=_page(resource, base),
        original={name: value for name, value in original.items() if value},
    )


def describe(manifest: Said, canvas: Said | None, *, title: str | None, original: Json) -> Metadata:
    """One picture's record: what its canvas says, and where that says nothing, its manifest."""
    nearest = [said for said in (canvas, manifest) if said is not None]
    fields = {name: value for said in reversed(nearest) for name, value in said.fields.items()}
    rights = next((said.rights for said in nearest if said.rights), ())
    extra = {name: value for said in reversed(nearest) for name, value in said.original.items()}
    pairs = [pair for said in nearest for pair in said.original.get("metadata", ())]
    return Metadata(
        title=title,
        creator=fields.get("creator"),
        date=fields.get("date"),
        medium=fields.get("medium"),
        rights=" ".join(rights) or fields.get("rights"),
        attribution=next((said.attribution for said in nearest if said.attribution), None),
        page_url=next((said.page_url for said in nearest if said.page_url), None),
        extra=extra | ({"metadata": pairs} if pairs else {}) | original,
    )


def _fields(resource: Json, languages: Sequence[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for pair in list(objects(resource.get("metadata")))[:MAX_PAIRS]:
        labels = chain.from_iterable(translations(pair.get("label")).values())
        field = next((field for label in labels if (field := field_of(label))), None)
        if field is not None and (field == "creator" or field not in found):
            found.setdefault(field, []).extend(texts(pair.get("value"), languages))
    return {field: value for field, values in found.items() if (value := joined(values))}


def _statement(resource: Json, languages: Sequence[str]) -> str | None:
    required = next(objects(resource.get("requiredStatement")), None)
    return text_of(required.get("value") if required else resource.get("attribution"), languages)


def _page(resource: Json, base: str) -> str | None:
    """The page that shows the thing to people: ``homepage``, in version 2 ``related``; one in HTML before any other."""
    links = [*listed(resource.get("homepage")), *listed(resource.get("related"))][:20]
    links.sort(key=lambda link: not (isinstance(link, dict) and link.get("format") == "text/html"))
    found = (url for link in links if (url := address(link, base)) is not None and urls.is_web(url))
    return next(found, None)


def _kept(pairs: Any, room: int) -> list[Json]:
    """The pairs as they came, as many as there is room for."""
    kept, left = [], room
    for pair in list(objects(pairs))[:MAX_PAIRS]:
        length = len(json.dumps(pair, ensure_ascii=False))
        if length <= left:
            left -= length
            kept.append(pair)
    return kept


def name_of(resource: Json, url: str) -> str:
    """What a document calls itself, or where it was found."""
    own = identifier(resource)
    return own if own is not None and urls.is_web(own) else url
