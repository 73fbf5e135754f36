"""What the network sees: the picture resized and cropped as its preprocessing says, before normalisation."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image

from artalike.imaging.resampling import BICUBIC, BILINEAR, resized
from artalike.records import PixelArray, Preprocess

FILTERS: Final = {"bicubic": BICUBIC, "bilinear": BILINEAR}

WASTE: Final = 4
"""How many times the pixels of the crop may be computed, where that is faster than the crop alone."""


def model_input(image: Image.Image, preprocess: Preprocess) -> PixelArray:
    """uint8, size × size × 3, from all pixels of an RGB ``image``.

    Agrees with torchvision's `Resize` and `CenterCrop` on a Pillow image, rounding included: the networks were
    trained and measured behind those.
    """
    side, resampling = preprocess.size, FILTERS[preprocess.interpolation]
    if preprocess.squash:
        return np.array(image.resize((side, side), resampling), dtype=np.uint8)
    width, height = _resized_size(image.width, image.height, preprocess.resize)
    left, top = (round((edge - side) / 2) for edge in (width, height))
    if resampling is BILINEAR and min(left, top) >= 0 and width * height <= WASTE * side * side:
        whole = resized(image, (width, height), resampling, gap=None)
        return np.array(whole.crop((left, top, left + side, top + side)), dtype=np.uint8)
    # Only the crop is computed, by the filter that rounds as the reference does. Resizing first and cutting then gives
    # the same pixels, but would make a picture of 20,000 × 16 pixels 370,000 wide.
    x, y = image.width / width, image.height / height
    right, bottom = min((left + side) * x, float(image.width)), min((top + side) * y, float(image.height))
    return np.array(image.resize((side, side), resampling, box=(left * x, top * y, right, bottom)), dtype=np.uint8)


def _resized_size(width: int, height: int, resize: int) -> tuple[int, int]:
    """With the short side at ``resize``."""
    short, long = sorted((width, height))
    resized_long = int(resize * long / short)
    return (resize, resized_long) if width <= height else (resized_long, resize)
