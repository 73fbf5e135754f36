"""The rows of tables in five formats, one at a time, from a stream."""

from __future__ import annotations

import csv
import io
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from artalike.crawl import text, urls
from artalike.crawl.sources.base import Document
from artalike.crawl.sources.columns import Columns, Row
from artalike.crawl.sources.content import head, lines, opened
from artalike.errors import FailureKind, ParseError

Numbered = tuple[int, Row | None]
"""A row's number, from 1, and its values; None for one that cannot be read."""
Reader = Callable[[BinaryIO, Columns, str], Iterator[Row | None]]

LARGEST_ROW_GROUP: Final = 4 << 30
"""Bytes. A Parquet file from the web that unpacks to more at once is taken for a bomb."""

_PARQUET: Final = b"PAR1"
_BY_TYPE: Final = {
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/x-jsonlines": "jsonl",
    "application/vnd.apache.parquet": "parquet",
}


def format_of_name(name: str) -> str | None:
    """The format that a file name's or address's extension stands for, or None."""
    suffixes = urls.suffixes(name)
    if suffixes[-1:] == (".gz",):
        suffixes = suffixes[:-1]
    suffix = suffixes[-1].removeprefix(".") if suffixes else ""
    return suffix if suffix in _READERS or suffix == "parquet" else None


def format_of_document(content_type: str, start: bytes) -> str | None:
    """The format of a document by its type and first bytes, or None when it is no list."""
    if start.startswith(_PARQUET):
        return "parquet"
    if content_type in _BY_TYPE:
        return _BY_TYPE[content_type]
    if content_type in {"", "text/plain", "application/octet-stream", "application/gzip", "application/x-gzip"}:
        return "txt" if _begins_with_addresses(start) else None
    return None


def read(
    document: Document, data: bytes | None, columns: Columns, *, limit: int | None, skip: int
) -> Iterator[Numbered]:
    """The rows of a list behind the first ``skip``: of ``data``, or of the local file when that is None.

    ``limit`` is how many bytes it may unpack to. Raises ParseError when it cannot be read, or not further.
    """
    with opened(document.url, data, limit) as stream:
        kind = format_of_name(document.url) or _guessed(document, data)
        if kind == "parquet":
            yield from _parquet(stream, columns, document.url, skip=skip, trusted=data is None)
            return
        for number, row in enumerate(_READERS[kind](stream, columns, document.url), start=1):
            if number > skip:
                yield number, row


def _guessed(document: Document, data: bytes | None) -> str:
    start = b"" if data is None else head(document)
    return format_of_document(document.content_type, start) or "txt"


def _begins_with_addresses(start: bytes) -> bool:
    first = [line for line in start.split(b"\n")[:10] if line.strip() and not line.startswith(b"#")]
    return bool(first) and all(line.lstrip().lower().startswith((b"http://", b"https://")) for line in first)


def _txt(stream: BinaryIO, columns: Columns, name: str) -> Iterator[Row | None]:
    for line in lines(stream):
        if line.strip() and not line.startswith("#"):
            yield columns.row_of(line)


def _jsonl(stream: BinaryIO, columns: Columns, name: str) -> Iterator[Row | None]:
    for line in lines(stream):
        if line.strip():
            yield _json_row(line)


def _json_row(line: str) -> Row | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _csv(stream: BinaryIO, columns: Columns, name: str) -> Iterator[Row | None]:
    return _separated(stream, columns, name, ",")


def _tsv(stream: BinaryIO, columns: Columns, name: str) -> Iterator[Row | None]:
    return _separated(stream, columns, name, "\t")


def _separated(stream: BinaryIO, columns: Columns, name: str, delimiter: str) -> Iterator[Row | None]:
    # The reader wants ends of lines to tell a quoted break from the end of a row.
    records = _records(csv.reader((f"{line}\n" for line in lines(stream)), delimiter=delimiter))
    names = next(records, None)
    if names is None:
        raise ParseError(FailureKind.BAD_DOCUMENT, f"{name}: no header row")
    columns.check(names)
    for record in records:
        yield None if record is None else dict(zip(names, record, strict=False))


def _records(reader: Iterator[list[str]]) -> Iterator[list[str] | None]:
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error:  # a field without end; the reader goes on behind it
            yield None
            continue
        if record:
            yield record


def _parquet(stream: BinaryIO, columns: Columns, name: str, *, skip: int, trusted: bool) -> Iterator[Numbered]:
    with _seekable(stream) as file, _translated(name):
        table = pq.ParquetFile(file)
        names = table.schema_arrow.names
        columns.check(names)
        wanted = [column for column in names if columns.wanted(column)]
        number = 0
        for group in range(table.num_row_groups):
            size = table.metadata.row_group(group)
            if number + size.num_rows <= skip:
                number += size.num_rows
                continue
            if not trusted and size.total_byte_size > LARGEST_ROW_GROUP:
                raise ParseError(FailureKind.TOO_LARGE, f"{name}: unpacks to {size.total_byte_size} bytes at once")
            for batch in table.iter_batches(batch_size=1000, row_groups=[group], columns=wanted):
                for row in batch.to_pylist():
                    number += 1
                    if number > skip:
                        yield number, row


@contextmanager
def _seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """The stream, or what is in it, as a file that can be read from its end, as Parquet must be."""
    if isinstance(stream, io.BufferedReader | io.BytesIO):
        yield stream
        return
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(stream, file)
        file.seek(0)
        yield file


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, ArithmeticError) as error:
        raise ParseError(FailureKind.BAD_DOCUMENT, f"{name}: not readable as Parquet: {text.reason(error)}") from error


_READERS: Final[Mapping[str, Reader]] = {"txt": _txt, "csv": _csv, "tsv": _tsv, "jsonl": _jsonl}
