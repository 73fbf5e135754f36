"""What a growing index is made of once it has grown: exact vectors in a file, and codes that name candidates.

Everything here is done in threads. Readers hold the lock for a few rows or one look into the lists.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from artalike.errors import UsageError
from artalike.records import FloatArray, IdArray
from artalike.storage import growing_index_snapshot as trained_snapshots
from artalike.storage.growing_index_tuning import QUERIES, Block, Effort, Searchable, tune
from artalike.storage.lock import PhaseFairLock
from artalike.storage.ports import Neighbors
from artalike.storage.trained_index import SAMPLES_PER_LIST, InvertedFile, default_factory, lists_for
from artalike.storage.vector_file import VectorFile
from artalike.storage.vector_index import checked_ids, checked_vectors

PIECE_ROWS: Final = 1024
"""Rows read or written under one hold of the lock."""

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


@dataclass(frozen=True, slots=True)
class Trained:
    """Codes, how hard to search them, and of how many vectors both were made."""

    codes: InvertedFile
    effort: Effort
    trained_on: int
    measured_on: int


class Tier:
    """Vectors in a file, and, as soon as :attr:`trained` is set, their codes.

    One writer at a time; its owner sees to that. :attr:`changed` collects ids that change while it is a set.
    """

    def __init__(self, file: VectorFile, trained: Trained | None = None) -> None:
        self.file = file
        self.trained = trained
        self.changed: set[int] | None = None
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
        for start in range(0, len(ids), PIECE_ROWS):
            self._put_piece(ids[start : start + PIECE_ROWS], rows[start : start + PIECE_ROWS])
        return len(ids)

    def _put_piece(self, ids: IdArray, rows: Any) -> None:
        trained = self.trained
        codes = None if trained is None else trained.codes.encode(rows.astype(np.float32), threads=ENCODERS)
        places = self.file.write(rows.view(np.uint8))
        self._note(ids)
        with self._lock.writing():
            if trained is not None and codes is not None:
                trained.codes.remove(ids[self.file.has(ids)])
                trained.codes.append(ids, codes)
            self.file.bind(ids, places)

    def drop(self, ids: IdArray) -> int:
        """Remove those of ``ids`` that are there. How many were."""
        wanted = np.unique(checked_ids(ids))
        self._note(wanted)
        with self._lock.writing():
            if self.trained is not None:
                self.trained.codes.remove(wanted[self.file.has(wanted)])
            return self.file.unbind(wanted)

    def _note(self, ids: IdArray) -> None:
        if self.changed is not None:
            self.changed.update(ids.tolist())

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
        if trained is None or matching <= max(EXACT_ROWS, EXACT_SHARE * count):
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
            ids.append(there)
            # Not a matrix product: BLAS would take every core for a few hundred rows.
            scores.append(np.einsum("nd,d->n", rows.astype(np.float32), query))
        found, cosines = np.concatenate(ids), np.clip(np.concatenate(scores), -1.0, 1.0)
        order = np.lexsort((found, -cosines))[:k]
        return Neighbors(found[order], cosines[order])

    # --- Training --------------------------------------------------------------------------------------------------

    def train(self, ids: IdArray, factory: str, recall: float, check: Callable[[], None]) -> Trained:
        """Codes of ``ids`` by what was learnt from some of them, and the effort that finds ``recall``."""
        dice = np.random.default_rng(0)
        some = np.sort(dice.choice(ids, min(len(ids), SAMPLES_PER_LIST * lists_for(len(ids))), replace=False))
        sample = np.concatenate([vectors for _, vectors in self._blocks(some, check)])
        codes = InvertedFile.train(sample, factory or default_factory(self._dimension, len(ids)), stopped=check)
        del sample
        for block_ids, block in self._blocks(ids, check):
            codes.append(block_ids, codes.encode(block))
        return Trained(codes, self._tuned(codes, ids, recall, check), len(ids), len(ids))

    def measured(self, trained: Trained, recall: float, check: Callable[[], None]) -> Trained:
        """The same codes with the effort that now finds ``recall``, while they are searched and changed."""
        ids = self.ids()
        effort = self._tuned(_Shared(trained.codes, self._lock), ids, recall, check)
        return Trained(trained.codes, effort, trained.trained_on, len(ids))

    def _tuned(self, codes: Searchable, ids: IdArray, recall: float, check: Callable[[], None]) -> Effort:
        own = np.sort(np.random.default_rng(1).choice(ids, min(len(ids), QUERIES), replace=False))
        parts = list(self._blocks(own, check))
        queries = np.concatenate([part for part, _ in parts]), np.concatenate([part for _, part in parts])
        return tune(codes, queries, self._blocks(ids, check), recall, check)

    def catch_up(self, codes: InvertedFile, changed: set[int], check: Callable[[], None]) -> None:
        """Make ``codes``, which nobody else uses, right for the ids in ``changed``."""
        ids = np.array(sorted(changed), np.int64)
        codes.remove(ids)
        for there, rows in self._blocks(ids, check):
            codes.append(there, codes.encode(rows))

    def swap(self, trained: Trained) -> None:
        """Let ``trained`` answer from now on."""
        with self._lock.writing():
            old, self.trained = self.trained, trained
        del old  # not under the lock: giving back so much memory takes its time

    def _blocks(self, ids: IdArray, check: Callable[[], None]) -> Iterator[Block]:
        for start in range(0, len(ids), PIECE_ROWS):
            check()
            with self._lock.reading():
                there, rows = self.file.read(ids[start : start + PIECE_ROWS])
            if len(there):
                yield there, rows.astype(np.float32)

    # --- Snapshots -------------------------------------------------------------------------------------------------

    def save(self, path: Path, model_id: str) -> None:
        """Write a snapshot, beside which the file lies. Raises DiskFull or StorageError."""
        with self._lock.reading():
            trained, freed, row_ids = self.trained, self.file.freed, self.file.row_ids()
        if trained is None:
            raise UsageError("a snapshot without codes: expected a trained index")
        self.file.sync()
        effort = trained.effort
        header = trained_snapshots.TrainedHeader(
            model_id=model_id,
            dimension=self._dimension,
            vectors=self.file.path.name,
            used=len(row_ids),
            training=len(trained.codes.training),
            code_size=trained.codes.code_size,
            trained_on=trained.trained_on,
            measured_on=trained.measured_on,
            effort=effort.as_dict(),
        )
        trained_snapshots.write(path, header, trained.codes.training, row_ids, self._lists(trained.codes))
        self.file.clear(freed)
        with self._lock.writing():
            self.file.settle(freed)

    def _lists(self, codes: InvertedFile) -> Iterator[trained_snapshots.ListCopy]:
        for number in range(codes.lists):
            with self._lock.reading():
                ids, rows = codes.copy(number)
            yield number, ids, rows

    @classmethod
    def load(cls, path: Path, model_id: str, dimension: int) -> Tier:
        """What :meth:`save` wrote. Raises :class:`SnapshotError`."""
        header, codes, row_ids = trained_snapshots.read(path, model_id, dimension)
        file = VectorFile(path.with_name(header.vectors), dimension, row_ids=row_ids)
        return cls(file, Trained(codes, header.found_effort(), header.trained_on, header.measured_on))


class _Shared:
    """Codes that others change: each look into them takes the lock."""

    def __init__(self, codes: InvertedFile, lock: PhaseFairLock) -> None:
        self._codes = codes
        self._lock = lock

    @property
    def size(self) -> int:
        return self._codes.size

    @property
    def lists(self) -> int:
        return self._codes.lists

    def candidates(self, query: FloatArray, count: int, probes: int) -> IdArray:
        with self._lock.reading():
            return self._codes.candidates(query, count, probes)
