"""Everything that is of one model: its network, the index of its vectors, and the search over both.

A server answers by one engine at a time. While a collection moves to another model there is a second one, which is
handed over in one step: whoever asks has taken one of the two, and keeps it to the end of the answer.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import anyio
import anyio.to_thread

from artalike.config import EmbeddingSettings, Settings
from artalike.embedding.acceleration import Acceleration
from artalike.embedding.batcher import Batcher
from artalike.embedding.card import ModelCard, Network
from artalike.embedding.models import class_texts
from artalike.embedding.texts import CLASSES_TRUST, RecentTexts, TextsByClasses
from artalike.errors import ArtalikeError, ModelMismatch
from artalike.imaging.decode import decode
from artalike.layout.keeper import PictureMap
from artalike.records import FloatArray
from artalike.search.gather import GatheredSearches
from artalike.search.ranked import Search
from artalike.storage import models
from artalike.storage.catalog import Database
from artalike.storage.folder import DataFolder
from artalike.storage.images import Images
from artalike.storage.index_opening import ServedIndex, bring_level, open_index
from artalike.upkeep import NoSnapshots, Snapshots

log = logging.getLogger(__name__)

QUERY_DECODERS: Final = 2
"""Threads for pictures that people ask with, apart from those of ingest so that nobody waits behind a crawl."""

LOOK_SECONDS: Final = 0.5

Identify = Callable[[EmbeddingSettings], ModelCard]
Load = Callable[[ModelCard, EmbeddingSettings], Network]


async def card_of(database: Database, settings: EmbeddingSettings, identify: Identify) -> ModelCard:
    """The model by which the collection is embedded, whatever the settings say; theirs, where it is empty.

    Raises ModelMismatch when the collection's model cannot be had any more, and what ``identify`` raises.
    """
    stored = await models.active(database)
    if stored is None:
        return await anyio.to_thread.run_sync(identify, settings)
    tried = []
    # What a model is called may change, as a file is moved; its id is that of its weights.
    for name in dict.fromkeys((stored.name, settings.model)):
        try:
            card = await anyio.to_thread.run_sync(identify, settings.model_copy(update={"model": name}))
        except ArtalikeError as error:
            tried.append(str(error))
            continue
        if card.model_id == stored.model_id:
            if name != settings.model:
                log.warning(
                    'embedding.model = "%s": the collection is embedded by %s, which answers; to move it: '
                    "python -m artalike reembed --model %s",
                    settings.model, name, settings.model,
                )  # fmt: skip
            return card
        tried.append(f"the setting means {card.model_id}" if name == settings.model else f"{name} is {card.model_id}")
    raise ModelMismatch(
        f"embedding.model: the collection was embedded by {stored.model_id}, {'; '.join(reversed(tried))}; "
        "expected the same model, or another data folder (--data)"
    )


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """What is of one model, open. Use :meth:`open`; then :meth:`run` while it serves."""

    card: ModelCard
    images: Images
    index: ServedIndex
    searches: GatheredSearches
    batcher: Batcher
    snapshots: Snapshots | NoSnapshots
    search: Search
    embed_texts: RecentTexts
    picture_map: PictureMap | None

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: Settings, folder: DataFolder, card: ModelCard, images: Images, *, load: Load
    ) -> AsyncIterator[Engine]:
        """``images`` are the collection as this model has embedded it. The network loads in its own thread.

        The index is what its snapshot holds: :meth:`follow` brings it to what the catalog says.
        """
        async with AsyncExitStack() as stack:
            path = folder.snapshot_of(images.model)
            opened = await stack.enter_async_context(
                open_index(path, card.model_id, card.dimension, settings.index, images)
            )
            if opened.problem:
                log.info("%s; the index is built from the catalog", opened.problem)
            # Loading takes the card's name for the model, and other settings as they are.
            embedding = settings.embedding.model_copy(update={"model": card.name})
            acceleration = Acceleration(folder.compiled)
            stack.push_async_callback(_closed, acceleration)
            batcher = await stack.enter_async_context(
                Batcher(
                    lambda: acceleration.watch(load(card, embedding), card, embedding),
                    batch_size=embedding.batch,
                    batch_seconds=embedding.batch_seconds,
                    threads=embedding.cores,
                )
            )
            searches = await stack.enter_async_context(GatheredSearches(opened.index))
            decoders = anyio.CapacityLimiter(QUERY_DECODERS)

            async def embed_query(data: bytes) -> FloatArray:
                artwork = await anyio.to_thread.run_sync(
                    decode, data, card.preprocess, settings.imaging, limiter=decoders
                )
                return await batcher.embed(artwork.model_input, urgent=True)

            search = Search(images, searches, model=card.model_id, dimension=card.dimension, embed_bytes=embed_query)
            yield cls(
                card=card,
                images=images,
                index=opened.index,
                searches=searches,
                batcher=batcher,
                snapshots=(
                    Snapshots(opened.kept, images, path, settings.index) if opened.kept else NoSnapshots(opened.index)
                ),
                search=search,
                embed_texts=RecentTexts(TextsByClasses(batcher.embed_texts, partial(class_texts, card))),
                picture_map=(
                    PictureMap(images, folder.map, card.model_id, card.dimension) if settings.gallery.map else None
                ),
            )

    @property
    def text_trust(self) -> float:
        """How much the vectors of texts weigh beside words in the metadata."""
        return 1.0 if self.batcher.takes_texts else CLASSES_TRUST

    async def follow(self, *, first: bool = True) -> None:
        """Bring the index to what the catalog says; as the ``first`` of several processes, or beside others.

        Raises StorageError.
        """
        followed = await bring_level(self.index, self.images, first=first)
        if followed.added or followed.removed:
            log.info("index: %d vectors added and %d removed, since it was last open", followed.added, followed.removed)
        await self.snapshots.loaded(followed)

    async def run(self) -> None:
        """What goes on beside answering, for ever."""
        async with anyio.create_task_group() as group:
            group.start_soon(self.batcher.wait_ready)
            group.start_soon(self.index.run)
            group.start_soon(self.snapshots.run)
            if self.picture_map is not None:
                group.start_soon(self.picture_map.run)


async def _closed(acceleration: Acceleration) -> None:
    with anyio.CancelScope(shield=True):
        await anyio.to_thread.run_sync(acceleration.close)


class Engines:
    """The engine that answers, and those that others have replaced, for as long as someone may still be using them."""

    def __init__(
        self, engine: Engine, owner: AsyncExitStack, *, linger_seconds: float, closed: Callable[[int], Awaitable[None]]
    ) -> None:
        self.current = engine
        self._owner = owner
        self._linger_seconds = linger_seconds
        self._closed = closed
        self._replaced = anyio.Event()
        self._leaving: list[tuple[AsyncExitStack, float]] = []
        self._gone = anyio.Event()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        opening: AbstractAsyncContextManager[Engine],
        *,
        linger_seconds: float,
        closed: Callable[[int], Awaitable[None]],
    ) -> AsyncIterator[Engines]:
        """``linger_seconds`` is how long an answer may take that has begun with an engine.

        ``closed`` is awaited with the number of the model that answers, after another has been closed.
        """
        async with AsyncExitStack() as stack:
            engine = await stack.enter_async_context(opening)
            engines = cls(engine, stack.pop_all(), linger_seconds=linger_seconds, closed=closed)
        try:
            yield engines
        finally:
            await engines._close()

    def take(self, engine: Engine, owner: AsyncExitStack) -> None:
        """From now on this one answers; ``owner`` closes it, and is closed here."""
        if not self._leaving:
            self._gone = anyio.Event()
        self._leaving.append((self._owner, anyio.current_time() + self._linger_seconds))
        self.current, self._owner = engine, owner.pop_all()
        self._replaced.set()
        self._replaced = anyio.Event()

    async def alone(self) -> None:
        """Return once all that were replaced are closed: two engines of one model must not have the same files."""
        while self._leaving:
            await self._gone.wait()

    async def run(self) -> None:
        """What goes on beside answering, of whichever engine answers, for ever."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._let_go)
            while True:
                replaced, engine = self._replaced, self.current
                async with anyio.create_task_group() as running:
                    running.start_soon(engine.run)
                    await replaced.wait()
                    running.cancel_scope.cancel()

    async def _let_go(self) -> None:
        while True:
            await anyio.sleep(LOOK_SECONDS)
            while self._leaving and self._leaving[0][1] <= anyio.current_time():
                with anyio.CancelScope(shield=True):
                    await self._leaving[0][0].aclose()
                # Before the next move may begin: what it makes must not be taken for what was left.
                await self._closed(self.current.images.model)
                del self._leaving[0]
                if not self._leaving:
                    self._gone.set()

    async def _close(self) -> None:
        for owner, _ in self._leaving:
            await owner.aclose()
        await self._owner.aclose()
