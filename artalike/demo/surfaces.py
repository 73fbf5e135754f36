"""Families painted pixel by pixel: tiles, woven bands, waves, rays, colour fields, marbling."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image

from artalike.demo.canvas import Field, Pixels, along, blend, clouds, grid, paper, smooth_noise, step, to_image
from artalike.demo.palettes import Palette, lightness, mix, shade


def truchet(rng: Generator, width: int, height: int, palette: Palette) -> Image.Image:
    """Square tiles with two quarter rings each, turned at random, after Sébastien Truchet and Cyril Stanley Smith."""
    size = min(width, height) / int(rng.integers(5, 10))
    x, y = grid(width, height)
    column, row = np.floor(x / size).astype(int), np.floor(y / size).astype(int)
    flipped = rng.random((row.max() + 1, column.max() + 1)) < 0.5
    u, v = x % size, y % size
    u = np.where(flipped[row, column], size - u, u)
    far = u + v > size
    distance = np.hypot(np.where(far, size - u, u), np.where(far, size - v, v)) / size
    inks = palette.shuffled(rng)
    inner = 0.5 - np.abs(distance - 0.5)
    pixels = blend(palette.ground, inks[0], step(inner, 0.20, 1.5 / size))
    pixels = blend(pixels, inks[1], step(inner, 0.32, 1.5 / size))
    pixels = blend(pixels, palette.ground, step(inner, 0.43, 1.5 / size))
    return to_image(paper(rng, pixels))


def weave(rng: Generator, width: int, height: int, palette: Palette) -> Image.Image:
    """Bands over and under each other, rounded by light, in a twill or plain weave."""
    size = min(width, height) / int(rng.integers(9, 18))
    x, y = grid(width, height)
    column, row = np.floor(x / size).astype(int), np.floor(y / size).astype(int)
    length = int(rng.integers(1, 4))
    over = (row + column) % (2 * length) < length
    u, v = x / size % 1, y / size % 1
    inks = palette.shuffled(rng)
    warp_plan, weft_plan = (rng.choice(5, rng.integers(3, 8), p=[0.4, 0.25, 0.15, 0.1, 0.1]) for _ in range(2))
    colors = np.array(inks, dtype=np.float32)
    warp = colors[warp_plan[column % len(warp_plan)]]
    weft = colors[(weft_plan[row % len(weft_plan)] + 1) % 5]
    upright = _rounded(u, v)
    across = _rounded(v, u)
    gap = np.array(shade(palette.deepest, 0.45), dtype=np.float32)
    over_ = np.broadcast_to(over, (height, width))[..., np.newaxis]
    cloth = np.where(over_, warp * upright[..., np.newaxis], weft * across[..., np.newaxis])
    edge = np.where(over_[..., 0], _inside(u, 1.6 / size), _inside(v, 1.6 / size))
    threads = 1 + 0.07 * np.sin((u if length > 1 else v) * 40)
    return to_image(paper(rng, blend(gap, cloth * threads[..., np.newaxis], edge), 3))


def _rounded(across: Field, along_: Field) -> Field:
    """Light on a band that bends away at its edges and dives under at its ends."""
    light: Field = (0.62 + 0.46 * np.sin(np.pi * across)) * (0.72 + 0.30 * np.sin(np.pi * along_))
    return light


def _inside(across: Field, soft: float) -> Field:
    """Whether a place lies on the band and not in the gap beside it."""
    return step(0.5 - np.abs(across - 0.5), 0.06, soft)


def waves(rng: Generator, width: int, height: int, palette: Palette) -> Image.Image:
    """Stripes that swell and bend until they seem to move, after the Op art of the 1960s."""
    x, y = grid(width, height)
    short = min(width, height)
    pitch = short / int(rng.integers(16, 30))
    bend = short * rng.uniform(0.04, 0.10)
    period = short * rng.uniform(0.45, 0.9)
    phase = rng.uniform(0, 6.28, 3)
    pull = np.sin(2 * np.pi * y / period / 1.7 + phase[0])
    shift = bend * np.sin(2 * np.pi * y / period + phase[1]) + bend * 0.8 * np.sin(
        2 * np.pi * (x * 0.6 + y * 0.8) / period / 1.3 + phase[2]
    )
    stretch = 1 + 0.25 * np.sin(2 * np.pi * x / (short * rng.uniform(0.8, 1.4)) + pull)
    place = (x + shift * stretch) / pitch
    wave = np.abs((place % 1) - 0.5) * 2
    slope = np.hypot(*np.gradient(place.astype(np.float32)))
    dark, light = palette.deepest, palette.palest
    pixels = blend(light, dark, step(wave.astype(np.float32), 0.5, 3 * slope))
    if rng.random() < 0.55:
        accent = palette.shuffled(rng)[0]
        tint = step(clouds(rng, width, height, short * 0.6, 1), rng.uniform(-0.1, 0.3), 0.5)
        tinted = blend(light, accent, step(wave.astype(np.float32), 0.5, 3 * slope))
        pixels = pixels + (tinted - pixels) * tint[..., np.newaxis]
    return to_image(pixels)


def starbursts(rng: Generator, width: int, height: int, palette: Palette) -> Image.Image:
    """Rays from one point behind a sun."""
    x, y = grid(width, height)
    center = width * rng.uniform(0.3, 0.7), height * rng.uniform(0.35, 0.75)
    radius = np.hypot(x - center[0], y - center[1])
    short = min(width, height)
    count = int(rng.integers(12, 30))
    twist = rng.choice([0.0, 0.0, rng.uniform(-0.6, 0.6)])
    turns = np.arctan2(y - center[1], x - center[0]) / (2 * np.pi) + twist * radius / short / 6
    ray = (turns * count + rng.random()) % 1
    soft = np.clip(count / (2 * np.pi * np.maximum(radius, 1)) * 1.5, 0, 1).astype(np.float32)
    inks = sorted(palette.shuffled(rng)[:3], key=lightness) + palette.shuffled(rng)
    glow = np.clip(radius / np.hypot(width, height) * 1.3, 0, 1).astype(np.float32)
    first = along([mix(inks[0], palette.palest, 0.3), inks[0], shade(inks[0], 0.8)], glow)
    pale = max(inks[1:3], key=lightness)
    second = along([palette.palest, mix(palette.palest, pale, 0.5), pale], glow)
    pixels: Pixels = second + (first - second) * step(0.25 - np.abs(ray - 0.5), 0.0, soft)[..., np.newaxis]
    sun = short * rng.uniform(0.09, 0.2)
    for number, share in enumerate(np.linspace(1, 0.35, int(rng.integers(2, 5)))):
        color = (inks[3], palette.palest, inks[4], palette.deepest)[number]
        pixels = blend(pixels, color, step(sun * share - radius, 0, 1.5))
    return to_image(paper(rng, pixels, 5))


def color_fields(rng: Generator, width: int, height: int, palette: Palette) -> Image.Image:
    """Two to four soft blocks of colour floating on another, after the abstract painting of the 1950s."""
    x, y = grid(width, height)
    short = min(width, height)
    inks = palette.shuffled(rng)
    brush = clouds(rng, width, height, short / 3, 5)
    strokes = np.repeat(smooth_noise(rng, width // 6 + 1, height, 2.5), 6, axis=1)[:, :width] * 0.4 + brush * 0.6
    base = np.asarray(mix(inks[0], palette.deepest, rng.uniform(0, 0.35)), dtype=np.float32)
    pixels = base * (1 + 0.10 * brush)[..., np.newaxis]
    margin, soft = rng.uniform(0.05, 0.10), short * 0.055
    wobble = brush * short * 0.018
    sides = step(np.minimum(x, width - x) - width * margin + wobble, 0, soft)
    for number, (top, bottom) in enumerate(_split(rng, int(rng.integers(2, 5)))):
        start, end = int(height * top - soft), int(height * bottom + soft)
        rows = slice(max(start, 0), min(end, height))
        inner = np.minimum(y[rows] - height * top, height * bottom - y[rows]) + wobble[rows]
        share = sides[rows] * step(inner, 0, soft) * (0.91 + 0.12 * np.clip(strokes[rows], -1, 0.7))
        color = np.asarray(inks[1 + number % 4], dtype=np.float32)
        paint = color * (1 + 0.16 * brush[rows] + 0.05 * strokes[rows])[..., np.newaxis]
        pixels[rows] += (paint - pixels[rows]) * share[..., np.newaxis]
    return to_image(paper(rng, pixels, 5))


def _split(rng: Generator, count: int) -> list[tuple[float, float]]:
    shares = rng.uniform(0.5, 1.6, count)
    ends = 0.05 + np.cumsum(shares) / shares.sum() * 0.90
    starts = np.concatenate([[0.05], ends[:-1]])
    return [(start + 0.012, end - 0.012) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def marbling(rng: Generator, width: int, height: int, palette: Palette) -> Image.Image:
    """Inks floated on water, drawn into veins and lifted onto paper."""
    short = min(width, height)
    x, y = grid(width, height)
    cell = short * rng.uniform(0.25, 0.45)
    bend = [clouds(rng, width, height, cell, 3) for _ in range(2)]
    comb = rng.uniform(0.15, 0.5) * np.sin(2 * np.pi * x / (short * rng.uniform(0.1, 0.25)) + 2 * bend[0])
    field = 3.2 * bend[0] + 1.6 * np.sin(3 * bend[1] + y / short * rng.uniform(2, 6)) + comb
    place = field * rng.uniform(1.6, 2.6)
    inks = np.array([palette.ground, *palette.shuffled(rng), palette.palest], dtype=np.float32)
    order = rng.integers(0, len(inks), 64)
    order = np.where(order == np.roll(order, 1), (order + 1) % len(inks), order)
    band = np.floor(place).astype(int)
    slope = np.clip(np.hypot(*np.gradient(place.astype(np.float32))) * 1.5, 1e-3, 1)
    inside = (place - band).astype(np.float32)
    low, high = inks[order[band % 64]], inks[order[(band + 1) % 64]]
    pixels = low + (high - low) * step(inside, 1 - slope / 2, slope)[..., np.newaxis]
    vein = step(0.06 - np.abs(inside - 0.85), 0, slope)
    pixels = blend(pixels, palette.deepest, vein * 0.75)
    return to_image(paper(rng, pixels, 4))
