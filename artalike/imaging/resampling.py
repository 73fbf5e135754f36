"""Pictures made smaller or larger: by torch's kernels where the processor has their instructions, else by Pillow.

Torch has Pillow's filters for bytes as well (``interpolate`` with ``antialias``,
https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html), and with AVX2 takes a third of its
time. The two round differently: bilinear by one level of 255 at most, bicubic by two or more in one of 100,000.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Final

from PIL import Image

from artalike.records import PixelArray

BILINEAR: Final = Image.Resampling.BILINEAR
BICUBIC: Final = Image.Resampling.BICUBIC

GAP: Final = 2.0
"""How much larger than the wanted size the source of a cheap step must be for the eye not to notice it."""

MODES: Final = {BILINEAR: "bilinear", BICUBIC: "bicubic"}

Interpolate = Callable[[PixelArray, tuple[int, int], str], PixelArray]


def resized(
    image: Image.Image, size: tuple[int, int], resampling: Image.Resampling, *, gap: float | None = GAP
) -> Image.Image:
    """An RGB ``image`` in another size (width, height), by one of MODES.

    With ``gap`` one much larger may be averaged first to so many times the size, where that is faster.
    """
    pixels = _pixels(image)
    interpolate = _interpolate()
    if pixels is None or interpolate is None:
        return image.resize(size, resampling, reducing_gap=gap)
    return _image(interpolate(pixels, (size[1], size[0]), MODES[resampling]))


def _pixels(image: Image.Image) -> PixelArray | None:
    """Pillow's own memory, (height, width, 4), where the fourth means nothing; None when it is in several pieces, as
    that of large pictures is.
    """
    import pyarrow as pa  # noqa: PLC0415  a tenth of a second

    try:
        memory = pa.array(image)
    except ValueError:
        return None
    pixels: PixelArray = memory.values.to_numpy().reshape(image.height, image.width, 4)
    return pixels


def _image(pixels: PixelArray) -> Image.Image:
    """In mode RGB, on the memory of (height, width, 4)."""
    import pyarrow as pa  # noqa: PLC0415  a tenth of a second

    height, width, _ = pixels.shape
    memory = pa.FixedSizeListArray.from_arrays(pa.array(pixels.reshape(-1)), 4)
    return Image.fromarrow(memory, "RGB", (width, height))


@cache
def _interpolate() -> Interpolate | None:
    """None where Pillow is the faster one."""
    import torch  # noqa: PLC0415  it takes seconds; whoever decodes loads a network, too

    if not torch.backends.cpu.get_cpu_capability().startswith("AVX"):
        return None
    # What is given is only read. Torch would say so once, at a moment that nobody can foretell.
    warnings.filterwarnings("ignore", message="The given NumPy array is not writable")

    def interpolate(pixels: PixelArray, size: tuple[int, int], mode: str) -> PixelArray:
        # The batch's dimension is put in first: only then do the strides say channels last, which the kernels are for.
        batch = torch.from_numpy(pixels)[None].permute(0, 3, 1, 2)
        made = torch.nn.functional.interpolate(batch, size, mode=mode, antialias=True)
        found: PixelArray = made.permute(0, 2, 3, 1)[0].contiguous().numpy()
        return found

    return interpolate
