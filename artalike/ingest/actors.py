"""What runs on the machines of a cluster, as actors (https://docs.ray.io/en/latest/ray-core/actors.html)."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import anyio
import ray
from ray.exceptions import RayError, RayTaskError

from artalike import logs
from artalike.config import EmbeddingSettings, Settings
from artalike.embedding.acceleration import Acceleration
from artalike.embedding.card import ModelCard, Network
from artalike.embedding.parallel import threads_of
from artalike.engine import Identify, Load
from artalike.errors import ArtalikeError, ModelMismatch, StorageError, spokesman
from artalike.ingest.worker import Worker
from artalike.records import FloatArray, PixelArray

log = logging.getLogger(__name__)

LATE_SECONDS: Final = 10.0
"""A batch that takes longer is given to another embedder as well."""
REST_SECONDS: Final = 60.0
"""How long an embedder that was late is asked last."""
LOST_SECONDS: Final = 1.0
"""Between two tries where an embedder is lost at once."""
AGAIN_SECONDS: Final = 5.0


class Embedder:
    """An actor: a network, and what it makes of batches; Ray calls it in as many threads as it was told."""

    def __init__(self, settings: EmbeddingSettings, card: ModelCard, identify: Identify, load: Load) -> None:
        self._settings = settings.model_copy(update={"model": card.name})
        self._card = card
        self._identify = identify
        self._load = load
        self._acceleration = Acceleration(_cache() / "compiled")
        self._network: Network | None = None
        self._loading = threading.Lock()
        self._places = threading.Semaphore(0)

    def prepare(self) -> None:
        """Load the network. Raises ModelUnavailable, ModelMismatch when it is another one here, or SettingError."""
        self._loaded()

    def embed(self, batch: PixelArray) -> FloatArray:
        """As :meth:`artalike.embedding.card.Network.embed`. A second time for the same batch does no harm."""
        network = self._loaded()
        with self._places:
            return network.embed(batch)

    def _loaded(self) -> Network:
        with self._loading:
            if self._network is not None:
                return self._network
            own = self._identify(self._settings)
            if own.model_id != self._card.model_id:
                raise ModelMismatch(
                    f"{self._card.name}: its weights are {own.model_id} on one machine, {self._card.model_id} on "
                    "another; expected the same on all"
                )
            network = self._load(self._card, self._settings)
            self._network = self._acceleration.watch(network, self._card, self._settings)
            self._places = threading.Semaphore(threads_of(self._network))
            return self._network


class EmbedderPool:
    """A :class:`~artalike.embedding.card.Parallel` network made of embedders.

    Each downloader has one that it asks first. While that is late or lost, it asks the others: no batch is lost with a
    machine, as long as there is one that embeds.
    """

    def __init__(self, embedders: Sequence[Any], first: int, *, at_once: int) -> None:
        self.embedders = list(embedders)
        self.at_once = at_once
        self._first = first
        self._rests: dict[int, float] = {}

    def embed(self, batch: PixelArray) -> FloatArray:
        """Vectors of length 1. Raises what the network raised at this batch."""
        given = ray.put(batch)
        asked: dict[Any, int] = {}
        while True:
            others = [number for number in self._in_order() if number not in asked.values()]
            if others:
                asked[self.embedders[others[0]].embed.remote(given)] = others[0]
            done, _ = ray.wait(list(asked), timeout=LATE_SECONDS)
            if others and not done:
                self._rests[others[0]] = time.monotonic() + REST_SECONDS
            for call in done:
                number = asked.pop(call)
                try:
                    vectors: FloatArray = ray.get(call)
                except RayError as error:
                    if isinstance(error, RayTaskError) and not isinstance(error.cause, ArtalikeError):
                        raise error.cause from error  # of this batch, and not of who embeds
                    log.warning("an embedder is lost: %s", line_of(error))
                    self._rests[number] = time.monotonic() + REST_SECONDS
                    time.sleep(LOST_SECONDS)  # of a thread of the batcher's
                else:
                    return vectors

    def _in_order(self) -> list[int]:
        now, count = time.monotonic(), len(self.embedders)
        turned = [(self._first + number) % count for number in range(count)]
        return sorted(turned, key=lambda number: self._rests.get(number, 0.0) > now)


class Downloader:
    """An actor: the pipeline, in a process of its own."""

    def __init__(self, settings: Settings, card: ModelCard) -> None:
        logs.configure(settings.server.log, settings.server.log_level)
        logging.getLogger("ray").setLevel(logging.ERROR)  # it takes the batcher's threads for that of the event loop
        self._settings = settings
        self._card = card
        self._pool: EmbedderPool | None = None
        self._worker: Worker | None = None
        self._stopping = False
        self._lost: StorageError | None = None

    async def run(self, embedders: Sequence[Any], first: int) -> None:
        """Until :meth:`stop`. Ray calls it again where it has restarted the actor. Raises StartError or SettingError.

        When the catalog is lost, it begins anew until that is back: what it had leased is leased again, by anyone.
        """
        self._pool = EmbedderPool(embedders, first, at_once=self._settings.embedding.cores)
        while not self._stopping:
            try:
                await self._ingest(self._pool)
            except StorageError as error:
                log.warning("%s; tried again every %d s", error, AGAIN_SECONDS)
                self._lost = error
                await anyio.sleep(AGAIN_SECONDS)

    async def _ingest(self, pool: EmbedderPool) -> None:
        with tempfile.TemporaryDirectory(prefix="artalike-spool-") as spool:
            try:
                async with Worker.open(self._settings, self._card, lambda: pool, spool=Path(spool)) as worker:
                    self._worker, self._lost = worker, None
                    if self._stopping:  # asked while it was being opened
                        worker.stop()
                    await worker.run()
            except BaseExceptionGroup as group:
                raise spokesman(group) from group
            finally:
                self._worker = None

    async def use(self, embedders: Sequence[Any]) -> None:
        """There are more embedders now."""
        if self._pool is not None:
            self._pool.embedders = list(embedders)

    async def problem(self) -> str | None:
        """Why nothing comes in; None while all goes well."""
        if self._lost is not None:
            return str(self._lost)
        return self._worker.problem if self._worker is not None else None

    async def stop(self) -> None:
        """Drain, and let :meth:`run` return."""
        self._stopping = True
        if self._worker is not None:
            self._worker.stop()


def line_of(error: Exception) -> str:
    """What it says in one line: where there are many, the first and the last."""
    first, *more = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return f"{first} {more[-1]}" if more else first


def _cache() -> Path:
    """Of this user alone, on whichever machine: it is to hold code."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "artalike"
