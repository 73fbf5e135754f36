from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import FormData
from prometheus_client.parser import text_string_to_metric_families

from artalike.errors import FailureKind, FetchError
from artalike.records import Metadata
from artalike.web import api, questions, schemas
from tests.fakes import NOT_A_PICTURE, FakeThumbnails, make_services
from tests.web.conftest import Client, Serve


async def get(client: Client, url: str, status: int = 200) -> dict[str, Any]:
    async with client.get(url) as response:
        assert response.status == status, await response.text()
        answer: dict[str, Any] = await response.json(content_type=None)
    if status >= 400:
        assert response.content_type == "application/problem+json"
        schemas.Problem.model_validate(answer, strict=True)
        assert answer["status"] == status
    return answer


async def follow(client: Client, url: str | None) -> list[int]:
    seen = []
    while url is not None:
        answer = await get(client, url)
        seen += [image["id"] for image in answer["results"]]
        url = answer["next"]
    return seen


def pictures(*files: bytes) -> FormData:
    form = FormData()
    for number, data in enumerate(files):
        form.add_field("image", data, filename=f"{number}.jpg", content_type="image/jpeg")
    return form


async def test_an_image_has_every_field_of_the_contract(serve: Serve) -> None:
    fake = make_services()
    fake.images.add(metadata=Metadata(title="Wave", creator="Hokusai", page_url="https://museum.example/1"))
    assert await get(await serve(fake), "/api/images/1") == {
        "id": 1,
        "url": "https://museum.example/1.jpg",
        "width": 400,
        "height": 301,
        "thumbnail_url": "/thumbs/1/256",
        "page_url": "https://museum.example/1",
        "title": "Wave",
        "creator": "Hokusai",
        "date": None,
        "medium": None,
        "rights": None,
        "attribution": None,
        "source": "https://museum.example/list.txt",
        "added_at": "2025-10-09T08:53:20.000Z",
        "color": "#a0b0c0",
        "near_duplicates": 0,
    }


async def test_an_image_tells_of_its_near_duplicates_and_they_are_given_largest_first(serve: Serve) -> None:
    fake = make_services(9)
    fake.images.groups = [{2, 4, 5, 8}]
    client = await serve(fake)
    assert (await get(client, "/api/images/4"))["near_duplicates"] == 3
    answer = await get(client, "/api/images/4/near-duplicates")
    schemas.NearDuplicatesAnswer.model_validate(answer)
    assert ([image["id"] for image in answer["results"]], answer["total"], answer["next"]) == ([8, 5, 2], 3, None)
    assert await follow(client, "/api/images/4/near-duplicates?limit=1") == [8, 5, 2]
    assert (await get(client, "/api/images/1/near-duplicates"))["results"] == []


async def test_several_images_are_given_in_the_order_asked_for(serve: Serve) -> None:
    fake = make_services(9)
    client = await serve(fake)
    answer = await get(client, "/api/images?ids=7,3,99,7,1")
    assert [image["id"] for image in answer["results"]] == [7, 3, 1]
    assert answer["results"][0] == {
        k: v for k, v in (await get(client, "/api/images/7")).items() if k != "near_duplicates"
    }
    for ids in ("", "x", "1,", "0", "1.5", "-1", "9" * 20, ",".join(map(str, range(1, 202)))):
        await get(client, f"/api/images?ids={ids}", 400)
    await get(client, "/api/images", 400)


async def test_near_duplicates_are_asked_for_within_bounds(serve: Serve) -> None:
    client = await serve(make_services(1))
    for query in ("limit=0", "limit=201", "limit=x", "offset=-1", "offset=1000000"):
        await get(client, f"/api/images/1/near-duplicates?{query}", 400)
    for image_id in ("2", "x", "99999999999999999999"):
        await get(client, f"/api/images/{image_id}/near-duplicates", 404)


async def test_near_duplicates_are_folded_where_images_are_ranked_and_shown_where_they_are_not(serve: Serve) -> None:
    fake = make_services(5)
    fake.images.groups = [{2, 4, 5}]
    client = await serve(fake)
    assert sorted(await follow(client, "/api/random?limit=2")) == [1, 2, 3, 4, 5]
    assert all("near_duplicates" not in image for image in (await get(client, "/api/random"))["results"])
    for url, expected in (
        ("/api/search?id=1", {1: 0, 3: 0, 5: 2}),
        ("/api/search?id=2", {1: 0, 2: 2, 3: 0}),
        ("/api/images/1/similar", {3: 0, 5: 2}),
        ("/api/images/5/similar", {1: 0, 3: 0, 4: 2}),
    ):
        assert {image["id"]: image["near_duplicates"] for image in (await get(client, url))["results"]} == expected
        assert sorted(await follow(client, f"{url}{'&' if '?' in url else '?'}limit=1")) == sorted(expected)


async def test_answers_have_the_shape_that_is_described(serve: Serve) -> None:
    client = await serve(make_services(30))
    schemas.RandomAnswer.model_validate(await get(client, "/api/random?limit=10"))
    for url in ("/api/search?id=3&limit=10", "/api/images/3/similar?limit=10"):
        schemas.RankedAnswer.model_validate(await get(client, url))


async def test_the_original_front_end_works(serve: Serve) -> None:
    client = await serve(make_services(45))
    seen: list[str] = []
    for offset in (0, 20, 40):
        answer = await get(client, f"/api/random?offset={offset}&limit=20")
        for image in answer["results"]:
            assert {"url", "width", "height", "thumbnail_url"} <= image.keys()
            seen.append(image["url"])
    assert len(set(seen)) == len(seen) == 45
    ranked = await get(client, f"/api/search?url={seen[0]}&offset=0&limit=20")
    assert ranked["results"][0]["url"] == seen[0]
    more = await get(client, f"/api/search?url={seen[0]}&offset=20&limit=20")
    assert not {image["url"] for image in ranked["results"]} & {image["url"] for image in more["results"]}


async def test_next_leads_through_all_random_images_once(serve: Serve) -> None:
    client = await serve(make_services(95))
    assert sorted(await follow(client, "/api/random?limit=10")) == list(range(1, 96))


async def test_a_seed_names_an_order(serve: Serve) -> None:
    client = await serve(make_services(50))
    one, again, other = [await get(client, f"/api/random?seed={seed}&limit=50") for seed in (1, 1, 2)]
    assert one == again
    assert one["seed"] == 1
    assert one["results"] != other["results"]


async def test_an_answers_seed_and_an_offset_go_on_with_it(serve: Serve) -> None:
    client = await serve(make_services(50))
    first = await get(client, "/api/random?limit=20")
    more = await get(client, f"/api/random?limit=30&offset=20&seed={first['seed']}")
    assert sorted(image["id"] for image in [*first["results"], *more["results"]]) == list(range(1, 51))


async def test_next_leads_through_the_whole_ranking_once(serve: Serve) -> None:
    client = await serve(make_services(95))
    first = (await get(client, "/api/search?id=7&limit=10"))["results"]
    assert first[0]["id"] == 7
    assert [image["score"] for image in first] == sorted((image["score"] for image in first), reverse=True)
    assert sorted(await follow(client, "/api/search?id=7&limit=10")) == list(range(1, 96))


async def test_neighbours_leave_out_the_image_itself(serve: Serve) -> None:
    client = await serve(make_services(40))
    seen = await follow(client, "/api/images/7/similar?limit=9")
    assert sorted([*seen, 7]) == list(range(1, 41))


async def test_an_upload_is_ranked_and_its_next_is_a_plain_address(serve: Serve) -> None:
    client = await serve(make_services(40))
    async with client.post("/api/search?limit=10", data=pictures(b"image 7")) as response:
        answer = await response.json()
    assert answer["results"][0]["id"] == 7
    seen = [image["id"] for image in answer["results"]] + await follow(client, answer["next"])
    assert sorted(seen) == list(range(1, 41))


async def test_several_uploads_are_one_query(serve: Serve) -> None:
    client = await serve(make_services(40))
    async with client.post("/api/search?limit=2", data=pictures(b"image 7", b"", b"image 9")) as response:
        answer = await response.json()
    assert {image["id"] for image in answer["results"]} == {7, 9}


async def test_32_readers_at_once_each_see_everything_once_while_the_collection_grows(serve: Serve) -> None:
    fake = make_services(120)
    client = await serve(fake)
    growing = asyncio.ensure_future(_grow(fake.images.add))
    starts = [f"/api/random?limit={7 + n}" for n in range(16)] + [f"/api/search?id={n}&limit=11" for n in range(1, 17)]
    answers = await asyncio.gather(*(follow(client, start) for start in starts))
    growing.cancel()
    for seen in answers:
        assert len(seen) == len(set(seen))
        assert set(range(1, 121)) <= set(seen)


async def _grow(add: Any) -> None:
    for _ in range(3000):
        add()
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("/api/random?limit=0", "limit = '0': expected a whole number from 1 to 200"),
        ("/api/random?limit=201", "limit = '201'"),
        ("/api/random?limit=ten", "limit = 'ten'"),
        ("/api/random?limit=", "limit = ''"),
        ("/api/random?limit=1&limit=2", "limit = '2': expected it once"),
        ("/api/random?offset=-1", "offset = '-1'"),
        ("/api/random?offset=99999999999999999999999", "offset = '99999999999999999999999'"),
        ("/api/random?seed=1.5", "seed = '1.5'"),
        ("/api/random?cursor=abc", "cursor = 'abc': expected one from an answer"),
        ("/api/random?cursor=abc&seed=1", "cursor: expected no other parameter"),
        ("/api/search", "exactly one of the parameters url, id and cursor"),
        ("/api/search?id=1&url=https://museum.example/1.jpg", "exactly one of"),
        ("/api/search?id=0", "id = '0': expected an image's id"),
        ("/api/search?id=99999999999999999999", "id = '99999999999999999999'"),
        ("/api/search?url=", "url = ''"),
        ("/api/search?id=1&offset=100000", "offset = '100000': expected a whole number from 0 to 99999"),
        ("/api/search?text=", "text = ''"),
        ("/api/search?text=%21%3F", "text = '!?': expected at least one word"),
        ("/api/search?text=" + "x" * 1001, "expected words, in up to 1000 characters"),
        ("/api/search?cursor=%00%ff", "cursor = "),
        ("/api/images/1/similar?limit=-3", "limit = '-3'"),
        ("/api/images/1/similar?cursor=x&offset=1", "cursor: expected no other"),
    ],
)
async def test_a_wrong_value_is_named_with_what_was_expected(serve: Serve, url: str, named: str) -> None:
    answer = await get(await serve(make_services(3)), url, 400)
    assert named in answer["detail"]
    assert answer["instance"] == url.partition("?")[0]


@pytest.mark.parametrize(
    "url",
    [
        "/api/search?id=4",
        "/api/search?url=https://museum.example/99.jpg",
        "/api/images/4",
        "/api/images/0",
        "/api/images/x",
        "/api/images/²",
        "/api/images/99999999999999999999",
        "/api/images/4/similar",
        "/thumbs/4/256",
        "/thumbs/1/255",
        "/thumbs/1/wide",
        "/thumbs/1/-256",
        "/api/nothing",
    ],
)
async def test_what_is_not_there_is_404(serve: Serve, url: str) -> None:
    await get(await serve(make_services(3)), url, 404)


async def test_a_removed_image_is_gone_at_once(serve: Serve, folder: Any) -> None:
    fake = make_services(20, folder)
    client = await serve(fake)
    fake.images.remove(5)
    for url in ("/api/images/5", "/api/images/5/similar", "/api/search?id=5", "/thumbs/5/256"):
        await get(client, url, 404)
    assert 5 not in await follow(client, "/api/random?limit=7")
    assert 5 not in await follow(client, "/api/search?id=1&limit=7")


async def test_a_cursor_of_one_call_is_refused_by_the_others(serve: Serve) -> None:
    client = await serve(make_services(30))
    random = (await get(client, "/api/random?limit=5"))["next"].partition("?")[2]
    ranked = (await get(client, "/api/search?id=1&limit=5"))["next"].partition("?")[2]
    similar = (await get(client, "/api/images/1/similar?limit=5"))["next"].partition("?")[2]
    for url in (
        f"/api/search?{random}",
        f"/api/images/1/similar?{random}",
        f"/api/random?{ranked}",
        f"/api/images/1/similar?{ranked}",
        f"/api/images/2/similar?{similar}",
    ):
        await get(client, url, 400)


async def test_a_method_that_is_not_there_is_405_and_says_which_are(serve: Serve) -> None:
    client = await serve(make_services(3))
    async with client.put("/api/random") as response:
        assert response.status == 405
        assert response.content_type == "application/problem+json"
        assert set(response.headers["Allow"].split(",")) == {"GET", "HEAD"}


@pytest.mark.parametrize(
    ("data", "status", "named"),
    [
        (pictures(NOT_A_PICTURE), 415, "expected a picture"),
        (pictures(b""), 400, "at least one image file"),
        (pictures(*[b"image 1"] * 9), 400, "at most 8"),
        (pictures(b"x" * 1500, b"x" * 1500), 413, "at most 2000 bytes"),
        (pictures(b"x" * 200_000), 413, "at most 2000 bytes"),
        (FormData({"limit": "3"}), 415, "expected multipart/form-data"),
        (b"\xff\xd8\xff", 415, "expected multipart/form-data"),
    ],
    ids=["no picture", "empty", "too many", "too large together", "far too large", "a form", "bare bytes"],
)
async def test_a_wrong_upload_is_refused(serve: Serve, data: Any, status: int, named: str) -> None:
    client = await serve(make_services(3, gallery={"max_upload_bytes": 2000}))
    async with client.post("/api/search", data=data) as response:
        assert response.status == status
        assert response.content_type == "application/problem+json"
        assert named in (await response.json(content_type=None))["detail"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=a", b""),
        ("multipart/form-data; boundary=a", b"--a\r\n\r\ncut off"),
        ("multipart/form-data; boundary=a", b"--b\r\nanother boundary\r\n--b--\r\n"),
        ("multipart/form-data; boundary=" + "a" * 99, b""),
        ("multipart/form-data; boundary=a", b"--a\r\nContent-Disposition: form-data; name=x; filename=y\r\n"),
        ("multipart/form-data; boundary=a", b"--a\r\nContent-Length: ten\r\n\r\nx\r\n--a--\r\n"),
        ("multipart/form-data; boundary=a", b"--a\r\nContent-Length: 9\r\n\r\nx\r\n--a--\r\n"),
        ("multipart/form-data; boundary=a", b"--a\r\nnot a header\r\n\r\nx\r\n--a--\r\n"),
        ("multipart/form-data; boundary=a", b"--a\r\nContent-Disposition: form-data; name=x\r\n\r\nx\r\n--a--\r\n"),
        ("multipart/form-data; boundary=a", b"--a\r\nX: " + b"x" * 20_000 + b"\r\n\r\nx\r\n--a--\r\n"),
        (
            "multipart/form-data; boundary=a",
            b"--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n--a--\r\n",
        ),
    ],
)
async def test_a_malformed_upload_is_the_callers_mistake(serve: Serve, content_type: str, body: bytes) -> None:
    client = await serve(make_services(3))
    async with client.post("/api/search", data=body, headers={"Content-Type": content_type}) as response:
        assert response.status == 400, await response.text()


async def test_only_so_many_pictures_are_looked_at_at_once(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "PLACES_MOST", 1)
    looking, looked = asyncio.Event(), asyncio.Event()

    async def fetch(_: str) -> bytes:
        looking.set()
        await looked.wait()
        return b"image 3"

    client = await serve(make_services(5, fetch_query=fetch, gallery={"fetch_queries": True}))
    first = asyncio.ensure_future(get(client, "/api/search?url=https://elsewhere.example/x.jpg"))
    await looking.wait()
    async with client.post("/api/search", data=pictures(b"image 1")) as response:
        assert response.status == 503
        assert response.headers["Retry-After"] == "2"
    looked.set()
    assert (await first)["results"][0]["id"] == 3
    async with client.post("/api/search", data=pictures(b"image 1")) as response:
        assert response.status == 200


async def test_an_upload_that_does_not_come_to_its_end_is_given_up(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "UPLOAD_SECONDS", 0.1)

    async def slow() -> AsyncIterator[bytes]:
        yield b"--a\r\nContent-Disposition: form-data; name=image; filename=x\r\n\r\n"
        await asyncio.sleep(30)

    client = await serve(make_services(5))
    headers = {"Content-Type": "multipart/form-data; boundary=a"}
    async with client.post("/api/search", data=slow(), headers=headers) as response:
        assert response.status == 408
        assert "within 0.1 s" in (await response.json(content_type=None))["detail"]


async def test_an_unknown_address_is_fetched_only_where_the_settings_allow_it(serve: Serve) -> None:
    async def fetch(url: str) -> bytes:
        if "private" in url:
            raise FetchError(FailureKind.PRIVATE_ADDRESS, "10.0.0.1: expected an address of the public internet")
        return b"image 9"

    closed = await serve(make_services(20, fetch_query=fetch))
    await get(closed, "/api/search?url=https://elsewhere.example/x.jpg", 404)
    opened = await serve(make_services(20, fetch_query=fetch, gallery={"fetch_queries": True}))
    answer = await get(opened, "/api/search?url=https://elsewhere.example/x.jpg&limit=3")
    assert answer["results"][0]["id"] == 9
    assert len(await follow(opened, answer["next"])) == 17
    assert "public internet" in (await get(opened, "/api/search?url=https://private.example/", 422))["detail"]


async def test_a_thumbnail_is_cached_for_ever(serve: Serve, folder: Any) -> None:
    client = await serve(make_services(3, folder))
    async with client.get("/thumbs/2/256") as response:
        assert await response.read() == FakeThumbnails.CONTENT
        assert response.content_type == "image/jpeg"
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        etag = response.headers["ETag"]
    async with client.head("/thumbs/2/256") as response:
        assert (response.status, response.content_length) == (200, len(FakeThumbnails.CONTENT))
    async with client.get("/thumbs/2/256", headers={"If-None-Match": etag}) as response:
        assert response.status == 304


async def test_health_and_readiness_are_told_apart(serve: Serve) -> None:
    fake = make_services(3)
    fake.not_ready = "the model is loading"
    client = await serve(fake)
    await get(client, "/healthz")
    assert (await get(client, "/readyz", 503))["detail"] == "the model is loading"
    fake.not_ready = None
    await get(client, "/readyz")


async def test_stats_are_passed_on(serve: Serve) -> None:
    fake = make_services(3)
    fake.figures["rate"] = 12.5
    assert await get(await serve(fake), "/api/stats") == {"images": 3, "rate": 12.5}


async def test_requests_are_counted_by_route_and_not_by_address(serve: Serve) -> None:
    client = await serve(make_services(3))
    for url in ("/api/images/1", "/api/images/2", "/api/images/99", "/nowhere/1", "/nowhere/2"):
        await (await client.get(url)).read()
    async with client.get("/metrics") as response:
        families = {family.name: family for family in text_string_to_metric_families(await response.text())}
    counts = {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for sample in families["artalike_http_requests"].samples
        if sample.name.endswith("_total")
    }
    assert counts == {("/api/images/{id}", "200"): 2, ("/api/images/{id}", "404"): 1, ("unknown", "404"): 2}


async def test_every_answer_tells_the_browser_what_it_may_do(serve: Serve) -> None:
    client = await serve(make_services(3))
    for url in ("/api/random", "/api/nothing", "/api/admin/seeds", "/healthz", "/"):
        async with client.get(url) as response:
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]
            assert "unsafe" not in response.headers["Content-Security-Policy"]
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Referrer-Policy"] == "no-referrer"


async def test_only_reading_the_gallery_is_open_to_other_hosts_and_never_with_credentials(serve: Serve) -> None:
    client = await serve(make_services(3))
    headers = {"Origin": "https://elsewhere.example"}
    shared = {}
    for url in (
        "/api/random",
        "/api/search?id=1",
        "/api/images/1",
        "/api/search?id=99",
        "/api/stats",
        "/api/admin/seeds",
    ):
        async with client.get(url, headers=headers) as response:
            shared[url.partition("?")[0]] = response.headers.get("Access-Control-Allow-Origin")
            assert "Access-Control-Allow-Credentials" not in response.headers
    assert [url for url, value in shared.items() if value == "*"] == ["/api/random", "/api/search", "/api/images/1"]
    assert set(shared.values()) == {"*", None}


@pytest.mark.parametrize(
    "url", ["/api/random", "/api/search?id=1", "/api/images/1", "/api/stats", "/healthz", "/metrics"]
)
async def test_head_answers_as_get_does_without_the_body(serve: Serve, url: str) -> None:
    client = await serve(make_services(3))
    async with client.head(url) as response:
        assert response.status == 200
        assert await response.read() == b""


async def test_a_fault_stays_inside_and_is_logged(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    fake = make_services(3)
    fake.figures["broken"] = object()
    answer = await get(await serve(fake), "/api/stats", 500)
    assert "object" not in str(answer)
    assert "not JSON serializable" in caplog.text
