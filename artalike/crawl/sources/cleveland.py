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
from artalike.crawl.sources.museum import Progress, Record, number_of, record_of, records_of, text_of
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
            skip += len(artworks)
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
        url, small, full = _sized(sizes, task.url, side)
        found.append((url, replace(about, extra={"full_url": full, **extra}), small))
    return museum.pictures(found, task.depth)


def _sized(sizes: Record, base: str, side: int) -> tuple[str | None, str | None, str | None]:
    """The addresses of a picture in the size to fetch, of a smaller one, and of the largest.

    Both ``web``, some 900 pixels wide, and ``print``, 3400, are JPEG; ``full`` is a TIFF of hundreds of megabytes.
    """
    given = {name: record_of(sizes, name) for name in ("web", "print", "full")}
    addresses = {name: museum.address(base, text_of(size, "url")) for name, size in given.items()}
    named = [name for name in ("web", "print") if addresses[name]] or [name for name in ("full",) if addresses[name]]
    if not named:
        return None, None, None
    longest = {name: max(number_of(given[name], "width"), number_of(given[name], "height")) for name in named}
    # One of unknown size is taken at its name's word.
    chosen = next((name for name in named if longest[name] >= side or not longest[name]), named[-1])
    small = addresses[named[0]] if chosen != named[0] else None
    return addresses[chosen], small, addresses["full"] or addresses["print"]
