"""Every kind of source, expanded from bytes as a server might send them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from artalike.config import Settings
from artalike.crawl import urls
from artalike.crawl.sources import SOURCES, source_for
from artalike.crawl.sources.base import NO_HEADERS, Document, Found
from artalike.errors import FailureKind, FetchError
from artalike.records import NEVER_ASKED, Candidate, Metadata, Task, Validators
from tests.fuzz import samples
from tests.fuzz.engine import LOOP, Run, Target

MAX_ANSWERS: Final = 6
"""Documents that a source is given; behind them the site is gone."""
MAX_BATCHES: Final = 40
LONGEST_REVISION: Final = 500

SETTINGS: Final = Settings()


class _Site:
    """A Reach that has one document, wherever it is looked for."""

    settings = SETTINGS

    def __init__(self, data: bytes, content_type: str, first: bytes | None) -> None:
        self._data = data
        self._first = first
        self._type = content_type
        self._answers = 0

    async def document(
        self,
        url: str,
        *,
        accept: str = "*/*",
        headers: Mapping[str, str] = NO_HEADERS,
        max_bytes: int | None = None,
        validators: Validators = NEVER_ASKED,
    ) -> Document:
        _can_be_stored(url)
        self._answers += 1
        if self._answers > MAX_ANSWERS:
            raise FetchError(FailureKind.NOT_FOUND, f"{url}: gone")
        data = self._data if self._first is None or self._answers > 1 else self._first
        return Document(url, data, self._type)

    async def sitemaps(self, url: str) -> Sequence[str]:
        return ()


def expanding(kind: str, url: str, content_type: str = "", *, first: bytes | None = None, **task: Any) -> Run:
    """A target's ``run``: expands a task of ``kind`` whose documents, all or all but the ``first``, hold the bytes."""

    def run(data: bytes) -> None:
        LOOP.run(_expand(_task(kind, url, **task), lambda: _Site(data, content_type, first), resume=len(data) % 4 == 0))

    return run


def _task(kind: str, url: str, **values: Any) -> Task:
    return Task(id=1, seed_id=1, seed_source=url, kind=kind, url=url, host=urls.host_of(url), **values)


async def _expand(task: Task, site: Callable[[], _Site], *, resume: bool) -> None:
    cursor: str | None = None
    batches = 0
    async with aclosing(source_for(task.kind).expand(task, site())) as found:
        async for batch in found:
            _check(batch, local=urls.is_local(task.url))
            cursor = cursor or batch.cursor
            batches += 1
            if batches == MAX_BATCHES:
                break
    if cursor is not None and resume:
        again = _task(task.kind, task.url, depth=task.depth, options=task.options, cursor=cursor)
        await _expand(again, site, resume=False)


def _check(batch: Found, *, local: bool) -> None:
    """That a batch can be stored: text is UTF-8 and bounded, addresses are canonical."""
    for value in (batch.cursor, batch.checkpoint, *batch.gone):
        _can_be_stored(value)
    assert batch.recrawl is None or batch.recrawl > 0
    for candidate in batch.candidates:
        assert local or not urls.is_local(candidate.url)
        _check_candidate(candidate)


def _check_candidate(candidate: Candidate) -> None:
    assert urls.invalid_reason(candidate.url) is not None or urls.canonical(candidate.url) == candidate.url
    assert candidate.kind == "image" or source_for(candidate.kind)
    _can_be_stored(candidate.url)
    _can_be_stored(candidate.thumbnail_url)
    _can_be_stored(candidate.revision)
    assert candidate.revision is None or len(candidate.revision) <= LONGEST_REVISION, len(candidate.revision)
    for field in fields(Metadata):
        value = getattr(candidate.metadata, field.name)
        if field.name == "extra":
            _check_extra(value)
        else:
            _can_be_stored(value)
            limit = urls.MAX_LENGTH if field.name == "page_url" else 2000
            assert value is None or len(value) <= limit, field.name


def _check_extra(extra: Any) -> None:
    waiting, seen = [extra], 0
    while waiting:
        value = waiting.pop()
        seen += 1
        if isinstance(value, Mapping):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            _can_be_stored(value)
        else:
            assert value is None or isinstance(value, bool | int | float)
            assert not isinstance(value, int) or abs(value) < 2**63
    assert seen < 10_000


def _can_be_stored(value: str | None) -> None:
    if value is not None:
        assert "\0" not in value
        value.encode()


def _shards(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".tar", dir="/tmp") as file:
        file.write(data)
        file.flush()
        expanding("shards", urls.from_path(Path(file.name)))(b"")


def _local_list(suffix: str) -> Run:
    def run(data: bytes) -> None:
        with tempfile.NamedTemporaryFile(suffix=suffix, dir="/tmp") as file:
            file.write(data)
            file.flush()
            expanding("list", urls.from_path(Path(file.name)))(b"")

    return run


def _listed(suffix: str, content_type: str = "") -> Run:
    return expanding("list", f"http://a.example/list{suffix}", content_type)


_XML: Final = (
    (b"<urlset>", b"<url><loc>http://a/b</loc></url>", b"</urlset>"),
    (b"<urlset>", b"<url>", b""),
    (b"<urlset>", b"<url><image:image>", b""),
    (b"<!--", b"--", b""),
    (b"", b"<!-- -->", b""),
    (b"", b"<!DOCTYPE a>", b""),
    (b"", b"<?x?>", b"<urlset>"),
    (b"<urlset><url><loc>", b"x", b""),
    (b"<rss><channel>", b"<item><title>x</title><link>http://a/b</link></item>", b""),
    (b"<rss><channel><item><description>", b"&lt;img src=x.jpg&gt;", b""),
    (b"<feed>", b"<entry>", b""),
)
_TABLE: Final = (
    (b"url\n", b"a longer row without an address\n", b""),
    (b"url,a\n", b'"', b""),
    (b"", b",", b"\n"),
    (b"url\n", b"http://a/b\n", b""),
    (b"", b"\n", b""),
)
_OBJECTS: Final = (
    (b'{"a":', b"[", b""),
    (b'{"orderedItems": [', b'{"id": "http://a.example/1"},', b"{}]}"),
    (b'{"items": [', b'{"id": "http://a.example/1", "type": "Manifest"},', b"{}]}"),
    (b'{"query": {"pages": [', b'{"title": "Category:A"},', b"{}]}}"),
    (b'{"data": [', b'{"id": 1, "image_id": "a", "is_public_domain": true},', b"{}]}"),
    (b'{"objectIDs": [', b"1,", b"2]}"),
)


def _museum(name: str, url: str, texts: Sequence[bytes], **task: Any) -> Target:
    return Target(
        name,
        expanding(url.partition(":")[0] if "//" not in url else name.partition(" ")[0], url, **task),
        texts,
        _OBJECTS,
    )


ALL: Final = {"open_access": False}
"""Options that take everything, so that closed records are read to their end."""


def targets() -> list[Target]:
    """A target for each kind and each of its documents."""
    html = (samples.HTML, samples.OPEN_HTML, samples.SITEMAP, samples.RSS)
    known = [
        Target("page", expanding("page", "http://a.example/p", "text/html", options={"depth": 2}), html),
        Target("page of any type", expanding("page", "http://a.example/p"), (*html, samples.ATOM, samples.TXT)),
        Target(
            "sitemap",
            expanding("sitemap", "http://a.example/sitemap.xml"),
            (samples.SITEMAP, samples.SITEMAP_INDEX, samples.TXT, samples.packed(samples.SITEMAP)),
            _XML,
        ),
        Target("list csv", _listed(".csv"), (samples.CSV, samples.packed(samples.CSV)), _TABLE),
        Target("list tsv", _listed(".tsv"), (samples.TSV,), _TABLE),
        Target("list jsonl", _listed(".jsonl"), (samples.JSONL,), ((b"", b"{}\n", b""), (b'{"url":', b"[", b""))),
        Target("list txt", _listed(".txt"), (samples.TXT,), _TABLE),
        Target("list parquet", _listed(".parquet"), (samples.parquet(),)),
        Target("list of any type", _listed(""), (samples.TXT, samples.parquet(), samples.packed(samples.TXT))),
        Target("list on this machine", _local_list(".csv"), (samples.CSV, samples.TXT)),
        Target(
            "shards", _shards, (samples.tar(), samples.tar(1), samples.tar(0)), ((b"", b"\0", b""), (b"", b"x", b""))
        ),
        _museum("met", "met:", samples.MET, options=ALL),
        _museum("met object", "http://collectionapi.example/objects/1", samples.MET[1:], options=ALL),
        _museum("louvre", "http://c.example/sitemap.xml", samples.LOUVRE, options=ALL),
        _museum("louvre record", "http://c.example/ark:/53355/cl010062370.json", samples.LOUVRE[1:], options=ALL),
        _museum("aic", "aic:", samples.AIC, options=ALL),
        _museum("aic again", "aic:q=x", samples.AIC, checkpoint="2024-01-01T00:00:00+00:00"),
        _museum("cleveland", "cleveland:", samples.CLEVELAND, options=ALL),
        _museum("rijksmuseum", "rijksmuseum:", samples.rijksmuseum()[:1]),
        _museum("rijksmuseum record", "http://id.rijksmuseum.nl/2", samples.rijksmuseum()[1:], options=ALL),
        _museum("commons", "commons:Category:A", samples.commons(), options=ALL),
        _museum("commons file", "commons:File:A.jpg", samples.commons()),
        _museum("iiif", "http://a.example/manifest", samples.IIIF, options=ALL),
        Target(
            "iiif changes again",
            expanding(
                "iiif",
                "http://a.example/activity/all-changes",
                first=samples.CHANGES,
                checkpoint='{"newest": "2024-01-02T00:00:00Z", "last": null}',
            ),
            samples.IIIF[5:6],
        ),
        Target(
            "iiif changes",
            expanding("iiif", "http://a.example/activity/all-changes", first=samples.CHANGES),
            samples.IIIF[5:6],
            _OBJECTS[:2],
        ),
        Target("feed", expanding("feed", "http://a.example/feed"), (samples.RSS, samples.ATOM), _XML),
    ]
    there = {source.kind for source in SOURCES}
    return [target for target in known if target.name.partition(" ")[0] in there]
