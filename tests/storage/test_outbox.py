"""Each change of a vector waits in the outbox until the index has been told, whoever made it and however it ended."""

from __future__ import annotations

import pytest

from artalike.errors import StorageError
from artalike.storage.catalog import Database
from artalike.storage.images import Images
from artalike.storage.models import begin_move, forget, store_vectors
from artalike.storage.outbox import Outbox, attached, detach
from artalike.storage.seeds import CrawlQueue
from artalike.storage.tombstones import remove_images
from tests.storage.conftest import DIMENSION, embedding_of, leased, pictures, seed_with


@pytest.fixture
def outbox(database: Database, images: Images) -> Outbox:
    return Outbox(database, images.model)


async def committed(images: Images, frontier: CrawlQueue, *names: str) -> list[int]:
    await seed_with(frontier, pictures(*names))
    return [one.id for one in await images.commit([embedding_of(task) for task in await leased(frontier)])]


async def told(outbox: Outbox) -> list[int]:
    return [change.image_id for change in await outbox.first(100)]


async def test_what_comes_and_goes_waits_in_its_order_until_it_is_settled(
    database: Database, images: Images, frontier: CrawlQueue, outbox: Outbox
) -> None:
    await outbox.attach()
    a, b, c = await committed(images, frontier, "a", "b", "c")
    async with database.write() as connection:
        await remove_images(connection, [b], block=None, detail="gone")
    assert await told(outbox) == [a, b, c, b]
    assert [change.image_id for change in await outbox.about([a, b], "embedded")] == [a, b]
    assert [change.image_id for change in await outbox.about([a, b], "removed")] == [b]
    await outbox.settle(await outbox.about([a, b, c], "embedded"))
    assert (await told(outbox), await outbox.waiting()) == ([b], 1)


async def test_a_transaction_that_fails_leaves_no_change(
    database: Database, images: Images, frontier: CrawlQueue, outbox: Outbox
) -> None:
    await outbox.attach()
    [a] = await committed(images, frontier, "a")
    await outbox.settle(await outbox.first(100))
    with pytest.raises(StorageError):
        async with database.write() as connection:
            await remove_images(connection, [a], block=None, detail="gone")
            await connection.execute("INSERT INTO nowhere VALUES (1)")
    assert await told(outbox) == []


async def test_only_an_attached_model_is_noted_and_its_owner_stays_the_same(
    database: Database, images: Images, frontier: CrawlQueue, outbox: Outbox
) -> None:
    [a] = await committed(images, frontier, "a")
    owner = await outbox.attach()
    assert list(await attached(database)) == [images.model]
    async with database.write() as connection:
        await remove_images(connection, [a], block=None, detail="gone")
    assert await told(outbox) == [a]
    await detach(database, images.model)
    assert (await told(outbox), await attached(database)) == ([], {})
    assert await outbox.attach() == owner


async def test_the_changes_of_a_model_go_with_it(database: Database, images: Images, frontier: CrawlQueue) -> None:
    [a] = await committed(images, frontier, "a")
    number = await begin_move(database, "other@1", DIMENSION, "other")
    other = Outbox(database, number)
    await other.attach()
    _, [vector] = await images.vectors([a])
    await store_vectors(database, number, [(a, vector)])
    assert await told(other) == [a]
    await forget(database, "other")
    assert (await told(other), await attached(database)) == ([], {})
