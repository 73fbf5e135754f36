"""The engines of a cluster, each started once for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.weed import Weed, why_not


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
