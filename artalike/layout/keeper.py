"""Keeps a layout of the collection: loads it, follows the catalog, computes it anew when that has grown by a half."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from artalike.errors import ArtalikeError, LayoutError, SnapshotError, StorageError
from artalike.layout import placing
from artalike.layout.layout import PRIORITY_MOST, Layout
from artalike.layout.points import Points
from artalike.layout.process import Laid, lay_out
from artalike.layout.worker import Job
from artalike.records import FloatArray, IdArray
from artalike.storage.ports import ImageCatalog

log = logging.getLogger(__name__)

POINTS: Final = 100_000
"""A map of a larger collection shows so many of its pictures, evenly chosen: a screen has hardly more dots."""

LANDMARKS: Final = 20_000
GROWN: Final = 1.5
SHRUNK: Final = 0.5
STEP_SECONDS: Final = 2.0
REST_SECONDS: Final = 60.0
"""Between two computations at least: a young collection grows by half every few seconds, and ingest needs the cores."""
RETRY_SECONDS: Final = 600.0
SAVE_SECONDS: Final = 300.0
RESTS: Final = 3
"""After a computation that took long nothing is computed for so many times as long."""

_BATCH: Final = 1024

LayOut = Callable[[Job, FloatArray | None, AsyncIterator[FloatArray], Callable[[float], None]], Awaitable[Laid]]


@dataclass(frozen=True, slots=True)
class MapStatus:
    """``progress`` is the share of a computation under way; ``number`` is 0 before there is a layout."""

    number: int
    points: int
    images: int
    progress: float | None
    computed_at: float | None


class PictureMap:
    """The map of one collection. :meth:`run` keeps it; the rest reads it."""

    def __init__(
        self,
        images: ImageCatalog,
        path: Path,
        model_id: str,
        dimension: int,
        *,
        points: int = POINTS,
        landmarks: int = LANDMARKS,
        step_seconds: float = STEP_SECONDS,
        rest_seconds: float = REST_SECONDS,
        compute: LayOut = lay_out,
    ) -> None:
        self._images = images
        self._path = path
        self._model_id = model_id
        self._dimension = dimension
        self._points = points
        self._landmarks = landmarks
        self._step_seconds = step_seconds
        self._rest_seconds = rest_seconds
        self._lay_out = compute
        self._layout: Layout | None = None
        self._encoded: Points | None = None
        self._progress: float | None = None
        self._followed = 0  # the largest id of the catalog that has been looked at
        self._removed: IdArray = np.empty(0, np.int64)  # when it was last looked who has come back
        self._removed_seen: IdArray | None = None  # what the layout shown is without
        self._loaded = False
        self._computing: asyncio.Task[Layout] | None = None
        self._started = 0.0
        self._compute_at = 0.0
        self._save_at = float("inf")

    async def status(self) -> MapStatus:
        layout = await self._current()
        totals = await self._images.totals()
        return MapStatus(
            number=layout.number if layout else 0,
            points=len(layout.ids) if layout else 0,
            images=totals.images,
            progress=self._progress,
            computed_at=layout.computed_at if layout else None,
        )

    async def points(self) -> Points | None:
        """The points as they are sent, without what has been removed; None before there is a layout."""
        layout = await self._current()
        if layout is None:
            return None
        if self._encoded is None or self._encoded.layout is not layout:
            self._encoded = await asyncio.to_thread(Points.of, layout)
        return self._encoded

    async def run(self) -> None:
        """For ever. What fails is told and tried again."""
        try:
            while True:
                try:
                    await self._step()
                except ArtalikeError as error:
                    log.warning("the map: %s; it is tried again later", error)
                    self._compute_at = time.monotonic() + RETRY_SECONDS
                await asyncio.sleep(self._step_seconds)
        finally:
            if self._computing is not None:
                self._computing.cancel()
                await asyncio.gather(self._computing, return_exceptions=True)

    async def _step(self) -> None:
        if not self._loaded:
            await self._load()
            self._loaded = True
        await self._follow()
        if self._computing is not None and self._computing.done():
            computed, self._computing, self._progress = self._computing, None, None
            self._rest()
            await self._catch_up(await computed)
            self._save_at = 0.0
        elif self._computing is None and await self._due():
            self._progress, self._started = 0.0, time.monotonic()
            self._computing = asyncio.create_task(self._computed())
        if self._layout is not None and time.monotonic() >= self._save_at:
            await self._save(self._layout)

    def _rest(self) -> None:
        now = time.monotonic()
        self._compute_at = now + max(self._rest_seconds, RESTS * (now - self._started))

    async def _load(self) -> None:
        try:
            layout = await asyncio.to_thread(Layout.load, self._path, self._model_id)
        except SnapshotError as error:
            log.info("%s; the map is computed from the catalog", error)
            return
        if layout is not None:
            await self._catch_up(layout)

    async def _catch_up(self, layout: Layout) -> None:
        """Take ``layout`` as what it is, brought to what the catalog holds now."""
        self._followed = (await self._images.totals()).max_id
        self._removed = await self._images.missing_ids()
        there = await self._images.embedded_ids()
        left, new = await asyncio.to_thread(_compared, layout, there)
        self._show(left)
        await self._bring_in(new)

    async def _current(self) -> Layout | None:
        """The layout, without what has been removed from the catalog by now."""
        removed = await self._images.missing_ids()
        if removed is not self._removed_seen and self._layout is not None:
            gone = self._layout.ids[np.isin(self._layout.ids, removed)]
            if len(gone):
                self._show(self._layout.without(gone))
                self._save_at = 0.0  # what is removed leaves the disk as well
            self._removed_seen = removed
        return self._layout

    def _show(self, layout: Layout) -> None:
        self._layout = layout.at_most(self._points)
        self._removed_seen = None  # whatever was removed while this was made is looked for again
        self._save_at = min(self._save_at, time.monotonic() + SAVE_SECONDS)

    async def _follow(self) -> None:
        """Put what is new, or back, on the map."""
        layout = await self._current()
        if layout is None:
            return
        removed = await self._images.missing_ids()
        if removed is not self._removed:
            back, self._removed = np.setdiff1d(self._removed, removed), removed
            await self._bring_in(layout.shows(back))
        if (await self._images.totals()).max_id > self._followed:
            async for ids, vectors in self._images.all_vectors(after=self._followed, batch=_BATCH):
                await self._add(ids, vectors)
                self._followed = int(ids[-1])

    async def _bring_in(self, ids: IdArray) -> None:
        for start in range(0, len(ids), _BATCH):
            await self._add(*await self._images.vectors(ids[start : start + _BATCH].tolist()))

    async def _add(self, ids: IdArray, vectors: FloatArray) -> None:
        layout = self._layout
        if layout is None or not len(layout.landmarks):
            return
        wanted = np.isin(ids, layout.shows(ids)) & ~np.isin(ids, layout.ids)
        colored, colors = await self._images.colors(ids[wanted].tolist())
        wanted &= np.isin(ids, colored)
        if not wanted.any():
            return
        new_ids, new_vectors = ids[wanted], vectors[wanted]
        grown = await asyncio.to_thread(layout.with_new, new_ids, new_vectors, colors)
        shown = await self._current() or layout
        gone = np.setdiff1d(layout.ids, shown.ids, assume_unique=True)  # removed meanwhile
        self._show(grown.without(gone))

    async def _due(self) -> bool:
        if time.monotonic() < self._compute_at:
            return False
        images = (await self._images.totals()).images
        if self._layout is None or not len(self._layout.landmarks):
            return images > 0
        return images >= GROWN * self._layout.images or images < SHRUNK * self._layout.images

    async def _computed(self) -> Layout:
        """A new layout; the old one is shown, and followed, meanwhile."""
        before = self._layout
        there = await self._images.embedded_ids()
        if not len(there):
            raise LayoutError("no picture is embedded by this model yet")
        ids = await asyncio.to_thread(placing.sample, there, self._points)
        landmarks = placing.sample(ids, self._landmarks)
        others = np.setdiff1d(ids, landmarks, assume_unique=True)
        job = Job(self._dimension, len(landmarks), len(others), before is not None)
        old = None if before is None else before.places_of(landmarks)
        laid = await self._lay_out(job, old, self._read(landmarks, others), self._tell)
        colored, colors = await self._images.colors(ids.tolist())
        ordered = laid.places[np.argsort(np.concatenate((landmarks, others)), kind="stable")][np.isin(ids, colored)]
        places = await asyncio.to_thread(placing.settled, ordered, np.empty((0, 2), np.uint16))
        marked = np.isin(landmarks, colored)
        log.info("the map: %d pictures laid out in %.1f s", len(ids), time.monotonic() - self._started)
        now = time.time()
        return Layout(
            model_id=self._model_id,
            number=max(int(now), before.number + 1 if before else 0),
            images=len(there),
            computed_at=now,
            share=PRIORITY_MOST if len(ids) == len(there) else int(placing.priorities(ids).max()),
            ids=colored,
            places=places,
            colors=colors,
            landmarks=landmarks[marked],
            reduced=laid.reduced[marked],
            projection=laid.projection,
        )

    async def _read(self, *groups: IdArray) -> AsyncIterator[FloatArray]:
        """The vectors of all, in order; zeros for what has been removed meanwhile and will not be shown."""
        for ids in groups:
            for start in range(0, len(ids), _BATCH):
                wanted = ids[start : start + _BATCH]
                found, rows = await self._images.vectors(wanted.tolist())
                vectors = np.zeros((len(wanted), self._dimension), np.float32)
                vectors[np.isin(wanted, found)] = rows
                yield vectors

    def _tell(self, progress: float) -> None:
        self._progress = progress

    async def _save(self, layout: Layout) -> None:
        self._save_at = float("inf")
        try:
            await asyncio.to_thread(layout.save, self._path)
        except StorageError as error:
            log.warning("%s; the map is computed again after the next start", error)
            self._save_at = time.monotonic() + SAVE_SECONDS


def _compared(layout: Layout, there: IdArray) -> tuple[Layout, IdArray]:
    """The layout without what is not ``there`` any more, and the ids that belong on it. For a thread: ids are many."""
    left = layout.without(np.setdiff1d(layout.ids, there, assume_unique=True))
    return left, layout.shows(np.setdiff1d(there, layout.ids, assume_unique=True))
