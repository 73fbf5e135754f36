"""Pillow's limits and failures, in one place: what bad bytes may cost, and all that they may raise."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from PIL import Image, ImageCms, ImageFile

from artalike.config import Imaging
from artalike.errors import DecodeError, FailureKind

BOMBS: Final = (Image.DecompressionBombError, Image.DecompressionBombWarning)

UNREADABLE: Final = (
    OSError,  # truncated and unidentified files, most decoders' complaints
    SyntaxError,  # what Pillow's plugins raise for a broken header
    EOFError,
    ValueError,  # PNG text bombs, impossible sizes, bad encodings
    TypeError,
    AttributeError,
    ArithmeticError,  # rationals of EXIF divided by zero, sizes that overflow
    LookupError,  # offsets outside of a chunk, tags of an unknown type
    AssertionError,
    RuntimeError,  # AVIF and WebP decoders; NotImplementedError and RecursionError are kinds of it
    struct.error,
    zlib.error,
    ImageCms.PyCMSError,
)
"""What Pillow was seen to raise for bad bytes. It documents OSError alone; the rest escapes from its plugins."""

# For the whole process, because `warnings.catch_warnings` swaps a global and decoding runs in several threads.
warnings.filterwarnings("ignore", module=r"PIL\.")  # half of the web's pictures carry some broken metadata
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)

# Pillow's default, said aloud: half a picture is a failure.
ImageFile.LOAD_TRUNCATED_IMAGES = False


@contextmanager
def translated() -> Iterator[None]:
    """Turns whatever Pillow raises for bad bytes into a :class:`DecodeError`."""
    try:
        yield
    except BOMBS as error:
        raise DecodeError(FailureKind.TOO_MANY_PIXELS, str(error)) from error
    except MemoryError as error:
        raise DecodeError(FailureKind.TOO_MANY_PIXELS, "its pixels do not fit into memory") from error
    except UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DecodeError(FailureKind.TRUNCATED, f"cut off or damaged: {reason}") from error


def check_size(width: int, height: int, settings: Imaging) -> None:
    """Hold the size that a header declares, in pixels, against the settings.

    Raises :class:`DecodeError`: TOO_MANY_PIXELS or TOO_SMALL.
    """
    if max(width, height) > settings.max_side:
        raise DecodeError(
            FailureKind.TOO_MANY_PIXELS,
            f"{width} × {height} pixels; expected no side over imaging.max_side = {settings.max_side}",
        )
    if width * height > settings.max_pixels:
        raise DecodeError(
            FailureKind.TOO_MANY_PIXELS,
            f"{width} × {height} pixels; expected at most imaging.max_pixels = {settings.max_pixels}",
        )
    if min(width, height) < settings.min_side:
        raise DecodeError(
            FailureKind.TOO_SMALL,
            f"{width} × {height} pixels; expected no side under imaging.min_side = {settings.min_side}",
        )
