"""`ingest`: brings sources in by many processes at once, on this machine or on those of a Ray cluster."""

from __future__ import annotations

import asyncio
import importlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console

from artalike.commands.seed import Progressed, follow, understood
from artalike.config import Settings
from artalike.embedding import models
from artalike.engine import Identify, Load, card_of
from artalike.errors import StartError, StorageError, UsageError
from artalike.metrics import Rate
from artalike.records import Candidate, Seed
from artalike.storage.catalog import Database, open_catalog
from artalike.storage.models import moving
from artalike.storage.seeds import CrawlQueue

LOCAL: Final = "ray"
_ADDRESS: Final = re.compile(r"ray://(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+):[0-9]{1,5}")


def run_ingest(
    settings: Settings,
    wanted: Sequence[str],
    *,
    on: str,
    kind: str | None,
    options: Mapping[str, Any],
    identify: Identify = models.identify,
    load: Load = models.load,
) -> int:
    """Hand sources in, and bring in all that they lead to; 1 when a source has failed.

    Raises UsageError for a place that is none, or settings by which processes cannot share the collection; SourceError;
    StartError where Ray does not answer; StorageError.
    """
    check(settings, on)
    roots = understood(wanted, kind, options)
    on_ray = _on_ray(on)
    storage = settings.storage.model_copy(update={"data": settings.storage.data.resolve()})
    settings = settings.model_copy(update={"storage": storage})
    with on_ray.connected(on):
        return asyncio.run(_ingest(on_ray, settings, roots, options, on=on, identify=identify, load=load))


def check(settings: Settings, on: str) -> None:
    """Raises UsageError where processes on ``on`` could not share what the settings name."""
    if on != LOCAL and not _ADDRESS.fullmatch(on):
        raise UsageError(f"--on {on!r}: expected ray, or ray://HOST:PORT of a cluster's client server")
    if not settings.storage.catalog:
        raise UsageError(
            f"--on {on}: storage.catalog = '' is SQLite, which is for one process; "
            "expected storage.catalog = postgresql://user@host/database"
        )
    elsewhere = on != LOCAL or os.environ.get("RAY_ADDRESS")  # that a job of a cluster has from Ray
    if elsewhere and not settings.storage.thumbnails:
        raise UsageError(
            f"--on {on}: storage.thumbnails = '' is the data folder, which its machines do not share; "
            "expected storage.thumbnails = s3://bucket"
        )


def _on_ray(on: str) -> Any:
    try:
        return importlib.import_module("artalike.ingest.on_ray")
    except ModuleNotFoundError as error:
        raise UsageError(
            f"--on {on}: {error.name} is not installed; expected pip install 'artalike[cluster]'"
        ) from error


async def _ingest(
    on_ray: Any,
    settings: Settings,
    roots: Sequence[tuple[str, Candidate]],
    options: Mapping[str, Any],
    *,
    on: str,
    identify: Identify,
    load: Load,
) -> int:
    async with open_catalog(settings.storage, readers=1) as database:
        card = await card_of(database, settings.embedding, on_ray.identified_there(identify))
        await _check_model(database, card.model_id)
        frontier = CrawlQueue(database)
        seeds = [await frontier.add_seed(root, source, options) for source, root in roots]
        async with on_ray.RayIngest.open(settings, card, identify=identify, load=load) as ingest:
            downloading, embedding = ingest.processes
            Console().print(f"{on}: {downloading} processes download, {embedding} embed", markup=False)
            return await follow(_Look(database, frontier, ingest, seeds, card.model_id))


class _Look:
    """How the seeds come on, as the catalog has it."""

    def __init__(
        self, database: Database, frontier: CrawlQueue, ingest: Any, seeds: Sequence[Seed], model_id: str
    ) -> None:
        self._database = database
        self._frontier = frontier
        self._ingest = ingest
        self._seeds = list(seeds)
        self._model_id = model_id
        self._rate = Rate()

    async def __call__(self) -> Progressed:
        await self._ingest.look()
        problem = self._ingest.problem
        try:
            await _check_model(self._database, self._model_id)
            seeds = [await self._frontier.seed(seed.id) for seed in self._seeds]
        except StorageError as error:  # lost for a while: the processes wait for it as well
            seeds, problem = self._seeds, str(error)
        self._rate.add(sum(seed.images for seed in seeds) - sum(seed.images for seed in self._seeds))
        self._seeds = seeds
        return Progressed([asdict(seed) for seed in seeds], round(self._rate.value(), 2), problem)


async def _check_model(database: Database, model_id: str) -> None:
    target = await moving(database)
    if target is not None and target.model_id != model_id:
        raise StartError(
            f"the collection is moving to {target.name}, and processes that embed by another model would not notice; "
            "expected the same command when that is done: it goes on where it stopped"
        )
