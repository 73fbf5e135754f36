"""A real catalog, on each kind of database, and builders for what goes into it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest

from artalike.records import Artwork, Candidate, Embedding, Metadata, Picture, Task
from artalike.storage.catalog import Database
from artalike.storage.images import Images
from artalike.storage.seeds import CrawlQueue
from tests.cluster.postgres import Postgres, served

DIMENSION = 8
MODEL = "test@00000000/1"


def embedding_of(task: Task, content: str | None = None) -> Embedding:
    """A stored picture whose bytes are ``content``; by default as many contents as addresses."""
    sha256 = hashlib.sha256((content or task.url).encode()).digest()
    vector = np.random.default_rng(int.from_bytes(sha256[:4])).standard_normal(DIMENSION).astype(np.float32)
    artwork = Artwork(640, 480, "JPEG", "#102030", 0xF000000000000001, {}, np.zeros((4, 4, 3), np.uint8))
    return Embedding(Picture(task, task.url, sha256, 1234, artwork), vector / np.linalg.norm(vector))


def pictures(*names: str, host: str = "a.example", title: str | None = None) -> list[Candidate]:
    return [Candidate(f"https://{host}/{name}.jpg", metadata=Metadata(title=title)) for name in names]


async def leased(frontier: CrawlQueue, limit: int = 100) -> list[Task]:
    return await frontier.lease(limit, busy_hosts=(), per_host=limit)


async def seed_with(frontier: CrawlQueue, found: list[Candidate], source: str = "https://a.example/list.txt") -> int:
    """A seed whose list has been read to its end. Its id."""
    seed = await frontier.add_seed(Candidate(source, kind="list"), source, {})
    tasks = await leased(frontier)
    root = next(task for task in tasks if task.seed_id == seed.id and task.kind == "list")
    await frontier.release([task for task in tasks if task is not root])
    await frontier.store_found(root, found, cursor=None)
    await frontier.finish(root)
    return seed.id


SQLITE, POSTGRES = "sqlite", "postgres"


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRES, marks=pytest.mark.cluster)])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where there is room for a catalog, of each kind that there is; see ``on_sqlite``."""
    if request.param == SQLITE:
        return tmp_path / "catalog.sqlite3"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """PostgreSQL's own server, in which each test has a database. A test that kills it starts it again."""
    yield from served()


@pytest.fixture
async def database(catalog: Path | str) -> AsyncIterator[Database]:
    async with Database.open(catalog) as database:
        yield database


@pytest.fixture
async def images(database: Database) -> Images:
    return await Images.open(database, MODEL, DIMENSION)


@pytest.fixture
def frontier(database: Database) -> CrawlQueue:
    return CrawlQueue(database)


on_sqlite = pytest.mark.parametrize("catalog", [SQLITE], indirect=True)
"""For a test about SQLite itself."""
