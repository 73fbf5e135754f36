"""`reembed`: moves the collection to another model, through the running server or, when none runs, by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Final

from anyio import to_thread
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from artalike.commands.client import Address, Server, find
from artalike.commands.status import existing
from artalike.config import Settings
from artalike.crawl.fetcher import Fetcher
from artalike.embedding import models as embedding_models
from artalike.engine import Engine
from artalike.errors import StartError, UsageError
from artalike.pipeline.room import DiskRoom
from artalike.reembed.move import Collection, Reembedding, Settle
from artalike.storage import models
from artalike.storage.blocks import Blocks
from artalike.storage.catalog import Database, Place, open_catalog
from artalike.storage.folder import DataFolder
from artalike.storage.images import Images
from artalike.storage.thumbnails import open_thumbnails

POLL_SECONDS: Final = 0.5


def run_reembed(settings: Settings, *, model: str | None, forget: str | None, detach: bool) -> int:
    """Move, or forget the vectors of a model that is not active; without either, show the move under way.

    Raises StartError without a collection, SettingError, ModelUnavailable, UsageError.
    """
    if forget is not None and model is not None:
        raise UsageError("--forget: expected without --model; once the collection has moved, its old model may go")
    folder, address = existing(settings), find(settings)
    if model is not None:
        # Here and not in the server, so that a download shows its progress, and a wrong name is told at once.
        embedding_models.identify(settings.embedding.model_copy(update={"model": model}))
    if address is not None:
        return asyncio.run(_through_server(address, model, forget, detach=detach))
    if detach:
        raise UsageError("--detach: no server runs on this folder; expected one that goes on with it")
    with folder.locked():
        return asyncio.run(_in_folder(folder, settings, model, forget))


async def _through_server(address: Address, model: str | None, forget: str | None, *, detach: bool) -> int:
    async with Server.connect(address) as server:
        if forget is not None:
            answer = await server.post("/api/admin/models/forget", {"model": forget}, patient=True)
            return _print_forgotten(answer["forgotten"], forget)
        if model is not None:
            await server.post("/api/admin/reembed", {"model": model}, patient=True)
            if detach:
                Console().print("the server goes on with it; to follow it: reembed", markup=False)
                return 0
        return await _follow(partial(_status, server))


async def _status(server: Server) -> dict[str, Any]:
    now: dict[str, Any] = await server.get("/api/admin/reembed")
    # A server that has just started takes a moment before it goes on.
    if now["state"] == "idle" and any(m["moving"] for m in (await server.get("/api/admin/models"))["results"]):
        now["state"] = "starting"
    return now


async def _in_folder(folder: DataFolder, settings: Settings, model: str | None, forget: str | None) -> int:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_catalog(settings.storage, place=Place.ALONE))
        if forget is not None:
            return _print_forgotten(await models.forget(database, forget), forget)
        moving = await models.moving(database)
        name = model or (moving.name if moving else None)
        if name is None:
            Console().print("no move is under way; expected --model NAME", markup=False)
            return 0
        reembedding = await stack.enter_async_context(_at_rest(folder, settings, database))
        await reembedding.start(name)
        work = asyncio.create_task(reembedding.finish())

        async def status() -> dict[str, Any]:
            if work.done() and not work.cancelled() and (error := work.exception()) is not None:
                raise error
            return reembedding.status

        try:
            return await _follow(status)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


@asynccontextmanager
async def _at_rest(folder: DataFolder, settings: Settings, database: Database) -> AsyncIterator[Reembedding]:
    """The caller owns the folder's lock: nothing comes in meanwhile, and nobody asks."""
    active = await models.active(database)
    if active is None:
        raise StartError(f"--data {folder.root}: nothing is embedded yet; set embedding.model, and start the server")
    blocks = await Blocks.open(database)
    images = await Images.open(database, active.model_id, active.dimension, blocks=blocks)
    answering = [active.model_id]

    async def exchange(engine: Engine, _owner: AsyncExitStack, settle: Settle) -> None:
        await settle()
        answering[0] = engine.card.model_id
        await engine.snapshots.take()
        await to_thread.run_sync(partial(folder.forget_snapshots, but=[engine.images.model]))

    async def alone() -> None:
        pass

    async with Fetcher.open(settings, refuses=blocks.reason) as fetcher:
        collection = Collection(
            settings=settings,
            folder=folder,
            database=database,
            images=images,
            thumbnails=await open_thumbnails(settings.storage, folder),
            fetch=fetcher.image,
            disk=DiskRoom(),
            active=lambda: answering[0],
            alone=alone,
            identify=embedding_models.identify,
            load=embedding_models.load,
        )
        yield Reembedding(collection, exchange)


async def _follow(status: Callable[[], Any]) -> int:
    console = Console()
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}/s{task.fields[left]}"),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        bar = progress.add_task("", rate=0, left="")
        while True:
            now = await status()
            left = "" if now["seconds_left"] is None else f", {timedelta(seconds=round(now['seconds_left']))} left"
            progress.update(
                bar,
                description=f"{now['state']} {escape(now['model'][-50:])}",
                total=now["images"],
                completed=now["embedded"],
                rate=now["rate"],
                left=left,
            )
            if now["state"] in {"idle", "done", "failed"}:
                break
            await asyncio.sleep(POLL_SECONDS)
    if now["state"] == "failed":
        raise StartError(f"reembed: {now['error']}")
    if now["state"] == "idle":
        console.print("no move is under way; expected --model NAME", markup=False)
        return 0
    console.print(
        f"the collection is embedded by {now['model']}: {now['embedded']:,} pictures, "
        f"{now['small']:,} of them from less than it takes. "
        f'Set embedding.model = "{now["model"]}"; the old vectors are kept until reembed --forget',
        markup=False, soft_wrap=True,
    )  # fmt: skip
    return 0


def _print_forgotten(count: int, name: str) -> int:
    Console().print(f"forgotten: {count:,} vectors of {name}", markup=False, soft_wrap=True)
    return 0
