"""What lasts longer than one test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fuzz.engine import LOOP


@pytest.fixture(autouse=True)
def one_loop() -> Iterator[None]:
    yield
    LOOP.close()
