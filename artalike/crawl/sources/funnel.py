"""What every candidate passes on its way out of a source, whatever kind it is of.

Here, and only here, addresses get their one spelling, text from the web is made plain, and a ``file:`` address that
comes from anything but this machine is stopped.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from anyio import to_thread

from artalike.crawl import text, urls
from artalike.crawl.sources.base import Document, Found, Reach, Source
from artalike.records import Candidate, Task

MAX_REVISION: Final = 200
"""Characters kept of a revision: checksums and times are shorter."""


class Funnel:
    """A source whose candidates have been checked."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.kind = source.kind
        self.looks_like = source.looks_like
        self.yields = source.yields
        self.takes = source.takes
        self.schemes = source.schemes

    def match(self, text: str) -> str | None:
        return self._source.match(text)

    def recognizes(self, document: Document) -> bool:
        return self._source.recognizes(document)

    async def expand(self, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
        # aclosing: who stops half way (a crawl that ends) must not leave the inner generator to the garbage collector.
        async with aclosing(self._source.expand(task, reach)) as batches:
            async for found in batches:
                # A thousand texts take tens of milliseconds to clean: too long for the event loop.
                yield await to_thread.run_sync(_checked_all, found, urls.is_local(task.url))


def _checked_all(found: Found, local: bool) -> Found:
    # What is gone is looked for among addresses that have passed here.
    gone = [_address(url, local=local) for url in found.gone]
    return replace(
        found,
        candidates=[checked(candidate, local=local) for candidate in found.candidates],
        gone=[url for url in gone if urls.invalid_reason(url) is None],
    )


def checked(candidate: Candidate, *, local: bool) -> Candidate:
    """The candidate with canonical addresses and plain texts.

    ``local`` says that the document it comes from lies on this machine. An address that cannot be taken becomes one
    that fails with BAD_URL when it is fetched, so that it is counted and seen.
    """
    metadata = text.clean(candidate.metadata)
    return replace(
        candidate,
        url=_address(candidate.url, local=local),
        thumbnail_url=_web_or_none(candidate.thumbnail_url),
        metadata=replace(metadata, page_url=_web_or_none(metadata.page_url)),
        revision=_revision(candidate.revision),
    )


def _address(url: str, *, local: bool) -> str:
    reason = urls.invalid_reason(url)
    if reason is not None:
        return urls.invalid(reason)  # as we spell it: a document may write such an address, too
    try:
        canonical = urls.canonical(url)
    except ValueError as error:
        return urls.invalid(f"{url[:200]!r}: {error}")
    if urls.is_local(canonical) and not local:
        return urls.invalid(f"{url[:200]!r}: a file of this machine, named from the web")
    return canonical


def _revision(revision: str | None) -> str | None:
    return None if revision is None else (text.plain(revision) or "")[:MAX_REVISION] or None


def _web_or_none(url: str | None) -> str | None:
    return None if url is None else urls.web(url)
