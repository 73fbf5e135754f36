"""Who asks goes first: ingest begins nothing new while a query is being answered.

Priorities of threads do not do that by themselves. Every step of a query waits for its turn of the event loop and for
Python's lock, and both are shared with ingest; what is under way beside it costs it more time than its own work does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

PATIENCE_SECONDS: Final = 0.05
"""How long a picture waits at most: with queries without a break ingest goes slowly, and never stands still."""


class Visitors:
    """Counts the queries that are being answered."""

    def __init__(self, *, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._queries = 0
        self._none = asyncio.Event()
        self._none.set()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """For as long as a query is being answered."""
        self._change(1)
        try:
            yield
        finally:
            self._change(-1)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Within :meth:`asking`: for as long as it is the client who is waited for, which may take a while."""
        self._change(-1)
        try:
            yield
        finally:
            self._change(1)

    async def let_pass(self) -> None:
        """Returns at once where nobody asks; else when all have their answers, or patience is at its end."""
        if self._queries:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    await self._none.wait()

    def _change(self, by: int) -> None:
        self._queries += by
        if self._queries:
            self._none.clear()
        else:
            self._none.set()
