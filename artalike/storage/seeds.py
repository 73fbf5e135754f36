"""The seeds: sources that somebody handed in, how far each has come, and when it is read again."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from artalike.durations import seconds_of
from artalike.errors import WORTH_RETRYING, NotFound, UsageError
from artalike.records import Candidate, Seed, SeedState, Task
from artalike.storage import found as finding
from artalike.storage.catalog import Connection
from artalike.storage.frontier import Frontier
from artalike.storage.notices import Changed
from artalike.storage.rows import add_root, retry_rows, settle_seed

COLUMNS: Final = (
    "id, source, kind, options, state, found, pending, done, failed, images, error, created_at, updated_at, "
    "rate, recrawl_seconds, recrawl_at, crawl"
)

FORGOTTEN_AT_ONCE: Final = 2000
"""Rows of a cancelled seed; each takes some 40 µs."""

OVER: Final = (SeedState.DONE, SeedState.FAILED, SeedState.CANCELLED)


class CrawlQueue(Frontier):
    """The whole of :class:`~artalike.storage.ports.Frontier`: the rows, and the seeds that they belong to."""

    async def add_seed(self, root: Candidate, source: str, options: Mapping[str, Any]) -> Seed:
        now, wanted = time.time(), json.dumps(dict(options), sort_keys=True)
        recrawl, rate = options.get("recrawl"), options.get("rate")
        recrawl_seconds = None if recrawl is None else seconds_of(str(recrawl))
        rate = None if rate is None else float(rate)  # options may hold numbers as text
        async with self._database.write() as connection:
            known = await _find(connection, "source = ? AND kind = ?", (source, root.kind))
            if known is None:
                await connection.execute(
                    "INSERT INTO seeds (source, kind, options, state, recrawl_seconds, rate, created_at, updated_at) "
                    "VALUES (?1, ?2, ?3, 'running', ?4, ?5, ?6, ?6)",
                    (source, root.kind, wanted, recrawl_seconds, rate, now),
                )
                known = await _get(connection, "source = ? AND kind = ?", (source, root.kind))
                await add_root(connection, known.id, root)
            else:
                await connection.execute(
                    "UPDATE seeds SET options = ?, recrawl_seconds = coalesce(?, recrawl_seconds), "
                    "rate = coalesce(?, rate), state = 'running', error = NULL, updated_at = ? WHERE id = ?",
                    (wanted, recrawl_seconds, rate, now, known.id),
                )
                if dict(known.options) != dict(options):
                    await _forget_what_was_read(connection, known.id)
                if known.state in OVER or known.pending == 0:  # paused, it came to its end by what was under way
                    await _start_again(connection, known.id, root)
            connection.tell(Changed.SEEDS, [known.id])
            return await _get(connection, "id = ?", (known.id,))

    async def root(self, seed_id: int) -> Candidate:
        async with self._database.read() as connection:
            await _get(connection, "id = ?", (seed_id,))
            return await _root(connection, seed_id)

    async def crawl_again(self, seed_id: int) -> bool:
        async with self._database.write() as connection:
            # Not a cancelled one: that is for the person to take up again who has ended it.
            over = (await _get(connection, "id = ?", (seed_id,))).state in {SeedState.DONE, SeedState.FAILED}
            if over:
                connection.tell(Changed.SEEDS, [seed_id])
                await _start_again(connection, seed_id, await _root(connection, seed_id))
            return over

    async def add_found(self, seed_id: int, found: Sequence[Candidate]) -> int:
        async with self._database.write() as connection:
            seed = await _get(connection, "id = ?", (seed_id,))
            if seed.state is SeedState.CANCELLED:
                return 0
            root = await _root(connection, seed_id)
            [row] = await connection.execute_fetchall(
                "SELECT id FROM frontier WHERE seed_id = ? AND kind = ? AND url = ?", (seed_id, root.kind, root.url)
            )
            task = Task(row[0], seed_id, seed.source, root.kind, root.url, host="")
            new = await finding.store(connection, task, found, bounds=self._bounds, refuses=self._refuses)
            await connection.execute(
                "UPDATE seeds SET state = 'running', recrawl_at = NULL "
                "WHERE id = ? AND state IN ('done', 'failed') AND pending > 0",
                (seed_id,),
            )
            connection.tell(Changed.SEEDS, [seed_id] if new else [])
            return new

    async def pictures_below(self, seed_id: int, address: str, *, after: str, limit: int) -> list[str]:
        below = address.rstrip("/") + "/"
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall(
                "SELECT url FROM frontier WHERE seed_id = ?1 AND kind = 'image' AND url > ?2 "
                "AND (url = ?3 OR (url >= ?4 AND url < ?5)) ORDER BY url LIMIT ?6",
                (seed_id, after, address, below, below[:-1] + "0", limit),
            )
        return [row[0] for row in rows]

    async def recrawl_due(self) -> int:
        now = time.time()
        async with self._database.read() as connection:
            due = list(await connection.execute_fetchall(_DUE, (now,)))
        for (seed_id,) in due:
            async with self._database.write() as connection:
                if list(await connection.execute_fetchall(f"{_DUE} AND id = ?2", (now, seed_id))):
                    await connection.execute("UPDATE seeds SET error = NULL WHERE id = ?", (seed_id,))
                    connection.tell(Changed.SEEDS, [seed_id])
                    await _start_again(connection, seed_id, await _root(connection, seed_id))
        return len(due)

    async def seed(self, seed_id: int) -> Seed:
        async with self._database.read() as connection:
            return await _get(connection, "id = ?", (seed_id,))

    async def seeds(self, *, kind: str | None = None) -> list[Seed]:
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall(
                f"SELECT {COLUMNS} FROM seeds WHERE CAST(?1 AS TEXT) IS NULL OR kind = ?1 ORDER BY id DESC", (kind,)
            )
        return [_seed(row) for row in rows]

    async def seeds_page(
        self, limit: int, *, before: int | None = None, state: SeedState | None = None, source: str | None = None
    ) -> tuple[list[Seed], int]:
        passes = "(CAST(?1 AS TEXT) IS NULL OR state = ?1) AND (CAST(?2 AS TEXT) IS NULL OR source = ?2)"
        wanted = (state, source)
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall(
                f"SELECT {COLUMNS} FROM seeds WHERE {passes} "
                "AND (CAST(?3 AS BIGINT) IS NULL OR id < ?3) ORDER BY id DESC LIMIT ?4",
                (*wanted, before, limit),
            )
            [(total,)] = await connection.execute_fetchall(f"SELECT count(*) FROM seeds WHERE {passes}", wanted)
        return [_seed(row) for row in rows], total

    async def set_seed_state(self, seed_id: int, state: SeedState) -> Seed:
        async with self._database.write() as connection:
            seed = await _get(connection, "id = ?", (seed_id,))
            if seed.state in OVER and state != seed.state:
                raise UsageError(f"seed {seed_id}: it is {seed.state}; hand its source in again to start it again")
            if state in {SeedState.DONE, SeedState.FAILED}:
                raise UsageError(f"state = {state}: expected running, paused or cancelled")
            await connection.execute(
                "UPDATE seeds SET state = ?, updated_at = ? WHERE id = ?", (state, time.time(), seed_id)
            )
            connection.tell(Changed.SEEDS, [seed_id])
            await settle_seed(connection, seed_id, pending=0)  # while it was paused, it may have come to its end
            if state is SeedState.CANCELLED:
                while await self._forget_rows(connection, seed_id, "leased"):
                    pass
        if state is SeedState.CANCELLED:
            await self._forget_waiting(seed_id)
        return await self.seed(seed_id)

    async def recover(self) -> int:
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall("SELECT id FROM seeds WHERE state = 'cancelled' AND pending > 0")
        recovered = await super().recover()
        for (seed_id,) in rows:
            await self._forget_waiting(seed_id)
        return recovered

    async def _forget_waiting(self, seed_id: int) -> None:
        """What waits for a cancelled seed, a little in each transaction: of millions ingest would wait for minutes."""
        count = FORGOTTEN_AT_ONCE
        while count == FORGOTTEN_AT_ONCE:
            async with self._database.write() as connection:
                if (await _get(connection, "id = ?", (seed_id,))).state is not SeedState.CANCELLED:
                    return  # it was handed in again meanwhile
                count = await self._forget_rows(connection, seed_id, "pending")

    async def _forget_rows(self, connection: Connection, seed_id: int, state: str) -> int:
        """Some of a seed's rows in this state. How many."""
        rows = list(
            await connection.execute_fetchall(
                f"DELETE FROM frontier WHERE id IN (SELECT id FROM frontier WHERE seed_id = ? AND state = '{state}' "
                "LIMIT ?) RETURNING host, kind, parent_id IS NOT NULL",
                (seed_id, FORGOTTEN_AT_ONCE),
            )
        )
        if state == "pending":
            await connection.executemany(
                "UPDATE lanes SET waiting = waiting - ? WHERE seed_id = ? AND host = ?",
                [(count, seed_id, host) for host, count in Counter(host for host, *_ in rows).items()],
            )
        documents = sum(bool(is_child) and kind in self._bounds.bounded_kinds for _, kind, is_child in rows)
        await connection.execute(
            "UPDATE seeds SET found = found - ?1, pending = pending - ?1, documents = max(0, documents - ?2) "
            "WHERE id = ?3",
            (len(rows), documents, seed_id),
        )
        return len(rows)

    async def set_rate(self, seed_id: int, rate: float | None) -> Seed:
        async with self._database.write() as connection:
            await connection.execute("UPDATE seeds SET rate = ?, paced_until = 0 WHERE id = ?", (rate, seed_id))
            connection.tell(Changed.SEEDS, [seed_id])
            return await _get(connection, "id = ?", (seed_id,))

    async def set_recrawl(self, seed_id: int, seconds: float) -> Seed:
        async with self._database.write() as connection:
            await connection.execute(
                "UPDATE seeds SET recrawl_seconds = ?1, recrawl_at = CASE WHEN CAST(?1 AS DOUBLE PRECISION) > 0 AND "
                "state IN ('done', 'failed') THEN updated_at + ?1 END WHERE id = ?2",
                (seconds, seed_id),
            )
            return await _get(connection, "id = ?", (seed_id,))


async def _start_again(connection: Connection, seed_id: int, root: Candidate) -> None:
    # The root is read again, and what it leads to as far as that may have changed; what failed and may work now, too.
    await connection.execute(
        "UPDATE seeds SET crawl = crawl + 1, state = 'running', recrawl_at = NULL WHERE id = ?", (seed_id,)
    )
    seed = await _get(connection, "id = ?", (seed_id,))
    await retry_rows(connection, WORTH_ANOTHER_TRY, (seed_id, json.dumps(sorted(WORTH_RETRYING))))
    await add_root(connection, seed_id, root, crawl=seed.crawl)


async def _forget_what_was_read(connection: Connection, seed_id: int) -> None:
    # With other options the same documents may lead further: none of them is as it was.
    await connection.execute(
        "UPDATE frontier SET etag = NULL, last_modified = NULL, revision = NULL, checkpoint = NULL "
        "WHERE seed_id = ? AND kind <> 'image'",
        (seed_id,),
    )


async def _root(connection: Connection, seed_id: int) -> Candidate:
    rows = list(await connection.execute_fetchall(ROOT_OF, (seed_id,)))
    if not rows:
        raise NotFound(f"seed {seed_id}: it was cancelled before it was read")
    return Candidate(*rows[0])


ROOT_OF: Final = "SELECT url, kind FROM frontier WHERE seed_id = ? AND parent_id IS NULL ORDER BY id LIMIT 1"

# The unary + keeps SQLite from going through all rows of the seed.
WORTH_ANOTHER_TRY: Final = (
    "state = 'failed' AND +seed_id = ?1 AND error_kind IN (SELECT CAST(value AS TEXT) FROM json_each(?2))"
)

_DUE: Final = "SELECT id FROM seeds WHERE recrawl_at <= ?1 AND state IN ('done', 'failed')"


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
