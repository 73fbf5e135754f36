"""An exported collection into a data folder; an interrupted import is run again, and does what is left to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from anyio import CancelScope, to_thread

from artalike.archive import tables
from artalike.archive.manifest import Manifest
from artalike.archive.shard import Thumbnails, WrongRow, read_shard
from artalike.errors import ArchiveError, QueryError
from artalike.storage import ports
from artalike.storage.blocks import BlockKind
from artalike.storage.carrying import CarriedImage
from artalike.storage.carrying_crawl import add_crawl, add_removed
from artalike.storage.catalog import Database
from artalike.storage.images import Images
from artalike.storage.removal import Removal

T = TypeVar("T")

SHOWN: Final = 5


@dataclass(slots=True)
class Imported:
    """What became of an export: pictures that are ``new``, were ``known``, or may not be here (``refused``).

    ``wrong`` rows are no pictures; ``problems`` are the first of them.
    """

    new: int = 0
    known: int = 0
    refused: int = 0
    wrong: int = 0
    blocks: int = 0
    seeds: int = 0
    seeds_kept: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def images(self) -> int:
        return self.new + self.known + self.refused + self.wrong


@dataclass(frozen=True, slots=True)
class Destination:
    """The collection that takes another in; the caller owns its folder. ``removal`` is of the same database."""

    database: Database
    images: Images
    removal: Removal
    thumbnails: ports.Thumbnails


async def take_in(here: Destination, folder: Path, manifest: Manifest, *, progress: Callable[[int], None]) -> Imported:
    """Add what ``folder`` holds: rules before pictures, pictures before the addresses that lead to them.

    Pictures keep their ids where those are beyond all that were ever given here, so into an empty folder all do.
    Raises ArchiveError, DiskFull, StorageError; what is in by then stays, and may be taken in again.
    """
    done = Imported()
    await _take_rules(here.removal, folder, done)
    for shard in manifest.shards:
        async with aclosing(_stepwise(read_shard(folder, shard, manifest.dimension))) as batches:
            async for batch in batches:
                await _take(here, batch, done)
                progress(done.images)
    await _take_crawl(here.database, folder, manifest, done)
    return done


async def _take_rules(removal: Removal, folder: Path, done: Imported) -> None:
    known = {(block.kind.value, block.value) for block in removal.blocks.all()}
    for kind, value, reason in await _rows(folder, tables.BLOCKS_TABLE):
        if (kind, value) in known:
            continue
        try:
            await removal.block(BlockKind(kind), value, reason=reason)
        except (QueryError, ValueError) as error:
            raise ArchiveError(f"{folder / tables.BLOCKS_TABLE[0]}: {kind} {value!r}: {error}") from error
        done.blocks += 1


async def _take(here: Destination, batch: Sequence[tuple[CarriedImage, Thumbnails] | WrongRow], done: Imported) -> None:
    samples = {}
    for sample in batch:
        if isinstance(sample, WrongRow):
            done.wrong += 1
            done.problems += [str(sample)] if len(done.problems) < SHOWN else []
        else:
            samples[sample[0].sha256] = sample
    await asyncio.gather(*(here.thumbnails.write(image.sha256, made) for image, made in samples.values()))
    committed = await here.images.commit(
        [image.embedding(number) for number, (image, _) in enumerate(samples.values(), start=1)],
        origins={sha256: image.origin for sha256, (image, _) in samples.items()},
    )
    for (image, thumbnails), one in zip(samples.values(), committed, strict=True):
        if one.restored:  # the old ones may have been deleted since
            await here.thumbnails.write(image.sha256, thumbnails)
        done.refused += one.refused is not None
        done.new += one.refused is None and one.new
        done.known += one.refused is None and not one.new
    await here.removal.settle([])


async def _take_crawl(database: Database, folder: Path, manifest: Manifest, done: Imported) -> None:
    removed = await _rows(folder, tables.REMOVED_TABLE)
    await add_removed(database, removed, last_id=manifest.last_id)
    seeds = await _rows(folder, tables.SEEDS_TABLE)
    name, schema = tables.FRONTIER_TABLE
    async with aclosing(_stepwise(tables.read_rows(folder / name, schema))) as frontier:
        done.seeds, done.seeds_kept = await add_crawl(database, seeds, frontier)


async def _rows(folder: Path, table: tuple[str, Any]) -> list[tuple[Any, ...]]:
    name, schema = table
    async with aclosing(_stepwise(tables.read_rows(folder / name, schema))) as batches:
        return [row async for rows in batches for row in rows]


async def _stepwise(steps: Generator[T, None, None]) -> AsyncGenerator[T, None]:
    """Each step in a thread."""
    try:
        while (step := await to_thread.run_sync(next, steps, None)) is not None:
            yield step
    finally:
        # It holds files open; a thread whose task was cancelled may still be at work on it, and is waited for.
        with CancelScope(shield=True):
            await to_thread.run_sync(steps.close)
