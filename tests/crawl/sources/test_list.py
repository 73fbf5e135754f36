"""Lists of addresses in every format, good, bad and hostile."""

from __future__ import annotations

import gzip
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from artalike.crawl import urls
from artalike.crawl.fetcher import Fetcher
from artalike.crawl.sources import rows, source_for
from artalike.crawl.sources.base import Document
from artalike.crawl.sources.columns import Columns
from artalike.crawl.sources.funnel import checked
from artalike.crawl.sources.options import Options
from artalike.errors import FailureKind, FetchError, ParseError
from artalike.records import Candidate
from tests.crawl.conftest import expanded, settings_for, task_for, until_error
from tests.sites import MisbehavingSite, draw

URLS = [f"http://a.com/{n}.jpg" for n in range(5)]
FORMATS = ("txt", "csv", "tsv", "jsonl", "parquet")


def written(kind: str, records: list[dict[str, Any]]) -> bytes:
    """A list in a format."""
    names = list(records[0])
    match kind:
        case "txt":
            return "\n".join(record["url"] for record in records).encode()
        case "jsonl":
            return "\n".join(json.dumps(record) for record in records).encode()
        case "parquet":
            stream = io.BytesIO()
            pq.write_table(pa.Table.from_pylist(records), stream, row_group_size=2)
            return stream.getvalue()
    separator = "," if kind == "csv" else "\t"
    lines = [separator.join(names), *(separator.join(str(record[name]) for name in names) for record in records)]
    return "\n".join(lines).encode()


def outcome(candidates: list[Candidate]) -> tuple[list[str], list[str]]:
    """The good addresses, and the reasons of the bad ones."""
    reasons = [urls.invalid_reason(candidate.url) for candidate in candidates]
    return [c.url for c, reason in zip(candidates, reasons, strict=True) if reason is None], [r for r in reasons if r]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", FORMATS)
async def test_every_format_is_read_from_the_disk_and_from_the_web(
    tmp_path: Path, site: MisbehavingSite, fetcher: Fetcher, kind: str, packed: bool
) -> None:
    data = written(kind, [{"url": url} for url in URLS])
    data, name = (gzip.compress(data), f"list.{kind}.gz") if packed else (data, f"list.{kind}")
    (tmp_path / name).write_bytes(data)
    for url in (urls.from_path(tmp_path / name), site.put(f"/{name}", data)):
        candidates = await expanded(task_for(url, "list"), fetcher)
        assert [(c.url, c.kind) for c in candidates] == [(url, "image") for url in URLS]


@pytest.mark.parametrize("kind", FORMATS)
async def test_a_killed_expansion_goes_on_right_behind_its_row(tmp_path: Path, fetcher: Fetcher, kind: str) -> None:
    (tmp_path / f"list.{kind}").write_bytes(written(kind, [{"url": url} for url in URLS]))
    for done in range(len(URLS) + 2):
        task = task_for(urls.from_path(tmp_path / f"list.{kind}"), "list", cursor=str(done))
        assert [c.url for c in await expanded(task, fetcher)] == URLS[done:]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
async def test_columns_become_metadata(tmp_path: Path, fetcher: Fetcher, kind: str) -> None:
    record = {
        "URL": "http://a.com/1.jpg",
        "Thumbnail_URL": "http://a.com/1s.jpg",
        "caption": "The  Great\x07 Wave",
        "artist": "Hokusai",
        "date": "1831",
        "license": "CC0",
        "attribution": "The Met",
        "page_url": "http://a.com/1",
        "width": "512",
        "similarity": "0.3",
    }
    (tmp_path / f"list.{kind}").write_bytes(written(kind, [record]))
    (candidate,) = await expanded(task_for(urls.from_path(tmp_path / f"list.{kind}"), "list"), fetcher)
    said = candidate.metadata
    assert (candidate.url, candidate.thumbnail_url) == ("http://a.com/1.jpg", "http://a.com/1s.jpg")
    assert (said.title, said.creator, said.date) == ("The Great Wave", "Hokusai", "1831")
    assert (said.rights, said.attribution, said.page_url) == ("CC0", "The Met", "http://a.com/1")
    assert dict(said.extra) == {"width": "512", "similarity": "0.3"}


async def test_columns_are_named_as_img2dataset_names_them(tmp_path: Path, fetcher: Fetcher) -> None:
    record = {"IMAGE": "http://a.com/1.jpg", "TEXT": "a wave", "keep": "1", "leave": "2", "url": "http://b.com/"}
    (tmp_path / "list.parquet").write_bytes(written("parquet", [record]))
    options = {"url_col": "IMAGE", "caption_col": "TEXT", "save_additional_columns": ["keep"]}
    task = task_for(urls.from_path(tmp_path / "list.parquet"), "list", options=options)
    (candidate,) = await expanded(task, fetcher)
    assert (candidate.url, candidate.metadata.title) == ("http://a.com/1.jpg", "a wave")
    assert dict(candidate.metadata.extra) == {"keep": "1"}


async def test_values_of_parquet_become_json(tmp_path: Path, fetcher: Fetcher) -> None:
    record = {"url": URLS[0], "date": date(1831, 1, 2), "n": 3, "f": float("nan"), "b": b"\xff", "tags": ["a", None]}
    (tmp_path / "list.parquet").write_bytes(written("parquet", [record]))
    (candidate,) = await expanded(task_for(urls.from_path(tmp_path / "list.parquet"), "list"), fetcher)
    assert candidate.metadata.date == "1831-01-02"
    assert dict(candidate.metadata.extra) == {"n": 3, "tags": ["a"]}


async def test_bad_rows_are_counted_and_fail_with_their_number(tmp_path: Path, fetcher: Fetcher) -> None:
    lines = [URLS[0], "", "ftp://a.com/x", "http://user:pw@a.com/", "javascript:alert(1)", "http://[", URLS[1]]
    (tmp_path / "list.txt").write_text("# a comment\n" + "\r\n".join(lines) + "\n" + "x" * (1 << 21) + "\n" + URLS[2])
    candidates = await expanded(task_for(urls.from_path(tmp_path / "list.txt"), "list"), fetcher)
    good, bad = outcome(candidates)
    assert [url for url in good if urls.is_web(url)] == URLS[:3]
    assert ["row 2" in bad[0], "row 5" in bad[3]] == [True, True]
    assert len(bad) + len(good) == 8
    failing = next(c for c in candidates if urls.invalid_reason(c.url))
    with pytest.raises(FetchError, match=r"row 2: 'ftp://a\.com/x'") as caught:
        await fetcher.image(task_for(failing.url))
    assert caught.value.kind is FailureKind.BAD_URL


async def test_bad_rows_of_tables_are_counted(tmp_path: Path, fetcher: Fetcher) -> None:
    rows_of_json = ['{"url": "http://a.com/0.jpg"}', "{", "[]", "3", '{"url": 7}', '{"u": 1}', "[" * 100_000, "\xff"]
    (tmp_path / "list.jsonl").write_text("\n".join(rows_of_json))
    good, bad = outcome(await expanded(task_for(urls.from_path(tmp_path / "list.jsonl"), "list"), fetcher))
    assert (good, len(bad)) == ([URLS[0]], 7)
    (tmp_path / "list.csv").write_text(
        f'url,title\n{URLS[0]},"a ""quoted""\nbreak"\n,none\n{URLS[1]}\n"{"x" * 140_000}\n'
    )
    good, bad = outcome(await expanded(task_for(urls.from_path(tmp_path / "list.csv"), "list"), fetcher))
    assert (good, len(bad)) == (URLS[:2], 2)


async def test_a_local_list_may_name_paths_beside_it(tmp_path: Path, fetcher: Fetcher) -> None:
    folder = tmp_path / "100% pictures"
    folder.mkdir()
    (folder / "a b#1.jpg").write_bytes(draw(1))
    lines = ["a b#1.jpg", str(folder / "a b#1.jpg"), urls.from_path(folder / "a b#1.jpg")]
    (folder / "list.txt").write_text("\n".join(lines))
    candidates = await expanded(task_for(urls.from_path(folder / "list.txt"), "list"), fetcher)
    for candidate in candidates:
        assert (await fetcher.image(task_for(candidate.url))).data == draw(1)
    assert len(candidates) == 3


@pytest.mark.parametrize("kind", FORMATS)
async def test_a_list_from_the_web_names_only_the_web(site: MisbehavingSite, fetcher: Fetcher, kind: str) -> None:
    hostile = ["file:///etc/passwd", "FILE:/etc/passwd", "/etc/passwd", "../x.jpg", "file://localhost/etc/passwd"]
    data = written(kind, [{"url": url} for url in [*hostile, URLS[0]]])
    good, bad = outcome(await expanded(task_for(site.put(f"/list.{kind}", data), "list"), fetcher))
    assert (good, len(bad)) == ([URLS[0]], len(hostile))


async def test_a_table_without_the_column_says_which_it_has(tmp_path: Path, fetcher: Fetcher) -> None:
    for kind in ("csv", "parquet"):
        (tmp_path / f"list.{kind}").write_bytes(written(kind, [{"link": "x", "name": "y"}]))
        with pytest.raises(ParseError, match="no column 'url'; expected one of: link, name"):
            await expanded(task_for(urls.from_path(tmp_path / f"list.{kind}"), "list"), fetcher)


async def test_a_torn_list_gives_what_is_whole_and_then_fails(tmp_path: Path, fetcher: Fetcher) -> None:
    packed = gzip.compress("\n".join(f"http://a.com/{n * 7919}.jpg" for n in range(30_000)).encode())
    (tmp_path / "list.txt.gz").write_bytes(packed[: len(packed) // 2])
    found, error = await until_error(task_for(urls.from_path(tmp_path / "list.txt.gz"), "list"), fetcher)
    assert error.kind is FailureKind.TRUNCATED
    assert len(found) > 5000


async def test_a_list_from_the_web_that_unpacks_to_too_much_is_refused(site: MisbehavingSite) -> None:
    url = site.put("/list.txt.gz", gzip.compress(b"http://a.com/x.jpg\n" * 10_000))
    async with Fetcher.open(settings_for(download={"max_document_bytes": 100_000})) as fetcher:
        with pytest.raises(ParseError) as caught:
            await expanded(task_for(url, "list"), fetcher)
    assert caught.value.kind is FailureKind.TOO_LARGE


async def test_a_missing_list_is_named(tmp_path: Path, fetcher: Fetcher) -> None:
    with pytest.raises(ParseError, match="no such file") as caught:
        await expanded(task_for(urls.from_path(tmp_path / "list.csv"), "list"), fetcher)
    assert caught.value.kind is FailureKind.MISSING_FILE


async def test_long_lists_come_in_bounded_batches_with_row_numbers(tmp_path: Path, fetcher: Fetcher) -> None:
    (tmp_path / "list.txt").write_text("\n".join(f"http://a.com/{n}.jpg" for n in range(2500)))
    task = task_for(urls.from_path(tmp_path / "list.txt"), "list")
    found = [(len(f.candidates), f.cursor) async for f in source_for("list").expand(task, fetcher)]
    assert found == [(1000, "1000"), (1000, "2000"), (500, "2500")]


def read(name: str, data: bytes, content_type: str = "") -> list[Candidate]:
    document = Document(f"http://a.com/{name}", data, content_type)
    columns = Columns(Options(), document.url)
    numbered = rows.read(document, data, columns, limit=1_000_000, skip=0)
    return [checked(columns.candidate(row, number), local=False) for number, row in numbered]


@pytest.mark.parametrize("name", [*(f"list.{kind}" for kind in FORMATS), "list.csv.gz", "unnamed"])
@given(data=st.one_of(st.binary(), st.text().map(str.encode), st.binary().map(lambda b: b"url,title\n" + b)))
@example(data=b"")
@example(data=b"PAR1PAR1")
@example(data=b"PAR1" + bytes(20) + b"\xff\xff\xff\x7fPAR1")
@example(data=b"\x1f\x8b\x08\x00")
@example(data=b"url\n\x00\xff\r\r\n")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_give_candidates_or_a_parse_error(name: str, data: bytes) -> None:
    candidates, message = [], ""
    try:
        candidates = read(name, data)
    except ParseError as error:
        message = str(error)
    assert "\n" not in message
    for candidate in candidates:
        assert urls.is_web(candidate.url) or urls.invalid_reason(candidate.url)


@given(st.integers(0, 400), st.integers(0, 255))
@settings(deadline=None)
def test_a_damaged_parquet_file_gives_candidates_or_a_parse_error(place: int, byte: int) -> None:
    data = bytearray(written("parquet", [{"url": url, "n": 1} for url in URLS]))
    data[place % len(data)] = byte
    try:
        read("list.parquet", bytes(data))
    except ParseError:
        return
