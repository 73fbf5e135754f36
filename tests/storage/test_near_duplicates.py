"""Copies of a picture are linked, different pictures are not, and groups stay whole whoever comes or goes."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from artalike.config import Imaging
from artalike.imaging import decode
from artalike.records import Artwork
from artalike.storage import near_duplicates
from artalike.storage.catalog import Connection, Database
from artalike.storage.near_duplicates_bands import BUCKET_MOST
from artalike.storage.ports import NearGroups
from tests.imaging.pictures import PREPROCESS, encoded, photo
from tests.storage.conftest import on_sqlite


async def decoded(data: bytes) -> Artwork:
    return await asyncio.to_thread(decode, data, PREPROCESS, Imaging())


def saved(image: Image.Image, file_format: str = "JPEG", quality: int = 90) -> bytes:
    return encoded(image, file_format, quality=quality)


def smaller(image: Image.Image, percent: int) -> Image.Image:
    return image.resize((image.width * percent // 100, image.height * percent // 100), Image.Resampling.LANCZOS)


@cache
def picture(seed: int, percent: int = 100) -> bytes:
    image = photo(400, 300, seed=seed)
    return saved(image if percent == 100 else smaller(image, percent))


async def add(connection: Connection, files: Sequence[bytes]) -> None:
    await store(connection, [await decoded(data) for data in files])


async def store(connection: Connection, artworks: Sequence[Artwork]) -> None:
    """Store images and link them, as one commit does."""
    rows = [
        await connection.execute_fetchall(
            "INSERT INTO images (sha256, url, width, height, format, bytes, color, phash, source, added_at) "
            "VALUES (?, '', ?, ?, 'JPEG', 1, '#000000', 0, '', 0) RETURNING id",
            (secrets.token_bytes(32), one.width, one.height),
        )
        for one in artworks
    ]
    ids = [image_id for [[image_id]] in rows]
    await near_duplicates.link(connection, list(zip(ids, artworks, strict=True)))


async def remove(connection: Connection, *ids: int) -> None:
    await near_duplicates.forget(connection, ids)
    await connection.executemany("UPDATE images SET removed_at = 1 WHERE id = ?", [(i,) for i in ids])


async def groups(connection: Connection) -> dict[int, int]:
    """The group of each image that is in one; all of them are right."""
    for check in (near_duplicates.GROUPS, near_duplicates.REMOVED):
        assert not list(await connection.execute_fetchall(check))
    rows = await connection.execute_fetchall("SELECT id, near_group FROM images WHERE near_group IS NOT NULL")
    return {row[0]: row[1] for row in rows}


@pytest.mark.parametrize("together", [True, False], ids=["in one commit", "in a commit each"])
async def test_copies_are_linked_with_the_first(database: Database, together: bool) -> None:
    image = photo(800, 600, seed=3)
    copies = [
        saved(image, "PNG"),
        saved(smaller(image, 75), quality=70),
        saved(smaller(image, 25), quality=30),
        saved(image, "WEBP", quality=40),
        saved(image.convert("L")),
        saved(ImageEnhance.Brightness(image).enhance(1.05)),
    ]
    async with database.write() as connection:
        for batch in [copies] if together else [[copy] for copy in copies]:
            await add(connection, batch)
        assert await groups(connection) == dict.fromkeys(range(1, 7), 1)
        assert await near_duplicates.others(connection, 3) == [1, 4, 5, 6, 2]


async def test_the_poorest_copy_is_linked_without_one_between(database: Database) -> None:
    image = photo(800, 600, seed=4)
    async with database.write() as connection:
        await add(connection, [saved(image, "PNG"), saved(smaller(image, 13), quality=30)])
        assert await groups(connection) == {1: 1, 2: 1}


async def test_the_same_hash_alone_links_nothing(database: Database) -> None:
    one, other = [await decoded(saved(_page(number))) for number in (1, 2)]
    async with database.write() as connection:
        await store(connection, [one, replace(other, phash=one.phash)])
        assert await groups(connection) == {}


async def test_different_pictures_are_not_linked(database: Database) -> None:
    async with database.write() as connection:
        await add(connection, [picture(seed) for seed in range(40)])
        assert await groups(connection) == {}
        assert await near_duplicates.others(connection, 1) == []


async def test_the_same_print_in_other_colours_is_another_picture(database: Database) -> None:
    red, blue = (Image.merge("RGB", bands) for bands in _tinted(photo(400, 300, seed=5).convert("L")))
    async with database.write() as connection:
        await add(connection, [saved(red), saved(blue), saved(smaller(red, 50))])
        assert await groups(connection) == {1: 1, 3: 1}


def _tinted(grey: Image.Image) -> list[tuple[Image.Image, ...]]:
    """Two tints of equal lightness."""
    light = grey.point(lambda value: value // 2 + 60)
    return [
        tuple(Image.merge("YCbCr", (light, light.point(lambda _: 110), cr)).convert("RGB").split())
        for cr in (light.point(lambda _: 165), light.point(lambda _: 95))
    ]


async def test_pictures_that_show_too_little_are_never_linked(database: Database) -> None:
    ramp = Image.linear_gradient("L").resize((300, 200))
    little = [Image.new("RGB", (300, 200), color) for color in ("#ffffff", "#fefefe", "#808080", "#000000")]
    little += [
        ramp.convert("RGB"),
        ramp.rotate(180).convert("RGB"),
        ramp.point(lambda value: value // 2).convert("RGB"),
    ]
    async with database.write() as connection:
        await add(connection, [saved(image, fmt) for image in little for fmt in ("PNG", "JPEG")])
        assert await groups(connection) == {}


async def test_pages_of_one_book_are_not_taken_for_copies(database: Database) -> None:
    pages = [_page(number) for number in range(30)]
    async with database.write() as connection:
        await add(connection, [saved(page) for page in pages])
        assert await groups(connection) == {}
        await add(connection, [saved(smaller(pages[7], 50))])
        assert await groups(connection) == {8: 8, 31: 8}


def _page(number: int) -> Image.Image:
    dice = random.Random(number)
    page = Image.new("RGB", (450, 650), "#eee6d2")
    pen = ImageDraw.Draw(page)
    for y in range(60, 590, 15):
        x, end = 55, 395 if dice.random() < 0.85 else dice.randint(120, 390)
        while x < end:
            width = dice.randint(8, 45)
            pen.rectangle((x, y, min(x + width, end), y + 6), fill="#403030")
            x += width + 6
    return page


async def test_a_picture_between_two_groups_makes_them_one(database: Database) -> None:
    one, other = picture(1), picture(2)
    async with database.write() as connection:
        await add(connection, [one, other, picture(1, 50), picture(2, 50), picture(3)])
        assert await groups(connection) == {1: 1, 2: 2, 3: 1, 4: 2}
        await near_duplicates._join(connection, [(5, 3), (5, 2)], {5: None, 3: 1, 2: 2})
        assert await groups(connection) == dict.fromkeys(range(1, 6), 1)


async def test_a_group_goes_on_when_its_first_is_removed_and_ends_with_its_second_to_last(database: Database) -> None:
    async with database.write() as connection:
        await add(connection, [picture(1), picture(1, 75), picture(1, 50), picture(2)])
        await remove(connection, 1)
        assert await groups(connection) == {2: 2, 3: 2}
        assert await near_duplicates.others(connection, 2) == [3]
        assert await near_duplicates.others(connection, 1) == []
        await remove(connection, 3)
        assert await groups(connection) == {}


async def test_members_removed_together_leave_the_rest(database: Database) -> None:
    async with database.write() as connection:
        await add(connection, [picture(seed, percent) for seed in (1, 2) for percent in (100, 75, 50, 40)])
        await remove(connection, 1, 3, 5, 6, 7)
        assert await groups(connection) == {2: 2, 4: 2}


async def test_nothing_is_linked_with_a_removed_image(database: Database) -> None:
    async with database.write() as connection:
        await add(connection, [picture(1)])
        await remove(connection, 1)
        await add(connection, [picture(1, 50)])
        assert await groups(connection) == {}


async def test_an_image_that_comes_back_leads_its_group_again(database: Database) -> None:
    async with database.write() as connection:
        await add(connection, [picture(1), picture(1, 75), picture(1, 50)])
        await remove(connection, 1)
        await connection.execute("UPDATE images SET removed_at = NULL WHERE id = 1")
        await near_duplicates.link(connection, [(1, await decoded(picture(1)))])
        assert await groups(connection) == {1: 1, 2: 1, 3: 1}


async def test_a_full_group_takes_in_no_more_and_a_new_one_begins(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near_duplicates, "GROUP_MOST", 3)
    async with database.write() as connection:
        for percent in (100, 90, 80, 70, 60):
            await add(connection, [picture(1, percent)])
        assert await groups(connection) == {1: 1, 2: 1, 3: 1, 4: 4, 5: 4}


async def test_a_look_up_reads_a_bounded_part_of_a_crowded_bucket(database: Database) -> None:
    crowd = 5 * BUCKET_MOST
    async with database.write() as connection:
        await add(connection, [picture(1)])
        own = near_duplicates.signed((await decoded(picture(1))).phash)
        await connection.executemany(
            "INSERT INTO images (id, sha256, url, width, height, format, bytes, color, phash, source, added_at) "
            "VALUES (?, ?, '', 1, 1, 'JPEG', 1, '#000000', 0, '', 0)",
            ((number, number.to_bytes(32)) for number in range(10, 10 + crowd)),
        )
        await connection.dialect.raise_id(connection, "images", 9 + crowd)
        other = (await decoded(picture(2))).signature
        # They agree with it in the upper three bands, and are of other pictures.
        await connection.executemany(
            "INSERT INTO fingerprints VALUES (?, ?, ?)",
            ((10 + n, (own & ~0xFFFF) | (n * 37 & 0xFFFF), other) for n in range(crowd)),
        )
        rows = await connection.execute_fetchall(connection.dialect.look_up, [own] + [None] * 15)
        assert len(list(rows)) <= 8 * BUCKET_MOST
        await add(connection, [picture(1)])
        assert await groups(connection) == {1: 1, 10 + crowd: 1}


@on_sqlite
async def test_look_ups_read_nothing_but_an_index(database: Database) -> None:
    async with database.read() as connection:
        plan = await connection.execute_fetchall(f"EXPLAIN QUERY PLAN {connection.dialect.look_up}", [1] * 16)
    searches = [row[3] for row in plan if "fingerprints" in row[3]]
    assert len(searches) == 16 * 8
    assert all(search.startswith("SEARCH fingerprints USING COVERING INDEX") for search in searches)


async def test_groups_are_given_whole_without_those_that_left(database: Database) -> None:
    async with database.write() as connection:
        await add(connection, [picture(1), picture(2), picture(1, 60), picture(1, 30), picture(3), picture(3, 50)])
        await connection.execute(
            "INSERT INTO models (id, model_id, dimension, active, added_at) VALUES (1, 'a', 4, 1, 0), (2, 'b', 4, 0, 0)"
        )
        await connection.executemany(
            "INSERT INTO vectors VALUES (?, ?, ?)",
            [(number, 2 if number == 4 else 1, bytes(8)) for number in range(1, 7)],
        )
        found = await near_duplicates.groups(connection, [4, 2, 99], model=1)
        assert sorted(zip(*(column.tolist() for column in _columns(found)), strict=True)) == [
            (1, 1, 400 * 300, True),
            (3, 1, 240 * 180, True),
            (4, 1, 120 * 90, False),
        ]
        await remove(connection, 1)
        assert (await near_duplicates.groups(connection, [4], model=1)).groups.tolist() == [3, 3]
        assert not (await near_duplicates.groups(connection, [], model=1)).ids.size


def _columns(found: NearGroups) -> tuple[np.ndarray[Any, Any], ...]:
    return found.ids, found.groups, found.pixels, found.embedded
