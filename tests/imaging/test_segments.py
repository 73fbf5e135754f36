"""A small JPEG cannot make its decoder work for hours."""

from __future__ import annotations

import pytest
from PIL import Image

from artalike.config import Imaging
from artalike.errors import DecodeError, FailureKind
from artalike.imaging import decode
from artalike.imaging.segments import MAX_EXIF, MAX_SCANS, MAX_SEGMENTS, check_segments
from tests.imaging.pictures import PREPROCESS, encoded, photo

EXIF = b"\xff\xe1\x00\x10Exif\0\0II*\0\x08\0\0\0"


def with_scans(count: int) -> bytes:
    """A progressive picture whose last scan comes again and again."""
    data = encoded(photo(64, 48), progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * (count - data.count(b"\xff\xda")) + data[-2:]


def test_what_encoders_write_passes() -> None:
    exif = Image.Exif()
    exif[0x010E] = "x\xff\xda" * 500
    for options in ({}, {"progressive": True}, {"exif": exif}, {"restart_marker_blocks": 1}, {"quality": 100}):
        check_segments(encoded(photo(), **options))


def test_a_picture_of_very_many_scans_is_refused() -> None:
    assert decode(with_scans(MAX_SCANS), PREPROCESS, Imaging()).width == 64
    with pytest.raises(DecodeError, match="scans over the same pixels") as caught:
        decode(with_scans(MAX_SCANS + 1), PREPROCESS, Imaging())
    assert caught.value.kind is FailureKind.TOO_MANY_PIXELS


def test_bytes_between_segments_hide_no_scan() -> None:
    data = with_scans(MAX_SCANS + 1).replace(b"\xff\xda", b"junk\xff\xff\xff\xda")
    with pytest.raises(DecodeError, match="scans"):
        check_segments(data)


def test_a_picture_of_very_many_segments_of_exif_is_refused() -> None:
    data = encoded(photo())
    decode(data[:2] + EXIF * MAX_EXIF + data[2:], PREPROCESS, Imaging())
    with pytest.raises(DecodeError, match="101 of them of EXIF"):
        decode(data[:2] + EXIF * (MAX_EXIF + 1) + data[2:], PREPROCESS, Imaging())


def test_a_picture_of_nothing_but_segments_is_refused() -> None:
    data = encoded(photo())
    check_segments(data[:2] + b"\xff\xfe\x00\x02" * (MAX_SEGMENTS - 100) + data[2:])
    with pytest.raises(DecodeError, match="segments"):
        check_segments(data[:2] + b"\xff\xfe\x00\x02" * MAX_SEGMENTS + data[2:])


def test_what_comes_behind_the_picture_is_not_counted() -> None:
    check_segments(encoded(photo()) + b"\xff\xda\x00\x02" * 1000)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xda", b"\xff\xd8\xff\xe1\x00", b"\xff" * 50]
)
def test_what_ends_early_is_for_the_decoder_to_refuse(data: bytes) -> None:
    check_segments(data)
