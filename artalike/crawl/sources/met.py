"""The Metropolitan Museum of Art: its Collection API (metmuseum.github.io).

One request gives the numbers of all objects, of some departments, or of what a search finds; each object is then a
document of its own. The museum asks for at most 80 requests a second.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from anyio import to_thread

from artalike.crawl.sources import museum
from artalike.crawl.sources.base import Found, Reach
from artalike.crawl.sources.batches import in_batches
from artalike.crawl.sources.findings import FULL_URL
from artalike.crawl.sources.museum import Progress, Record, address, text_of, texts_of
from artalike.errors import FailureKind, ParseError
from artalike.records import Candidate, Metadata, Task

PARAMETERS: Final = {
    "department": "departmentId",
    "departmentId": "departmentId",
    "departmentIds": "departmentId",
    "q": "q",
    "query": "q",
    **{name: name for name in ("title", "tags", "artistOrCulture", "isHighlight", "isOnView", "medium", "geoLocation")},
    **{name: name for name in ("dateBegin", "dateEnd")},
}
"""What a root may ask for, by the names of the interface's search where they differ."""


class MetSource(museum.Museum):
    """The museum, or one object at its interface. The cursor is the number of the last object found.

    Open access is what the museum calls ``isPublicDomain``. A recrawl reads what has changed since the last one, and
    lets go of what is not open any more.
    """

    kind = "met"
    looks_like = "met:, met:department=11 or met:q=sunflowers"
    yields = "the open collection of the Metropolitan Museum of Art, or what of it is asked for"

    async def expand(self, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
        if not museum.is_root(task):
            record = await museum.read_json(reach, task.url)
            only_open = museum.only_open_access(task, reach.settings)
            # An object that is closed names no pictures any more: all that was found there has to go.
            is_closed = task.recheck and only_open and record.get("isPublicDomain") is False
            yield Found(pictures_of(record, task, only_open), None, gone=[task.url] if is_closed else ())
            return
        progress = Progress.of(task)
        numbers = await _numbers(task, reach)
        async with aclosing(in_batches(_steps(task, reach.settings.museums.met, numbers, progress))) as batches:
            async for found in batches:
                yield replace(found, checkpoint=progress.started)
        last = max(progress.place, numbers[-1] if numbers else 0)
        yield Found((), progress.at(last), checkpoint=progress.started)


def _steps(task: Task, base: str, numbers: list[int], progress: Progress) -> Iterator[tuple[Candidate, str]]:
    for number in numbers:
        if number > progress.place:
            yield Candidate(f"{base}/objects/{number}", task.kind, depth=task.depth + 1), progress.at(number)


async def _numbers(task: Task, reach: Reach) -> list[int]:
    """The numbers of the objects that the root asks for, of those only what has changed since the last crawl."""
    query = museum.asked(task, PARAMETERS)
    objects = f"{reach.settings.museums.met}/objects"
    since = {"metadataDate": museum.day_before(task.checkpoint)} if task.checkpoint else {}
    if not query.keys() - {"departmentId"}:
        departments = {"departmentIds": query["departmentId"].replace(",", "|")} if query else {}
        return await _read_numbers(reach, _with(objects, departments | since))
    if "q" not in query:
        raise ParseError(FailureKind.BAD_DOCUMENT, f"{task.kind}: parameter {min(query)!r}: needs q beside it")
    search = f"{reach.settings.museums.met}/search"
    found = await _read_numbers(reach, _with(search, {"hasImages": "true"} | query))
    if not since or not found:
        return found
    # The search cannot be asked for changes: one request more saves one for each object.
    changed = await _read_numbers(reach, _with(objects, since))
    return await to_thread.run_sync(lambda: sorted(set(found).intersection(changed)))


def _with(url: str, query: dict[str, str]) -> str:
    return f"{url}?{urlencode(query)}" if query else url


async def _read_numbers(reach: Reach, url: str) -> list[int]:
    record = await museum.read_json(reach, url)
    return await to_thread.run_sync(numbers_of, record, url)


def numbers_of(record: Record, url: str) -> list[int]:
    """Objects' numbers in ascending order, whatever order they came in. Raises ParseError, BAD_DOCUMENT."""
    numbers: Any = record.get("objectIDs", False)
    if numbers is None:  # how the interface says that there are none
        return []
    if not isinstance(numbers, list):
        raise ParseError(FailureKind.BAD_DOCUMENT, f"{url}: no list of objectIDs")
    return sorted({number for number in numbers if type(number) is int and 0 < number < 2**53})


def pictures_of(record: Record, task: Task, only_open: bool) -> list[Candidate]:
    """The pictures of an object: the first as the web wants it, the further ones in the only size that is given."""
    is_open = record.get("isPublicDomain") is True
    if only_open and not is_open:
        return []
    about = Metadata(
        title=text_of(record, "title", "objectName"),
        creator=text_of(record, "artistDisplayName"),
        date=text_of(record, "objectDate"),
        medium=text_of(record, "medium"),
        rights=museum.CC0 if is_open else text_of(record, "rightsAndReproduction"),
        attribution=text_of(record, "creditLine"),
        page_url=text_of(record, "objectURL"),
        extra=record,
    )
    full = address(task.url, text_of(record, "primaryImage"))
    first = address(task.url, text_of(record, "primaryImageSmall")) or full
    told = replace(about, extra={FULL_URL: full, **record})
    further = (address(task.url, written) for written in texts_of(record, "additionalImages"))
    return museum.pictures([(first, told, None), *((url, about, None) for url in further)], task.depth)
