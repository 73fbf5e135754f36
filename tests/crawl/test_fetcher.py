"""What comes of each way in which a site can misbehave."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from artalike import __version__
from artalike.crawl import fetcher as fetcher_module
from artalike.crawl.fetcher import Fetcher
from artalike.crawl.transport import Transport
from artalike.crawl.urls import from_path
from artalike.errors import FailureKind, FetchError
from artalike.records import Metadata
from tests.crawl.conftest import settings_for, task_for
from tests.sites import BOMB_BYTES, Fault, LoopbackResolver, MisbehavingSite, Reply, draw

FINAL = [
    (Fault.NOT_FOUND, FailureKind.NOT_FOUND),
    (Fault.GONE, FailureKind.NOT_FOUND),
    (Fault.FORBIDDEN, FailureKind.REFUSED),
    (Fault.UNAUTHORIZED, FailureKind.REFUSED),
    (Fault.LEGAL_REASONS, FailureKind.REFUSED),
    (Fault.TEAPOT, FailureKind.REFUSED),
    (Fault.EMPTY, FailureKind.EMPTY),
    (Fault.REDIRECT_LOOP, FailureKind.REDIRECT_LOOP),
    (Fault.REDIRECT_CHAIN, FailureKind.REDIRECT_LOOP),
    (Fault.REDIRECT_NOWHERE, FailureKind.BAD_URL),
    (Fault.FILE_REDIRECT, FailureKind.BAD_URL),
    (Fault.OPTED_OUT, FailureKind.OPTED_OUT),
    (Fault.OPTED_OUT_OF_AI, FailureKind.OPTED_OUT),
    (Fault.ENDLESS_BODY, FailureKind.TOO_LARGE),
    (Fault.HUGE_LENGTH, FailureKind.TOO_LARGE),
    (Fault.GZIP_BOMB, FailureKind.TOO_LARGE),
]
PASSING = [
    (Fault.SERVER_ERROR, FailureKind.SERVER_ERROR),
    (Fault.UNAVAILABLE, FailureKind.SERVER_ERROR),
    (Fault.RETRY_AFTER, FailureKind.RATE_LIMITED),
    (Fault.DROPPED_CONNECTION, FailureKind.CONNECTION),
    (Fault.NOT_HTTP, FailureKind.CONNECTION),
    (Fault.CUT_SHORT, FailureKind.CONNECTION),
    (Fault.BROKEN_GZIP, FailureKind.CONNECTION),
    (Fault.SLOW_HEADERS, FailureKind.TIMEOUT),
    (Fault.SLOW_BODY, FailureKind.TIMEOUT),
]
# Pictures, good or bad, that the decoder is there to judge.
DELIVERED = [
    Fault.HTML_AS_PICTURE,
    Fault.WRONG_CONTENT_TYPE,
    Fault.NO_CONTENT_TYPE,
    Fault.TRUNCATED,
    Fault.BOMB,
    Fault.ONE_PIXEL,
    Fault.PANORAMA,
    Fault.SVG,
    Fault.HOSTILE_NAME,
    Fault.REDIRECT,
    Fault.OPTED_OUT_FOR_OTHERS,
    Fault.COOKIES,
]
ELSEWHERE = {Fault.SERVER_ERROR_ONCE, Fault.RETRY_AFTER_DATE, Fault.PRIVATE_REDIRECT}


async def failure(fetcher: Fetcher, url: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await fetcher.image(task_for(url))
    assert "\n" not in str(caught.value)
    return caught.value


def test_every_fault_has_an_expected_outcome() -> None:
    named = {fault for fault, _ in FINAL + PASSING} | set(DELIVERED) | ELSEWHERE
    assert named == set(Fault)


@pytest.mark.parametrize(("fault", "kind"), FINAL)
async def test_a_final_failure_is_not_tried_again(site: MisbehavingSite, fault: Fault, kind: FailureKind) -> None:
    settings = settings_for(download={"max_bytes": 300_000})
    async with Fetcher.open(settings) as fetcher:
        error = await failure(fetcher, site.url(fault))
    assert (error.kind, error.retryable) == (kind, False)


@pytest.mark.parametrize(("fault", "kind"), PASSING)
async def test_a_failure_that_may_pass_can_be_tried_again(
    site: MisbehavingSite, fault: Fault, kind: FailureKind
) -> None:
    settings = settings_for(download={"read_seconds": 0.3, "total_seconds": 0.8})
    async with Fetcher.open(settings) as fetcher:
        error = await failure(fetcher, site.url(fault))
    assert (error.kind, error.retryable) == (kind, True)


@pytest.mark.parametrize("fault", DELIVERED)
async def test_bytes_are_delivered_as_they_come(site: MisbehavingSite, fetcher: Fetcher, fault: Fault) -> None:
    download = await fetcher.image(task_for(site.url(fault)))
    assert len(download.data) > 20


async def test_a_download_knows_where_it_came_from_and_keeps_its_task(site: MisbehavingSite, fetcher: Fetcher) -> None:
    task = task_for(site.url(Fault.REDIRECT), metadata=Metadata(title="A title"))
    download = await fetcher.image(task)
    assert (download.task, download.final_url, download.data) == (task, site.picture(0), draw(0))


async def test_an_error_that_passes_is_over_at_the_next_try(site: MisbehavingSite, fetcher: Fetcher) -> None:
    url = site.url(Fault.SERVER_ERROR_ONCE)
    assert (await failure(fetcher, url)).retryable
    assert (await fetcher.image(task_for(url))).data == draw(1)


async def test_retry_after_closes_the_host_for_so_long(site: MisbehavingSite, fetcher: Fetcher) -> None:
    site.retry_after = 7
    error = await failure(fetcher, site.url(Fault.RETRY_AFTER))
    assert error.retry_after == 7
    host = task_for(site.root).host
    assert 6 < fetcher.slots.wait(host) <= 7
    assert fetcher.slots.busy_hosts() == {host}
    assert fetcher.slots.free(host) == 0


async def test_retry_after_may_be_a_date(site: MisbehavingSite, fetcher: Fetcher) -> None:
    error = await failure(fetcher, site.url(Fault.RETRY_AFTER_DATE))
    assert error.retry_after is not None
    assert 55 < error.retry_after <= 60


async def test_a_long_rest_is_waited_for_in_the_frontier_and_not_by_a_worker(site: MisbehavingSite) -> None:
    site.retry_after = 3600
    async with Fetcher.open(settings_for()) as fetcher:
        await failure(fetcher, site.url(Fault.RETRY_AFTER))
        started = time.monotonic()
        error = await failure(fetcher, site.picture(0))
    assert (error.kind, error.retryable) == (FailureKind.RATE_LIMITED, True)
    assert error.retry_after is not None
    assert error.retry_after > 3500
    assert time.monotonic() - started < 1
    assert site.asked("/picture/0.jpg") == 0


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.RETRY_AFTER, Fault.SLOW_HEADERS])
async def test_a_host_that_has_too_much_gets_less(site: MisbehavingSite, fault: Fault) -> None:
    site.retry_after = 0
    async with Fetcher.open(settings_for(crawl={"host_concurrency": 8})) as fetcher:
        for number in range(8):
            await fetcher.image(task_for(site.picture(number)))
        [before] = fetcher.slots.statistics()
        await failure(fetcher, site.url(fault))
        [after] = fetcher.slots.statistics()
    assert (before.places, before.pause) == (8, 0)
    assert after.places == 4
    assert after.pause >= 0.2
    assert before.host == task_for(site.root).host
    assert 0 < before.latency < 1


@pytest.mark.parametrize("fault", [Fault.NOT_FOUND, Fault.FORBIDDEN, Fault.SERVER_ERROR, Fault.DROPPED_CONNECTION])
async def test_a_failure_of_one_address_slows_nothing(site: MisbehavingSite, fault: Fault) -> None:
    async with Fetcher.open(settings_for(crawl={"host_concurrency": 8})) as fetcher:
        await failure(fetcher, site.url(fault))
        [state] = fetcher.slots.statistics()
    assert (state.pause, state.rest) == (0, 0)


async def test_a_gzip_bomb_is_defused_after_one_piece_too_many(site: MisbehavingSite) -> None:
    async with Fetcher.open(settings_for(download={"max_bytes": 1_000_000})) as fetcher:
        assert (await failure(fetcher, site.url(Fault.GZIP_BOMB))).kind is FailureKind.TOO_LARGE
        assert fetcher.statistics().bytes < BOMB_BYTES / 20


async def test_a_name_that_does_not_exist_is_a_dns_failure(site: MisbehavingSite) -> None:
    resolver = LoopbackResolver(site.port, {"nowhere.test": None})
    async with Fetcher.open(settings_for(), resolver=resolver) as fetcher:
        error = await failure(fetcher, "http://nowhere.test/x.jpg")
    assert (error.kind, error.retryable) == (FailureKind.DNS, False)


async def test_nobody_listening_is_a_connection_failure(unused_tcp_port: int, fetcher: Fetcher) -> None:
    error = await failure(fetcher, f"http://127.0.0.1:{unused_tcp_port}/x.jpg")
    assert (error.kind, error.retryable) == (FailureKind.CONNECTION, True)


async def test_speaking_tls_to_a_plain_server_is_a_tls_failure(site: MisbehavingSite, fetcher: Fetcher) -> None:
    error = await failure(fetcher, site.picture(0).replace("http:", "https:"))
    assert error.kind is FailureKind.TLS


async def test_an_address_that_is_none_fails_as_one(fetcher: Fetcher) -> None:
    for url in ("not an address", "ftp://example.com/x.jpg", "http://user:secret@example.com/x.jpg", "invalid:row%201"):
        error = await failure(fetcher, url)
        assert (error.kind, error.retryable) == (FailureKind.BAD_URL, False)


async def test_the_user_agent_is_honest_and_nothing_else_is_told(site: MisbehavingSite) -> None:
    settings = settings_for(crawl={"contact": "https://example.org/bot"})
    # By a name: no client keeps cookies of a bare address.
    async with Fetcher.open(settings, resolver=LoopbackResolver(site.port)) as fetcher:
        for _ in range(2):
            await fetcher.image(task_for(site.url(Fault.COOKIES, root="http://museum.test")))
    for asked in site.log:
        assert asked.headers["User-Agent"] == f"artalike/{__version__} (+https://example.org/bot)"
        assert not {"Cookie", "Authorization", "Referer"} & set(asked.headers)


async def test_headers_meant_for_one_origin_are_not_sent_to_another(site: MisbehavingSite, fetcher: Fetcher) -> None:
    site.pages["/start"] = _redirect("/middle")
    site.pages["/middle"] = _redirect(f"http://other.test:{site.port}/end")
    site.put("/end", b"here", "text/plain")
    await fetcher.document(f"{site.root}/start", headers={"X-Key": "secret"})
    sent = {asked.path: asked.headers.get("X-Key") for asked in site.log if asked.path != "/robots.txt"}
    assert sent == {"/start": "secret", "/middle": "secret", "/end": None}


async def test_a_document_comes_with_what_its_headers_say(site: MisbehavingSite, fetcher: Fetcher) -> None:
    url = site.put("/x", "é".encode("latin-1"), "Text/HTML; charset=ISO-8859-1", X_Robots_Tag="noindex, nofollow")
    document = await fetcher.document(url)
    assert (document.url, document.content_type, document.data) == (url, "text/html", b"\xe9")
    assert (document.charset or "").lower() == "iso-8859-1"
    assert document.directives == {"noindex", "nofollow"}


async def test_a_document_is_capped(site: MisbehavingSite, fetcher: Fetcher) -> None:
    url = site.put("/big", bytes(2000))
    with pytest.raises(FetchError, match="1000 bytes") as caught:
        await fetcher.document(url, max_bytes=1000)
    assert caught.value.kind is FailureKind.TOO_LARGE


async def test_a_local_picture_is_read(tmp_path: Path, fetcher: Fetcher) -> None:
    path = tmp_path / "a % b?#.jpg"
    path.write_bytes(draw(1))
    download = await fetcher.image(task_for(from_path(path)))
    assert download.data == draw(1)


async def test_local_files_that_cannot_be_pictures_fail_at_once(tmp_path: Path) -> None:
    (tmp_path / "large.jpg").write_bytes(bytes(2000))
    (tmp_path / "empty.jpg").touch()
    os.mkfifo(tmp_path / "pipe.jpg")
    kinds = {}
    async with Fetcher.open(settings_for(download={"max_bytes": 1000})) as fetcher:
        for name in ("large.jpg", "empty.jpg", "pipe.jpg", "missing.jpg", ".", "nul\0.jpg", "x" * 300):
            kinds[name] = (await failure(fetcher, from_path(tmp_path / name))).kind
    assert kinds.pop("large.jpg") is FailureKind.TOO_LARGE
    assert kinds.pop("empty.jpg") is FailureKind.EMPTY
    assert set(kinds.values()) == {FailureKind.MISSING_FILE}


async def test_a_visitors_query_is_guarded_capped_and_never_local(site: MisbehavingSite, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(draw(1))
    async with Fetcher.open(settings_for(crawl={"allow_private": False})) as fetcher:
        for url, kind in [
            (site.picture(0), FailureKind.PRIVATE_ADDRESS),
            (from_path(tmp_path / "x.jpg"), FailureKind.BAD_URL),
        ]:
            with pytest.raises(FetchError) as caught:
                await fetcher.query(url)
            assert caught.value.kind is kind
    assert not site.log
    site.robots = "User-agent: *\nDisallow: /"
    async with Fetcher.open(settings_for(gallery={"max_upload_bytes": 100_000})) as fetcher:
        assert await fetcher.query(site.picture(0)) == draw(0)
        with pytest.raises(FetchError) as caught:
            await fetcher.query(site.url(Fault.ENDLESS_BODY))
    assert caught.value.kind is FailureKind.TOO_LARGE
    assert site.asked("/robots.txt") == 0


async def test_a_site_that_trickles_does_not_keep_a_visitor(
    site: MisbehavingSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetcher_module, "QUERY_SECONDS", 0.3)
    async with Fetcher.open(settings_for(download={"read_seconds": 20})) as fetcher:
        started = time.monotonic()
        with pytest.raises(FetchError) as caught:
            await fetcher.query(site.url(Fault.SLOW_BODY))
        assert (caught.value.kind, caught.value.retryable) == (FailureKind.TIMEOUT, True)
        assert time.monotonic() - started < 2
        assert fetcher.statistics().in_flight == 0


async def test_statistics_count_requests_bytes_and_what_is_under_way(site: MisbehavingSite, fetcher: Fetcher) -> None:
    site.hold_seconds = 0.2
    fetching = asyncio.create_task(fetcher.image(task_for(site.picture(0))))
    await site.until_asked("/picture/0.jpg")
    assert fetcher.statistics().in_flight == 1
    await fetching
    statistics = fetcher.statistics()
    assert (statistics.requests, statistics.in_flight) == (2, 0)  # robots.txt is a request like others
    assert statistics.bytes == len(draw(0))


async def test_a_cancelled_fetch_leaves_nothing_held(site: MisbehavingSite, fetcher: Fetcher) -> None:
    fetching = asyncio.create_task(fetcher.image(task_for(site.url(Fault.SLOW_HEADERS))))
    await site.until_asked("/fault/slow-headers.jpg")
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    host = task_for(site.root).host
    assert fetcher.slots.free(host) == fetcher.settings.crawl.host_concurrency
    assert fetcher.statistics().in_flight == 0


def test_only_the_transport_knows_aiohttps_client() -> None:
    """Every library error is translated in one file."""
    folder = Path(Transport.__init__.__code__.co_filename).parent
    users = {path.name for path in folder.rglob("*.py") if "aiohttp.Client" in path.read_text()}
    assert users == {"transport.py"}


def _redirect(to: str) -> Reply:
    return Reply(b"", status=302, headers={"Location": to})
