"""What the artists of the demo collection paint with: a supersampled canvas, smooth noise, and paper."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from artalike.demo.palettes import Color

Field = NDArray[np.floating[Any]]
"""One number a pixel, (height, width); float32 wherever speed matters."""
Pixels = NDArray[np.floating[Any]]
"""Colours, (height, width, 3), 0 to 255."""
Points = NDArray[np.float64]
"""Places in pixels, x and y, (n, 2)."""
Paint = Color | tuple[int, int, int, int]


class Canvas:
    """Draws at ``scale`` times the size and shrinks at the end, which smooths the edges. Units are final pixels."""

    def __init__(self, width: int, height: int, ground: Color, *, scale: int = 2) -> None:
        self.width, self.height = width, height
        self._scale = scale
        self._image = Image.new("RGB", (width * scale, height * scale), ground)
        self._draw = ImageDraw.Draw(self._image, "RGBA")

    def polygon(self, points: ArrayLike, fill: Paint) -> None:
        """``points`` is (n, 2)."""
        self._draw.polygon(self._flat(points), fill=fill)

    def line(self, points: ArrayLike, fill: Paint, width: float, *, joint: bool = False) -> None:
        """A polyline through ``points`` (n, 2); ``joint`` rounds its corners and costs time."""
        pixels = max(1, round(width * self._scale))
        self._draw.line(self._flat(points), fill=fill, width=pixels, joint="curve" if joint else None)

    def rectangle(self, left: float, top: float, right: float, bottom: float, fill: Paint) -> None:
        """Includes its left and top edge, not the other two."""
        s = self._scale
        self._draw.rectangle((left * s, top * s, right * s - 1, bottom * s - 1), fill=fill)

    def disc(self, x: float, y: float, radius: float, fill: Paint) -> None:
        """A filled circle."""
        self._draw.ellipse(self._box(x, y, radius), fill=fill)

    def circle(self, x: float, y: float, radius: float, outline: Paint, width: float) -> None:
        """The edge of a circle, inside its radius."""
        self._draw.ellipse(self._box(x, y, radius), outline=outline, width=max(1, round(width * self._scale)))

    def half_disc(self, x: float, y: float, radius: float, angle: float, fill: Paint) -> None:
        """The half of a disc that begins at ``angle``, in degrees clockwise from three o'clock."""
        self._draw.pieslice(self._box(x, y, radius), angle, angle + 180, fill=fill)

    def pixels(self) -> Pixels:
        """The picture at its final size, to be worked over."""
        return np.asarray(self._image.reduce(self._scale), dtype=np.float32)

    def finish(self) -> Image.Image:
        """The picture at its final size."""
        return self._image.reduce(self._scale)

    def _flat(self, points: ArrayLike) -> list[float]:
        flat: list[float] = (np.asarray(points, dtype=np.float64) * self._scale).ravel().tolist()
        return flat

    def _box(self, x: float, y: float, radius: float) -> tuple[float, float, float, float]:
        s = self._scale
        return (x - radius) * s, (y - radius) * s, (x + radius) * s, (y + radius) * s


def grid(width: int, height: int) -> tuple[Field, Field]:
    """The x and y of every pixel's centre, as fields that broadcast: (1, width) and (height, 1)."""
    x = np.arange(width, dtype=np.float32)[np.newaxis] + 0.5
    return x, np.arange(height, dtype=np.float32)[:, np.newaxis] + 0.5


def smooth_noise(rng: Generator, width: int, height: int, cell: float) -> Field:
    """Random numbers ``cell`` pixels apart, between about -1 and 1, joined smoothly."""
    shape = (int(height / cell) + 4, int(width / cell) + 4)
    coarse = Image.fromarray(rng.uniform(-1, 1, shape).astype(np.float32))
    box = (1.5, 1.5, 1.5 + width / cell, 1.5 + height / cell)
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC, box=box))


def clouds(rng: Generator, width: int, height: int, cell: float, octaves: int = 3) -> Field:
    """Sum of noises, each half as wide and half as strong as the one before; about -1 to 1."""
    total = np.zeros((height, width), dtype=np.float32)
    for octave in range(octaves):
        total += smooth_noise(rng, width, height, cell / 2**octave) / 2**octave
    return total / np.float32(2 - 0.5 ** (octaves - 1))


def turned(points: Points, angle: float, x: float, y: float) -> Points:
    """``points`` turned about the origin by ``angle`` (radians, clockwise), then moved to ``x, y``."""
    cos, sin = math.cos(angle), math.sin(angle)
    moved: Points = points @ np.array([[cos, sin], [-sin, cos]]) + np.array([x, y])
    return moved


def step(field: Field, edge: float | Field = 0.0, soft: float | Field = 1.0) -> Field:
    """0 below ``edge``, 1 above it, with a smooth rise ``soft`` wide between."""
    t: Field = np.clip((field - edge) / soft + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def blend(below: Pixels | Color, above: Pixels | Color, share: Field) -> Pixels:
    """``above`` over ``below``, where ``share`` (0 to 1) says so."""
    first, second = np.asarray(below, dtype=np.float32), np.asarray(above, dtype=np.float32)
    return first + (second - first) * share[..., np.newaxis]


def along(ramp: list[Color], field: Field) -> Pixels:
    """Colours of a ramp, from field values 0 to 1, without steps."""
    table = np.array(ramp, dtype=np.float32)
    where = np.linspace(0, 1, 1024) * (len(table) - 1)
    fine = np.stack([np.interp(where, np.arange(len(table)), table[:, c]) for c in range(3)], axis=1)
    index = np.clip(field * 1023, 0, 1023).astype(np.int32)
    return fine.astype(np.float32)[index]


def paper(rng: Generator, pixels: Pixels, strength: float = 4.0) -> Pixels:
    """The picture with the grain of paper: one small tile of noise, repeated."""
    height, width = pixels.shape[:2]
    tile = rng.normal(0, strength, (192, 192)).astype(np.float32)
    tile = (tile + np.roll(tile, 1, 0) + np.roll(tile, 1, 1)) / np.float32(1.5)
    grain = np.tile(tile, (height // 192 + 1, width // 192 + 1))[:height, :width]
    return pixels + grain[..., np.newaxis]


def to_image(pixels: Pixels) -> Image.Image:
    """Pixels as a picture."""
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
