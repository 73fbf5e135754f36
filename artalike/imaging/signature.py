"""What a picture shows, in 288 numbers: enough to tell a copy of it from another that has nearly the same hash."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image

from artalike.imaging.phash import COSINES, SIDE

FREQUENCIES: Final = 16
"""Frequencies in each direction, from the constant up."""

CELLS: Final = 4
"""Cells on a side of the grid of colours."""

FAINT: Final = 400.0
"""Detail below this is mostly the encoder's noise. Photographs lie above 700."""


def signature(image: Image.Image) -> bytes:
    """256 signed bytes of light and 32 of colour of an RGB ``image``; empty when there is too little in it to compare.

    Light: the 16 × 16 lowest frequencies of the DCT-II of a grey square of 32 × 32, each times its frequency, because
    in pictures the amplitude falls as the frequency rises (D. J. Field, 1987, doi:10.1364/JOSAA.4.002379) and all of
    them are to count. Scaled to the largest: two signatures are compared by their cosine, which a change of
    brightness or contrast leaves as it is. Colour: Cb and Cr, less 128, of 4 × 4 cells.
    """
    grey = np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR), dtype=np.float64)
    light = COSINES[:FREQUENCIES] @ grey @ COSINES[:FREQUENCIES].T * _FREQUENCY
    # What varies in one direction only, a gradient or a horizon, is shared by too many pictures.
    if np.linalg.norm(light[1:, 1:]) < FAINT:
        return b""
    cells = np.asarray(image.convert("YCbCr").resize((CELLS, CELLS), Image.Resampling.BOX), dtype=np.int16)
    color = cells[..., 1:] - 128
    numbers = np.concatenate((np.rint(light * (127 / np.abs(light).max())), color), axis=None)
    return bytes(numbers.astype(np.int8))


_FREQUENCY: Final = np.hypot(*np.indices((FREQUENCIES, FREQUENCIES)))
