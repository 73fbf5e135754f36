"""Small JPEG versions of a picture, for the gallery."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from PIL import Image

GAP: Final = 2.0
"""How much larger than the wanted size the source of a cheap step must be for the eye not to notice it."""


def thumbnails(image: Image.Image, widths: Sequence[int], quality: int) -> dict[int, bytes]:
    """A JPEG for each of ``widths``, of that width in pixels, or of the picture's own when that is smaller.

    ``image`` is RGB without metadata; ``quality`` is JPEG's, 1 to 100.
    """
    encoded: dict[int, bytes] = {}
    source = image
    full: bytes | None = None
    for width in sorted(set(widths), reverse=True):
        if width >= image.width:
            full = full or _jpeg(image, quality)
            encoded[width] = full
            continue
        small = _resized(source if source.width >= GAP * width else image, image, width)
        encoded[width] = _jpeg(small, quality)
        source = small
    return encoded


def _resized(source: Image.Image, original: Image.Image, width: int) -> Image.Image:
    height = max(1, round(original.height * width / original.width))
    # Hamming: for making smaller as sharp as bicubic, at two thirds of its time.
    return source.resize((width, height), Image.Resampling.HAMMING, reducing_gap=GAP)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()
