"""The points of a map as they go over the wire: packed arrays that a browser takes as they are.

::

    4 bytes     b"AMAP"
    4 × uint32  version 1, layout number, count n, largest id
    ids         uint32 × n, ascending
    across      uint16 × n, 0 to 65535
    down        uint16 × n
    colours     uint8 × 3 n: red, green, blue of each

All little-endian. 11 bytes a point; 100,000 points are 1.1 MB.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from artalike.layout.layout import Layout

MAGIC: Final = b"AMAP"
VERSION: Final = 1
_HEAD: Final = struct.Struct("<4s4I")
_LEVEL: Final = 5
_ID_MOST: Final = 2**32 - 1

EMPTY: Final = _HEAD.pack(MAGIC, VERSION, 0, 0, 0)
"""What is sent before there is a layout."""


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """A layout's points, packed; and compressed, where all of them are asked for. ``etag`` says what is in them."""

    layout: Layout
    body: bytes
    packed: bytes
    etag: str

    @classmethod
    def of(cls, layout: Layout) -> Points:
        """Takes time: 50 ms for 100,000."""
        body = packed(layout)
        return cls(layout, body, gzip.compress(body, _LEVEL, mtime=0), f"{zlib.crc32(body):08x}-{len(body):x}")

    def behind(self, after: int) -> bytes:
        """The points with an id above ``after``, packed."""
        return packed(self.layout, int(np.searchsorted(self.layout.ids, after, side="right")))


def packed(layout: Layout, start: int = 0) -> bytes:
    """The points from the one in place ``start`` on, by their ids."""
    ids = layout.ids[start:]
    stop = start + int(np.searchsorted(ids, _ID_MOST, side="right"))
    ids, places, colors = layout.ids[start:stop], layout.places[start:stop], layout.colors[start:stop]
    largest = int(ids[-1]) if len(ids) else 0
    parts = (ids.astype("<u4"), places[:, 0].astype("<u2"), places[:, 1].astype("<u2"), colors)
    head = _HEAD.pack(MAGIC, VERSION, layout.number, len(ids), largest)
    return head + b"".join(part.tobytes() for part in parts)
