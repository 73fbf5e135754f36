"""An index that grows up: exact while small, trained from some tens of thousands of vectors on.

::

    flat        FlatIndex alone
    growing     FlatIndex answers; every change goes to the file of exact vectors too, from which codes are trained
    trained     the codes name candidates, and their vectors in the file rank them
    again       the same while other codes are trained from the file

Codes are made by another process, from the file. The ids that change meanwhile are noted, and their codes are made
again, a few at a time between other changes, before the codes are swapped in.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
import numpy as np
from anyio import CancelScope, CapacityLimiter, to_thread

from artalike.errors import ArtalikeError, StorageError, UsageError
from artalike.priority import ANSWERING, slices_of
from artalike.records import FloatArray, IdArray
from artalike.storage import growing_index_snapshot as trained_snapshots
from artalike.storage.background import in_background
from artalike.storage.follow import Followed, follow
from artalike.storage.growing_index_snapshot import Trained, Vectors
from artalike.storage.growing_index_tier import Tier
from artalike.storage.growing_index_training import Job, measure, train
from artalike.storage.memory import give_back
from artalike.storage.ports import APPROXIMATE_MOST, ImageCatalog, Neighbors
from artalike.storage.vector_file import VectorFile
from artalike.storage.vector_index import FlatIndex
from artalike.storage.vectors import checked_vectors

log = logging.getLogger(__name__)

GROWN_AT: Final = 50_000
"""Vectors from which on a trained index is worth its training: exact search of more takes over 5 ms."""

CROWDED: Final = 2
RETRAIN_GROWTH: Final = 4
MEASURE_GROWTH: Final = 1.25
CATCH_UP_ROWS: Final = 1024
TICK_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 60.0


class GrowingIndex:
    """Implements :class:`artalike.storage.ports.VectorIndex`; ``path`` is its snapshot's, beside which its file lies.

    Searches read under the lock and writers take it for a few rows at a time; one change is made at a time, in the
    order of the calls. :meth:`run` trains; without it the index stays exact. ``factory`` is a FAISS factory
    string with an IVF, empty for a fitting one; ``recall`` is what the probes are chosen for.
    """

    def __init__(
        self,
        dimension: int,
        model_id: str,
        path: Path,
        *,
        recall: float = 0.99,
        factory: str = "",
        grown_at: int = GROWN_AT,
    ) -> None:
        self.dimension = dimension
        self.model_id = model_id
        self._path = path
        self._recall = recall
        self._factory = factory
        self._grown_at = grown_at
        self._flat: FlatIndex | None = FlatIndex(dimension, model_id)
        self._tier: Tier | None = None
        self._changing = anyio.Lock()
        self._training = anyio.Lock()
        self._saving = anyio.Lock()
        self._searchers = CapacityLimiter(os.cpu_count() or 1)
        self._exact_searchers = CapacityLimiter(1)

    @classmethod
    async def load(cls, path: Path, model_id: str, dimension: int, **settings: Any) -> GrowingIndex:
        """The index that :meth:`save` wrote, with the constructor's ``settings``. Exact vectors are not read.

        Raises :class:`SnapshotError` that says why there is none. Call it only where nothing else uses ``path``:
        it removes leftovers.
        """
        index = cls(dimension, model_id, path, **settings)
        if await to_thread.run_sync(trained_snapshots.saved_effort, path):
            index._tier = await to_thread.run_sync(Tier.load, path, model_id, dimension)
            index._flat = None
        else:
            index._flat = await FlatIndex.load(path, model_id, dimension)
        await to_thread.run_sync(index.remove_strays)
        await to_thread.run_sync(give_back)
        return index

    async def close(self) -> None:
        """Let go of the file. Nothing else may be going on."""
        if self._tier is not None:
            await to_thread.run_sync(self._tier.file.close)

    @property
    def _trained(self) -> Trained | None:
        return None if self._flat is not None or self._tier is None else self._tier.trained

    @property
    def size(self) -> int:
        """How many vectors it holds."""
        flat, tier = self._flat, self._tier
        return flat.size if flat is not None else tier.file.size if tier is not None else 0

    @property
    def recall(self) -> float:
        """The share of the ten nearest that is found, as last measured; 1 while it is exact."""
        return 1.0 if self._trained is None else self._trained.effort.recall

    @property
    def stats(self) -> dict[str, Any]:
        """For people: what kind of index it is, and what has been measured of it."""
        if self._trained is None:
            return {"kind": "exact", "size": self.size, "training": self._training.locked(), "recall": 1.0}
        effort = self._trained.effort
        return {
            "kind": "trained",
            "size": self.size,
            "training": self._training.locked(),
            "recall": effort.recall,
            "recall_at_100": effort.recall_at_100,
            "lists": self._trained.codes.lists,
            "probes": effort.probes,
            "deep_probes": effort.deep_probes,
            "candidates": effort.factor,
            "trained_on": self._trained.trained_on,
        }

    # --- The port --------------------------------------------------------------------------------------------------

    async def add(self, ids: IdArray, vectors: FloatArray) -> None:
        """As :meth:`FlatIndex.add`. Raises DiskFull or StorageError too, and then what of it was added is there."""
        if self._flat is not None and self.size >= CROWDED * self._grown_at:
            async with self._training:  # whoever adds faster than it can be trained waits for that
                pass
        async with self._change():
            if self._flat is not None:
                await self._flat.add(ids, vectors)
            if self._tier is not None:
                await self._follow(partial(self._tier.put, ids, vectors))

    async def remove(self, ids: IdArray) -> int:
        """Remove those of ``ids`` that are there. How many were."""
        async with self._change():
            removed = 0 if self._flat is None else await self._flat.remove(ids)
            if self._tier is not None:
                removed = max(removed, await self._follow(partial(self._tier.drop, ids)))
            return removed

    async def search(
        self, vectors: FloatArray, k: int, *, max_id: int | None = None, among: IdArray | None = None
    ) -> list[Neighbors]:
        """The ``k`` nearest to each row of ``vectors``, among ids up to ``max_id`` and, where given, in ``among``.

        As :meth:`FlatIndex.search`, except that a trained index may miss some, and that a longer answer, which looks
        further, may hold ones that a shorter one missed. It has ``k`` neighbours wherever there are so many.
        """
        flat, tier = self._flat, self._tier
        if flat is not None or tier is None:
            return [] if flat is None else await flat.search(vectors, k, max_id=max_id, among=among)
        queries = checked_vectors(vectors, self.dimension)
        if k < 1:
            raise UsageError(f"k = {k}: expected at least 1")
        found = partial(tier.search, k=k, max_id=max_id, among=among)
        # What looks at all vectors takes a while: it must not take the places of the others.
        limiter = self._searchers if k <= APPROXIMATE_MOST else self._exact_searchers
        promptly = found if limiter is self._exact_searchers else partial(_promptly, found)
        return [await to_thread.run_sync(promptly, query, limiter=limiter) for query in queries]

    async def ids(self) -> IdArray:
        """Ascending ids, int64."""
        flat, tier = self._flat, self._tier
        if flat is not None or tier is None:
            return np.empty(0, np.int64) if flat is None else await flat.ids()
        return await to_thread.run_sync(tier.ids)

    @asynccontextmanager
    async def _change(self) -> AsyncIterator[None]:
        async with self._changing:
            with CancelScope(shield=True):  # what has begun is finished: the flat index and the file stay alike
                yield

    async def _follow(self, change: Callable[[], int]) -> int:
        """Make a change in the tier too; while that does not answer yet, without it rather than not at all."""
        try:
            return await to_thread.run_sync(change)
        except StorageError as error:
            if self._flat is None:
                raise
            log.warning("%s; the index stays exact for now", error)
            await to_thread.run_sync(self._forget_tier)
            return 0

    async def follow(self, images: ImageCatalog) -> Followed:
        """Bring the index to what the catalog says, training on the way where it is time. Raises StorageError."""
        return await follow(self, images, between=self.grow)

    # --- Training --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """For ever: train and measure when it is time. What fails is told, and tried again."""
        while True:
            await anyio.sleep(TICK_SECONDS)
            measured = self.train_due or not self.measure_due or await self._told(self.measure)
            if not await self.grow() or not measured:
                await anyio.sleep(RETRY_SECONDS)

    async def grow(self) -> bool:
        """Train if it is time: for whoever adds much where :meth:`run` does not go on.

        False where that fails, which is told: the index goes on as it is.
        """
        return not self.train_due or await self._told(self.train)

    async def _told(self, work: Callable[[], Awaitable[object]]) -> bool:
        try:
            await work()
        except ArtalikeError as error:
            log.warning("%s; the index goes on as it is", error)
            return False
        return True

    @property
    def train_due(self) -> bool:
        """Whether it is time to train."""
        if self._trained is None:
            return self.size >= self._grown_at
        grown = self.size / max(1, self._trained.trained_on)
        fallen = self._trained.effort.recall < self._recall and self._trained.measured_on > self._trained.trained_on
        otherwise = self._trained.factory != self._factory and self.size >= self._grown_at
        return otherwise or grown >= RETRAIN_GROWTH or (fallen and grown >= MEASURE_GROWTH)

    @property
    def measure_due(self) -> bool:
        """Whether it is time to measure."""
        return self._trained is not None and self.size >= MEASURE_GROWTH * self._trained.measured_on

    async def train(self) -> bool:
        """Train on what there is, and swap it in; searches and changes go on. Whether there was anything to train on.

        Raises StorageError or UsageError, and then everything is as before.
        """
        async with self._training:
            if not self.size:
                return False
            try:
                async with self._change():
                    tier, vectors = await to_thread.run_sync(self._begin)
                async with self._job() as job:
                    await in_background(train, job, vectors, self._factory)
                    read = partial(trained_snapshots.read, job.codes, self.model_id, self.dimension)
                    trained, _ = await to_thread.run_sync(read)
                async with self._change():
                    self._not_forgotten(tier)
                    changed = await to_thread.run_sync(tier.succeed, trained.codes)
                for start in range(0, len(changed), CATCH_UP_ROWS):
                    async with self._change():  # in turn with other changes
                        self._not_forgotten(tier)
                        await to_thread.run_sync(tier.catch_up, changed[start : start + CATCH_UP_ROWS])
                async with self._change():
                    self._not_forgotten(tier)
                    await to_thread.run_sync(self._swap, tier, trained)
                return True
            finally:
                with CancelScope(shield=True):
                    async with self._change():  # no change is half way into the tier
                        await to_thread.run_sync(self._end_training)

    def _not_forgotten(self, tier: Tier) -> None:
        if self._tier is not tier:
            raise StorageError(f"{tier.file.path}: could not be written while the index was trained")

    @asynccontextmanager
    async def _job(self) -> AsyncIterator[Job]:
        codes = self._path.with_name(f"{self._path.name}.{secrets.token_hex(4)}.codes")
        try:
            yield Job(codes, self.model_id, self.dimension, self._recall)
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(partial(codes.unlink, missing_ok=True))

    async def measure(self) -> float:
        """Measure the recall of what is served, and choose the effort anew. The recall."""
        async with self._training, self._job() as job:
            tier, trained = self._tier, self._trained
            if tier is not None and trained is not None:
                await to_thread.run_sync(tier.copy, job.codes, self.model_id)
                effort, count = await in_background(measure, job)
                tier.trained = replace(trained, effort=effort, measured_on=count)
            return self.recall

    def _begin(self) -> tuple[Tier, Vectors]:
        """From here on the tier holds what the index holds, and changes are noted."""
        if self._flat is not None or self._tier is None:
            self.remove_strays()
            name = f"{self._path.name}.{secrets.token_hex(4)}.vectors"
            self._tier = Tier(VectorFile(self._path.with_name(name), self.dimension))
            for ids, codes in self._flat.blocks() if self._flat is not None else ():
                self._tier.file.bind(ids, self._tier.file.write(codes))
        self._tier.changed = []
        return self._tier, self._tier.bound()

    def _swap(self, tier: Tier, trained: Trained) -> None:
        tier.swap(trained)
        self._flat = None
        give_back()
        log.info("index: trained on %d vectors, recall %.4f", trained.trained_on, trained.effort.recall)

    def _end_training(self) -> None:
        if self._flat is not None:
            self._forget_tier()
        elif self._tier is not None:
            self._tier.end_training()

    def _forget_tier(self) -> None:
        """What was written of a growing index's file is of no use; training fails or starts again."""
        tier, self._tier = self._tier, None
        if tier is not None:
            tier.file.close()
            tier.file.path.unlink(missing_ok=True)

    # --- Snapshots -------------------------------------------------------------------------------------------------

    async def save(self, path: Path) -> None:
        """Write a snapshot over ``path``, which is that of the constructor, as :meth:`FlatIndex.save` does.

        Raises :class:`DiskFull` or :class:`StorageError`.
        """
        async with self._saving:
            if self._flat is not None:
                await self._flat.save(path)
            elif self._tier is not None:
                await to_thread.run_sync(self._tier.save, path, self.model_id)
            await to_thread.run_sync(give_back)

    def remove_strays(self) -> None:
        """Files of vectors that no snapshot names any more, or that a killed process had begun; codes that it made."""
        kept = None if self._tier is None else self._tier.file.path
        for kind in ("vectors", "codes"):
            for path in self._path.parent.glob(f"{self._path.name}.*.{kind}"):
                if path != kept:
                    path.unlink(missing_ok=True)


def _promptly(search: Callable[[FloatArray], Neighbors], query: FloatArray) -> Neighbors:
    with slices_of(ANSWERING):
        return search(query)
