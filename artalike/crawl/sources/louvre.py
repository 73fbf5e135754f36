"""The Louvre: the sitemaps of collections.louvre.fr, and its records (collections.louvre.fr/en/page/documentationJSON).

A record is found by its page's address in a sitemap, in French or English, and read as ``/ark:/53355/ID.json``, in
French. ``lastmod`` says whether it has changed.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from artalike.config import Museums
from artalike.crawl import urls
from artalike.crawl.sources import museum
from artalike.crawl.sources.base import Document, Found, Reach
from artalike.crawl.sources.batches import Step, in_batches, numbered
from artalike.crawl.sources.content import opened
from artalike.crawl.sources.museum import Record, address, joined, records_of, text_of, texts_of
from artalike.crawl.sources.sitemap import MAX_NESTING
from artalike.crawl.sources.sitemap_xml import Entry, xml_entries
from artalike.errors import FailureKind, ParseError
from artalike.records import Candidate, Metadata, Task

PARAMETERS: Final = {"ark": "ark"}
TERMS: Final = "https://collections.louvre.fr/en/page/cgu"

_ARK: Final = re.compile(r"/ark:/53355/([A-Za-z0-9]{1,40})(?:\.json)?$")
_FORMER: Final = frozenset({"Ancienne Attribution", "Inventorié Comme"})
_SCHOOL: Final = "École de"
# Words of a credit by which somebody other than the museum keeps the rights to what is shown.
_RESERVED: Final = re.compile(
    r"\b(?:adagp|saif|picasso administration|artists rights society|succession|estate of"
    r"|(?:tous )?droits r[ée]serv[ée]s|all rights reserved)\b",
    re.IGNORECASE,
)


class LouvreSource(museum.Museum):
    """The museum, or one record by its number. The cursor is the number of the last entry of a sitemap.

    The Louvre marks no picture as free. By its terms (:data:`TERMS`, article 4.1) photographs of works in the public
    domain may be used freely for education and research, with their credit and a link, and for anything else by leave
    of its agency; a work that is still protected needs its artist's. So a picture is let in by default unless its
    credit names a society of artists, heirs or reserved rights; the credit is kept as its rights and its attribution,
    with the address of the terms.
    """

    kind = "louvre"
    looks_like = "louvre: or louvre:ark=cl010062370"
    yields = "the collection of the Louvre that may be used freely, or what of it is asked for"

    async def expand(self, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
        base = reach.settings.museums.louvre
        if museum.is_root(task):
            number = museum.asked(task, PARAMETERS).get("ark")
            url = f"{base}/sitemap.xml" if number is None else _address(base, f"/ark:/53355/{number}")
            if url is None:
                raise ParseError(
                    FailureKind.BAD_DOCUMENT, f"{task.kind}: ark {number!r}: expected one like cl010062370"
                )
            yield Found([Candidate(url, task.kind, depth=task.depth + 1)], None)
        elif _ARK.search(task.url):
            record = await museum.read_json(reach, task.url)
            every = pictures_of(record, task, False)
            wanted = pictures_of(record, task, museum.only_open_access(task, reach.settings))
            yield Found(wanted, None, gone=museum.closed(every, wanted) if task.recheck else ())
        else:
            document = await reach.document(task.url, accept="application/xml,*/*")
            steps = _steps(task, document, base, reach.settings.download.max_document_bytes)
            async with aclosing(in_batches(steps)) as batches:
                async for found in batches:
                    yield found


def _address(base: str, page: str) -> str | None:
    """Where the record of a page is; one place for all the languages of the page. None for a page that is none."""
    match = _ARK.search(page)
    return f"{base}/ark:/53355/{match[1]}.json" if match else None


def _sitemap(base: str, url: str | None) -> str | None:
    """Where a sitemap is: a mirror's index names those of the museum."""
    home = Museums().louvre
    return base + url.removeprefix(home) if url is not None and url.startswith(f"{home}/") else url


def _steps(task: Task, document: Document, base: str, limit: int) -> Iterator[Step]:
    if task.depth > MAX_NESTING:
        raise ParseError(FailureKind.BAD_DOCUMENT, f"{document.url}: more than {MAX_NESTING} indexes around it")
    with opened(document.url, document.data, limit) as stream:
        yield from numbered(_candidates(xml_entries(stream, document.url), task, document.url, base), task.cursor)


def _candidates(entries: Iterator[Entry], task: Task, sitemap: str, base: str) -> Iterator[Candidate]:
    seen = set[str]()
    for entry in entries:
        url = _sitemap(base, urls.join(sitemap, entry.url)) if entry.is_sitemap else _address(base, entry.url)
        if url is not None and url not in seen:
            seen.add(url)
            yield Candidate(url, task.kind, depth=task.depth + 1, revision=entry.lastmod)


def pictures_of(record: Record, task: Task, only_open: bool) -> list[Candidate]:
    """The pictures of a record in the size that its page shows, each with its own credit."""
    about = Metadata(
        title=text_of(record, "title") or _denomination(record),
        creator=_creator(record),
        date=text_of(record, "displayDateCreated"),
        medium=text_of(record, "materialsAndTechniques"),
        page_url=text_of(record, "url") or task.url.removesuffix(".json"),
    )
    found = []
    for image in records_of(record, "image"):
        credit = text_of(image, "copyright", "Copyright")
        if only_open and credit is not None and _RESERVED.search(credit):
            continue
        told = replace(about, rights=credit, attribution=credit, extra={"terms": TERMS, "picture": image, **record})
        small = address(task.url, text_of(image, "urlThumbnail", "UrlThumbnail"))
        url = address(task.url, text_of(image, "urlImage", "UrlImage")) or small
        found.append((url, told, small if small != url else None))
    return museum.pictures(found, task.depth)


def _denomination(record: Record) -> str | None:
    """What an object is called that has no title."""
    named = [text_of(each, "value", "label") for each in records_of(record, "denominationTitle")]
    return joined(named) or joined(texts_of(record, "denominationTitle")) or text_of(record, "denominationTitle")


def _creator(record: Record) -> str | None:
    """Who made it by today's knowledge. Other than that, a record has attributions given up, and a school."""
    makers = [maker for maker in records_of(record, "creator") if text_of(maker, "attributionLevel") not in _FORMER]
    named = [maker for maker in makers if text_of(maker, "linkType") != _SCHOOL] or makers
    return joined(" ".join(filter(None, (text_of(each, "linkType"), text_of(each, "label")))) for each in named)
