"""Whoever pages to the end sees all that was there when they began, once, whatever happens to the index meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import aiohttp
import numpy as np
import pytest

from artalike.service import Service
from artalike.storage import growing_index, growing_index_tier, index_opening
from benchmarks.serve import embedding
from benchmarks.vectors import Made
from tests.running import CARD, client, running, settings_for

AT_FIRST: Final = 2_000
ARRIVING: Final = 10_000
AT_ONCE: Final = 100
READERS: Final = 32


async def arrive(service: Service, first: int, count: int) -> None:
    """New images, as the pipeline commits them and makes them searchable."""
    made = Made(first + count, CARD.dimension)
    for start in range(first, first + count, AT_ONCE):
        vectors = made.rows(start, start + AT_ONCE)
        committed = await service.images.commit([embedding(start + row, vectors[row]) for row in range(AT_ONCE)])
        await service.index.add(np.array([one.id for one in committed], np.int64), vectors)


async def read(api: aiohttp.ClientSession, address: str | None) -> list[int]:
    """The ids on all pages from this one on."""
    seen = list[int]()
    while address is not None:
        async with api.get(address) as response:
            answer = await response.json()
            assert response.status == 200, answer
        seen += [image["id"] for image in answer["results"]]
        address = answer["next"]
    return seen


async def test_32_readers_see_everything_once_while_10_000_images_arrive_and_the_index_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_opening, "GROWN_AT", 2 * AT_FIRST)
    monkeypatch.setattr(growing_index, "TICK_SECONDS", 0.05)
    monkeypatch.setattr(growing_index_tier, "EXACT_ROWS", 100)  # or so small an index would look at everything
    unlimited = {"queries_per_minute": 0}
    async with running(settings_for(tmp_path / "data", gallery=unlimited)) as service, client(service) as api:
        await arrive(service, 0, AT_FIRST)
        arriving = asyncio.create_task(arrive(service, AT_FIRST, ARRIVING))
        starts = [f"/api/random?limit={40 + n}&seed={n}" for n in range(READERS // 2)]
        starts += [f"/api/search?id={1 + 100 * n}&limit={60 + n}" for n in range(READERS // 2)]
        pages = await asyncio.gather(*(read(api, start) for start in starts))
        await arriving
        assert service.index.stats["kind"] == "trained"
        pages += [await read(api, "/api/search?id=1&limit=200"), await read(api, "/api/random?limit=200")]
    for seen in pages:
        assert len(seen) == len(set(seen))
        assert set(range(1, AT_FIRST + 1)) <= set(seen)
    for seen in pages[-2:]:
        assert len(seen) == AT_FIRST + ARRIVING
