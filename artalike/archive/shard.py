"""One shard: pictures in a tar, and what is known of them in a table beside it. All functions block."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from artalike.archive.checks import NUMBER_MOST
from artalike.archive.manifest import Shard
from artalike.archive.tables import reading, writing
from artalike.crawl import tar, text, urls
from artalike.errors import ArchiveError, ParseError
from artalike.records import NOTHING, FloatArray, Metadata
from artalike.storage.carrying import CarriedImage
from artalike.storage.commit import STORED
from artalike.storage.files import write_atomically
from artalike.storage.found import METADATA

HalfArray = NDArray[np.float16]
Thumbnails = Mapping[int, bytes]
"""Encoded JPEGs by their widths."""

READ_AT_ONCE: Final = 256

LENGTH_TOLERANCE: Final = 0.01
LARGEST_THUMBNAIL: Final = 16 << 20
SIDE_MOST: Final = 2**31
SIGNATURE: Final = 288

_COLOR: Final = re.compile(r"#[0-9a-f]{6}")
_JPEG: Final = b"\xff\xd8\xff"
_SMALLER: Final = ".thumbnail_"


class WrongRow(Exception):
    """A row is no picture that could be taken in; nothing else fails."""


def schema_of(dimension: int) -> pa.Schema:
    """``vector`` is of the model's dimension, float16 and of length 1, as the catalog keeps it."""
    return pa.schema(
        [
            ("key", pa.string()),
            ("id", pa.int64()),
            ("sha256", pa.binary(32)),
            ("url", pa.string()),
            ("urls", pa.list_(pa.string())),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("format", pa.string()),
            ("bytes", pa.int64()),
            ("color", pa.string()),
            ("phash", pa.uint64()),
            ("signature", pa.binary()),
            ("source", pa.string()),
            *((name, pa.string()) for name in METADATA),
            ("extra", pa.string()),
            ("added_at", pa.float64()),
            ("vector", pa.list_(pa.float16(), dimension)),
        ]
    )


def write_shard(folder: Path, name: str, dimension: int, samples: Sequence[tuple[CarriedImage, Thumbnails]]) -> Shard:
    """The tar, and then the table: a shard that has its table is whole. Raises DiskFull or StorageError."""
    shard = Shard(name=name, images=len(samples), bytes=0)
    write_atomically(shard.tar(folder), lambda stream: _write_tar(stream, samples))
    table = _table([image for image, _ in samples], dimension)
    write_atomically(shard.table(folder), lambda stream: pq.write_table(table, stream, compression="zstd"))
    with writing(shard.tar(folder)):
        return shard.model_copy(update={"bytes": shard.tar(folder).stat().st_size})


def last_id(folder: Path, shard: Shard) -> int:
    """The largest id in it, 0 when it is empty. Raises ArchiveError."""
    with reading(shard.table(folder)):
        ids = pq.read_table(shard.table(folder), columns=["id"])["id"].to_numpy()
    return int(ids.max()) if len(ids) else 0


def count(folder: Path, shard: Shard) -> int:
    """How many pictures its table names. Raises ArchiveError."""
    with reading(shard.table(folder)), pq.ParquetFile(shard.table(folder)) as file:
        return int(file.metadata.num_rows)


def read_shard(
    folder: Path, shard: Shard, dimension: int
) -> Generator[list[tuple[CarriedImage, Thumbnails] | WrongRow], None, None]:
    """Its pictures, a batch at a time, with why not for each that cannot be one. Raises ArchiveError."""
    schema = schema_of(dimension)
    archive = shard.tar(folder)
    with reading(archive), closing(tar.open_tar(archive, str(archive))) as stream:
        members = _members(stream, archive, shard)
        with reading(shard.table(folder)), pq.ParquetFile(shard.table(folder)) as file:
            for batch in file.iter_batches(READ_AT_ONCE, columns=schema.names):
                known = batch.select(schema.names).cast(schema)
                vectors = known["vector"].flatten().to_numpy(zero_copy_only=False).reshape(-1, dimension)
                rows = known.drop_columns("vector").to_pylist()
                yield [_sample(row, vector, stream, members) for row, vector in zip(rows, vectors, strict=True)]


def _write_tar(stream: BinaryIO, samples: Sequence[tuple[CarriedImage, Thumbnails]]) -> None:
    # USTAR: names are short, and each member then is one header and its bytes.
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for image, thumbnails in samples:
            for suffix, data in _files(image, thumbnails):
                member = tarfile.TarInfo(_key(image.id) + suffix)
                member.size = len(data)
                member.mtime = int(image.added_at)
                archive.addfile(member, io.BytesIO(data))


def _files(image: CarriedImage, thumbnails: Thumbnails) -> Iterator[tuple[str, bytes]]:
    widths = sorted(thumbnails, reverse=True)
    for place, width in enumerate(widths):
        yield ".jpg" if place == 0 else f"{_SMALLER}{width}", thumbnails[width]
    said = {field: value for field, value in asdict(_plain(image.metadata)).items() if value}
    record = {
        "key": _key(image.id),
        "url": image.url,
        "sha256": image.sha256.hex(),
        "original_width": image.width,
        "original_height": image.height,
        "thumbnail_width": widths[0] if widths else None,
        "source": image.source,
        **said,
    }
    yield ".json", json.dumps(record, ensure_ascii=False).encode()


def _plain(metadata: Metadata) -> Metadata:
    fields = {name: getattr(metadata, name) for name in METADATA}
    return Metadata(**fields, extra=dict(metadata.extra))  # which is a read-only view that nothing copies


def _key(image_id: int) -> str:
    return f"{image_id:09d}"


def _table(images: Sequence[CarriedImage], dimension: int) -> pa.Table:
    schema = schema_of(dimension)
    vectors = np.concatenate([np.empty(0, np.float32), *(image.vector for image in images)]).astype(STORED)
    columns: dict[str, Any] = {
        name: [getattr(image, name) for image in images]
        for name in schema.names
        if name not in {"key", "bytes", "extra", "vector", *METADATA}
    }
    columns["bytes"] = [image.byte_count for image in images]
    columns["key"] = [_key(image.id) for image in images]
    columns |= {name: [getattr(image.metadata, name) for image in images] for name in METADATA}
    columns["extra"] = [json.dumps(dict(image.metadata.extra)) if image.metadata.extra else None for image in images]
    arrays = {name: pa.array(values, schema.field(name).type) for name, values in columns.items()}
    arrays["vector"] = pa.FixedSizeListArray.from_arrays(pa.array(vectors), dimension)
    return pa.table([arrays[name] for name in schema.names], schema=schema)


def _members(stream: BinaryIO, archive: Path, shard: Shard) -> dict[str, dict[str, tar.Member]]:
    """The files of each sample by key and suffix."""
    found: dict[str, dict[str, tar.Member]] = {}
    try:
        for member in tar.members(stream, str(archive)):
            key, dot, suffix = member.name.partition(".")
            if member.is_file and dot and len(found) <= shard.images:
                found.setdefault(key, {})[dot + suffix] = member
    except ParseError as error:
        raise ArchiveError(str(error)) from error
    return found


def _sample(
    row: Mapping[str, Any], vector: HalfArray, stream: BinaryIO, members: Mapping[str, Mapping[str, tar.Member]]
) -> tuple[CarriedImage, Thumbnails] | WrongRow:
    try:
        image = _image(row, vector.astype(np.float32))
        return image, _thumbnails(stream, members.get(row["key"], {}))
    except (WrongRow, ValueError, TypeError, RecursionError) as error:
        return WrongRow(f"row {row.get('key')!r}: {error}")


def _image(row: Mapping[str, Any], vector: FloatArray) -> CarriedImage:
    addresses = {row["url"], *row["urls"]}
    extra = json.loads(row["extra"]) if row["extra"] else NOTHING
    page = row["page_url"]
    wrong = {
        "an id": 0 < row["id"] <= NUMBER_MOST,
        "a source": row["source"] is not None,
        "32 bytes of sha256": len(row["sha256"]) == 32,
        "addresses": all(url and urls.canonical(url) == url for url in addresses),
        "a size": 0 < row["width"] < SIDE_MOST and 0 < row["height"] < SIDE_MOST and row["bytes"] > 0,
        "a color like #rrggbb": _COLOR.fullmatch(row["color"]) is not None,
        "a perceptual hash": row["phash"] is not None,
        f"a signature of {SIGNATURE} bytes": len(row["signature"]) in {0, SIGNATURE},
        "a vector of length 1": abs(float(np.linalg.norm(vector)) - 1) <= LENGTH_TOLERANCE,
        "a time": 0 <= row["added_at"] < 1e11,
        "an object of further fields": isinstance(extra, Mapping),
    }
    if missing := next((what for what, holds in wrong.items() if not holds), None):
        raise WrongRow(f"expected {missing}")
    said = Metadata(**{name: row[name] for name in METADATA} | {"page_url": None}, extra=extra)
    said = text.clean(said)
    return CarriedImage(
        **{name: row[name] for name in ("id", "sha256", "url", "width", "height", "color", "phash")},
        format=text.plain(row["format"]) or "",
        byte_count=row["bytes"],
        source=row["source"],
        signature=row["signature"],
        added_at=row["added_at"],
        urls=tuple(sorted(addresses)),
        metadata=Metadata(
            **{name: getattr(said, name) for name in METADATA}
            | {"page_url": page if page and urls.is_web(page) else None},
            extra=said.extra,
        ),
        vector=vector,
    )


def _thumbnails(stream: BinaryIO, files: Mapping[str, tar.Member]) -> Thumbnails:
    found: dict[int, bytes] = {}
    record = json.loads(tar.content(stream, files[".json"], LARGEST_THUMBNAIL)) if ".json" in files else {}
    largest = record.get("thumbnail_width") if isinstance(record, Mapping) else None
    for suffix, member in files.items():
        width = largest if suffix == ".jpg" else _width(suffix)
        if isinstance(width, int) and 0 < width < 100_000:
            data = tar.content(stream, member, LARGEST_THUMBNAIL)
            if not data.startswith(_JPEG):
                raise WrongRow(f"{suffix}: expected a JPEG")
            found[width] = data
    if not found:
        raise WrongRow("expected a thumbnail")
    return found


def _width(suffix: str) -> int | None:
    digits = suffix.removeprefix(_SMALLER)
    return int(digits) if suffix.startswith(_SMALLER) and digits.isdecimal() and len(digits) < 7 else None
