"""Manifests and collections of the Presentation API, 2 and 3, walked without recursion.

https://iiif.io/api/presentation/2.1/, https://iiif.io/api/presentation/3.0/. Collections are paged by ``first`` and
``next`` (2.1 §5.9) or, as version 3 servers do that have no rule for it, by a ``view`` with ``next`` in Hydra's manner.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from artalike.crawl import urls
from artalike.crawl.sources.findings import FULL_URL
from artalike.crawl.sources.iiif_image import ImageService, size_of
from artalike.crawl.sources.iiif_json import Json, address, kind_of, listed, objects, strings, text_of
from artalike.crawl.sources.iiif_metadata import MAX_ORIGINAL, describe, name_of, said_of
from artalike.crawl.sources.iiif_rights import is_open
from artalike.errors import FailureKind, ParseError
from artalike.records import Candidate

KIND: Final = "iiif"
MAX_PICTURES: Final = 10_000
MAX_DOCUMENTS: Final = 200_000
"""Found in one document. A volume of a newspaper has 2,000 pages, the longest lists some 100,000 manifests."""
MAX_NESTING: Final = 12
"""Collections in collections. An archive's fonds, series, files and items are five."""
MAX_REPEATED: Final = 4_000_000
"""Characters of a manifest's own fields in all its pictures together."""
MAX_BODIES: Final = 100
"""Pictures on one canvas."""

MANIFEST: Final = "manifest"
COLLECTIONS: Final = frozenset({"collection", "collectionpage"})
_WHOLE: Final = re.compile(r"(https?://.+)/full/(?:full|max)/0/(default|native|color)\.jpe?g")
_MEMBERS: Final = ("members", "collections", "manifests", "items")
_FORMATS: Final = frozenset(
    f"image/{name}" for name in ("jpeg", "jpg", "pjpeg", "png", "webp", "gif", "avif", "tiff", "tif", "bmp")
)
_UNREADABLE: Final = frozenset({".jp2", ".jpx", ".j2k", ".jxl", ".svg", ".pdf", ".heic", ".djvu", ".json", ".xml"})
_REVISIONS: Final = ("modified", "dcterms:modified", "dateModified", "lastModified", "updated")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is wanted: ``side`` is the preferred one in pixels, ``depth`` how deep collections are followed."""

    languages: Sequence[str] = ("en",)
    side: int = 1024
    open_access: bool = True
    depth: int = MAX_NESTING


@dataclass(frozen=True, slots=True)
class Finding:
    """A picture or a document. Where ``service`` must be asked for its sizes, the address is what is taken without."""

    candidate: Candidate
    service: ImageService | None = None


@dataclass(slots=True)
class Reading:
    """What a document holds. ``closed`` are pictures that are not for everyone; ``reason`` is what is said of one."""

    findings: list[Finding] = field(default_factory=list)
    closed: list[Finding] = field(default_factory=list)
    reason: str = ""


def read(resource: Json, url: str, *, depth: int, wishes: Wishes) -> Reading:
    """All that the manifest or collection at ``url``, ``depth`` links away from the seed, holds and leads to.

    Raises ParseError, BAD_DOCUMENT, for any other document.
    """
    reading = Reading()
    seen: set[str] = {url}
    root = _kind(resource)
    if root is None:
        expected = "expected a manifest, a collection, an image service or a stream of changes"
        kind = kind_of(resource)[:50] or "no type"
        raise ParseError(FailureKind.BAD_DOCUMENT, f"{url}: a JSON document of {kind!r}; {expected}")
    waiting = [(resource, root, depth)]
    while waiting:
        resource, kind, depth = waiting.pop()
        if kind == MANIFEST:
            _read_manifest(resource, url, reading, depth=depth, wishes=wishes, seen=seen)
            continue
        inline: list[tuple[Json, str, int]] = []
        for entry, entry_kind, entry_depth in _entries(resource, depth):
            if len(reading.findings) >= MAX_DOCUMENTS:
                return reading
            if isinstance(entry, dict) and entry_depth <= wishes.depth and _is_inline(entry):
                inline.append((entry, entry_kind, entry_depth))
                continue
            target = address(entry, url)
            if target is not None and target not in seen and entry_depth <= wishes.depth:
                seen.add(target)
                candidate = Candidate(target, KIND, depth=entry_depth, revision=_revision(entry))
                reading.findings.append(Finding(candidate))
        waiting += reversed(inline)
    return reading


def _kind(resource: Json) -> str | None:
    kind = kind_of(resource)
    if kind == MANIFEST or (not kind and "sequences" in resource):
        return MANIFEST
    return "collection" if kind in COLLECTIONS else None


def _entries(collection: Json, depth: int) -> Iterator[tuple[Any, str, int]]:
    """What a collection has, with its kind where it says one, and its pages, which lie no deeper than itself."""
    for name in _MEMBERS:
        for entry in listed(collection.get(name)):
            kind = _kind(entry) if isinstance(entry, dict) else None
            if kind is not None or not isinstance(entry, dict) or not kind_of(entry):
                yield entry, kind or {"manifests": MANIFEST}.get(name, "collection"), depth + 1
    view = next(objects(collection.get("view")), {})
    for page in (collection.get("first"), collection.get("next"), view.get("next")):
        yield page, "collection", depth


def _is_inline(entry: Json) -> bool:
    return "sequences" in entry or any(isinstance(entry.get(name), list) and entry[name] for name in _MEMBERS)


def _revision(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return None
    return next((value[:100] for name in _REVISIONS for value in strings(entry.get(name))), None)


def _read_manifest(manifest: Json, url: str, reading: Reading, *, depth: int, wishes: Wishes, seen: set[str]) -> None:
    canvases = list(islice(_canvases(manifest), MAX_PICTURES))
    # Kept with each picture: a manifest of many must not become a hundred times as large in the catalog.
    said = said_of(manifest, url, wishes.languages, room=min(MAX_ORIGINAL, MAX_REPEATED // max(1, len(canvases))))
    for canvas in canvases:
        about = said_of(canvas, url, wishes.languages)
        thumbnails = canvas.get("thumbnail") or (manifest.get("thumbnail") if len(canvases) == 1 else None)
        for body, label in _bodies(canvas):
            found = _picture(body, thumbnails, url, wishes.side)
            if found is None or found.candidate.url in seen:
                continue
            if len(reading.findings) + len(reading.closed) >= MAX_PICTURES:
                return
            seen.add(found.candidate.url)
            own = said_of(body, url, wishes.languages)
            labels = [said.label, about.label if len(canvases) > 1 else None, text_of(label, wishes.languages)]
            metadata = describe(
                said,
                replace(about, rights=own.rights or about.rights),
                title=", ".join(dict.fromkeys(filter(None, labels))) or about.label,
                original=_original(manifest, canvas, body, url),
            )
            candidate = replace(found.candidate, depth=depth, metadata=metadata)
            terms = own.terms(about, said)
            if wishes.open_access and not is_open(terms):
                reading.reason = terms[0]
                reading.closed.append(replace(found, candidate=candidate))
            else:
                reading.findings.append(replace(found, candidate=candidate))


def _original(manifest: Json, canvas: Json, body: Json, url: str) -> Json:
    found = {"manifest": name_of(manifest, url), "canvas": address(canvas, url), FULL_URL: address(body, url)}
    return {name: value for name, value in found.items() if value is not None and urls.is_web(value)}


def _canvases(manifest: Json) -> Iterator[Json]:
    for sequence in objects(manifest.get("sequences")):
        yield from objects(sequence.get("canvases"))
    for item in objects(manifest.get("items")):
        if kind_of(item) in {"canvas", ""}:
            yield item


def _bodies(canvas: Json) -> Iterator[tuple[Json, Any]]:
    """The pictures painted on a canvas, each with the label by which it differs from its alternatives."""
    annotations = [*objects(canvas.get("images"))]
    for page in objects(canvas.get("items")):
        annotations += objects(page.get("items"))
    waiting = [
        (body, False)
        for annotation in annotations[:MAX_BODIES]
        if all(name.endswith("painting") for name in strings(annotation.get("motivation"))[:1])
        for name in ("resource", "body")
        for body in listed(annotation.get(name))[:MAX_BODIES]
    ][::-1]
    for _ in range(MAX_BODIES):
        if not waiting:
            return
        body, is_choice = waiting.pop()
        if isinstance(body, str):
            body = {"id": body}
        if not isinstance(body, dict):
            continue
        kind = kind_of(body)
        if kind == "choice" or "item" in body or "items" in body:
            parts = [*listed(body.get("default")), *listed(body.get("item")), *listed(body.get("items"))]
            waiting += [(part, True) for part in parts[:MAX_BODIES]][::-1]
        elif kind == "specificresource" or "full" in body:
            waiting += [(part, is_choice) for part in [*listed(body.get("full")), *listed(body.get("source"))][:1]]
        elif kind in {"", "image"}:
            yield body, body.get("label") if is_choice else None


def _picture(body: Json, thumbnails: Any, url: str, side: int) -> Finding | None:
    """Where to get a picture at about ``side`` pixels, or None where there is none that can be decoded."""
    own = address(body, url) if _is_readable(body) else None
    thumbnail = next(objects(thumbnails), None)
    small = address(thumbnail if thumbnail is not None else next(iter(strings(thumbnails)), None), url)
    service = ImageService.of(body.get("service"), url)
    if service is None and thumbnail is not None:
        declared = size_of(thumbnail)
        if declared is not None and max(declared) >= side and small is not None:
            own = small
        elif own is None:
            # What cannot be decoded at all is had through the service of its thumbnail, where that has one.
            service = ImageService.of(thumbnail.get("service"), url)
    if service is None:
        if own is None:
            return None
        # The whole at an image service that is not named: its syntax tells it, and it may have hundreds of megabytes.
        size = size_of(body)
        whole = _WHOLE.fullmatch(own) if size is None or max(size) > 2 * side else None
        service = ImageService(whole[1], version=1 if whole[2] == "native" else 2) if whole else None
        return Finding(Candidate(own, thumbnail_url=small), service)
    chosen = service.polite(side, size_of(body))
    if chosen is not None:
        return Finding(Candidate(chosen, thumbnail_url=small))
    return Finding(Candidate(own or service.whole(), thumbnail_url=small), service)


def _is_readable(body: Json) -> bool:
    """Whether a picture is of a format that is decoded here, by what is said of it."""
    formats = strings(body.get("format"))
    if formats:
        return formats[0].partition(";")[0].strip().lower() in _FORMATS
    url = address(body, "http://base.invalid/")
    return url is not None and _UNREADABLE.isdisjoint(urls.suffixes(url)[-1:])
