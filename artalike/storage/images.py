"""The images of the catalog: their content, addresses, metadata and vectors."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np

from artalike.errors import ModelMismatch
from artalike.records import NOTHING, Embedding, FloatArray, IdArray, Image, Metadata
from artalike.storage.catalog import Connection, Database
from artalike.storage.found import METADATA
from artalike.storage.ports import Committed, Totals
from artalike.storage.rows import finish_rows

STORED: Final = np.dtype("<f2")
"""How a vector lies in the catalog."""

IMAGE_COLUMNS: Final = f"id, sha256, url, width, height, color, source, added_at, extra, {', '.join(METADATA)}"


class Images:
    """:class:`~artalike.storage.ports.ImageCatalog` on SQLite, for one active model.

    The counts that every page shows are kept here, and change after a commit and never before it. They are right
    because one process at a time owns the data folder.
    """

    def __init__(self, database: Database, model: int, dimension: int) -> None:
        self._database = database
        self._model = model
        self._dimension = dimension
        self._count = 0
        self._max_id = 0
        self._removed: IdArray = np.empty(0, np.int64)

    @classmethod
    async def open(cls, database: Database, model_id: str, dimension: int) -> Images:
        """The collection as embedded by ``model_id``.

        Raises ModelMismatch when it holds another model's vectors.
        """
        async with database.write() as connection:
            model = await _activate(connection, model_id, dimension)
        images = cls(database, model, dimension)
        await images._count_all()
        return images

    async def commit(self, embeddings: Sequence[Embedding]) -> list[Committed]:
        by_hash: dict[bytes, Embedding] = {}
        for embedding in embeddings:
            by_hash.setdefault(embedding.picture.sha256, embedding)
        now = time.time()
        async with self._database.write() as connection:
            known = await _ids_by_hash(connection, by_hash)
            fresh = [embedding for sha256, embedding in by_hash.items() if sha256 not in known]
            await connection.executemany(_INSERT_IMAGE, [_image_row(embedding, now) for embedding in fresh])
            ids = known | await _ids_by_hash(connection, [embedding.picture.sha256 for embedding in fresh])
            await connection.executemany(
                "INSERT OR IGNORE INTO vectors (image_id, model, vector) VALUES (?, ?, ?)",
                [(ids[e.picture.sha256], self._model, e.vector.astype(STORED).tobytes()) for e in fresh],
            )
            await connection.executemany(
                "INSERT OR IGNORE INTO image_urls (url, image_id) VALUES (?, ?)",
                chain.from_iterable(_url_rows(embedding, ids) for embedding in embeddings),
            )
            new = {embedding.picture.task.id for embedding in fresh}
            again = [embedding for embedding in embeddings if embedding.picture.task.id not in new]
            await connection.executemany(_FILL_METADATA, [_metadata_row(embedding, ids) for embedding in again])
            await finish_rows(
                connection,
                [embedding.picture.task.id for embedding in embeddings],
                {embedding.picture.task.id: embedding.picture.validators for embedding in embeddings},
            )
        self._count += len(fresh)
        self._max_id = max(self._max_id, *ids.values())
        return [Committed(ids[e.picture.sha256], e.picture.task.id in new) for e in embeddings]

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

    async def urls(self, image_id: int) -> list[str]:
        """Every address that leads to this image."""
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall(
                "SELECT url FROM image_urls WHERE image_id = ? ORDER BY url", (image_id,)
            )
        return [row[0] for row in rows]

    async def vectors(self, ids: Sequence[int]) -> tuple[IdArray, FloatArray]:
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall(
                "SELECT image_id, vector FROM vectors "
                "WHERE model = ? AND image_id IN (SELECT value FROM json_each(?)) ORDER BY image_id",
                (self._model, json.dumps([int(i) for i in ids])),
            )
        return await asyncio.to_thread(_matrix, list(rows), self._dimension)

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

    async def embedded_ids(self) -> IdArray:
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall(
                "SELECT image_id FROM vectors WHERE model = ? ORDER BY image_id", (self._model,)
            )
        return np.fromiter((row[0] for row in rows), np.int64)

    async def missing_ids(self) -> IdArray:
        return self._removed

    async def totals(self) -> Totals:
        return self.counts

    @property
    def counts(self) -> Totals:
        """:meth:`totals`, which here takes no waiting."""
        seeds = self._database.seed_counts
        return Totals(self._count, self._max_id, pending=seeds.pending, failed=seeds.failed, seeds=seeds.seeds)

    async def _count_all(self) -> None:
        async with self._database.read() as connection:
            rows = list(await connection.execute_fetchall("SELECT count(*), coalesce(max(id), 0) FROM images"))
            removed = await connection.execute_fetchall("SELECT id FROM images WHERE removed_at IS NOT NULL")
        self._removed = np.fromiter((row[0] for row in removed), np.int64)
        self._count = rows[0][0] - len(self._removed)
        self._max_id = rows[0][1]


async def _activate(connection: Connection, model_id: str, dimension: int) -> int:
    rows = list(await connection.execute_fetchall("SELECT model_id FROM models WHERE active"))
    if rows and rows[0][0] != model_id:
        vectors = list(await connection.execute_fetchall("SELECT EXISTS (SELECT 1 FROM vectors)"))
        if vectors[0][0]:
            raise ModelMismatch(
                f"embedding.model: the collection was embedded by {rows[0][0]}, the setting means {model_id}; "
                "expected the same model, or another data folder (--data)"
            )
        await connection.execute("UPDATE models SET active = 0")
    await connection.execute(
        "INSERT INTO models (model_id, dimension, active, added_at) VALUES (?, ?, 1, ?) "
        "ON CONFLICT (model_id) DO UPDATE SET active = 1",
        (model_id, dimension, time.time()),
    )
    rows = list(await connection.execute_fetchall("SELECT id FROM models WHERE active"))
    return int(rows[0][0])


async def _ids_by_hash(connection: Connection, hashes: Iterable[bytes]) -> dict[bytes, int]:
    wanted = list(hashes)
    marks = ",".join("?" * len(wanted))
    rows = await connection.execute_fetchall(f"SELECT sha256, id FROM images WHERE sha256 IN ({marks})", wanted)
    return {row[0]: row[1] for row in rows}


_INSERT_IMAGE: Final = (
    "INSERT INTO images (sha256, url, width, height, format, bytes, color, phash, source, added_at, extra, "
    f"{', '.join(METADATA)}) VALUES ({', '.join('?' * (11 + len(METADATA)))})"
)

# What came first stays: a later source may fill what is empty and replace nothing.
_FILL_METADATA: Final = (
    "UPDATE images SET "
    + ", ".join(f"{name} = coalesce({name}, ?)" for name in METADATA)
    + ", extra = json_patch(?, coalesce(extra, '{}')) WHERE id = ?"
)


def _image_row(embedding: Embedding, now: float) -> tuple[Any, ...]:
    picture, artwork, task = embedding.picture, embedding.picture.artwork, embedding.picture.task
    signed_phash = artwork.phash - (1 << 64) if artwork.phash >> 63 else artwork.phash
    return (
        picture.sha256,
        task.url,
        artwork.width,
        artwork.height,
        artwork.format,
        picture.byte_count,
        artwork.color,
        signed_phash,
        task.seed_source,
        now,
        json.dumps(dict(task.metadata.extra)) if task.metadata.extra else None,
        *(getattr(task.metadata, name) for name in METADATA),
    )


def _metadata_row(embedding: Embedding, ids: dict[bytes, int]) -> tuple[Any, ...]:
    metadata = embedding.picture.task.metadata
    values = (getattr(metadata, name) for name in METADATA)
    return (*values, json.dumps(dict(metadata.extra)), ids[embedding.picture.sha256])


def _url_rows(embedding: Embedding, ids: dict[bytes, int]) -> Iterable[tuple[str, int]]:
    image_id = ids[embedding.picture.sha256]
    return ((url, image_id) for url in {embedding.picture.task.url, embedding.picture.final_url})


def _matrix(rows: Sequence[Any], dimension: int) -> tuple[IdArray, FloatArray]:
    ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
    stored = np.frombuffer(b"".join(row[1] for row in rows), STORED)
    return ids, stored.reshape(len(rows), dimension).astype(np.float32)


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
