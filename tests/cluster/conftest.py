"""The engines of a cluster, each started once for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster import milvus
from tests.cluster import postgres as databases
from tests.cluster.milvus import MilvusServer
from tests.cluster.postgres import Postgres
from tests.cluster.weed import Weed, why_not


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """PostgreSQL's own server, in which each test has a database. A test that kills it starts it again."""
    yield from databases.served()


@pytest.fixture(scope="session")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weed]:
    """Object storage that speaks S3, with the tests' bucket. A test that kills it starts it again."""
    if reason := why_not():
        pytest.skip(reason)
    server = Weed(tmp_path_factory.mktemp("weed"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def milvus_lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    """Milvus Lite as a server: starts in a second."""
    yield from _milvus(tmp_path_factory, lite=True)


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    """Milvus itself. A test that kills it starts it again."""
    yield from _milvus(tmp_path_factory, lite=False)


def _milvus(tmp_path_factory: pytest.TempPathFactory, *, lite: bool) -> Iterator[MilvusServer]:
    if reason := milvus.why_not("milvus_lite" if lite else "milvus"):
        pytest.skip(reason)
    server = MilvusServer(tmp_path_factory.mktemp("milvus"), lite=lite)
    try:
        server.start()
        yield server
    finally:
        server.stop()
