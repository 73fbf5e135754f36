"""The outbox: what an index that is a server of its own may not have been told yet.

Where the index lives in the server's process, whoever commits a change makes it there too, and a start compares the
two. A server of its own can be lost while this one goes on. So each change of a vector leaves a row here, by triggers
and therefore in the same transaction, and the row goes when the index has made the change::

    embedded ──▶ indexed (no row) ──▶ removed ──▶ gone (no row)

A row names what has changed, and not to what: who works it off does what the catalog says by then, so that a change
made twice, or late, does no harm.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from artalike.records import IdArray
from artalike.storage.catalog import Database, Guarded
from artalike.storage.notices import Changed

State = Literal["embedded", "removed"]

AT_ONCE: Final = 500
"""Ids bound to one statement: SQLite takes 999 in its oldest builds."""


@dataclass(frozen=True, slots=True)
class Change:
    """A row: the vector of ``image_id`` has come or gone."""

    seq: int
    image_id: int


class Outbox:
    """The changes of one model's vectors. All raise StorageError, and those that write DiskFull."""

    def __init__(self, database: Database, model: int) -> None:
        self._database = database
        self._model = model
        self.is_new = False
        """Nothing was noted before :meth:`attach`: of what came then, the index may know nothing."""

    async def attach(self) -> str:
        """From now on changes are noted. What marks this catalog's vectors as its own: the same for all its models."""
        async with self._database.write() as connection:
            before = await connection.execute_fetchall(
                "SELECT 1 FROM outbox_models WHERE model = ? AND attached = 1", (self._model,)
            )
            self.is_new = not before
            await connection.execute(
                "INSERT INTO outbox_models (model, owner, attached) "
                "SELECT ?, coalesce(min(owner), ?), 1 FROM outbox_models WHERE 1 = 1 "
                "ON CONFLICT (model) DO UPDATE SET attached = 1",
                (self._model, secrets.token_hex(6)),
            )
            [row] = await connection.execute_fetchall("SELECT owner FROM outbox_models WHERE model = ?", (self._model,))
        return str(row[0])

    def alone(self) -> AbstractAsyncContextManager[None]:
        """While the block runs no other process brings the index to what the catalog says, as this one does."""
        return self._database.guarded(Guarded.FOLLOWING)

    async def first(self, limit: int) -> list[Change]:
        """The changes that have waited longest."""
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall(
                "SELECT seq, image_id FROM outbox WHERE model = ? ORDER BY seq LIMIT ?", (self._model, limit)
            )
        return [Change(*row) for row in rows]

    async def about(self, ids: Sequence[int], state: State) -> list[Change]:
        """The changes of these images to this state."""
        found: list[Change] = []
        async with self._database.read() as connection:
            for start in range(0, len(ids), AT_ONCE):
                some = [int(number) for number in ids[start : start + AT_ONCE]]
                marks = ",".join("?" * len(some))
                rows = await connection.execute_fetchall(
                    f"SELECT seq, image_id FROM outbox WHERE model = ? AND state = ? AND image_id IN ({marks})",
                    (self._model, state, *some),
                )
                found += [Change(*row) for row in rows]
        return found

    async def settle(self, changes: Sequence[Change]) -> None:
        """The index has made these."""
        if changes:
            async with self._database.write() as connection:
                await connection.executemany("DELETE FROM outbox WHERE seq = ?", [(change.seq,) for change in changes])
                connection.tell(Changed.SEARCHABLE, [change.image_id for change in changes])

    async def all_ids(self) -> IdArray:
        """The images whose changes wait."""
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall("SELECT image_id FROM outbox WHERE model = ?", (self._model,))
        return np.fromiter((row[0] for row in rows), np.int64)

    async def waiting(self) -> int:
        """How many changes wait."""
        async with self._database.read() as connection:
            [row] = await connection.execute_fetchall("SELECT count(*) FROM outbox WHERE model = ?", (self._model,))
        return int(row[0])


async def owner(database: Database) -> str | None:
    """What marks this catalog's vectors as its own; None where no server has ever had any."""
    async with database.read() as connection:
        [row] = await connection.execute_fetchall("SELECT min(owner) FROM outbox_models")
    return None if row[0] is None else str(row[0])


async def attached(database: Database) -> dict[int, str]:
    """The models whose changes are noted, by number, with their ids."""
    async with database.read() as connection:
        rows = await connection.execute_fetchall(
            "SELECT models.id, models.model_id FROM models JOIN outbox_models ON model = models.id WHERE attached = 1"
        )
    return {row[0]: row[1] for row in rows}


async def detach(database: Database, model: int) -> None:
    """Note no more changes of this model: no server follows them, or it is brought level as a whole."""
    async with database.write() as connection:
        await connection.execute("UPDATE outbox_models SET attached = 0 WHERE model = ?", (model,))
        await connection.execute("DELETE FROM outbox WHERE model = ?", (model,))
