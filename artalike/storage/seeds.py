"""The seeds: sources that somebody handed in, and how far each has come."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from artalike.errors import NotFound, UsageError
from artalike.records import IMAGE_KIND, Candidate, Seed, SeedState
from artalike.storage.catalog import Connection
from artalike.storage.frontier import Frontier, add_root, retry_rows

COLUMNS: Final = "id, source, kind, options, state, found, pending, done, failed, images, error, created_at, updated_at"

OVER: Final = (SeedState.DONE, SeedState.FAILED, SeedState.CANCELLED)


class CrawlQueue(Frontier):
    """The whole of :class:`~artalike.storage.ports.Frontier`: the rows, and the seeds that they belong to."""

    async def add_seed(self, root: Candidate, source: str, options: Mapping[str, Any]) -> Seed:
        now = time.time()
        async with self._database.write() as connection:
            known = await _find(connection, "source = ? AND kind = ?", (source, root.kind))
            if known is None:
                await connection.execute(
                    "INSERT INTO seeds (source, kind, options, state, found, pending, created_at, updated_at) "
                    "VALUES (?1, ?2, ?3, 'running', 1, 1, ?4, ?4)",
                    (source, root.kind, json.dumps(dict(options)), now),
                )
                known = await _get(connection, "source = ? AND kind = ?", (source, root.kind))
                await add_root(connection, known.id, root)
            else:
                await connection.execute(
                    "UPDATE seeds SET options = ?, state = 'running', error = NULL, updated_at = ? WHERE id = ?",
                    (json.dumps(dict(options)), now, known.id),
                )
                if known.state in OVER:
                    await _start_again(connection, known.id, root)
            return await _get(connection, "id = ?", (known.id,))

    async def seed(self, seed_id: int) -> Seed:
        async with self._database.read() as connection:
            return await _get(connection, "id = ?", (seed_id,))

    async def seeds(self) -> list[Seed]:
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall(f"SELECT {COLUMNS} FROM seeds ORDER BY id DESC")
        return [_seed(row) for row in rows]

    async def set_seed_state(self, seed_id: int, state: SeedState) -> Seed:
        async with self._database.write() as connection:
            seed = await _get(connection, "id = ?", (seed_id,))
            if seed.state in OVER and state != seed.state:
                raise UsageError(f"seed {seed_id}: it is {seed.state}; hand its source in again to start it again")
            if state in {SeedState.DONE, SeedState.FAILED}:
                raise UsageError(f"state = {state}: expected running, paused or cancelled")
            if state is SeedState.CANCELLED:
                await connection.execute(
                    "DELETE FROM frontier WHERE seed_id = ? AND state IN ('pending', 'leased')", (seed_id,)
                )
                await connection.execute("DELETE FROM lanes WHERE seed_id = ?", (seed_id,))
                await _recount(connection, seed_id)
            if state is SeedState.RUNNING and seed.pending == 0:
                state = SeedState.DONE
            await connection.execute(
                "UPDATE seeds SET state = ?, updated_at = ? WHERE id = ?", (state, time.time(), seed_id)
            )
            return await _get(connection, "id = ?", (seed_id,))


async def _start_again(connection: Connection, seed_id: int, root: Candidate) -> None:
    # Documents are read again, for what is new in them; pictures that are here stay done; failures get another try.
    await connection.execute(
        "DELETE FROM frontier WHERE seed_id = ?1 AND ((kind <> ?2 AND state <> 'leased') OR (kind = ?2 AND url = ?3))",
        (seed_id, IMAGE_KIND, root.url),
    )
    await connection.execute("DELETE FROM lanes WHERE seed_id = ?", (seed_id,))
    await retry_rows(connection, "state = 'failed' AND seed_id = ?1", (seed_id,))
    await add_root(connection, seed_id, root)
    await _recount(connection, seed_id)


async def _recount(connection: Connection, seed_id: int) -> None:
    await connection.execute(
        "UPDATE seeds SET (found, pending, done, failed, images) = (SELECT count(*), "
        "count(*) FILTER (WHERE state IN ('pending', 'leased')), count(*) FILTER (WHERE state = 'done'), "
        "count(*) FILTER (WHERE state = 'failed'), count(*) FILTER (WHERE state = 'done' AND kind = 'image') "
        "FROM frontier WHERE seed_id = ?1) WHERE id = ?1",
        (seed_id,),
    )


async def _find(connection: Connection, where: str, values: Sequence[Any]) -> Seed | None:
    rows = list(await connection.execute_fetchall(f"SELECT {COLUMNS} FROM seeds WHERE {where}", values))
    return _seed(rows[0]) if rows else None


async def _get(connection: Connection, where: str, values: Sequence[Any]) -> Seed:
    seed = await _find(connection, where, values)
    if seed is None:
        raise NotFound(f"seed {values[0]}: no such seed")
    return seed


def _seed(row: Any) -> Seed:
    (seed_id, source, kind, options, state, *rest) = row
    return Seed(seed_id, source, kind, json.loads(options), SeedState(state), *rest)
