"""A small network goes through the real compiler and comes back as libraries that give the same features."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch._inductor.cpp_builder import get_cpp_compiler
from torch._inductor.exc import InvalidCxxCompiler

from artalike.embedding.checking import LEAST_COSINE, least_cosine
from artalike.embedding.compiling import _compile
from artalike.embedding.device import Device
from artalike.embedding.library import BATCH, SINGLE, CompiledNetwork
from artalike.embedding.network import TorchNetwork
from artalike.records import Preprocess

SIDE = 16
SIZE = 4
FEATURES = 8


def small_network() -> TorchNetwork:
    torch.manual_seed(0)
    layers = nn.Sequential(
        nn.Conv2d(3, FEATURES, 3, stride=2),
        nn.ReLU6(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(FEATURES, FEATURES),
    )
    half = (0.5, 0.5, 0.5)
    preprocess = Preprocess(size=SIDE, resize=SIDE, mean=half, std=half)
    return TorchNetwork(
        layers.to(memory_format=torch.channels_last), preprocess, Device(torch.device("cpu"), torch.float32)
    )


@pytest.mark.endurance
def test_compiled_code_gives_the_features_of_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        pytest.skip("no C++ compiler here")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    network = small_network()
    pictures = np.random.default_rng(0).integers(0, 255, (SIZE + 1, SIDE, SIDE, 3), dtype=np.uint8)
    for name, size in ((BATCH, SIZE), (SINGLE, 1)):
        _compile(network, pictures[:size], tmp_path / name)
    compiled = CompiledNetwork(tmp_path, batch_size=SIZE, dimension=FEATURES, at_once=2)
    reference = network.embed_eagerly(pictures)
    assert least_cosine(compiled(pictures), reference) >= LEAST_COSINE  # a full batch, and one by itself
    assert least_cosine(compiled(pictures[:3]), reference[:3]) >= LEAST_COSINE  # a batch that is filled up
    network.change_to(compiled)
    with ThreadPoolExecutor(2) as pool:
        for vectors in pool.map(network.embed, [pictures] * 40):
            assert np.allclose(vectors, reference, atol=1e-5)
