"""The index of words on PostgreSQL is brought into step, and compared with what images say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from artalike.storage.postgres_connection import PostgresConnection
from artalike.storage.postgres_words import document

CHECKED: Final = 1000
"""Texts compared at once."""


async def index_texts(connection: PostgresConnection) -> None:
    """Before a transaction ends: the words of the images whose texts it has changed."""
    rows = await connection.execute_fetchall(_STALE)
    if not rows:
        return
    said = [(row[0], document(row[2:])) for row in rows if row[1] is not None and any(row[2:])]
    gone = [row[0] for row in rows]
    await connection.raw.execute("DELETE FROM texts WHERE image_id = ANY($1::bigint[])", gone)
    await connection.executemany(_INDEX, said)
    await connection.raw.execute("DELETE FROM texts_stale WHERE image_id = ANY($1::bigint[])", gone)


async def compare_texts(connection: PostgresConnection, *, after: int) -> tuple[list[int], int | None]:
    """Of the next images behind ``after`` those whose words are not their own, and the last of all; None at the end."""
    rows = await connection.execute_fetchall(_SAID, (after, CHECKED))
    if not rows:
        return [], None
    documents = await asyncio.to_thread(_documents, rows)
    found = await connection.raw.fetch(_DIFFERENT, [row[0] for row in rows], documents)
    return [row[0] for row in found], rows[-1][0]


def _documents(rows: Sequence[Sequence[Any]]) -> list[str]:
    return [document(texts) for _, *texts in rows]


_STALE: Final = """
SELECT image_id, id, title, creator, medium, attribution FROM texts_stale LEFT JOIN images ON id = image_id
"""

_INDEX: Final = "INSERT INTO texts (image_id, document) VALUES (?, CAST(CAST(? AS TEXT) AS tsvector))"

_SAID: Final = """
SELECT id, title, creator, medium, attribution FROM image_texts WHERE id > ? ORDER BY id LIMIT ?
"""

_DIFFERENT: Final = """
SELECT id FROM unnest($1::bigint[], $2::text[]) AS said (id, document) LEFT JOIN texts ON image_id = id
WHERE texts.document IS DISTINCT FROM CAST(said.document AS tsvector)
"""
