"""A perceptual hash: pictures that look the same have nearly the same 64 bits."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE: Final = 32
"""Pixels on a side of the grey square that is transformed."""

BITS: Final = 8
"""Coefficients on a side of the low-frequency square that is kept."""

FLAT: Final = 0.5
"""Coefficients below this, of greys from 0 to 255, are rounding and say nothing."""


def perceptual_hash(image: Image.Image) -> int:
    """The 64-bit DCT hash of an RGB ``image``, as an unsigned integer.

    C. Zauner, *Implementation and Benchmarking of Perceptual Image Hash Functions* (2010), 3.2.1, as in pHash: a
    grey square of 32 × 32, its DCT-II, of that the 8 × 8 lowest frequencies without the constant row and
    column, each one bit: over the median or not. Bits are in reading order, the first the highest.
    """
    grey = np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR), dtype=np.float64)
    low = LOW_FREQUENCIES @ grey @ LOW_FREQUENCIES.T
    low[np.abs(low) < FLAT] = 0.0
    bits = low > np.median(low)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _cosines() -> NDArray[np.float64]:
    """The orthonormal DCT-II matrix, (32, 32)."""
    frequency = np.arange(SIDE)[:, np.newaxis]
    position = np.arange(SIDE)[np.newaxis, :]
    cosines: NDArray[np.float64] = np.cos(np.pi * frequency * (2 * position + 1) / (2 * SIDE))
    cosines *= np.sqrt(2 / SIDE)
    cosines[0] *= np.sqrt(1 / 2)
    return cosines


COSINES: Final = _cosines()
LOW_FREQUENCIES: Final = COSINES[1 : BITS + 1]
