"""The hash survives what the web does to pictures, and tells different pictures apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from artalike.config import Imaging
from artalike.imaging import decode
from artalike.imaging.phash import LOW_FREQUENCIES
from tests.imaging.pictures import PREPROCESS, encoded, photo


def phash(image: Image.Image, file_format: str = "JPEG", quality: int = 90) -> int:
    return decode(encoded(image, file_format, quality=quality), PREPROCESS, Imaging()).phash


def distance(first: int, second: int) -> int:
    return (first ^ second).bit_count()


@pytest.mark.parametrize("seed", range(6))
def test_it_survives_resizing_and_recompression(seed: int) -> None:
    image = photo(800, 600, seed=seed)
    original = phash(image, "PNG")
    assert distance(original, phash(image.resize((400, 300), Image.Resampling.LANCZOS))) <= 6
    assert distance(original, phash(image.resize((1100, 825), Image.Resampling.BICUBIC), quality=70)) <= 6
    assert distance(original, phash(image, quality=30)) <= 6
    assert distance(original, phash(image, "WEBP", quality=40)) <= 6
    assert distance(original, phash(ImageEnhance.Brightness(image).enhance(1.1))) <= 10


def test_different_pictures_lie_far_apart() -> None:
    hashes = [phash(photo(400, 300, seed=seed)) for seed in range(12)]
    distances = [distance(first, second) for first, second in itertools.combinations(hashes, 2)]
    assert min(distances) > 14
    assert 26 < np.mean(distances) < 38  # half of 64 when nothing is shared


def test_it_is_64_bits_unsigned() -> None:
    hashes = [phash(photo(64, 64, seed=seed)) for seed in range(20)]
    assert all(0 <= value < 2**64 for value in hashes)
    assert any(value >= 2**63 for value in hashes)


def test_flat_pictures_give_a_steady_hash() -> None:
    flat = Image.new("RGB", (300, 200), "#777777")
    assert phash(flat, "PNG") == phash(flat.resize((90, 60)), "BMP") == 0


def test_the_transform_is_orthonormal_and_without_the_constant() -> None:
    assert np.allclose(LOW_FREQUENCIES @ LOW_FREQUENCIES.T, np.eye(8))
    assert np.allclose(LOW_FREQUENCIES.sum(axis=1), 0)
