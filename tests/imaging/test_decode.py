"""What is taken, what is refused, and why."""

from __future__ import annotations

import gzip
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from artalike.config import Imaging
from artalike.errors import DecodeError, FailureKind
from artalike.imaging import decode
from tests.imaging.pictures import FORMATS, PREPROCESS, encoded, mean_difference, opened, photo

SETTINGS = Imaging()


def failure(data: bytes, settings: Imaging = SETTINGS) -> FailureKind:
    with pytest.raises(DecodeError) as caught:
        decode(data, PREPROCESS, settings)
    assert "\n" not in str(caught.value)
    return caught.value.kind


def png_header(width: int, height: int) -> bytes:
    """A PNG that declares its size and holds next to nothing."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 10)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_format_gives_the_same_picture(file_format: str) -> None:
    source = photo(400, 300)
    artwork = decode(encoded(source, file_format), PREPROCESS, SETTINGS)
    assert (artwork.width, artwork.height, artwork.format) == (400, 300, file_format)
    assert artwork.model_input.shape == (64, 64, 3)
    assert artwork.model_input.dtype == "uint8"
    assert mean_difference(opened(artwork.thumbnails[640]), source) < 8  # GIF keeps 256 colours


def test_the_first_bytes_decide_and_nothing_else() -> None:
    assert failure(b"") == FailureKind.EMPTY
    refused = [
        b"<!doctype html><title>404</title>",
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b"%PDF-1.7",
        b"\0",
        b"RIFF\x10\0\0\0WAVEfmt ",
        gzip.compress(b"<svg/>"),
        encoded(photo(64, 64), "PPM"),
        encoded(photo(64, 64), "ICO"),
        encoded(photo(64, 64), "TGA"),
        encoded(photo(64, 64), "JPEG2000"),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    ]
    assert {failure(data) for data in refused} == {FailureKind.NOT_AN_IMAGE}


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.97])
def test_a_cut_off_file_is_truncated(file_format: str, share: float) -> None:
    data = encoded(photo(400, 300), file_format)
    assert failure(data[: int(len(data) * share)]) == FailureKind.TRUNCATED


def test_a_signature_alone_is_truncated() -> None:
    for data in (b"\xff\xd8\xff\xe0", b"GIF89a", b"BM", b"\x89PNG\r\n\x1a\n", b"II*\0", b"\0\0\0\x20ftypavif"):
        assert failure(data) == FailureKind.TRUNCATED, data


def test_heic_in_the_container_that_avif_shares_is_refused() -> None:
    box = b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"
    assert failure(box + b"\0" * 200) in {FailureKind.TRUNCATED, FailureKind.NOT_AN_IMAGE}


def test_sizes_are_refused_before_decoding() -> None:
    # These hold no pixels: decoding them first would end as TRUNCATED.
    assert failure(png_header(30_000, 1_000)) == FailureKind.TOO_MANY_PIXELS
    assert failure(png_header(1_000, 30_000)) == FailureKind.TOO_MANY_PIXELS
    assert failure(png_header(12_000, 12_000)) == FailureKind.TOO_MANY_PIXELS
    assert failure(png_header(2**31 - 1, 2**31 - 1)) == FailureKind.TOO_MANY_PIXELS
    assert failure(png_header(1, 1)) == FailureKind.TOO_SMALL
    assert failure(png_header(500, 15)) == FailureKind.TOO_SMALL
    assert failure(png_header(10_000, 10_000)) == FailureKind.TRUNCATED  # within the limits, over Pillow's own


def test_the_caps_come_from_the_settings() -> None:
    data = encoded(photo(200, 100))
    assert failure(data, Imaging(max_pixels=19_999)) == FailureKind.TOO_MANY_PIXELS
    assert failure(data, Imaging(max_side=199)) == FailureKind.TOO_MANY_PIXELS
    assert failure(data, Imaging(min_side=101)) == FailureKind.TOO_SMALL
    assert decode(data, PREPROCESS, Imaging(max_pixels=20_000, max_side=200, min_side=100)).width == 200


@pytest.mark.parametrize("file_format", ["WEBP", "GIF", "AVIF", "TIFF", "BMP", "JPEG"])
def test_every_format_is_capped(file_format: str) -> None:
    data = encoded(Image.new("RGB", (3000, 40)), file_format)
    assert failure(data, Imaging(max_side=2000)) == FailureKind.TOO_MANY_PIXELS
    assert failure(data, Imaging(max_pixels=50_000)) == FailureKind.TOO_MANY_PIXELS


@pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")
def test_pillows_bomb_warning_is_an_error() -> None:
    assert failure(encoded(photo(200, 100)), Imaging(max_pixels=15_000)) == FailureKind.TOO_MANY_PIXELS


def test_text_and_profile_bombs_are_refused() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "a" * 20_000_000, zip=True)
    assert failure(encoded(photo(64, 64), "PNG", pnginfo=text)) == FailureKind.TRUNCATED
    assert failure(encoded(photo(64, 64), "PNG", icc_profile=bytes(20_000_000))) == FailureKind.TRUNCATED


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "AVIF", "TIFF"])
def test_of_an_animation_the_first_frame_counts(file_format: str) -> None:
    frames = [photo(100, 80, seed=1), photo(100, 80, seed=2)]
    data = encoded(frames[0], file_format, save_all=True, append_images=frames[1:])
    thumbnail = opened(decode(data, PREPROCESS, SETTINGS).thumbnails[256])
    assert mean_difference(thumbnail, frames[0]) < 12
    assert mean_difference(thumbnail, frames[1]) > 20
