"""`status`: what is in the collection, and what is going on."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from artalike.commands.client import Address, Server, find
from artalike.config import Index, Settings
from artalike.errors import StartError
from artalike.storage import models
from artalike.storage.catalog import open_catalog
from artalike.storage.checks import overview
from artalike.storage.folder import DataFolder
from artalike.storage.growing_index_snapshot import saved_effort
from artalike.storage.seeds import CrawlQueue
from artalike.web.views import model_json


def run_status(settings: Settings, *, as_json: bool) -> int:
    """Print the collection's counts, and the server's rates where one runs. Raises StartError without a collection."""
    found = asyncio.run(_look(existing(settings), find(settings), settings))
    if as_json:
        Console(soft_wrap=True).print_json(json.dumps(found))
    else:
        _print(found)
    return 0


def existing(settings: Settings) -> DataFolder:
    """The data folder. Raises StartError when there is no collection in it."""
    folder = DataFolder(settings.storage.data)
    if not (settings.storage.catalog or folder.catalog.exists()):
        raise StartError(f"--data {folder.root}: no collection here; expected a folder that a server has used")
    return folder


async def _look(folder: DataFolder, address: Address | None, settings: Settings) -> dict[str, Any]:
    async with open_catalog(settings.storage, readers=1) as database:
        found: dict[str, Any] = {"data": str(folder.root), **await overview(database)}
        found["seeds"] = [asdict(seed) for seed in await CrawlQueue(database).seeds()]
        stored = await models.stored(database)
    active = next((model.number for model in stored if model.active), 1)
    found["models"] = [model_json(model) for model in stored]
    found["index"] = await _index(folder, active, settings.index)
    found["server"] = None
    if address:
        async with Server.connect(address) as server:
            found["server"] = {"url": server.url, **await server.get("/api/stats")}
            found["index"] = found["server"]["index"]
    return found


async def _index(folder: DataFolder, active: int, settings: Index) -> dict[str, Any]:
    if settings.engine != "faiss":
        return {"kind": settings.engine}
    effort = await asyncio.to_thread(saved_effort, folder.snapshot_of(active))
    return {"kind": "trained", "recall": effort.recall} if effort else {"kind": "exact", "recall": 1.0}


def _print(found: dict[str, Any]) -> None:
    console = Console(highlight=False)
    server = found["server"]
    console.print(f"collection  {found['data']}", markup=False)
    console.print(f"images      {found['images']:,} at {found['urls']:,} addresses", markup=False)
    console.print(f"model       {found['model'] or 'none yet'}", markup=False)
    for model in found["models"]:
        if not model["active"]:
            why = "the collection is moving to it" if model["moving"] else "reembed --forget deletes them"
            console.print(f"            {model['name']}: {model['vectors']:,} vectors too; {why}", markup=False)
    index = found["index"]
    known = index["kind"] != "exact" and "recall" in index
    recall = f", finds {index['recall']:.1%} of the ten nearest" if known else ""
    console.print(f"index       {index['kind']}{recall}".replace("%", " %"), markup=False)
    if index.get("problem"):
        console.print(f"            {index['problem']}; {index['waiting']:,} changes wait for it", markup=False)
    console.print(f"waiting     {found['pending']:,}, failed {found['failed']:,}", markup=False)
    console.print(f"server      {server['url']}, {server['rate']}/s" if server else "server      not running")
    if not found["seeds"]:
        return
    table = Table("seed", "source", "kind", "state", "images", "done", "failed", "waiting", box=None)
    for seed in found["seeds"]:
        counts = (f"{seed[name]:,}" for name in ("images", "done", "failed", "pending"))
        table.add_row(str(seed["id"]), escape(seed["source"]), seed["kind"], seed["state"], *counts)
    console.print(table)
