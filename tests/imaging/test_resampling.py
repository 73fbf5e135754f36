"""Pictures in another size are the same by torch's kernels and by Pillow's."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from artalike.imaging import resampling
from artalike.imaging.resampling import BICUBIC, BILINEAR, resized
from tests.imaging.pictures import photo

SIZES = [(256, 341), (64, 64), (33, 300), (700, 500), (400, 533)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("resampling", [BILINEAR, BICUBIC])
def test_it_is_what_pillow_gives(size: tuple[int, int], resampling: Image.Resampling) -> None:
    image = photo(400, 533)
    ours, reference = (
        np.asarray(made).astype(int) for made in (resized(image, size, resampling), image.resize(size, resampling))
    )
    difference = np.abs(ours - reference)
    assert ours.shape == (size[1], size[0], 3)
    assert (difference > 1).mean() < (1e-4 if resampling is BICUBIC else 1e-9)
    assert difference.mean() < 0.25


def test_the_source_stays_as_it_was() -> None:
    image = photo(90, 70)
    before = image.tobytes()
    resized(image, (40, 30), BICUBIC).paste("red", (0, 0, 40, 30))
    assert image.tobytes() == before


def test_what_is_made_is_a_picture_like_others() -> None:
    made = resized(photo(90, 70), (40, 30), BILINEAR)
    assert (made.mode, made.size, made.info) == ("RGB", (40, 30), {})
    made.paste("red", (0, 0, 20, 30))
    assert made.convert("L").getpixel((0, 0)) == Image.new("RGB", (1, 1), "red").convert("L").getpixel((0, 0))
    assert made.resize((20, 15)).transpose(Image.Transpose.ROTATE_90).size == (15, 20)


def test_a_large_picture_that_lies_in_pieces() -> None:
    image = Image.effect_noise((5000, 4000), 50).convert("RGB")
    ideal = image.resize((50, 40), BILINEAR)
    assert np.abs(np.asarray(resized(image, (50, 40), BILINEAR)).astype(int) - np.asarray(ideal)).max() <= 4


def test_pillow_takes_over_on_another_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "_interpolate", lambda: None)
    image = photo(90, 70)
    assert resized(image, (60, 50), BICUBIC) == image.resize((60, 50), BICUBIC)
