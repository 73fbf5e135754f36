"""Batches find an embedder as long as there is one, whichever is late, lost or broken."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from artalike.config import EmbeddingSettings
from artalike.errors import ModelMismatch, ModelUnavailable
from artalike.records import FloatArray, PixelArray
from benchmarks.tiny import CARD, TinyNetwork

ray = pytest.importorskip("ray")
exceptions = pytest.importorskip("ray.exceptions")
actors = pytest.importorskip("artalike.ingest.actors")

BATCH: PixelArray = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), np.uint8)


@dataclass(eq=False)
class FakeEmbedder:
    """Answers as an actor does: by a call, which is late until ``outcome`` is there."""

    outcome: FloatArray | Exception | None
    calls: list[FakeCall] = field(default_factory=list)

    @property
    def embed(self) -> FakeEmbedder:
        return self

    def remote(self, _batch: Any) -> FakeCall:
        self.calls.append(FakeCall(self))
        return self.calls[-1]


@dataclass(eq=False)
class FakeCall:
    embedder: FakeEmbedder


def wait(calls: list[FakeCall], timeout: float) -> tuple[list[FakeCall], list[FakeCall]]:
    assert timeout == actors.LATE_SECONDS
    return [call for call in calls if call.embedder.outcome is not None][:1], []


def get(call: FakeCall) -> FloatArray:
    outcome = call.embedder.outcome
    assert outcome is not None
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


@pytest.fixture(autouse=True)
def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its calls are answered at once, and nobody sleeps."""
    monkeypatch.setattr(ray, "put", lambda value: value)
    monkeypatch.setattr(ray, "wait", wait)
    monkeypatch.setattr(ray, "get", get)
    monkeypatch.setattr(actors, "LOST_SECONDS", 0)


def vectors(number: float) -> FloatArray:
    return np.full((3, 2), number, np.float32)


def failed(cause: Exception) -> Exception:
    error: Exception = exceptions.RayTaskError("embed", "a trace", cause)
    return error


def test_each_downloader_asks_its_own_embedder() -> None:
    embedders = [FakeEmbedder(vectors(number)) for number in range(3)]
    for first in range(6):
        assert actors.EmbedderPool(embedders, first, at_once=1).embed(BATCH)[0, 0] == first % 3


@pytest.mark.parametrize(
    "outcome",
    [None, exceptions.ActorDiedError(), failed(ModelUnavailable("no weights on this machine"))],
    ids=["late", "lost", "broken"],
)
def test_a_batch_goes_to_another_and_the_next_ones_too(outcome: Exception | None) -> None:
    embedders = [FakeEmbedder(outcome), FakeEmbedder(vectors(1)), FakeEmbedder(vectors(2))]
    pool = actors.EmbedderPool(embedders, 0, at_once=1)
    for _ in range(5):
        assert pool.embed(BATCH)[0, 0] == 1
    assert [len(embedder.calls) for embedder in embedders] == [1, 5, 0]


def test_one_that_was_late_is_asked_first_again_after_its_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    embedders = [FakeEmbedder(None), FakeEmbedder(vectors(1))]
    pool = actors.EmbedderPool(embedders, 0, at_once=1)
    pool.embed(BATCH)
    embedders[0].outcome = vectors(0)
    assert pool.embed(BATCH)[0, 0] == 1
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + actors.REST_SECONDS + 1)
    assert pool.embed(BATCH)[0, 0] == 0


def test_new_embedders_are_asked_where_all_others_are_late() -> None:
    pool = actors.EmbedderPool([FakeEmbedder(None)], 0, at_once=1)
    pool.embedders = [*pool.embedders, FakeEmbedder(vectors(1))]
    assert pool.embed(BATCH)[0, 0] == 1


def test_what_the_network_says_of_a_batch_is_said_to_whoever_brought_it() -> None:
    embedders = [FakeEmbedder(failed(ValueError("a batch of another shape"))), FakeEmbedder(vectors(1))]
    with pytest.raises(ValueError, match="another shape"):
        actors.EmbedderPool(embedders, 0, at_once=1).embed(BATCH)
    assert not embedders[1].calls


def embedder(identify: Callable[[EmbeddingSettings], Any] = lambda _: CARD) -> Any:
    return actors.Embedder(EmbeddingSettings(compile="off"), CARD, identify, lambda _card, _settings: TinyNetwork())


def test_an_embedder_embeds_whether_it_was_prepared_or_not() -> None:
    assert np.array_equal(embedder().embed(BATCH), TinyNetwork().embed(BATCH))


def test_weights_that_differ_between_machines_are_refused() -> None:
    with pytest.raises(ModelMismatch, match="expected the same on all"):
        embedder(lambda _: replace(CARD, model_id="tiny@11111111/1")).prepare()


def test_a_network_for_one_thread_is_used_by_one_at_a_time() -> None:
    inside, most = Counter[str](), Counter[str]()

    class Watched(TinyNetwork):
        def embed(self, batch: PixelArray) -> FloatArray:
            inside["embed"] += 1
            most["embed"] = max(most["embed"], inside["embed"])
            time.sleep(0.01)
            inside["embed"] -= 1
            return super().embed(batch)

    watched = actors.Embedder(EmbeddingSettings(), CARD, lambda _: CARD, lambda _card, _settings: Watched())
    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(watched.embed, [BATCH] * 8))) == 8
    assert most["embed"] == 1
