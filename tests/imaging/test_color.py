"""The dominant colour is one that is in the picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from artalike.imaging.color import dominant_color


def channels(color: str) -> tuple[int, ...]:
    assert color.startswith("#")
    assert len(color) == 7
    return tuple(bytes.fromhex(color[1:]))


@pytest.mark.parametrize("color", ["#000000", "#ffffff", "#ff0000", "#10207f", "#0f101f"])
def test_one_color_is_itself(color: str) -> None:
    assert dominant_color(Image.new("RGB", (64, 64), color)) == color


def test_the_largest_area_wins_and_nothing_is_mixed_in() -> None:
    image = Image.new("RGB", (64, 64), "#2060a0")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 25, 63), fill="#ffe000")
    assert dominant_color(image) == "#2060a0"


def test_a_noisy_surface_across_a_border_is_not_split() -> None:
    """A third is exactly one red; two thirds scatter around a grey that lies on the border of eight cells."""
    random = np.random.default_rng(0)
    pixels = np.clip(random.normal(128, 7, (60, 60, 3)), 0, 255).astype(np.uint8)
    pixels[:20] = (200, 0, 0)
    color = channels(dominant_color(Image.fromarray(pixels)))
    assert max(abs(channel - 128) for channel in color) <= 4


def test_black_and_white_are_not_neighbors() -> None:
    """The cube of colours does not wrap around."""
    image = Image.new("RGB", (60, 60), "#808080")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 59, 17), fill="#ffffff")
    draw.rectangle((0, 18, 59, 35), fill="#000000")
    assert dominant_color(image) == "#808080"
