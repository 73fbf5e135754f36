"""Whatever happens to a file's bytes, the outcome is a picture or a DecodeError."""

from __future__ import annotations

from functools import lru_cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from artalike.config import Imaging
from artalike.errors import DecodeError
from artalike.imaging import decode
from artalike.imaging.formats import SIGNATURES
from artalike.records import Artwork
from tests.imaging.pictures import FORMATS, PREPROCESS, encoded, photo

SETTINGS = Imaging(max_pixels=1_000_000, thumbnail_widths=(32,))


@lru_cache(maxsize=1)
def originals() -> dict[str, bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description"
    image = photo(48, 40)
    files = {name: encoded(image, name, exif=exif) for name in FORMATS if name not in {"GIF", "BMP"}}
    files["GIF"] = encoded(image, "GIF", save_all=True, append_images=[photo(48, 40, seed=1)])
    files["BMP"] = encoded(image, "BMP")
    files["TIFF packed"] = encoded(image, "TIFF", compression="tiff_lzw", exif=exif)
    files["TIFF 16"] = encoded(Image.new("I;16", (40, 40), 30_000), "TIFF")
    files["PNG palette"] = encoded(image.convert("P"), "PNG", transparency=b"\0\x80")
    files["JPEG CMYK"] = encoded(image.convert("CMYK"), "JPEG", progressive=True)
    files["WEBP alpha"] = encoded(image.convert("RGBA"), "WEBP", lossless=True, exif=exif)
    return files


def survives(data: bytes) -> None:
    try:
        artwork = decode(data, PREPROCESS, SETTINGS)
    except DecodeError:
        return
    assert isinstance(artwork, Artwork)
    assert artwork.model_input.shape == (64, 64, 3)
    assert artwork.thumbnails[32]


@pytest.mark.parametrize("name", sorted(originals()))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_changed_bytes(name: str, data: st.DataObject) -> None:
    corrupted = bytearray(originals()[name])
    header = st.integers(0, min(200, len(corrupted) - 1))  # where most decisions are made
    anywhere = st.integers(0, len(corrupted) - 1)
    changes = data.draw(st.lists(st.tuples(header | anywhere, st.integers(0, 255)), min_size=1, max_size=12))
    for position, value in changes:
        corrupted[position] = value
    survives(bytes(corrupted))


@pytest.mark.parametrize("name", sorted(originals()))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_lost_and_inserted_bytes(name: str, data: st.DataObject) -> None:
    original = originals()[name]
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(original))] * 2)))
    survives(original[:start] + data.draw(st.binary(max_size=30)) + original[end:])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    signature=st.sampled_from([data[:16] for data in originals().values()] + [b""]),
    rest=st.binary(max_size=200),
)
def test_noise_behind_a_signature(signature: bytes, rest: bytes) -> None:
    survives(signature + rest)


def test_every_format_is_covered() -> None:
    assert {name.split()[0] for name in originals()} == set(SIGNATURES)
