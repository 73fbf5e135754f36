"""IIIF: manifests and collections (Presentation API 2 and 3), image services, and streams of changes.

https://iiif.io/api/presentation/3.0/, https://iiif.io/api/image/3.0/, https://iiif.io/api/discovery/1.0/. Every nested
collection, page of one and manifest is a document of its own in the frontier; what is inline is read where it is.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from anyio import to_thread

from artalike.config import Settings
from artalike.crawl import urls
from artalike.crawl.directives import KEEPS_LINKS_OUT, forbids_pictures_of
from artalike.crawl.sources import iiif_changes as changes
from artalike.crawl.sources.base import Document, Found, Reach
from artalike.crawl.sources.batches import BATCH
from artalike.crawl.sources.content import head
from artalike.crawl.sources.findings import FULL_URL
from artalike.crawl.sources.iiif_image import INFO, ImageService, is_info
from artalike.crawl.sources.iiif_json import Json, kind_of
from artalike.crawl.sources.iiif_metadata import describe, said_of
from artalike.crawl.sources.iiif_presentation import KIND, MAX_NESTING, Finding, Reading, Wishes, read
from artalike.crawl.sources.iiif_rights import is_open
from artalike.crawl.sources.local import existing
from artalike.crawl.sources.museum import only_open_access, parse_json
from artalike.crawl.sources.options import Options
from artalike.errors import FailureKind, ItemError, NotModified, ParseError
from artalike.records import IMAGE_KIND, Candidate, Task

ACCEPT: Final = (
    'application/ld+json;profile="http://iiif.io/api/presentation/3/context.json", application/ld+json;q=0.9, '
    "application/json;q=0.8, */*;q=0.1"
)
INFO_ACCEPT: Final = "application/ld+json, application/json;q=0.9, */*;q=0.1"
MAX_INFO_BYTES: Final = 1_000_000
MAX_REFUSALS: Final = 3
"""Image services in a row that do not answer before the rest of a manifest's are not asked."""
ASKED_AT_ONCE: Final = 10
"""Image services asked before what has been found so far is handed on."""

_ADDRESS: Final = re.compile(
    r"/manifest(?:\.json|/v?[23]|/[23]/manifest(?:\.json)?)?/?$|/info\.json$|/collections?/top(?:\.json)?$"
    r"|/(?:/iiif\.[^/]+|iiif)/(?:.*/)?(?:manifests?|collections?)(?:/[^/.]+){1,3}(?:\.json)?$"
    r"|/iiif/(?:.*/)?collection(?:\.json)?$|/presentation/v?[23](?:\.\d)?/.+|/all-changes(?:\.json)?$",
    re.IGNORECASE,
)
_CONTEXT: Final = re.compile(
    rb"\"@context\"\s*:[^}]{0,1000}?(?:iiif\.io/api/(?:presentation|discovery|image)/|shared-canvas\.org/ns/context)"
    rb"|\"sc:(?:Manifest|Collection)\"|\"protocol\"\s*:\s*\"http://iiif\.io/api/image\""
)
_SUFFIXES: Final = frozenset({".json", ".jsonld"})
_START: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{")


class IiifSource:
    """A manifest, collection, image service or stream of changes.

    The cursor is the number of the last thing found, in a stream the place it has come to.
    """

    kind = KIND
    looks_like = "the address or file of a IIIF manifest, collection, info.json or stream of changes"
    yields = "every picture of its manifests, with rights and attribution"
    takes = ("depth", "open_access", "languages")
    schemes = ("http", "https", "file")

    def match(self, text: str) -> str | None:
        path = existing(text)
        if path is not None:
            return urls.from_path(path) if path.suffix.lower() in _SUFFIXES and _holds_iiif(path) else None
        url = urls.web(text)
        if url is None:
            return None
        return _shown_in(text) or (url if _ADDRESS.search(url.partition("?")[0]) else None)

    def recognizes(self, document: Document) -> bool:
        return _is_iiif(head(document))

    async def expand(self, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
        walk = changes.Walk.of(task.cursor)
        if walk is None:
            try:
                document = await reach.document(task.url, accept=ACCEPT)
            except NotModified:
                walk = changes.unchanged(task)
                if walk is None:
                    raise
            else:
                resource = await to_thread.run_sync(parse_json, document.data, document.url)
                if kind_of(resource) not in {changes.STREAM, changes.PAGE}:
                    async with aclosing(_findings(resource, document, task, reach)) as batches:
                        async for found in batches:
                            yield found
                    return
                if document.directives & KEEPS_LINKS_OUT:
                    raise _opted_out(document)
                walk = changes.beginning(resource, document.url, task.checkpoint)
        async with aclosing(changes.follow(walk, task, reach)) as batches:
            async for found in batches:
                yield found


async def _findings(resource: Json, document: Document, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
    wishes = _wishes(task, reach.settings)
    reading = await to_thread.run_sync(_read, resource, document.url, task, wishes)
    desk = _Desk(reach, wishes.side)
    if task.recheck and reading.closed:
        # Open when it was read last, perhaps. Where nothing else is left, all that was found here goes.
        closed = [(await desk.settled(finding)).url for finding in reading.closed] if reading.findings else [task.url]
        yield Found([], task.cursor, gone=closed)
    wanted = await to_thread.run_sync(_allowed, reading.findings, document.directives)
    batch: list[Candidate] = []
    asked = 0
    for number in range(int(task.cursor or 0), len(wanted)):
        asked += wanted[number].service is not None
        try:
            batch.append(await desk.settled(wanted[number]))
        except ItemError:
            if batch:
                yield Found(batch, str(number))
            raise
        if len(batch) == BATCH or asked == ASKED_AT_ONCE:
            yield Found(batch, str(number + 1))
            batch, asked = [], 0
    if batch:
        yield Found(batch, str(len(wanted)))
    if reading.findings and not wanted:
        raise _opted_out(document)
    if reading.closed and not reading.findings and task.depth == 0:
        said = f"not open to everyone (crawl.open_access_only): {reading.reason[:200]}"
        raise ParseError(FailureKind.OPTED_OUT, f"{document.url}: {said}")


def _allowed(findings: list[Finding], said: frozenset[str]) -> list[Finding]:
    no_pictures, no_links = bool(forbids_pictures_of(said)), bool(said & KEEPS_LINKS_OUT)
    return [each for each in findings if not (no_pictures if each.candidate.kind == IMAGE_KIND else no_links)]


def _opted_out(document: Document) -> ParseError:
    names = ", ".join(sorted(document.directives))
    return ParseError(FailureKind.OPTED_OUT, f"{document.url}: its owner says {names} in X-Robots-Tag")


def _read(resource: Json, url: str, task: Task, wishes: Wishes) -> Reading:
    if is_info(resource, url) and kind_of(resource) not in {"manifest", "collection", "canvas"}:
        return _read_info(resource, url, task, wishes)
    return read(resource, url, depth=task.depth, wishes=wishes)


def _read_info(info: Json, url: str, task: Task, wishes: Wishes) -> Reading:
    """The one picture of an image service. https://iiif.io/api/image/3.0/#56-rights"""
    said = said_of(info, url, wishes.languages)
    service = ImageService.described(info, url.partition("?")[0].removesuffix(INFO), told=True)
    original = {"service": service.id, FULL_URL: service.whole()}
    metadata = describe(said, None, title=task.metadata.title, original=original)
    address = service.polite(wishes.side) or service.whole()
    finding = Finding(Candidate(address, depth=task.depth, metadata=metadata))
    terms = said.terms()
    if wishes.open_access and not is_open(terms):
        return Reading(closed=[finding], reason=terms[0])
    return Reading([finding])


class _Desk:
    """Asks image services for their sizes, as long as they answer."""

    def __init__(self, reach: Reach, side: int) -> None:
        self._reach = reach
        self._side = side
        self._refusals = 0

    async def settled(self, finding: Finding) -> Candidate:
        """The candidate, its address chosen by its service's ``info.json`` where that is needed and can be had.

        Raises FetchError where its host asks us to come later: then is no time to ask it for more.
        """
        service = finding.service
        if service is None or self._refusals >= MAX_REFUSALS:
            return finding.candidate
        try:
            document = await self._reach.document(service.id + INFO, accept=INFO_ACCEPT, max_bytes=MAX_INFO_BYTES)
            info = await to_thread.run_sync(parse_json, document.data, document.url)
        except ItemError as error:
            if error.kind is FailureKind.RATE_LIMITED:
                raise
            self._refusals += 1
            return finding.candidate
        self._refusals = 0
        told = ImageService.described(info, service.id, told=True, default=service.version)
        url = told.polite(self._side)
        # Where it offers nothing but the whole, the manifest's own address of that is the surer one.
        return finding.candidate if url in {None, told.whole()} else replace(finding.candidate, url=url)


def _wishes(task: Task, settings: Settings) -> Wishes:
    options = Options.of(task.options)
    return Wishes(
        languages=_languages(options, settings),
        side=settings.download.preferred_side,
        open_access=only_open_access(task, settings),
        depth=MAX_NESTING if options.depth is None else options.depth,
    )


def _languages(options: Options, settings: Settings) -> Sequence[str]:
    return options.languages or settings.crawl.languages


def _shown_in(text: str) -> str | None:
    """What a viewer shows: Mirador and the Universal Viewer name it behind ``?manifest=`` or ``#?manifest=``."""
    try:
        parts = urlsplit(text.strip())
        fields = parse_qs(f"{parts.query}&{parts.fragment.lstrip('?')}", max_num_fields=100)
    except ValueError:
        return None
    named = (value for name in ("manifest", "iiif-content", "iiif_manifest") for value in fields.get(name, ()))
    return next((url for value in named if (url := urls.web(value)) is not None), None)


def _holds_iiif(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return _is_iiif(stream.read(4096))
    except OSError:
        return False


def _is_iiif(start: bytes) -> bool:
    return _START.match(start) is not None and _CONTEXT.search(start) is not None
