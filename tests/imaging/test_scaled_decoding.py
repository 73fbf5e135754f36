"""A large JPEG is decoded at a part of its size, and nobody can tell."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from artalike.config import Imaging
from artalike.imaging import decode
from artalike.imaging.decode import _read
from artalike.imaging.model_input import model_input
from artalike.imaging.phash import perceptual_hash
from tests.imaging.pictures import PREPROCESS, encoded, mean_difference, opened, photo

SETTINGS = Imaging(thumbnail_widths=(256, 400))

MEAN_TOLERANCE = 1.0
"""Of 255: how far the model's input may lie, on average, from that of the picture decoded in full."""


def test_less_is_decoded_than_there_is() -> None:
    data = encoded(photo(3200, 2400))
    image, width, height = _read(data, "JPEG", PREPROCESS, SETTINGS)
    assert (image.width, image.height) == (1600, 1200)
    assert (width, height) == (3200, 2400)


@pytest.mark.parametrize("size", [(3200, 2400), (1800, 6400)])
def test_all_that_is_made_from_it_is_what_the_whole_gives(size: tuple[int, int]) -> None:
    source = photo(*size)
    data = encoded(source, quality=92)
    artwork = decode(data, PREPROCESS, SETTINGS)
    whole = opened(data)
    expected = model_input(whole, PREPROCESS)
    assert (artwork.width, artwork.height) == size
    assert mean_difference(artwork.model_input, expected) < MEAN_TOLERANCE
    assert np.abs(artwork.model_input.astype(int) - expected).max() < 16
    small = whole.resize((64, 64), Image.Resampling.BILINEAR, reducing_gap=2.0)
    assert (artwork.phash ^ perceptual_hash(small)).bit_count() <= 2
    thumbnail = opened(artwork.thumbnails[400])
    assert thumbnail.size == (400, round(size[1] * 400 / size[0]))
    assert mean_difference(thumbnail, whole.resize(thumbnail.size, Image.Resampling.LANCZOS)) < 3 * MEAN_TOLERANCE


def test_a_turned_one_keeps_its_size() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    artwork = decode(encoded(photo(3200, 2400), exif=exif), PREPROCESS, SETTINGS)
    assert (artwork.width, artwork.height) == (2400, 3200)


def test_a_small_one_is_decoded_in_full() -> None:
    image, *size = _read(encoded(photo(1500, 790)), "JPEG", PREPROCESS, SETTINGS)
    assert list(image.size) == size == [1500, 790]
