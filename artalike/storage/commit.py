"""What a commit makes of a batch of embeddings, inside a caller's transaction.

The same bytes are one image under one id: new, known by another address already, or come back after it was withdrawn.
What a block forbids is not stored, and its row of the frontier fails.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from artalike.records import Embedding
from artalike.storage import facets, near_duplicates
from artalike.storage.blocks import Blocks
from artalike.storage.catalog import Connection
from artalike.storage.found import METADATA, filling
from artalike.storage.notices import Changed
from artalike.storage.ports import Committed
from artalike.storage.rows import fail_blocked, finish_rows
from artalike.storage.tombstones import remove_unreachable

STORED: Final = np.dtype("<f2")
"""How a vector lies in the catalog."""


@dataclass(frozen=True, slots=True)
class Changes:
    """``committed``: one for each embedding. ``new`` and ``back``: ids of images that came in, or came back."""

    committed: list[Committed]
    new: list[int]
    back: list[int]


@dataclass(frozen=True, slots=True)
class _Known:
    """An image that has these bytes: whether it was removed, and whether by a block."""

    id: int
    removed: bool
    barred: bool


@dataclass(frozen=True, slots=True)
class Origin:
    """What an image had in the catalog that it is carried over from.

    It keeps its id where all ids given here so far are smaller. ``added_at`` is seconds since the epoch; ``urls`` are
    all addresses that led to it.
    """

    id: int
    added_at: float
    urls: tuple[str, ...]


Origins = Mapping[bytes, Origin]
"""By content hash; images that come from a crawl have none."""

NO_ORIGINS: Final[Origins] = MappingProxyType({})


async def store(
    connection: Connection,
    embeddings: Sequence[Embedding],
    *,
    model: int,
    blocks: Blocks,
    origins: Origins = NO_ORIGINS,
) -> Changes:
    """Images, vectors, addresses and finished tasks; see :meth:`~artalike.storage.ports.ImageCatalog.commit`."""
    known = await _by_hash(connection, {embedding.picture.sha256 for embedding in embeddings})
    refused = await _refused(connection, embeddings, known, blocks, origins)
    taken = [embedding for embedding in embeddings if embedding.picture.task.id not in refused]
    first: dict[bytes, Embedding] = {}
    for embedding in taken:
        first.setdefault(embedding.picture.sha256, embedding)
    fresh = [embedding for sha256, embedding in first.items() if sha256 not in known]
    back = [embedding for sha256, embedding in first.items() if sha256 in known and known[sha256].removed]

    now = time.time()
    given = await _ids_to_keep(connection, fresh, origins) if origins else {}
    await connection.executemany(
        _INSERT_AS if given else _INSERT,
        [(*_image_row(e, _added_at(e, origins, now)), *_its_id(e, given)) for e in fresh],
    )
    if given:
        await connection.dialect.raise_id(connection, "images", max(given.values()))
    await connection.executemany(_REVIVE, [_image_row(e, _added_at(e, origins, now)) for e in back])
    ids = {sha256: image.id for sha256, image in (await _by_hash(connection, first)).items()}
    connection.tell(Changed.ADDED, [ids[embedding.picture.sha256] for embedding in fresh + back])
    await connection.executemany(
        "INSERT INTO vectors (image_id, model, vector) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(ids[e.picture.sha256], model, e.vector.astype(STORED).tobytes()) for e in fresh + back],
    )
    await near_duplicates.link(connection, [(ids[e.picture.sha256], e.picture.artwork) for e in fresh + back])
    await connection.executemany(
        "INSERT INTO image_urls (url, image_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [(url, ids[embedding.picture.sha256]) for embedding in taken for url in _addresses(embedding, origins)],
    )
    new = {embedding.picture.task.id for embedding in fresh + back}
    again = [embedding for embedding in taken if embedding.picture.task.id not in new]
    await connection.executemany(_FILL_METADATA, [_metadata_row(embedding, ids) for embedding in again])
    await _fill_extra(connection, again, ids)
    restored = await _uncleared(connection, first) | {embedding.picture.sha256 for embedding in back}
    replaced = await _replaced(connection, taken, ids)
    await finish_rows(
        connection,
        [embedding.picture.task.id for embedding in taken],
        {embedding.picture.task.id: embedding.picture.validators for embedding in taken},
    )
    await _refuse(connection, embeddings, refused)
    await facets.settle(connection, limit=len(ids) + facets.SPARE)

    def outcome(embedding: Embedding) -> Committed:
        sha256, task_id = embedding.picture.sha256, embedding.picture.task.id
        if task_id in refused:
            return Committed(0, new=False, refused=refused[task_id])
        gone = tuple(replaced.get(task_id, ()))
        return Committed(ids[sha256], new=task_id in new, restored=sha256 in restored, gone=gone)

    return Changes(
        [outcome(embedding) for embedding in embeddings],
        new=[ids[embedding.picture.sha256] for embedding in fresh],
        back=[ids[embedding.picture.sha256] for embedding in back],
    )


async def _by_hash(connection: Connection, hashes: Iterable[bytes]) -> dict[bytes, _Known]:
    wanted = list(hashes)
    marks = ",".join("?" * len(wanted)) or "NULL"
    rows = await connection.execute_fetchall(
        f"SELECT sha256, id, removed_at IS NOT NULL, removed_by IS NOT NULL FROM images WHERE sha256 IN ({marks})",
        wanted,
    )
    return {sha256: _Known(image_id, bool(removed), bool(barred)) for sha256, image_id, removed, barred in rows}


async def _refused(
    connection: Connection,
    embeddings: Sequence[Embedding],
    known: Mapping[bytes, _Known],
    blocks: Blocks,
    origins: Origins,
) -> dict[int, str]:
    """Why each of these may not come in, by task; the transaction sees every block that is in force."""
    tombs = await _tombs(connection, {url for embedding in embeddings for url in _addresses(embedding, origins)})
    forgotten = await _forgotten(connection, [embedding.picture.task.id for embedding in embeddings])
    refused = dict.fromkeys(forgotten, "its address was forgotten while it was on its way")
    for embedding in embeddings:
        picture, task = embedding.picture, embedding.picture.task
        addresses = _addresses(embedding, origins) | ({task.metadata.page_url or ""} - {""})
        why = next(filter(None, map(blocks.reason, addresses)), None)
        why = why or blocks.refuses_bytes(picture.sha256, picture.artwork.phash)
        image = known.get(picture.sha256)
        if why is None and ((image and image.barred) or addresses & tombs):
            why = "taken out of the collection"
        if why is not None:
            refused[task.id] = why
    return refused


async def _forgotten(connection: Connection, task_ids: Sequence[int]) -> list[int]:
    """Tasks whose row is gone: its seed was cancelled, or there is nothing at its home any more."""
    forgotten = _FORGOTTEN.format(connection.dialect.last_id("frontier"))
    rows = await connection.execute_fetchall(forgotten, (json.dumps(list(task_ids)),))
    return [row[0] for row in rows]


async def _tombs(connection: Connection, urls: Iterable[str]) -> set[str]:
    """Addresses that lead to nothing but images that were taken out: while this was fetched, perhaps."""
    rows = await connection.execute_fetchall(
        "SELECT image_urls.url FROM json_each(?) CROSS JOIN image_urls JOIN images ON images.id = image_id "
        "WHERE image_urls.url = value GROUP BY image_urls.url "
        "HAVING count(CASE WHEN removed_at IS NULL THEN 1 END) = 0",
        (json.dumps(list(urls)),),
    )
    return {row[0] for row in rows}


async def _ids_to_keep(connection: Connection, fresh: Sequence[Embedding], origins: Origins) -> dict[bytes, int]:
    """An id for each: the one that it brings with it, where that is beyond all that were ever given here."""
    [[last]] = await connection.execute_fetchall(f"SELECT {connection.dialect.last_id('images')}")
    kept = {}
    for embedding in fresh:
        origin = origins.get(embedding.picture.sha256)
        last = origin.id if origin is not None and origin.id > last else last + 1
        kept[embedding.picture.sha256] = last
    return kept


async def _refuse(connection: Connection, embeddings: Sequence[Embedding], refused: Mapping[int, str]) -> None:
    for task_id, why in refused.items():
        await fail_blocked(connection, [task_id], why)
    # Their thumbnails were written before anybody knew. Those of an image that stays are its own.
    hashes = {embedding.picture.sha256 for embedding in embeddings if embedding.picture.task.id in refused}
    there = await _by_hash(connection, hashes) if hashes else {}
    await connection.executemany(
        "INSERT INTO clearing (sha256) VALUES (?) ON CONFLICT DO NOTHING",
        [(sha256,) for sha256 in hashes if sha256 not in there or there[sha256].removed],
    )


async def _uncleared(connection: Connection, hashes: Iterable[bytes]) -> set[bytes]:
    """Which of these contents had thumbnails that were to be deleted: perhaps they were, since they were written."""
    wanted = list(hashes)
    marks = ",".join("?" * len(wanted)) or "NULL"
    rows = await connection.execute_fetchall(f"DELETE FROM clearing WHERE sha256 IN ({marks}) RETURNING sha256", wanted)
    return {row[0] for row in rows}


async def _replaced(
    connection: Connection, taken: Sequence[Embedding], ids: Mapping[bytes, int]
) -> dict[int, list[int]]:
    """At addresses that were looked at again lie other bytes: what they led to before goes, unless others lead there.

    The ids of what went, by task.
    """
    gone: dict[int, list[int]] = {}
    for embedding in taken:
        picture, now = embedding.picture, ids[embedding.picture.sha256]
        if not picture.task.recheck:
            continue
        rows = await connection.execute_fetchall(
            "DELETE FROM image_urls WHERE url IN (?, ?) AND image_id <> ? AND EXISTS "
            "(SELECT 1 FROM images WHERE id = image_id AND removed_at IS NULL) RETURNING image_id",
            (picture.task.url, picture.final_url, now),
        )
        left = {row[0] for row in rows}
        if left:
            gone[picture.task.id] = await remove_unreachable(connection, left)
    return gone


# What comes from another catalog never had a row here.
_FORGOTTEN: Final = """
SELECT wanted FROM (SELECT CAST(value AS BIGINT) AS wanted FROM json_each(?)) AS tasks
WHERE wanted BETWEEN 1 AND {} AND NOT EXISTS (SELECT 1 FROM frontier WHERE id = wanted)
"""

_COLUMNS: Final = ("width", "height", "format", "bytes", "color", "phash", "source", "extra", *METADATA, "url")

_INSERT: Final = (
    f"INSERT INTO images ({', '.join(_COLUMNS)}, added_at, sha256) VALUES ({', '.join('?' * (len(_COLUMNS) + 2))})"
)

_INSERT_AS: Final = (
    f"INSERT INTO images ({', '.join(_COLUMNS)}, added_at, sha256, id) VALUES ({', '.join('?' * (len(_COLUMNS) + 3))})"
)

# Under its own id, and with the time at which that was given: ids stay in the order of time.
_REVIVE: Final = (
    f"UPDATE images SET {', '.join(f'{name} = ?' for name in _COLUMNS)}, added_at = min(added_at, ?), "
    "removed_at = NULL WHERE sha256 = ?"
)

# What came first stays: a later source may fill what is empty and replace nothing.
_FILL_METADATA: Final = f"UPDATE images SET {', '.join(filling(METADATA))} WHERE id = ?"


def _image_row(embedding: Embedding, now: float) -> tuple[Any, ...]:
    picture, artwork, task = embedding.picture, embedding.picture.artwork, embedding.picture.task
    signed_phash = artwork.phash - (1 << 64) if artwork.phash >> 63 else artwork.phash
    return (
        artwork.width,
        artwork.height,
        artwork.format,
        picture.byte_count,
        artwork.color,
        signed_phash,
        task.seed_source,
        json.dumps(dict(task.metadata.extra)) if task.metadata.extra else None,
        *(getattr(task.metadata, name) for name in METADATA),
        task.url,
        now,
        picture.sha256,
    )


def _metadata_row(embedding: Embedding, ids: Mapping[bytes, int]) -> tuple[Any, ...]:
    metadata = embedding.picture.task.metadata
    return (*(getattr(metadata, name) for name in METADATA), ids[embedding.picture.sha256])


async def _fill_extra(connection: Connection, again: Sequence[Embedding], ids: Mapping[bytes, int]) -> None:
    """What these say beside the usual of images that are here, as far as those say nothing of it yet."""
    said = [(ids[e.picture.sha256], e.picture.task.metadata.extra) for e in again if e.picture.task.metadata.extra]
    if not said:
        return
    rows = await connection.execute_fetchall(
        "SELECT id, extra FROM images WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted({image_id for image_id, _ in said})),),
    )
    known: dict[int, dict[str, Any]] = {image_id: json.loads(extra or "{}") for image_id, extra in rows}
    for image_id, extra in said:
        known[image_id] = {**extra, **known[image_id]}
    await connection.executemany(
        "UPDATE images SET extra = ? WHERE id = ?", [(json.dumps(extra), image_id) for image_id, extra in known.items()]
    )


def _its_id(embedding: Embedding, given: Mapping[bytes, int]) -> tuple[int, ...]:
    return (given[embedding.picture.sha256],) if given else ()


def _addresses(embedding: Embedding, origins: Origins) -> set[str]:
    origin = origins.get(embedding.picture.sha256)
    return {embedding.picture.task.url, embedding.picture.final_url, *(origin.urls if origin else ())}


def _added_at(embedding: Embedding, origins: Origins, now: float) -> float:
    origin = origins.get(embedding.picture.sha256)
    return origin.added_at if origin else now
