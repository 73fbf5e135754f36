"""Queries go before ingest."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path

import pytest

from artalike import service as composition
from artalike.visitors import Visitors
from tests.running import running, settings_for, settled
from tests.sites import draw


async def waiting(visitors: Visitors) -> asyncio.Task[None]:
    """Somebody who lets all pass, and has had the time to."""
    task = asyncio.create_task(visitors.let_pass())
    for _ in range(5):
        await asyncio.sleep(0)
    return task


async def test_nobody_waits_for_nobody() -> None:
    visitors = Visitors(patience=30)
    assert (await waiting(visitors)).done()
    with visitors.asking():
        pass
    assert (await waiting(visitors)).done()


async def test_the_last_query_is_waited_for() -> None:
    visitors = Visitors(patience=30)
    with visitors.asking():
        with visitors.asking():
            behind = await waiting(visitors)
        await asyncio.sleep(0.01)
        assert not behind.done()
    async with asyncio.timeout(5):
        await behind


async def test_a_client_who_is_waited_for_holds_up_nobody() -> None:
    visitors = Visitors(patience=30)
    with visitors.asking():
        with visitors.waiting():
            assert (await waiting(visitors)).done()
        behind = await waiting(visitors)
        assert not behind.done()
    await behind


async def test_patience_ends() -> None:
    visitors = Visitors(patience=0.05)
    with visitors.asking():
        began = time.monotonic()
        async with asyncio.timeout(5):
            await visitors.let_pass()
        assert time.monotonic() - began >= 0.05


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(6):
        (pictures / f"{number}.png").write_bytes(draw(number))
    return pictures


async def test_pictures_wait_until_a_query_has_its_answer(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(composition, "Visitors", partial(Visitors, patience=30))
    async with running(settings_for(tmp_path / "data")) as service:
        with service.visitors.asking():
            await service.add_seed(str(folder))
            async with asyncio.timeout(10):
                while not service.pipeline.statistics()["fetch"]["rate"]:
                    await asyncio.sleep(0.02)
            await asyncio.sleep(0.3)
            assert service.stats()["images"] == 0
        await settled(service, seconds=10)
        assert service.stats()["images"] == 6


async def test_with_queries_without_a_break_pictures_still_come_in(tmp_path: Path, folder: Path) -> None:
    async with running(settings_for(tmp_path / "data")) as service:
        with service.visitors.asking():
            await service.add_seed(str(folder))
            await settled(service, seconds=10)
        assert service.stats()["images"] == 6
