"""Lanes: a row for each seed and host with anything waiting, so that leasing is fair without counting the frontier."""

from __future__ import annotations

from collections.abc import Mapping

from artalike.storage.catalog import Connection


async def widen_lanes(connection: Connection, seed_id: int, waiting: Mapping[str, int], *, ready_at: float = 0) -> None:
    """So many more rows of each host wait, the first of them due at ``ready_at`` (seconds since the epoch)."""
    await connection.executemany(
        "INSERT INTO lanes (seed_id, host, waiting, ready_at) VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT (seed_id, host) DO UPDATE SET "
        "ready_at = CASE WHEN lanes.waiting = 0 THEN ?4 ELSE min(lanes.ready_at, ?4) END, waiting = lanes.waiting + ?3",
        [(seed_id, host, count, ready_at) for host, count in waiting.items()],
    )
