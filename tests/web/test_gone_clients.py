"""A client goes away, and with it what was still to be done for it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from tests.running import client as client_of
from tests.running import running, settings_for
from tests.sites import draw
from tests.web.test_api import pictures

AT_ONCE = os.cpu_count() or 1


async def test_what_a_client_that_has_gone_asked_for_is_not_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, asked = asyncio.Event(), list[int]()
    async with running(settings_for(tmp_path / "data")) as service, client_of(service) as client:
        answer = service.index.search

        async def slow(vectors: Any, k: int, **choice: Any) -> Any:
            asked.append(len(vectors))
            await gate.wait()
            return await answer(vectors, k, **choice)

        async def upload(number: int) -> int:
            async with client.post("/api/search", data=pictures(draw(number))) as response:
                await response.read()
                return response.status

        async def until(searching: int, waiting: int) -> None:
            async with asyncio.timeout(10):
                while (sum(asked), service.searches.waiting) != (searching, waiting):
                    await asyncio.sleep(0.01)

        monkeypatch.setattr(service.index, "search", slow)
        patient = []
        for number in range(AT_ONCE):
            patient.append(asyncio.create_task(upload(number)))
            await until(number + 1, 0)
        impatient = asyncio.create_task(upload(AT_ONCE))
        await until(AT_ONCE, 1)
        impatient.cancel()
        await until(AT_ONCE, 0)
        gate.set()
        assert set(await asyncio.gather(*patient)) == {200}
        assert sum(asked) == AT_ONCE
