"""Colours into sRGB by the profile that a picture carries (ICC.1:2022)."""

from __future__ import annotations

import io
import logging
from functools import lru_cache
from typing import Final

from PIL import Image, ImageCms

from artalike.imaging.guard import UNREADABLE

logger = logging.getLogger(__name__)

SPACES: Final = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
"""The profile's colour space that fits each of Pillow's modes."""


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """``image`` in mode RGB and sRGB, or as it is when it is sRGB already or the profile is of no use.

    A profile that is broken, or made for another kind of picture (an RGB one on a grey picture is common), is
    ignored and the reason logged.
    """
    if image.mode not in SPACES:
        return image
    try:
        transform = _transform(profile, image.mode)
        if transform is None:
            return image
        return transform.apply(image)
    except UNREADABLE as error:
        logger.debug("ignored the ICC profile of %d bytes: %s", len(profile), error)
        return image


@lru_cache(maxsize=32)  # a site's pictures share a few profiles, and a CMYK transform takes milliseconds to build
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """How to get to sRGB; None when ``profile`` is sRGB. Raises one of UNREADABLE for a useless profile."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = source.profile.xcolor_space.strip()
    if space != SPACES[mode]:
        raise ValueError(f"it is for {space}, the picture is {SPACES[mode]}")
    if (source.profile.profile_description or "").startswith("sRGB"):
        return None
    # lcms copies its one mutable part, the last pixel, for every call: threads may share a transform.
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
