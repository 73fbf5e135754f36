"""Families that fill the plane: pebbles packed side by side, panes of leaded glass."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image

from artalike.demo.canvas import Canvas, clouds, grid, paper, smooth_noise, to_image
from artalike.demo.palettes import Color, Palette, lightness, mix, shade


def pebbles(rng: Generator, width: int, height: int, palette: Palette) -> Image.Image:
    """Circles packed as closely as they go, the large ones first."""
    short = min(width, height)
    canvas = Canvas(width, height, palette.ground)
    inks = palette.shuffled(rng)
    for x, y, radius in _pack(rng, width, height, short * 0.010, short * rng.uniform(0.09, 0.17)):
        color, other = (inks[int(index)] for index in rng.choice(5, 2, replace=False, p=[0.3, 0.25, 0.2, 0.15, 0.1]))
        canvas.disc(x, y, radius, color)
        if radius < short * 0.022:
            continue
        _decorate(canvas, rng, (x, y, radius), other, palette.ground)
    return to_image(paper(rng, canvas.pixels(), 4))


def _pack(rng: Generator, width: int, height: int, least: float, most: float) -> np.ndarray:
    """Discs that do not touch: x, y, radius, (n, 3)."""
    placed = np.empty((900, 3))
    count, gap = 0, least * 0.35
    tries = rng.uniform((0, 0), (width, height), (3600, 2))
    for number, (x, y) in enumerate(tries):
        allowed = max(least, most * 0.9975**number)
        others = placed[:count]
        room = np.min(np.hypot(others[:, 0] - x, others[:, 1] - y) - others[:, 2], initial=most + gap)
        radius = min(allowed, min(room, x, y, width - x, height - y) - gap)
        if radius >= max(least, 0.72 * allowed) and count < len(placed):
            placed[count] = x, y, radius
            count += 1
    return placed[:count]


def _decorate(canvas: Canvas, rng: Generator, disc: tuple[float, float, float], color: Color, ground: Color) -> None:
    x, y, radius = disc
    kind = int(rng.integers(0, 5))
    if kind == 0:
        canvas.disc(x, y, radius * 0.55, color)
        canvas.disc(x, y, radius * 0.25, ground)
    elif kind == 1:
        canvas.half_disc(x, y, radius, rng.uniform(0, 360), color)
    elif kind == 2:
        for share in (0.82, 0.58, 0.34):
            canvas.circle(x, y, radius * share, color, radius * 0.09)
    elif kind == 3:
        canvas.disc(x, y, radius * 0.62, ground)


def glass(rng: Generator, width: int, height: int, palette: Palette) -> Image.Image:
    """Voronoi cells as panes of coloured glass, set in lead and lit from behind."""
    short = min(width, height)
    size = short / rng.uniform(5, 9)
    canvas = Canvas(width, height, shade(palette.deepest, 0.22))
    colors = [color for color in palette.shuffled(rng) if lightness(color) > 0.2]
    region = smooth_noise(rng, width, height, short * 0.4)
    for site, polygon in _voronoi(rng, width, height, size):
        x, y = np.clip(site, 0, (width - 1, height - 1)).astype(int)
        place = (region[y, x] + 1) / 2 * len(colors) + rng.normal(0, 0.7)
        color = colors[int(np.clip(place, 0, len(colors) - 1))]
        color = mix(color, palette.palest, rng.uniform(0, 0.35) ** 2 * 3)
        spokes = polygon - site
        inner = site + spokes * (1 - 0.045 * size / np.hypot(*spokes.T).clip(size * 0.3))[:, np.newaxis]
        canvas.polygon(inner, shade(color, rng.uniform(0.78, 1.04)))
    ripple = 1 + 0.16 * clouds(rng, width, height, size * 0.7, 3)
    x_, y_ = grid(width, height)
    away = ((x_ / width - 0.5) ** 2 + (y_ / height - 0.42) ** 2) * 4
    return to_image(paper(rng, canvas.pixels() * (ripple * (1.14 - 0.20 * away))[..., np.newaxis], 3))


def _voronoi(rng: Generator, width: int, height: int, size: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Sites, one in each square of a grid, and the polygons (n, 2) of what is nearest to each.

    A cell is a square cut by the bisectors with the 24 sites around: farther ones are too far to matter.
    """
    columns, rows = int(width / size) + 7, int(height / size) + 7
    corner = np.stack(np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij"), -1) - 3.0
    sites = (corner + rng.uniform(0.08, 0.92, corner.shape)) * size
    cells = []
    for column in range(2, columns - 2):
        for row in range(2, rows - 2):
            site = sites[column, row]
            around = sites[column - 2 : column + 3, row - 2 : row + 3].reshape(-1, 2)
            polygon = [site + offset for offset in np.array([(-2, -2), (2, -2), (2, 2), (-2, 2)]) * size]
            for other in around[np.argsort(((around - site) ** 2).sum(1))][1:]:
                polygon = _cut(polygon, (site + other) / 2, other - site)
            cells.append((site, np.array(polygon)))
    return cells


def _cut(polygon: list[np.ndarray], point: np.ndarray, normal: np.ndarray) -> list[np.ndarray]:
    """What of a convex polygon lies before the line through ``point`` (Sutherland and Hodgman, 1974)."""
    sides = [float((corner - point) @ normal) for corner in polygon]
    if max(sides) <= 0:
        return polygon
    kept = []
    for number, corner in enumerate(polygon):
        before, side = sides[number - 1], sides[number]
        if (before > 0) != (side > 0):
            kept.append(polygon[number - 1] + (corner - polygon[number - 1]) * (before / (before - side)))
        if side <= 0:
            kept.append(corner)
    return kept
