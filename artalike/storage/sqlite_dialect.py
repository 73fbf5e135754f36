"""What only SQLite understands: its index of words (https://sqlite.org/fts5.html), its counters, its hints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from artalike.storage.dialect import Texts
from artalike.storage.near_duplicates_bands import AT_ONCE, BANDS, BUCKET_MOST

WEIGHTS: Final = (4.0, 4.0, 2.0, 1.0)
"""How much a word counts in title, creator, medium and attribution."""


def fts5_query(words: Sequence[str], *, every: bool, begun: bool, field: str | None = None) -> str:
    """Each word is an FTS5 string, so that nothing a person types is an operator; a word of several is a phrase."""
    terms = [f'"{word}"' for word in words]
    if begun:
        terms[-1] += " *"
    query = (" AND " if every else " OR ").join(terms)
    return query if field is None else f"{field} : ({query})"


_RANK: Final = f"bm25(texts, {', '.join(map(str, WEIGHTS))})"

TEXTS: Final = Texts(
    asked=fts5_query,
    # The inner LIMIT bounds what is weighed. It goes by id, so that what comes in later changes nothing before it.
    best=f"""
SELECT id FROM (
    SELECT rowid AS id, {_RANK} AS score FROM texts WHERE texts MATCH ? AND rowid <= ? ORDER BY rowid LIMIT ?
) ORDER BY score, id LIMIT ?
""",
    matches="SELECT group_concat(rowid) FROM texts WHERE texts MATCH ? AND rowid <= ?",
    # The unary + keeps FTS5 from looking the words up once for each id.
    best_among=f"""
SELECT rowid FROM texts WHERE texts MATCH ? AND +rowid IN (SELECT value FROM json_each(?))
ORDER BY {_RANK}, rowid LIMIT ?
""",
    among="""
SELECT value FROM json_each(?2) WHERE value IN (SELECT rowid FROM texts WHERE texts MATCH ?1) ORDER BY value
""",
    # The inner LIMIT bounds what is looked through; the words of a maker are those of one of the images.
    creators="""
SELECT (SELECT creator FROM images WHERE id = example),
       (SELECT count(*) FROM (SELECT 1 FROM facets WHERE creator = maker LIMIT ?3))
FROM (
    SELECT facets.creator AS maker, max(image_id) AS example, count(*) AS met
    FROM (SELECT rowid AS id FROM texts WHERE texts MATCH ?1 ORDER BY rowid LIMIT ?2) JOIN facets ON image_id = id
    WHERE facets.creator IS NOT NULL GROUP BY facets.creator ORDER BY met DESC, maker LIMIT ?4
)
""",
    titles="""
SELECT images.id, title FROM (SELECT rowid AS id FROM texts WHERE texts MATCH ? ORDER BY rowid LIMIT ?) AS found
JOIN images ON images.id = found.id WHERE title IS NOT NULL AND removed_at IS NULL
""",
    indexed="SELECT id FROM texts_docsize",
)


def _look_up() -> str:
    # A part for each hash, band and side: SQLite allows 500, and uses an index for each.
    parts = [
        f"SELECT * FROM (SELECT {number - 1}, image_id, phash FROM fingerprints INDEXED BY fingerprints_{index} "
        f"WHERE {band % 'phash'} = {band % f'?{number}'} AND phash {side} LIMIT {BUCKET_MOST})"
        for number in range(1, AT_ONCE + 1)
        for index, band in enumerate(BANDS, start=1)
        for side in (f">= ?{number} ORDER BY phash", f"< ?{number} ORDER BY phash DESC")
    ]
    return " UNION ALL ".join(parts)


class SqliteDialect:
    """:class:`~artalike.storage.dialect.Dialect` of SQLite."""

    texts = TEXTS
    look_up = _look_up()

    lanes_due = """
SELECT seed_id, host, rate FROM lanes JOIN seeds ON seeds.id = seed_id
WHERE waiting > 0 AND ready_at <= ?1 AND state = 'running' AND paced_until <= ?1
  AND host NOT IN (SELECT value FROM json_each(?2)) ORDER BY served_at, seed_id DESC LIMIT ?3
"""
    next_due = """
SELECT min(max(ready_at, paced_until)) FROM lanes JOIN seeds ON seeds.id = seed_id
WHERE waiting > 0 AND state = 'running'
"""
    held = ""
    leased = "state = 'leased'"

    def last_id(self, table: str) -> str:
        return f"coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0)"

    async def raise_id(self, connection: Any, table: str, last: int) -> None:
        await connection.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (last, table))


SQLITE: Final = SqliteDialect()
