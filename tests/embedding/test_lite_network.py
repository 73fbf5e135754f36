"""The embedded networks compute what the reference network computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor

from artalike.config import EmbeddingSettings
from artalike.embedding import identify, lite, load
from artalike.embedding.lite_network import build
from artalike.imaging.model_input import model_input
from artalike.records import PixelArray
from tests.imaging.pictures import photo

NAMES = ("efficientnet_lite2", "efficientnet_lite0")


def pictures(name: str, count: int = 4) -> PixelArray:
    preprocess = lite.MODELS[name].preprocess
    return np.stack([model_input(photo(500, 400, seed=seed), preprocess) for seed in range(count)])


def reference(name: str) -> Any:
    network = EfficientNet.from_pretrained(name.replace("_", "-"), weights_path=lite.MODELS[name].weights())
    return network.eval()


def normalised(batch: PixelArray) -> Tensor:
    """As the authors of the weights do it."""
    return (torch.from_numpy(batch).permute(0, 3, 1, 2).float().contiguous() - 127) / 128


@pytest.mark.parametrize("name", NAMES)
def test_features_and_logits_agree_with_the_reference(name: str) -> None:
    batch = pictures(name)
    network, classifier = reference(name), build(lite.MODELS[name])
    settings = EmbeddingSettings(model=name, device="cpu")
    with torch.inference_mode():
        expected_logits = network(normalised(batch))
        expected = network.extract_features(normalised(batch)).mean(dim=(2, 3)).numpy()
        logits = classifier(normalised(batch))
    vectors = load(identify(settings), settings).embed(batch)

    assert vectors.shape == (4, 1280)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosines = (vectors * expected).sum(axis=1) / np.linalg.norm(expected, axis=1)
    assert cosines.min() > 0.9999
    assert torch.allclose(logits, expected_logits, atol=2e-3)
    assert (vectors @ vectors.T)[0, 1:].max() < 0.99  # other pictures, other vectors


@pytest.mark.parametrize("name", list(lite.MODELS))
def test_in_bfloat16_the_vectors_are_the_same(name: str) -> None:
    batch, settings = pictures(name, 8), EmbeddingSettings(model=name, device="cpu")
    exact = load(identify(settings), settings).embed(batch)
    coarse = settings.model_copy(update={"precision": "bfloat16"})
    vectors = load(identify(coarse), coarse).embed(batch)

    assert vectors.dtype == np.float32
    cosines = (vectors * exact).sum(axis=1)
    assert 0.999 <= cosines.min() < 0.999999  # it is computed in other numbers, and comes to the same


def test_a_vector_does_not_depend_on_its_batch() -> None:
    settings = EmbeddingSettings(model="efficientnet_lite0", device="cpu")
    network = load(identify(settings), settings)
    batch = pictures("efficientnet_lite0", 3)
    together, alone = network.embed(batch), network.embed(batch[1:2])
    assert np.allclose(together[1], alone[0], atol=1e-4)


@pytest.mark.parametrize(
    "batch",
    [
        np.zeros((2, 260, 260, 3), np.uint8),
        np.zeros((224, 224, 3), np.uint8),
        np.zeros((1, 3, 224, 224), np.uint8),
        np.zeros((1, 224, 224, 3), np.float32),
    ],
)
def test_another_shape_or_type_is_refused(batch: PixelArray) -> None:
    settings = EmbeddingSettings(model="efficientnet_lite0", device="auto")
    with pytest.raises(ValueError, match="expected uint8"):
        load(identify(settings), settings).embed(batch)


def test_threads_are_those_of_the_settings() -> None:
    before = torch.get_num_threads()
    settings = EmbeddingSettings(model="efficientnet_lite0", device="cpu", threads=1)
    try:
        load(identify(settings), settings)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
