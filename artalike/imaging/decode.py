"""One pass from a picture's bytes to everything that is kept of it."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from PIL import Image

from artalike.config import Imaging
from artalike.imaging.color import dominant_color
from artalike.imaging.formats import identify
from artalike.imaging.guard import check_size, translated
from artalike.imaging.model_input import model_input
from artalike.imaging.phash import perceptual_hash
from artalike.imaging.pixels import is_sideways, upright_rgb
from artalike.imaging.resampling import BILINEAR, GAP, resized
from artalike.imaging.segments import check_segments
from artalike.imaging.signature import signature
from artalike.imaging.thumbnails import encoded, scaled
from artalike.records import Artwork, Preprocess

MINIATURE = (64, 64)
"""The small version, squashed to a square, that colour, perceptual hash and signature are taken from."""


def decode(data: bytes, preprocess: Preprocess, settings: Imaging) -> Artwork:
    """Decode the bytes of a JPEG, PNG, WebP, GIF, AVIF, TIFF or BMP file; of an animation, the first frame.

    Alpha lies on white, colours are sRGB, EXIF orientation is applied, no metadata is kept.

    Raises :class:`DecodeError` with kind EMPTY, NOT_AN_IMAGE, TRUNCATED (cut off or damaged), TOO_MANY_PIXELS
    or TOO_SMALL. Sizes are checked against the file's header before any pixel is decoded.
    """
    image_format = identify(data)
    if image_format == "JPEG":
        check_segments(data)
    with translated():
        image, width, height = _read(data, image_format, preprocess, settings)
    pictures = scaled(image, settings.thumbnail_widths)
    # Not BOX: its aliases depend on the size of the picture, and made a copy's hash differ five times as much.
    miniature = resized(_smallest([*pictures.values(), image]), MINIATURE, BILINEAR)
    return Artwork(
        width=width,
        height=height,
        format=image_format,
        color=dominant_color(miniature),
        phash=perceptual_hash(miniature),
        thumbnails=encoded(pictures, settings.thumbnail_quality),
        model_input=model_input(image, preprocess),
        signature=signature(miniature),
    )


def _smallest(pictures: Sequence[Image.Image]) -> Image.Image:
    """Of one picture in several sizes, the smallest that a miniature may be made of, or the largest."""
    enough = [picture for picture in pictures if min(picture.size) >= GAP * max(MINIATURE)]
    return min(enough, key=lambda picture: picture.width) if enough else pictures[-1]


def _read(data: bytes, image_format: str, preprocess: Preprocess, settings: Imaging) -> tuple[Image.Image, int, int]:
    """The picture upright, perhaps smaller than it is; and how wide and high it is."""
    # Pillow has one global limit. It is set to ours so that its own check, made inside `open`, agrees with it.
    Image.MAX_IMAGE_PIXELS = settings.max_pixels
    with Image.open(io.BytesIO(data), formats=(image_format,)) as image:
        size = image.size
        check_size(*size, settings)
        # A JPEG is decoded at a half, a quarter or an eighth where that is still twice what is made from it.
        side = math.ceil(GAP * max((preprocess.resize, *settings.thumbnail_widths)))
        image.draft(None, (side, side))
        smaller = image.size != size
        image.load()
        upright = upright_rgb(image)
        if not smaller:
            return upright, *upright.size
        width, height = reversed(size) if is_sideways(image) else size
        return upright, width, height
