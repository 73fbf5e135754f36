"""The frontier: what is still to be fetched, for which seed, from which host, and when.

A row is ``pending``, ``leased`` by the running process, ``done`` or ``failed``. Leasing goes round the *lanes*, one
for each seed and host, least recently served first, so that neither a big seed nor a slow host holds up the rest.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from artalike.errors import WORTH_RETRYING
from artalike.records import (
    IMAGE_KIND,
    NEVER_ASKED,
    NOTHING,
    Candidate,
    Failure,
    FailureGroup,
    Metadata,
    Task,
    Validators,
)
from artalike.storage import found as finding
from artalike.storage.catalog import Connection, Database
from artalike.storage.found import Bounds, Refuses
from artalike.storage.lanes import widen_lanes
from artalike.storage.notices import Changed
from artalike.storage.ports import Share
from artalike.storage.rows import fail_blocked, finish_rows, give_back, read_children_again, retry_rows, settle_seed

DETAIL_LENGTH: Final = 500
DEFAULT_BOUNDS: Final = Bounds()
LOOK_SECONDS: Final = 15.0
"""Rows of processes that are gone are looked for so often."""
PACE_SECONDS: Final = 1.0
"""A seed with a rate of its own is leased what it may have in this time, and then rests as long."""


def _refuses_nothing(_url: str) -> None:
    return None


class Frontier:
    """The crawl side of :class:`~artalike.storage.ports.Frontier`, on SQLite.

    ``bounds`` are of what is kept for one seed; ``refuses`` says which addresses must not come in.
    """

    def __init__(
        self, database: Database, *, bounds: Bounds = DEFAULT_BOUNDS, refuses: Refuses = _refuses_nothing
    ) -> None:
        self._database = database
        self._bounds = bounds
        self._refuses = refuses
        self._look_again_at = 0.0

    async def recover(self) -> int:
        """Give back what a process that is gone had leased. To be called once, at start. How many rows."""
        return await self._give_back(at_start=True)

    async def lease(self, limit: int, *, busy_hosts: Collection[str], per_host: int | Share) -> list[Task]:
        now = time.time()
        if now >= self._look_again_at:
            self._look_again_at = now + LOOK_SECONDS
            await self._give_back(at_start=False)
        async with self._database.leasing() as turn:
            async with turn.taking() as connection:
                lanes = await connection.execute_fetchall(
                    connection.dialect.lanes_due, (now, json.dumps(list(busy_hosts)), limit)
                )
                taken = await _take(connection, lanes, limit, per_host, now)
                await turn.claim(connection, sorted({lane.host for lane in taken}))
            paced = Counter[int]()
            for lane in taken:
                if lane.rate is not None:
                    paced[lane.seed_id] += sum(row[-1] is None for row in lane.rows)
            # What another seed has brought in meanwhile is not fetched again, and what was taken out never.
            known = [row[0] for lane in taken for row in lane.rows if row[-1] == 1]
            barred = [row[0] for lane in taken for row in lane.rows if row[-1] == 0]
            if paced or known or barred:
                async with turn.settling() as connection:
                    await finish_rows(connection, known)
                    await fail_blocked(connection, barred)
                    await connection.executemany(_PACE, [(now, count, seed_id) for seed_id, count in paced.items()])
        return [_task(row[:-1], lane.seed_id, lane.host) for lane in taken for row in lane.rows if row[-1] is None]

    async def _give_back(self, *, at_start: bool) -> int:
        """What processes that are gone had leased."""
        left = self._database.left_behind(at_start=at_start)
        if left is None:
            return 0
        async with self._database.write() as connection:
            return await give_back(connection, *left)

    async def release(self, tasks: Sequence[Task]) -> None:
        if not tasks:
            return
        async with self._database.write() as connection:
            ids = json.dumps([task.id for task in tasks])
            await give_back(connection, "state = 'leased' AND id IN (SELECT value FROM json_each(?))", (ids,))

    async def next_due(self) -> float | None:
        async with self._database.read() as connection:
            [row] = await connection.execute_fetchall(connection.dialect.next_due)
        return None if row[0] is None else float(row[0])

    async def waiting_hosts(self, limit: int, *, first: Collection[str]) -> list[tuple[str, int]]:
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall(
                "SELECT host, sum(waiting) AS count FROM lanes JOIN seeds ON seeds.id = seed_id "
                "WHERE waiting > 0 AND state = 'running' GROUP BY host "
                "ORDER BY host IN (SELECT CAST(value AS TEXT) FROM json_each(?)) DESC, count DESC, host LIMIT ?",
                (json.dumps(list(first)), limit),
            )
        return [(host, count) for host, count in rows]

    async def store_found(
        self,
        task: Task,
        found: Sequence[Candidate],
        *,
        cursor: str | None,
        checkpoint: str | None = None,
        recrawl: float | None = None,
    ) -> int:
        async with self._database.write() as connection:
            moved = await connection.execute_fetchall(
                "UPDATE frontier SET cursor = ?1, next_checkpoint = coalesce(?2, next_checkpoint) "
                "WHERE id = ?3 AND state = 'leased' RETURNING id",
                (cursor, checkpoint, task.id),
            )
            if not moved:  # its seed was cancelled meanwhile
                return 0
            if recrawl is not None and task.depth == 0:
                await connection.execute(
                    "UPDATE seeds SET recrawl_seconds = coalesce(recrawl_seconds, ?) WHERE id = ?",
                    (recrawl, task.seed_id),
                )
            new = await finding.store(connection, task, found, bounds=self._bounds, refuses=self._refuses)
            connection.tell(Changed.SEEDS, [task.seed_id] if new else [])
            return new

    async def finish(self, task: Task, *, validators: Validators = NEVER_ASKED) -> None:
        async with self._database.write() as connection:
            await finish_rows(connection, [task.id], {task.id: validators})

    async def unchanged(self, task: Task) -> None:
        async with self._database.write() as connection:
            await read_children_again(connection, task)
            await finish_rows(connection, [task.id], {task.id: task.validators})

    async def waiting_among(self, task_ids: Collection[int]) -> set[int]:
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall(
                "SELECT id FROM frontier WHERE state IN ('pending', 'leased') "
                "AND id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(task_ids)),),
            )
        return {row[0] for row in rows}

    async def fail(self, failures: Sequence[Failure]) -> None:
        now = time.time()
        async with self._database.write() as connection:
            for failure in failures:
                final, detail = failure.retry_at is None, failure.detail[:DETAIL_LENGTH]
                rows = await connection.execute_fetchall(
                    "UPDATE frontier SET attempts = attempts + 1, state = ?, not_before = ?, error_kind = ?, "
                    "error_detail = ?, failed_at = ? WHERE id = ? AND state = 'leased' RETURNING id",
                    (
                        "failed" if final else "pending",
                        failure.retry_at or 0,
                        failure.kind,
                        detail,
                        now,
                        failure.task.id,
                    ),
                )
                if not rows:  # its seed was cancelled meanwhile
                    continue
                task = failure.task
                if final:
                    error = None if task.kind == IMAGE_KIND else detail
                    await settle_seed(connection, task.seed_id, pending=-1, failed=1, error=error)
                else:
                    await widen_lanes(connection, task.seed_id, {task.host: 1}, ready_at=failure.retry_at or 0)

    async def failure_groups(self, *, seed_id: int | None = None) -> list[FailureGroup]:
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall(_FAILURE_GROUPS, (seed_id,))
        return [FailureGroup(*row) for row in rows]

    async def retry_failures(self, *, kind: str | None = None, seed_id: int | None = None) -> int:
        kinds = json.dumps(sorted(WORTH_RETRYING) if kind is None else [kind])
        async with self._database.write() as connection:
            chosen = (
                "state = 'failed' AND error_kind IN (SELECT CAST(value AS TEXT) FROM json_each(?1)) "
                "AND (CAST(?2 AS BIGINT) IS NULL OR seed_id = ?2)"
            )
            return await retry_rows(connection, chosen, (kinds, seed_id))


@dataclass(frozen=True, slots=True)
class _Taken:
    """Rows of a lane, as by ``_LEASE``. A seed's ``rate`` is what it may have in a second, if it has one."""

    seed_id: int
    host: str
    rate: float | None
    rows: list[Any]


async def _take(
    connection: Connection, lanes: Iterable[Any], limit: int, per_host: int | Share, now: float
) -> list[_Taken]:
    of_one = per_host if callable(per_host) else lambda _: per_host
    taken: list[_Taken] = []
    of_host: Counter[str] = Counter()
    of_seed: Counter[int] = Counter()
    left = limit
    for seed_id, host, rate in lanes:
        room = min(left, of_one(host) - of_host[host])
        if rate is not None:
            room = min(room, max(1, int(rate * PACE_SECONDS)) - of_seed[seed_id])
        if room <= 0:
            continue
        rows = await _lease_lane(connection, seed_id, host, room, now)
        open_rows = sum(row[-1] is None for row in rows)
        of_host[host] += open_rows
        of_seed[seed_id] += open_rows
        left -= open_rows
        taken.append(_Taken(seed_id, host, rate, rows))
    return taken


async def _lease_lane(connection: Connection, seed_id: int, host: str, room: int, now: float) -> list[Any]:
    dialect = connection.dialect
    rows = await connection.execute_fetchall(_LEASE + dialect.held, (seed_id, host, now, room))
    await connection.execute(
        f"UPDATE frontier SET {dialect.leased} WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps([row[0] for row in rows]),),
    )
    await connection.execute(
        "UPDATE lanes SET waiting = waiting - ?1, served_at = ?2, ready_at = coalesce((SELECT min(not_before) "
        "FROM frontier WHERE seed_id = ?3 AND host = ?4 AND state = 'pending'), 0) WHERE seed_id = ?3 AND host = ?4",
        (len(rows), now, seed_id, host),
    )
    return rows


_PACE: Final = """
UPDATE seeds SET paced_until = max(paced_until, ?1) + ?2 / rate WHERE id = ?3 AND rate IS NOT NULL
"""

# Whether the collection has the picture already: 1, or has had it and it was taken out: 0. Unless it is to be looked
# at again, because it may have changed.
_LEASE: Final = """
SELECT frontier.id, frontier.kind, url, thumbnail_url, depth, attempts, cursor, metadata, source, options, checkpoint,
       recheck, etag, last_modified,
       CASE WHEN frontier.kind = 'image' THEN (
           SELECT nullif(max(CASE WHEN removed_at IS NULL THEN 1 ELSE 0 END), CASE WHEN recheck = 1 THEN 1 END)
           FROM image_urls JOIN images ON images.id = image_id WHERE image_urls.url = frontier.url) END
FROM frontier JOIN seeds ON seeds.id = seed_id
WHERE seed_id = ?1 AND host = ?2 AND frontier.state = 'pending' AND not_before <= ?3
ORDER BY not_before, frontier.kind <> 'image', frontier.id LIMIT ?4
"""


# Of each kind of failure the latest is the example.
_FAILURE_GROUPS: Final = """
SELECT error_kind, times, url, error_detail, failed_at
FROM (SELECT error_kind AS kind, count(*) AS times, max(failed_at) AS latest FROM frontier
      WHERE state = 'failed' AND (CAST(?1 AS BIGINT) IS NULL OR seed_id = ?1) GROUP BY error_kind) AS kinds
JOIN frontier ON frontier.id = (
    SELECT max(id) FROM frontier WHERE state = 'failed' AND error_kind = kinds.kind AND failed_at = latest
      AND (CAST(?1 AS BIGINT) IS NULL OR seed_id = ?1))
ORDER BY times DESC, error_kind
"""


def _task(row: Any, seed_id: int, host: str) -> Task:
    (task_id, kind, url, thumbnail_url, depth, attempts, cursor, metadata, source, options, *revisited) = row
    checkpoint, recheck, etag, last_modified = revisited
    return Task(
        id=task_id,
        seed_id=seed_id,
        seed_source=source,
        kind=kind,
        url=url,
        host=host,
        thumbnail_url=thumbnail_url,
        depth=depth,
        attempts=attempts,
        cursor=cursor,
        metadata=Metadata(**({"extra": NOTHING} | json.loads(metadata))),
        options=json.loads(options),
        checkpoint=checkpoint,
        recheck=bool(recheck),
        validators=Validators(etag, last_modified),
    )
