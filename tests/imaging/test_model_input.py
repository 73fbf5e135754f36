"""What the network sees is what torchvision's transforms would show it."""

from __future__ import annotations

import numpy as np
import pytest
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

from artalike.imaging.model_input import model_input
from artalike.records import Preprocess
from tests.imaging.pictures import photo


def preprocess(size: int, resize: int, *, interpolation: str = "bicubic", squash: bool = False) -> Preprocess:
    half = (0.5, 0.5, 0.5)
    return Preprocess(size, resize, half, half, interpolation=interpolation, squash=squash)


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize(("size", "resize"), [(260, 297), (224, 256), (224, 224), (63, 71)])
@pytest.mark.parametrize("shape", [(400, 534), (534, 400), (333, 333), (90, 50), (1201, 299), (297, 298)])
def test_resize_and_crop_agree(shape: tuple[int, int], size: int, resize: int, interpolation: str) -> None:
    image = photo(*shape)
    reference = Compose([Resize(resize, InterpolationMode(interpolation)), CenterCrop(size)])
    ours = model_input(image, preprocess(size, resize, interpolation=interpolation))
    difference = np.abs(ours.astype(int) - np.asarray(reference(image)).astype(int))
    assert ours.shape == (size, size, 3)
    assert difference.max() <= 1  # the last bit of rounding


def test_squash_shows_the_whole_picture() -> None:
    image = photo(400, 100)
    reference = Resize((64, 64), InterpolationMode.BICUBIC)(image)
    assert np.array_equal(model_input(image, preprocess(64, 64, squash=True)), np.asarray(reference))


def test_it_is_an_array_of_its_own() -> None:
    pixels = model_input(photo(100, 100), preprocess(32, 32))
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    pixels[0, 0] = 0  # writable: torch refuses others
