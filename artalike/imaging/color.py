"""The colour that most of a picture has: a tile's background until its thumbnail is there."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image

LEVELS: Final = 16
"""Steps of each channel; two colours are alike when no channel is more than one step apart."""


def dominant_color(image: Image.Image) -> str:
    """``#rrggbb``: the mean of the largest group of like colours in a small RGB ``image``.

    The pixels are counted into a coarse cube of LEVELS³ colours. Each cell also counts its 26 neighbours, so that
    a group which lies across a border is not split. The fullest cell's neighbourhood is the group. Unlike
    the mean of all pixels, the result is a colour that can be seen in the picture.
    """
    pixels = np.asarray(image).reshape(-1, 3)
    cells = pixels.astype(np.intp) // (256 // LEVELS)
    numbers = np.ravel_multi_index(tuple(cells.T), (LEVELS,) * 3)
    counts = np.bincount(numbers, minlength=LEVELS**3).reshape((LEVELS,) * 3)
    counts = np.pad(counts, 1)  # one empty layer all around
    for axis in range(3):  # a sum over 3 × 3 × 3 is one over each axis in turn
        counts = counts + np.roll(counts, 1, axis) + np.roll(counts, -1, axis)
    inner = counts[1:-1, 1:-1, 1:-1]
    fullest = np.array(np.unravel_index(inner.argmax(), inner.shape))
    group = pixels[(np.abs(cells - fullest) <= 1).all(axis=1)]
    red, green, blue = (round(channel) for channel in group.mean(axis=0).tolist())
    return f"#{red:02x}{green:02x}{blue:02x}"
