"""Fixtures for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

# For torch and faiss here and in processes that tests start. Several tests run at once: threads for all cores in each
# of them would wait busily for cores that the others have.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Compiling a network takes both cores for half a minute: only tests that are about it ask for it.
os.environ.setdefault("ARTALIKE_EMBEDDING__COMPILE", "off")


@pytest.fixture(autouse=True)
def nothing_blocks_the_event_loop() -> Iterator[BlockBuster]:
    """Any call of the package that blocks while the event loop runs fails the test."""
    with blockbuster_ctx("artalike") as detector:
        yield detector
