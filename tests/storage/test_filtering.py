"""Filters over a real catalog: who passes, and that it stays so whatever happens to the images."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest

from artalike.errors import DiskFull
from artalike.records import Candidate, Metadata
from artalike.storage import facets, filtering
from artalike.storage.catalog import Database
from artalike.storage.facet_values import FacetCounts
from artalike.storage.filtering import Criteria, Filtering, Orientation
from artalike.storage.images import Images
from artalike.storage.lab import lab
from artalike.storage.schema import FILTERS, MIGRATIONS
from artalike.storage.seeds import CrawlQueue
from artalike.storage.tombstones import remove_images
from tests.storage.conftest import embedding_of, leased, pictures, seed_with

LAST = 10**9


async def put(database: Database, *rows: Mapping[str, object]) -> None:
    """Store images, by the columns in which they differ from others."""
    plain = {"url": "https://a.example/1.jpg", "width": 400, "height": 300, "color": "#000000"}
    plain |= {"source": "met:", "format": "JPEG", "bytes": 1, "phash": 0, "added_at": 0}
    async with database.write() as connection:
        for columns, alike in groupby(({**plain, **row} for row in rows), key=tuple):
            marks = ", ".join("?" * len(columns))
            await connection.executemany(
                f"INSERT INTO images (sha256, {', '.join(columns)}) VALUES (?, {marks})",
                [(secrets.token_bytes(32), *values.values()) for values in alike],
            )
        await facets.settle(connection)


async def passing(database: Database, criteria: Criteria, max_id: int = LAST) -> list[int]:
    ids = await Filtering(database).ids(criteria, max_id=max_id)
    assert ids.dtype == "int64"
    return list(ids.tolist())


async def broken(database: Database) -> list[str]:
    async with database.read() as connection:
        rows = [
            *await connection.execute_fetchall(facets.UNDESCRIBED),
            *await connection.execute_fetchall(facets.REMOVED),
        ]
        terms = await connection.execute_fetchall(
            "SELECT 'nobody has ' || term FROM facet_terms WHERE id NOT IN (SELECT source FROM facets UNION "
            "SELECT host FROM facets UNION SELECT coalesce(creator, 0) FROM facets UNION "
            "SELECT coalesce(rights, 0) FROM facets)"
        )
    return [row[0] for row in (*rows, *terms)]


@pytest.mark.parametrize("narrow", [20, 1], ids=["by scan", "by index"])
@pytest.mark.parametrize(
    ("column", "values", "criteria", "expected"),
    [
        ("source", ["met:", "met:department=1", "meth:", "https://a.example/"], Criteria(source="met"), [1, 2]),
        ("source", ["met:", "met:department=1", "meth:"], Criteria(source="met:department=1"), [2]),
        (
            "url",
            [
                "https://example.org/1",
                "https://images.Example.org:8080/1",
                "https://notexample.org/1",
                "https://example.org.evil.example/1",
                "https://10.0.0.1/1",
                "https://10.0.0.11/1",
                "file:///pictures/1.jpg",
                "https://[::1/",
            ],
            Criteria(host="example.org"),
            [1, 2],
        ),
        ("url", ["https://10.0.0.1/1", "https://10.0.0.11/1", "https://1.10.0.0.1/1"], Criteria(host="10.0.0.1"), [1]),
        ("url", ["https://[::1]:80/1", "https://[::12]/1"], Criteria(host="::1"), [1]),
        (
            "creator",
            ["Rembrandt van Rijn (Dutch, 1606–1669)", "After REMBRANDT", "Rembrandtesque", None, "%", "Édouard Manet"],
            Criteria(creator="rembrandt"),
            [1, 2],
        ),
        ("creator", ["Édouard Manet", "Edouard Vuillard", "Manet, Édouard"], Criteria(creator="Edouard MANET"), [1]),
        ("rights", ["CC0", "Public Domain", "https://cc0.example/", None], Criteria(rights="cc0"), [1, 3]),
        (
            "date",
            ["1831", "19th century", "1832", None, "n.d.", "1830-40"],
            Criteria(year_from=1831, year_to=1831),
            [1, 2, 6],
        ),
        ("date", ["5th century B.C.", "1831", None], Criteria(year_to=-1), [1]),
        ("date", ["5th century B.C.", "1831", None], Criteria(year_from=1), [2]),
        ("width", [299, 300, 301, 2**40], Criteria(min_width=300), [2, 3, 4]),
        ("height", [299, 300, 500], Criteria(min_side=300), [2, 3]),
        ("height", [300, 379, 381, 400, 419, 421, 500], Criteria(orientation=Orientation.LANDSCAPE), [1, 2]),
        ("height", [300, 379, 381, 400, 419, 422, 500], Criteria(orientation=Orientation.SQUARE), [3, 4, 5]),
        ("height", [300, 379, 381, 400, 419, 422, 500], Criteria(orientation=Orientation.PORTRAIT), [6, 7]),
        (
            "color",
            ["#ff0000", "#f01010", "#00ff00", "", "#FE0000"],
            Criteria(color=lab("#ff0000"), tolerance=20),
            [1, 2, 5],
        ),
    ],
)
async def test_what_is_asked_for_passes(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    narrow: int,
    column: str,
    values: Sequence[object],
    criteria: Criteria,
    expected: list[int],
) -> None:
    monkeypatch.setattr(filtering, "NARROW", narrow)
    await put(database, *({column: value} for value in values))
    assert await passing(database, criteria) == expected


@pytest.mark.parametrize("narrow", [20, 1], ids=["by scan", "by index"])
async def test_an_image_must_be_all_that_is_asked_for(
    database: Database, monkeypatch: pytest.MonkeyPatch, narrow: int
) -> None:
    monkeypatch.setattr(filtering, "NARROW", narrow)
    fitting: dict[str, object] = {
        "source": "met:", "url": "https://a.example/", "creator": "Goya", "rights": "CC0", "date": "1800",
        "width": 1000, "height": 900, "color": "#102030",
    }  # fmt: skip
    others: list[dict[str, object]] = [
        {"source": "x:"},
        {"url": "https://b.example/"},
        {"creator": None},
        {"rights": "©"},
        {"date": "1900"},
    ]
    others += [{"width": 100}, {"height": 1100}, {"height": 700}, {"color": "#ffffff"}]
    await put(database, *({**fitting, **other} for other in others), fitting)
    criteria = Criteria(
        source="met", host="a.example", creator="goya", rights="cc0", year_from=1790, year_to=1810,
        orientation=Orientation.LANDSCAPE, min_width=500, min_side=800, color=lab("#102030"), tolerance=5,
    )  # fmt: skip
    assert await passing(database, criteria) == [10]
    assert await passing(database, Criteria()) == list(range(1, 11))
    assert await Filtering(database).count(criteria, max_id=9) == 0


async def test_a_commit_makes_an_image_filterable_and_a_removal_ends_it(
    database: Database, images: Images, frontier: CrawlQueue
) -> None:
    await seed_with(frontier, pictures("1", "2", "3"))
    await images.commit([embedding_of(task) for task in await leased(frontier)])
    filter_ = Filtering(database)
    everything = Criteria(host="a.example", color=lab("#102030"), tolerance=1)
    assert (await filter_.ids(everything, max_id=LAST)).tolist() == [1, 2, 3]
    async with database.write() as connection:
        await remove_images(connection, [2], block=None)
    assert (await filter_.ids(everything, max_id=LAST)).tolist() == [1, 3]
    assert not await broken(database)
    async with database.write() as connection:
        await remove_images(connection, [1, 3], block=None)
        left = await connection.execute_fetchall("SELECT * FROM facet_terms")
    assert not list(left), "nothing that was said of removed images stays"


async def test_what_is_said_later_counts_at_once(database: Database, images: Images, frontier: CrawlQueue) -> None:
    await seed_with(frontier, pictures("1", "2"))
    await images.commit([embedding_of(task) for task in await leased(frontier)])
    filter_ = Filtering(database)
    goya = Criteria(creator="goya", year_from=1800)
    assert not (await filter_.ids(goya, max_id=LAST)).size
    found = replace(pictures("1")[0], metadata=Metadata(creator="Francisco Goya", date="ca. 1810"))
    await seed_with(frontier, [found], source="https://b.example/list.txt")
    assert (await filter_.ids(goya, max_id=LAST)).tolist() == [1]
    assert not await broken(database)


async def test_an_image_that_comes_back_passes_again(database: Database, images: Images, frontier: CrawlQueue) -> None:
    await seed_with(frontier, pictures("1", "2"))
    tasks = await leased(frontier)
    await images.commit([embedding_of(task) for task in tasks])
    filter_, everything = Filtering(database), Criteria(host="a.example")
    async with database.write() as connection:
        await remove_images(connection, [1], block=None)
    assert (await filter_.ids(everything, max_id=LAST)).tolist() == [2]
    await images.commit([embedding_of(tasks[0])])
    assert (await filter_.ids(everything, max_id=LAST)).tolist() == [1, 2]


async def test_a_kept_answer_grows_with_the_collection_and_serves_older_pages(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    filter_, wide = Filtering(database), Criteria(min_width=300)
    await put(database, *({"width": 200 + 100 * (i % 2)} for i in range(10)))
    assert (await filter_.ids(wide, max_id=LAST)).tolist() == [2, 4, 6, 8, 10]
    asked: list[tuple[int, int]] = []
    real = filtering._passing

    async def passing_noted(*args: object) -> object:
        asked.append(args[2:])  # type: ignore[arg-type]
        return await real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(filtering, "_passing", passing_noted)
    assert (await filter_.ids(wide, max_id=5)).tolist() == [2, 4]
    assert not asked
    await put(database, {"width": 300}, {"width": 100})
    assert (await filter_.ids(wide, max_id=LAST)).tolist() == [2, 4, 6, 8, 10, 11]
    assert asked == [(10, 12)]


async def test_kept_answers_are_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filtering, "KEPT_BYTES", 100)
    filter_ = Filtering(database)
    await put(database, *({} for _ in range(10)))
    for width in range(1, 20):
        assert await filter_.count(Criteria(min_width=width), max_id=LAST) == 10
        assert len(filter_._kept) == 1


async def test_a_catalog_from_before_filters_is_described_when_first_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.sqlite3"
    before = MIGRATIONS[: MIGRATIONS.index(FILTERS)]
    with monkeypatch.context() as patched:
        patched.setattr("artalike.storage.sqlite.MIGRATIONS", before)
        async with Database.open(path):
            pass
    old = sqlite3.connect(path)
    old.executemany(
        "INSERT INTO images (sha256, url, width, height, format, bytes, color, phash, source, date, added_at, "
        "removed_at) "
        "VALUES (randomblob(32), 'https://a.example/', 4, 3, 'JPEG', 1, '#000000', 0, 'met:', '1831', 0, ?)",
        [(None,), (1,), (None,)],
    )
    old.commit()
    old.close()
    monkeypatch.setattr(facets, "BATCH", 1)
    async with Database.open(path) as database:
        assert await passing(database, Criteria(year_from=1831, year_to=1831)) == [1, 3]
        assert not await broken(database)
        assert not await database.check()


async def test_a_commit_describes_its_own_images_before_any_backlog(
    database: Database, images: Images, frontier: CrawlQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facets, "SPARE", 1)
    async with database.write() as connection:
        await connection.executemany(
            "INSERT INTO images (sha256, url, width, height, format, bytes, color, phash, source, added_at) "
            "VALUES (?, 'https://b.example/', 4, 3, 'JPEG', 1, '#000000', 0, 'met:', 0)",
            [(secrets.token_bytes(32),) for _ in range(5)],
        )
    await seed_with(frontier, pictures("1"))
    await images.commit([embedding_of(task) for task in await leased(frontier)])
    async with database.read() as connection:
        described = await connection.execute_fetchall("SELECT image_id FROM facets ORDER BY 1")
    assert [row[0] for row in described] == [5, 6]
    assert await passing(database, Criteria(host="b.example")) == [1, 2, 3, 4, 5]


async def test_an_unreadable_candidate_is_still_described(
    database: Database, images: Images, frontier: CrawlQueue
) -> None:
    hostile = Metadata(creator="\0'; DROP TABLE facets; --" * 100, date="9" * 5000, rights="\u202e" * 10)
    await seed_with(frontier, [Candidate("https://a.example/1.jpg", metadata=hostile)])
    await images.commit([embedding_of(task) for task in await leased(frontier)])
    assert await passing(database, Criteria(creator="drop table")) == [1]
    assert await passing(database, Criteria(year_from=-5000, year_to=2100)) == []


async def test_equal_questions_get_the_same_array(database: Database) -> None:
    filter_, wide = Filtering(database), Criteria(min_width=300)
    await put(database, *({"width": 200 + 100 * (i % 2)} for i in range(10)))
    whole, part = await filter_.ids(wide, max_id=LAST), await filter_.ids(wide, max_id=5)
    await put(database, {"width": 100})
    assert await filter_.ids(Criteria(min_width=300), max_id=LAST) is whole
    assert await filter_.ids(wide, max_id=11) is whole
    assert await filter_.ids(wide, max_id=4) is part
    for max_id in range(filtering.PARTS_MOST * 3):
        await filter_.ids(wide, max_id=max_id)
    assert len(filter_._kept[wide]._parts) <= filtering.PARTS_MOST
    await put(database, {"width": 300})
    assert (await filter_.ids(wide, max_id=5)).tolist() == part.tolist() == [2, 4]


async def test_images_from_before_filters_are_described_in_the_background(
    database: Database, images: Images, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO images (sha256, url, width, height, format, bytes, color, phash, source, added_at) "
            "VALUES (?, 'https://b.example/', 4, 3, 'JPEG', 1, '#000000', 0, 'met:', 0)",
            (secrets.token_bytes(32),),
        )

    async def full(_: object) -> None:
        raise DiskFull("catalog: no space left on the disk")

    with monkeypatch.context() as patched:
        patched.setattr("artalike.storage.images.settle_all", full)
        await images.describe()
    assert "no space left" in caplog.text
    await images.describe()
    async with database.read() as connection:
        assert [row[0] for row in await connection.execute_fetchall("SELECT image_id FROM facets")] == [1]


@pytest.mark.parametrize("host", ["a.example", "images.museum.example", "10.0.0.1", "::1", "localhost", ""])
def test_a_host_is_spelled_backwards_and_forwards(host: str) -> None:
    assert facets.host_forwards(facets.host_backwards(host)) == host


async def test_values_are_offered_as_people_write_them(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    long = "Word " * 100
    await put(
        database,
        {"creator": "claude monet", "rights": long},
        {"creator": "Claude MONET"},
        {"creator": "x" * 300, "url": "file:///pictures/1.jpg"},
    )
    values = await FacetCounts(database).values()
    assert [(value.value, value.images) for value in values.creators] == [("Claude MONET", 2)]
    assert [value.value for value in values.rights] == [" ".join(["Word"] * 40)]
    assert [value.value for value in values.hosts] == ["a.example"]
    assert values.years is None
    assert len(await passing(database, Criteria(rights=values.rights[0].value))) == 1
