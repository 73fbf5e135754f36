"""The frontier: what is still to be fetched, for which seed, from which host, and when.

A row is ``pending``, ``leased`` by the running process, ``done`` or ``failed``. Leasing goes round the *lanes*, one
for each seed and host, least recently served first, so that neither a big seed nor a slow host holds up the rest.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from itertools import islice
from typing import Any, Final
from urllib.parse import urlsplit

from artalike.records import IMAGE_KIND, NOTHING, Candidate, Failure, FailureGroup, Metadata, Task
from artalike.storage.catalog import Connection, Database

DETAIL_LENGTH: Final = 500


class Frontier:
    """The crawl side of :class:`~artalike.storage.ports.Frontier`, on SQLite.

    ``max_documents`` bounds what is read for one seed, against sites that link without end.
    """

    def __init__(self, database: Database, *, max_documents: int = 10_000) -> None:
        self._database = database
        self._max_documents = max_documents

    async def recover(self) -> int:
        """Give back what a process that is gone had leased. To be called once, at start. How many rows."""
        async with self._database.write() as connection:
            return await _give_back(connection, "state = 'leased'", ())

    async def lease(self, limit: int, *, busy_hosts: Collection[str], per_host: int) -> list[Task]:
        now = time.time()
        async with self._database.write() as connection:
            lanes = await connection.execute_fetchall(
                "SELECT seed_id, host FROM lanes JOIN seeds ON seeds.id = seed_id "
                "WHERE waiting > 0 AND ready_at <= ?1 AND state = 'running' "
                "AND host NOT IN (SELECT value FROM json_each(?2)) ORDER BY served_at, seed_id DESC LIMIT ?3",
                (now, json.dumps(list(busy_hosts)), limit),
            )
            tasks: list[Task] = []
            taken: Counter[str] = Counter()
            for seed_id, host in lanes:
                room = min(limit - len(tasks), per_host - taken[host])
                if room <= 0:
                    continue
                leased = await _lease_lane(connection, seed_id, host, room, now)
                taken[host] += len(leased)
                tasks += leased
        return tasks

    async def release(self, tasks: Sequence[Task]) -> None:
        if not tasks:
            return
        async with self._database.write() as connection:
            ids = json.dumps([task.id for task in tasks])
            await _give_back(connection, "state = 'leased' AND id IN (SELECT value FROM json_each(?))", (ids,))

    async def next_due(self) -> float | None:
        async with self._database.read() as connection:
            rows = list(
                await connection.execute_fetchall(
                    "SELECT min(ready_at) FROM lanes JOIN seeds ON seeds.id = seed_id "
                    "WHERE waiting > 0 AND state = 'running'"
                )
            )
        return rows[0][0] if rows else None

    async def store_found(self, task: Task, found: Sequence[Candidate], *, cursor: str | None) -> int:
        async with self._database.write() as connection:
            moved = await connection.execute_fetchall(
                "UPDATE frontier SET cursor = ? WHERE id = ? AND state = 'leased' RETURNING id", (cursor, task.id)
            )
            if not moved:  # its seed was cancelled meanwhile
                return 0
            found = await self._within_bounds(connection, task.seed_id, found)
            batch = json.dumps([_as_json(candidate) for candidate in found])
            waiting_already = await connection.execute_fetchall(_WAITING_ALREADY, (batch, task.seed_id))
            await connection.executemany(_KEEP_METADATA, waiting_already)
            await connection.executemany(_FILL_KNOWN_IMAGE, await connection.execute_fetchall(_KNOWN_IMAGES, (batch,)))
            added = list(await connection.execute_fetchall(_INSERT_FOUND, (batch, task.seed_id)))
            waiting = Counter(host for host, state, _ in added if state == "pending")
            await _widen_lanes(connection, task.seed_id, waiting)
            done = sum(1 for _, state, _ in added if state == "done")
            await connection.execute(
                "UPDATE seeds SET found = found + ?1, pending = pending + ?1 - ?2, done = done + ?2, "
                "images = images + ?2, updated_at = ?3 WHERE id = ?4",
                (len(added), done, time.time(), task.seed_id),
            )
        return len(added)

    async def _within_bounds(
        self, connection: Connection, seed_id: int, found: Sequence[Candidate]
    ) -> Sequence[Candidate]:
        documents = sum(candidate.kind != IMAGE_KIND for candidate in found)
        if not documents:
            return found
        rows = list(
            await connection.execute_fetchall(
                "SELECT count(*) FROM frontier WHERE seed_id = ? AND kind <> 'image'", (seed_id,)
            )
        )
        room = max(0, self._max_documents - rows[0][0])
        if documents <= room:
            return found
        note = f"stopped at {self._max_documents} documents (crawl.max_documents)"
        await connection.execute("UPDATE seeds SET error = ? WHERE id = ?", (note, seed_id))
        kept = list(islice((candidate for candidate in found if candidate.kind != IMAGE_KIND), room))
        return [candidate for candidate in found if candidate.kind == IMAGE_KIND] + kept

    async def finish(self, task: Task) -> None:
        async with self._database.write() as connection:
            await finish_rows(connection, [task.id])

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
                    await _settle_seed(connection, task.seed_id, pending=-1, failed=1, error=error)
                else:
                    await _widen_lanes(connection, task.seed_id, {task.host: 1}, ready_at=failure.retry_at or 0)

    async def failure_groups(self, *, seed_id: int | None = None) -> list[FailureGroup]:
        async with self._database.read() as connection:
            # SQLite takes bare columns beside max() from the row that holds the maximum.
            rows = await connection.execute_fetchall(
                "SELECT error_kind, count(*), url, error_detail, max(failed_at) FROM frontier "
                "WHERE state = 'failed' AND (?1 IS NULL OR seed_id = ?1) GROUP BY error_kind ORDER BY count(*) DESC",
                (seed_id,),
            )
        return [FailureGroup(*row) for row in rows]

    async def retry_failures(self, *, kind: str | None = None, seed_id: int | None = None) -> int:
        async with self._database.write() as connection:
            chosen = "state = 'failed' AND (?1 IS NULL OR error_kind = ?1) AND (?2 IS NULL OR seed_id = ?2)"
            return await retry_rows(connection, chosen, (kind, seed_id))


async def add_root(connection: Connection, seed_id: int, root: Candidate) -> None:
    """The row from which a seed grows; due at once."""
    row = (seed_id, root.kind, root.url, host_of(root.url), json.dumps(_metadata_json(root.metadata)))
    await connection.execute(
        "INSERT INTO frontier (seed_id, kind, url, host, metadata, state) VALUES (?, ?, ?, ?, ?, 'pending')", row
    )
    await _widen_lanes(connection, seed_id, {host_of(root.url): 1})


async def retry_rows(connection: Connection, chosen: str, values: Sequence[Any]) -> int:
    """Make the chosen failed rows of the frontier due again, and count them back in. How many."""
    rows = list(
        await connection.execute_fetchall(
            "UPDATE frontier SET state = 'pending', attempts = 0, not_before = 0 "
            f"WHERE {chosen} RETURNING seed_id, host",
            values,
        )
    )
    for (seed_id, host), count in Counter(rows).items():
        await _widen_lanes(connection, seed_id, {host: count})
    for seed_id, count in Counter(seed_id for seed_id, _ in rows).items():
        await connection.execute(
            "UPDATE seeds SET failed = failed - ?1, pending = pending + ?1, error = NULL, updated_at = ?2, "
            "state = CASE WHEN state IN ('done', 'failed') THEN 'running' ELSE state END WHERE id = ?3",
            (count, time.time(), seed_id),
        )
    return len(rows)


async def finish_rows(connection: Connection, task_ids: Sequence[int]) -> None:
    """Mark leased rows as done and count them for their seeds. Rows of a cancelled seed are gone, and pass over."""
    rows = await connection.execute_fetchall(
        "UPDATE frontier SET state = 'done', metadata = '{}', cursor = NULL, error_kind = NULL, error_detail = NULL "
        "WHERE state = 'leased' AND id IN (SELECT value FROM json_each(?)) RETURNING seed_id, kind",
        (json.dumps(list(task_ids)),),
    )
    for (seed_id, kind), count in Counter(rows).items():
        images = count if kind == IMAGE_KIND else 0
        await _settle_seed(connection, seed_id, pending=-count, done=count, images=images)


async def _settle_seed(
    connection: Connection,
    seed_id: int,
    *,
    pending: int,
    done: int = 0,
    failed: int = 0,
    images: int = 0,
    error: str | None = None,
) -> None:
    # A running seed with nothing pending is done, or failed when nothing of it was done.
    await connection.execute(
        "UPDATE seeds SET pending = pending + ?1, done = done + ?2, failed = failed + ?3, images = images + ?4, "
        "updated_at = ?5, error = coalesce(?6, error), "
        "state = CASE WHEN state <> 'running' OR pending + ?1 > 0 THEN state "
        "WHEN done + ?2 > 0 THEN 'done' ELSE 'failed' END WHERE id = ?7",
        (pending, done, failed, images, time.time(), error, seed_id),
    )


def host_of(url: str) -> str:
    """Whose slot a request for this address takes: host and port; empty for a local file."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2].lower()


async def _lease_lane(connection: Connection, seed_id: int, host: str, room: int, now: float) -> list[Task]:
    rows = list(
        await connection.execute_fetchall(
            "SELECT frontier.id, frontier.kind, url, thumbnail_url, depth, attempts, cursor, metadata, source, "
            "options, frontier.kind = 'image' AND EXISTS (SELECT 1 FROM image_urls WHERE url = frontier.url) "
            "FROM frontier JOIN seeds ON seeds.id = seed_id "
            "WHERE seed_id = ?1 AND host = ?2 AND frontier.state = 'pending' AND not_before <= ?3 "
            "ORDER BY not_before, frontier.kind <> 'image', frontier.id LIMIT ?4",
            (seed_id, host, now, room),
        )
    )
    await connection.execute(
        "UPDATE frontier SET state = 'leased' WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps([row[0] for row in rows]),),
    )
    await connection.execute(
        "UPDATE lanes SET waiting = waiting - ?1, served_at = ?2, ready_at = coalesce((SELECT min(not_before) "
        "FROM frontier WHERE seed_id = ?3 AND host = ?4 AND state = 'pending'), 0) WHERE seed_id = ?3 AND host = ?4",
        (len(rows), now, seed_id, host),
    )
    # What another seed has brought in meanwhile is not fetched again.
    await finish_rows(connection, [row[0] for row in rows if row[-1]])
    return [_task(row[:-1], seed_id, host) for row in rows if not row[-1]]


async def _give_back(connection: Connection, chosen: str, values: Sequence[Any]) -> int:
    rows = list(
        await connection.execute_fetchall(
            f"UPDATE frontier SET state = 'pending' WHERE {chosen} RETURNING seed_id, host", values
        )
    )
    for (seed_id, host), count in Counter(rows).items():
        await _widen_lanes(connection, seed_id, {host: count})
    return len(rows)


async def _widen_lanes(
    connection: Connection, seed_id: int, waiting: Mapping[str, int], *, ready_at: float = 0
) -> None:
    await connection.executemany(
        "INSERT INTO lanes (seed_id, host, waiting, ready_at) VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT (seed_id, host) DO UPDATE SET "
        "ready_at = CASE WHEN waiting = 0 THEN ?4 ELSE min(ready_at, ?4) END, waiting = waiting + ?3",
        [(seed_id, host, count, ready_at) for host, count in waiting.items()],
    )


# Pictures that the collection has already are done when they are found: nothing finished is fetched again.
_INSERT_FOUND: Final = """
INSERT INTO frontier (seed_id, kind, url, host, depth, thumbnail_url, metadata, state)
SELECT ?2, value ->> 'kind', value ->> 'url', value ->> 'host', value ->> 'depth', value ->> 'thumbnail_url',
       value -> 'metadata',
       CASE WHEN value ->> 'kind' = 'image' AND EXISTS (SELECT 1 FROM image_urls WHERE url = value ->> 'url')
            THEN 'done' ELSE 'pending' END
FROM json_each(?1) WHERE true
ON CONFLICT (seed_id, kind, url) DO NOTHING
RETURNING host, state, kind
"""

# A sitemap names a picture first, its page then tells who made it: the second fills what the first left empty.
# CROSS JOIN keeps SQLite from looking for each row of the frontier in the batch instead of the other way round.
_WAITING_ALREADY: Final = """
SELECT found.value -> 'metadata', frontier.id FROM json_each(?1) AS found CROSS JOIN frontier
WHERE seed_id = ?2 AND frontier.kind = 'image' AND found.value ->> 'kind' = 'image'
  AND frontier.url = found.value ->> 'url' AND state IN ('pending', 'leased')
"""

_KEEP_METADATA: Final = "UPDATE frontier SET metadata = json_patch(?, metadata) WHERE id = ?"

METADATA: Final = ("title", "creator", "date", "medium", "rights", "attribution", "page_url")
"""The fields of :class:`~artalike.records.Metadata` that have a column of their own in the catalog."""

_KNOWN_IMAGES: Final = f"""
SELECT {", ".join(f"found.value -> 'metadata' ->> '{name}'" for name in METADATA)}, image_id
FROM json_each(?1) AS found CROSS JOIN image_urls
WHERE image_urls.url = found.value ->> 'url' AND found.value ->> 'kind' = 'image'
  AND found.value -> 'metadata' <> '{{}}'
"""

_FILL_KNOWN_IMAGE: Final = (
    f"UPDATE images SET {', '.join(f'{name} = coalesce({name}, ?)' for name in METADATA)} WHERE id = ?"
)


def _as_json(candidate: Candidate) -> dict[str, Any]:
    return {
        "kind": candidate.kind,
        "url": candidate.url,
        "host": host_of(candidate.url),
        "depth": candidate.depth,
        "thumbnail_url": candidate.thumbnail_url,
        "metadata": _metadata_json(candidate.metadata),
    }


def _metadata_json(metadata: Metadata) -> dict[str, Any]:
    values = {field.name: getattr(metadata, field.name) for field in fields(metadata)}
    values["extra"] = dict(metadata.extra)
    return {name: value for name, value in values.items() if value}


def _task(row: Any, seed_id: int, host: str) -> Task:
    (task_id, kind, url, thumbnail_url, depth, attempts, cursor, metadata, source, options) = row
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
    )
