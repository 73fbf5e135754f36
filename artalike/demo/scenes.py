"""Families that show something: mountains behind mountains, plants on a sheet."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator
from PIL import Image

from artalike.demo.canvas import Canvas, along, blend, grid, paper, smooth_noise, step, to_image, turned
from artalike.demo.palettes import Color, Palette, mix, shade


def ridges(rng: Generator, width: int, height: int, palette: Palette) -> Image.Image:
    """Ranges of hills that fade into the air, below a sun or a moon."""
    x, y = grid(width, height)
    ramp = palette.ramp(9)
    day = not palette.dark
    high, low = (mix(ramp[8], ramp[5], 0.45), ramp[8]) if day else (ramp[0], mix(ramp[3], ramp[5], 0.4))
    sky = along([high, low], np.broadcast_to(np.clip(y / height * 1.5, 0, 1), (height, width)))
    radius = min(width, height) * rng.uniform(0.06, 0.13)
    sun = width * rng.uniform(0.2, 0.8), height * rng.uniform(0.14, 0.34)
    away = np.hypot(x - sun[0], y - sun[1])
    color = max(palette.inks, key=lambda ink: max(ink) - min(ink)) if day else palette.palest
    pixels = blend(sky, mix(color, low, 0.25), 0.45 * np.exp(-away / (radius * 2.2)))
    pixels = blend(pixels, color, step(radius - away, 0, 1.5))
    count = int(rng.integers(5, 8))
    near = mix(palette.deepest, shade(palette.shuffled(rng)[0], 0.5), 0.35)
    for number in range(count):
        closeness = number / (count - 1)
        horizon = height * (0.40 + 0.50 * closeness**1.15)
        line = horizon - _skyline(rng, width, height * (0.13 - 0.05 * closeness), 0.35 + 0.25 * closeness)
        hill = mix(mix(low, palette.inks[number % 2], 0.22), near, 0.06 + 0.94 * closeness)
        rows = slice(max(0, int(line.min()) - 2), height)
        depth = (y[rows] - line).astype(np.float32)
        mist = np.clip(depth / np.float32(height * 0.28), 0, 1) * np.float32((1 - closeness) * 0.75)
        body = blend(hill, mix(low, hill, 0.3), mist)
        pixels[rows] += (body - pixels[rows]) * step(depth, 0, 1.5)[..., np.newaxis]
    return to_image(paper(rng, pixels, 4))


def _skyline(rng: Generator, width: int, rise: float, cell: float) -> np.ndarray:
    total = np.zeros(width)
    for octave in range(6):
        total += smooth_noise(rng, width, 1, max(3.0, width * cell / 2**octave))[0] * 0.55**octave
    return total * rise


def herbarium(rng: Generator, width: int, height: int, palette: Palette) -> Image.Image:
    """A pressed plant: a branching system after Aristid Lindenmayer, with leaves and flowers."""
    sheet = mix(palette.ground, (246, 238, 220), 0.7) if not palette.dark else mix(palette.ground, (20, 26, 30), 0.4)
    greenest = sorted(palette.inks, key=lambda ink: ink[1] - max(ink[0], ink[2]))
    leaf, flower = greenest[-1], greenest[0]
    stem = mix(leaf, palette.palest if palette.dark else palette.deepest, 0.45)
    plant = _Plant(rng, stem, leaf, flower)
    habit = [plant.fork, plant.frond, plant.twig][int(rng.integers(3))]
    for lean in np.linspace(-0.32, 0.32, int(rng.integers(1, 4))) if rng.random() < 0.6 else [0.0]:
        habit(0.0, 0.0, -math.pi / 2 + lean + rng.normal(0, 0.04), rng.uniform(0.8, 1.0), int(rng.integers(5, 7)))
    canvas = Canvas(width, height, sheet)
    plant.paint(canvas)
    return to_image(paper(rng, canvas.pixels(), 5))


class _Plant:
    """One species: grows in its own units, then is laid onto the sheet as large as fits."""

    def __init__(self, rng: Generator, stem: Color, leaf: Color, flower: Color) -> None:
        self._rng = rng
        self._stem, self._leaf, self._flower = stem, leaf, flower
        self._angle = rng.uniform(0.35, 0.65)
        self._shrink = rng.uniform(0.72, 0.82)
        self._slim = rng.uniform(0.14, 0.32)
        self._petals = int(rng.choice([0, 5, 6, 8]))
        self._bend = rng.normal(0, 0.07)
        self._strokes: list[tuple[np.ndarray, Color, float]] = []
        self._blades: list[tuple[np.ndarray, Color]] = []

    def fork(self, x: float, y: float, angle: float, length: float, order: int) -> None:
        """A stem that parts in two or three, again and again."""
        end, bent = self._stalk(x, y, angle, length, order)
        if order <= 4:
            for side in (-1, 1):
                self._blade((x + end[0]) / 2, (y + end[1]) / 2, bent + side * 0.75, length * 0.6)
        if order <= 1:
            self._end(*end, bent, length)
            return
        for turn in (-1, 1) if self._rng.random() < 0.7 else (-1, 0, 1):
            shrunk = length * self._shrink * self._rng.uniform(0.85, 1.1)
            self.fork(*end, bent + turn * self._angle + self._rng.normal(0, 0.08), shrunk, order - 1)

    def frond(self, x: float, y: float, angle: float, length: float, order: int) -> None:
        """A fern: leaflets in pairs along an arching stem, each with leaflets of its own."""
        joints = 15
        bend = self._bend * 0.35
        for joint in range(joints):
            (x, y), angle = self._stalk(x, y, angle, length * 0.42 * 0.985**joint, order * (1 - joint / joints))
            angle += bend
            reach = length * (1.5 * math.sin(math.pi * (0.16 + 0.84 * joint / joints)) + 0.12)
            for side in (-1, 1):
                self._leaflet(x, y, angle + side * 1.15, reach, -side * 0.05)
        self._end(x, y, angle, length * 0.5)

    def twig(self, x: float, y: float, angle: float, length: float, order: int) -> None:
        """Leaves left and right of a stem in turn, with a flower or leaf at every end."""
        for joint in range(9):
            (x, y), angle = self._stalk(x, y, angle, length * 0.42, order * (1 - joint / 12))
            side = 1 if joint % 2 else -1
            if order > 3 and joint in {2, 3, 4}:
                self.twig(x, y, angle + side * 0.7, length * 0.5, order - 3)
            else:
                self._blade(x, y, angle + side * 0.9, length * (0.95 - 0.05 * joint))
            angle += self._rng.normal(0, 0.06) - side * 0.08
        self._end(x, y, angle, length * 1.1)

    def paint(self, canvas: Canvas) -> None:
        """Lay the plant on the sheet, as large as its margins allow."""
        points = np.concatenate([points for points, *_ in (*self._strokes, *self._blades)])
        low, high = points.min(0), points.max(0)
        sheet = np.array([canvas.width, canvas.height])
        scale = float((sheet * 0.84 / (high - low)).min())
        offset = sheet / 2 - (low + high) / 2 * scale
        for line, color, thickness in self._strokes:
            canvas.line(line * scale + offset, color, max(1.1, thickness * scale * 0.014), joint=True)
        for blade, color in self._blades:
            canvas.polygon(blade * scale + offset, color)

    def _stalk(
        self, x: float, y: float, angle: float, length: float, thickness: float
    ) -> tuple[tuple[float, float], float]:
        bent = angle + self._bend
        middle = x + math.cos(angle) * length / 2, y + math.sin(angle) * length / 2
        end = middle[0] + math.cos(bent) * length / 2, middle[1] + math.sin(bent) * length / 2
        self._strokes.append((np.array([(x, y), middle, end]), self._stem, thickness))
        return end, bent

    def _leaflet(self, x: float, y: float, angle: float, length: float, bend: float) -> None:
        count = max(4, int(length * 8))
        for number in range(count):
            size = length / count
            for side in (-1, 1):
                self._blade(x, y, angle + side * 0.95, size * (1.5 - 0.7 * number / count))
            x, y, angle = x + math.cos(angle) * size, y + math.sin(angle) * size, angle + bend

    def _blade(self, x: float, y: float, angle: float, length: float) -> None:
        t = np.linspace(0, 1, 8)
        half = np.sin(np.pi * t**0.8) * length * self._slim
        rim = np.concatenate([np.stack([t * length, half], 1), np.stack([t * length, -half], 1)[::-1]])
        color = shade(self._leaf, self._rng.uniform(0.86, 1.1))
        self._blades.append((turned(rim, angle, x, y), color))

    def _end(self, x: float, y: float, angle: float, length: float) -> None:
        if not self._petals:
            self._blade(x, y, angle, length * 0.7)
            return
        size = max(0.05, length * 0.28)
        circle = np.linspace(0, 2 * math.pi, 14, endpoint=False)
        rim = np.stack([np.cos(circle), np.sin(circle)], 1) * size
        for turn in np.arange(self._petals) * 2 * math.pi / self._petals + angle:
            petal = rim * (0.75, 0.5) + (size, 0)
            self._blades.append((turned(petal, turn, x, y), shade(self._flower, self._rng.uniform(0.92, 1.06))))
        self._blades.append((rim * 0.5 + (x, y), mix(self._flower, (255, 214, 120), 0.75)))
