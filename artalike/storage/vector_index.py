"""Nearest neighbours by cosine with FAISS; the only file that knows it.

Vectors lie as float16 in segments of a few thousand rows, each a flat FAISS index. Measured at 100,000 × 1280 on
one core: float16 takes 2.7 kB a vector and 21 ms a query, float32 5.3 kB and 36 ms; the catalog holds float16,
so nothing is lost. One array for all would be copied whole whenever it grows (81 ms, and everyone waits) or
loses a row; a segment bounds both.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import faiss
import numpy as np
from anyio import CapacityLimiter, to_thread
from numpy.typing import NDArray

from artalike.errors import UsageError
from artalike.records import FloatArray, IdArray
from artalike.storage import snapshots
from artalike.storage.lock import PhaseFairLock
from artalike.storage.ports import Neighbors
from artalike.storage.vectors import checked_ids, checked_vectors, distinct

SEGMENT_ROWS: Final = 8192
ADD_ROWS: Final = 256
"""Rows added under one hold of the lock: a search waits for no more than these."""

SEARCH_ROWS: Final = 16
"""Queries in one call of FAISS: at 100,000 x 512, rows of one call take half the time of as many calls."""

BITMAP_BYTES: Final = 1 << 20
"""A selection becomes a map of bits up to this size, or that of its ids; a hash set where they lie further apart."""

_LARGEST_ID: Final = 2**63 - 1

Codes = NDArray[np.uint8]
"""Rows as FAISS stores them: the little-endian bytes of float16, (n, 2 × dimension)."""


class FlatIndex:
    """Implements :class:`artalike.storage.ports.VectorIndex` exactly: it misses no neighbour.

    FAISS works in threads, where it lets go of the interpreter. The lock is taken inside the thread that works,
    so a cancelled caller never frees it early; the work is then finished all the same. Adds and
    removes happen in the order in which they were called. A query takes one core; as many run at
    once as there are cores, and the rest wait.
    """

    def __init__(self, dimension: int, model_id: str) -> None:
        self.dimension = dimension
        self.model_id = model_id
        self._segments: list[_Segment] = []
        self._size = 0
        self._lock = PhaseFairLock()
        self._writer = CapacityLimiter(1)
        self._searchers = CapacityLimiter(os.cpu_count() or 1)

    @classmethod
    async def load(cls, path: Path, model_id: str, dimension: int) -> FlatIndex:
        """The index that :meth:`save` wrote.

        Raises :class:`SnapshotError` that says why there is none: missing, torn, or of another format version,
        model or dimension. Call it only where nothing else is saving to ``path``: it removes leftovers.
        """
        index = cls(dimension, model_id)
        await to_thread.run_sync(index._load, path)
        return index

    @property
    def size(self) -> int:
        """How many vectors it holds."""
        return self._size

    async def add(self, ids: IdArray, vectors: FloatArray) -> None:
        """Add ``vectors``, float32 (n, dimension) of length 1, under ``ids``, int64 (n,), not negative.

        An id that is there already is replaced; of an id given twice the last counts.
        Raises :class:`UsageError` for anything else, and then adds nothing.
        """
        await to_thread.run_sync(self._add, ids, vectors, limiter=self._writer)

    async def remove(self, ids: IdArray) -> int:
        """Remove those of ``ids`` that are there. How many were."""
        return await to_thread.run_sync(self._remove, ids, limiter=self._writer)

    async def search(
        self, vectors: FloatArray, k: int, *, max_id: int | None = None, among: IdArray | None = None
    ) -> list[Neighbors]:
        """The ``k`` nearest to each row of ``vectors``, among ids up to ``max_id`` and, where given, in ``among``.

        ``vectors`` is float32 (n, dimension) of length 1, ``among`` int64 (m,), ascending. Each answer is ordered by
        cosine, the highest first, and then by id; which of several equal ones make it into the first ``k`` goes by
        that order too, so a longer answer begins with the shorter one. Raises :class:`UsageError`.
        """
        queries = checked_vectors(vectors, self.dimension)
        if k < 1:
            raise UsageError(f"k = {k}: expected at least 1")
        choice = _Choice(max_id) if among is None else await to_thread.run_sync(_Among, among, max_id)
        found: list[Neighbors] = []
        for start in range(0, len(queries), SEARCH_ROWS):
            part = queries[start : start + SEARCH_ROWS]
            found += await to_thread.run_sync(self._search, part, k, choice, limiter=self._searchers)
        return found

    async def ids(self) -> IdArray:
        """Ascending ids, int64."""
        return await to_thread.run_sync(self._ids)

    async def save(self, path: Path) -> None:
        """Write a snapshot over ``path``; one that stops half way leaves the old one.

        Searches, adds and removes go on meanwhile: a segment is copied at a time. What changes behind
        the copy is for :mod:`artalike.storage.follow` to set right after loading, except that an id which is
        given another vector during the save may be saved with the one it had.

        Raises :class:`DiskFull` or :class:`StorageError`.
        """
        await to_thread.run_sync(self._save, path)

    def _add(self, ids: IdArray, vectors: FloatArray) -> None:
        rows = checked_vectors(vectors, self.dimension).astype("<f2")
        ids = checked_ids(ids)
        if len(ids) != len(rows):
            raise UsageError(f"{len(ids)} ids for {len(rows)} vectors: expected one each")
        last = len(ids) - 1 - np.unique(ids[::-1], return_index=True)[1]
        self._store(ids[last], rows[last].view(np.uint8))

    def _store(self, ids: IdArray, codes: Codes) -> None:
        for start in range(0, len(ids), ADD_ROWS):
            piece = ids[start : start + ADD_ROWS]
            with self._lock.writing():
                self._drop(piece, list(self._segments))
                self._append(piece, codes[start : start + ADD_ROWS])

    def _append(self, ids: IdArray, codes: Codes) -> None:
        done = 0
        while done < len(ids):
            segment = self._segment_with_room()
            end = done + SEGMENT_ROWS - segment.size
            segment.append(ids[done:end], codes[done:end])
            done = min(end, len(ids))
        self._size += len(ids)

    def _segment_with_room(self) -> _Segment:
        """The last segment, or, where that is full, one that removals have half emptied, or a new one."""
        if self._segments and self._segments[-1].size < SEGMENT_ROWS:
            return self._segments[-1]
        emptied = next((segment for segment in self._segments if segment.size <= SEGMENT_ROWS // 2), None)
        if emptied is not None:
            self._segments.remove(emptied)
        self._segments.append(emptied or _Segment(self.dimension))
        return self._segments[-1]

    def _remove(self, ids: IdArray) -> int:
        wanted = distinct(checked_ids(ids))
        removed = 0
        for segment in list(self._segments):  # only writers change the list, and there is one at a time
            with self._lock.writing():
                removed += self._drop(wanted, [segment])
        return removed

    def _drop(self, ids: IdArray, segments: Iterable[_Segment]) -> int:
        dropped = 0
        for segment in segments:
            dropped += segment.remove(ids)
            if not segment.size:
                self._segments.remove(segment)
        self._size -= dropped
        return dropped

    def _search(self, queries: FloatArray, k: int, choice: _Choice) -> list[Neighbors]:
        with self._lock.reading():
            columns = [segment.search(queries, k + 1, choice) for segment in self._segments]
            return [
                self._deepened(queries[row : row + 1], [column[row] for column in columns], k, choice)
                for row in range(len(queries))
            ]

    def _deepened(self, query: FloatArray, found: list[_Found], k: int, choice: _Choice) -> Neighbors:
        worst = _merge(found, k).scores[-1:]
        for number, segment in enumerate(self._segments):
            # FAISS cuts equal scores anywhere. Look further wherever the cut may hide a smaller id.
            while found[number].cut and found[number].scores[-1] >= worst:
                [found[number]] = segment.search(query, 2 * len(found[number].ids), choice)
        return _merge(found, k)

    def _ids(self) -> IdArray:
        with self._lock.reading():
            return np.sort(np.concatenate([np.empty(0, np.int64), *(item.ids() for item in self._segments)]))

    def _save(self, path: Path) -> None:
        snapshots.write(path, self._header(), self.blocks())

    def blocks(self) -> Iterator[snapshots.Block]:
        """Copies of all that it holds, a segment at a time; blocks."""
        with self._lock.reading():
            segments = list(self._segments)
        for segment in segments:
            with self._lock.reading():
                block = segment.copy()
            yield block

    def _load(self, path: Path) -> None:
        for ids, codes in snapshots.read(path, self._header()):
            self._store(ids, codes)

    def _header(self) -> snapshots.Header:
        return snapshots.Header(model_id=self.model_id, dimension=self.dimension)


class _Choice:
    """Which ids a search is among: those up to ``max_id``."""

    def __init__(self, max_id: int | None) -> None:
        self._max_id = _LARGEST_ID if max_id is None else max_id

    def most(self, smallest: int, largest: int) -> int:
        """How many of the ids from ``smallest`` to ``largest`` it takes, at most."""
        return max(0, min(largest, self._max_id) - smallest + 1)

    def selector(self, smallest: int, largest: int) -> Any:
        """For FAISS; None where it takes all of these."""
        return None if largest <= self._max_id else faiss.IDSelectorRange(0, self._max_id + 1)


class _Among(_Choice):
    """Ids of a list. Raises UsageError when that is not one of ascending ids.

    FAISS asks the selector about every row before it computes anything: that costs some 5 ns a row, so the rows of a
    narrow list need not be picked out by hand, and scores are the same to the last bit at every width.
    """

    def __init__(self, among: IdArray, max_id: int | None) -> None:
        super().__init__(max_id)
        ids = checked_ids(among)
        if (ids[1:] <= ids[:-1]).any():
            raise UsageError("among: expected ascending ids, each once")
        self._ids = ids[: np.searchsorted(ids, self._max_id, side="right")]
        self._selector = selector_of(self._ids)

    def most(self, smallest: int, largest: int) -> int:
        first = np.searchsorted(self._ids, smallest, side="left")
        return int(np.searchsorted(self._ids, largest, side="right") - first)

    def selector(self, smallest: int, largest: int) -> Any:
        return self._selector


def selector_of(ids: IdArray) -> Any:
    """For FAISS: these ids, ascending."""
    span = int(ids[-1]) + 1 if len(ids) else 0
    if span > max(BITMAP_BYTES, ids.nbytes) * 8:
        return faiss.IDSelectorBatch(ids)
    bits = np.zeros(span, dtype=bool)
    bits[ids] = True
    bitmap: Any = np.packbits(bits, bitorder="little")
    return faiss.IDSelectorBitmap(bitmap)  # type: ignore[call-arg]  # the stub knows pointers only


class _Found:
    """A segment's best rows, best first by score alone; ``cut`` when there are more."""

    def __init__(self, ids: IdArray, scores: FloatArray, asked: int, size: int) -> None:
        real = ids >= 0  # FAISS pads with -1
        self.ids = ids[real]
        # float16 rounds lengths, so the cosine of a vector with itself may come out above 1.
        self.scores = np.clip(scores[real], -1.0, 1.0)
        self.cut = asked < size and len(self.ids) == asked


class _Segment:
    """Up to ``SEGMENT_ROWS`` vectors; the lock is its owner's business.

    FAISS keeps one copy of the ids and takes an id twice, so its list is searched before each add. Ids mostly
    come in rising order: the range that a segment ever held answers most of these questions.
    """

    def __init__(self, dimension: int) -> None:
        self._flat = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        self._faiss: Any = faiss.IndexIDMap(self._flat)
        self._smallest = np.iinfo(np.int64).max
        self._largest = -1

    @property
    def size(self) -> int:
        return int(self._faiss.ntotal)

    def append(self, ids: IdArray, codes: Codes) -> None:
        self._faiss.add_sa_codes(codes, ids)
        self._smallest = min(self._smallest, int(ids.min()))
        self._largest = max(self._largest, int(ids.max()))

    def remove(self, ids: IdArray) -> int:
        near = ids[(ids >= self._smallest) & (ids <= self._largest)]
        present = near[np.isin(near, self.ids())] if len(near) else near
        return int(self._faiss.remove_ids(present)) if len(present) else 0

    def search(self, queries: FloatArray, k: int, choice: _Choice) -> list[_Found]:
        most = min(self.size, choice.most(self._smallest, self._largest))
        if not most:
            return [_Found(np.empty(0, np.int64), np.empty(0, np.float32), 0, 0) for _ in queries]
        k = min(k, most)
        selector = choice.selector(self._smallest, self._largest)
        # The stub forgets what parameters take.
        parameters = None if selector is None else faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        faiss.omp_set_num_threads(1)  # holds for the calling thread only
        scores, ids = self._faiss.search(queries, k, params=parameters)
        return [_Found(*row, k, most) for row in zip(ids, scores, strict=True)]

    def ids(self) -> IdArray:
        copied: IdArray = faiss.vector_to_array(self._faiss.id_map)
        return copied

    def copy(self) -> snapshots.Block:
        if not self.size:
            return self.ids(), np.empty((0, self._flat.code_size), np.uint8)
        codes = faiss.rev_swig_ptr(self._flat.codes.data(), self.size * self._flat.code_size)
        return self.ids(), codes.reshape(self.size, -1).copy()


def _merge(found: Iterable[_Found], k: int) -> Neighbors:
    parts = list(found)
    ids = np.concatenate([np.empty(0, np.int64), *(part.ids for part in parts)])
    scores = np.concatenate([np.empty(0, np.float32), *(part.scores for part in parts)])
    order = np.lexsort((ids, -scores))[:k]
    return Neighbors(ids[order], scores[order])
