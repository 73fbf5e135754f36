"""The colours of the demo collection: a ground and five inks that go together, and words for titles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from PIL import ImageColor

Color = tuple[int, int, int]
"""Red, green, blue; 0 to 255."""


@dataclass(frozen=True, slots=True)
class Palette:
    """``words`` are two colour names, for titles."""

    ground: Color
    inks: tuple[Color, ...]
    words: tuple[str, str]

    @property
    def dark(self) -> bool:
        """Whether the ground is."""
        return lightness(self.ground) < 0.5

    @property
    def deepest(self) -> Color:
        """The darkest of all."""
        return min((self.ground, *self.inks), key=lightness)

    @property
    def palest(self) -> Color:
        """The lightest of all."""
        return max((self.ground, *self.inks), key=lightness)

    def shuffled(self, rng: Generator) -> list[Color]:
        """The inks in some order."""
        return [self.inks[index] for index in rng.permutation(len(self.inks))]

    def ramp(self, steps: int) -> list[Color]:
        """``steps`` colours from the darkest to the lightest, through every ink."""
        stops = np.array(sorted((self.ground, *self.inks), key=lightness), dtype=np.float64)
        where = np.linspace(0, len(stops) - 1, steps)
        channels = [np.interp(where, np.arange(len(stops)), stops[:, channel]) for channel in range(3)]
        return [to_color(values) for values in np.stack(channels, axis=1)]


def lightness(color: Color) -> float:
    """Perceived lightness, 0 to 1: luma of ITU-R BT.601."""
    return (0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]) / 255


def mix(first: Color, second: Color, share: float) -> Color:
    """``first`` with ``share`` (0 to 1) of ``second`` in it."""
    return to_color(np.array(first) * (1 - share) + np.array(second) * share)


def shade(color: Color, factor: float) -> Color:
    """Darker below 1, lighter above."""
    return to_color(np.array(color) * factor)


def to_color(values: np.ndarray) -> Color:
    """Three numbers, rounded and kept in range."""
    red, green, blue = np.clip(np.rint(values), 0, 255).astype(int).tolist()
    return red, green, blue


def _palette(words: str, ground: str, *inks: str) -> Palette:
    first, second = words.split(" and ")
    colors = [ImageColor.getrgb(f"#{text}")[:3] for text in (ground, *inks)]
    return Palette(colors[0], tuple(colors[1:]), (first, second))


PALETTES: Final = (
    _palette("vermilion and cobalt", "f4ecdb", "d1342f", "1d4e89", "f2b632", "22201d", "7c9a82"),
    _palette("petrol and apricot", "f5efe6", "0b3c49", "13808c", "e8a87c", "c8553d", "f3d9b1"),
    _palette("olive and plum", "faf3e3", "2f5d50", "8aa35a", "e3b448", "c8553d", "5b2333"),
    _palette("terracotta and slate", "ede6dd", "b5523b", "dfa06e", "7d8f8a", "344e5c", "1f2933"),
    _palette("persimmon and indigo", "fff4e6", "e4572e", "f3a712", "a8c686", "669bbc", "29335c"),
    _palette("rose and ink", "fbeff0", "d94f70", "f2a6b3", "7fb7be", "3b5b7a", "2b2d42"),
    _palette("moss and brick", "f6f5e6", "386641", "6a994e", "b5cf62", "bc4749", "5a3a22"),
    _palette("rust and teal", "fbf1e0", "bb3e03", "ee9b00", "94d2bd", "0a9396", "005f73"),
    _palette("garnet and ash", "f2ede4", "8c2f39", "c1554d", "f3b8a5", "461220", "7f918d"),
    _palette("scarlet and navy", "f1f6ee", "e63946", "a8dadc", "457b9d", "1d3557", "f4a261"),
    _palette("lilac and mustard", "f7f3fa", "6d597a", "b56576", "eaac8b", "d9a21b", "355070"),
    _palette("jade and coral", "eef6f2", "1b7f6b", "5fb49c", "f76c5e", "ffcf99", "23395b"),
    _palette("saffron and violet", "130f25", "ffd166", "ef476f", "7a4fd0", "2fa4c7", "f7ede2"),
    _palette("ember and mauve", "1c1210", "f25c54", "f7b267", "f4845f", "8d6a9f", "ffe8d6"),
    _palette("turquoise and tangerine", "06262d", "2ec4b6", "cbf3f0", "ff9f1c", "ffd19a", "e7403a"),
    _palette("amethyst and amber", "21132b", "c77dff", "ff9e00", "e0aaff", "7b2cbf", "ffedd8"),
    _palette("fir and honey", "0f1f17", "d8f3dc", "95d5b2", "52b788", "e9c46a", "e76f51"),
    _palette("graphite and gold", "16181d", "e9e6df", "9aa5b1", "f6c453", "e4572e", "5c6b73"),
    _palette("midnight and copper", "14213d", "fca311", "e9e5dc", "7aa6c2", "c1666b", "f1dca7"),
    _palette("bordeaux and cream", "2b0f17", "f6e7cb", "d9594c", "a3324a", "e8b059", "6d8a96"),
)
