"""What filters ask of images, derived from what the catalog says of them.

Triggers note each image that is new or that something else is said of now; :func:`settle` writes its facets. A commit
does so for what it brings in, so that an image is never shown before it can be filtered.

Texts are kept once each, spelled so that they can be compared: a source as it is; a host backwards, ``org.example.``,
so that all below it begins with it; creators and rights as words, `` rembrandt van rijn ``.
"""

from __future__ import annotations

import asyncio
import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from artalike.storage.catalog import Connection, Database
from artalike.storage.lab import cell, lab
from artalike.storage.years import years

BATCH: Final = 1000
"""Images described in one transaction."""

AT_ONCE: Final = 64
"""Images described, at 15 µs each, without going to a thread."""

SPARE: Final = 32
"""Images that a commit describes beside its own: those of a catalog from before there were filters."""

TERM_LENGTH: Final = 400
SIDE_MOST: Final = 2**31

UNDESCRIBED: Final = """
    SELECT 'image ' || id || ' passes no filter' FROM images
    WHERE removed_at IS NULL AND NOT EXISTS (SELECT 1 FROM facets WHERE image_id = images.id)
      AND NOT EXISTS (SELECT 1 FROM facets_due WHERE image_id = images.id)"""
"""Images whose facets are neither there nor due."""

REMOVED: Final = """
    SELECT 'removed image ' || image_id || ' still passes filters' FROM facets
    WHERE NOT EXISTS (SELECT 1 FROM images WHERE id = image_id AND removed_at IS NULL)"""
"""Removed images whose facets are still there."""

_WORD: Final = re.compile(r"\w+")


async def settle(connection: Connection, *, limit: int = BATCH) -> int:
    """Write the facets of images for which they are due, the youngest first, in the caller's transaction. How many."""
    rows = list(await connection.execute_fetchall(_DUE, (limit,)))
    if not rows:
        return 0
    described = _described(rows) if len(rows) <= AT_ONCE else await asyncio.to_thread(_described, rows)
    ids = json.dumps([row[0] for row in rows])
    # Of images beyond all others nobody can have been told that they do not pass.
    if any(row[-1] for row in rows):
        await connection.execute("UPDATE facets_changed SET times = times + 1")
        await connection.execute("DELETE FROM facets WHERE image_id IN (SELECT value FROM json_each(?))", (ids,))
    terms = {
        (facet, term) for row in described for facet, term in zip(_TEXTS, row[1:5], strict=True) if term is not None
    }
    await connection.executemany(_KEEP_TERM, sorted(terms))
    await connection.executemany(_INSERT, described)
    await connection.execute("DELETE FROM facets_due WHERE image_id IN (SELECT value FROM json_each(?))", (ids,))
    return len(rows)


async def settle_all(database: Database) -> None:
    """Write all facets that are due, a batch in a transaction, so that ingest goes on in between."""
    while await _any_due(database):
        async with database.write() as connection:
            await settle(connection)


async def _any_due(database: Database) -> bool:
    async with database.read() as connection:
        rows = await connection.execute_fetchall("SELECT EXISTS (SELECT 1 FROM facets_due)")
    return bool(next(iter(rows))[0])


def words(text: str | None) -> str | None:
    """Letters and digits in lower case without accents, with a space before, between and behind; None for nothing."""
    plain = unicodedata.normalize("NFKD", (text or "")[:TERM_LENGTH]).casefold()
    found = _WORD.findall("".join(character for character in plain if not unicodedata.combining(character)))
    return f" {' '.join(found)} " if found else None


def host_backwards(host: str) -> str:
    """``images.example.org`` as ``org.example.images.``; an address of digits as it is."""
    if not host or host.startswith("[") or ":" in host or host.replace(".", "").isdecimal():
        return f"{host}."
    return ".".join(reversed(host.split("."))) + "."


def host_forwards(term: str) -> str:
    """What :func:`host_backwards` made it of."""
    host = term.removesuffix(".")
    return host if host_backwards(host) == term else ".".join(reversed(host.split(".")))


def _described(rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    return [_facets(row) for row in rows]


def _facets(row: Sequence[Any]) -> tuple[Any, ...]:
    image_id, url, width, height, color, source, creator, date, rights, _ = row
    span = years(date) or (None, None)
    place = lab(color)
    tenths = (None, None, None, None) if place is None else (cell(place), *(round(10 * value) for value in place))
    terms = (source, host_backwards(_host(url)), words(creator), words(rights))
    return (image_id, *terms, *span, min(width, SIDE_MOST), min(height, SIDE_MOST), *tenths)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # of a URL with half an IPv6 address in it
        return ""


_TEXTS: Final = ("source", "host", "creator", "rights")

_KEEP_TERM: Final = "INSERT INTO facet_terms (facet, term) VALUES (?, ?) ON CONFLICT DO NOTHING"

_DUE: Final = """
SELECT id, url, width, height, color, source, creator, date, rights,
       image_id <= (SELECT max(image_id) FROM facets)
FROM facets_due CROSS JOIN images WHERE id = image_id ORDER BY image_id DESC LIMIT ?
"""

_INSERT: Final = f"""
INSERT INTO facets VALUES (
    ?, {", ".join(f"(SELECT id FROM facet_terms WHERE facet = '{facet}' AND term = ?)" for facet in _TEXTS)},
    ?, ?, ?, ?, ?, ?, ?, ?)
"""
