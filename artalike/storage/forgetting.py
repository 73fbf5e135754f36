"""Rows of the frontier to be forgotten: with a document that is gone, or because nothing blocks them now."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from artalike.storage.blocks import Blocks
from artalike.storage.catalog import Connection, Database
from artalike.storage.tombstones import BATCH

FAMILY_MOST: Final = 1_000_000
"""Rows that may go with one document."""

Row = tuple[int, str, str]
"""Id, kind and address of a row of the frontier."""


async def family(database: Database, seed_id: int, addresses: Sequence[str]) -> list[Row]:
    """The rows of a seed at these addresses, with all that was found in them first: the deepest come first.

    So what is killed on its way through them finds the rest again from the same addresses.
    """
    rows = await _at(database, seed_id, addresses)
    seen = {row_id for row_id, _, _ in rows}
    parents = rows
    while parents and len(rows) < FAMILY_MOST:
        found: list[Row] = []
        for start in range(0, len(parents), BATCH):
            ids = json.dumps([row_id for row_id, _, _ in parents[start : start + BATCH]])
            async with database.read() as connection:
                children = await connection.execute_fetchall(
                    "SELECT id, kind, url FROM frontier WHERE parent_id IN (SELECT value FROM json_each(?))", (ids,)
                )
            found += [(row[0], row[1], row[2]) for row in children if row[0] not in seen]
        seen.update(row_id for row_id, _, _ in found)
        rows, parents = rows + found, found
    return rows[::-1]


async def _at(database: Database, seed_id: int, addresses: Sequence[str]) -> list[Row]:
    async with database.read() as connection:
        rows = await connection.execute_fetchall(_AT, (seed_id, json.dumps(list(addresses))))
    return [(row[0], row[1], row[2]) for row in rows]


async def rows_no_longer_blocked(database: Database, blocks: Blocks) -> AsyncIterator[list[int]]:
    """Rows that failed because of a block, and that none would fail now."""
    last = 0
    while True:
        async with database.read() as connection:
            rows: list[Any] = list(await connection.execute_fetchall(_BLOCKED, (last, BATCH)))
        if not rows:
            return
        last = rows[-1][0]
        if free := [row_id for row_id, url in rows if blocks.reason(url) is None]:
            yield free


async def forget_what_was_read(connection: Connection, row_ids: Sequence[int]) -> None:
    """The documents in which these rows were found, up to the root, are read again by the next crawl as if changed."""
    seen: set[int] = set()
    ids = set(row_ids)
    while ids:
        rows = await connection.execute_fetchall(
            "SELECT DISTINCT parent_id FROM frontier WHERE id IN (SELECT value FROM json_each(?)) "
            "AND parent_id IS NOT NULL",
            (json.dumps(sorted(ids)),),
        )
        ids = {row[0] for row in rows} - seen
        seen |= ids
    await connection.execute(
        "UPDATE frontier SET etag = NULL, last_modified = NULL, revision = NULL, checkpoint = NULL "
        "WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(seen)),),
    )


# The kinds of a seed, each found behind the one before it, so that its index answers for each address.
_AT: Final = """
WITH RECURSIVE kinds (kind) AS (
    SELECT min(kind) FROM frontier WHERE seed_id = ?1
    UNION ALL
    SELECT (SELECT min(frontier.kind) FROM frontier WHERE seed_id = ?1 AND frontier.kind > kinds.kind) FROM kinds
    WHERE kinds.kind IS NOT NULL)
SELECT frontier.id, frontier.kind, frontier.url FROM json_each(?2) AS gone CROSS JOIN kinds CROSS JOIN frontier
WHERE frontier.seed_id = ?1 AND frontier.kind = kinds.kind AND frontier.url = gone.value
"""

_BLOCKED: Final = """
SELECT id, url FROM frontier
WHERE state = 'failed' AND error_kind = 'blocked' AND id > ?1 AND NOT EXISTS (
    SELECT 1 FROM image_urls JOIN images ON images.id = image_id
    WHERE image_urls.url = frontier.url AND removed_at IS NOT NULL)
ORDER BY id LIMIT ?2
"""
