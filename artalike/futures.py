"""What asyncio's futures leave to whoever answers them."""

from __future__ import annotations

import asyncio
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
