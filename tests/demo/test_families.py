"""The demo collection: the same everywhere, in every family, of sensible size."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from artalike.demo.families import BY_KEY, FAMILIES, family_of, piece, render
from artalike.demo.palettes import PALETTES, lightness

ONE_OF_EACH = range(100 * len(FAMILIES), 101 * len(FAMILIES))

DIGESTS = """
import hashlib
from artalike.demo.families import piece, render
for number in range({start}, {stop}):
    print(hashlib.sha256(render(piece(number))).hexdigest(), piece(number).title)
"""


def test_another_process_draws_the_same_bytes() -> None:
    code = DIGESTS.format(start=ONE_OF_EACH.start, stop=ONE_OF_EACH.stop)
    there = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    here = [f"{hashlib.sha256(render(piece(n))).hexdigest()} {piece(n).title}" for n in ONE_OF_EACH]
    assert there == here


def test_six_hundred_pieces_hold_every_family_about_equally_and_every_palette() -> None:
    pieces = [piece(number) for number in range(600)]
    counts = Counter(one.family for one in pieces)
    assert set(counts) == set(BY_KEY)
    assert len(counts) >= 12
    assert max(counts.values()) - min(counts.values()) <= 1
    assert {one.palette for one in pieces} == set(PALETTES)
    assert all(family_of(one.number).key == one.family for one in pieces)


def test_pieces_have_sizes_titles_artists_and_dates() -> None:
    for number in range(600):
        one = piece(number)
        assert min(one.width, one.height) >= 250
        assert 400 <= max(one.width, one.height) <= 1000
        assert one.title
        assert one.artist in BY_KEY[one.family].artists
        first, last = BY_KEY[one.family].years
        assert first <= int(one.date) <= last


@pytest.mark.parametrize("number", ONE_OF_EACH, ids=lambda number: family_of(number).key)
def test_a_drawing_has_the_size_it_was_announced_with_and_is_not_empty(number: int) -> None:
    one = piece(number)
    with Image.open(io.BytesIO(render(one))) as image:
        assert image.size == (one.width, one.height)
        assert image.mode == "RGB"
        spread = np.asarray(image).reshape(-1, 3).std(axis=0).max()
    assert spread > 8


def test_a_few_are_png_and_webp_and_the_bytes_are_what_the_name_says() -> None:
    formats = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
    suffixes = Counter(piece(number).suffix for number in range(600))
    assert set(suffixes) == set(formats)
    assert suffixes[".jpg"] > 500
    for suffix, name in formats.items():
        one = next(piece(number) for number in range(600) if piece(number).suffix == suffix)
        with Image.open(io.BytesIO(render(one))) as image:
            assert image.format == name


def test_no_two_pieces_are_the_same() -> None:
    numbers = range(0, 600, len(FAMILIES))
    assert len({render(piece(number)) for number in list(numbers)[:10]}) == 10


def test_every_palette_has_contrast() -> None:
    for palette in PALETTES:
        assert lightness(palette.palest) - lightness(palette.deepest) > 0.5
        assert len({palette.ground, *palette.inks}) == 6
