"""What the network sees: the picture resized and cropped as its preprocessing says, before normalisation."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image

from artalike.records import PixelArray, Preprocess

FILTERS: Final = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


def model_input(image: Image.Image, preprocess: Preprocess) -> PixelArray:
    """uint8, size × size × 3, from all pixels of an RGB ``image``.

    Agrees with torchvision's `Resize` and `CenterCrop` on a Pillow image, rounding included: the networks were
    trained and measured behind those.
    """
    side = preprocess.size
    box = (0.0, 0.0, float(image.width), float(image.height))
    if not preprocess.squash:
        box = _crop_box(image.width, image.height, preprocess.resize, side)
    # Only the crop is computed. Resizing first and cutting then gives the same pixels, but would make a
    # picture of 20,000 × 16 pixels 370,000 wide.
    cut = image.resize((side, side), FILTERS[preprocess.interpolation], box=box)
    return np.array(cut, dtype=np.uint8)


def _crop_box(width: int, height: int, resize: int, side: int) -> tuple[float, float, float, float]:
    """The part of the picture, in its own pixels, that the centre crop shows."""
    short, long = sorted((width, height))
    resized_long = int(resize * long / short)
    resized = (resize, resized_long) if width <= height else (resized_long, resize)
    left, top = (round((edge - side) / 2) for edge in resized)
    x, y = width / resized[0], height / resized[1]
    return left * x, top * y, min((left + side) * x, float(width)), min((top + side) * y, float(height))
