"""An index that several processes bring level: one compares all of it, and those that come later what waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artalike.records import FloatArray, IdArray
from artalike.storage.catalog import Database
from artalike.storage.images import Images
from artalike.storage.index_opening import bring_level
from artalike.storage.outbox import Outbox
from artalike.storage.outboxed_index import OutboxedIndex
from artalike.storage.seeds import CrawlQueue
from tests.storage.conftest import DIMENSION, MODEL, embedding_of, leased, pictures, seed_with


class Server:
    """Holds ids, and knows whether it was asked for all of them."""

    size = 0
    stats: dict[str, Any] = {}  # noqa: RUF012  # never written to

    def __init__(self) -> None:
        self.held: set[int] = set()
        self.compared = 0

    async def add(self, ids: IdArray, vectors: FloatArray) -> None:
        assert len(ids) == len(vectors)
        self.held |= set(ids.tolist())

    async def remove(self, ids: IdArray) -> int:
        self.held -= set(ids.tolist())
        return 0

    async def ids(self) -> IdArray:
        self.compared += 1
        return np.array(sorted(self.held), np.int64)

    async def prepare(self) -> None: ...

    async def tend(self) -> None: ...

    async def search(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("these tests follow the catalog, and search for nothing")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "catalog.sqlite3") as database:
        yield database


@pytest.fixture
async def images(database: Database) -> Images:
    return await Images.open(database, MODEL, DIMENSION)


async def opened(database: Database, images: Images, server: Server) -> OutboxedIndex:
    outbox = Outbox(database, images.model)
    await outbox.attach()
    return OutboxedIndex(server, images, outbox)


async def bring_in(database: Database, images: Images, *names: str) -> None:
    frontier = CrawlQueue(database)
    await seed_with(frontier, pictures(*names))
    await images.commit([embedding_of(task) for task in await leased(frontier)])


async def test_who_comes_later_works_off_what_waits_and_compares_nothing(database: Database, images: Images) -> None:
    server = Server()
    await bring_level(await opened(database, images, server), images, first=True)
    await bring_in(database, images, "a", "b")
    assert (server.held, server.compared) == (set(), 1)
    await bring_level(await opened(database, images, server), images, first=False)
    assert (server.held, server.compared) == ({1, 2}, 1)


async def test_an_index_that_never_followed_is_compared_whoever_comes(database: Database, images: Images) -> None:
    await bring_in(database, images, "a", "b")
    server = Server()
    await bring_level(await opened(database, images, server), images, first=False)
    assert (server.held, server.compared) == ({1, 2}, 1)
