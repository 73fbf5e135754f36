"""Models of which the catalog holds vectors: one is active, another may be on its way to be, others are kept.

A collection moves to another model in small steps. Its vectors are committed a few at a time beside those of the active
one, so whoever is killed goes on with what is missing; then one transaction makes the other one active. The vectors of
the model that was active stay until :func:`forget` is told to delete them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from artalike.errors import ModelMismatch, UsageError
from artalike.records import FloatArray
from artalike.storage.catalog import Connection, Database
from artalike.storage.commit import STORED

FORGOTTEN: Final = 2_000
"""Vectors deleted in one transaction, so that ingest never waits long for the writer."""


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model in the catalog. ``name`` is what the settings call it; ``vectors`` counts those that it has made."""

    number: int
    model_id: str
    name: str
    dimension: int
    active: bool
    moving: bool
    vectors: int


@dataclass(frozen=True, slots=True)
class Unembedded:
    """An image that a model has not embedded."""

    id: int
    sha256: bytes
    url: str
    width: int
    height: int


async def stored(database: Database) -> list[StoredModel]:
    """All of them, in the order in which they came. Counts vectors: a scan of their index."""
    async with database.read() as connection:
        rows = await connection.execute_fetchall(
            f"SELECT {_COLUMNS}, (SELECT count(*) FROM vectors WHERE model = models.id) FROM models ORDER BY id"
        )
    return [_stored(row) for row in rows]


async def active(database: Database) -> StoredModel | None:
    """The one by which the collection is embedded; None where it holds no vector. ``vectors`` is not counted."""
    async with database.read() as connection:
        rows = list(
            await connection.execute_fetchall(
                f"SELECT {_COLUMNS}, 0 FROM models "
                "WHERE active = 1 AND EXISTS (SELECT 1 FROM vectors WHERE model = models.id)"
            )
        )
    return _stored(rows[0]) if rows else None


async def moving(database: Database) -> StoredModel | None:
    """The one that the collection is moving to. ``vectors`` is not counted."""
    async with database.read() as connection:
        rows = list(
            await connection.execute_fetchall(f"SELECT {_COLUMNS}, 0 FROM models WHERE moving_since IS NOT NULL")
        )
    return _stored(rows[0]) if rows else None


async def open_active(database: Database, model_id: str, dimension: int, name: str | None) -> int:
    """The number of the active model, which becomes ``model_id`` where there are no vectors yet.

    Raises ModelMismatch when vectors of another model are active.
    """
    async with database.write() as connection:
        rows = list(await connection.execute_fetchall("SELECT id, model_id FROM models WHERE active = 1"))
        if rows and rows[0][1] != model_id:
            [there] = await connection.execute_fetchall(
                "SELECT EXISTS (SELECT 1 FROM vectors WHERE model = ?)", (rows[0][0],)
            )
            if there[0]:
                raise ModelMismatch(
                    f"embedding.model: the collection was embedded by {rows[0][1]}, the setting means {model_id}; "
                    "expected the same model, or another data folder (--data)"
                )
        number = await _put(connection, model_id, dimension, name)
        await _activate(connection, number)
    return number


async def begin_move(database: Database, model_id: str, dimension: int, name: str) -> int:
    """From now on, also after a restart, the collection moves to this model. Its number.

    Raises UsageError while it moves to another one.
    """
    async with database.write() as connection:
        number = await _put(connection, model_id, dimension, name)
        others = list(
            await connection.execute_fetchall(
                f"SELECT {_COLUMNS}, 0 FROM models WHERE moving_since IS NOT NULL AND id <> ?", (number,)
            )
        )
        if others:
            other = _stored(others[0])
            raise UsageError(
                f"the collection is moving to {other.name}; wait for that, or give it up: reembed --forget {other.name}"
            )
        await connection.execute(
            "UPDATE models SET moving_since = coalesce(moving_since, ?) WHERE id = ?", (time.time(), number)
        )
    return number


async def finish_move(database: Database, number: int) -> None:
    """The collection has moved: this model is the active one."""
    async with database.write() as connection:
        await _activate(connection, number)


async def count(database: Database, number: int) -> int:
    """How many images this model has embedded."""
    async with database.read() as connection:
        [row] = await connection.execute_fetchall("SELECT count(*) FROM vectors WHERE model = ?", (number,))
    return int(row[0])


async def unembedded(database: Database, number: int, *, after: int = 0, limit: int = 256) -> list[Unembedded]:
    """Images with an id above ``after`` that this model has not embedded, ascending."""
    async with database.read() as connection:
        rows = await connection.execute_fetchall(
            "SELECT id, sha256, url, width, height FROM images WHERE id > ? AND removed_at IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM vectors WHERE model = ? AND image_id = images.id) ORDER BY id LIMIT ?",
            (after, number, limit),
        )
    return [Unembedded(*row) for row in rows]


async def store_vectors(database: Database, number: int, vectors: Sequence[tuple[int, FloatArray]]) -> int:
    """Keep what this model has made of images, by id; not of those that have been removed meanwhile. How many."""
    async with database.write() as connection:
        rows = await connection.execute_fetchall(
            "SELECT id FROM images WHERE id IN (SELECT value FROM json_each(?)) AND removed_at IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM vectors WHERE model = ? AND image_id = images.id)",
            (json.dumps([image_id for image_id, _ in vectors]), number),
        )
        wanted = {row[0] for row in rows}
        await connection.executemany(
            "INSERT INTO vectors (image_id, model, vector) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [(image_id, number, vector.astype(STORED).tobytes()) for image_id, vector in vectors if image_id in wanted],
        )
        return len(wanted)


async def forget(database: Database, name: str) -> int:
    """Delete the vectors of a model that is not active, by its name or id, and give up a move to it. How many.

    Raises UsageError for the active one and for one that is not here.
    """
    there = await stored(database)
    chosen = [model for model in there if name in {model.name, model.model_id}]
    if not chosen:
        kept = ", ".join(model.name for model in there if not model.active) or "none"
        raise UsageError(f"model {name!r}: nothing here is of it; expected one of those kept: {kept}")
    if all(model.active for model in chosen):
        raise UsageError(f"model {name!r}: the collection is embedded by it; expected one of those kept")
    forgotten = 0
    for model in chosen:
        if not model.active:
            forgotten += await _forget(database, model.number)
    await database.checkpoint()
    return forgotten


async def _forget(database: Database, number: int) -> int:
    async with database.write() as connection:
        await connection.execute("UPDATE models SET moving_since = NULL WHERE id = ?", (number,))
    forgotten = 0
    while True:
        async with database.write() as connection:
            deleted = await connection.execute_fetchall(
                "DELETE FROM vectors WHERE model = ?1 AND image_id IN "
                "(SELECT image_id FROM vectors WHERE model = ?1 ORDER BY image_id LIMIT ?2) RETURNING image_id",
                (number, FORGOTTEN),
            )
            if not deleted:
                await connection.execute("DELETE FROM models WHERE id = ? AND active = 0", (number,))
                return forgotten
            forgotten += len(deleted)


async def _put(connection: Connection, model_id: str, dimension: int, name: str | None) -> int:
    await connection.execute(
        "INSERT INTO models (model_id, dimension, added_at, name) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (model_id) DO UPDATE SET name = coalesce(excluded.name, models.name)",
        (model_id, dimension, time.time(), name),
    )
    [row] = await connection.execute_fetchall("SELECT id FROM models WHERE model_id = ?", (model_id,))
    return int(row[0])


async def _activate(connection: Connection, number: int) -> None:
    await connection.execute("UPDATE models SET active = 0 WHERE active = 1 AND id <> ?", (number,))
    await connection.execute("UPDATE models SET active = 1, moving_since = NULL WHERE id = ?", (number,))


_COLUMNS: Final = "id, model_id, name, dimension, active, moving_since"


def _stored(row: Any) -> StoredModel:
    number, model_id, name, dimension, is_active, moving_since, vectors = row
    # From before names were kept: an id begins with a label, which for most models is the name.
    label = model_id.rpartition("@")[0] or model_id
    return StoredModel(number, model_id, name or label, dimension, bool(is_active), moving_since is not None, vectors)
