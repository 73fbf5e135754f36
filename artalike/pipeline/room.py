"""What ingest does when the disk is full, or what stores for us cannot be reached: it waits, visibly."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

import anyio

from artalike.errors import StorageUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

ROOM_SECONDS: Final = 5.0
"""How long to wait before asking again."""


class DiskRoom:
    """Waits while nothing can be written, and tells that it does. Nothing is dropped meanwhile."""

    def __init__(self) -> None:
        self._waiting: list[StorageUnavailable] = []

    @property
    def problem(self) -> str | None:
        """Why something waits; None while all goes well."""
        return str(self._waiting[-1]) if self._waiting else None

    async def keep_trying(self, operation: Callable[[], Awaitable[T]]) -> T:
        """What ``operation`` returns, once there is room for it."""
        try:
            return await operation()
        except StorageUnavailable as error:
            if not self._waiting:
                log.error("%s; ingest waits until that has passed", error)  # noqa: TRY400  # the line says it all
            self._waiting.append(error)
            try:
                return await self._until_it_fits(operation)
            finally:
                self._waiting.remove(error)
                if not self._waiting:
                    log.info("what is written goes through again, or is no longer needed")

    async def _until_it_fits(self, operation: Callable[[], Awaitable[T]]) -> T:
        while True:
            await anyio.sleep(ROOM_SECONDS)
            with suppress(StorageUnavailable):
                return await operation()
