"""Small JPEG versions of a picture, for the gallery."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from PIL import Image

from artalike.imaging.resampling import BICUBIC, GAP, resized


def scaled(image: Image.Image, widths: Sequence[int]) -> dict[int, Image.Image]:
    """An RGB ``image`` in each of ``widths``, in pixels, or as it is when it is narrower; the widest first."""
    made: dict[int, Image.Image] = {}
    source = image
    for width in sorted(set(widths), reverse=True):
        if width >= image.width:
            made[width] = image
            continue
        height = max(1, round(image.height * width / image.width))
        source = made[width] = resized(source if source.width >= GAP * width else image, (width, height), BICUBIC)
    return made


def encoded(pictures: Mapping[int, Image.Image], quality: int) -> dict[int, bytes]:
    """A JPEG of each, RGB without metadata; the same picture is encoded once. ``quality`` is JPEG's, 1 to 100."""
    files: dict[int, bytes] = {}
    made: dict[int, bytes] = {}
    for width, picture in pictures.items():
        if id(picture) not in files:
            files[id(picture)] = _jpeg(picture, quality)
        made[width] = files[id(picture)]
    return made


def _jpeg(image: Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()
