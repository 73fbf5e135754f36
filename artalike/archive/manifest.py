"""What lies in an exported folder.

::

    manifest.json       what this is; written last, so that a folder without one is an unfinished export
    00000.tar           a webdataset shard: for each picture KEY.jpg, its largest thumbnail, the smaller ones as
                        KEY.thumbnail_256 and so on, and KEY.json, what is known of it
    00000.parquet       the same pictures, a row each, with their vectors
    seeds.parquet       the sources, with how far each has come
    frontier.parquet    the addresses that they have led to
    blocks.parquet      what must never come in
    removed.parquet     pictures that have left, so that they do not come back

The shards are as img2dataset writes them (https://github.com/rom1504/img2dataset, "Output format"): its readers, those
of webdataset, and the source kind ``shards`` take them as they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from artalike.archive.checks import NUMBER_MOST
from artalike.errors import ArchiveError
from artalike.storage.files import storage_error, write_atomically

MANIFEST: Final = "manifest.json"
UNFINISHED: Final = "unfinished.json"

FORMAT: Final = 1


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Unfinished(_Record):
    """An export under way: of which collection, and in shards of how many pictures."""

    collection: str
    model_id: str
    shard_size: int


class Shard(_Record):
    """``bytes`` are those of the tar."""

    name: str = Field(pattern=r"^[0-9]{5,9}$")
    images: int = Field(ge=0)
    bytes: int = Field(ge=0)

    def tar(self, folder: Path) -> Path:
        return folder / f"{self.name}.tar"

    def table(self, folder: Path) -> Path:
        return folder / f"{self.name}.parquet"


class Manifest(_Record):
    """A whole export. ``exported_at`` is seconds since the epoch."""

    artalike: Literal[1]
    version: str
    model_id: str
    dimension: int = Field(ge=1, le=65_536)
    images: int
    last_id: int = Field(ge=0, le=NUMBER_MOST)
    exported_at: float
    shards: tuple[Shard, ...]


def read_manifest(folder: Path) -> Manifest:
    """Blocks. Raises ArchiveError that says what was found instead."""
    path = folder / MANIFEST
    try:
        found = Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        unfinished = (folder / UNFINISHED).exists()
        told = "an export that has not ended; run it again" if unfinished else f"no {MANIFEST} in it"
        raise ArchiveError(f"{folder}: {told}; expected a folder that `artalike export` has written") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ArchiveError(f"{path}: {where}: {first['msg']}; expected an export of format {FORMAT}") from error
    for shard in found.shards:
        _check(shard, folder)
    return found


def write_record(path: Path, record: BaseModel) -> None:
    """Blocks. Raises DiskFull or StorageError."""
    data = record.model_dump_json(indent=1).encode()
    write_atomically(path, lambda stream: stream.write(data))


def read_unfinished(folder: Path) -> Unfinished | None:
    """The export under way there. Blocks."""
    try:
        return Unfinished.model_validate_json((folder / UNFINISHED).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    except OSError as error:
        raise storage_error(error, folder / UNFINISHED) from error


def _check(shard: Shard, folder: Path) -> None:
    path = shard.tar(folder)
    try:
        found = path.stat().st_size
        shard.table(folder).stat()
    except OSError as error:
        raise ArchiveError(f"{folder}: shard {shard.name} is not whole: {error.strerror}") from error
    if found != shard.bytes:
        raise ArchiveError(f"{path}: {found} bytes; expected {shard.bytes}")
