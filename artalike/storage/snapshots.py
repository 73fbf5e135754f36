"""The snapshot file of a vector index: header, then blocks of ids and rows.

::

    8 bytes     b"ARTALIKE"
    4 bytes     length of the header, little-endian
    header      JSON, padded with spaces: version, model_id, dimension, rows, largest_id, size, checksum
    blocks      rows as 8 bytes; ids, int64 × rows; vectors, float16 × rows × dimension; all little-endian

``size`` (bytes) and ``checksum`` (CRC-32) are of all blocks. The catalog is the truth, so a file that does not fit is
never repaired: :class:`SnapshotError` says what is wrong with it and the index is rebuilt.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from artalike.errors import SnapshotError
from artalike.records import IdArray
from artalike.storage.files import remove_leftovers, storage_error, write_atomically

FORMAT_VERSION: Final = 1
MAGIC: Final = b"ARTALIKE"
HEADER_MAX: Final = 65_536

Block = tuple[IdArray, NDArray[np.uint8]]
"""Ids int64 (n,) and the bytes of their float16 vectors (n, 2 × dimension)."""

_LENGTH: Final = struct.Struct("<I")
_ROWS: Final = struct.Struct("<Q")


@dataclass(slots=True)
class Header:
    """What a snapshot holds. The last four are filled in by the writer."""

    model_id: str
    dimension: int
    version: int = FORMAT_VERSION
    rows: int = 0
    largest_id: int = -1
    size: int = 0
    checksum: int = 0

    def pack(self) -> bytes:
        """The header's bytes, as long for every value of the numbers."""
        widest = asdict(self) | dict.fromkeys(("rows", "largest_id", "size", "checksum"), 10**19)
        text = json.dumps(asdict(self)).ljust(len(json.dumps(widest))).encode()
        return MAGIC + _LENGTH.pack(len(text)) + text


def write(path: Path, header: Header, blocks: Iterable[Block]) -> None:
    """Replace ``path`` by a snapshot of ``blocks``; blocks, so call it in a thread.

    Raises :class:`DiskFull` or :class:`StorageError`, and then the old file stays.
    """

    def fill(stream: BinaryIO) -> None:
        stream.write(header.pack())
        for ids, codes in blocks:
            for piece in (_ROWS.pack(len(ids)), ids.astype("<i8").tobytes(), codes.tobytes()):
                stream.write(piece)
                header.size += len(piece)
                header.checksum = zlib.crc32(piece, header.checksum)
            header.rows += len(ids)
            header.largest_id = max(header.largest_id, int(ids.max(initial=-1)))
        stream.seek(0)
        stream.write(header.pack())

    write_atomically(path, fill)


def read(path: Path, expected: Header) -> Iterator[Block]:
    """The blocks of the snapshot, which must be of ``expected``'s version, model and dimension.

    The last block may have come before a wrong checksum is noticed: use none of them before the end.
    An id may come twice, and then its later vector counts. Raises :class:`SnapshotError`.
    """
    try:
        remove_leftovers(path)
        with path.open("rb") as stream:
            header = _read_header(stream, path)
            _compare(header, expected, path)
            there = path.stat().st_size - stream.tell()
            if there != header.size:
                raise SnapshotError(f"{path}: torn: {there} bytes of blocks; expected {header.size}")
            yield from _read_blocks(stream, header, path)
    except FileNotFoundError as error:
        raise SnapshotError(f"{path}: there is no snapshot") from error
    except OSError as error:
        raise SnapshotError(str(storage_error(error, path))) from error


def read_header(path: Path) -> Header:
    """What the snapshot says it holds, without reading it. Raises :class:`SnapshotError`."""
    try:
        with path.open("rb") as stream:
            return _read_header(stream, path)
    except FileNotFoundError as error:
        raise SnapshotError(f"{path}: there is no snapshot") from error
    except OSError as error:
        raise SnapshotError(str(storage_error(error, path))) from error


def _read_header(stream: BinaryIO, path: Path) -> Header:
    start = stream.read(len(MAGIC) + _LENGTH.size)
    if start[: len(MAGIC)] != MAGIC or len(start) < len(MAGIC) + _LENGTH.size:
        raise SnapshotError(f"{path}: not a snapshot, or torn: it begins with {start[:8]!r}; expected {MAGIC!r}")
    (length,) = _LENGTH.unpack_from(start, len(MAGIC))
    text = stream.read(min(length, HEADER_MAX))
    if len(text) != length:
        raise SnapshotError(f"{path}: torn: {len(text)} bytes of a header; expected {length}")
    try:
        fields = json.loads(text)
        version = fields["version"]
        if version != FORMAT_VERSION:
            raise SnapshotError(f"{path}: format version {version}; expected {FORMAT_VERSION}")
        return Header(**fields)
    except (ValueError, TypeError, KeyError) as error:
        raise SnapshotError(f"{path}: torn: its header cannot be read") from error


def _compare(header: Header, expected: Header, path: Path) -> None:
    if header.model_id != expected.model_id:
        raise SnapshotError(f"{path}: made by model {header.model_id}; expected {expected.model_id}")
    if header.dimension != expected.dimension:
        raise SnapshotError(f"{path}: dimension {header.dimension}; expected {expected.dimension}")


def _read_blocks(stream: BinaryIO, header: Header, path: Path) -> Iterator[Block]:
    left, checksum = header.size, 0
    width = 2 * header.dimension
    while left:
        head = stream.read(_ROWS.size)
        rows = _ROWS.unpack(head)[0] if len(head) == _ROWS.size else left
        size = rows * (8 + width)
        if size > left - _ROWS.size:
            raise SnapshotError(f"{path}: torn: a block of {rows} rows does not fit")
        body = stream.read(size)
        if len(body) != size:
            raise SnapshotError(f"{path}: torn: {len(body)} bytes of a block; expected {size}")
        checksum = zlib.crc32(body, zlib.crc32(head, checksum))
        left -= len(head) + len(body)
        ids = np.frombuffer(body, "<i8", rows)
        yield ids, np.frombuffer(body, np.uint8, offset=8 * rows).reshape(rows, width)
    if checksum != header.checksum:
        raise SnapshotError(f"{path}: torn: checksum {checksum:08x}; expected {header.checksum:08x}")
