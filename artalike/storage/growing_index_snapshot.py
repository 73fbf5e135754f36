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
PIECE_ROWS: Final = 65_536
_LENGTH: Final = struct.Struct("<I")
_LIST: Final = struct.Struct("<QQ")
_NUMBERS: Final = ("rows", "largest_id", "size", "checksum")

ListCopy = tuple[int, IdArray, NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Trained:
    """Codes, how hard to search them, of how many vectors both were made, and by which factory, as it was asked for."""

    codes: InvertedFile
    effort: Effort
    trained_on: int
    measured_on: int
    factory: str


@dataclass(frozen=True, slots=True)
class Vectors:
    """A file of vectors: its name, beside the snapshot, and the id of each row, int64, -1 for none."""

    file: str
    dimension: int
    row_ids: IdArray


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
    factory: str = ""  # older snapshots do not tell
    version: int = TRAINED_VERSION
    rows: int = 0
    largest_id: int = -1
    size: int = 0
    checksum: int = 0

    @classmethod
    def of(cls, model_id: str, trained: Trained, vectors: Vectors) -> TrainedHeader:
        return cls(
            model_id=model_id,
            dimension=vectors.dimension,
            vectors=vectors.file,
            used=len(vectors.row_ids),
            training=len(trained.codes.training),
            code_size=trained.codes.code_size,
            trained_on=trained.trained_on,
            measured_on=trained.measured_on,
            effort=trained.effort.as_dict(),
            factory=trained.factory,
            rows=int(np.count_nonzero(vectors.row_ids >= 0)),
            largest_id=int(vectors.row_ids.max(initial=-1)),
        )

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


def write(path: Path, model_id: str, trained: Trained, vectors: Vectors, lists: Iterator[ListCopy]) -> None:
    """Replace ``path``; ``lists`` are copies of those of ``trained``, which may be in use.

    Blocks. Raises :class:`DiskFull` or :class:`StorageError`, and then the old file stays.
    """
    header = TrainedHeader.of(model_id, trained, vectors)

    def fill(stream: BinaryIO) -> None:
        stream.write(header.pack())
        for piece in _pieces(trained.codes.training, vectors.row_ids, lists):
            stream.write(piece)
            header.size += len(piece)
            header.checksum = zlib.crc32(piece, header.checksum)
        stream.seek(0)
        stream.write(header.pack())

    write_atomically(path, fill)


def _pieces(training: bytes, row_ids: IdArray, lists: Iterator[ListCopy]) -> Iterator[bytes]:
    yield training
    for start in range(0, len(row_ids), PIECE_ROWS):  # so that each holds the interpreter for a moment only
        yield row_ids[start : start + PIECE_ROWS].astype("<i8").tobytes()
    for number, ids, codes in lists:
        yield _LIST.pack(number, len(ids)) + ids.astype("<i8").tobytes() + codes.tobytes()


def read(path: Path, model_id: str, dimension: int) -> tuple[Trained, Vectors]:
    """The codes, and the id of each row: the same ids in both.

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
    sure = _sure(np.concatenate([np.empty(0, np.int64), *(ids for _, ids, _ in lists)]), row_ids)
    if sure is not None:
        row_ids[~np.isin(row_ids, sure)] = -1
    for number, ids, rows in lists:
        kept = slice(None) if sure is None else np.isin(ids, sure)
        codes.fill(number, ids[kept], rows[kept])
    trained = Trained(codes, header.found_effort(), header.trained_on, header.measured_on, header.factory)
    return trained, Vectors(header.vectors, dimension, row_ids)


def _sure(coded: IdArray, row_ids: IdArray) -> IdArray | None:
    """The ids that have a row and one code; None where all have."""
    coded, bound = np.sort(coded), np.sort(row_ids[row_ids >= 0])
    alone = np.diff(coded, prepend=-1, append=-1) != 0
    once = coded[alone[:-1] & alone[1:]]
    return None if np.array_equal(once, bound) and len(once) == len(coded) else np.intersect1d(once, bound)


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
