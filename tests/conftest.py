"""Fixtures for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from importlib import import_module

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


@pytest.fixture(scope="session", autouse=True)
def pages_are_read_once() -> Iterator[None]:
    """Many hundred galleries start here, and to read, pack and compile the files of its pages is most of a start."""
    pages = import_module("artalike.web.pages")  # not above: libraries that it imports heed what stands there
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "_read", cache(pages._read))
        yield
