"""How perceptual hashes are looked up: by four bands of sixteen bits, the nearest in value first."""

from __future__ import annotations

from typing import Final

BANDS: Final = ("((%s >> 48) & 65535)", "((%s >> 32) & 65535)", "((%s >> 16) & 65535)", "(%s & 65535)")

AT_ONCE: Final = 16
"""Images looked up by one statement. It takes their hashes, ``?1`` and so on, and for those that are not, NULL; its
rows are the number of the hash, from 0, and an image's id and hash."""

BUCKET_MOST: Final = 200
"""Hashes read on either side of the one that is looked for, in one band. A million images leave some fifty of them in
both; this bounds the work where many hashes are alike."""
