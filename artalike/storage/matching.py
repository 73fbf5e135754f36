"""What a block matches: images and rows of the frontier, a page at a time, read beside the writer.

The database filters by a text that every match contains; the rule itself decides.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import anyio.to_thread
import numpy as np

from artalike.storage.blocks import PHASH_DISTANCE, Block, BlockKind, literal, matcher
from artalike.storage.catalog import Database
from artalike.storage.tombstones import BATCH

PHASHES: Final = 50_000
"""Hashes compared in one go."""


async def matching_images(database: Database, block: Block) -> AsyncIterator[list[int]]:
    """Ids of images, a batch at a time; one may come twice. What is removed between batches is not missed."""
    match block.kind:
        case BlockKind.SHA256:
            query = "SELECT id FROM images WHERE sha256 = ? AND removed_at IS NULL"
            yield [row[0] for row in await _rows(database, query, (bytes.fromhex(block.value),))]
        case BlockKind.PHASH:
            async for ids in _near(database, int(block.value, 16)):
                yield ids
        case _:
            matches, part = matcher(block), literal(block)
            after: tuple[int, str] = (0, "")
            while rows := await _rows(database, _BY_ADDRESS, (*after, part, BATCH)):
                after = rows[-1]
                yield sorted({image_id for image_id, url in rows if matches(url)})
            last = 0
            while rows := await _rows(database, _BY_PAGE, (last, part, BATCH)):
                last = rows[-1][0]
                yield [image_id for image_id, url in rows if matches(url)]


async def count_images(database: Database, block: Block) -> int:
    """How many images there are that it matches."""
    found: set[int] = set()
    async for ids in matching_images(database, block):
        found.update(ids)
    return len(found)


async def matching_rows(database: Database, block: Block) -> AsyncIterator[list[int]]:
    """Ids of rows of the frontier that are not failed, a batch at a time."""
    if block.kind not in {BlockKind.HOST, BlockKind.URL}:
        return
    matches, part = matcher(block), literal(block)
    last = 0
    while rows := await _rows(database, _IN_FRONTIER, (last, part, BATCH)):
        last = rows[-1][0]
        if found := [row_id for row_id, url in rows if matches(url)]:
            yield found


async def _near(database: Database, phash: int) -> AsyncIterator[list[int]]:
    last = 0
    while rows := await _rows(database, _PHASHES, (last, PHASHES)):
        last = rows[-1][0]
        near = await anyio.to_thread.run_sync(_near_among, rows, phash)
        for start in range(0, len(near), BATCH):
            yield near[start : start + BATCH]


def _near_among(rows: Sequence[Any], phash: int) -> list[int]:
    table = np.array(rows, np.int64)
    distance = np.bitwise_count(table[:, 1].view(np.uint64) ^ np.uint64(phash))
    near: list[int] = table[distance <= PHASH_DISTANCE, 0].tolist()
    return near


async def _rows(database: Database, query: str, values: Sequence[Any]) -> list[Any]:
    async with database.read() as connection:
        return list(await connection.execute_fetchall(query, values))


_BY_ADDRESS: Final = """
SELECT image_id, image_urls.url FROM image_urls JOIN images ON images.id = image_id
WHERE (image_id, image_urls.url) > (?1, ?2) AND instr(image_urls.url, ?3) > 0 AND removed_at IS NULL
ORDER BY image_id, image_urls.url LIMIT ?4
"""

_BY_PAGE: Final = """
SELECT id, page_url FROM images WHERE id > ?1 AND instr(page_url, ?2) > 0 AND removed_at IS NULL ORDER BY id LIMIT ?3
"""

_IN_FRONTIER: Final = """
SELECT id, url FROM frontier WHERE id > ?1 AND state IN ('pending', 'leased', 'done') AND instr(url, ?2) > 0
ORDER BY id LIMIT ?3
"""

_PHASHES: Final = "SELECT id, phash FROM images WHERE id > ? AND removed_at IS NULL ORDER BY id LIMIT ?"
