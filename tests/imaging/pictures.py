"""Pictures drawn by the tests, and the files made of them."""

from __future__ import annotations

import io
from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw

from artalike.records import Preprocess

PREPROCESS: Final = Preprocess(size=64, resize=72, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))

FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP")


def photo(width: int = 320, height: int = 240, *, seed: int = 0) -> Image.Image:
    """An RGB picture with soft light, shapes and a little noise, as a photograph has."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    phase = random.uniform(0, 6, 3)
    light = [120 + 70 * np.sin(x / width * 5 + p) + 50 * np.cos(y / height * 4 - p) for p in phase]
    image = Image.fromarray(np.clip(np.stack(light, axis=-1), 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(8):
        left, top = random.uniform(0, width * 0.8), random.uniform(0, height * 0.8)
        right, bottom = left + random.uniform(0.1, 0.4) * width, top + random.uniform(0.1, 0.4) * height
        color = tuple(int(value) for value in random.integers(0, 256, 3))
        (draw.ellipse if random.random() < 0.5 else draw.rectangle)((left, top, right, bottom), fill=color)
    noisy = np.asarray(image).astype(np.float32) + random.normal(0, 4, (height, width, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, file_format: str = "JPEG", **options: Any) -> bytes:
    """The bytes of a file."""
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def opened(data: bytes) -> Image.Image:
    """A thumbnail, decoded."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def mean_difference(first: Any, second: Any) -> float:
    """Over all pixels and channels, in levels of 0 to 255."""
    return float(np.abs(np.asarray(first, np.float32) - np.asarray(second, np.float32)).mean())
