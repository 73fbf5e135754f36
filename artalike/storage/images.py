"""The images of the catalog: their content, addresses, metadata and vectors."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import numpy as np

from artalike.errors import StorageError
from artalike.records import NOTHING, Embedding, FloatArray, IdArray, Image, Metadata, PixelArray
from artalike.storage import models, near_duplicates, words
from artalike.storage.blocks import Blocks
from artalike.storage.catalog import Database
from artalike.storage.commit import NO_ORIGINS, STORED, Origins, store
from artalike.storage.counts import NEVER_GIVEN_MOST, Counts, left_out
from artalike.storage.facet_values import FacetCounts, FacetValues
from artalike.storage.facets import settle_all
from artalike.storage.filtering import Criteria, Filtering, numbers
from artalike.storage.found import METADATA
from artalike.storage.notices import Changed, Notice
from artalike.storage.ports import FEW_ROWS, Committed, NearGroups, Totals
from artalike.storage.suggestions import Suggestion, suggestions

log = logging.getLogger(__name__)

_IDS: Final = "SELECT group_concat(id) FROM images"

IMAGE_COLUMNS: Final = f"id, sha256, url, width, height, color, source, added_at, extra, {', '.join(METADATA)}"


class Images:
    """:class:`~artalike.storage.ports.ImageCatalog` on SQLite, for one model.

    The counts that every page shows are kept here, and change after a commit and never before it. Where several
    processes share the catalog, :meth:`follow` counts what others have committed.
    """

    def __init__(self, database: Database, model: int, dimension: int, *, blocks: Blocks | None = None) -> None:
        self._database = database
        self._blocks = blocks or Blocks()
        self._model = model
        self._dimension = dimension
        self._counts = Counts()
        self._filtering = Filtering(database)
        self._facet_counts = FacetCounts(database)

    @classmethod
    async def open(
        cls,
        database: Database,
        model_id: str,
        dimension: int,
        *,
        name: str | None = None,
        blocks: Blocks | None = None,
    ) -> Images:
        """The collection as embedded by ``model_id``; ``name`` is what the settings call that.

        ``blocks`` say what must not come in. Raises ModelMismatch when another model's vectors are active.
        """
        model = await models.open_active(database, model_id, dimension, name)
        images = cls(database, model, dimension, blocks=blocks)
        await images.recount()
        return images

    @property
    def model(self) -> int:
        """The model's number in the catalog."""
        return self._model

    @property
    def database(self) -> Database:
        """The catalog."""
        return self._database

    def embedded_by(self, model: int, dimension: int) -> Images:
        """The same collection, and the same counts, as another model has embedded it."""
        other = copy.copy(self)
        other._model, other._dimension = model, dimension  # noqa: SLF001  # one of its own
        return other

    async def commit(self, embeddings: Sequence[Embedding], *, origins: Origins = NO_ORIGINS) -> list[Committed]:
        """``origins`` are of images that are carried over from another catalog."""
        async with self._database.write() as connection:
            await self._blocks.follow(connection)
            changes = await store(connection, embeddings, model=self._model, blocks=self._blocks, origins=origins)
        self._counts.take_in(changes.new + changes.back)
        self.forget([image_id for committed in changes.committed for image_id in committed.gone])
        return changes.committed

    def forget(self, ids: Sequence[int]) -> None:
        """Count these images out; to be called right after the commit that has removed them."""
        if ids:
            self._counts.let_go(ids)

    def follow(self, notice: Notice) -> None:
        """Count what was told, by whichever process, in the order in which it was told; also once more."""
        if notice.ids and notice.what is Changed.ADDED:
            self._counts.take_in(notice.ids)
        elif notice.ids and notice.what is Changed.REMOVED:
            self._counts.let_go(notice.ids)

    async def existing(self, ids: Sequence[int]) -> list[int]:
        """Those of ``ids`` that are images, by the catalog, ascending."""
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall(
                "SELECT id FROM images WHERE id IN (SELECT value FROM json_each(?)) AND removed_at IS NULL ORDER BY id",
                (json.dumps([int(i) for i in ids]),),
            )
        return [row[0] for row in rows]

    def without_removed(self, ids: Sequence[int]) -> list[int]:
        """Those of ``ids``, all of which were images once, that still are."""
        wanted = np.array(ids, np.int64)
        remaining: list[int] = wanted[~np.isin(wanted, self._counts.removed)].tolist()
        return remaining

    @property
    def recently_removed(self) -> list[int]:
        """The last ids that this process has removed and that have not come back."""
        return list(self._counts.recently)

    async def images(self, ids: Sequence[int]) -> list[Image]:
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall(
                f"SELECT {IMAGE_COLUMNS} FROM images "
                "WHERE id IN (SELECT value FROM json_each(?)) AND removed_at IS NULL",
                (json.dumps([int(i) for i in ids]),),
            )
        found = {row[0]: _image(row) for row in rows}
        return [found[i] for i in ids if i in found]

    async def find_url(self, url: str) -> int | None:
        async with self._database.read() as connection:
            rows = list(
                await connection.execute_fetchall(
                    "SELECT max(image_id) FROM image_urls JOIN images ON images.id = image_id "
                    "WHERE image_urls.url = ? AND removed_at IS NULL",
                    (url,),
                )
            )
        return rows[0][0] if rows else None

    async def newest(self, source: str, *, limit: int) -> list[int]:
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall(
                "SELECT image_id FROM facets WHERE source = "
                "(SELECT id FROM facet_terms WHERE facet = 'source' AND term = ?) ORDER BY image_id DESC LIMIT ?",
                (source, limit),
            )
        return [row[0] for row in rows]

    async def urls(self, image_id: int) -> list[str]:
        """Every address that leads to this image."""
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall(
                "SELECT url FROM image_urls WHERE image_id = ? ORDER BY url", (image_id,)
            )
        return [row[0] for row in rows]

    async def near_duplicates(self, image_id: int) -> list[int]:
        async with self._database.read() as connection:
            return await near_duplicates.others(connection, image_id)

    async def near_groups(self, ids: Sequence[int]) -> NearGroups:
        async with self._database.read() as connection:
            return await near_duplicates.groups(connection, ids, model=self._model)

    async def passing(self, criteria: Criteria, *, max_id: int) -> IdArray:
        return await self._filtering.ids(criteria, max_id=max_id)

    async def describe(self) -> None:
        """Write what filters ask of images from before there were filters. What fails is left to the first filter."""
        try:
            await settle_all(self._database)
        except StorageError as error:
            log.warning("%s; the first filter will take its time", error)

    async def facet_values(self) -> FacetValues:
        return await self._facet_counts.values()

    async def words(self, text: str, *, limit: int, max_id: int, among: IdArray | None = None) -> IdArray:
        async with self._database.read() as connection:
            return await words.best(connection, text, limit=limit, max_id=max_id, among=among)

    async def suggestions(self, text: str, *, limit: int) -> list[Suggestion]:
        async with self._database.read() as connection:
            return await suggestions(connection, text, limit=limit)

    async def having_words(self, text: str, ids: Sequence[int]) -> IdArray:
        async with self._database.read() as connection:
            return await words.among(connection, text, ids)

    async def vectors(self, ids: Sequence[int]) -> tuple[IdArray, FloatArray]:
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall(
                "SELECT image_id, vector FROM vectors "
                "WHERE model = ? AND image_id IN (SELECT value FROM json_each(?)) ORDER BY image_id",
                (self._model, json.dumps([int(i) for i in ids])),
            )
        if len(rows) <= FEW_ROWS:
            return _matrix(rows, self._dimension)
        return await asyncio.to_thread(_matrix, rows, self._dimension)

    async def all_vectors(self, *, after: int = 0, batch: int = 4096) -> AsyncIterator[tuple[IdArray, FloatArray]]:
        while True:
            # One short read a batch: a reader that stays open would keep the write-ahead log from being reused.
            async with self._database.read() as connection:
                rows = list(
                    await connection.execute_fetchall(
                        "SELECT image_id, vector FROM vectors WHERE model = ? AND image_id > ? "
                        "ORDER BY image_id LIMIT ?",
                        (self._model, after, batch),
                    )
                )
            if not rows:
                return
            yield await asyncio.to_thread(_matrix, rows, self._dimension)
            after = rows[-1][0]

    async def colors(self, ids: Sequence[int]) -> tuple[IdArray, PixelArray]:
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall(
                "SELECT id, color FROM images "
                "WHERE id IN (SELECT value FROM json_each(?)) AND removed_at IS NULL ORDER BY id",
                (json.dumps([int(i) for i in ids]),),
            )
        return await asyncio.to_thread(_colors, list(rows))

    async def embedded_ids(self) -> IdArray:
        async with self._database.read() as connection:
            # One text instead of a row for each: a million rows would take their time in Python.
            [[ids]] = await connection.execute_fetchall(
                "SELECT group_concat(image_id) FROM vectors WHERE model = ?", (self._model,)
            )
        return await asyncio.to_thread(numbers, ids)

    async def missing_ids(self) -> IdArray:
        return self._counts.removed

    async def totals(self) -> Totals:
        return self.counts

    @property
    def counts(self) -> Totals:
        """:meth:`totals`, which here takes no waiting."""
        seeds, counts = self._database.seed_counts, self._counts
        return Totals(counts.images, counts.max_id, pending=seeds.pending, failed=seeds.failed, seeds=seeds.seeds)

    async def recount(self) -> None:
        """Count everything, as of one moment."""
        async with self._database.read() as connection:
            [[there, max_id, removed]] = await connection.execute_fetchall(
                f"SELECT count(*), coalesce(max(id), 0), ({_IDS} WHERE removed_at IS NOT NULL) FROM images"
            )
            few = 0 < max_id - there <= NEVER_GIVEN_MOST
            [[ids]] = await connection.execute_fetchall(f"{_IDS} WHERE id <= ?", (max_id,)) if few else [[None]]
        gone = await asyncio.to_thread(numbers, removed)
        never = await asyncio.to_thread(lambda: left_out(0, numbers(ids).tolist()))
        self._counts.removed = np.union1d(gone, never)
        self._counts.images = there - len(gone)
        self._counts.max_id = max_id


def _matrix(rows: Sequence[Any], dimension: int) -> tuple[IdArray, FloatArray]:
    ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
    stored = np.frombuffer(b"".join(row[1] for row in rows), STORED)
    return ids, stored.reshape(len(rows), dimension).astype(np.float32)


def _colors(rows: Sequence[Any]) -> tuple[IdArray, PixelArray]:
    ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
    channels = bytes.fromhex("".join(row[1].removeprefix("#") for row in rows))
    return ids, np.frombuffer(channels, np.uint8).reshape(len(rows), 3)


def _image(row: Any) -> Image:
    (image_id, sha256, url, width, height, color, source, added_at, extra, *metadata) = row
    fields = dict(zip(METADATA, metadata, strict=True))
    return Image(
        id=image_id,
        sha256=sha256,
        url=url,
        width=width,
        height=height,
        color=color,
        source=source,
        added_at=added_at,
        metadata=Metadata(**fields, extra=json.loads(extra) if extra else NOTHING),
    )
