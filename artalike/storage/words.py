"""Words that people type, found in what is said of images, best first by BM25 (https://sqlite.org/fts5.html)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from artalike.errors import QueryError
from artalike.records import IdArray
from artalike.storage.catalog import Connection, Database
from artalike.storage.filtering import numbers

WORDS_MOST: Final = 16
WORD_LENGTH: Final = 64
TEXT_LENGTH: Final = 1000
"""Of what is typed, in characters; what stands behind is not looked at."""

PREFIX_SHORTEST: Final = 2  # a single letter begins half of all words; a character of Chinese or Japanese does not
_CJK: Final = "\u2e80"  # the first of them; they stand without spaces, and a whole title is one word to FTS5
MATCHES_MOST: Final = 20_000  # so many are weighed; those beyond are the youngest

SCRUBBED: Final = 64  # pages merged in one transaction
WEIGHTS: Final = (4.0, 4.0, 2.0, 1.0)
"""How much a word counts in title, creator, medium and attribution."""

_WORD: Final = re.compile(r"[^\W_]+(?:['\u2019\-.][^\W_]+)*")


def fts_query(text: str, *, every: bool = True, typing: bool = True) -> str | None:
    """``text`` as an FTS5 query for images with ``every`` word, or with any; None when there is no word in it.

    Each word is an FTS5 string, so that nothing a person types is an operator; one with a hyphen, apostrophe or full
    stop inside is a phrase. With ``typing`` the last may be the beginning of a word.
    """
    words = list(_words(text))
    if not words:
        return None
    terms = [f'"{word}"' for word in words]
    if typing and (len(words[-1]) >= PREFIX_SHORTEST or words[-1] >= _CJK):
        terms[-1] += " *"
    return (" AND " if every else " OR ").join(terms)


async def best(connection: Connection, text: str, *, limit: int, max_id: int, among: IdArray | None = None) -> IdArray:
    """See :meth:`~artalike.storage.ports.ImageCatalog.words`; equals in the order of their ids."""
    for every in (True, False):
        query = _asked(text, every=every)
        if among is None:
            rows = await connection.execute_fetchall(_BEST, (query, max_id, MATCHES_MOST, limit))
        else:
            wanted = await _weighed(connection, query, among[among <= max_id])
            rows = await connection.execute_fetchall(_BEST_AMONG, (query, json.dumps(wanted.tolist()), limit))
        ids = np.fromiter((row[0] for row in rows), np.int64)
        if ids.size:
            return ids
    return ids


async def _weighed(connection: Connection, query: str, among: IdArray) -> IdArray:
    """As many of ``among`` as are weighed: where those are not all, the first of the ones that match."""
    if among.size <= MATCHES_MOST:
        return among
    [[matches]] = await connection.execute_fetchall(_MATCHES, (query, int(among[-1])))
    return await asyncio.to_thread(lambda: np.intersect1d(numbers(matches), among, assume_unique=True)[:MATCHES_MOST])


async def among(connection: Connection, text: str, ids: Sequence[int]) -> IdArray:
    """See :meth:`~artalike.storage.ports.ImageCatalog.having_words`."""
    rows = await connection.execute_fetchall(_AMONG, (json.dumps([int(i) for i in ids]), _asked(text, typing=False)))
    return np.fromiter((row[0] for row in rows), np.int64)


def _asked(text: str, *, every: bool = True, typing: bool = True) -> str:
    query = fts_query(text, every=every, typing=typing)
    if query is None:
        raise QueryError(f"text = {text[:40]!r}: expected at least one word")
    return query


def _words(text: str) -> Iterator[str]:
    for number, match in enumerate(_WORD.finditer(text[:TEXT_LENGTH])):
        if number == WORDS_MOST:
            return
        yield match[0][:WORD_LENGTH]


# The inner LIMIT bounds what is weighed. It goes by id, so that what comes in later changes nothing before it.
_BEST: Final = f"""
SELECT id FROM (
    SELECT rowid AS id, bm25(texts, {", ".join(map(str, WEIGHTS))}) AS score FROM texts
    WHERE texts MATCH ? AND rowid <= ? ORDER BY rowid LIMIT ?
) ORDER BY score, id LIMIT ?
"""

_MATCHES: Final = "SELECT group_concat(rowid) FROM texts WHERE texts MATCH ? AND rowid <= ?"

# The unary + keeps FTS5 from looking the words up once for each id.
_BEST_AMONG: Final = f"""
SELECT rowid FROM texts WHERE texts MATCH ? AND +rowid IN (SELECT value FROM json_each(?))
ORDER BY bm25(texts, {", ".join(map(str, WEIGHTS))}), rowid LIMIT ?
"""

_AMONG: Final = """
SELECT value FROM json_each(?) WHERE value IN (SELECT rowid FROM texts WHERE texts MATCH ?) ORDER BY value
"""


async def scrub(database: Database) -> None:
    """Bring all of the index into one segment, in short transactions: what was removed then is in none.

    Until then the words of a removed image are found no more, and still lie on the disk
    (https://sqlite.org/fts5.html#the_merge_command).
    """
    pages = -SCRUBBED  # the first call is told to merge everything, and those behind it to go on
    while True:
        async with database.write() as connection:
            before = connection.total_changes
            await connection.execute("INSERT INTO texts (texts, rank) VALUES ('merge', ?)", (pages,))
            if connection.total_changes - before < 2:  # nothing was left to do
                return
        pages = SCRUBBED
