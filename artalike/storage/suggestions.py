"""Makers and titles that begin as what somebody is typing, out of the index of words.

What is looked through has a bound, whatever is typed: of the images that match, the oldest :data:`WEIGHED`. Among so
many the makers that most images have are met; one that none of them has is met once more of the name is typed.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any, Final, Literal

from artalike.storage.catalog import Connection
from artalike.storage.words import asked

WEIGHED: Final = 1000
COUNTED: Final = 10_000
"""Images of one maker; those with more are said to have so many."""

VALUE_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A maker, fit for the filter of that name, or a title with the image ``id`` that has it; and how many have it.

    Of a title it is how many among those that were looked through.
    """

    kind: Literal["creator", "title"]
    value: str
    images: int
    id: int | None = None


async def suggestions(connection: Connection, text: str, *, limit: int) -> list[Suggestion]:
    """Makers, those of most images first, for half of the ``limit`` at most where there are titles, too."""
    texts = connection.dialect.texts
    made, named = asked(texts, text, field="creator"), asked(texts, text, field="title")
    if made is None:
        return []
    rows = await connection.execute_fetchall(texts.creators, (made, WEIGHED, COUNTED, limit))
    creators = [Suggestion("creator", row[0], row[1]) for row in rows if len(row[0]) <= VALUE_LENGTH]
    creators.sort(key=lambda found: -found.images)
    titles = _titles(await connection.execute_fetchall(texts.titles, (named, WEIGHED)), text)
    kept = creators[: max(limit - len(titles), (limit + 1) // 2)]
    return [*kept, *titles[: limit - len(kept)]]


def _titles(rows: Any, text: str) -> list[Suggestion]:
    """One for each that is spelled alike; those that begin with the text first, then short ones."""
    found: dict[str, Suggestion] = {}
    for image_id, title in rows:
        if len(title) <= VALUE_LENGTH:
            key = _folded(title)
            first = found.get(key)
            found[key] = Suggestion("title", title, 1 + (first.images if first else 0), first.id if first else image_id)
    begun = _folded(text)
    order = sorted(found, key=lambda key: (not key.startswith(begun), len(key), key))
    return [found[key] for key in order]


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", " ".join(text.split())).casefold()
    return "".join(character for character in plain if not unicodedata.combining(character))
