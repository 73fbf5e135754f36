"""Families drawn with a pen: currents, harmonographs, signals."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image

from artalike.demo.canvas import Canvas, clouds, paper, smooth_noise, to_image
from artalike.demo.palettes import Palette, lightness, mix

RATIOS = ((2, 3), (3, 4), (1, 2), (3, 5), (4, 5), (1, 3))
"""Of the two pendulums' speeds: a fifth, a fourth, an octave and so on."""


def currents(rng: Generator, width: int, height: int, palette: Palette) -> Image.Image:
    """Strokes that follow an unseen current: lines of a flow field."""
    canvas = Canvas(width, height, palette.ground)
    short = min(width, height)
    angle = clouds(rng, width, height, short * rng.uniform(0.45, 0.8), 2) * rng.uniform(2.0, 3.4) + rng.uniform(0, 6.28)
    count, steps, stride = 1100, 34, short / 130
    places = np.empty((count, steps, 2))
    places[:, 0] = rng.uniform((-0.1 * width, -0.1 * height), (1.1 * width, 1.1 * height), (count, 2))
    for number in range(1, steps):
        before = places[:, number - 1]
        column = np.clip(before[:, 0], 0, width - 1).astype(int)
        row = np.clip(before[:, 1], 0, height - 1).astype(int)
        heading = angle[row, column]
        places[:, number] = before + stride * np.stack([np.cos(heading), np.sin(heading)], 1)
    column, row = np.clip(places[:, 0], 0, (width - 1, height - 1)).astype(int).T
    region = smooth_noise(rng, width, height, short * 0.5)[row, column]
    which = np.clip((region + 1) * 2.5 + rng.normal(0, 0.8, count), 0, 4).astype(int)
    thickness = short * rng.choice([0.003, 0.006, 0.011], count, p=[0.4, 0.4, 0.2])
    lengths = rng.integers(steps // 2, steps, count)
    inks = palette.shuffled(rng)
    for line, ink, thick, length in zip(places, which.tolist(), thickness.tolist(), lengths.tolist(), strict=True):
        canvas.line(line[:length], inks[ink], thick)
        for x, y in (line[0], line[length - 1]):
            canvas.disc(x, y, thick / 2, inks[ink])
    return to_image(paper(rng, canvas.pixels(), 3))


def harmonographs(rng: Generator, width: int, height: int, palette: Palette) -> Image.Image:
    """The figure of a pen on two swinging pendulums, which slowly come to rest."""
    canvas = Canvas(width, height, palette.ground)
    t = np.linspace(0, 170, 5200)
    first, second = RATIOS[int(rng.integers(len(RATIOS)))]
    light = lightness(palette.ground)
    inks = sorted(palette.inks, key=lambda ink: -abs(lightness(ink) - light))[:3]
    # The phases that swing x and y most freely of each other: others draw little more than a stroke.
    phases = min(
        rng.uniform(0, 6.28, (5, 4)), key=lambda some: abs(np.cos(some[0] - some[3]) + np.cos(some[1] - some[2]))
    )
    for number in range(int(rng.integers(1, 4))):
        detune = rng.normal(0, 0.006, 4)
        fade = np.exp(-t * rng.uniform(0.006, 0.013))
        x = np.sin(t * (first + detune[0]) + phases[0]) + 0.6 * np.sin(t * (second + detune[1]) + phases[1])
        y = np.sin(t * (second + detune[2]) + phases[2]) + 0.6 * np.sin(t * (first + detune[3]) + phases[3])
        swing = np.stack([x, y], 1) * fade[:, np.newaxis]
        swing -= (swing.max(0) + swing.min(0)) / 2
        reach = np.array([width, height]) * (0.42 - 0.07 * number)
        curve = np.array([width, height]) / 2 + swing / np.abs(swing).max(0) * reach
        canvas.line(curve, (*inks[number], 225), min(width, height) / 430)
    return to_image(paper(rng, canvas.pixels(), 3))


def signals(rng: Generator, width: int, height: int, palette: Palette) -> Image.Image:
    """Lines of a far pulse, one above the other, each hiding those behind it."""
    ground = palette.ground if palette.dark else mix(palette.deepest, (8, 8, 12), 0.55)
    pen = palette.palest
    accent = palette.shuffled(rng)[0]
    canvas = Canvas(width, height, ground)
    count = int(rng.integers(30, 52))
    margin = 0.12
    x = np.linspace(width * margin, width * (1 - margin), 220)
    u = np.linspace(-1, 1, 220)
    rough = smooth_noise(rng, 220, count, 5) + 0.6 * smooth_noise(rng, 220, count, 2.5)
    center = rng.uniform(-0.3, 0.3) + 0.3 * np.sin(np.linspace(0, rng.uniform(2, 7), count))
    spread = rng.uniform(0.10, 0.28)
    rise = height * rng.uniform(0.07, 0.13)
    special = set(rng.permutation(count)[: int(rng.integers(0, 6))].tolist())
    for number in range(count):
        base = height * (0.17 + 0.69 * number / (count - 1))
        swell = np.exp(-(((u - center[number]) / spread) ** 2) / 2)
        line = np.stack(
            [x, base - rise * swell * (0.55 + 0.6 * np.abs(rough[number])) - rough[number] * rise * 0.04], 1
        )
        floor = [(x[-1], base + height * 0.02), (x[0], base + height * 0.02)]
        canvas.polygon(np.concatenate([line, floor]), ground)
        canvas.line(line, accent if number in special else pen, min(width, height) / 280)
    return canvas.finish()
