"""What the tests of museums have in common: crawls of a museum of the city, and anything at all in place of JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from hypothesis import strategies as st

from artalike.config import Museums
from artalike.crawl.fetcher import Fetcher
from artalike.crawl.sources import Found, source_for
from artalike.crawl.sources.funnel import checked
from artalike.records import Candidate, Image, Task
from artalike.service import Service
from tests.city.city import City
from tests.crawl.conftest import settings_for, task_for

BEFORE: Final = "2025-06-01T12:00:00+00:00"
"""A checkpoint: what the museums' records have been since 2024 was had then."""

anything: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("http://x.com/a.jpg"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def absurd(record: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The fields of a record, with anything in some of them."""
    return st.fixed_dictionaries({}, optional={name: anything | st.just(value) for name, value in record.items()})


def check_all(candidates: Iterable[Candidate]) -> None:
    """Pass them on as a source's are passed on. Each leads to the web, or says why it does not."""
    for candidate in candidates:
        assert checked(candidate, local=False).url.startswith(("http://", "https://", "invalid:"))


@asynccontextmanager
async def reaching(city: City, museums: Mapping[str, str], **crawl: Any) -> AsyncIterator[Fetcher]:
    """A fetcher for which these museums are in the city."""
    settings = settings_for(crawl).model_copy(update={"museums": Museums(**museums)})
    async with Fetcher.open(settings, resolver=city.resolver) as fetcher:
        yield fetcher


def root(source: str, *, cursor: str | None = None, checkpoint: str | None = None, **options: Any) -> Task:
    """The task of a museum's root."""
    return replace(task_for(source, source.partition(":")[0], cursor=cursor, options=options), checkpoint=checkpoint)


async def batches(task: Task, fetcher: Fetcher) -> list[Found]:
    """What an expansion finds, to its end."""
    return [found async for found in source_for(task.kind).expand(task, fetcher)]


def addresses(found: Iterable[Found]) -> list[str]:
    return [candidate.url for each in found for candidate in each.candidates]


async def collected(service: Service) -> dict[str, Image]:
    """The pictures of a collection by the ends of their addresses."""
    images = await service.images.images((await service.images.embedded_ids()).tolist())
    return {image.url.rpartition("/")[2]: image for image in images}
