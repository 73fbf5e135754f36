"""What is counted and timed, for `/metrics`, the admin page and the benchmarks."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

STAGES: Final = ("fetch", "expand", "decode", "embed", "thumbnails", "commit", "index")

RATE_SECONDS: Final = 10.0

BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Rate:
    """Events a second over the last ten seconds."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()
        self._total = 0
        self._started = time.monotonic()

    def add(self, count: int = 1) -> None:
        self._marks.append((time.monotonic(), count))
        self._total += count
        self._forget()

    def value(self) -> float:
        self._forget()
        span = min(RATE_SECONDS, max(time.monotonic() - self._started, 1.0))
        return self._total / span

    def _forget(self) -> None:
        horizon = time.monotonic() - RATE_SECONDS
        while self._marks and self._marks[0][0] < horizon:
            self._total -= self._marks.popleft()[1]


class Metrics:
    """One process's metrics, in a registry of their own so that two services in one test do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.images = Counter("artalike_images", "Images committed and searchable", registry=self.registry)
        self.known = Counter(
            "artalike_known_images", "Fetched pictures whose bytes were known already", registry=self.registry
        )
        self.failures = Counter(
            "artalike_failures", "Failed tries at a picture or document", ["kind", "final"], registry=self.registry
        )
        self.stage_seconds = Histogram(
            "artalike_stage_seconds", "Time of one item in a stage", ["stage"], buckets=BUCKETS, registry=self.registry
        )
        self.searchable_seconds = Histogram(
            "artalike_searchable_seconds", "From an image's commit until a search finds it", buckets=BUCKETS,
            registry=self.registry,
        )  # fmt: skip
        self.loop_lag_seconds = Histogram(
            "artalike_loop_lag_seconds", "How late the event loop wakes a sleeper", buckets=BUCKETS,
            registry=self.registry,
        )  # fmt: skip
        self.embed_busy_seconds = Gauge(
            "artalike_embed_busy_seconds", "How long the network has been running", registry=self.registry
        )
        self.active = Gauge("artalike_stage_active", "Items being worked on", ["stage"], registry=self.registry)
        self.queued = Gauge("artalike_stage_queued", "Items waiting for a stage", ["stage"], registry=self.registry)
        self.image_rate = Rate()
        self.stage_rates = {stage: Rate() for stage in STAGES}
        self.stage_active = dict.fromkeys(STAGES, 0)

    @contextmanager
    def stage(self, name: str, items: int = 1) -> Iterator[None]:
        """Time ``items`` in a stage; they count towards its rate when the block ends well."""
        started = time.perf_counter()
        self.stage_active[name] += items
        self.active.labels(name).set(self.stage_active[name])
        try:
            yield
            self.stage_rates[name].add(items)
        finally:
            self.stage_active[name] -= items
            self.active.labels(name).set(self.stage_active[name])
            self.stage_seconds.labels(name).observe(time.perf_counter() - started)
