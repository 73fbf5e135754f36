"""What becomes of rows of the frontier, each change with its count for the seed, inside a caller's transaction."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from artalike.errors import FailureKind
from artalike.records import IMAGE_KIND, Candidate, Task, Validators
from artalike.storage.catalog import Connection
from artalike.storage.found import host_of, metadata_json
from artalike.storage.lanes import widen_lanes
from artalike.storage.notices import Changed


async def add_root(connection: Connection, seed_id: int, root: Candidate, *, crawl: int = 1) -> None:
    """The row from which a seed grows; due at once, also when it has been read before."""
    identity = (seed_id, root.kind, root.url)
    rows = list(
        await connection.execute_fetchall(
            "SELECT id, state FROM frontier WHERE seed_id = ? AND kind = ? AND url = ?", identity
        )
    )
    if not rows:
        await connection.execute(
            "INSERT INTO frontier (seed_id, kind, url, host, metadata, crawl, state) "
            "VALUES (?, ?, ?, ?, ?, ?, 'pending')",
            (*identity, host_of(root.url), json.dumps(metadata_json(root.metadata)), crawl),
        )
    for row_id, _ in rows:
        await connection.execute(
            "UPDATE frontier SET state = 'pending', recheck = 1, crawl = ?, attempts = 0, not_before = 0, "
            "cursor = NULL, next_checkpoint = NULL WHERE id = ?",
            (crawl, row_id),
        )
    before = rows[0][1] if rows else None
    if before not in {"pending", "leased"}:
        done = 1 if before == "done" else 0
        await connection.execute(
            "UPDATE seeds SET found = found + ?1, pending = pending + 1, done = done - ?2, failed = failed - ?3, "
            "images = images - ?4, updated_at = ?5 WHERE id = ?6",
            (int(not rows), done, int(before == "failed"), done * (root.kind == IMAGE_KIND), time.time(), seed_id),
        )
    if before != "pending":
        await widen_lanes(connection, seed_id, {host_of(root.url): 1})


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
        await widen_lanes(connection, seed_id, {host: count})
    of_seeds = Counter(seed_id for seed_id, _ in rows)
    connection.tell(Changed.SEEDS, list(of_seeds))
    for seed_id, count in of_seeds.items():
        await connection.execute(
            "UPDATE seeds SET failed = failed - ?1, pending = pending + ?1, error = NULL, updated_at = ?2, "
            "state = CASE WHEN state IN ('done', 'failed') THEN 'running' ELSE state END WHERE id = ?3",
            (count, time.time(), seed_id),
        )
    return len(rows)


async def finish_rows(
    connection: Connection, task_ids: Sequence[int], validators: Mapping[int, Validators] = MappingProxyType({})
) -> None:
    """Mark leased rows as done and count them for their seeds. Rows of a cancelled seed are gone, and pass over.

    ``validators`` are what the servers gave, by task.
    """
    rows = await connection.execute_fetchall(
        "UPDATE frontier SET state = 'done', metadata = '{}', cursor = NULL, error_kind = NULL, error_detail = NULL, "
        "recheck = 0, checkpoint = coalesce(next_checkpoint, checkpoint), next_checkpoint = NULL, attempts = 0 "
        "WHERE state = 'leased' AND id IN (SELECT value FROM json_each(?)) RETURNING seed_id, kind",
        (json.dumps(list(task_ids)),),
    )
    await connection.executemany(
        "UPDATE frontier SET etag = ?, last_modified = ? WHERE id = ?",
        [(given.etag, given.last_modified, task_id) for task_id, given in validators.items() if given],
    )
    for (seed_id, kind), count in Counter(rows).items():
        images = count if kind == IMAGE_KIND else 0
        await settle_seed(connection, seed_id, pending=-count, done=count, images=images)


async def settle_seed(
    connection: Connection,
    seed_id: int,
    *,
    pending: int,
    done: int = 0,
    failed: int = 0,
    images: int = 0,
    error: str | None = None,
) -> None:
    """Add to a seed's counts. A running one with nothing pending is done, or failed when nothing of it was done.

    When it is over, its next crawl is due after its time.
    """
    await connection.execute(
        "UPDATE seeds SET pending = pending + ?1, done = done + ?2, failed = failed + ?3, images = images + ?4, "
        "updated_at = ?5, error = coalesce(?6, error), "
        "recrawl_at = CASE WHEN state = 'running' AND pending + ?1 <= 0 AND recrawl_seconds > 0 "
        "THEN ?5 + recrawl_seconds ELSE recrawl_at END, "
        "state = CASE WHEN state <> 'running' OR pending + ?1 > 0 THEN state "
        "WHEN done + ?2 > 0 THEN 'done' ELSE 'failed' END WHERE id = ?7",
        (pending, done, failed, images, time.time(), error, seed_id),
    )


async def read_children_again(connection: Connection, task: Task) -> None:
    """Make due again the documents that an unchanged one names: what lies there may have changed all the same."""
    [seed] = await connection.execute_fetchall("SELECT crawl FROM seeds WHERE id = ?", (task.seed_id,))
    rows = list(
        await connection.execute_fetchall(
            "SELECT id, host, state FROM frontier WHERE parent_id = ? AND kind <> 'image' AND revision IS NULL "
            "AND crawl < ? AND state IN ('done', 'failed') AND coalesce(error_kind, '') <> 'blocked'",
            (task.id, seed[0]),
        )
    )
    await connection.executemany(
        "UPDATE frontier SET state = 'pending', recheck = 1, crawl = ?, attempts = 0, not_before = 0 WHERE id = ?",
        [(seed[0], row_id) for row_id, _, _ in rows],
    )
    await widen_lanes(connection, task.seed_id, Counter(host for _, host, _ in rows))
    states = Counter(state for _, _, state in rows)
    await settle_seed(connection, task.seed_id, pending=len(rows), done=-states["done"], failed=-states["failed"])


async def fail_blocked(
    connection: Connection, task_ids: Sequence[int], detail: str = "taken out of the collection"
) -> None:
    """Mark leased rows as what must not come in, and count them for their seeds."""
    rows = await connection.execute_fetchall(
        "UPDATE frontier SET state = 'failed', error_kind = ?, error_detail = ?, failed_at = ?, metadata = '{}' "
        "WHERE state = 'leased' AND id IN (SELECT value FROM json_each(?)) RETURNING seed_id",
        (FailureKind.BLOCKED, detail, time.time(), json.dumps(list(task_ids))),
    )
    for (seed_id,), count in Counter(rows).items():
        await settle_seed(connection, seed_id, pending=-count, failed=count)


async def give_back(connection: Connection, chosen: str, values: Sequence[Any]) -> int:
    """Make the chosen leased rows due again, untouched. How many."""
    rows = list(
        await connection.execute_fetchall(
            f"UPDATE frontier SET state = 'pending' WHERE {chosen} RETURNING seed_id, host", values
        )
    )
    for (seed_id, host), count in Counter(rows).items():
        await widen_lanes(connection, seed_id, {host: count})
    return len(rows)
