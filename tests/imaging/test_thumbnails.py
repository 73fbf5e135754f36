"""Thumbnails: their sizes, their sharpness, and that nothing but pixels is in them."""

from __future__ import annotations

import pytest
from PIL import Image

from artalike.config import Imaging
from artalike.imaging import decode
from artalike.imaging.thumbnails import encoded as encoded_all
from artalike.imaging.thumbnails import scaled
from tests.imaging.pictures import PREPROCESS, encoded, mean_difference, opened, photo


def test_each_width_is_there_and_keeps_the_aspect() -> None:
    made = decode(encoded(photo(1600, 900)), PREPROCESS, Imaging(thumbnail_widths=(256, 640))).thumbnails
    assert {width: opened(data).size for width, data in made.items()} == {256: (256, 144), 640: (640, 360)}
    assert all(opened(data).format == "JPEG" for data in made.values())


def test_nothing_is_made_larger() -> None:
    made = decode(encoded(photo(300, 200)), PREPROCESS, Imaging(thumbnail_widths=(256, 640, 1280))).thumbnails
    assert {width: opened(data).width for width, data in made.items()} == {256: 256, 640: 300, 1280: 300}


@pytest.mark.parametrize(("width", "height"), [(18_000, 16), (16, 18_000)])
def test_an_extreme_aspect_leaves_at_least_a_pixel(width: int, height: int) -> None:
    artwork = decode(encoded(Image.new("RGB", (width, height), "teal"), "PNG"), PREPROCESS, Imaging())
    assert min(opened(artwork.thumbnails[256]).size) >= 1
    assert opened(artwork.thumbnails[256]).width == min(width, 256)
    assert artwork.model_input.shape == (64, 64, 3)


@pytest.mark.parametrize("widths", [(256, 640), (256, 300), (100, 200, 400, 800)])
def test_a_chain_is_as_good_as_single_steps(widths: tuple[int, ...]) -> None:
    image = photo(1500, 1100)
    for width, data in encoded_all(scaled(image, widths), 95).items():
        ideal = image.resize((width, round(1100 * width / 1500)), Image.Resampling.BICUBIC)
        single = encoded_all(scaled(image, (width,)), 95)[width]
        assert mean_difference(opened(data), ideal) < mean_difference(opened(single), ideal) + 0.1


def test_no_metadata_is_kept() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 0.0)}
    image = photo(200, 150)
    data = encoded(image, exif=exif, comment=b"a secret comment", dpi=(300, 300), xmp=b"<x>a secret packet</x>")
    assert data.count(b"secret") == 3
    for width in (100, 640):  # made smaller, and as it is
        thumbnail = decode(data, PREPROCESS, Imaging(thumbnail_widths=(width,))).thumbnails[width]
        assert b"secret" not in thumbnail
        assert not opened(thumbnail).getexif()
        assert "comment" not in opened(thumbnail).info


def test_quality_is_the_settings() -> None:
    data = encoded(photo(600, 400), quality=95)
    low = decode(data, PREPROCESS, Imaging(thumbnail_quality=30)).thumbnails[256]
    high = decode(data, PREPROCESS, Imaging(thumbnail_quality=95)).thumbnails[256]
    assert len(low) * 2 < len(high)
