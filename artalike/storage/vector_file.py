"""Exact vectors in a file, read through a memory map: the disk holds them, and memory only what is asked for often.

Rows are float16, little-endian, one behind the other. What the last snapshot refers to is not touched before the
next one has taken its place: a replaced or removed vector leaves its row, and the row is cleared and used again only
then. So a snapshot and this file agree whenever the process ends. Rows are written with ``pwrite`` and never through
the map, where a full disk would be a signal that kills the process instead of an error.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artalike.errors import SnapshotError
from artalike.records import IdArray
from artalike.storage.files import storage_error
from artalike.storage.row_map import NO_ROW, RowMap, Rows

ROOM: Final = 4096
"""Rows of room at least; the file has holes, so room costs no disk."""

Half = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Bindings:
    """Which id is bound to which of the first ``used`` rows."""

    rows: RowMap
    used: int

    def row_ids(self) -> IdArray:
        """The id of each row, -1 where none is bound."""
        made = np.full(self.used, NO_ROW, np.int64)
        for ids, rows in self.rows.pages():
            made[rows] = ids
        return made


class VectorFile:
    """A vector of ``dimension`` numbers for each id that is bound to a row.

    Its owner sees to it that nobody reads while :meth:`bind`, :meth:`unbind` or :meth:`settle` run, and that there is
    one writer. :meth:`write` and :meth:`clear` touch no row that is bound: reading goes on meanwhile.
    """

    def __init__(self, path: Path, dimension: int, *, row_ids: IdArray | None = None) -> None:
        """A new file, or, with ``row_ids``, the ids of its first rows (-1 for none), the one that is there.

        Raises :class:`SnapshotError` when rows are missing, StorageError.
        """
        self.path = path
        self._width = 2 * dimension
        self.dimension = dimension
        self._map = np.empty((0, dimension), "<f2")
        self._rows = RowMap()
        self._used = 0
        self._free: list[int] = []
        self._freed: list[int] = []
        try:
            self._file = os.open(path, os.O_RDWR | (os.O_CREAT | os.O_EXCL if row_ids is None else 0), 0o600)
        except OSError as error:
            raise _refused(error, path, row_ids) from error
        if row_ids is not None:
            self._take_over(row_ids)

    def _take_over(self, row_ids: IdArray) -> None:
        there = os.fstat(self._file).st_size
        if there < len(row_ids) * self._width:
            os.close(self._file)
            raise SnapshotError(f"{self.path}: torn: {there} bytes; expected {len(row_ids)} rows of {self._width}")
        # What was written behind the snapshot belongs to nobody.
        os.ftruncate(self._file, len(row_ids) * self._width)
        self._used = len(row_ids)
        self._make_room(self._used)
        bound = np.flatnonzero(row_ids >= 0)
        self._rows.set(row_ids[bound], bound)
        self._free = np.flatnonzero(row_ids < 0).tolist()

    def close(self) -> None:
        """Let go of the file. The map stays as long as someone reads it."""
        os.close(self._file)

    @property
    def size(self) -> int:
        """How many ids are bound."""
        return self._rows.size

    @property
    def largest_id(self) -> int:
        """-1 when there is none."""
        return self._rows.largest_id

    def write(self, codes: NDArray[np.uint8]) -> Rows:
        """Store rows, (n, 2 × dimension) bytes of float16, where no id is bound. Which rows they are.

        Raises :class:`DiskFull` or :class:`StorageError`, and then nothing has changed.
        """
        again = min(len(self._free), len(codes))
        rows = np.concatenate(
            [np.array(self._free[:again], np.int64), np.arange(self._used, self._used + len(codes) - again)]
        )
        self._make_room(self._used + len(codes) - again)
        try:
            for row, code in zip(rows[:again].tolist(), codes, strict=False):
                _write_all(self._file, code, row * self._width)
            _write_all(self._file, codes[again:], self._used * self._width)
        except OSError as error:
            raise storage_error(error, self.path) from error
        del self._free[:again]
        self._used += len(codes) - again
        return rows

    def bind(self, ids: IdArray, rows: Rows) -> None:
        """Give ``ids``, each once, the vectors in ``rows``. Those that they had are let go."""
        self._freed += self._bound(ids)
        self._rows.set(ids, rows)

    def unbind(self, ids: IdArray) -> int:
        """Let the vectors of ``ids``, each once, go. How many there were."""
        freed = self._bound(ids)
        self._freed += freed
        self._rows.set(ids, np.full(len(ids), NO_ROW, np.int64))
        return len(freed)

    def _bound(self, ids: IdArray) -> list[int]:
        rows = self._rows.get(ids)
        bound: list[int] = rows[rows >= 0].tolist()
        return bound

    def has(self, ids: IdArray) -> NDArray[np.bool_]:
        """Which of ``ids`` are bound."""
        return self._rows.get(ids) >= 0

    def read(self, ids: IdArray) -> tuple[IdArray, Half]:
        """Those of ``ids`` that are bound, in their order, and their vectors, float16 (n, dimension).

        The vectors may be a view: they hold until one of these is unbound and its row settled.
        """
        rows = self._rows.get(ids)
        there = rows >= 0
        rows = rows[there]
        if len(rows) and (np.diff(rows) == 1).all():
            return ids[there], self._map[rows[0] : rows[-1] + 1]
        # Unlike self._map[rows], it lets go of the interpreter: the disk may be slow to answer.
        return ids[there], self._map.take(rows, axis=0)

    def ids(self, up_to: int | None = None) -> IdArray:
        """Ascending ids, int64, that are bound; all, or those up to ``up_to``."""
        return self._rows.ids(up_to)

    def count(self, up_to: int) -> int:
        """How many ids up to ``up_to`` are bound."""
        return self._rows.count(up_to)

    def bindings(self) -> Bindings:
        """A copy of which id is bound to which row; what a snapshot holds, once :meth:`sync` has returned."""
        return Bindings(self._rows.copy(), self._used)

    def sync(self) -> None:
        """Make all rows survive a power cut; blocks. Raises DiskFull or StorageError."""
        try:
            os.fdatasync(self._file)
        except OSError as error:
            raise storage_error(error, self.path) from error

    @property
    def freed(self) -> int:
        """How many rows have been let go since the last :meth:`settle`, in the order in which they were."""
        return len(self._freed)

    def clear(self, count: int) -> None:
        """Overwrite the first ``count`` rows that were let go: nothing refers to them any more, on disk or here."""
        nothing = np.zeros(self._width, np.uint8)
        try:
            for row in self._freed[:count]:
                _write_all(self._file, nothing, row * self._width)
        except OSError as error:
            raise storage_error(error, self.path) from error

    def settle(self, count: int) -> None:
        """The first ``count`` rows that were let go may be used again."""
        self._free += self._freed[:count]
        del self._freed[:count]

    def _make_room(self, rows: int) -> None:
        if rows <= len(self._map):
            return
        room = max(ROOM, 2 * rows)
        try:
            os.ftruncate(self._file, room * self._width)
            mapped = mmap.mmap(self._file, room * self._width, prot=mmap.PROT_READ)
        except OSError as error:
            raise storage_error(error, self.path) from error
        mapped.madvise(mmap.MADV_RANDOM)
        self._map = np.frombuffer(mapped, "<f2").reshape(room, self.dimension)


def _write_all(file: int, codes: NDArray[np.uint8], at: int) -> None:
    data = np.ascontiguousarray(codes).reshape(-1).data
    while data:
        done = os.pwrite(file, data, at)
        data, at = data[done:], at + done


def _refused(error: OSError, path: Path, row_ids: IdArray | None) -> Exception:
    if row_ids is not None and isinstance(error, FileNotFoundError):
        return SnapshotError(f"{path}: the vectors of the snapshot are missing")
    return storage_error(error, path)
