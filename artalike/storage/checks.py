"""Checks of the promises about data (ARCHITECTURE.md) that can be read off the catalog, each as one query.

A check finds nothing when its promise holds; otherwise one line a broken thing, the first few of them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from artalike.storage import facets, near_duplicates
from artalike.storage.blocks import Blocks, unsigned
from artalike.storage.catalog import Database
from artalike.storage.commit import STORED
from artalike.storage.ports import Thumbnails

SHOWN: Final = 5

LENGTH_TOLERANCE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Check:
    """A promise's number, what it says, and a query for what breaks it."""

    promise: int
    text: str
    query: str


QUERIES: Final = (
    Check(2, "every image has its vector", """
        SELECT 'image ' || id || ' has no vector of the active model' FROM images
        WHERE removed_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM vectors JOIN models ON models.id = vectors.model
            WHERE active = 1 AND vectors.image_id = images.id)"""),
    Check(2, "every vector has the model's dimension", """
        SELECT 'vector of image ' || image_id || ' has ' || length(vector) / 2 || ' numbers, its model ' || dimension
        FROM vectors JOIN models ON models.id = vectors.model WHERE length(vector) <> 2 * dimension"""),
    Check(2, "every image can be filtered", facets.UNDESCRIBED),
    Check(2, "every image can be found by its words", """
        SELECT 'image ' || id || ' is not in the index of words' FROM image_texts
        WHERE id NOT IN ({indexed})"""),
    Check(4, "the same bytes are one image, every URL kept", """
        SELECT 'image ' || id || ' has no URL' FROM images
        WHERE removed_at IS NULL AND NOT EXISTS (SELECT 1 FROM image_urls WHERE image_id = images.id)"""),
    Check(5, "a removed image is gone", """
        SELECT 'removed image ' || image_id || ' still has a vector' FROM vectors JOIN images ON images.id = image_id
        WHERE removed_at IS NOT NULL
        UNION ALL SELECT 'removed image ' || id || ' still says something of itself' FROM images
        WHERE removed_at IS NOT NULL AND coalesce(nullif(url, ''), extra, title, creator, date, medium, rights,
              attribution, page_url) IS NOT NULL
        UNION ALL SELECT DISTINCT 'removed image ' || image_id || ' was withdrawn, and still has an address'
        FROM image_urls JOIN images ON images.id = image_id WHERE removed_at IS NOT NULL AND removed_by IS NULL"""),
    Check(5, "nothing of a removed image is compared with others", near_duplicates.REMOVED),
    Check(5, "nothing of a removed image is filtered", facets.REMOVED),
    Check(5, "no words of a removed image are found", """
        SELECT 'removed image ' || id || ' is in the index of words' FROM ({indexed}) AS indexed
        WHERE id NOT IN (SELECT id FROM image_texts)"""),
    Check(4, "near-duplicates are groups of images that are there, named after the first", near_duplicates.GROUPS),
    Check(6, "nothing finished is forgotten", """
        SELECT 'finished address ' || url || ' leads to no image' FROM frontier
        WHERE state = 'done' AND kind = 'image'
        AND NOT EXISTS (SELECT 1 FROM image_urls JOIN images ON images.id = image_id
                        WHERE image_urls.url = frontier.url AND removed_at IS NULL)"""),
    Check(6, "the seeds' counts are those of the frontier", """
        SELECT 'seed ' || id || ' counts ' || found || ' addresses, the frontier holds ' || rows.n FROM seeds
        JOIN (SELECT seed_id, count(*) AS n, count(*) FILTER (WHERE state IN ('pending', 'leased')) AS pending,
              count(*) FILTER (WHERE state = 'done') AS done, count(*) FILTER (WHERE state = 'failed') AS failed,
              count(*) FILTER (WHERE state = 'done' AND kind = 'image') AS images
              FROM frontier GROUP BY seed_id) AS rows ON rows.seed_id = seeds.id
        WHERE (found, seeds.pending, seeds.done, seeds.failed, seeds.images)
              <> (rows.n, rows.pending, rows.done, rows.failed, rows.images)"""),
    Check(6, "every waiting address will be found", """
        SELECT 'seed ' || rows.seed_id || ' has ' || n || ' waiting at ' || rows.host || ', its lane counts '
        || coalesce(waiting, 0) FROM (
            SELECT seed_id, host, count(*) AS n FROM frontier WHERE state = 'pending' GROUP BY seed_id, host) AS rows
        LEFT JOIN lanes ON lanes.seed_id = rows.seed_id AND lanes.host = rows.host WHERE coalesce(waiting, 0) <> n"""),
    Check(6, "a seed that is over has nothing pending", """
        SELECT 'seed ' || id || ' is ' || state || ' with ' || pending || ' pending' FROM seeds
        WHERE state IN ('done', 'failed', 'cancelled') AND pending > 0"""),
    Check(8, "addresses are of the web or of this machine", """
        SELECT 'image ' || image_id || ' has the address ' || substr(url, 1, 80) FROM image_urls
        WHERE url NOT LIKE 'http://%' AND url NOT LIKE 'https://%' AND url NOT LIKE 'file://%'"""),
    Check(8, "page addresses are of the web", """
        SELECT 'image ' || id || ' has the page ' || substr(page_url, 1, 80) FROM images
        WHERE page_url IS NOT NULL AND page_url NOT LIKE 'http://%' AND page_url NOT LIKE 'https://%'"""),
)  # fmt: skip


async def run_query(database: Database, check: Check) -> list[str]:
    """What breaks this promise: a few lines, and how many more."""
    async with database.read() as connection:
        query = check.query.replace("{indexed}", connection.dialect.texts.indexed)
        rows = [str(row[0]) for row in await connection.execute_fetchall(query)]
    return summary(rows)


async def bad_vectors(database: Database, *, batch: int = 4096) -> list[str]:
    """Vectors that are not finite or not of length 1."""
    problems: list[str] = []
    after = (0, 0)
    while True:
        async with database.read() as connection:
            rows = list(
                await connection.execute_fetchall(
                    "SELECT model, image_id, vector FROM vectors WHERE (model, image_id) > (?, ?) "
                    "ORDER BY model, image_id LIMIT ?",
                    (*after, batch),
                )
            )
        if not rows:
            return summary(problems)
        problems += await asyncio.to_thread(_not_of_length_one, rows)
        after = (rows[-1][0], rows[-1][1])


async def missing_thumbnails(database: Database, thumbnails: Thumbnails) -> list[str]:
    """Images without a thumbnail."""
    async with database.read() as connection:
        rows = list(await connection.execute_fetchall("SELECT id, sha256 FROM images WHERE removed_at IS NULL"))
    missing = set(await thumbnails.missing([row[1] for row in rows]))
    return summary([f"image {image_id} has no thumbnail" for image_id, sha256 in rows if sha256 in missing])


async def thumbnails_of_removed(database: Database, thumbnails: Thumbnails) -> list[str]:
    """Removed images with a thumbnail."""
    async with database.read() as connection:
        rows = list(await connection.execute_fetchall("SELECT id, sha256 FROM images WHERE removed_at IS NOT NULL"))
    missing = set(await thumbnails.missing([row[1] for row in rows]))
    return summary(
        [f"removed image {image_id} still has a thumbnail" for image_id, sha256 in rows if sha256 not in missing]
    )


async def blocked_images(database: Database) -> list[str]:
    """Images that a block forbids, by an address, their page, their bytes or their perceptual hash."""
    blocks = await Blocks.open(database)
    if not blocks.all():
        return []
    problems: list[str] = []
    place: tuple[int, str] = (0, "")
    while True:
        async with database.read() as connection:
            rows = list(await connection.execute_fetchall(_ADDRESSES, (*place, BATCH)))
        if not rows:
            break
        place = (rows[-1][0], rows[-1][1])
        problems += [f"image {i}: {why}" for i, url in rows if (why := blocks.reason(url))]
    last = 0
    while True:
        async with database.read() as connection:
            rows = list(await connection.execute_fetchall(_CONTENTS, (last, BATCH)))
        if not rows:
            return summary(problems)
        last = rows[-1][0]
        for image_id, page_url, sha256, phash in rows:
            why = blocks.reason(page_url or "") or blocks.refuses_bytes(sha256, unsigned(phash))
            problems += [f"image {image_id}: {why}"] if why else []


async def overview(database: Database) -> dict[str, Any]:
    """What is in the collection, in counts."""

    async def one(query: str) -> Any:
        async with database.read() as connection:
            rows = list(await connection.execute_fetchall(query))
        return rows[0][0] if rows else None

    return {
        "images": await one("SELECT count(*) FROM images WHERE removed_at IS NULL"),
        "removed": await one("SELECT count(*) FROM images WHERE removed_at IS NOT NULL"),
        "urls": await one("SELECT count(*) FROM image_urls"),
        "model": await one("SELECT model_id FROM models WHERE active = 1"),
        "dimension": await one("SELECT dimension FROM models WHERE active = 1"),
        "pending": await one("SELECT coalesce(sum(pending), 0) FROM seeds"),
        "failed": await one("SELECT coalesce(sum(failed), 0) FROM seeds"),
    }


BATCH: Final = 4096

_ADDRESSES: Final = """
SELECT image_id, image_urls.url FROM image_urls JOIN images ON images.id = image_id
WHERE (image_id, image_urls.url) > (?, ?) AND removed_at IS NULL ORDER BY image_id, image_urls.url LIMIT ?
"""

_CONTENTS: Final = """
SELECT id, page_url, sha256, phash FROM images WHERE id > ? AND removed_at IS NULL ORDER BY id LIMIT ?
"""


def summary(problems: Sequence[str]) -> list[str]:
    more = [f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
    return list(problems[:SHOWN]) + more


def _not_of_length_one(rows: Sequence[Any]) -> list[str]:
    sizes = Counter(len(row[2]) for row in rows)
    problems = []
    for size in sizes:
        same = [row for row in rows if len(row[2]) == size]
        vectors = np.frombuffer(b"".join(row[2] for row in same), STORED).reshape(len(same), -1).astype(np.float32)
        lengths = np.linalg.norm(vectors, axis=1)
        wrong = ~(np.abs(lengths - 1) <= LENGTH_TOLERANCE)
        problems += [f"vector of image {same[i][1]} has length {lengths[i]:.3f}" for i in np.flatnonzero(wrong)]
    return problems
