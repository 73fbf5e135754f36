"""What a growing index is made of once it has grown: exact vectors in a file, and codes that name candidates.

Everything here is done in threads. Readers hold the lock for a few rows or one look into the lists.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from artalike.errors import UsageError
from artalike.priority import WORKING, slices_of
from artalike.records import FloatArray, IdArray
from artalike.storage import growing_index_snapshot as snapshots
from artalike.storage.growing_index_snapshot import Trained, Vectors
from artalike.storage.lock import PhaseFairLock
from artalike.storage.ports import APPROXIMATE_MOST, Neighbors
from artalike.storage.trained_index import InvertedFile, cosines
from artalike.storage.vector_file import VectorFile
from artalike.storage.vectors import checked_ids, checked_vectors, distinct

PIECE_ROWS: Final = 1024
"""Rows read, or taken out, under one hold of the lock."""

PUT_ROWS: Final = 256
"""Rows written under one: a search that comes meanwhile waits for less than a millisecond."""

EXACT_ROWS: Final = 10_000
"""A choice of so few is searched exactly: that is faster than to look for it in all lists."""

EXACT_SHARE: Final = 2
"""So is a choice of less than so many times the candidates."""

FEW_TO_CHECK: Final = 4 * EXACT_ROWS
"""Of a wider choice it is not asked how many are there: that would take longer than the search."""

DEEP: Final = 200
"""An answer longer than this has less spare candidates a neighbour: it takes from lists that are read anyway."""

ENCODERS: Final = max(1, (os.cpu_count() or 1) // 2)
"""Threads that make codes of what is added; the others are left to whoever searches."""


class Tier:
    """Vectors in a file, and, as soon as :attr:`trained` is set, their codes.

    One writer at a time; its owner sees to that. While other codes are made, :attr:`changed` collects the ids that
    change; from :meth:`succeed` on those codes take part in every change, until :meth:`swap` lets them answer.
    """

    def __init__(self, file: VectorFile, trained: Trained | None = None) -> None:
        self.file = file
        self.trained = trained
        self.changed: list[IdArray] | None = None
        self._successor: InvertedFile | None = None
        self._dimension = file.dimension
        self._lock = PhaseFairLock()

    # --- Changes ---------------------------------------------------------------------------------------------------

    def put(self, ids: IdArray, vectors: FloatArray) -> int:
        """Add vectors, or replace those that are there; of an id given twice the last counts. How many were given.

        Raises UsageError, and then adds nothing; DiskFull or StorageError, and then some may have been added.
        """
        rows = checked_vectors(vectors, self._dimension).astype("<f2")
        ids = checked_ids(ids)
        if len(ids) != len(rows):
            raise UsageError(f"{len(ids)} ids for {len(rows)} vectors: expected one each")
        last = len(ids) - 1 - np.unique(ids[::-1], return_index=True)[1]
        ids, rows = ids[last], rows[last]
        for start in range(0, len(ids), PUT_ROWS):
            with slices_of(WORKING):
                self._put_piece(ids[start : start + PUT_ROWS], rows[start : start + PUT_ROWS])
        return len(ids)

    def _put_piece(self, ids: IdArray, rows: Any) -> None:
        exact = rows.astype(np.float32)
        coded = [(codes, codes.encode(exact, threads=ENCODERS)) for codes in self._all_codes()]
        places = self.file.write(rows.view(np.uint8))
        self._note(ids)
        with self._lock.writing():
            there = ids[self.file.has(ids)]
            for codes, made in coded:
                codes.remove(there)
                codes.append(ids, made)
            self.file.bind(ids, places)

    def drop(self, ids: IdArray) -> int:
        """Remove those of ``ids`` that are there. How many were."""
        wanted = distinct(checked_ids(ids))
        self._note(wanted)
        dropped = 0
        for start in range(0, len(wanted), PIECE_ROWS):
            piece = wanted[start : start + PIECE_ROWS]
            with self._lock.writing():
                there = piece[self.file.has(piece)]
                for codes in self._all_codes():
                    codes.remove(there)
                dropped += self.file.unbind(there)
        return dropped

    def _all_codes(self) -> list[InvertedFile]:
        answering = [] if self.trained is None else [self.trained.codes]
        return answering if self._successor is None else [*answering, self._successor]

    def _note(self, ids: IdArray) -> None:
        if self.changed is not None:
            self.changed.append(ids.copy())

    # --- Answers ---------------------------------------------------------------------------------------------------

    def ids(self) -> IdArray:
        """Ascending."""
        with self._lock.reading():
            return self.file.ids()

    def search(self, query: FloatArray, *, k: int, max_id: int | None, among: IdArray | None) -> Neighbors:
        """The ``k`` nearest to ``query``, float32 (dimension,) of length 1; fewer where there are fewer."""
        if among is not None:
            among = checked_ids(among)
            if (among[1:] <= among[:-1]).any():
                raise UsageError("among: expected ascending ids, each once")
            among = among if max_id is None else among[: np.searchsorted(among, max_id, side="right")]
        with self._lock.reading():
            candidates = self._candidates(query, k, max_id, among)
        return self._ranked(query, candidates, k)

    def _candidates(self, query: FloatArray, k: int, max_id: int | None, among: IdArray | None) -> IdArray:
        file, trained = self.file, self.trained
        if max_id is not None and max_id >= file.largest_id:
            max_id = None
        if among is not None:
            if len(among) <= FEW_TO_CHECK:
                among = among[file.has(among)]
            matching = min(len(among), file.size)
        else:
            matching = file.size if max_id is None else file.count(max_id)
        factor = 1 if trained is None else trained.effort.factor
        count = k * factor if k <= DEEP else max(DEEP * factor, 3 * k)
        if trained is None or k > APPROXIMATE_MOST or matching <= max(EXACT_ROWS, EXACT_SHARE * count):
            return file.ids(max_id) if among is None else among
        codes = trained.codes
        share = matching / file.size
        listed = share * codes.size / codes.lists
        probes = max(int(np.ceil(trained.effort.probes_for(k) / share)), int(np.ceil(2 * count / listed)))
        found = codes.candidates(query, count, probes, max_id=max_id, among=among)
        if len(found) < min(2 * k, matching):
            found = codes.candidates(query, count, codes.lists, max_id=max_id, among=among)
        return found

    def _ranked(self, query: FloatArray, candidates: IdArray, k: int) -> Neighbors:
        ids, scores = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        for start in range(0, len(candidates), PIECE_ROWS):
            with self._lock.reading():
                there, rows = self.file.read(candidates[start : start + PIECE_ROWS])
                scores.append(cosines(query, rows))
            ids.append(there)
        found, likeness = np.concatenate(ids), np.concatenate(scores)
        if len(found) > 2 * k:
            best = likeness >= -np.partition(-likeness, k - 1)[k - 1]  # all equals at the cut, to be told apart by id
            found, likeness = found[best], likeness[best]
        order = np.lexsort((found, -likeness))[:k]
        return Neighbors(found[order], likeness[order])

    # --- Training --------------------------------------------------------------------------------------------------

    def succeed(self, codes: InvertedFile) -> IdArray:
        """Let ``codes`` take part in every change from now on. The ids that have changed while they were made."""
        changed, self.changed = self.changed or [], None
        self._successor = codes
        return distinct(np.concatenate([np.empty(0, np.int64), *changed]))

    def catch_up(self, ids: IdArray) -> None:
        """Make the codes that will answer right for a few ``ids``, each once."""
        codes = self._successor
        if codes is None:
            return
        codes.remove(ids)
        with self._lock.reading():
            there, rows = self.file.read(ids)
            exact = rows.astype(np.float32)
        codes.append(there, codes.encode(exact, threads=ENCODERS))

    def swap(self, trained: Trained) -> None:
        """Let ``trained`` answer from now on."""
        with self._lock.writing():
            old, self.trained = self.trained, trained
        self._successor = None
        del old  # not under the lock: giving back so much memory takes its time

    def end_training(self) -> None:
        """Forget what was under way."""
        self.changed = self._successor = None

    # --- Snapshots -------------------------------------------------------------------------------------------------

    def save(self, path: Path, model_id: str) -> None:
        """Write a snapshot, beside which the file lies. Raises DiskFull or StorageError."""
        freed = self.copy(path, model_id, sync=self.file.sync)
        self.file.clear(freed)
        with self._lock.writing():
            self.file.settle(freed)

    def copy(self, path: Path, model_id: str, *, sync: Callable[[], None] = lambda: None) -> int:
        """Write a snapshot, and change nothing. How many rows had been let go when it was begun."""
        with self._lock.reading():
            trained, freed, bindings = self.trained, self.file.freed, self.file.bindings()
        if trained is None:
            raise UsageError("a snapshot without codes: expected a trained index")
        sync()
        vectors = Vectors(self.file.path.name, self._dimension, bindings.row_ids())
        snapshots.write(path, model_id, trained, vectors, self._lists(trained.codes))
        return freed

    def bound(self) -> Vectors:
        """What is in the file now."""
        with self._lock.reading():
            bindings = self.file.bindings()
        return Vectors(self.file.path.name, self._dimension, bindings.row_ids())

    def _lists(self, codes: InvertedFile) -> Iterator[snapshots.ListCopy]:
        for number in range(codes.lists):
            with self._lock.reading():
                ids, rows = codes.copy(number)
            yield number, ids, rows

    @classmethod
    def load(cls, path: Path, model_id: str, dimension: int) -> Tier:
        """What :meth:`save` wrote. Raises :class:`SnapshotError`."""
        trained, vectors = snapshots.read(path, model_id, dimension)
        return cls(VectorFile(path.with_name(vectors.file), dimension, row_ids=vectors.row_ids), trained)
