"""What asyncio's futures leave to whoever answers them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


def settle(future: asyncio.Future[T], outcome: T | BaseException) -> None:
    """Give the result, or the error; nothing when it was cancelled or settled before."""
    if future.done():
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
        future.exception()  # or asyncio would complain when the waiter is cancelled at this moment
    else:
        future.set_result(outcome)


async def to_its_end(work: Awaitable[T]) -> T:
    """A caller that is cancelled meanwhile by asyncio, from which no scope of anyio shields, is so behind it."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    result = task.result()
    if cancelled is not None:
        raise cancelled
    return result
