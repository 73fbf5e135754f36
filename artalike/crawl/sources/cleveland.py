"""The Cleveland Museum of Art: its Open Access API (openaccess-api.clevelandart.org).

A page of the listing has all that is said of its artworks, so that no artwork needs a request of its own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from anyio import to_thread

from artalike.crawl.sources import museum
from artalike.crawl.sources.base import Found, Reach
from artalike.crawl.sources.findings import FULL_URL
from artalike.crawl.sources.museum import Progress, Record, number_of, record_of, records_of, text_of
from artalike.crawl.sources.sizes import Choice, Version, choose, longer
from artalike.errors import FailureKind, ParseError
from artalike.records import Candidate, Metadata, Task

PARAMETERS: Final = {
    "q": "q",
    "query": "q",
    **{name: name for name in ("department", "type", "artists", "title", "medium", "created_before", "created_after")},
}
LIMIT: Final = 200
"""Artworks on a page: some 20 kB each. The interface gives up to 1000."""
MAX_ARTWORKS: Final = 1_000_000
"""Artworks listed: fifteen times as many as there are."""


class ClevelandSource(museum.Museum):
    """The museum, or what a search finds there. The cursor is how many artworks have been read.

    Open access is a ``share_license_status`` of CC0. The interface cannot be asked for what has changed: a recrawl
    reads the listing, and finds what its ``updated_at`` says is new.
    """

    kind = "cleveland"
    looks_like = "cleveland:, cleveland:type=Painting or cleveland:q=monet"
    yields = "the open collection of the Cleveland Museum of Art, or what of it is asked for"

    async def expand(self, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
        progress, query = Progress.of(task), museum.asked(task, PARAMETERS)
        only_open = museum.only_open_access(task, reach.settings)
        side = reach.settings.download.preferred_side
        query |= {"has_image": "1", "limit": str(LIMIT)} | ({"cc0": "1"} if only_open else {})
        skip, total = progress.place, MAX_ARTWORKS
        while skip < total:
            url = f"{reach.settings.museums.cleveland}/artworks/?{urlencode(query | {'skip': str(skip)})}"
            page = await museum.read_json(reach, url)
            artworks = page.get("data")
            if not isinstance(artworks, list):
                raise ParseError(FailureKind.BAD_DOCUMENT, f"{url}: no list of artworks as data")
            # Without a total, it ends with the first page that is empty.
            total = min(number_of(record_of(page, "info"), "total") or MAX_ARTWORKS, MAX_ARTWORKS) if artworks else 0
            skip += min(len(artworks), museum.MAX_ENTRIES)
            candidates = await to_thread.run_sync(_candidates, records_of(page, "data"), task, only_open, side)
            yield Found(candidates, progress.at(skip), checkpoint=progress.started)


def _candidates(artworks: list[Record], task: Task, only_open: bool, side: int) -> list[Candidate]:
    changed = (each for each in artworks if museum.changed_since(each.get("updated_at"), task.checkpoint))
    return [picture for artwork in changed for picture in pictures_of(artwork, task, only_open, side)]


def pictures_of(artwork: Record, task: Task, only_open: bool, side: int) -> list[Candidate]:
    """The pictures of an artwork, each in the smallest size with a side of at least ``side`` pixels."""
    licence = text_of(artwork, "share_license_status")
    is_open = licence is not None and licence.strip().upper() == "CC0"
    if only_open and not is_open:
        return []
    about = Metadata(
        title=text_of(artwork, "title"),
        creator=museum.joined(text_of(each, "description") for each in records_of(artwork, "creators")),
        date=text_of(artwork, "creation_date"),
        medium=text_of(artwork, "technique"),
        rights=museum.CC0 if is_open else museum.joined([licence, text_of(artwork, "copyright")]),
        attribution=text_of(artwork, "creditline"),
        page_url=text_of(artwork, "url"),
        extra=artwork,
    )
    further = ((each, {"picture": each, **artwork}) for each in records_of(artwork, "alternate_images"))
    found = []
    for sizes, extra in [(record_of(artwork, "images"), artwork), *further]:
        small, choice, original = _versions(sizes, task.url, side)
        if choice is not None:
            full = original or choice.full_url
            told = replace(about, extra={FULL_URL: full, **extra})
            found.append((choice.url, told, small if small != choice.url else None))
    return museum.pictures(found, task.depth)


def _versions(sizes: Record, base: str, side: int) -> tuple[str | None, Choice | None, str | None]:
    """The address of a picture's smallest version, the one to fetch, and the address of the original.

    ``web``, some 900 pixels long, and ``print``, 3400, are JPEG; ``full`` is a TIFF of hundreds of megabytes.
    """
    versions = {
        name: Version(url, longer(size.get("width"), size.get("height")))
        for name in ("web", "print", "full")
        if (url := museum.address(base, text_of(size := record_of(sizes, name), "url")))
    }
    original = versions.pop("full", None) if len(versions) > 1 else versions.get("full")
    choice = choose([*versions.values()], side)
    return next((each.url for each in versions.values()), None), choice, original.url if original else None
