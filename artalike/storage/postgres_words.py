"""The index of words on PostgreSQL: documents of words with their places, divided here so that no locale matters.

Words are letters and digits, compared without case and accents, as FTS5 does on SQLite
(https://www.postgresql.org/docs/current/datatype-textsearch.html).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from artalike.storage.dialect import Texts

FIELDS: Final = ("title", "creator", "medium", "attribution")
LETTERS: Final = "ABCD"
"""What PostgreSQL calls the four fields of a document."""

WEIGHTS: Final = "{0.25, 0.5, 1.0, 1.0}"
"""How much a word counts in D, C, B and A."""

WORD_BYTES: Final = 2000  # PostgreSQL takes 2046
PLACE_MOST: Final = 16_383
PLACES_MOST: Final = 255
WORDS_MOST: Final = 10_000

_WORD: Final = re.compile(r"[^\W_]+")


def words_in(text: str) -> list[str]:
    """In lower case without accents; of a longer one, which has no spaces, the beginning."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    found = _WORD.findall("".join(character for character in plain if not unicodedata.combining(character)))
    return [word.encode(errors="replace")[:WORD_BYTES].decode(errors="ignore") for word in found[:WORDS_MOST]]


def document(texts: Sequence[str | None]) -> str:
    """What an image's four texts are as a ``tsvector``. A gap between two keeps phrases within one."""
    places: dict[str, list[str]] = {}
    at = 0
    for letter, text in zip(LETTERS, texts, strict=True):
        for word in words_in(text or ""):
            at = min(at + 1, PLACE_MOST)
            places.setdefault(word, []).append(f"{at}{letter}")
        at += 1
    return " ".join(f"'{word}':{','.join(where[:PLACES_MOST])}" for word, where in places.items())


def ts_query(words: Sequence[str], *, every: bool, begun: bool, field: str | None = None) -> str:
    """As a ``tsquery``: words are quoted and hold letters and digits alone; a word of several is a phrase."""
    letter = "" if field is None else LETTERS[FIELDS.index(field)]
    terms = []
    for number, word in enumerate(words, start=1):
        parts = [f"'{part}'" + (f":{letter}" if letter else "") for part in words_in(word)]
        if parts and begun and number == len(words):
            parts[-1] = parts[-1].partition(":")[0] + f":*{letter}"
        if parts:
            terms.append("(" + " <-> ".join(parts) + ")")
    return (" & " if every else " | ").join(terms)


_QUERY: Final = "CAST(CAST(?1 AS TEXT) AS tsquery) AS query"
_RANK: Final = f"ts_rank(CAST('{WEIGHTS}' AS real[]), document, query)"
_FOUND: Final = f"SELECT image_id AS id FROM texts, {_QUERY} WHERE document @@ query ORDER BY image_id LIMIT ?2"

TEXTS: Final = Texts(
    asked=ts_query,
    # The inner LIMIT bounds what is weighed. It goes by id, so that what comes in later changes nothing before it.
    best=f"""
SELECT image_id FROM (
    SELECT image_id, {_RANK} AS score FROM texts, {_QUERY}
    WHERE document @@ query AND image_id <= ?2 ORDER BY image_id LIMIT ?3
) AS weighed ORDER BY score DESC, image_id LIMIT ?4
""",
    matches=f"SELECT group_concat(image_id) FROM texts, {_QUERY} WHERE document @@ query AND image_id <= ?2",
    best_among=f"""
SELECT image_id FROM texts, {_QUERY}
WHERE document @@ query AND image_id IN (SELECT value FROM json_each(?2)) ORDER BY {_RANK} DESC, image_id LIMIT ?3
""",
    among=f"""
SELECT image_id FROM texts, {_QUERY}
WHERE document @@ query AND image_id IN (SELECT value FROM json_each(?2)) ORDER BY image_id
""",
    creators=f"""
SELECT (SELECT creator FROM images WHERE id = example),
       (SELECT count(*) FROM (SELECT 1 FROM facets WHERE creator = maker LIMIT ?3) AS counted)
FROM (
    SELECT facets.creator AS maker, max(image_id) AS example, count(*) AS met
    FROM ({_FOUND}) AS found JOIN facets ON image_id = id
    WHERE facets.creator IS NOT NULL GROUP BY facets.creator ORDER BY met DESC, maker LIMIT ?4
) AS makers ORDER BY met DESC, maker
""",
    titles=f"""
SELECT images.id, title FROM ({_FOUND}) AS found
JOIN images ON images.id = found.id WHERE title IS NOT NULL AND removed_at IS NULL
""",
    indexed="SELECT image_id AS id FROM texts",
)
