"""What a process of its own does for a growing index: train codes, or measure how well those in use find.

It reads the file of vectors while that is written to. A row that is let go meanwhile may be overwritten: then its id
has changed, and whoever asked for the codes knows which have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from artalike.errors import StorageError
from artalike.records import FloatArray
from artalike.storage import growing_index_snapshot as snapshots
from artalike.storage.files import storage_error
from artalike.storage.growing_index_snapshot import Trained, Vectors
from artalike.storage.growing_index_tuning import QUERIES, Block, Effort, tune
from artalike.storage.row_map import Rows
from artalike.storage.trained_index import SAMPLES_PER_LIST, InvertedFile, default_factory, lists_for

BLOCK_ROWS: Final = 8192


@dataclass(frozen=True, slots=True)
class Job:
    """``codes`` is a snapshot: the one to write, or the one to measure. It lies beside the file of vectors."""

    codes: Path
    model_id: str
    dimension: int
    recall: float


def train(job: Job, vectors: Vectors, factory: str) -> None:
    """Write codes of ``vectors`` by what is learnt from some of them, and the effort that finds ``job.recall``.

    Raises UsageError, DiskFull or StorageError.
    """
    source = _Source(job.codes.parent, vectors)
    count = len(source.rows)
    sample = source.read(source.some(SAMPLES_PER_LIST * lists_for(count), seed=0))
    codes = InvertedFile.train(sample, factory or default_factory(vectors.dimension, count))
    del sample
    for ids, block in source.blocks():
        codes.append(ids, codes.encode(block))
    trained = Trained(codes, _tuned(codes, source, job.recall), count, count, factory)
    lists = ((number, *codes.copy(number)) for number in range(codes.lists))
    snapshots.write(job.codes, job.model_id, trained, vectors, lists)


def measure(job: Job) -> tuple[Effort, int]:
    """The effort that finds ``job.recall`` by the codes, and of how many vectors there are. Raises StorageError."""
    trained, vectors = snapshots.read(job.codes, job.model_id, job.dimension)
    source = _Source(job.codes.parent, vectors)
    return _tuned(trained.codes, source, job.recall), len(source.rows)


def _tuned(codes: InvertedFile, source: _Source, recall: float) -> Effort:
    own = source.some(QUERIES, seed=1)
    return tune(codes, (source.ids[own], source.read(own)), source.blocks(), recall)


class _Source:
    def __init__(self, folder: Path, vectors: Vectors) -> None:
        self.ids = vectors.row_ids
        self.rows: Rows = np.flatnonzero(self.ids >= 0)
        path, shape = folder / vectors.file, (len(self.ids), vectors.dimension)
        try:
            self._map = np.memmap(path, "<f2", mode="r", shape=shape)
        except OSError as error:
            raise storage_error(error, path) from error
        except ValueError as error:
            raise StorageError(f"{path}: shorter than the {shape[0]} rows that were expected") from error

    def some(self, count: int, *, seed: int) -> Rows:
        dice = np.random.default_rng(seed)
        return np.sort(dice.choice(self.rows, min(len(self.rows), count), replace=False))

    def read(self, rows: Rows) -> FloatArray:
        return self._map[rows].astype(np.float32)

    def blocks(self) -> Iterator[Block]:
        for start in range(0, len(self.rows), BLOCK_ROWS):
            rows = self.rows[start : start + BLOCK_ROWS]
            yield self.ids[rows], self.read(rows)
