"""The snapshot of a trained index: all but the exact vectors, which stay in the file that it names.

::

    8 bytes     b"ARTALIKE"
    4 bytes     length of the header, little-endian
    header      JSON, padded with spaces: :class:`TrainedHeader`
    training    what FAISS serialises of an index without vectors, ``training`` bytes
    rows        int64 × ``used``: the id of each row in the file of vectors, -1 for none
    lists       number, rows (int64 each); ids, int64 × rows; codes, ``code_size`` × rows; all little-endian

``size`` (bytes) and ``checksum`` (CRC-32) are of all behind the header. It begins like the file of
:mod:`artalike.storage.snapshots` and is of another version: each of the two readers refuses what is the other's.
"""

from __future__ import annotations

import json
import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from artalike.errors import SnapshotError
from artalike.records import IdArray
from artalike.storage.files import remove_leftovers, storage_error, write_atomically
from artalike.storage.growing_index_tuning import Effort
from artalike.storage.snapshots import HEADER_MAX, MAGIC
from artalike.storage.trained_index import InvertedFile

TRAINED_VERSION: Final = 2
_LENGTH: Final = struct.Struct("<I")
_LIST: Final = struct.Struct("<QQ")
_NUMBERS: Final = ("rows", "largest_id", "size", "checksum")

ListCopy = tuple[int, IdArray, NDArray[np.uint8]]


@dataclass(slots=True, kw_only=True)
class TrainedHeader:
    """What a snapshot holds; the last four are filled in by the writer. ``vectors`` is a file's name, beside it."""

    model_id: str
    dimension: int
    vectors: str
    used: int
    training: int
    code_size: int
    trained_on: int
    measured_on: int
    effort: dict[str, float]
    version: int = TRAINED_VERSION
    rows: int = 0
    largest_id: int = -1
    size: int = 0
    checksum: int = 0

    def found_effort(self) -> Effort:
        """The effort. Raises :class:`SnapshotError`."""
        try:
            return Effort(**self.effort)  # type: ignore[arg-type]  # what is written is checked by its checksum
        except TypeError as error:
            raise SnapshotError(f"a snapshot's effort {self.effort}: expected other names") from error

    def pack(self) -> bytes:
        """The header's bytes, as many for every value of the writer's numbers."""
        widest = len(json.dumps(asdict(self) | dict.fromkeys(_NUMBERS, 10**19)))
        text = json.dumps(asdict(self)).ljust(widest).encode()
        return MAGIC + _LENGTH.pack(len(text)) + text


def write(path: Path, header: TrainedHeader, training: bytes, row_ids: IdArray, lists: Iterator[ListCopy]) -> None:
    """Replace ``path``; blocks. Raises :class:`DiskFull` or :class:`StorageError`, and then the old file stays."""

    def fill(stream: BinaryIO) -> None:
        stream.write(header.pack())
        for piece in _pieces(training, row_ids, lists):
            stream.write(piece)
            header.size += len(piece)
            header.checksum = zlib.crc32(piece, header.checksum)
        header.rows = int(np.count_nonzero(row_ids >= 0))
        header.largest_id = int(row_ids.max(initial=-1))
        stream.seek(0)
        stream.write(header.pack())

    write_atomically(path, fill)


def _pieces(training: bytes, row_ids: IdArray, lists: Iterator[ListCopy]) -> Iterator[bytes]:
    yield training
    yield row_ids.astype("<i8").tobytes()
    for number, ids, codes in lists:
        yield _LIST.pack(number, len(ids)) + ids.astype("<i8").tobytes() + codes.tobytes()


def read(path: Path, model_id: str, dimension: int) -> tuple[TrainedHeader, InvertedFile, IdArray]:
    """What the snapshot says, its codes, and the id of each row (-1 for none): the same ids in both.

    Codes and rows were copied while ids came and went. An id that is not in both, or that has two codes, is in neither
    of what this returns. Raises :class:`SnapshotError`.
    """
    try:
        remove_leftovers(path)
        with path.open("rb") as stream:
            header = _header(stream, path)
            # Mapped, not read: what is copied out of it is all that stays in memory.
            body = memoryview(mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ))[stream.tell() :]
    except FileNotFoundError as error:
        raise SnapshotError(f"{path}: there is no snapshot") from error
    except OSError as error:
        raise SnapshotError(str(storage_error(error, path))) from error
    if (header.model_id, header.dimension) != (model_id, dimension):
        made_by = f"{header.model_id} of dimension {header.dimension}"
        raise SnapshotError(f"{path}: made by model {made_by}; expected {model_id} of dimension {dimension}")
    if len(body) != header.size or zlib.crc32(body) != header.checksum:
        raise SnapshotError(f"{path}: torn: {len(body)} bytes; expected {header.size} with checksum {header.checksum}")
    codes = InvertedFile.restore(bytes(body[: header.training]))
    row_ids = np.frombuffer(body, "<i8", header.used, header.training).astype(np.int64)
    lists = list(_lists(body, header))
    known = np.concatenate([np.empty(0, np.int64), *(ids for _, ids, _ in lists)])
    once, times = np.unique(known, return_counts=True)
    sure = np.intersect1d(once[times == 1], row_ids)
    row_ids[~np.isin(row_ids, sure)] = -1
    all_sure = len(sure) == len(known)
    for number, ids, rows in lists:
        kept = slice(None) if all_sure else np.isin(ids, sure)
        codes.fill(number, ids[kept], rows[kept])
    return header, codes, row_ids


def saved_effort(path: Path) -> Effort | None:
    """What a snapshot says of a trained index; None where it is of an exact one, missing, or cannot be read."""
    try:
        with path.open("rb") as stream:
            return _header(stream, path).found_effort()
    except (OSError, SnapshotError):
        return None


def _header(stream: BinaryIO, path: Path) -> TrainedHeader:
    start = stream.read(len(MAGIC) + _LENGTH.size)
    if start[: len(MAGIC)] != MAGIC or len(start) < len(MAGIC) + _LENGTH.size:
        raise SnapshotError(f"{path}: not a snapshot, or torn: it begins with {start[:8]!r}; expected {MAGIC!r}")
    (length,) = _LENGTH.unpack_from(start, len(MAGIC))
    try:
        fields = json.loads(stream.read(min(length, HEADER_MAX)))
        if fields["version"] != TRAINED_VERSION:
            raise SnapshotError(f"{path}: format version {fields['version']}; expected {TRAINED_VERSION}")
        return TrainedHeader(**fields)
    except (ValueError, TypeError, KeyError) as error:
        raise SnapshotError(f"{path}: torn: its header cannot be read") from error


def _lists(body: memoryview, header: TrainedHeader) -> Iterator[ListCopy]:
    at = header.training + 8 * header.used
    while at < len(body):
        number, rows = _LIST.unpack_from(body, at)
        at += _LIST.size
        ids = np.frombuffer(body, "<i8", rows, at)
        at += 8 * rows
        codes = np.frombuffer(body, np.uint8, rows * header.code_size, at)
        at += len(codes)
        yield number, ids, codes.reshape(rows, header.code_size)
