"""Words that people type, found in what is said of images, best first."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from artalike.errors import QueryError
from artalike.records import IdArray
from artalike.storage.catalog import Connection
from artalike.storage.dialect import Texts
from artalike.storage.filtering import numbers

WORDS_MOST: Final = 16
WORD_LENGTH: Final = 64
TEXT_LENGTH: Final = 1000
"""Of what is typed, in characters; what stands behind is not looked at."""

PREFIX_SHORTEST: Final = 2  # a single letter begins half of all words; a character of Chinese or Japanese does not
_CJK: Final = "\u2e80"  # the first of them; they stand without spaces, and a whole title is one word
MATCHES_MOST: Final = 20_000  # so many are weighed; those beyond are the youngest

_WORD: Final = re.compile(r"[^\W_]+(?:['\u2019\-.][^\W_]+)*")


def asked(texts: Texts, text: str, *, every: bool = True, typing: bool = True, field: str | None = None) -> str | None:
    """``text`` as a query for images with ``every`` word, or with any; None when there is no word in it.

    Nothing a person types is an operator; a word with a hyphen, apostrophe or full stop inside is a phrase. With
    ``typing`` the last may be the beginning of a word.
    """
    words = list(_words(text))
    if not words:
        return None
    begun = typing and (len(words[-1]) >= PREFIX_SHORTEST or words[-1] >= _CJK)
    return texts.asked(words, every=every, begun=begun, field=field)


async def best(connection: Connection, text: str, *, limit: int, max_id: int, among: IdArray | None = None) -> IdArray:
    """See :meth:`~artalike.storage.ports.ImageCatalog.words`; equals in the order of their ids."""
    texts = connection.dialect.texts
    for every in (True, False):
        query = _asked(texts, text, every=every)
        if among is None:
            rows = await connection.execute_fetchall(texts.best, (query, max_id, MATCHES_MOST, limit))
        else:
            wanted = await _weighed(connection, query, among[among <= max_id])
            rows = await connection.execute_fetchall(texts.best_among, (query, json.dumps(wanted.tolist()), limit))
        ids = np.fromiter((row[0] for row in rows), np.int64)
        if ids.size:
            return ids
    return ids


async def _weighed(connection: Connection, query: str, among: IdArray) -> IdArray:
    """As many of ``among`` as are weighed: where those are not all, the first of the ones that match."""
    if among.size <= MATCHES_MOST:
        return among
    [[matches]] = await connection.execute_fetchall(connection.dialect.texts.matches, (query, int(among[-1])))
    return await asyncio.to_thread(lambda: np.intersect1d(numbers(matches), among, assume_unique=True)[:MATCHES_MOST])


async def among(connection: Connection, text: str, ids: Sequence[int]) -> IdArray:
    """See :meth:`~artalike.storage.ports.ImageCatalog.having_words`."""
    texts = connection.dialect.texts
    query = _asked(texts, text, typing=False)
    rows = await connection.execute_fetchall(texts.among, (query, json.dumps([int(i) for i in ids])))
    return np.fromiter((row[0] for row in rows), np.int64)


def _asked(texts: Texts, text: str, *, every: bool = True, typing: bool = True) -> str:
    query = asked(texts, text, every=every, typing=typing)
    if query is None:
        raise QueryError(f"text = {text[:40]!r}: expected at least one word")
    return query


def _words(text: str) -> Iterator[str]:
    for number, match in enumerate(_WORD.finditer(text[:TEXT_LENGTH])):
        if number == WORDS_MOST:
            return
        yield match[0][:WORD_LENGTH]
