"""`doctor`: checks every promise about the data, and names each that is broken."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

from rich.console import Console

from artalike.commands.client import Address, Server, find
from artalike.commands.status import existing
from artalike.config import Index, Settings
from artalike.storage import checks
from artalike.storage.catalog import Database, open_catalog
from artalike.storage.folder import DataFolder
from artalike.storage.images import Images
from artalike.storage.index_opening import differing, open_index
from artalike.storage.thumbnails import open_thumbnails

SETTLE_TRIES: Final = 20
SETTLE_SECONDS: Final = 0.25
"""A running index follows the catalog by a moment; it has this long to come level."""


@dataclass(frozen=True, slots=True)
class Result:
    promise: int
    text: str
    problems: list[str]


def run_doctor(settings: Settings, *, as_json: bool) -> int:
    """1 when a promise is broken. Raises StartError when there is no collection to check, or another process has it."""
    folder, address = existing(settings), find(settings)
    # A server that starts meanwhile would write to the same files.
    with folder.locked() if address is None else nullcontext():
        results = asyncio.run(_examine(folder, address, settings))
    broken = [result for result in results if result.problems]
    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        listed = [{"promise": r.promise, "text": r.text, "ok": not r.problems, "problems": r.problems} for r in results]
        console.print_json(json.dumps({"ok": not broken, "checks": listed}))
    else:
        for result in results:
            mark = "broken" if result.problems else "ok    "
            console.print(f"{mark}  promise {result.promise}: {result.text}", markup=False)
            for problem in result.problems:
                console.print(f"        {problem}", markup=False)
        console.print(f"{len(results) - len(broken)} checks passed, {len(broken)} failed", markup=False)
    return 1 if broken else 0


async def _examine(folder: DataFolder, address: Address | None, settings: Settings) -> list[Result]:
    """The caller owns the folder, unless the server at ``address`` does."""
    async with open_catalog(settings.storage, readers=1) as database:
        results = [Result(1, "the catalog is whole", await database.check())]
        thumbnails = await open_thumbnails(settings.storage, folder)
        results.append(
            Result(1, "every image has its thumbnails", await checks.missing_thumbnails(database, thumbnails))
        )
        results.append(
            Result(5, "nothing removed has thumbnails", await checks.thumbnails_of_removed(database, thumbnails))
        )
        results.append(Result(5, "nothing blocked is in", await checks.blocked_images(database)))
        results += [Result(c.promise, c.text, await checks.run_query(database, c)) for c in checks.QUERIES]
        results.append(Result(2, "every vector is of length 1", await checks.bad_vectors(database)))
        if address:
            async with Server.connect(address) as server:
                level = await _running_index(database, server)
            results.append(Result(3, "the index holds what the catalog holds", level))
        else:
            results += await _resting(folder, database, settings.index)
    return sorted(results, key=lambda result: result.promise)


async def _running_index(database: Database, server: Server) -> list[str]:
    problem = ""
    for _ in range(SETTLE_TRIES):
        images = (await checks.overview(database))["images"]
        searchable = (await server.get("/api/stats"))["searchable"]
        if images == searchable:
            return []
        problem = f"the catalog has {images} images, the running index {searchable}"
        await asyncio.sleep(SETTLE_SECONDS)
    return [problem]


async def _resting(folder: DataFolder, database: Database, settings: Index) -> list[Result]:
    """The snapshot as the next start will load it, brought up to date in memory."""
    found = await checks.overview(database)
    model_id, dimension = found["model"], found["dimension"]
    if model_id is None:
        return []
    images = await Images.open(database, model_id, dimension)
    snapshot = folder.snapshot_of(images.model)
    async with open_index(snapshot, model_id, dimension, settings, images) as opened:
        different = await differing(opened, images)
    # A missing one is no broken promise: it is rebuilt. A torn one is: it may only ever be whole or absent.
    there = await asyncio.to_thread(snapshot.exists)
    torn = [str(opened.problem)] if opened.problem and there else []
    problems = [f"{len(different)} ids differ, the first is {different[0]}"] if len(different) else []
    return [
        Result(3, "the index holds what the catalog holds", problems),
        Result(7, "the snapshot can be loaded", torn),
        Result(2, "the index of words is whole", await database.check_words()),
    ]
