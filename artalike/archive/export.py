"""A collection out of its data folder, while it is served or at rest; an interrupted export goes on where it was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from anyio import to_thread

from artalike import __version__
from artalike.archive import shard as shards
from artalike.archive import tables
from artalike.archive.manifest import (
    FORMAT,
    MANIFEST,
    UNFINISHED,
    Manifest,
    Shard,
    Unfinished,
    read_unfinished,
    write_record,
)
from artalike.errors import ArchiveError, UsageError
from artalike.storage.blocks import Blocks
from artalike.storage.carrying import carried_images
from artalike.storage.carrying_crawl import frontier_rows, last_image_id, removed_rows, seed_rows
from artalike.storage.catalog import Database
from artalike.storage.files import remove_leftovers, storage_error
from artalike.storage.ports import Thumbnails

SHARD_SIZE: Final = 1000
"""Pictures in one shard, by default: some tens of megabytes."""

Progress = Callable[[int], None]
"""Told how many pictures are done."""


@dataclass(frozen=True, slots=True)
class Collection:
    """What is exported: ``name`` tells it from others, ``dimension`` is its active model's."""

    name: str
    model_id: str
    dimension: int
    database: Database
    thumbnails: Thumbnails


async def export(collection: Collection, folder: Path, *, shard_size: int = SHARD_SIZE, progress: Progress) -> Manifest:
    """Write all of a collection into ``folder``, which is made, is empty, or holds the same export unfinished.

    The addresses of the crawl are read before the pictures, so that each that is done has its picture in the export,
    and what was taken out is read last. Raises UsageError for another folder, DiskFull, StorageError.
    """
    unfinished = Unfinished(collection=collection.name, model_id=collection.model_id, shard_size=shard_size)
    done = await to_thread.run_sync(_begin, folder, unfinished)
    await _export_crawl(collection.database, folder)
    images, after = sum(shard.images for shard in done), 0
    if done:
        after = await to_thread.run_sync(shards.last_id, folder, done[-1])
    while found := await carried_images(collection.database, after=after, limit=shard_size):
        progress(images)
        read = await asyncio.gather(*(collection.thumbnails.read(image.sha256) for image in found))
        samples = list(zip(found, read, strict=True))
        written = await to_thread.run_sync(
            shards.write_shard, folder, f"{len(done):05d}", collection.dimension, samples
        )
        done.append(written)
        images, after = images + len(found), found[-1].id
    progress(images)
    await _export_rules(collection.database, folder)
    manifest = Manifest(
        artalike=FORMAT,
        version=__version__,
        model_id=collection.model_id,
        dimension=collection.dimension,
        images=images,
        last_id=await last_image_id(collection.database),
        exported_at=time.time(),
        shards=tuple(done),
    )
    await to_thread.run_sync(write_record, folder / MANIFEST, manifest)
    await to_thread.run_sync(partial((folder / UNFINISHED).unlink, missing_ok=True))
    return manifest


def _begin(folder: Path, wanted: Unfinished) -> list[Shard]:
    """Make the folder ready. The shards that it holds of this export already."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        empty = next(folder.iterdir(), None) is None
    except OSError as error:
        raise storage_error(error, folder) from error
    before = read_unfinished(folder)
    if (folder / MANIFEST).exists() or (not empty and before is None):
        raise UsageError(f"{folder}: not empty; expected a new folder, or one with an export that was interrupted")
    if before is not None and before != wanted:
        raise UsageError(
            f"{folder}: holds an unfinished export of {before.collection} by {before.model_id} in shards of "
            f"{before.shard_size}; expected a new folder, or the same"
        )
    if before is None:
        write_record(folder / UNFINISHED, wanted)
    return _whole_shards(folder)


def _whole_shards(folder: Path) -> list[Shard]:
    """Those from the first on, up to one that was not finished."""
    found: list[Shard] = []
    while True:
        shard = Shard(name=f"{len(found):05d}", images=0, bytes=0)
        for path in (shard.tar(folder), shard.table(folder)):
            remove_leftovers(path)
        try:
            size = shard.tar(folder).stat().st_size if shard.table(folder).exists() else None
            images = shards.count(folder, shard) if size is not None else 0
        except (OSError, ArchiveError):
            return found  # written anew
        if size is None:
            return found
        found.append(shard.model_copy(update={"images": images, "bytes": size}))


async def _export_crawl(database: Database, folder: Path) -> None:
    name, schema = tables.SEEDS_TABLE
    await to_thread.run_sync(tables.write_rows, folder / name, schema, await seed_rows(database))
    name, schema = tables.FRONTIER_TABLE
    async with tables.RowsWriter.open(folder / name, schema) as writer:
        async for rows in frontier_rows(database, batch=tables.BATCH):
            await writer.write(rows)


async def _export_rules(database: Database, folder: Path) -> None:
    blocks = await Blocks.open(database)
    name, schema = tables.BLOCKS_TABLE
    rules = [(block.kind.value, block.value, block.reason) for block in reversed(blocks.all())]
    await to_thread.run_sync(tables.write_rows, folder / name, schema, rules)
    name, schema = tables.REMOVED_TABLE
    await to_thread.run_sync(tables.write_rows, folder / name, schema, await removed_rows(database))
