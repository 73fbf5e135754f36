"""Ray places, restarts and scales the processes of ingest, on this machine or on those of a cluster.

This room alone imports ray (https://docs.ray.io/en/latest/ray-core/actors.html). Two kinds of actors::

    Downloader   leases rows of the catalog's frontier, fetches, decodes, writes thumbnails, commits: the pipeline
    Embedder     a network; on a GPU where there are any

A downloader's batcher hands its batches to the embedders. All that is worth keeping is in the catalog: what is lost
with a machine was leased by its downloaders, and is leased again when they have not been heard of for a while.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

import anyio
import ray
from anyio import to_thread
from ray.exceptions import RayError, RayTaskError

from artalike.config import EmbeddingSettings, Settings
from artalike.embedding.card import ModelCard
from artalike.engine import Identify, Load
from artalike.errors import ArtalikeError, StartError
from artalike.ingest.actors import Downloader, Embedder, line_of
from artalike.ingest.planning import Machine, Plan, plan

log = logging.getLogger(__name__)

GROW_SECONDS: Final = 10.0
"""How often it is looked whether there are more machines."""
REACHED_SECONDS: Final = 5.0
"""In which a process that runs answers."""


@contextmanager
def connected(on: str) -> Iterator[None]:
    """A Ray of this machine's own, or that at ``ray://host:port``. Raises StartError when it does not answer.

    In a job of a cluster, where Ray has set ``RAY_ADDRESS``, that cluster is meant.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    where = (os.environ.get("RAY_ADDRESS") or "local") if on == "ray" else on
    options: dict[str, Any] = {"log_to_driver": False}
    if where == "local":
        options |= {"include_dashboard": False, "logging_level": logging.ERROR}
    try:
        ray.init(where, **options)
    except (OSError, RuntimeError, ValueError, RayError) as error:
        raise StartError(f"--on {on}: {line_of(error)}; expected a cluster that answers, of the same Ray") from error
    try:
        yield
    finally:
        ray.shutdown()


class RayIngest:
    """The actors of one ingest, as many as the machines hold. Use :meth:`open`, while :func:`connected`."""

    def __init__(self, settings: Settings, card: ModelCard, identify: Identify, load: Load) -> None:
        self._settings = settings
        self._card = card
        self._identify = identify
        self._load = load
        self._sizes = _plan(settings)
        self._embedders: list[Any] = []
        self._downloaders: list[Any] = []
        self._preparing: list[Any] = []
        self._running: list[Any] = []
        self._look_at = time.monotonic() + GROW_SECONDS
        self.problem: str | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: Settings, card: ModelCard, *, identify: Identify, load: Load
    ) -> AsyncIterator[RayIngest]:
        """Starts the actors; at the end they are drained."""
        ingest = cls(settings, card, identify, load)
        await to_thread.run_sync(ingest._start, ingest._sizes)
        try:
            yield ingest
        finally:
            with anyio.CancelScope(shield=True), suppress(ConnectionError):  # lost, and its actors with it
                await to_thread.run_sync(ingest._stop)

    @property
    def processes(self) -> tuple[int, int]:
        """How many download, and how many embed."""
        return len(self._downloaders), len(self._embedders)

    async def look(self) -> None:
        """To be called now and then: raises what an actor has ended with, and starts more where there is room now.

        Raises StartError where Ray itself is lost.
        """
        try:
            await to_thread.run_sync(self._look)
        except ConnectionError as error:
            raise StartError(
                f"Ray is lost: {line_of(error)}; the same command goes on where this one stopped"
            ) from error

    def _look(self) -> None:
        for call in _ready(self._preparing + self._running, seconds=0):
            result(call)
            if call in self._preparing:
                self._preparing.remove(call)
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + GROW_SECONDS
            grown = _plan(self._settings, like=self._sizes)
            if grown.downloaders > len(self._downloaders) or grown.embedders > len(self._embedders):
                self._start(grown)
            answered = _ready([downloader.problem.remote() for downloader in self._downloaders], seconds=1)
            waiting = len(self._downloaders) - len(answered)
            told = f"{waiting} of {len(self._downloaders)} that download are starting, or wait for a machine with room"
            self.problem = next(filter(None, map(_answer, answered)), told if waiting else None)

    def _start(self, wanted: Plan) -> None:
        """As many as ``wanted`` says, beside those that there are, and each as large."""
        sizes = self._sizes
        threads = self._settings.embedding.threads or sizes.threads
        lasting = {"max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": "SPREAD"}
        embedder = ray.remote(Embedder).options(
            num_cpus=sizes.embedder_cpus, num_gpus=sizes.embedder_gpus, max_concurrency=threads, **lasting
        )
        downloader = ray.remote(Downloader).options(num_cpus=sizes.downloader_cpus, **lasting)
        embedding = self._settings.embedding.model_copy(update={"threads": threads})
        # One more is on its way while those are embedded.
        handing = embedding.model_copy(update={"threads": threads + 1})
        settings = self._settings.model_copy(update={"embedding": handing})
        for _ in range(len(self._embedders), wanted.embedders):
            self._embedders.append(embedder.remote(embedding, self._card, self._identify, self._load))
            self._preparing.append(self._embedders[-1].prepare.remote())
        for one in self._downloaders:
            one.use.remote(self._embedders)
        for number in range(len(self._downloaders), wanted.downloaders):
            self._downloaders.append(downloader.remote(settings, self._card))
            self._running.append(self._downloaders[-1].run.remote(self._embedders, number))

    def _stop(self) -> None:
        asked = {one.stop.remote(): run for one, run in zip(self._downloaders, self._running, strict=True)}
        reached = _ready(list(asked), seconds=REACHED_SECONDS)  # others wait for a machine, and do nothing
        _ready([asked[call] for call in reached], seconds=self._settings.server.drain_seconds + REACHED_SECONDS)
        for actor in self._downloaders + self._embedders:
            ray.kill(actor)


def result(call: Any) -> Any:
    """What a call has returned. Raises our own errors as they were raised there, StartError where we are not there."""
    try:
        return ray.get(call)
    except RayTaskError as error:
        if isinstance(error.cause, ArtalikeError):
            raise error.cause from error
        if isinstance(error.cause, ImportError):
            raise StartError(f"--on: {error.cause}; expected the same Artalike on every machine") from error
        raise
    except RayError as error:  # such as of an actor that could not be made
        raise StartError(f"--on: {line_of(error)}") from error


def identified_there(identify: Identify) -> Identify:
    """``identify`` on a machine that embeds: this one may have no weights."""

    def identified(settings: EmbeddingSettings) -> ModelCard:
        asked = ray.remote(identify).options(scheduling_strategy="SPREAD").remote(settings)
        if not _ready([asked], seconds=GROW_SECONDS):
            log.warning("no machine of Ray's has answered yet; expected one with a processor free")
        card: ModelCard = result(asked)
        return card

    return identified


def _plan(settings: Settings, *, like: Plan | None = None) -> Plan:
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    machines = [Machine(found.get("CPU", 0.0), found.get("GPU", 0.0)) for found in alive]
    return plan(machines, use_gpus=settings.embedding.device != "cpu", like=like)


def _ready(calls: list[Any], *, seconds: float) -> list[Any]:
    if not calls:
        return []
    done: list[Any] = ray.wait(calls, num_returns=len(calls), timeout=seconds)[0]
    return done


def _answer(call: Any) -> str | None:
    try:
        found: str | None = ray.get(call)
    except RayError as error:  # its machine is lost: Ray restarts it
        return line_of(error)
    return found
