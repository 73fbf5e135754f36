"""Families built from plain shapes: grids, rings, blocks, mosaics, mandalas."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator
from PIL import Image

from artalike.demo.canvas import Canvas, clouds, paper, smooth_noise, to_image, turned
from artalike.demo.palettes import Color, Palette, mix, shade

Box = tuple[float, float, float, float]


def grids(rng: Generator, width: int, height: int, palette: Palette) -> Image.Image:
    """Black bars and a few fields of colour, after De Stijl."""
    bar = min(width, height) * rng.uniform(0.014, 0.026)
    white = mix(palette.palest, (255, 253, 248), 0.6)
    canvas = Canvas(width, height, shade(palette.deepest, 0.5))
    boxes = _divide(rng, (0, 0, width, height), int(rng.integers(4, 6)), min(width, height) * 0.13)
    colored = rng.permutation(len(boxes))[: max(3, int(len(boxes) * rng.uniform(0.25, 0.45)))]
    inks = palette.shuffled(rng)
    fills = {int(index): inks[number % 4] for number, index in enumerate(colored)}
    for number, (left, top, right, bottom) in enumerate(boxes):
        fill = fills.get(number, shade(white, rng.uniform(0.96, 1)))
        inset = bar / 2
        canvas.rectangle(
            left + inset * (left > 0),
            top + inset * (top > 0),
            right - inset * (right < width),
            bottom - inset * (bottom < height),
            fill,
        )
    return to_image(paper(rng, canvas.pixels(), 3))


def _divide(rng: Generator, box: Box, depth: int, least: float) -> list[Box]:
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    if depth == 0 or max(wide, high) < 2 * least or (depth < 3 and rng.random() < 0.22):
        return [box]
    share = rng.uniform(0.28, 0.72)
    upright = rng.random() < wide / (wide + high)
    if wide >= 2 * least and (upright or high < 2 * least):
        cut = left + max(least, min(wide - least, wide * share))
        parts: list[Box] = [(left, top, cut, bottom), (cut, top, right, bottom)]
    else:
        cut = top + max(least, min(high - least, high * share))
        parts = [(left, top, right, cut), (left, cut, right, bottom)]
    return [piece for part in parts for piece in _divide(rng, part, depth - 1, least)]


def rings(rng: Generator, width: int, height: int, palette: Palette) -> Image.Image:
    """Squares of uneven circles inside circles, as if from a painter's sketchbook of colours."""
    cell = min(width, height) / int(rng.integers(2, 5))
    columns, rows = max(1, round(width / cell)), max(1, round(height / cell))
    wide, high = width / columns, height / rows
    canvas = Canvas(width, height, palette.ground)
    colors = [palette.ground, *palette.inks]
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    for column in range(columns):
        for row in range(rows):
            order = [colors[index] for index in rng.permutation(len(colors))]
            left, top = column * wide, row * high
            canvas.rectangle(left, top, left + wide, top + high, order[0])
            count = int(rng.integers(4, 7))
            outer = np.sort(rng.uniform(0.12, 0.98, count))[::-1] * min(wide, high) / 2
            for number, radius in enumerate(outer):
                wobble = 1 + 0.035 * np.sin(turn * rng.integers(2, 5) + rng.uniform(0, 6.28))
                x = left + wide / 2 + radius * wobble * np.cos(turn)
                y = top + high / 2 + radius * wobble * np.sin(turn)
                canvas.polygon(np.stack([x, y], 1), order[(number + 1) % len(order)])
    wash = 1 + 0.06 * clouds(rng, width, height, cell / 2, 4)
    return to_image(paper(rng, canvas.pixels() * wash[..., np.newaxis], 5))


def blocks(rng: Generator, width: int, height: int, palette: Palette) -> Image.Image:
    """A town of towers seen from above in isometric projection, three tones to each."""
    canvas = Canvas(width, height, shade(palette.deepest, 0.6))
    half = min(width, height) / int(rng.integers(12, 20))
    inks = palette.shuffled(rng)[:4]
    if palette.dark:
        inks = [mix(ink, palette.palest, 0.1) for ink in inks]
    across, deep = int(width / half) + 4, int(height / half * 2) + 24
    relief = smooth_noise(rng, across, deep, rng.uniform(5, 11))
    for depth in range(deep):
        for column in range(depth % 2, across, 2):
            swell = max(0.0, float(relief[depth, column]) + 0.35)
            tall = half * (0.6 + 3.2 * swell + rng.choice([0, 0.5, 1.0, 2.2]))
            color = inks[int(rng.choice(4, p=[0.5, 0.25, 0.15, 0.1]))]
            _tower(canvas, ((column - 1) * half, (depth - 2) * half / 2), half * 0.94, tall, color)
    return canvas.finish()


def _tower(canvas: Canvas, foot: tuple[float, float], half: float, tall: float, color: Color) -> None:
    """A tower with the middle of its square floor at ``foot``; ``half`` is half its width."""
    x, y = foot
    flat, top = half / 2, y - tall
    canvas.polygon([(x - half, top), (x, top + flat), (x, y + flat), (x - half, y)], shade(color, 0.78))
    canvas.polygon([(x + half, top), (x, top + flat), (x, y + flat), (x + half, y)], shade(color, 0.52))
    roof = mix(color, (255, 250, 240), 0.28)
    canvas.polygon([(x, top - flat), (x + half, top), (x, top + flat), (x - half, top)], roof)


def mosaics(rng: Generator, width: int, height: int, palette: Palette) -> Image.Image:
    """Small uneven stones in grout: suns over bands of sea and field."""
    size = min(width, height) / int(rng.integers(34, 46))
    grout = mix(palette.deepest, (90, 84, 78), 0.5)
    canvas = Canvas(width, height, grout)
    columns, rows = math.ceil(width / size), math.ceil(height / size)
    column, row = np.meshgrid(np.arange(columns), np.arange(rows))
    x, y = (column + 0.5) * size, (row + 0.5) * size
    colors = np.array([palette.ground, *palette.shuffled(rng)], dtype=np.float64)
    level = y / height * rng.integers(3, 6) + smooth_noise(rng, columns, rows, columns / 3) * 0.8
    chosen = colors[np.floor(level).astype(int) % len(colors)]
    for _ in range(int(rng.integers(1, 4))):
        radius = min(width, height) * rng.uniform(0.12, 0.3)
        away = np.hypot(x - width * rng.uniform(0.2, 0.8), y - height * rng.uniform(0.15, 0.8))
        band = np.floor(away / radius * 3).astype(int)
        pick = rng.permutation(len(colors))
        chosen = np.where((away < radius)[..., np.newaxis], colors[pick[np.clip(band, 0, 2)]], chosen)
    chosen = np.clip(chosen * rng.normal(1, 0.10, (rows, columns, 1)), 0, 255)
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * size * 0.45
    stones = np.stack([x, y], -1)[:, :, np.newaxis] + corners + rng.normal(0, size * 0.055, (rows, columns, 4, 2))
    fills = chosen.astype(int).tolist()
    for r in range(rows):
        for c in range(columns):
            canvas.polygon(stones[r, c], tuple(fills[r][c]))
    return to_image(paper(rng, canvas.pixels(), 5))


def mandalas(rng: Generator, width: int, height: int, palette: Palette) -> Image.Image:
    """Petals in rings around one middle, the same in every direction."""
    canvas = Canvas(width, height, palette.ground)
    x, y = width / 2, height / 2
    radius = min(width, height) * 0.47
    fold = int(rng.choice([6, 8, 10, 12, 16]))
    inks = palette.shuffled(rng)
    canvas.disc(x, y, radius * 1.02, mix(palette.ground, inks[4], 0.18))
    for number, share in enumerate(np.linspace(1, 0.22, int(rng.integers(4, 7)))):
        color, edge = inks[number % 5], inks[(number + 2) % 5]
        count = fold * (2 if share > 0.6 and rng.random() < 0.5 else 1)
        start = math.pi / count * (number % 2)
        inner = radius * share * rng.uniform(0.25, 0.5)
        shape = rng.choice(["leaf", "drop", "point"])
        for angle in np.arange(count) * 2 * math.pi / count + start:
            petal = _petal(shape, inner, radius * share, 0.9 * math.pi / count)
            canvas.polygon(turned(petal, angle, x, y), color)
            slim = _petal(shape, inner * 1.15, radius * share * 0.86, 0.5 * math.pi / count)
            canvas.polygon(turned(slim, angle, x, y), edge)
            dot = turned(np.array([[radius * share * 0.94, 0.0]]), angle + math.pi / count, x, y)[0]
            canvas.disc(dot[0], dot[1], radius * 0.016, edge)
        canvas.disc(x, y, inner * 1.08, palette.ground)
        canvas.circle(x, y, inner * 1.02, color, radius * 0.012)
    canvas.disc(x, y, radius * 0.06, inks[0])
    return to_image(paper(rng, canvas.pixels(), 4))


def _petal(shape: str, inner: float, outer: float, half_angle: float) -> np.ndarray:
    """A petal that points along x, (n, 2), between two radii."""
    t = np.linspace(0, 1, 14)
    bulge = {"leaf": np.sin(np.pi * t), "drop": np.sin(np.pi * t**1.8), "point": 1 - np.abs(2 * t - 1)}[shape]
    along = inner + (outer - inner) * t
    side = bulge * (inner + outer) / 2 * math.tan(min(half_angle, 0.7))
    return np.concatenate([np.stack([along, side], 1), np.stack([along, -side], 1)[::-1]])
