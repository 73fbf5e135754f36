"""A collection that no server runs on, opened to be changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from anyio import to_thread

from artalike.config import Index, Settings
from artalike.storage.blocks import Blocks
from artalike.storage.catalog import Database, Place, open_catalog
from artalike.storage.checks import overview
from artalike.storage.folder import DataFolder
from artalike.storage.followers import Followers
from artalike.storage.images import Images
from artalike.storage.index_opening import open_index
from artalike.storage.removal import Removal
from artalike.storage.thumbnails import open_thumbnails


@asynccontextmanager
async def resting(folder: DataFolder, settings: Settings) -> AsyncIterator[tuple[Database, Images, Removal]]:
    """The caller owns the folder's lock. At the end the snapshot is without what was removed."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_catalog(settings.storage, place=Place.ALONE))
        found = await overview(database)
        model_id, dimension = found["model"], found["dimension"]
        blocks = await Blocks.open(database)
        if model_id is None:  # nothing has ever been embedded, and nothing can be removed
            model_id, dimension, images = "", 1, Images(database, 0, 1, blocks=blocks)
        else:
            images = await Images.open(database, model_id, dimension, blocks=blocks)
        snapshot = folder.snapshot_of(images.model)
        chosen = settings.index if images.model else Index()  # a server has nothing of what is nobody's
        opened = await stack.enter_async_context(open_index(snapshot, model_id, dimension, chosen, images))
        index, saved = opened.index, opened.problem is None
        if not saved:  # missing or torn: the next start builds the index from the catalog
            await to_thread.run_sync(partial(snapshot.unlink, missing_ok=True))
        stale = bool((await index.follow(images)).removed) if saved else False
        gone: list[int] = []
        thumbnails = await open_thumbnails(settings.storage, folder)
        followers = Followers(database, images, index, thumbnails)
        removal = await stack.enter_async_context(Removal.open(database, images, blocks, followers, gone.extend))
        try:
            yield database, images, removal
        finally:
            if opened.kept and saved and (gone or stale):
                await opened.kept.save(snapshot)
