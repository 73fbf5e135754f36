"""Of a collection that several processes share: it stays with its model while they run."""

from __future__ import annotations

from typing import Any

from artalike.errors import UsageError
from artalike.reembed.move import Reembedding
from artalike.storage.models import StoredModel


class SharedCollection:
    """In the place of :class:`Reembedding`, with all that it does but moving: that exchanges the engine of one process
    and would leave those of the others with the old model.
    """

    def __init__(self, reembedding: Reembedding) -> None:
        self._reembedding = reembedding

    @property
    def status(self) -> dict[str, Any]:
        return self._reembedding.status

    async def start(self, name: str) -> None:
        """Raises UsageError."""
        raise UsageError(
            f"model = {name!r}: several processes share this collection (server.role); expected them to be stopped, "
            f"and then: python -m artalike reembed --model {name}"
        )

    async def models(self) -> list[StoredModel]:
        return await self._reembedding.models()

    async def forget(self, name: str) -> int:
        """As of one process. Raises UsageError."""
        return await self._reembedding.forget(name)
