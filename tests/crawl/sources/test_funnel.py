"""What no candidate gets past, whatever source it comes from."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Iterator, Sequence

import pytest

from artalike.crawl import urls
from artalike.crawl.fetcher import Fetcher
from artalike.crawl.sources import SOURCES
from artalike.crawl.sources.base import Document, Found, Reach
from artalike.crawl.sources.batches import Step, in_batches
from artalike.crawl.sources.funnel import Funnel
from artalike.errors import FailureKind, ParseError
from artalike.records import Candidate, Metadata, Task
from tests.crawl.conftest import task_for


class Careless:
    """A source that checks nothing."""

    kind = "careless"
    looks_like = "anything"
    yields = "anything"
    takes = ()
    schemes = ("http",)

    def __init__(self, *candidates: Candidate) -> None:
        self._candidates = candidates
        self.closed = False

    def match(self, text: str) -> str | None:
        return None

    def recognizes(self, document: Document) -> bool:
        return False

    async def expand(self, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
        try:
            for number, candidate in enumerate(self._candidates):
                yield Found([candidate], str(number), gone=[candidate.url])
        finally:
            self.closed = True


async def passed(url: str, fetcher: Fetcher, *candidates: Candidate) -> Sequence[Candidate]:
    source = Funnel(Careless(*candidates))
    return [c async for found in source.expand(task_for(url, "careless"), fetcher) for c in found.candidates]


async def test_what_a_document_says_of_revisions_and_bad_addresses_can_be_stored(fetcher: Fetcher) -> None:
    careless = Candidate("invalid:\ud800\0x", revision="\ud800" + "1" * 5000)
    (checked,) = await passed("http://a.com/", fetcher, careless)
    assert checked.url.isascii()
    assert "\0" not in checked.url
    assert checked.revision is not None
    assert len(checked.revision.encode()) < 1000
    (kept,) = await passed("http://a.com/", fetcher, Candidate("http://a.com/1", revision="2024-01-02T03:04:05Z"))
    assert kept.revision == "2024-01-02T03:04:05Z"


async def test_what_is_gone_is_spelled_as_it_was_when_it_was_found(fetcher: Fetcher) -> None:
    careless = [Candidate(url) for url in ("HTTP://A.com/x/../1.jpg", "invalid:\ud800\0", "file:///etc/passwd", "")]
    source = Funnel(Careless(*careless))
    gone = [list(found.gone) async for found in source.expand(task_for("http://a.com/", "careless"), fetcher)]
    assert gone == [["http://a.com/1.jpg"], [], [], []]


async def test_files_come_only_from_this_machine(fetcher: Fetcher) -> None:
    named = Candidate("file:///etc/passwd.jpg")
    (from_web,) = await passed("http://a.com/", fetcher, named)
    assert "named from the web" in (urls.invalid_reason(from_web.url) or "")
    (from_disk,) = await passed("file:///etc/list.txt", fetcher, named)
    assert from_disk.url == named.url


async def test_every_spelling_of_a_file_is_stopped(fetcher: Fetcher) -> None:
    spellings = ["FILE:///etc/x", " file:/etc/x", "fi\nle:///etc/x", "file://localhost/etc/x", "\x00file:///etc/x"]
    spellings += ["file:///data/0.tar?member=1.jpg&offset=0"]
    found = await passed("https://a.com/", fetcher, *map(Candidate, spellings))
    assert [urls.invalid_reason(candidate.url) is None for candidate in found] == [False] * len(spellings)


async def test_addresses_get_their_one_spelling_and_texts_are_made_plain(fetcher: Fetcher) -> None:
    said = Metadata(title=" a\x00\n b ", creator="\u202e", page_url="javascript:x", extra={"k": "v\x1b[31m"})
    (found,) = await passed(
        "http://a.com/", fetcher, Candidate("HTTP://A.com:80/x#y", thumbnail_url="data:image/gif", metadata=said)
    )
    assert (found.url, found.thumbnail_url) == ("http://a.com/x", None)
    assert found.metadata == Metadata(title="a b", extra={"k": "v[31m"})


async def test_what_is_no_address_is_counted_and_not_dropped(fetcher: Fetcher) -> None:
    found = await passed("http://a.com/", fetcher, Candidate("nonsense"), Candidate("ftp://a.com/"))
    assert all(urls.invalid_reason(candidate.url) for candidate in found)


async def test_who_stops_half_way_closes_the_source(fetcher: Fetcher) -> None:
    careless = Careless(Candidate("http://a.com/1"), Candidate("http://a.com/2"))
    expansion = Funnel(careless).expand(task_for("http://a.com/", "careless"), fetcher)
    await anext(expansion)
    await expansion.aclose()
    assert careless.closed


async def test_a_generator_in_a_thread_is_closed_when_its_batches_are() -> None:
    closed = []

    def steps() -> Iterator[Step]:
        try:
            for number in range(10_000):
                yield Candidate(f"http://a.com/{number}"), str(number)
        finally:
            closed.append(True)

    batches = in_batches(steps(), size=10)
    assert len((await anext(batches)).candidates) == 10
    await batches.aclose()
    assert closed


async def test_a_cancelled_expansion_waits_for_its_thread_and_closes_what_it_read() -> None:
    begun, closed = threading.Event(), threading.Event()

    def steps() -> Iterator[Step]:
        try:
            begun.set()
            time.sleep(0.2)
            yield Candidate("http://a.com/"), "1"
        finally:
            closed.set()

    task = asyncio.create_task(anext(in_batches(steps())))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed.is_set()


async def test_what_was_found_before_an_error_is_not_lost() -> None:
    def steps() -> Iterator[Step]:
        yield Candidate("http://a.com/1"), "1"
        raise ParseError(FailureKind.BAD_DOCUMENT, "torn")

    batches = in_batches(steps())
    assert (await anext(batches)).cursor == "1"
    with pytest.raises(ParseError, match="torn"):
        await anext(batches)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.kind)
def test_every_kind_goes_through_the_funnel(source: object) -> None:
    assert isinstance(source, Funnel)
