"""What is left of an image that leaves the collection, and how it leaves, inside a caller's transaction.

There are two ways to leave. Taken out by a block: its addresses stay as tombstones, so that they are never fetched
again, and its bytes never come back. Withdrawn by its source: no address is left, and it comes back, under the same id,
when its bytes are found again.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from artalike.errors import FailureKind
from artalike.records import IMAGE_KIND
from artalike.storage import near_duplicates
from artalike.storage.catalog import Connection
from artalike.storage.found import METADATA, Bounds
from artalike.storage.notices import Changed
from artalike.storage.rows import settle_seed

BATCH: Final = 200
"""Images or rows changed in one transaction, so that ingest never waits long for the writer."""


async def remove_images(
    connection: Connection, ids: Iterable[int], *, block: int | None, detail: str = ""
) -> list[int]:
    """Take those of ``ids`` that are images out of the collection. Which were.

    By a ``block`` their addresses stay and their rows of the frontier fail with ``detail``; without one no address
    stays. Thumbnails and index are for :class:`~artalike.storage.followers.Followers`.
    """
    wanted = list(ids)
    await near_duplicates.forget(connection, wanted)
    rows = await connection.execute_fetchall(_REMOVE, (time.time(), block, json.dumps(wanted)))
    removed = [row[0] for row in rows]
    connection.tell(Changed.REMOVED, removed)
    gone = json.dumps(removed)
    await connection.execute(
        "INSERT INTO clearing SELECT sha256 FROM images WHERE id IN (SELECT value FROM json_each(?)) "
        "ON CONFLICT DO NOTHING",
        (gone,),
    )
    await connection.execute(
        "DELETE FROM vectors WHERE model IN (SELECT id FROM models) AND image_id IN (SELECT value FROM json_each(?))",
        (gone,),
    )
    if block is None:
        await connection.execute("DELETE FROM image_urls WHERE image_id IN (SELECT value FROM json_each(?))", (gone,))
    else:
        await bar_rows(connection, [row[0] for row in await connection.execute_fetchall(_ROWS_OF, (gone,))], detail)
    return removed


async def remove_unreachable(connection: Connection, ids: Iterable[int]) -> list[int]:
    """Withdraw those of ``ids`` to which no address of the frontier leads any more. Which were.

    The others are shown with an address that still leads to them.
    """
    wanted = set(ids)
    rows = await connection.execute_fetchall(_UNREACHABLE, (json.dumps(sorted(wanted)),))
    removed = await remove_images(connection, [row[0] for row in rows], block=None)
    await connection.executemany(_NAME_ANEW, [(image_id,) for image_id in wanted.difference(removed)])
    return removed


async def bar_rows(
    connection: Connection, row_ids: Iterable[int], detail: str, *, kind: FailureKind = FailureKind.BLOCKED
) -> None:
    """Fail rows of the frontier, whatever their state, as what must not come in."""
    wanted = json.dumps(list(row_ids))
    rows = await _counted(connection, wanted)
    await connection.execute(
        "UPDATE frontier SET state = 'failed', error_kind = ?1, error_detail = ?2, failed_at = ?3, metadata = '{}', "
        "thumbnail_url = NULL, cursor = NULL WHERE id IN (SELECT value FROM json_each(?4))",
        (kind, detail, time.time(), wanted),
    )
    for seed_id, states, images, _ in _by_seed(rows):
        documents = any(row[0] == seed_id and row[3] != IMAGE_KIND for row in rows)
        await settle_seed(
            connection,
            seed_id,
            pending=-states["pending"] - states["leased"],
            done=-states["done"],
            failed=states.total() - states["failed"],
            images=-images,
            error=detail if documents else None,
        )


async def drop_rows(connection: Connection, row_ids: Iterable[int]) -> None:
    """Forget rows of the frontier, so that their addresses may be found anew.

    A seed's root stays, as missing: from there its next crawl begins.
    """
    wanted = json.dumps(list(row_ids))
    roots = await connection.execute_fetchall(
        f"SELECT id FROM frontier WHERE {_AMONG} AND parent_id IS NULL", (wanted,)
    )
    missing = {row[0] for row in roots}
    await bar_rows(connection, missing, "gone at its home", kind=FailureKind.MISSING_FILE)
    wanted = json.dumps([row_id for row_id in json.loads(wanted) if row_id not in missing])
    rows = await _counted(connection, wanted)
    await connection.execute("DELETE FROM frontier WHERE id IN (SELECT value FROM json_each(?))", (wanted,))
    for seed_id, states, images, documents in _by_seed(rows):
        await connection.execute(
            "UPDATE seeds SET found = found - ?, documents = max(0, documents - ?) WHERE id = ?",
            (states.total(), documents, seed_id),
        )
        await settle_seed(
            connection,
            seed_id,
            pending=-states["pending"] - states["leased"],
            done=-states["done"],
            failed=-states["failed"],
            images=-images,
        )


async def _counted(connection: Connection, wanted: str) -> list[Any]:
    """Seed, host, state and kind of each row that is about to change; those that wait no longer wait in their lane."""
    rows = list(
        await connection.execute_fetchall(f"SELECT seed_id, host, state, kind FROM frontier WHERE {_AMONG}", (wanted,))
    )
    waiting = Counter((seed_id, host) for seed_id, host, state, _ in rows if state == "pending")
    await connection.executemany(
        "UPDATE lanes SET waiting = waiting - ? WHERE seed_id = ? AND host = ?",
        [(count, seed_id, host) for (seed_id, host), count in waiting.items()],
    )
    return rows


def _by_seed(rows: Sequence[Any]) -> Iterable[tuple[int, Counter[str], int, int]]:
    """For each seed: states, pictures among the done, and documents that its bound counts."""
    for seed_id in {row[0] for row in rows}:
        own = [(state, kind) for row_seed, _, state, kind in rows if row_seed == seed_id]
        yield (
            seed_id,
            Counter(state for state, _ in own),
            sum(state == "done" and kind == IMAGE_KIND for state, kind in own),
            sum(kind in _BOUNDED for _, kind in own),
        )


_BOUNDED: Final = Bounds().bounded_kinds

_AMONG: Final = "id IN (SELECT value FROM json_each(?))"

_REMOVE: Final = f"""
UPDATE images SET removed_at = ?1, removed_by = ?2, url = '', color = '', phash = 0, extra = NULL, near_group = NULL,
       {", ".join(f"{name} = NULL" for name in METADATA)}
WHERE id IN (SELECT value FROM json_each(?3)) AND removed_at IS NULL
RETURNING id
"""

# CROSS JOIN: each seed is asked for each address, by the frontier's own index, which begins with the seed.
_ROWS_OF: Final = """
SELECT DISTINCT frontier.id FROM json_each(?1) AS gone CROSS JOIN image_urls CROSS JOIN seeds CROSS JOIN frontier
WHERE image_urls.image_id = CAST(gone.value AS BIGINT) AND frontier.seed_id = seeds.id AND frontier.kind = 'image'
  AND frontier.url = image_urls.url AND NOT EXISTS (
      SELECT 1 FROM image_urls AS other JOIN images ON images.id = other.image_id
      WHERE other.url = image_urls.url AND removed_at IS NULL)
"""

_UNREACHABLE: Final = """
SELECT wanted FROM (SELECT CAST(value AS BIGINT) AS wanted FROM json_each(?1)) AS images WHERE NOT EXISTS (
    SELECT 1 FROM image_urls CROSS JOIN seeds CROSS JOIN frontier
    WHERE image_urls.image_id = wanted AND frontier.seed_id = seeds.id AND frontier.kind = 'image'
      AND frontier.url = image_urls.url)
"""

# The address that an image is shown with is one that leads to it.
_NAME_ANEW: Final = """
UPDATE images SET url = coalesce((SELECT min(url) FROM image_urls WHERE image_id = ?1), url)
WHERE id = ?1 AND removed_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM image_urls WHERE image_id = ?1 AND image_urls.url = images.url)
"""
