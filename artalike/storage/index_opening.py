"""Opening the vector index of a collection, by whichever engine the settings choose."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from anyio import to_thread

from artalike.config import Index
from artalike.errors import SettingError, SnapshotError
from artalike.records import IdArray
from artalike.storage import outbox
from artalike.storage.catalog import Database
from artalike.storage.follow import Followed
from artalike.storage.growing_index import GROWN_AT, GrowingIndex
from artalike.storage.growing_index_snapshot import saved_effort
from artalike.storage.images import Images
from artalike.storage.outbox import Outbox
from artalike.storage.outboxed_index import OutboxedIndex
from artalike.storage.ports import ImageCatalog, VectorIndex
from artalike.storage.trained_index import check_factory

NEVER: Final = 2**63


class ServedIndex(VectorIndex, Protocol):
    """An index that a server answers by."""

    @property
    def stats(self) -> dict[str, Any]:
        """For people: its ``kind``, its ``size``, and what else there is to be told of it."""

    async def follow(self, images: ImageCatalog) -> Followed:
        """Bring it to what the catalog says. Raises IndexUnavailable or StorageError."""

    async def run(self) -> None:
        """What goes on beside answering, for ever."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An index; where FAISS is the engine also as one that has a snapshot, and why it is empty instead of what that
    holds.
    """

    index: ServedIndex
    kept: GrowingIndex | None = None
    problem: SnapshotError | None = None


@asynccontextmanager
async def open_index(
    path: Path, model_id: str, dimension: int, settings: Index, images: Images
) -> AsyncIterator[Opened]:
    """The index of ``images``, as the model has embedded them, before it has followed them.

    By FAISS it is that whose snapshot is at ``path``, empty where that is missing, torn or of another model. The caller
    owns the data folder. Raises UsageError when FAISS does not know ``settings.factory``; IndexUnavailable or
    SettingError when Milvus does not answer, or not to us.
    """
    database = images.database
    if settings.engine == "milvus":
        async with _open_served(model_id, dimension, settings, images, Outbox(database, images.model)) as index:
            yield Opened(index)
        return
    for model in await outbox.attached(database):
        await outbox.detach(database, model)
    if settings.factory:
        await to_thread.run_sync(check_factory, settings.factory, dimension)
    # Codes cannot promise to find everything.
    grown_at = GROWN_AT if settings.recall < 1 else NEVER
    chosen: dict[str, Any] = {"recall": settings.recall, "factory": settings.factory, "grown_at": grown_at}
    problem = None
    try:
        growing = await _loaded(path, model_id, dimension, chosen)
    except SnapshotError as error:
        growing, problem = GrowingIndex(dimension, model_id, path, **chosen), error
        await to_thread.run_sync(growing.remove_strays)  # nothing refers to those vectors any more
    try:
        yield Opened(growing, growing, problem)
    finally:
        await growing.close()


async def bring_level(index: ServedIndex, images: Images, *, first: bool) -> Followed:
    """Bring it to what the catalog says, as the ``first`` of the processes that share that, or beside others.

    Raises IndexUnavailable or StorageError.
    """
    return await (index.follow(images) if first or not isinstance(index, OutboxedIndex) else index.join())


async def differing(opened: Opened, images: Images) -> IdArray:
    """Ids that the index holds and the catalog does not, or the other way round, and that nothing will set right.

    What has a snapshot is first brought up to date in memory, as the next start does it; a server of its own is not
    touched, and what waits in the outbox is left aside. Raises IndexUnavailable or StorageError.
    """
    if opened.kept is not None:
        await opened.kept.follow(images)
    different = np.setxor1d(await opened.index.ids(), await images.embedded_ids())
    if opened.kept is None and len(different):
        waiting = await Outbox(images.database, images.model).all_ids()
        different = np.setdiff1d(different, waiting)
    return different


async def forget_indexes(database: Database, settings: Index, *, but: Collection[int]) -> None:
    """Drop what a server of its own holds of models that were left. Raises IndexUnavailable or SettingError."""
    if settings.engine != "milvus" or (owner := await outbox.owner(database)) is None:
        return
    attached = await outbox.attached(database)
    for number in attached:
        if number not in but:
            await outbox.detach(database, number)
    milvus = await _milvus()
    kept = [
        milvus.collection_name(settings.collection, owner, attached[number]) for number in attached if number in but
    ]
    await milvus.drop_others(settings, owner, but=kept)


@asynccontextmanager
async def _open_served(
    model_id: str, dimension: int, settings: Index, images: Images, changes: Outbox
) -> AsyncIterator[OutboxedIndex]:
    milvus = await _milvus()
    name = milvus.collection_name(settings.collection, await changes.attach(), model_id)
    async with milvus.MilvusIndex.open(name, dimension, images, settings) as index:
        yield OutboxedIndex(index, images, changes)


async def _milvus() -> Any:
    """The module that speaks with Milvus, loaded when it is asked for: the embedded default is without its client."""
    try:
        return await to_thread.run_sync(importlib.import_module, "artalike.storage.milvus_index")
    except ModuleNotFoundError as error:
        raise SettingError(
            f"index.engine = 'milvus': {error.name} is not installed; expected pip install 'artalike[cluster]'"
        ) from error


async def _loaded(path: Path, model_id: str, dimension: int, chosen: dict[str, Any]) -> GrowingIndex:
    effort = await to_thread.run_sync(saved_effort, path)
    if effort and chosen["grown_at"] == NEVER:
        raise SnapshotError(f"{path}: of a trained index; expected an exact one, since index.recall = 1")
    return await GrowingIndex.load(path, model_id, dimension, **chosen)
