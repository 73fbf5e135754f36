"""Moves a collection to another model while the old one keeps answering and new pictures keep coming in.

::

    embedding     what lacks a vector of the new model gets one, a few at a time, beside those of the old one
    indexing      an index of the new vectors is made beside the old one, and its snapshot saved
    exchanging    ingest waits for a moment: nothing is between decoding and commit. The few pictures that have come in
                  meanwhile follow, one transaction makes the new model the active one, and in the same step of the
                  event loop the new engine takes the old one's place

**Resumable.** That a collection moves, and to what, stands in the catalog, and so does each vector: whoever starts
after a kill goes on with what is missing. **Never mixed.** An answer keeps the engine with which it has begun, and that
has one model's network, index and vectors. A cursor of the old model is refused, as one that this server never gave:
the gallery asks anew and passes over what it has shown. Pages of random order go on. **Kept.** The vectors of the old
model stay until :meth:`Reembedding.forget`; moving back embeds only what has come in since.

Pictures that can be had neither from a thumbnail nor from their home would have no vector, which is a broken promise:
then the collection stays where it is, and the error says which they are.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import anyio
import anyio.to_thread

from artalike.config import Settings
from artalike.embedding.card import ModelCard
from artalike.engine import Engine, Identify, Load
from artalike.errors import ArtalikeError, StorageError
from artalike.metrics import Rate
from artalike.pipeline.room import DiskRoom
from artalike.reembed.backlog import Backlog, Fetch, Rooms, told
from artalike.storage import models
from artalike.storage.catalog import Database
from artalike.storage.folder import DataFolder
from artalike.storage.images import Images
from artalike.storage.models import StoredModel
from artalike.storage.ports import Thumbnails

log = logging.getLogger(__name__)

FEW: Final = 64
"""So many pictures may be left to embed while ingest waits."""

Settle = Callable[[], Awaitable[None]]
Exchange = Callable[[Engine, AsyncExitStack, Settle], Awaitable[None]]
"""Holds ingest up, awaits what settles the move, and at once takes the engine, with the stack that closes it."""


class State(StrEnum):
    IDLE = "idle"
    STARTING = "starting"
    EMBEDDING = "embedding"
    INDEXING = "indexing"
    EXCHANGING = "exchanging"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What is moved, open: ``images`` as any model has embedded them.

    ``active`` is the id of the model that answers; ``alone`` returns once no other engine is open but that one's.
    """

    settings: Settings
    folder: DataFolder
    database: Database
    images: Images
    thumbnails: Thumbnails
    fetch: Fetch
    disk: DiskRoom
    active: Callable[[], str]
    alone: Callable[[], Awaitable[None]]
    identify: Identify
    load: Load


class Reembedding:
    """One move at a time: :meth:`start` it, and :meth:`run` does it; :attr:`status` tells how far it is."""

    def __init__(self, collection: Collection, exchange: Exchange) -> None:
        self._collection = collection
        self._exchange = exchange
        self._wanted: tuple[ModelCard, int] | None = None
        self._woken = anyio.Event()
        self._scope: anyio.CancelScope | None = None
        self._ended = anyio.Event()
        self._model = ""
        self._state = State.IDLE
        self._error: str | None = None
        self._embedded = 0
        self._began = 0
        self._started_at = 0.0
        self._rate = Rate()
        self._backlog: Backlog | None = None

    @property
    def status(self) -> dict[str, Any]:
        """As JSON values. ``rate`` is in images a second; ``seconds_left`` is None where it cannot be told."""
        images = self._collection.images.counts.images
        rate, left = self._rate.value(), max(0, images - self._embedded)
        known = self._state is State.EMBEDDING and rate > 0
        return {
            "state": self._state.value,
            "model": self._model,
            "images": images,
            "embedded": min(self._embedded, images),
            "rate": round(rate, 2),
            "seconds_left": round(left / rate, 1) if known else None,
            "small": self._backlog.small if self._backlog else 0,
            "error": self._error,
        }

    async def start(self, name: str) -> None:
        """Move the collection to the model of this name, unless it is embedded by it, or on its way there, already.

        Raises SettingError for an unknown name, ModelUnavailable, and UsageError while it moves to another model.
        """
        settings = self._collection.settings.embedding.model_copy(update={"model": name})
        card = await anyio.to_thread.run_sync(self._collection.identify, settings)
        if card.model_id == self._collection.active() and await models.moving(self._collection.database) is None:
            self._model, self._state, self._error = name, State.DONE, None
            self._embedded = self._collection.images.counts.images
            return
        number = await models.begin_move(self._collection.database, card.model_id, card.dimension, card.name)
        if self._scope is None:
            self._model, self._state, self._error = name, State.STARTING, None
            self._wanted = (card, number)
            self._woken.set()

    async def run(self) -> None:
        """For ever: go on with a move that was begun, and with each that is started. One that fails is told."""
        await self._resume()
        while True:
            await self._woken.wait()
            self._woken = anyio.Event()
            if self._wanted is not None:
                await self._told(*self._wanted)

    async def finish(self) -> None:
        """Do the move that has been started, here and now. Raises what is in its way."""
        if self._wanted is not None:
            try:
                await self._move(*self._wanted)
            except BaseExceptionGroup as group:
                raise _only(group) from group

    async def models(self) -> list[StoredModel]:
        """Those of which the catalog holds vectors, or will."""
        return await models.stored(self._collection.database)

    async def forget(self, name: str) -> int:
        """Delete the vectors that a model has made, by its name or id; a move to it is given up. How many.

        Raises UsageError for the model that answers, and for one that is not here.
        """
        going = await models.moving(self._collection.database)
        if going is not None and name in {going.name, going.model_id} and self._scope is not None:
            self._scope.cancel()
            await self._ended.wait()
        await self._collection.alone()  # answers that have begun by it may still ask for its vectors
        forgotten = await models.forget(self._collection.database, name)
        if going is not None and name in {going.name, going.model_id}:
            self._state, self._error, self._wanted = State.IDLE, None, None
        return forgotten

    async def _resume(self) -> None:
        going = await models.moving(self._collection.database)
        if going is None:
            return
        log.info("the collection goes on moving to %s", going.name)
        try:
            await self.start(going.name)
        except ArtalikeError as error:
            self._failed(going.name, error)

    async def _told(self, card: ModelCard, number: int) -> None:
        self._ended = anyio.Event()
        try:
            with anyio.CancelScope() as self._scope:
                await self._move(card, number)
        except (ArtalikeError, BaseExceptionGroup) as error:
            self._failed(card.name, _only(error))
        finally:
            self._scope = None
            self._ended.set()

    def _failed(self, name: str, error: ArtalikeError) -> None:
        log.warning("reembedding: %s; the collection stays as it is embedded until this is started again", error)
        self._model, self._state, self._error = name, State.FAILED, str(error)

    async def _move(self, card: ModelCard, number: int) -> None:
        whole, started = self._collection, time.monotonic()
        images = whole.images.embedded_by(number, card.dimension)
        self._embedded, self._rate = await models.count(whole.database, number), Rate()
        async with AsyncExitStack() as stack:
            await whole.alone()
            opening = Engine.open(whole.settings, whole.folder, card, images, load=whole.load)
            engine = await stack.enter_async_context(opening)
            backlog = self._backlog = Backlog(self._rooms(card, number, engine), self._stored)
            await engine.batcher.wait_ready()
            self._state = State.EMBEDDING
            await backlog.work()
            _check(backlog)
            self._state = State.INDEXING
            await engine.follow()
            await engine.snapshots.take()
            while await backlog.left(FEW + 1) > FEW:  # the index took long, and much has come in
                await backlog.work()
                await engine.follow()
            _check(backlog)
            self._state = State.EXCHANGING

            async def settle() -> None:
                await backlog.work(fetching=False)
                _check(backlog)
                await engine.follow()
                await models.finish_move(whole.database, number)

            await self._exchange(engine, stack, settle)
        self._state = State.DONE
        log.info("the collection is embedded by %s now; it took %.0f s", card.name, time.monotonic() - started)

    def _rooms(self, card: ModelCard, number: int, engine: Engine) -> Rooms:
        whole = self._collection
        return Rooms(
            database=whole.database,
            model=number,
            batcher=engine.batcher,
            preprocess=card.preprocess,
            thumbnails=whole.thumbnails,
            fetch=whole.fetch,
            imaging=whole.settings.imaging,
            batch_size=whole.settings.embedding.batch,
            disk=whole.disk,
        )

    def _stored(self, count: int) -> None:
        self._embedded += count
        self._rate.add(count)


def _check(backlog: Backlog) -> None:
    if backlog.failed:
        raise StorageError(
            f"{len(backlog.failed)} pictures cannot be embedded ({told(backlog.failed)}); "
            "expected each to have a thumbnail or to be at its home: remove them, or see to that, and start again"
        )


def _only(error: ArtalikeError | BaseExceptionGroup) -> ArtalikeError:
    """What is ours in a group, where all of it is. Raises it otherwise: that is a bug."""
    while isinstance(error, BaseExceptionGroup):
        ours, others = error.split(ArtalikeError)
        if ours is None or others is not None:
            raise error
        error = ours.exceptions[0]
    return error
