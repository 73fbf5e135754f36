"""What ingest does when the disk is full: it waits, visibly."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

import anyio

from artalike.errors import DiskFull

log = logging.getLogger(__name__)

T = TypeVar("T")

ROOM_SECONDS: Final = 5.0
"""How long to wait before asking a full disk again."""


class DiskRoom:
    """Waits for room when the disk is full, and tells that it does. Nothing is dropped meanwhile."""

    def __init__(self) -> None:
        self._waiting: list[DiskFull] = []

    @property
    def problem(self) -> str | None:
        """Why something waits; None while all goes well."""
        return str(self._waiting[-1]) if self._waiting else None

    async def keep_trying(self, operation: Callable[[], Awaitable[T]]) -> T:
        """What ``operation`` returns, once there is room for it."""
        try:
            return await operation()
        except DiskFull as error:
            if not self._waiting:
                log.error("%s; ingest waits until there is room", error)  # noqa: TRY400  # the line says it all
            self._waiting.append(error)
            try:
                return await self._until_it_fits(operation)
            finally:
                self._waiting.remove(error)
                if not self._waiting:
                    log.info("the disk has room again, or is no longer needed")

    async def _until_it_fits(self, operation: Callable[[], Awaitable[T]]) -> T:
        while True:
            await anyio.sleep(ROOM_SECONDS)
            with suppress(DiskFull):
                return await operation()
