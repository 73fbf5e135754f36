from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from artalike.errors import DiskFull, FolderTooNew, ModelMismatch, StorageError
from artalike.records import Candidate, Metadata
from artalike.search.random_pages import RandomPages
from artalike.storage.catalog import Database
from artalike.storage.commit import Origin
from artalike.storage.images import Images
from artalike.storage.seeds import CrawlQueue
from tests.storage.conftest import DIMENSION, MODEL, embedding_of, leased, on_sqlite, pictures, seed_with


async def test_a_committed_image_is_there_with_its_vector_and_address(images: Images, frontier: CrawlQueue) -> None:
    await seed_with(frontier, [Candidate("https://a.example/x.jpg", metadata=Metadata(title="X", extra={"no": 7}))])
    [task] = await leased(frontier)
    embedding = embedding_of(task)
    [committed] = await images.commit([embedding])
    assert committed.new
    [image] = await images.images([committed.id])
    assert (image.url, image.width, image.height, image.color) == (task.url, 640, 480, "#102030")
    assert image.metadata == Metadata(title="X", extra={"no": 7})
    assert await images.find_url(task.url) == committed.id
    ids, vectors = await images.vectors([committed.id])
    assert ids.tolist() == [committed.id]
    assert float(vectors[0] @ embedding.vector) > 0.999
    assert (await images.embedded_ids()).tolist() == [committed.id]


async def test_the_same_bytes_are_one_image_and_every_url_is_kept(images: Images, frontier: CrawlQueue) -> None:
    seed_id = await seed_with(frontier, pictures("a", "b", "c"))
    tasks = await leased(frontier)
    first = await images.commit([embedding_of(tasks[0], "same"), embedding_of(tasks[1], "same")])
    second = await images.commit([embedding_of(tasks[2], "same")])
    assert {c.id for c in first + second} == {first[0].id}
    assert [c.new for c in first + second] == [True, False, False]
    assert await images.urls(first[0].id) == [task.url for task in tasks]
    assert (await images.totals()).images == 1
    assert (await frontier.seed(seed_id)).images == 3


async def test_ids_that_were_left_out_when_images_were_carried_over_are_missing_ones(
    database: Database, images: Images, frontier: CrawlQueue
) -> None:
    await seed_with(frontier, pictures("a", "b"))
    embeddings = [embedding_of(task) for task in await leased(frontier)]
    keep = {e.picture.sha256: Origin(id_, 0.0, ()) for e, id_ in zip(embeddings, (3, 7), strict=True)}
    await images.commit(embeddings, origins=keep)
    for view in (images, await Images.open(database, MODEL, DIMENSION)):
        assert (await view.missing_ids()).tolist() == [1, 2, 4, 5, 6]
        assert (view.counts.images, view.counts.max_id) == (2, 7)
        random = RandomPages(view)
        pages = [await random.page(limit=1, offset=offset, seed=5) for offset in range(3)]
        assert sorted(image.id for page in pages for image in page.images) == [3, 7]


async def test_a_later_source_fills_empty_metadata_and_replaces_none(images: Images, frontier: CrawlQueue) -> None:
    await seed_with(frontier, pictures("a", title="First"))
    [task] = await leased(frontier)
    [committed] = await images.commit([embedding_of(task, "same")])
    other = Candidate("https://b.example/b.jpg", metadata=Metadata(title="Second", creator="Her"))
    await seed_with(frontier, [other], source="https://b.example/list.txt")
    [task] = await leased(frontier)
    await images.commit([embedding_of(task, "same")])
    [image] = await images.images([committed.id])
    assert (image.metadata.title, image.metadata.creator) == ("First", "Her")


async def test_images_come_in_the_order_asked_for_and_unknown_ids_are_left_out(
    images: Images, frontier: CrawlQueue
) -> None:
    await seed_with(frontier, pictures("a", "b", "c"))
    ids = [c.id for c in await images.commit([embedding_of(t) for t in await leased(frontier)])]
    asked = [ids[2], 999, ids[0]]
    assert [image.id for image in await images.images(asked)] == [ids[2], ids[0]]


async def test_all_vectors_come_in_batches_after_an_id(images: Images, frontier: CrawlQueue) -> None:
    await seed_with(frontier, pictures(*map(str, range(10))))
    ids = [c.id for c in await images.commit([embedding_of(t) for t in await leased(frontier)])]
    batches = [(i, v) async for i, v in images.all_vectors(after=ids[1], batch=3)]
    assert np.concatenate([i for i, _ in batches]).tolist() == ids[2:]
    assert [len(v) for _, v in batches] == [3, 3, 2]


@on_sqlite
async def test_a_failed_commit_stores_nothing_and_counts_nothing(
    database: Database, images: Images, frontier: CrawlQueue
) -> None:
    await seed_with(frontier, pictures(*map(str, range(64))))
    tasks = await leased(frontier)
    async with database.write() as connection:
        [[pages]] = await connection.execute_fetchall("PRAGMA page_count")
        await connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(DiskFull):
        await images.commit([embedding_of(task) for task in tasks])
    assert (await images.totals()).images == 0
    assert not len(await images.embedded_ids())
    async with database.write() as connection:
        await connection.execute("PRAGMA max_page_count = 100000")
    await images.commit([embedding_of(task) for task in tasks])
    assert (await images.totals()).images == 64


async def test_counts_are_right_after_opening_again(catalog: Path | str) -> None:
    for expected in (3, 6):
        async with Database.open(catalog) as database:
            images, frontier = await Images.open(database, MODEL, DIMENSION), CrawlQueue(database)
            await seed_with(
                frontier, pictures("a", "b", "c", host=f"h{expected}.example"), source=f"file:///{expected}"
            )
            await images.commit([embedding_of(task) for task in await leased(frontier)])
        async with Database.open(catalog) as database:
            totals = await (await Images.open(database, MODEL, DIMENSION)).totals()
            assert (totals.images, totals.max_id, totals.pending) == (expected, expected, 0)


async def test_another_model_is_refused_once_there_are_vectors(catalog: Path | str) -> None:
    async with Database.open(catalog) as database:
        await Images.open(database, "other@1/1", 4)
        images, frontier = await Images.open(database, MODEL, DIMENSION), CrawlQueue(database)
        await seed_with(frontier, pictures("a"))
        await images.commit([embedding_of(task) for task in await leased(frontier)])
        with pytest.raises(ModelMismatch, match=r"embedded by test@00000000/1, the setting means other@1/1"):
            await Images.open(database, "other@1/1", 4)


async def test_a_catalog_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "catalog.sqlite3") as database, database.write() as connection:
        await connection.execute("PRAGMA user_version = 999")
    with pytest.raises(FolderTooNew, match="schema 999 was written by a newer Artalike"):
        async with Database.open(tmp_path / "catalog.sqlite3"):
            pass


async def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite3"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE recipes (name)")
    other.close()
    with pytest.raises(StorageError, match="database of another program"):
        async with Database.open(path):
            pass


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite3"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageError, match="not a database"):
        async with Database.open(path):
            pass


async def test_the_newest_images_of_a_source_come_first(images: Images, frontier: CrawlQueue) -> None:
    await seed_with(frontier, pictures("1", "2", "3"))
    await seed_with(frontier, pictures("4", host="b.example"), source="https://b.example/list.txt")
    for task in sorted(await leased(frontier), key=lambda task: task.url):
        await images.commit([embedding_of(task)])
    newest = await images.newest("https://a.example/list.txt", limit=2)
    assert [image.url for image in await images.images(newest)] == [
        "https://a.example/3.jpg",
        "https://a.example/2.jpg",
    ]
    assert await images.newest("https://c.example/", limit=2) == []
