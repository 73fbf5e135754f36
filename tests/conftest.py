"""Fixtures for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster, blockbuster_ctx


@pytest.fixture(autouse=True)
def nothing_blocks_the_event_loop() -> Iterator[BlockBuster]:
    """Any call of the package that blocks while the event loop runs fails the test."""
    with blockbuster_ctx("artalike") as detector:
        yield detector
