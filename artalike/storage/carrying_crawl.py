"""The crawl as it leaves one catalog for another: seeds with their rows of the frontier, and what was taken out."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final

from artalike.errors import FailureKind
from artalike.storage.catalog import Connection, Database

Row = Sequence[Any]
"""Values in the order of one of the following."""

SEED: Final = (
    *("id", "source", "kind", "options", "state", "error", "created_at", "updated_at"),
    *("documents", "crawl", "recrawl_seconds", "recrawl_at", "rate"),
)
FRONTIER: Final = (
    *("id", "seed_id", "kind", "url", "host", "depth", "thumbnail_url", "metadata", "state", "attempts", "not_before"),
    *("cursor", "error_kind", "error_detail", "failed_at", "parent_id", "crawl", "recheck", "revision"),
    *("etag", "last_modified", "checkpoint", "next_checkpoint"),
)
REMOVED: Final = ("id", "sha256", "added_at", "removed_at", "block_kind", "block_value", "urls")
"""Of images that a block has taken out; ``urls`` is a JSON array."""


async def seed_rows(database: Database) -> list[Row]:
    async with database.read() as connection:
        return list(await connection.execute_fetchall(f"SELECT {', '.join(SEED)} FROM seeds ORDER BY id"))


async def frontier_rows(database: Database, *, batch: int) -> AsyncIterator[list[Row]]:
    """All of them, ascending. What is under way counts as waiting."""
    columns = ", ".join(FRONTIER).replace(" state,", " replace(state, 'leased', 'pending'),")
    after = 0
    while True:
        async with database.read() as connection:
            rows: list[Row] = list(
                await connection.execute_fetchall(
                    f"SELECT {columns} FROM frontier WHERE id > ? ORDER BY id LIMIT ?", (after, batch)
                )
            )
        if not rows:
            return
        yield rows
        after = rows[-1][0]


async def removed_rows(database: Database) -> list[Row]:
    async with database.read() as connection:
        return list(await connection.execute_fetchall(_REMOVED))


async def last_image_id(database: Database) -> int:
    """The largest id that was ever given to an image, 0 for none."""
    async with database.read() as connection:
        return await _last(connection, "images")


async def add_crawl(
    database: Database, seeds: Sequence[Row], frontier: AsyncIterator[Sequence[Row]]
) -> tuple[int, list[str]]:
    """Add seeds with their rows, all or none. How many, and the sources of those that were here already and stay.

    Rows get new ids, in the same order. A picture that is said to be here and is not is due again.
    """
    async with database.write() as connection:
        before = await _last(connection, "seeds")
        rows_before = await _last(connection, "frontier")
        here = set(await connection.execute_fetchall("SELECT source, kind FROM seeds"))
        new = [row for row in seeds if (row[1], row[2]) not in here]
        await connection.executemany(
            f"INSERT INTO seeds ({', '.join(SEED)}) VALUES ({', '.join('?' * len(SEED))})",
            [(row[0] + before, *row[1:]) for row in new],
        )
        taken = {row[0] for row in new}
        async for rows in frontier:
            await connection.executemany(
                f"INSERT INTO frontier ({', '.join(FRONTIER)}) VALUES ({', '.join('?' * len(FRONTIER))})",
                _moved((row for row in rows if row[_SEED_ID] in taken), before, rows_before),
            )
        for table in ("seeds", "frontier"):
            [[last]] = await connection.execute_fetchall(f"SELECT coalesce(max(id), 0) FROM {table}")
            await connection.dialect.raise_id(connection, table, last)
        await _come_level(connection, rows_before, before)
    return len(new), [row[1] for row in seeds if row[0] not in taken]


async def add_removed(database: Database, rows: Sequence[Row], *, last_id: int) -> int:
    """Remember images that blocks which are in force here have taken out elsewhere. How many were not known.

    No image will get an id up to ``last_id``.
    """
    async with database.write() as connection:
        last = await _last(connection, "images")
        count = 0
        for image_id, sha256, added_at, removed_at, kind, value, urls in rows:
            block = list(
                await connection.execute_fetchall("SELECT id FROM blocks WHERE kind = ? AND value = ?", (kind, value))
            )
            known = await connection.execute_fetchall("SELECT 1 FROM images WHERE sha256 = ?", (sha256,))
            if not block or list(known):
                continue
            last = max(last + 1, image_id)
            await connection.execute(_INSERT_REMOVED, (last, sha256, added_at, removed_at, block[0][0]))
            await connection.executemany(
                "INSERT INTO image_urls (url, image_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
                [(url, last) for url in json.loads(urls)],
            )
            count += 1
        await connection.dialect.raise_id(connection, "images", max(last, last_id))
        return count


def _moved(rows: Iterable[Row], seeds: int, frontier: int) -> Iterable[Row]:
    for row in rows:
        values = list(row)
        values[0] += frontier
        values[_SEED_ID] += seeds
        if values[_PARENT_ID] is not None:
            values[_PARENT_ID] += frontier
        yield values


async def _come_level(connection: Connection, rows_before: int, seeds_before: int) -> None:
    """Bring what was added into step with the images that are here, and the counts with what was added."""
    taken_out = "taken out of the collection"
    await connection.execute(_BARRED, (FailureKind.BLOCKED, taken_out, time.time(), rows_before))
    await connection.execute(_DUE_AGAIN, (rows_before,))
    await connection.execute(_COUNT, (seeds_before,))
    await connection.execute(_RUN, (seeds_before,))
    await connection.execute(_LANES, (seeds_before,))


async def _last(connection: Connection, table: str) -> int:
    [[last]] = await connection.execute_fetchall(f"SELECT {connection.dialect.last_id(table)}")
    return int(last)


_SEED_ID: Final = FRONTIER.index("seed_id")
_PARENT_ID: Final = FRONTIER.index("parent_id")

_REMOVED: Final = """
SELECT images.id, sha256, added_at, removed_at, kind, value,
       (SELECT json_group_array(image_urls.url) FROM image_urls WHERE image_urls.image_id = images.id)
FROM images JOIN blocks ON blocks.id = removed_by WHERE removed_at IS NOT NULL ORDER BY images.id
"""

_INSERT_REMOVED: Final = """
INSERT INTO images (id, sha256, url, width, height, format, bytes, color, phash, source, added_at, removed_at,
                    removed_by)
VALUES (?1, ?2, '', 0, 0, '', 0, '', 0, '', ?3, ?4, ?5)
"""

_NOT_HERE: Final = """
id > {0} AND kind = 'image' AND state = 'done' AND NOT EXISTS (
    SELECT 1 FROM image_urls JOIN images ON images.id = image_id
    WHERE image_urls.url = frontier.url AND removed_at IS NULL)
"""

_BARRED: Final = f"""
UPDATE frontier SET state = 'failed', error_kind = ?1, error_detail = ?2, failed_at = ?3
WHERE {_NOT_HERE.format("?4")}
  AND EXISTS (SELECT 1 FROM image_urls WHERE image_urls.url = frontier.url)
"""

_DUE_AGAIN: Final = f"""
UPDATE frontier SET state = 'pending', attempts = 0, not_before = 0, etag = NULL, last_modified = NULL
WHERE {_NOT_HERE.format("?1")}
"""

_COUNT: Final = """
UPDATE seeds SET (found, pending, done, failed, images) = (
    SELECT count(*), count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state = 'done'),
           count(*) FILTER (WHERE state = 'failed'), count(*) FILTER (WHERE state = 'done' AND kind = 'image')
    FROM frontier WHERE seed_id = seeds.id)
WHERE id > ?1
"""

_RUN: Final = "UPDATE seeds SET state = 'running' WHERE id > ?1 AND state IN ('done', 'failed') AND pending > 0"

_LANES: Final = """
INSERT INTO lanes (seed_id, host, waiting, ready_at)
SELECT seed_id, host, count(*), min(not_before) FROM frontier WHERE seed_id > ?1 AND state = 'pending'
GROUP BY seed_id, host
"""
