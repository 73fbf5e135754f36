"""Asking again: a server that says that nothing has changed sends nothing, and is believed where it was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from artalike.crawl.fetcher import Fetcher
from artalike.errors import FailureKind, FetchError, NotModified
from artalike.records import NEVER_ASKED, Validators
from tests.crawl.conftest import settings_for, task_for
from tests.sites import LoopbackResolver, MisbehavingSite, Reply, draw

TAG = Validators('"v1"')
DATE = Validators(None, "Sun, 06 Nov 1994 08:49:37 GMT")


class Archive:
    """Answers as RFC 9110 §13.2.2 has it, and keeps what it was asked."""

    def __init__(self) -> None:
        self.headers = {"ETag": '"v1"', "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"}
        self.asked: list[dict[str, str]] = []
        self.port = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/robots.txt":
            raise web.HTTPNotFound
        self.asked.append(dict(request.headers))
        if request.path == "/elsewhere.jpg":
            raise web.HTTPFound(f"http://other.test:{self.port}/x.jpg")
        tag, since = request.headers.get("If-None-Match"), request.headers.get("If-Modified-Since")
        same = tag == self.headers["ETag"] if tag else since == self.headers["Last-Modified"]
        if same or request.path == "/always-304":
            return web.Response(status=304, headers=self.headers)
        return web.Response(body=draw(1), headers=self.headers, content_type="image/jpeg")

    def sent(self) -> list[tuple[str | None, str | None]]:
        return [(asked.get("If-None-Match"), asked.get("If-Modified-Since")) for asked in self.asked]


@pytest.fixture
async def archive() -> AsyncIterator[Archive]:
    archive = Archive()
    app = web.Application()
    app.router.add_get("/{path:.*}", archive.answer)
    async with TestServer(app) as server:
        archive.port = server.port or 0
        yield archive


@pytest.fixture
async def fetcher(archive: Archive) -> AsyncIterator[Fetcher]:
    async with Fetcher.open(settings_for(), resolver=LoopbackResolver(archive.port)) as fetcher:
        yield fetcher


async def test_a_first_answer_brings_what_the_next_question_needs(archive: Archive, fetcher: Fetcher) -> None:
    had = Validators(archive.headers["ETag"], archive.headers["Last-Modified"])
    assert (await fetcher.document("http://a.test/x")).validators == had
    assert (await fetcher.image(task_for("http://a.test/x.jpg"))).validators == had
    assert archive.sent() == [(None, None)] * 2


@pytest.mark.parametrize("validators", [TAG, DATE, Validators(TAG.etag, DATE.last_modified)])
async def test_what_is_the_same_is_not_sent_again(archive: Archive, fetcher: Fetcher, validators: Validators) -> None:
    task = replace(task_for("http://a.test/x.jpg"), recheck=True, validators=validators)
    for ask in (fetcher.image(task), fetcher.document("http://a.test/x", validators=validators)):
        with pytest.raises(NotModified):
            await ask
    assert archive.sent() == [(validators.etag, validators.last_modified)] * 2
    assert fetcher.statistics().bytes == 0


async def test_what_has_changed_comes_with_its_new_validators(archive: Archive, fetcher: Fetcher) -> None:
    archive.headers["ETag"] = '"v2"'
    document = await fetcher.document("http://a.test/x", validators=TAG)
    assert (document.data, document.validators.etag) == (draw(1), '"v2"')


async def test_a_picture_that_is_not_rechecked_is_fetched(archive: Archive, fetcher: Fetcher) -> None:
    await fetcher.image(replace(task_for("http://a.test/x.jpg"), validators=TAG))
    assert archive.sent() == [(None, None)]


async def test_validators_stay_with_their_origin(archive: Archive, fetcher: Fetcher) -> None:
    """Another host is not asked with them, and its own are not kept for the first."""
    task = replace(task_for("http://a.test/elsewhere.jpg"), recheck=True, validators=TAG)
    assert (await fetcher.image(task)).validators == NEVER_ASKED
    assert archive.sent() == [(TAG.etag, None), (None, None)]


async def test_nobody_is_believed_who_was_not_asked(fetcher: Fetcher) -> None:
    with pytest.raises(FetchError, match="answered 304") as caught:
        await fetcher.document("http://a.test/always-304")
    assert (caught.value.kind, caught.value.retryable) == (FailureKind.REFUSED, False)


async def test_an_owner_may_opt_out_of_what_has_not_changed(archive: Archive, fetcher: Fetcher) -> None:
    archive.headers["X-Robots-Tag"] = "noai"
    with pytest.raises(FetchError) as caught:
        await fetcher.image(replace(task_for("http://a.test/x.jpg"), recheck=True, validators=TAG))
    assert caught.value.kind is FailureKind.OPTED_OUT


@pytest.mark.parametrize(
    ("etag", "modified"),
    [
        ("x" * 501, "x" * 101),
        (f'"{"x" * 500}"', ""),
        ('"a b"', "19\u202870"),
        ('"é"', "Märch"),
        ("unquoted", "<script>"),
        ("", " "),
    ],
)
async def test_what_is_no_short_plain_validator_is_not_kept(site: MisbehavingSite, etag: str, modified: str) -> None:
    site.pages["/x"] = Reply(b"x", headers={"ETag": etag, "Last-Modified": modified})
    async with Fetcher.open(settings_for()) as fetcher:
        assert (await fetcher.document(f"{site.root}/x")).validators == NEVER_ASKED


async def test_weak_tags_count_as_well(site: MisbehavingSite) -> None:
    site.pages["/x"] = Reply(b"x", headers={"ETag": 'W/"1"'})
    async with Fetcher.open(settings_for()) as fetcher:
        assert (await fetcher.document(f"{site.root}/x")).validators == Validators('W/"1"')
