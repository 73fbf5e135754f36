"""Links pictures that are copies of one another in other bytes: resized, recompressed, of another format, grey.

Candidates have nearly the same perceptual hash; a signature of light and colour confirms or refuses each. The members
of a group have its id in ``images.near_group``: the smallest of their own. There are never fewer than two.

The figures come from 3,781 photographs (7.1 million pairs) and 9,000 copies of 500 of them, at 75, 50 and 25 % of the
size, JPEG qualities from 90 to 30, and both. The hashes of 98 % of the copies differ by two bits or none, of all by
eight at most; 99.9 % agree in a band. Copies are alike by 0.976 or more, no two different photographs by more than
0.911. The network's vectors are not asked. They tell things apart, not pictures of them: small copies fall to a cosine
of 0.5, and every second photograph has another one above 0.8.
"""

from __future__ import annotations

import asyncio
import heapq
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from artalike.records import Artwork, FloatArray, IdArray
from artalike.storage.catalog import Connection
from artalike.storage.near_duplicates_bands import AT_ONCE
from artalike.storage.ports import FEW_ROWS, NearGroups

DISTANCE: Final = 8
"""Bits in which the hashes of a picture and its copy may differ."""
LIKENESS: Final = 0.94
"""The cosine of their light from which two pictures are one."""
COLOR_DIFFERENCE: Final = 6.0
"""Mean difference of their colour, in levels of Cb and Cr. Copies stay below 3, brighter ones below 6; a print in
other colours does not."""
GREY: Final = 1.0
"""Mean colour below which a picture is grey, and may be the copy of one in colours."""

LIGHT: Final = 256
"""How many of a signature's numbers are light."""

CANDIDATES_MOST: Final = 32
"""Pictures, those with the nearest hashes, that one is compared with. One that confirms is enough to link."""
GROUP_MOST: Final = 1000
"""Members of a group, after which a new one begins: a grey "no picture" in a thousand sizes is of use to nobody."""

GROUPS: Final = """
    SELECT 'image ' || id || ' is in group ' || near_group || CASE
        WHEN removed_at IS NOT NULL THEN ' and removed'
        WHEN members < 2 THEN ' alone'
        ELSE ', which begins with ' || first END
    FROM images JOIN (
        SELECT near_group AS of, min(id) AS first, count(*) AS members FROM images WHERE near_group IS NOT NULL
        GROUP BY near_group) AS groups ON of = near_group
    WHERE removed_at IS NOT NULL OR members < 2 OR first <> near_group"""
"""What breaks a group: a line for each image that is in it wrongly."""

REMOVED: Final = """
    SELECT 'removed image ' || image_id || ' still has a fingerprint' FROM fingerprints
    JOIN images ON images.id = image_id WHERE removed_at IS NOT NULL"""
"""Removed images that new ones would still be compared with."""


async def link(connection: Connection, committed: Sequence[tuple[int, Artwork]]) -> None:
    """Remember these images, by id, and join each to those whose copy it is, those of the same call as well.

    To be called in the transaction that stores them. Pictures that show too little are left out.
    """
    images = {image_id: artwork for image_id, artwork in committed if artwork.signature}
    await connection.executemany(
        _PUT,
        [(image_id, signed(artwork.phash), artwork.signature) for image_id, artwork in images.items()],
    )
    candidates: dict[int, list[int]] = {}
    hashes = [(image_id, signed(artwork.phash)) for image_id, artwork in images.items()]
    for start in range(0, len(hashes), AT_ONCE):
        candidates |= await _candidates(connection, hashes[start : start + AT_ONCE])
    if candidates:
        known = await _read(connection, {*candidates, *(other for near in candidates.values() for other in near)})
        pairs = await asyncio.to_thread(lambda: list(_confirmed(candidates, known)))
        await _join(connection, pairs, {image_id: fingerprint.group for image_id, fingerprint in known.items()})


async def forget(connection: Connection, image_ids: Sequence[int]) -> None:
    """Take images that are being removed out of their groups, in the transaction that removes them.

    A group whose first image leaves gets the id of the next; one that only one image is left of is no group.
    """
    ids = json.dumps([int(image_id) for image_id in image_ids])
    groups = await connection.execute_fetchall(
        "SELECT DISTINCT near_group FROM images "
        "WHERE near_group IS NOT NULL AND id IN (SELECT value FROM json_each(?))",
        (ids,),
    )
    await connection.execute(
        "UPDATE images SET near_group = NULL WHERE near_group IS NOT NULL AND id IN (SELECT value FROM json_each(?))",
        (ids,),
    )
    await connection.execute("DELETE FROM fingerprints WHERE image_id IN (SELECT value FROM json_each(?))", (ids,))
    await connection.executemany(
        "UPDATE images SET near_group = (SELECT CASE WHEN count(*) > 1 THEN min(id) END FROM images "
        "WHERE near_group = ?1) WHERE near_group = ?1",
        groups,
    )


async def others(connection: Connection, image_id: int) -> list[int]:
    """The ids of the other images of its group, the largest pictures first; at most GROUP_MOST."""
    rows = await connection.execute_fetchall(
        "SELECT id FROM images WHERE near_group = (SELECT near_group FROM images WHERE id = ?1) AND id <> ?1 "
        "AND removed_at IS NULL ORDER BY width * height DESC, id",
        (image_id,),
    )
    return [row[0] for row in rows]


async def groups(connection: Connection, image_ids: Sequence[int], *, model: int) -> NearGroups:
    """All members of the groups that these images are in; ``model`` is the row of the active one."""
    ids = json.dumps([int(image_id) for image_id in image_ids])
    rows = await connection.execute_fetchall(_GROUPS_OF, (ids, model))
    table = _table(rows) if len(rows) <= FEW_ROWS else await asyncio.to_thread(_table, rows)
    return NearGroups(table[:, 0], table[:, 1], table[:, 2], table[:, 3].astype(bool))


def _table(rows: Sequence[Any]) -> IdArray:
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def signed(phash: int) -> int:
    """An unsigned hash as the catalog keeps it: 64 bits, two's complement."""
    return phash - (1 << 64) if phash >> 63 else phash


@dataclass(frozen=True, slots=True)
class _Fingerprint:
    light: FloatArray
    color: FloatArray
    group: int | None

    def shows_the_same(self, other: _Fingerprint) -> bool:
        if float(self.light @ other.light) < LIKENESS:
            return False
        grey = min(float(np.abs(self.color).mean()), float(np.abs(other.color).mean())) < GREY
        return grey or float(np.abs(self.color - other.color).mean()) < COLOR_DIFFERENCE


_PUT: Final = """
INSERT INTO fingerprints (image_id, phash, signature) VALUES (?, ?, ?)
ON CONFLICT (image_id) DO UPDATE SET phash = excluded.phash, signature = excluded.signature
"""

# Most images are in no group, so they are looked up first, by their ids.
_GROUPS_OF: Final = """
SELECT id, near_group, width * height, EXISTS (SELECT 1 FROM vectors WHERE model = ?2 AND image_id = images.id)
FROM images WHERE removed_at IS NULL AND near_group IN (
    SELECT near_group FROM json_each(?1) CROSS JOIN images
    WHERE images.id = CAST(value AS BIGINT) AND near_group IS NOT NULL)
"""


async def _candidates(connection: Connection, hashes: Sequence[tuple[int, int]]) -> dict[int, list[int]]:
    """For each of at most AT_ONCE images, by id and hash, others with nearly the same hash, if there are any."""
    parameters = [phash for _, phash in hashes] + [None] * (AT_ONCE - len(hashes))
    rows = await connection.execute_fetchall(connection.dialect.look_up, parameters)
    return await asyncio.to_thread(_nearest, hashes, rows)


def _nearest(hashes: Sequence[tuple[int, int]], rows: Any) -> dict[int, list[int]]:
    # In Python there is no bit_count of a negative number; what a mask leaves is the same 64 bits.
    mask = (1 << 64) - 1
    found: dict[int, dict[int, int]] = {}
    for number, other, phash in rows:
        image_id, own = hashes[number]
        distance = ((own ^ phash) & mask).bit_count()
        if distance <= DISTANCE and other != image_id:
            found.setdefault(image_id, {})[other] = distance
    return {image_id: heapq.nsmallest(CANDIDATES_MOST, near, key=near.__getitem__) for image_id, near in found.items()}


async def _read(connection: Connection, ids: set[int]) -> dict[int, _Fingerprint]:
    rows = await connection.execute_fetchall(
        "SELECT image_id, signature, near_group FROM fingerprints JOIN images ON id = image_id "
        "WHERE image_id IN (SELECT value FROM json_each(?)) AND removed_at IS NULL",
        (json.dumps(sorted(ids)),),
    )
    return {image_id: _fingerprint(signature, group) for image_id, signature, group in rows}


def _fingerprint(signature: bytes, group: int | None) -> _Fingerprint:
    numbers = np.frombuffer(signature, np.int8).astype(np.float32)
    light, color = numbers[:LIGHT], numbers[LIGHT:]
    return _Fingerprint(light / np.linalg.norm(light), color, group)


def _confirmed(candidates: Mapping[int, Sequence[int]], known: Mapping[int, _Fingerprint]) -> Iterator[tuple[int, int]]:
    for image_id, near in candidates.items():
        for other in near:
            if image_id in known and other in known and known[image_id].shows_the_same(known[other]):
                yield image_id, other


async def _join(connection: Connection, pairs: Sequence[tuple[int, int]], groups: Mapping[int, int | None]) -> None:
    """Make one group of the two of each pair. Whoever is in none yet is, for this, a group of one with its own id."""
    own = {image_id: groups[image_id] or image_id for pair in pairs for image_id in pair}
    sizes = dict.fromkeys(own.values(), 1) | await _sizes(connection, [g for i, g in own.items() if groups[i]])
    into: dict[int, int] = {}

    def now(group: int) -> int:
        while group in into:
            group = into[group]
        return group

    for one, other in pairs:
        first, second = sorted((now(own[one]), now(own[other])))
        if first != second and sizes[first] + sizes[second] <= GROUP_MOST:
            into[second] = first
            sizes[first] += sizes[second]
    joined = set(into.values())
    alone = [(now(group), image_id) for image_id, group in own.items() if not groups[image_id]]
    await connection.executemany("UPDATE images SET near_group = ? WHERE id = ?", [a for a in alone if a[0] in joined])
    await connection.executemany(
        "UPDATE images SET near_group = ? WHERE near_group = ?", [(now(group), group) for group in into]
    )


async def _sizes(connection: Connection, groups: Sequence[int]) -> dict[int, int]:
    rows = await connection.execute_fetchall(
        "SELECT near_group, count(*) FROM images WHERE near_group IN (SELECT value FROM json_each(?)) "
        "GROUP BY near_group",
        (json.dumps(sorted(set(groups))),),
    )
    return {row[0]: row[1] for row in rows}
