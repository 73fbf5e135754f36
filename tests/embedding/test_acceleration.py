"""The change to compiled code while a network works, and what happens where that cannot be."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from artalike.config import EmbeddingSettings
from artalike.embedding import acceleration as module
from artalike.embedding import library
from artalike.embedding.acceleration import Acceleration
from artalike.embedding.card import ModelCard
from artalike.embedding.checking import least_cosine
from artalike.embedding.device import Device
from artalike.embedding.library import CompiledNetwork, LibraryError
from artalike.embedding.network import TorchNetwork
from artalike.records import FloatArray, PixelArray, Preprocess

PREPROCESS = Preprocess(size=8, resize=8, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
CARD = ModelCard("small", "small@0/1", 192, PREPROCESS, has_text=False)
SETTINGS = EmbeddingSettings(compile="auto", batch_size=4)
PICTURES: PixelArray = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3), dtype=np.uint8)

SUCCEEDS = """
import json, pathlib, sys
job = json.loads(sys.stdin.readline())
for name in ("batch.so", "single.so"):
    pathlib.Path(job["folder"], name).write_bytes(b"code")
print("what compilers say"); print(json.dumps({"precision": "float16"}))
"""
FAILS = "import json; print(json.dumps({'error': 'InvalidCxxCompiler: none of them works'})); raise SystemExit(1)"
DIES = "raise SystemExit(139)"
HANGS = "import time; time.sleep(60)"


def small(
    device: str = "cpu", precision: torch.dtype = torch.float32, network: nn.Module | None = None
) -> TorchNetwork:
    return TorchNetwork(network or nn.Flatten(), PREPROCESS, Device(torch.device(device), precision))


def features(batch: PixelArray) -> FloatArray:
    """What the small network gives."""
    return (batch.transpose(0, 3, 1, 2).reshape(len(batch), -1) / 127.5 - 1).astype(np.float32)


@dataclass
class Compiled:
    """In place of libraries: counts the pictures that it is asked for; its vectors may be ``wrong``."""

    wrong: bool = False
    pictures: list[int] = field(default_factory=list)

    def __call__(
        self, folder: Path, *, batch_size: int, dimension: int, at_once: int
    ) -> Callable[[PixelArray], FloatArray]:
        assert {path.name for path in folder.glob("*.so") if path.read_bytes() == b"code"} == {"batch.so", "single.so"}
        assert (batch_size, dimension, at_once) == (4, 192, 1)
        return self._embed

    def _embed(self, batch: PixelArray) -> FloatArray:
        self.pictures.append(len(batch))
        return features(batch) + (0.2 if self.wrong else 0)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Compiled:
    fake = Compiled()
    monkeypatch.setattr(library, "CompiledNetwork", fake)
    return fake


def compiler(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(module, "COMMAND", (sys.executable, "-c", code))


def accelerated(folder: Path, network: TorchNetwork) -> Acceleration:
    """That has seen as many pictures as it wants, and has come to an end with them."""
    acceleration = Acceleration(folder, samples=8)
    acceleration.watch(network, CARD, SETTINGS)
    for start in (0, 4):
        assert np.allclose(network.embed(PICTURES[start : start + 4]), unit(features(PICTURES[start : start + 4])))
    acceleration.wait()
    return acceleration


def unit(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: FloatArray = (vectors / lengths).astype(np.float32)
    return found


def test_compiled_code_takes_over_after_the_first_pictures_and_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: Compiled
) -> None:
    compiler(monkeypatch, SUCCEEDS)
    network = small()
    accelerated(tmp_path / "compiled", network)
    assert compiled.pictures == [8, 1]  # those that it is measured by
    assert np.allclose(network.embed(PICTURES[:4]), unit(features(PICTURES[:4])))
    assert compiled.pictures == [8, 1, 4]

    compiler(monkeypatch, FAILS)  # is not asked again
    again = small()
    Acceleration(tmp_path / "compiled").watch(again, CARD, SETTINGS)
    again.embed(PICTURES[:4])
    assert compiled.pictures == [8, 1, 4, 8, 1, 4]
    assert len(list((tmp_path / "compiled").iterdir())) == 1  # nothing is left of the compiler's own files


@pytest.mark.parametrize(("code", "reason"), [(FAILS, "InvalidCxxCompiler"), (DIES, "died")])
def test_without_a_compiler_the_network_stays_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: str, reason: str
) -> None:
    compiler(monkeypatch, code)
    network = small()
    with caplog.at_level(logging.INFO, logger="artalike"):
        accelerated(tmp_path, network)
        assert np.allclose(network.embed(PICTURES), unit(features(PICTURES)))
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert reason in record.getMessage()


def test_code_that_gives_other_vectors_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, compiled: Compiled
) -> None:
    compiler(monkeypatch, SUCCEEDS)
    compiled.wrong = True
    network = small()
    accelerated(tmp_path, network)
    assert "other vectors" in caplog.text
    assert np.allclose(network.embed(PICTURES), unit(features(PICTURES)))


def test_a_damaged_library_is_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compiler(monkeypatch, SUCCEEDS)
    accelerated(tmp_path, small())  # b"code" is no library
    assert "the network stays as it was loaded" in caplog.text
    monkeypatch.setattr(library, "CompiledNetwork", fake := Compiled())
    fake.wrong = True
    network = small()
    acceleration = Acceleration(tmp_path, samples=4)
    acceleration.watch(network, CARD, SETTINGS)
    fake.wrong = False
    network.embed(PICTURES[:4])
    acceleration.wait()
    network.embed(PICTURES[:4])
    assert fake.pictures == [8, 1, 4, 1, 4]


def test_closing_ends_the_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler(monkeypatch, HANGS)
    network = small()
    acceleration = Acceleration(tmp_path, samples=4)
    acceleration.watch(network, CARD, SETTINGS)
    network.embed(PICTURES[:4])
    started = time.monotonic()
    acceleration.close()
    assert time.monotonic() - started < 20
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("settings", [EmbeddingSettings(compile="off"), SETTINGS])
def test_what_is_not_to_be_compiled_is_not_watched(tmp_path: Path, settings: EmbeddingSettings) -> None:
    class Other:
        def embed(self, batch: PixelArray) -> FloatArray:
            return features(batch)

    network = small() if settings.compile == "off" else Other()
    acceleration = Acceleration(tmp_path / "none", samples=1)
    assert acceleration.watch(network, CARD, settings) is network
    network.embed(PICTURES)
    acceleration.close()
    assert not (tmp_path / "none").exists()


def test_what_does_not_fit_into_the_memory_is_halved() -> None:
    class Tight(nn.Module):
        sizes: list[int] = []  # noqa: RUF012  one network, one test

        def forward(self, pixels: Tensor) -> Tensor:
            self.sizes.append(len(pixels))
            if len(pixels) > 2:
                raise torch.OutOfMemoryError
            return pixels.flatten(1)

    network = small(network=Tight())
    for _ in range(2):
        assert np.allclose(network.embed(PICTURES), unit(features(PICTURES)), atol=1e-6)
    assert Tight.sizes == [8, 4, 2, 2, 2, 2, 2, 2, 2, 2]


def test_a_cosine_of_what_is_no_number_is_the_worst() -> None:
    right = unit(np.ones((2, 3), np.float32))
    assert least_cosine(right * 5, right) == pytest.approx(1)
    assert least_cosine(np.array([[1, 1, 1], [np.nan, 1, 1]], np.float32), right) == -1
    assert least_cosine(np.zeros((2, 3), np.float32), right) == -1


def test_a_file_that_is_no_library_is_told(tmp_path: Path) -> None:
    (tmp_path / "batch.so").write_bytes(b"no library")
    with pytest.raises(LibraryError, match=r"batch\.so"):
        CompiledNetwork(tmp_path, batch_size=4, dimension=3, at_once=1)


@pytest.mark.parametrize(
    ("count", "calls"), [(1, [1]), (2, [1, 1]), (3, [3]), (4, [4]), (5, [4, 1]), (7, [4, 3]), (8, [4, 4])]
)
def test_few_pictures_are_computed_one_by_one_and_many_together(
    monkeypatch: pytest.MonkeyPatch, count: int, calls: list[int]
) -> None:
    made = []

    class Counting:
        def __init__(self, _: Path, *, batch_size: int, dimension: int, at_once: int) -> None:
            self.batch_size = batch_size

        def __call__(self, pictures: PixelArray) -> FloatArray:
            assert len(pictures) <= self.batch_size
            made.append(len(pictures))
            return features(pictures)

    monkeypatch.setattr(library, "Library", Counting)
    network = CompiledNetwork(Path(), batch_size=4, dimension=192, at_once=1)
    assert np.array_equal(network(PICTURES[:count]), features(PICTURES[:count]))
    assert made == calls


def test_several_threads_bring_the_samples_and_the_network_is_compiled_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: Compiled
) -> None:
    compiler(monkeypatch, SUCCEEDS)
    network = small()
    acceleration = Acceleration(tmp_path, samples=8)
    acceleration.watch(network, CARD, SETTINGS)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(network.embed, [PICTURES[:1]] * 40))
    acceleration.wait()
    assert acceleration.adopted
    assert compiled.pictures[0] == 8
