"""What ingest does when the disk is full: it waits, visibly."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import anyio

from artalike.errors import DiskFull

log = logging.getLogger(__name__)

T = TypeVar("T")

ROOM_SECONDS: Final = 5.0
"""How long to wait before asking a full disk again."""


class DiskRoom:
    """Waits for room when the disk is full, and tells that it does. Nothing is dropped meanwhile."""

    def __init__(self, seconds: float = ROOM_SECONDS) -> None:
        self._seconds = seconds
        self.problem: str | None = None

    async def keep_trying(self, operation: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                result = await operation()
            except DiskFull as error:
                if self.problem is None:
                    log.error("%s; ingest waits until there is room", error)  # noqa: TRY400  # the line says it all
                self.problem = str(error)
                await anyio.sleep(self._seconds)
            else:
                if self.problem is not None:
                    log.info("there is room on the disk again")
                    self.problem = None
                return result
