"""What others that share the catalog have changed, followed in this process: counts, blocks, events, the crawler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from artalike.events import MISSED, Event, EventBus
from artalike.records import Image
from artalike.storage.blocks import Blocks
from artalike.storage.catalog import Database
from artalike.storage.images import Images
from artalike.storage.notices import Changed, Heard

SHOWN_MOST: Final = 200
"""Pictures told to galleries at once; of more these are the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """Call it with what was heard. Raises StorageError, and then is to be called with the same again.

    ``arrived`` is told of how many pictures the index has been told; ``wake`` tells the crawler that there may be work.
    """

    database: Database
    images: Callable[[], Images]
    blocks: Blocks
    events: EventBus
    describe: Callable[[Image], dict[str, Any]]
    arrived: Callable[[int], None]
    wake: Callable[[], None]

    async def __call__(self, heard: Heard) -> None:
        images, about = self.images(), {notice.what for notice in heard.notices}
        before = await images.missing_ids()
        if heard.all:
            await images.recount()
            await self.blocks.read(self.database)
        for notice in heard.notices:
            images.follow(notice)
        if Changed.BLOCKS in about:
            async with self.database.read() as connection:
                await self.blocks.follow(connection)
        await self.database.recount()
        if heard.all or Changed.SEEDS in about:
            self.wake()
        if heard.all:
            gone = np.setdiff1d(await images.missing_ids(), before)[-SHOWN_MOST:].tolist()
        else:
            gone = _ids(heard, Changed.REMOVED)
        back = set(images.without_removed(gone))
        for image_id in gone:
            if image_id not in back:
                self.events.publish(Event("removed", {"id": image_id}))
        await self._show(images, _ids(heard, Changed.SEARCHABLE))

    async def _show(self, images: Images, ids: list[int]) -> None:
        self.arrived(len(ids))
        if not ids or not self.events.subscribers:
            return
        there = await images.images(ids[-SHOWN_MOST:])
        if unseen := len(ids[:-SHOWN_MOST]):
            self.events.publish(Event(MISSED, {"count": unseen}))
        for image in there:
            self.events.publish(Event("image", self.describe(image), id=image.id))


def _ids(heard: Heard, what: Changed) -> list[int]:
    """Of what others have changed; and of what the index has been told, whoever has told it."""
    wanted = (n for n in heard.notices if n.what is what and not (n.own and what is Changed.REMOVED))
    return [number for notice in wanted for number in notice.ids]
