"""Joins single pictures and texts into batches for the network, which runs in threads of its own.

Two lanes lead to it. Ingest waits until a batch is full; a person's query, by picture or by text, does not wait, goes
first, and is not slowed by filling its batch up with ingest. All state lives on the event loop: the threads get lists.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import anyio
import numpy as np

from artalike.embedding.card import Network, TextNetwork
from artalike.embedding.parallel import threads_of
from artalike.errors import EmbedError, FailureKind, Overloaded
from artalike.futures import settle
from artalike.priority import EMBEDDING, step_back
from artalike.records import FloatArray, PixelArray

logger = logging.getLogger(__name__)

PENDING_BATCHES: Final = 4
"""Pictures that may wait or be under way, in batches for each thread; whoever brings more waits before the door."""

URGENT_PENDING: Final = 32
"""Queries that may wait; whoever brings more is turned away."""

_Content = PixelArray | str


@dataclass(frozen=True, slots=True)
class BatcherStatistics:
    """Gauges, and counts since the start. ``busy_seconds`` is how long the network has run.

    ``batches`` and ``failed`` are of pictures and texts. Where several threads embed, ``busy_seconds`` is their mean.
    """

    queued: int
    urgent_queued: int
    batches: int
    pictures: int
    texts: int
    failed: int
    busy_seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    content: _Content
    vector: asyncio.Future[FloatArray]
    arrived: float


class Batcher:
    """Owns the network and its threads, from ``async with`` until its end.

    ``load`` runs in a thread at the start, so that the service can answer while a network loads; pictures are
    taken from the first moment and embedded once it is there, by as many threads as it says (:class:`Parallel`), but
    ``threads`` at most. A batch is run when it holds ``batch_size`` pictures, or when its first one has waited for
    ``batch_seconds``. At most ``pending`` pictures of ingest and ``urgent_pending`` queries are held.

    Leaving the block lets running batches end, turns everyone else away with :class:`Overloaded`, and joins
    the threads. When ``load`` or the batcher itself fails, that error goes to everyone who waits and who asks
    later; should nobody have asked, leaving the block raises it.
    """

    def __init__(
        self,
        load: Callable[[], Network],
        *,
        batch_size: int,
        batch_seconds: float,
        threads: int = 1,
        pending: int | None = None,
        urgent_pending: int = URGENT_PENDING,
    ) -> None:
        self._load = load
        self._batch_size = batch_size
        self._batch_seconds = batch_seconds
        self._urgent_pending = urgent_pending
        self._most_threads = threads
        self._threads = 1  # that embed, once the network has said
        self._room = asyncio.Semaphore(pending or batch_size * PENDING_BATCHES * threads)
        self._normal: deque[_Item] = deque()
        self._urgent: deque[_Item] = deque()
        self._changed = asyncio.Event()
        self._settled = asyncio.Event()  # loaded, or ended before that
        self._takes_texts = False
        self._end: BaseException | None = None
        self._told = False
        self._batches = 0
        self._pictures = 0
        self._texts = 0
        self._failed = 0
        self._busy_seconds = 0.0

    async def __aenter__(self) -> Self:
        self._pool = ThreadPoolExecutor(
            self._most_threads, thread_name_prefix="embed", initializer=step_back, initargs=(EMBEDDING,)
        )
        self._worker = asyncio.create_task(self._work(), name="batcher")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop(Overloaded("the encoder is shutting down"))
        with anyio.CancelScope(shield=True):
            await self._worker
            await anyio.to_thread.run_sync(self._pool.shutdown)
        if error is None and not self._told and not isinstance(self._end, Overloaded):
            self._check_open()

    @property
    def ready(self) -> bool:
        """Whether the network is loaded and pictures are being embedded."""
        return self._settled.is_set() and self._end is None

    @property
    def takes_texts(self) -> bool:
        """Whether the network is loaded and has a text encoder."""
        return self._takes_texts

    async def wait_ready(self) -> None:
        """Return when the network is loaded. Raises what ``load`` raised, or :class:`Overloaded` when closed."""
        await self._settled.wait()
        self._check_open()

    async def embed(self, pixels: PixelArray, *, urgent: bool = False) -> FloatArray:
        """The vector, float32 (dimension,) of length 1, of one picture, uint8 (size, size, 3).

        Waits while too many others are pending; ``urgent`` ones do not: they raise :class:`Overloaded`.
        Raises :class:`EmbedError` when the network fails at this picture, :class:`Overloaded` when closed.
        A caller who is cancelled takes the picture back.
        """
        if not urgent:
            async with self._room:
                return (await self._queue(self._normal, [pixels]))[0]
        return (await self._queue_urgent([pixels]))[0]

    async def embed_texts(self, texts: Sequence[str]) -> FloatArray | None:
        """Vectors of length 1, float32 (n, dimension), of n texts, which go as urgent pictures do.

        None while the network is being loaded, and for one that takes no texts. Raises as :meth:`embed` does.
        """
        if not self._takes_texts:
            return None
        return np.stack(await self._queue_urgent(texts))

    def statistics(self) -> BatcherStatistics:
        """What waits now, and what has been done."""
        return BatcherStatistics(
            queued=len(self._normal),
            urgent_queued=len(self._urgent),
            batches=self._batches,
            pictures=self._pictures,
            texts=self._texts,
            failed=self._failed,
            busy_seconds=self._busy_seconds,
        )

    async def _queue_urgent(self, contents: Sequence[_Content]) -> list[FloatArray]:
        if len(self._urgent) + len(contents) > self._urgent_pending:
            raise Overloaded(f"{len(self._urgent)} queries wait for the encoder already")
        return await self._queue(self._urgent, contents)

    async def _queue(self, lane: deque[_Item], contents: Sequence[_Content]) -> list[FloatArray]:
        self._check_open()
        loop = asyncio.get_running_loop()
        items = [_Item(content, loop.create_future(), loop.time()) for content in contents]
        lane.extend(items)
        self._changed.set()
        try:
            return [await item.vector for item in items]
        except BaseException:  # cancelled, or one has failed: nobody asks for the others
            for item in items:
                with suppress(ValueError):  # it is being embedded already
                    lane.remove(item)
            raise

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            network = await loop.run_in_executor(self._pool, self._load)
            self._takes_texts = isinstance(network, TextNetwork)
            self._threads = min(threads_of(network), self._most_threads)
            self._settled.set()
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._threads):
                    workers.create_task(self._serve(network))
        except* Exception as group:
            self._stop(group.exceptions[0])
        finally:  # also when cancelled: nobody may be left waiting
            self._stop(Overloaded("the encoder has stopped"))

    async def _serve(self, network: Network) -> None:
        while batch := await self._next_batch():
            await self._run(network, batch)

    async def _next_batch(self) -> list[_Item]:
        """Waits for it. Empty when it is time to end."""
        while self._end is None:
            self._changed.clear()
            if self._urgent:
                return _take(self._urgent, self._batch_size)
            seconds = self._seconds_to_wait()
            if seconds is not None and seconds <= 0:
                return _take(self._normal, self._batch_size)
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
        return []

    def _seconds_to_wait(self) -> float | None:
        """Until the ingest lane's next batch is due; None while it is empty."""
        if not self._normal:
            return None
        if len(self._normal) >= self._batch_size:
            return 0.0
        return self._normal[0].arrived + self._batch_seconds - asyncio.get_running_loop().time()

    async def _run(self, network: Network, batch: list[_Item]) -> None:
        loop = asyncio.get_running_loop()
        contents = [item.content for item in batch]
        try:
            outcomes, seconds = await loop.run_in_executor(self._pool, _timed_embed, network, contents)
            for item, outcome in zip(batch, outcomes, strict=True):
                settle(item.vector, outcome)
        finally:
            for item in batch:  # only when cancelled is one left
                settle(item.vector, Overloaded("the encoder has stopped"))
        self._batches += 1
        texts = sum(isinstance(content, str) for content in contents)
        self._texts += texts
        self._pictures += len(batch) - texts
        self._failed += sum(isinstance(outcome, EmbedError) for outcome in outcomes)
        self._busy_seconds += seconds / self._threads

    def _stop(self, error: BaseException) -> None:
        """Take nothing more, and turn away whoever waits. The first reason stands."""
        self._end = self._end or error
        self._turn_away(self._urgent, self._end)
        self._turn_away(self._normal, self._end)
        self._settled.set()
        self._changed.set()

    def _turn_away(self, items: deque[_Item], error: BaseException) -> None:
        while items:
            settle(items.popleft().vector, error)
            self._told = True

    def _check_open(self) -> None:
        if self._end is not None:
            self._told = True
            raise self._end


def _take(lane: deque[_Item], most: int) -> list[_Item]:
    """The first, and those behind it that are of its kind: pictures, or texts."""
    batch = [lane.popleft()]
    while lane and len(batch) < most and type(lane[0].content) is type(batch[0].content):
        batch.append(lane.popleft())
    return batch


def _timed_embed(network: Network, contents: Sequence[_Content]) -> tuple[list[FloatArray | EmbedError], float]:
    started = time.perf_counter()
    return _embed(network, contents), time.perf_counter() - started


def _embed(network: Network, contents: Sequence[_Content]) -> list[FloatArray | EmbedError]:
    """One outcome each: what is wrong with one of them must not cost the others."""
    try:
        vectors = _vectors(network, contents)
        return [_checked(vector) for vector, _ in zip(vectors, contents, strict=True)]
    except Exception as error:
        if len(contents) == 1:
            message = f"the network failed: {type(error).__name__}: {error}"
            return [EmbedError(FailureKind.EMBEDDING, message)]
        logger.warning("a batch of %d failed; what is in it is tried one by one", len(contents), exc_info=True)
        return [outcome for content in contents for outcome in _embed(network, [content])]


def _vectors(network: Network, contents: Sequence[_Content]) -> FloatArray:
    """Of a batch of one kind."""
    texts = [content for content in contents if isinstance(content, str)]
    if texts and isinstance(network, TextNetwork):
        return network.embed_texts(texts)
    return network.embed(np.stack([content for content in contents if not isinstance(content, str)]))


def _checked(vector: FloatArray) -> FloatArray | EmbedError:
    length = float(np.linalg.norm(vector))
    if np.isfinite(length) and length > 0:
        return vector
    return EmbedError(FailureKind.EMBEDDING, f"the network gave a vector of length {length}")
