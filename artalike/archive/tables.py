"""The tables of an export, as Parquet (https://parquet.apache.org/docs/file-format/)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import pyarrow as pa
import pyarrow.parquet as pq
from anyio import to_thread

from artalike.archive.checks import check
from artalike.errors import ArchiveError
from artalike.storage.carrying_crawl import FRONTIER, REMOVED, SEED
from artalike.storage.files import storage_error

BATCH: Final = 10_000
"""Rows read or written at once."""

BLOCK: Final = ("kind", "value", "reason")

_OTHERS: Final = {
    **dict.fromkeys(("id", "seed_id", "parent_id", "depth", "attempts", "crawl", "recheck", "documents"), pa.int64()),
    **dict.fromkeys(("created_at", "updated_at", "recrawl_seconds", "recrawl_at", "rate"), pa.float64()),
    **dict.fromkeys(("not_before", "failed_at", "added_at", "removed_at"), pa.float64()),
    "sha256": pa.binary(32),
}
"""Columns that are no text."""


def schema_of(columns: Sequence[str]) -> pa.Schema:
    return pa.schema([(name, _OTHERS.get(name, pa.string())) for name in columns])


SEEDS_TABLE: Final = ("seeds.parquet", schema_of(SEED))
FRONTIER_TABLE: Final = ("frontier.parquet", schema_of(FRONTIER))
BLOCKS_TABLE: Final = ("blocks.parquet", schema_of(BLOCK))
REMOVED_TABLE: Final = ("removed.parquet", schema_of(REMOVED))


def batch_of(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def write_rows(path: Path, schema: pa.Schema, rows: Sequence[Sequence[Any]]) -> None:
    """A whole table; blocks. Raises DiskFull or StorageError."""
    with writing(path), pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, len(rows), BATCH):
            writer.write_batch(batch_of(rows[start : start + BATCH], schema))


class RowsWriter:
    """A table that grows a batch at a time. Use :meth:`open`; all raise DiskFull or StorageError."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._schema = schema
        with writing(path):
            self._writer = pq.ParquetWriter(path, schema, compression="zstd")

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, schema: pa.Schema) -> AsyncIterator[RowsWriter]:
        writer = await to_thread.run_sync(cls, path, schema)
        try:
            yield writer
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(writer.close)

    async def write(self, rows: Sequence[Sequence[Any]]) -> None:
        await to_thread.run_sync(self._write, rows)

    def _write(self, rows: Sequence[Sequence[Any]]) -> None:
        with writing(self._path):
            self._writer.write_batch(batch_of(rows, self._schema))

    def close(self) -> None:
        """Blocks."""
        with writing(self._path):
            self._writer.close()


def read_rows(path: Path, schema: pa.Schema) -> Generator[list[tuple[Any, ...]], None, None]:
    """The rows, a batch at a time; blocks. Raises ArchiveError."""
    with reading(path), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH, columns=schema.names):
            columns = batch.select(schema.names).cast(schema).to_pydict()
            rows = list(zip(*(columns[name] for name in schema.names), strict=True))
            check(rows, schema.names, path)
            yield rows


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Errors of the disk become DiskFull or StorageError."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What a file that is no such table raises becomes ArchiveError."""
    try:
        yield
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise ArchiveError(f"{path}: {reason}; expected what `artalike export` has written there") from error
