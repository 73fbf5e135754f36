"""Removal: pictures leave the catalog, the index, the disk and every open gallery, and blocks keep them out."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from artalike.errors import StorageError
from artalike.records import IMAGE_KIND
from artalike.storage.blocks import Block, BlockKind, Blocks, normalized, store_block
from artalike.storage.catalog import Connection, Database, Guarded
from artalike.storage.followers import Followers
from artalike.storage.forgetting import family, forget_what_was_read, rows_no_longer_blocked
from artalike.storage.images import Images
from artalike.storage.matching import count_images, matching_images, matching_rows
from artalike.storage.notices import Changed
from artalike.storage.tombstones import BATCH, bar_rows, drop_rows, remove_images, remove_unreachable

log = logging.getLogger(__name__)

T = TypeVar("T")


class Removal:
    """Implements :class:`artalike.storage.ports.Removal`. Use :meth:`open`.

    ``on_removed`` is told the ids that have gone, after each commit and after the index has let go of them.
    """

    def __init__(
        self,
        database: Database,
        images: Images,
        blocks: Blocks,
        followers: Followers,
        on_removed: Callable[[Sequence[int]], None],
    ) -> None:
        self._database = database
        self._images = images
        self._blocks = blocks
        self._followers = followers
        self._on_removed = on_removed
        self._ruling = asyncio.Lock()  # a block is not undone while it is being applied
        self._under_way: set[asyncio.Task[Any]] = set()
        self._scrubbing = self._scrub_wanted = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        database: Database,
        images: Images,
        blocks: Blocks,
        followers: Followers,
        on_removed: Callable[[Sequence[int]], None],
    ) -> AsyncIterator[Removal]:
        """What a killed process left half done is done first; at the end, what is under way is waited for."""
        removal = cls(database, images, blocks, followers, on_removed)
        await removal._resume()
        try:
            yield removal
        finally:
            await asyncio.gather(*removal._under_way, return_exceptions=True)

    @property
    def blocks(self) -> Blocks:
        """The rules in force."""
        return self._blocks

    async def take_down(self, ids: Sequence[int], *, reason: str | None = None) -> list[int]:
        """Take images out for good, and block their bytes. Which of ``ids`` were images."""
        return await self._to_the_end(self._take_down(ids, reason))

    async def block(self, kind: BlockKind, value: str, *, reason: str | None = None) -> tuple[Block, int]:
        """Add a rule, and remove what it matches. The rule, and how many images it has removed. Raises QueryError."""
        return await self._to_the_end(self._block(kind, normalized(kind, value), reason))

    async def preview(self, kind: BlockKind, value: str) -> int:
        """How many images :meth:`block` would remove. Raises QueryError."""
        return await count_images(self._database, Block(0, kind, normalized(kind, value), None, 0))

    async def unblock(self, block_id: int) -> Block:
        """Undo a rule: what it has taken out may be found again by a later crawl. Raises NotFound."""
        return await self._to_the_end(self._unblock(block_id))

    async def withdraw(self, seed_id: int, addresses: Sequence[str]) -> list[int]:
        """Let go of what a seed found at addresses that are gone at their home; ids of the images that went with it.

        With a document goes what was found in it. All of it may be found anew, and an image then has its old id.
        """
        return await self._to_the_end(self._withdraw(seed_id, addresses))

    async def settle(self, removed: Sequence[int]) -> None:
        """After a commit that has removed images: the index, the listeners and the disk follow. Safe to repeat."""
        if removed:
            await self._followers.hide(removed)
            self._on_removed(removed)
        await self._followers.clear()

    async def _take_down(self, ids: Sequence[int], reason: str | None) -> list[int]:
        added: list[Block] = []
        removed: list[int] = []
        async with self._database.write() as connection:
            for image_id, sha256 in await _contents(connection, ids):
                block = await store_block(connection, BlockKind.SHA256, sha256.hex(), reason)
                removed += await remove_images(connection, [image_id], block=block.id, detail=str(block))
                added.append(block)
            await _applied(connection, added)
        for block in added:
            self._blocks.put(block)
        await self._follow(removed)
        if removed:
            await self._database.checkpoint()
            self._scrub_soon()
        return removed

    async def _block(self, kind: BlockKind, value: str, reason: str | None) -> tuple[Block, int]:
        async with self._ruling, self._database.guarded(Guarded.RULING):
            async with self._database.write() as connection:
                block = await store_block(connection, kind, value, reason)
            # From here on no commit lets anything in that the rule matches; what came before is found below.
            self._blocks.put(block)
            return block, await self._apply(block)

    async def _apply(self, block: Block) -> int:
        count = 0
        async for ids in matching_images(self._database, block):
            async with self._database.write() as connection:
                removed = await remove_images(connection, ids, block=block.id, detail=str(block))
            await self._follow(removed)
            count += len(removed)
        async for row_ids in matching_rows(self._database, block):
            async with self._database.write() as connection:
                await bar_rows(connection, row_ids, str(block))
        async with self._database.write() as connection:
            await _applied(connection, [block])
        await self._database.checkpoint()
        self._scrub_soon()
        return count

    async def _unblock(self, block_id: int) -> Block:
        async with self._ruling, self._database.guarded(Guarded.RULING):
            async with self._database.read() as connection:
                await self._blocks.follow(connection)
            block = self._blocks.get(block_id)
            while True:
                async with self._database.write() as connection:
                    if not await _give_free(connection, block_id):
                        await connection.execute("DELETE FROM blocks WHERE id = ?", (block_id,))
                        connection.tell(Changed.BLOCKS, [block_id])
                        break
            self._blocks.discard(block_id)
            async for row_ids in rows_no_longer_blocked(self._database, self._blocks):
                async with self._database.write() as connection:
                    await forget_what_was_read(connection, row_ids)
                    await drop_rows(connection, row_ids)
            return block

    async def _withdraw(self, seed_id: int, addresses: Sequence[str]) -> list[int]:
        removed: list[int] = []
        rows = await family(self._database, seed_id, addresses)
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            async with self._database.write() as connection:
                gone = await _let_go(connection, [url for _, kind, url in batch if kind == IMAGE_KIND])
                await drop_rows(connection, [row_id for row_id, _, _ in batch])
                gone = await remove_unreachable(connection, gone)
            await self._follow(gone)
            removed += gone
        if removed:
            await self._database.checkpoint()
        return removed

    def _scrub_soon(self) -> None:
        """Let the words of what was taken out leave the disk, too; nobody waits for that but the end of the process."""
        self._scrub_wanted = True
        if not self._scrubbing:
            self._scrubbing = True
            task = asyncio.create_task(self._scrub())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _scrub(self) -> None:
        try:
            while self._scrub_wanted:
                self._scrub_wanted = False
                await self._database.scrub_words()
                await self._database.checkpoint()
        except StorageError as error:
            log.warning("%s; words of a removed picture may still be on the disk", error)
        finally:
            self._scrubbing = False

    async def _follow(self, removed: Sequence[int]) -> None:
        self._images.forget(removed)
        await self.settle(removed)

    async def _resume(self) -> None:
        async with self._ruling, self._database.guarded(Guarded.RULING):  # whoever is at it comes to its end
            async with self._database.read() as connection:
                await self._blocks.follow(connection)
                rows = list(await connection.execute_fetchall("SELECT id FROM blocks WHERE applied = 0"))
            for (block_id,) in rows:
                await self._apply(self._blocks.get(block_id))
        await self._followers.clear()

    async def _to_the_end(self, work: Coroutine[Any, Any, T]) -> T:
        """A caller that goes away does not stop a removal half way."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)


async def _contents(connection: Connection, ids: Sequence[int]) -> list[Any]:
    return list(
        await connection.execute_fetchall(
            "SELECT id, sha256 FROM images WHERE id IN (SELECT value FROM json_each(?)) AND removed_at IS NULL",
            (json.dumps(list(ids)),),
        )
    )


async def _applied(connection: Connection, blocks: Sequence[Block]) -> None:
    await connection.executemany("UPDATE blocks SET applied = 1 WHERE id = ?", [(block.id,) for block in blocks])


async def _give_free(connection: Connection, block_id: int) -> bool:
    """Let some of what a block has taken out come back, by bytes and by address. Whether there was any."""
    rows = await connection.execute_fetchall("SELECT id FROM images WHERE removed_by = ? LIMIT ?", (block_id, BATCH))
    ids = json.dumps([row[0] for row in rows])
    await connection.execute("DELETE FROM image_urls WHERE image_id IN (SELECT value FROM json_each(?))", (ids,))
    await connection.execute("UPDATE images SET removed_by = NULL WHERE id IN (SELECT value FROM json_each(?))", (ids,))
    return ids != "[]"


async def _let_go(connection: Connection, urls: Sequence[str]) -> list[int]:
    """Forget that these addresses lead to images. To which they did; tombstones stay.

    Other seeds that had them forget them too, and may find them again.
    """
    wanted = json.dumps(list(urls))
    others = await connection.execute_fetchall(
        "SELECT frontier.id FROM json_each(?) AS gone CROSS JOIN seeds CROSS JOIN frontier "
        "WHERE frontier.seed_id = seeds.id AND frontier.kind = 'image' AND frontier.url = gone.value "
        "AND frontier.state = 'done'",
        (wanted,),
    )
    await drop_rows(connection, [row[0] for row in others])
    rows = await connection.execute_fetchall(
        "DELETE FROM image_urls WHERE url IN (SELECT CAST(value AS TEXT) FROM json_each(?)) AND EXISTS "
        "(SELECT 1 FROM images WHERE id = image_id AND removed_at IS NULL) RETURNING image_id",
        (wanted,),
    )
    return sorted({row[0] for row in rows})
