"""The Art Institute of Chicago: its API (api.artic.edu/docs).

A page of a listing has all that is said of a hundred artworks, so that no artwork needs a request of its own. The
museum allows 60 requests a minute, and asks for an ``AIC-User-Agent`` header that says who asks.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import partial
from typing import Final
from urllib.parse import urlencode

from anyio import to_thread

from artalike.crawl.sources import museum
from artalike.crawl.sources.base import Found, Reach
from artalike.crawl.sources.museum import Progress, Record, text_of
from artalike.crawl.transport import user_agent
from artalike.records import Candidate, Metadata, Task

PARAMETERS: Final = {"q": "q", "query": "q"}
FIELDS: Final = (
    "id,title,alt_titles,main_reference_number,is_public_domain,copyright_notice,image_id,alt_image_ids,thumbnail,"
    "artist_display,artist_title,artist_titles,date_display,date_start,date_end,place_of_origin,medium_display,"
    "dimensions,credit_line,description,short_description,provenance_text,artwork_type_title,department_title,"
    "classification_titles,style_titles,subject_titles,material_titles,technique_titles,category_titles,term_titles,"
    "gallery_title,latitude,longitude,updated_at"
)
"""What is asked for of each artwork; the documentation wants it named."""
LIMIT: Final = 100
"""Artworks on a page; the interface gives no more."""
MAX_SEARCHED: Final = 10_000
"""Artworks that one search gives; to ask for more is an error."""
MAX_PAGES: Final = 10_000
"""Pages read of the whole: eight times as many as there are."""
WIDTH: Final = 843
"""Pixels; the width that the documentation recommends, because it is in the caches."""

_IIIF: Final = "https://www.artic.edu/iiif/2"
_WEBSITE: Final = "https://www.artic.edu"


class AicSource(museum.Museum):
    """The museum, or what a search finds there. The cursor is the number of the last page read.

    Open access is what the museum calls ``is_public_domain``. The listing begins with what was changed last, so a
    recrawl ends at the first page on which nothing has changed. It lets go of what is not open any more.
    """

    kind = "aic"
    looks_like = "aic: or aic:q=monet"
    yields = "the open collection of the Art Institute of Chicago, or what of it is asked for"

    async def expand(self, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
        progress, query = Progress.of(task), museum.asked(task, PARAMETERS)
        only_open = museum.only_open_access(task, reach.settings)
        if only_open and query:
            query["query[term][is_public_domain]"] = "true"
        listing = f"{reach.settings.museums.aic}/artworks{'/search' if query else ''}"
        last = MAX_SEARCHED // LIMIT if query else MAX_PAGES
        headers = {"AIC-User-Agent": user_agent(reach.settings.crawl)}
        for number in range(progress.place + 1, last + 1):
            asked = {**query, "page": str(number), "limit": str(LIMIT), "fields": FIELDS}
            url = f"{listing}?{urlencode(asked)}"
            page = await museum.read_json(reach, url, headers=headers)
            artworks = museum.records_of(page, "data")
            changed = [each for each in artworks if museum.changed_since(each.get("updated_at"), task.checkpoint)]
            pictures = partial(_pictures, changed, museum.record_of(page, "config"), task)
            found = await to_thread.run_sync(pictures, only_open)
            gone = museum.closed(await to_thread.run_sync(pictures, False), found) if task.checkpoint else ()
            yield Found(found, progress.at(number), gone=gone, checkpoint=progress.started)
            pages = museum.number_of(museum.record_of(page, "pagination"), "total_pages") or last
            if number >= pages or not artworks or not (changed or query):
                return


def _pictures(artworks: list[Record], config: Record, task: Task, only_open: bool) -> list[Candidate]:
    return [picture for artwork in artworks for picture in pictures_of(artwork, config, task, only_open)]


def pictures_of(artwork: Record, config: Record, task: Task, only_open: bool) -> list[Candidate]:
    """The pictures of an artwork at a polite size; ``config`` says where pictures and pages are."""
    is_open = artwork.get("is_public_domain") is True
    if only_open and not is_open:
        return []
    images, number = text_of(config, "iiif_url") or _IIIF, text_of(artwork, "id")
    about = Metadata(
        title=text_of(artwork, "title"),
        creator=text_of(artwork, "artist_title", "artist_display"),
        date=text_of(artwork, "date_display"),
        medium=text_of(artwork, "medium_display"),
        rights=museum.CC0 if is_open else text_of(artwork, "copyright_notice"),
        attribution=text_of(artwork, "credit_line"),
        page_url=f"{text_of(config, 'website_url') or _WEBSITE}/artworks/{number}" if number else None,
        extra=artwork,
    )
    # The server refuses to make a picture larger than it is; how large is known of the first one only.
    width = min(museum.number_of(museum.record_of(artwork, "thumbnail"), "width") or WIDTH, WIDTH)
    first = text_of(artwork, "image_id")
    sized = [(first, width)] if first else []
    sized += [(further, WIDTH) for further in museum.texts_of(artwork, "alt_image_ids") if further != first]
    return museum.pictures(
        [(f"{images}/{image}/full/{side},/0/default.jpg", about, None) for image, side in sized], task.depth
    )
