"""`export` and `import`: a collection as files that other programs read too, and back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from artalike.archive.export import Collection, export
from artalike.archive.importing import Destination, Imported, take_in
from artalike.archive.manifest import Manifest, read_manifest
from artalike.commands.resting import resting
from artalike.commands.status import existing
from artalike.config import Settings
from artalike.errors import StartError
from artalike.storage.catalog import Place, open_catalog
from artalike.storage.checks import overview
from artalike.storage.folder import DataFolder
from artalike.storage.images import Images
from artalike.storage.thumbnails import open_thumbnails


def run_export(settings: Settings, target: Path, *, shard_size: int, as_json: bool) -> int:
    """Write the collection into a folder. Raises StartError without a collection, UsageError, StorageError."""
    folder = existing(settings)
    manifest = asyncio.run(_export(folder, settings, target, shard_size))
    done = {"folder": str(target), "images": manifest.images, "shards": len(manifest.shards)}
    _print(done, f"{manifest.images:,} pictures in {len(manifest.shards):,} shards in {target}", as_json=as_json)
    return 0


def run_import(settings: Settings, source: Path, *, as_json: bool) -> int:
    """Take an exported collection in; 1 when some of its pictures could not be.

    Raises ArchiveError, StartError for a collection by another model, FolderInUse, StorageError.
    """
    manifest = read_manifest(source)
    folder = DataFolder(settings.storage.data)
    with folder.locked():
        done = asyncio.run(_import(folder, settings, source, manifest))
    _print({"folder": str(source), **asdict(done)}, _told(done), as_json=as_json)
    return 1 if done.wrong else 0


async def _export(folder: DataFolder, settings: Settings, target: Path, shard_size: int) -> Manifest:
    async with open_catalog(settings.storage, readers=2) as database:
        found = await overview(database)
        if found["model"] is None:
            raise StartError(f"--data {folder.root}: no picture has ever come in; expected a collection with pictures")
        name = str(await asyncio.to_thread(folder.root.resolve))
        thumbnails = await open_thumbnails(settings.storage, folder)
        collection = Collection(name, found["model"], found["dimension"], database, thumbnails)
        with _bar("exporting", found["images"]) as progress:
            return await export(collection, target, shard_size=shard_size, progress=progress)


async def _import(folder: DataFolder, settings: Settings, source: Path, manifest: Manifest) -> Imported:
    """The caller owns the folder."""
    async with open_catalog(settings.storage, readers=1, place=Place.ALONE) as database:
        found = await overview(database)
        if found["model"] not in {None, manifest.model_id} and found["images"]:
            raise StartError(
                f"{source}: embedded by {manifest.model_id}, the collection in {folder.root} by {found['model']}; "
                "expected the same model, or another data folder (--data)"
            )
        await Images.open(database, manifest.model_id, manifest.dimension)  # from here on it is the active one
    async with resting(folder, settings) as (database, images, removal):
        here = Destination(database, images, removal, await open_thumbnails(settings.storage, folder))
        with _bar("importing", manifest.images) as progress:
            return await take_in(here, source, manifest, progress=progress)


@contextmanager
def _bar(name: str, total: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=total)
        yield lambda done: progress.update(task, completed=done)


def _told(done: Imported) -> str:
    lines = [f"{done.new:,} pictures are new, {done.known:,} were here, {done.refused:,} are blocked here"]
    lines += [f"{done.blocks:,} rules and {done.seeds:,} seeds came with them"]
    lines += [f"seed {source}: here already, and left as it is" for source in done.seeds_kept]
    if done.wrong:
        lines += [f"{done.wrong:,} rows are no pictures and were left out:", *(f"  {line}" for line in done.problems)]
    return "\n".join(lines)


def _print(done: dict[str, Any], text: str, *, as_json: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        console.print_json(json.dumps(done))
    else:
        console.print(text, markup=False)
