"""Tells a picture's format from its first bytes; headers and file extensions have no say."""

from __future__ import annotations

import re
from typing import Final

from artalike.errors import DecodeError, FailureKind

LONGEST_SIGNATURE: Final = 16

SIGNATURES: Final = {
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "WEBP": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    "GIF": re.compile(rb"GIF8[79]a"),
    # mif1 and msf1 are the containers that AVIF shares with HEIC; Pillow looks further and refuses the latter.
    "AVIF": re.compile(rb".{4}ftyp(?:avif|avis|mif1|msf1)", re.DOTALL),
    "TIFF": re.compile(rb"II\*\x00|MM\x00\*|II\+\x00|MM\x00\+"),
    "BMP": re.compile(rb"BM"),
}
"""What each format begins with, by the name that Pillow has for it. Nothing else is ever decoded."""


def identify(data: bytes) -> str:
    """The format of ``data``: a key of :data:`SIGNATURES`.

    Raises :class:`DecodeError`: EMPTY, or NOT_AN_IMAGE for HTML, SVG and everything else.
    """
    if not data:
        raise DecodeError(FailureKind.EMPTY, "no bytes at all; expected a picture")
    for name, signature in SIGNATURES.items():
        if signature.match(data):
            return name
    raise DecodeError(
        FailureKind.NOT_AN_IMAGE,
        f"begins with {data[:LONGEST_SIGNATURE]!r}; expected a JPEG, PNG, WebP, GIF, AVIF, TIFF or BMP picture",
    )
