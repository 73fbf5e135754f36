"""The composition root, the only module that knows every room: opens them, serves, drains, and closes in reverse."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from functools import partial
from typing import Any, Final

import anyio
import anyio.to_thread
from aiohttp import web
from aiohttp.abc import AbstractResolver

from artalike import roles
from artalike.config import EmbeddingSettings, Index, Server, Settings
from artalike.crawl import sources, urls
from artalike.crawl.fetcher import Fetcher
from artalike.embedding import models
from artalike.embedding.batcher import Batcher
from artalike.embedding.card import ModelCard, Network
from artalike.engine import Engine, Engines, Identify, Load, card_of
from artalike.errors import ArtalikeError, PortBusy, spokesman
from artalike.events import Event, EventBus
from artalike.hearing import Hearing
from artalike.layout.keeper import PictureMap
from artalike.metrics import Metrics
from artalike.pipeline import Pipeline, Rooms
from artalike.pipeline.watch import FolderWatch
from artalike.records import NOTHING, Candidate
from artalike.reembed.move import Collection, Reembedding, Settle
from artalike.reembed.shared import SharedCollection
from artalike.roles import Role
from artalike.search.gather import GatheredSearches
from artalike.search.random_pages import RandomPages
from artalike.storage.blocks import Blocks
from artalike.storage.catalog import Database, Place, open_catalog
from artalike.storage.folder import DataFolder
from artalike.storage.followers import Followers
from artalike.storage.found import Bounds
from artalike.storage.images import Images
from artalike.storage.index_opening import ServedIndex, forget_indexes
from artalike.storage.memory import settle
from artalike.storage.models import moving
from artalike.storage.ports import Thumbnails
from artalike.storage.removal import Removal
from artalike.storage.seeds import CrawlQueue
from artalike.storage.spool import Spool
from artalike.storage.thumbnails import open_thumbnails
from artalike.storage.usage import DiskUsage
from artalike.upkeep import NoSnapshots, Snapshots, clear, recrawl, tick, watch_loop
from artalike.visitors import Visitors
from artalike.web.app import create_app, create_probes
from artalike.web.services import Answering, Services, SourceKind
from artalike.web.views import image_json

log = logging.getLogger(__name__)

LINGER_SECONDS: Final = 1.0

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

IDLE_SECONDS: Final = 75.0
"""How long a connection may take to send a request's head: aiohttp's keep-alive timeout runs from its opening on, too.
Longer than the 60 s for which nginx keeps its own idle connections to a server."""


class Service:
    """A running Artalike. Use :meth:`open`; then :meth:`run` until :meth:`stop`."""

    def __init__(
        self,
        *,
        settings: Settings,
        folder: DataFolder,
        database: Database,
        images: Images,
        frontier: CrawlQueue,
        engines: Engines,
        fetcher: Fetcher,
        spool: Spool,
        thumbnails: Thumbnails,
        followers: Followers,
        removal: Removal,
        events: EventBus,
        identify: Identify,
        load: Load,
    ) -> None:
        self.settings = settings
        self.role = Role.of(settings)
        self.frontier = frontier
        self.engines = engines
        self.fetcher = fetcher
        self.removal = removal
        self.events = events
        self.thumbnails = thumbnails
        self.metrics = Metrics()
        self.metrics.embed_busy_seconds.set_function(lambda: self.batcher.statistics().busy_seconds)
        self.url = ""
        self.usage = DiskUsage(folder)
        self.visitors = Visitors()
        self._database = database
        self._followers = followers
        self._started = time.time()
        self._stopped = anyio.Event()
        self.pipeline = Pipeline(
            Rooms(
                settings=settings,
                images=images,
                frontier=frontier,
                followers=followers,
                removal=removal,
                thumbnails=thumbnails,
                fetcher=fetcher,
                batcher=self.batcher,
                preprocess=engines.current.card.preprocess,
                events=self.events,
                metrics=self.metrics,
                describe=partial(image_json, settings=settings),
                spool=spool,
                withdraw=self._withdraw,
                visitors=self.visitors,
            )
        )
        self._hearing = Hearing(
            database=database,
            images=lambda: self.images,
            blocks=removal.blocks,
            events=events,
            describe=partial(image_json, settings=settings),
            arrived=lambda count: None if self.role.crawls else self.metrics.image_rate.add(count),
            wake=self.pipeline.wake,
        )
        self.reembedding = Reembedding(
            Collection(
                settings=settings,
                folder=folder,
                database=database,
                images=images,
                thumbnails=thumbnails,
                fetch=fetcher.image,
                disk=self.pipeline.disk,
                active=lambda: engines.current.card.model_id,
                alone=engines.alone,
                identify=identify,
                load=load,
            ),
            self._exchange,
        )

    @property
    def images(self) -> Images:
        return self.engines.current.images

    @property
    def index(self) -> ServedIndex:
        return self.engines.current.index

    @property
    def searches(self) -> GatheredSearches:
        return self.engines.current.searches

    @property
    def batcher(self) -> Batcher:
        return self.engines.current.batcher

    @property
    def snapshots(self) -> Snapshots | NoSnapshots:
        return self.engines.current.snapshots

    @property
    def picture_map(self) -> PictureMap | None:
        return self.engines.current.picture_map

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        folder: DataFolder,
        token: str,
        *,
        identify: Identify = models.identify,
        load: Load = models.load,
        resolver: AbstractResolver | None = None,
    ) -> AsyncIterator[Service]:
        """Open everything and listen. The caller owns the folder's lock.

        Whatever its ``role``, a process opens the same rooms, and :meth:`run` does its part of the work in them.
        ``identify`` and ``load`` find the model and build its network; ``resolver`` looks up names instead of the
        system's. Raises StartError or StorageError.
        """
        role = Role.of(settings)
        if not role.answers:
            settings = settings.model_copy(update={"gallery": settings.gallery.model_copy(update={"map": False})})
        async with AsyncExitStack() as stack:
            place = Place.SHARED if role.shares else Place.ALONE
            database = await stack.enter_async_context(open_catalog(settings.storage, place=place))
            card = await card_of(database, settings.embedding, identify)
            blocks = await Blocks.open(database)
            images = await Images.open(database, card.model_id, card.dimension, name=card.name, blocks=blocks)
            frontier = CrawlQueue(
                database,
                bounds=Bounds(documents=settings.crawl.max_documents, found=settings.crawl.max_found),
                refuses=blocks.reason,
            )
            if role.crawls and (recovered := await frontier.recover()):
                log.info("%d addresses were under way when the last process ended; they go on", recovered)
            spool = await stack.enter_async_context(Spool.open(folder.spool))
            await spool.drop(list(spool.left - await frontier.waiting_among(spool.left)))
            forget_others = partial(_forget_other_snapshots, database, folder, settings.index)
            await forget_others(images.model)
            engines = await stack.enter_async_context(
                Engines.open(
                    Engine.open(settings, folder, card, images, load=load),
                    linger_seconds=settings.gallery.query_seconds + LINGER_SECONDS,
                    closed=forget_others,
                )
            )
            await engines.current.follow(first=database.first)
            events, thumbnails = EventBus(), await open_thumbnails(settings.storage, folder)
            followers = Followers(database, images, engines.current.index, thumbnails)
            removal = await stack.enter_async_context(
                Removal.open(database, images, blocks, followers, partial(_tell_removed, events, engines))
            )
            await database.joined()
            fetcher = await stack.enter_async_context(Fetcher.open(settings, resolver=resolver, refuses=blocks.reason))
            service = cls(
                settings=settings,
                folder=folder,
                database=database,
                images=images,
                frontier=frontier,
                engines=engines,
                fetcher=fetcher,
                spool=spool,
                thumbnails=thumbnails,
                followers=followers,
                removal=removal,
                events=events,
                identify=identify,
                load=load,
            )
            create = create_app if role.answers else create_probes
            service.url = await stack.enter_async_context(_listening(create(service._services(token)), settings.server))
            stack.callback(service.events.close)  # ends the event streams, before the server waits for them
            await anyio.to_thread.run_sync(folder.announce, service.url)
            yield service
            with anyio.CancelScope(shield=True):
                await service.snapshots.take_if_changed()

    async def add_seed(self, source: str, kind: str | None = None, options: Mapping[str, Any] = NOTHING) -> int:
        """Hand in a source, as the admin API does. The seed's id. Raises SourceError."""
        seed = await self.frontier.add_seed(await self._detect(source, kind, options), source, options)
        self.pipeline.wake()
        return seed.id

    def stop(self) -> None:
        """Drain, and let :meth:`run` return."""
        self._stopped.set()

    async def run(self) -> None:
        """The work of this role until :meth:`stop`. A stage that crashes ends it with that error."""
        async with anyio.create_task_group() as upkeep:
            upkeep.start_soon(self._database.stay, self._hearing)
            upkeep.start_soon(self.engines.run)
            upkeep.start_soon(watch_loop, self.metrics)
            upkeep.start_soon(self.usage.run)
            if self.role.answers:
                upkeep.start_soon(self.images.describe)
                upkeep.start_soon(tick, self.events, self.stats)
            if not self.role.shares:
                upkeep.start_soon(self.reembedding.run)
            if self.role.crawls:
                upkeep.start_soon(recrawl, self.frontier, self.pipeline.wake)
                upkeep.start_soon(clear, self._followers)
                upkeep.start_soon(FolderWatch(self.frontier, self._withdraw, self.pipeline.wake).run)
            async with anyio.create_task_group() as ingest:
                if self.role.crawls:
                    ingest.start_soon(self.pipeline.run)
                await self._stopped.wait()
                self.pipeline.stop()
                ingest.cancel_scope.deadline = anyio.current_time() + self.settings.server.drain_seconds
            upkeep.cancel_scope.cancel()

    def stats(self) -> dict[str, Any]:
        """Counts and rates, for the API, the admin page and the event stream."""
        totals, index, card = self.images.counts, self.index, self.engines.current.card
        return {
            "images": totals.images,
            "searchable": index.size,
            "pending": totals.pending,
            "failed": totals.failed,
            "seeds": totals.seeds,
            "rate": round(self.metrics.image_rate.value(), 2),
            "stages": self.pipeline.statistics(),
            "model": {
                "id": card.model_id,
                "name": card.name,
                "dimension": card.dimension,
                "ready": self.batcher.ready,
            },
            "reembedding": self.reembedding.status,
            "index": {**index.stats, "last_snapshot_at": self.snapshots.saved_at},
            "disk": self.usage.figures,
            "problem": self.pipeline.disk.problem,
            "uptime_seconds": round(time.time() - self._started, 1),
        }

    def _services(self, token: str) -> Services:
        return Services(
            settings=self.settings,
            images=self.images,
            frontier=self.frontier,
            thumbnails=self.thumbnails,
            removal=self.removal,
            answering=self._answering,
            random=RandomPages(self.images),
            events=self.events,
            stats=self.stats,
            ready=self._not_ready,
            take_snapshot=lambda: self.snapshots.take(),  # noqa: PLW0108  # of the index that there is by then
            detect=self._detect,
            kinds=[
                SourceKind(source.kind, source.looks_like, source.yields, source.takes) for source in sources.SOURCES
            ],
            hosts=self.pipeline.hosts,
            wake=self.pipeline.wake,
            admin_token=token,
            fetch_query=self.fetcher.query if self.settings.gallery.fetch_queries else None,
            canonical=urls.web,
            registry=self.metrics.registry,
            visitors=self.visitors,
            reembedding=SharedCollection(self.reembedding) if self.role.shares else self.reembedding,
        )

    def _answering(self) -> Answering:
        engine = self.engines.current
        return Answering(engine.search, engine.embed_texts, engine.picture_map, engine.text_trust)

    async def _exchange(self, engine: Engine, owner: AsyncExitStack, settle: Settle) -> None:
        async with self.pipeline.nothing_encoded(), self._followers.held():
            await settle()
            self.engines.take(engine, owner)
            self._followers.lead(engine.index)
            self.pipeline.encode_by(engine.batcher, engine.card.preprocess, engine.images)

    async def _withdraw(self, seed_id: int, addresses: Sequence[str]) -> None:
        removed = await self.pipeline.disk.keep_trying(partial(self.removal.withdraw, seed_id, addresses))
        log.info(
            "seed %d: %d addresses are gone at their home, %d images with them", seed_id, len(addresses), len(removed)
        )

    def _not_ready(self) -> str | None:
        if not self.batcher.ready:
            return f"the model {self.engines.current.card.name} is still loading"
        return self.pipeline.disk.problem

    async def _detect(self, source: str, kind: str | None, options: Mapping[str, Any]) -> Candidate:
        sources.check_options(options)
        return await anyio.to_thread.run_sync(sources.detect, source, kind)


def serve(
    settings: Settings,
    *,
    seeds: Sequence[str] = (),
    beside: Callable[[Service], AbstractAsyncContextManager[None]] = lambda service: nullcontext(),
    announce: Callable[[Service, str | None], None] = lambda service, token_file: None,
) -> None:
    """Run a server until a signal. Owns the data folder meanwhile.

    ``beside`` makes an async context manager that is open while the server runs (the demo's museum).
    ``announce`` is called once it listens, with the place of the admin token where one was made.
    Raises StartError, StorageError or SourceError.
    """
    roles.check(settings)
    folder = DataFolder(settings.storage.data)
    with folder.locked():
        token = settings.admin.token or folder.make_token()
        token_place = None if settings.admin.token else str(folder.token_file)
        asked = threading.Event()  # to stop, by a signal

        async def main() -> None:
            async with Service.open(settings, folder, token, load=_load_for_good) as service, beside(service):
                _drain_on_signals(service, asked)
                for source in seeds:
                    await service.add_seed(source)
                announce(service, token_place)
                await service.run()

        try:
            asyncio.run(main())
        except KeyboardInterrupt:  # before the server listened, or once more while it was closing
            log.warning("stopped at once; what was under way goes on at the next start")
        except BaseExceptionGroup as group:
            raise spokesman(group) from group
        finally:
            if asked.is_set():  # all is closed; an impatient signal must not turn a good end into a bad one
                for number in SIGNALS:
                    signal.signal(number, signal.SIG_IGN)


def _load_for_good(card: ModelCard, settings: EmbeddingSettings) -> Network:
    network = models.load(card, settings)
    settle()
    return network


def _drain_on_signals(service: Service, asked: threading.Event) -> None:
    def on_signal() -> None:
        if asked.is_set():
            log.warning("stopped at once; what was under way goes on at the next start")
            os._exit(0)  # every commit is durable by itself, so there is nothing to lose
        asked.set()
        log.info("finishing what is under way; once more stops at once")
        service.stop()

    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, on_signal)


async def _forget_other_snapshots(database: Database, folder: DataFolder, settings: Index, active: int) -> None:
    """But for that of a model to which the collection is on its way."""
    target = await moving(database)
    kept = {active} if target is None else {active, target.number}
    try:
        await anyio.to_thread.run_sync(partial(folder.forget_snapshots, but=kept))
        await forget_indexes(database, settings, but=kept)
    except ArtalikeError as error:
        log.warning("%s; the index of a model that was left is still on the disk", error)


def _tell_removed(events: EventBus, engines: Engines, ids: Sequence[int]) -> None:
    engines.current.snapshots.hurry()
    for image_id in ids:
        events.publish(Event("removed", {"id": image_id}))


@asynccontextmanager
async def _listening(app: web.Application, settings: Server) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, keepalive_timeout=IDLE_SECONDS)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except OSError as error:
            raise PortBusy(
                f"server.host = {settings.host!r}, server.port = {settings.port}: {error.strerror}; "
                "expected an address of this machine and a free port (--port 0 takes any)"
            ) from error
        port = runner.addresses[0][1]
        host = "127.0.0.1" if settings.host in {"", "0.0.0.0"} else settings.host  # noqa: S104  # where to reach it
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        await runner.cleanup()
