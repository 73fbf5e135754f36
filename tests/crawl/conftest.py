"""A misbehaving site and fetchers for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from artalike.config import Crawl, DownloadSettings, Gallery, Settings
from artalike.crawl.fetcher import Fetcher
from artalike.crawl.sources import source_for
from artalike.crawl.urls import host_of
from artalike.errors import ItemError
from artalike.records import IMAGE_KIND, Candidate, Metadata, Task
from tests.sites import NO_KNOWN_HOSTS, LoopbackResolver, MisbehavingSite

Open = Callable[..., AbstractAsyncContextManager[Fetcher]]


def settings_for(
    crawl: Mapping[str, Any] | None = None,
    download: Mapping[str, Any] | None = None,
    gallery: Mapping[str, Any] | None = None,
) -> Settings:
    """Settings that let tests ask loopback, without waiting between requests."""
    return Settings(
        crawl=Crawl(**({"allow_private": True, "host_rate": 0, "host_rules": NO_KNOWN_HOSTS} | dict(crawl or {}))),
        download=DownloadSettings(**({"read_seconds": 0.4, "connect_seconds": 2} | dict(download or {}))),
        gallery=Gallery(**dict(gallery or {})),
    )


def task_for(
    url: str,
    kind: str = IMAGE_KIND,
    *,
    depth: int = 0,
    cursor: str | None = None,
    options: Mapping[str, Any] | None = None,
    metadata: Metadata | None = None,
) -> Task:
    """A task as the frontier would lease it."""
    return Task(
        id=1,
        seed_id=1,
        seed_source=url,
        kind=kind,
        url=url,
        host=host_of(url),
        depth=depth,
        cursor=cursor,
        options=options or {},
        metadata=metadata or Metadata(),
    )


async def expanded(task: Task, fetcher: Fetcher) -> list[Candidate]:
    """All that a task leads to."""
    return [c async for found in source_for(task.kind).expand(task, fetcher) for c in found.candidates]


async def until_error(task: Task, fetcher: Fetcher) -> tuple[list[Candidate], ItemError]:
    """What a task leads to before it fails, and how it fails."""
    found: list[Candidate] = []
    try:
        async for batch in source_for(task.kind).expand(task, fetcher):
            found += batch.candidates
    except ItemError as error:
        return found, error
    raise AssertionError("it did not fail")


def of_kind(candidates: list[Candidate], kind: str) -> list[str]:
    """The addresses of the candidates of a kind."""
    return [candidate.url for candidate in candidates if candidate.kind == kind]


@pytest.fixture
async def site() -> AsyncIterator[MisbehavingSite]:
    async with MisbehavingSite() as site:
        yield site


@pytest.fixture
async def fetcher(site: MisbehavingSite) -> AsyncIterator[Fetcher]:
    async with Fetcher.open(settings_for(), resolver=LoopbackResolver(site.port)) as fetcher:
        yield fetcher
