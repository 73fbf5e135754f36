"""Depths, colour spaces, transparency, orientation: the pixels are those that a browser would show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from artalike.config import Imaging
from artalike.imaging import decode
from artalike.records import PixelArray
from tests.imaging.pictures import PREPROCESS, encoded, mean_difference, opened, photo

SETTINGS = Imaging(thumbnail_widths=(2000,), thumbnail_quality=95)


def seen(data: bytes) -> PixelArray:
    """The whole picture as decoded, (height, width, 3)."""
    return np.asarray(opened(decode(data, PREPROCESS, SETTINGS).thumbnails[2000]))


def flat(mode: str, color: Any) -> Image.Image:
    return Image.new(mode, (40, 40), color)


def assert_color(data: bytes, expected: tuple[int, int, int], within: int = 3) -> None:
    middle = seen(data)[20, 20].astype(int)
    assert np.abs(middle - expected).max() <= within, f"{middle} is not {expected}"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_exif_orientation_is_applied(file_format: str, orientation: int) -> None:
    upright = photo(160, 96)
    stored = {
        1: upright,
        2: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: upright.transpose(Image.Transpose.ROTATE_180),
        4: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: upright.transpose(Image.Transpose.TRANSPOSE),
        6: upright.transpose(Image.Transpose.ROTATE_90),
        7: upright.transpose(Image.Transpose.TRANSVERSE),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, file_format, exif=exif)
    artwork = decode(data, PREPROCESS, SETTINGS)
    assert (artwork.width, artwork.height) == (160, 96)
    assert mean_difference(seen(data), upright) < 9


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_unknown_orientation_is_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert seen(encoded(photo(160, 96), exif=exif)).shape == (96, 160, 3)


def test_hostile_exif_is_ignored() -> None:
    image = photo(160, 96)
    hostile = [
        b"Exif\0\0" + b"\xff" * 60,
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x05\0\xff\xff\xff\xff\0\0\0\0",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x04abc\0",
    ]
    for exif in hostile:
        assert mean_difference(seen(encoded(image, exif=exif)), image) < 6


def test_alpha_lies_on_white() -> None:
    assert_color(encoded(flat("RGBA", (255, 0, 0, 0)), "PNG"), (255, 255, 255))
    assert_color(encoded(flat("RGBA", (255, 0, 0, 128)), "PNG"), (255, 127, 127))
    assert_color(encoded(flat("RGBA", (0, 0, 255, 255)), "PNG"), (0, 0, 255), within=4)
    assert_color(encoded(flat("LA", (0, 0)), "PNG"), (255, 255, 255))
    assert_color(encoded(flat("LA", (100, 255)), "PNG"), (100, 100, 100))
    assert_color(encoded(flat("RGBA", (0, 0, 0, 0)), "WEBP", lossless=True, exact=True), (255, 255, 255))
    assert_color(encoded(flat("RGBA", (0, 0, 0, 0)), "AVIF"), (255, 255, 255))
    assert_color(encoded(flat("RGBA", (0, 0, 0, 0)), "TIFF"), (255, 255, 255))


def test_palettes_keep_their_colors_and_their_transparency() -> None:
    indexed = flat("P", 1)
    indexed.putpalette([10, 20, 30, 200, 100, 50])
    for file_format in ("PNG", "GIF", "BMP", "TIFF"):
        assert_color(encoded(indexed, file_format), (200, 100, 50))
    assert_color(encoded(indexed, "PNG", transparency=1), (255, 255, 255))
    assert_color(encoded(indexed, "PNG", transparency=b"\xff\x80"), (227, 177, 152))
    assert_color(encoded(indexed, "PNG", transparency=0), (200, 100, 50))
    assert_color(encoded(indexed, "GIF", transparency=1), (255, 255, 255))


def test_a_single_transparent_color_lies_on_white() -> None:
    assert_color(encoded(flat("RGB", (9, 9, 9)), "PNG", transparency=(9, 9, 9)), (255, 255, 255))
    assert_color(encoded(flat("RGB", (9, 9, 9)), "PNG", transparency=(9, 9, 8)), (9, 9, 9))
    assert_color(encoded(flat("L", 9), "PNG", transparency=9), (255, 255, 255))


def test_bits_and_greys() -> None:
    assert_color(encoded(flat("1", 1), "PNG"), (255, 255, 255))
    assert_color(encoded(flat("1", 0), "TIFF"), (0, 0, 0))
    assert_color(encoded(flat("L", 77), "JPEG"), (77, 77, 77))
    assert_color(encoded(flat("YCbCr", (128, 128, 128)), "TIFF"), (128, 128, 128))


def ramp(dtype: str, white: float) -> Image.Image:
    """Black on the left to ``white`` on the right."""
    return Image.fromarray(np.tile(np.linspace(0, white, 256), (32, 1)).astype(dtype))


@pytest.mark.parametrize(
    ("image", "file_format"),
    [
        (ramp("uint16", 65535), "PNG"),
        (ramp("uint16", 65535), "TIFF"),
        (ramp(">u2", 65535), "TIFF"),
        (ramp("int32", 65535), "TIFF"),
        (ramp("int32", 255), "TIFF"),
        (ramp("int32", 2_000_000_000), "TIFF"),
        (ramp("float32", 1.0), "TIFF"),
        (ramp("float32", 255.0), "TIFF"),
        (ramp("float32", -3.0e38), "TIFF"),
    ],
)
def test_deep_greys_are_scaled_and_not_clipped(image: Image.Image, file_format: str) -> None:
    columns = seen(encoded(image, file_format)).mean(axis=(0, 2))
    if columns[0] > columns[-1]:  # from a negative white up to zero
        columns = columns[::-1]
    assert np.abs(columns - np.arange(256)).max() < 4


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -7.0, 1e-40, -1e-40, 3.4e38])
def test_odd_floats_do_no_harm(value: float) -> None:
    values = np.full((40, 40), value, np.float32)
    assert seen(encoded(Image.fromarray(values), "TIFF")).shape == (40, 40, 3)
    values[0, 0] = -value
    assert seen(encoded(Image.fromarray(values), "TIFF")).shape == (40, 40, 3)


def test_cmyk_is_not_inverted() -> None:
    # Pillow writes what Adobe writes: inverted values, and a marker that says so.
    for file_format in ("JPEG", "TIFF"):
        assert_color(encoded(flat("CMYK", (0, 0, 0, 0)), file_format), (255, 255, 255))
        assert_color(encoded(flat("CMYK", (0, 255, 255, 0)), file_format), (255, 0, 0), within=6)
        assert_color(encoded(flat("CMYK", (0, 0, 0, 255)), file_format), (0, 0, 0))


def test_ycck_is_read() -> None:
    """A CMYK file whose marker is changed to say that the first three channels are ink seen as RGB, in YCbCr."""
    red_ink = Image.new("RGB", (1, 1), (0, 255, 255)).convert("YCbCr").getpixel((0, 0))
    assert isinstance(red_ink, tuple)
    inverted = tuple(255 - int(value) for value in red_ink)
    data = bytearray(encoded(flat("CMYK", (*inverted, 0)), "JPEG", quality=100))
    marker = data.index(b"Adobe")
    assert data[marker + 11] == 0
    data[marker + 11] = 2
    assert_color(bytes(data), (255, 0, 0), within=4)


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile() -> bytes:
    """sRGB with red and green exchanged: whether a profile was applied can then be seen."""
    profile = srgb_profile().replace(b"rXYZ", b"tXYZ", 1)
    return (
        profile.replace(b"gXYZ", b"rXYZ", 1)
        .replace(b"tXYZ", b"gXYZ", 1)
        .replace("sRGB".encode("utf-16-be"), "odd!".encode("utf-16-be"))
    )


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_profile_is_applied(file_format: str) -> None:
    data = encoded(flat("RGB", (200, 40, 40)), file_format, icc_profile=swapped_profile())
    red, green, _ = seen(data)[20, 20].astype(int)
    assert green > red + 50


def test_a_profile_is_applied_below_alpha() -> None:
    image = Image.new("RGBA", (40, 40), (200, 40, 40, 255))
    red, green, _ = seen(encoded(image, "PNG", icc_profile=swapped_profile()))[20, 20].astype(int)
    assert green > red + 50


def test_an_srgb_profile_changes_nothing() -> None:
    image = photo(60, 60)
    with_profile = seen(encoded(image, "PNG", icc_profile=srgb_profile()))
    assert np.array_equal(with_profile, seen(encoded(image, "PNG")))


@pytest.mark.parametrize("profile", [b"not a profile", srgb_profile()[:300], b"\0" * 4000])
def test_a_broken_profile_is_ignored(profile: bytes) -> None:
    image = photo(60, 60)
    assert np.array_equal(seen(encoded(image, "PNG", icc_profile=profile)), seen(encoded(image, "PNG")))


def test_a_profile_for_another_color_space_is_ignored() -> None:
    grey = photo(60, 60).convert("L")
    assert np.array_equal(seen(encoded(grey, "PNG", icc_profile=swapped_profile())), seen(encoded(grey, "PNG")))
