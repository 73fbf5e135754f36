"""A stretch of the pipeline is kept empty for a moment, and everybody gets through in the end."""

from __future__ import annotations

import asyncio

from artalike.pipeline.stretch import Stretch


async def test_who_is_in_it_goes_through_and_who_comes_waits_until_it_is_open_again() -> None:
    stretch = Stretch()
    await stretch.enter(1)
    await stretch.enter(2)
    came: list[int] = []

    async def come() -> None:
        await stretch.enter(3)
        came.append(3)

    async def hold() -> None:
        async with stretch.empty():
            came.append(0)
            await asyncio.sleep(0.01)
            assert came == [0]

    holding = asyncio.create_task(hold())
    await asyncio.sleep(0)
    coming = asyncio.create_task(come())
    stretch.leave([2, 7])  # 7 never came in
    await asyncio.sleep(0.01)
    assert came == []
    stretch.leave([1])
    await asyncio.gather(holding, coming)
    assert came == [0, 3]


async def test_a_holder_that_is_cancelled_lets_others_in() -> None:
    stretch = Stretch()
    await stretch.enter(1)

    async def hold() -> None:
        async with stretch.empty():
            raise AssertionError("one is inside")

    holding = asyncio.create_task(hold())
    await asyncio.sleep(0)
    holding.cancel()
    await asyncio.gather(holding, return_exceptions=True)
    async with asyncio.timeout(1):
        await stretch.enter(2)
