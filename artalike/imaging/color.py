"""The colour that most of a picture has: a tile's background until its thumbnail is there."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image

LEVELS: Final = 16
"""Steps of each channel; two colours are alike when no channel is more than one step apart."""

_CUBE: Final = (LEVELS,) * 3


def dominant_color(image: Image.Image) -> str:
    """``#rrggbb``: the mean of the largest group of like colours in a small RGB ``image``.

    The pixels are counted into a coarse cube of LEVELS³ colours. Each cell also counts its 26 neighbours, so that
    a group which lies across a border is not split. The fullest cell's neighbourhood is the group. Unlike
    the mean of all pixels, the result is a colour that can be seen in the picture.
    """
    pixels = np.asarray(image).reshape(-1, 3)
    cells = (pixels // (256 // LEVELS)).astype(np.intp)
    numbers = (cells[:, 0] * LEVELS + cells[:, 1]) * LEVELS + cells[:, 2]
    counts = np.zeros([LEVELS + 2] * 3, np.intp)  # with one empty layer all around
    counts[1:-1, 1:-1, 1:-1] = np.bincount(numbers, minlength=LEVELS**3).reshape(_CUBE)
    # A sum over 3 × 3 × 3 is one over each axis in turn, and takes the layer away again.
    counts = counts[:-2] + counts[1:-1] + counts[2:]
    counts = counts[:, :-2] + counts[:, 1:-1] + counts[:, 2:]
    counts = counts[:, :, :-2] + counts[:, :, 1:-1] + counts[:, :, 2:]
    fullest = np.unravel_index(counts.argmax(), _CUBE)
    near = np.zeros(_CUBE, bool)
    near[tuple(slice(max(level - 1, 0), level + 2) for level in fullest)] = True
    group = near.ravel()[numbers]
    red, green, blue = (round(channel) for channel in (group @ pixels.astype(np.float64) / group.sum()).tolist())
    return f"#{red:02x}{green:02x}{blue:02x}"
