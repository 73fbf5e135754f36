"""What of a JPEG may repeat (ITU-T T.81, B.1), and how often, so that a small file cannot cost hours.

Each further scan of a progressive picture goes over all of its pixels again, for as little as a dozen bytes; and Pillow
copies all EXIF that it has so far for each further segment of it.
"""

from __future__ import annotations

import re
from typing import Final

from artalike.errors import DecodeError, FailureKind

MAX_SCANS: Final = 100
"""Encoders write some ten."""
MAX_EXIF: Final = 100
"""Segments of EXIF; one, hardly ever more, is what cameras write."""
MAX_SEGMENTS: Final = 10_000
"""Of any kind: a profile may have 255, further metadata some hundreds."""

# No stuffed byte, restart, padding or marker without a segment.
_MARKER: Final = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
_END: Final = 0xD9
_SCAN: Final = 0xDA
_APP1: Final = 0xE1
_EXIF: Final = b"Exif\0\0"


def check_segments(data: bytes) -> None:
    """Hold the segments of a JPEG against the limits. Raises DecodeError: TOO_MANY_PIXELS, or TRUNCATED (damaged)."""
    segments = scans = exif = 0
    at = 2
    while (found := _MARKER.search(data, at)) is not None:
        at, marker = found.end(), data[found.end() - 1]
        if marker == _END:
            return
        segments += 1
        if marker == _SCAN:
            scans += 1
        elif marker == _APP1 and data.startswith(_EXIF, at + 2):
            exif += 1
        if scans > MAX_SCANS:
            raise DecodeError(FailureKind.TOO_MANY_PIXELS, f"more than {MAX_SCANS} scans over the same pixels")
        if exif > MAX_EXIF or segments > MAX_SEGMENTS:
            raise DecodeError(FailureKind.TRUNCATED, f"damaged: {segments} segments, {exif} of them of EXIF")
        at += max(2, int.from_bytes(data[at : at + 2], "big"))
