"""A served gallery over fakes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from artalike.web.app import create_app
from tests.fakes import TOKEN, FakeServices

Client = TestClient[Any, Any]
Serve = Callable[[FakeServices], Awaitable[Client]]
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def serve(aiohttp_client: Callable[..., Awaitable[Client]]) -> Serve:
    async def serve(fake: FakeServices) -> Client:
        return await aiohttp_client(create_app(fake.services))

    return serve


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
