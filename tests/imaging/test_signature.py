"""A signature says the same of a picture and its copies, and something else of every other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from artalike.config import Imaging
from artalike.imaging import decode
from tests.imaging.pictures import PREPROCESS, encoded, photo


def signature(image: Image.Image, file_format: str = "JPEG", quality: int = 90) -> bytes:
    return decode(encoded(image, file_format, quality=quality), PREPROCESS, Imaging()).signature


def likeness(first: bytes, second: bytes) -> float:
    one, other = (np.frombuffer(numbers, np.int8)[:256].astype(float) for numbers in (first, second))
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def color_difference(first: bytes, second: bytes) -> float:
    one, other = (np.frombuffer(numbers, np.int8)[256:].astype(float) for numbers in (first, second))
    return float(np.abs(one - other).mean())


@pytest.mark.parametrize("seed", range(4))
def test_it_survives_resizing_recompression_and_light(seed: int) -> None:
    image = photo(800, 600, seed=seed)
    original = signature(image, "PNG")
    assert len(original) == 288
    copies = [
        signature(image.resize((200, 150), Image.Resampling.LANCZOS), quality=50),
        signature(image.resize((1100, 825), Image.Resampling.BICUBIC)),
        signature(image, quality=30),
        signature(image, "WEBP", quality=40),
        signature(ImageEnhance.Brightness(image).enhance(1.05)),
    ]
    assert min(likeness(original, copy) for copy in copies) > 0.97
    assert max(color_difference(original, copy) for copy in copies) < 4


def test_different_pictures_have_different_light() -> None:
    signatures = [signature(photo(400, 300, seed=seed)) for seed in range(12)]
    assert max(likeness(one, other) for one, other in itertools.combinations(signatures, 2)) < 0.8


def test_colour_tells_where_light_is_the_same() -> None:
    image = photo(400, 300, seed=1)
    light, first, second = image.convert("YCbCr").split()
    swapped = Image.merge("YCbCr", (light, second, first)).convert("RGB")
    assert color_difference(signature(image), signature(swapped)) > 6


@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
def test_a_picture_that_shows_too_little_has_none(file_format: str) -> None:
    flat = Image.new("RGB", (300, 200), "#777777")
    ramp = Image.linear_gradient("L").resize((300, 200)).convert("RGB")
    assert signature(flat, file_format) == signature(ramp, file_format) == b""


def test_noise_around_one_grey_shows_too_little() -> None:
    noise = np.random.default_rng(0).normal(128, 8, (300, 300, 3)).clip(0, 255).astype(np.uint8)
    assert signature(Image.fromarray(noise), "PNG") == b""
