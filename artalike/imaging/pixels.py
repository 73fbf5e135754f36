"""Any picture that Pillow can load, as upright sRGB pixels: depth, colour space, transparency, orientation."""

from __future__ import annotations

import logging
from typing import Final

import numpy as np
from PIL import ExifTags, Image

from artalike.imaging.guard import UNREADABLE
from artalike.imaging.icc import to_srgb

logger = logging.getLogger(__name__)

TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each value of the EXIF tag Orientation (CIPA DC-008, 4.6.5.1)."""

SIDEWAYS: Final = 5
"""From here on, width and height change places."""


def upright_rgb(image: Image.Image) -> Image.Image:
    """Mode RGB, in sRGB, alpha on white, turned as EXIF says, without metadata. ``image`` must be loaded."""
    turn = TURNS.get(_orientation(image))
    color, alpha = _split(image)
    profile = image.info.get("icc_profile")
    if profile:
        color = to_srgb(color, profile)
    rgb = color if color.mode == "RGB" else color.convert("RGB")
    if alpha is not None:
        rgb = _on_white(rgb, alpha)
    if turn is not None:
        rgb = rgb.transpose(turn)
    rgb.info = {}  # or the encoders would copy comments and profiles into thumbnails
    return rgb


def is_sideways(image: Image.Image) -> bool:
    """Whether the picture is as wide as the file says that it is high."""
    return SIDEWAYS <= _orientation(image) <= max(TURNS)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except (*UNREADABLE, MemoryError) as error:
        logger.debug("ignored broken EXIF: %r", error)
        return 1


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Colour in 8 bits (L, RGB, CMYK or another mode that Pillow turns into RGB), and alpha (L) if there is any."""
    if image.mode.startswith(("I", "F")):
        return _eight_bits(image), None
    if image.mode == "LA":
        return image.getchannel("L"), image.getchannel("A")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return rgba.convert("RGB"), rgba.getchannel("A")
    if image.mode == "P":
        return image.convert("RGB"), None
    if image.mode == "1":
        return image.convert("L"), None
    return image, None


def _on_white(rgb: Image.Image, alpha: Image.Image) -> Image.Image:
    if alpha.getextrema() == (255, 255):
        return rgb
    background = Image.new("RGB", rgb.size, "white")
    background.paste(rgb, mask=alpha)
    return background


def _eight_bits(image: Image.Image) -> Image.Image:
    """Greys of 16 or 32 bits or floating point, scaled to 8 bits; Pillow's own conversion would clip them."""
    values = np.asarray(image)
    if values.dtype.itemsize == 2:
        return Image.fromarray((values.astype(np.uint16) >> 8).astype(np.uint8))
    numbers = values.astype(np.float32)
    numbers[~np.isfinite(numbers)] = 0.0
    black_and_white = _value_range(float(numbers.min()), float(numbers.max()))
    return Image.fromarray(np.rint(np.interp(numbers, black_and_white, (0, 255))).astype(np.uint8))


def _value_range(low: float, high: float) -> tuple[float, float]:
    """Which values are black and white, from the lowest and the highest that occur.

    Neither TIFF's integers of 32 bits nor its floats say so. The common habits are 0 to 1, 0 to 255 and
    0 to 65535; anything else is stretched.
    """
    for white in (1.0, 255.0, 65535.0):
        if low >= 0.0 and high <= white:
            return 0.0, white
    return (low, high) if low < high else (min(low, 0.0), max(high, 0.0))
