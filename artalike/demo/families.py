"""The demo collection: any number of pictures in families, the same on every machine.

A piece is its number. Number ``n`` belongs to family ``n`` modulo their count; what it is called, who made it and
how it looks comes from random numbers seeded with ``n``. The artists are invented.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from PIL import Image

from artalike.demo import cells, geometry, lines, scenes, surfaces
from artalike.demo.palettes import PALETTES, Palette

SEED: Final = 1912
Draw = Callable[[Generator, int, int, Palette], Image.Image]

SQUARE: Final = ((1, 1), (1, 1), (5, 4), (4, 5))
UPRIGHT: Final = ((3, 4), (4, 5), (2, 3), (5, 7))
WIDE: Final = ((4, 3), (3, 2), (16, 10), (2, 1))
ANY: Final = (*SQUARE, *UPRIGHT, *WIDE)


@dataclass(frozen=True, slots=True)
class Family:
    """Pieces that belong together. ``formats`` are width to height; ``subjects`` begin the titles."""

    key: str
    name: str
    about: str
    draw: Draw
    subjects: tuple[str, ...]
    artists: tuple[str, ...]
    years: tuple[int, int]
    formats: tuple[tuple[int, int], ...] = ANY


@dataclass(frozen=True, slots=True)
class Piece:
    """What is known of a picture without drawing it. Sizes are in pixels; ``family`` is a family's key."""

    number: int
    family: str
    title: str
    artist: str
    date: str
    width: int
    height: int
    suffix: str
    palette: Palette

    @property
    def file_name(self) -> str:
        """Number and suffix, ``17.jpg``."""
        return f"{self.number}{self.suffix}"


FAMILIES: Final = (
    Family(
        "grids",
        "Grids",
        "Black bars and a few fields of colour, in balance.",
        geometry.grids,
        ("Composition", "Counterweight", "Street Plan", "Equilibrium"),
        ("Hendrika Vos", "Joost van Amerongen"),
        (1919, 1938),
        SQUARE + UPRIGHT,
    ),
    Family(
        "currents",
        "Currents",
        "Strokes that follow a stream nobody sees.",
        lines.currents,
        ("Current", "Drift", "Undertow", "Wind over Barley"),
        ("Aiko Tanemura", "Elias Brandvold"),
        (1987, 2021),
    ),
    Family(
        "truchet",
        "Tilings",
        "One tile, turned at random, and paths without an end.",
        surfaces.truchet,
        ("Labyrinth", "Loose Knot", "Endless Path", "Tiling"),
        ("Basile Montrond", "Ximena Arrieta"),
        (1964, 1989),
    ),
    Family(
        "pebbles",
        "Pebbles",
        "Circles packed as closely as they go.",
        cells.pebbles,
        ("Pebbles", "Low Tide", "Market Day", "Small Planets"),
        ("Nell Ashgrove", "Duarte Salgueiro"),
        (1958, 1979),
    ),
    Family(
        "glass",
        "Leaded glass",
        "Panes of colour in lead, lit from behind.",
        cells.glass,
        ("Window", "Clerestory", "Lantern", "East Light"),
        ("Marguerite Oyelaran", "Anselm Kirchhoff"),
        (1901, 1934),
        UPRIGHT + SQUARE,
    ),
    Family(
        "color-fields",
        "Colour fields",
        "Soft blocks of colour that float on another.",
        surfaces.color_fields,
        ("Untitled", "Threshold", "Evening Room", "Stillness"),
        ("Ruth Abelman", "Iosif Petrenko"),
        (1949, 1968),
        UPRIGHT,
    ),
    Family(
        "herbarium",
        "Herbarium",
        "Plants grown from a few rules of branching, pressed on a sheet.",
        scenes.herbarium,
        ("Specimen", "Hedgerow", "Herb with Leaves", "Flowering Branch"),
        ("Cordelia Finch-Hale", "Matti Sarkela"),
        (1848, 1889),
        UPRIGHT,
    ),
    Family(
        "harmonographs",
        "Harmonographs",
        "Two pendulums, one pen, coming to rest.",
        lines.harmonographs,
        ("Pendulum Study", "Decay", "Fourth and Fifth", "Harmony"),
        ("Tobias Wrenfield", "Sunniva Dahl"),
        (1871, 1911),
        SQUARE,
    ),
    Family(
        "ridges",
        "Ridges",
        "Hills behind hills, fading into the air.",
        scenes.ridges,
        ("Far Hills", "Morning Mist", "Seven Ridges", "The Pass"),
        ("Chen Yulan", "Oskar Lindqvist"),
        (1921, 1957),
        WIDE,
    ),
    Family(
        "rings",
        "Rings",
        "Circles within circles, a colour next to a colour.",
        geometry.rings,
        ("Colour Study", "Squares with Circles", "Choir", "Targets"),
        ("Ludmila Sorokina", "Paul Achterberg"),
        (1911, 1926),
        SQUARE + WIDE,
    ),
    Family(
        "weave",
        "Weaves",
        "Bands over and under each other.",
        surfaces.weave,
        ("Cloth", "Over and Under", "Basket", "Blanket"),
        ("Annelise Grau", "Itzel Cuevas"),
        (1926, 1961),
    ),
    Family(
        "starbursts",
        "Starbursts",
        "Rays from one point behind a sun.",
        surfaces.starbursts,
        ("Noon", "Overture", "Jubilee", "Rising"),
        ("Kenzo Hoshikawa", "Rosa Delmonte"),
        (1932, 1971),
    ),
    Family(
        "waves",
        "Waves",
        "Stripes that swell until they seem to move.",
        surfaces.waves,
        ("Swell", "Oscillation", "Fold", "Tremor"),
        ("Imogen Rask", "Viktor Salamon"),
        (1961, 1974),
    ),
    Family(
        "mosaics",
        "Mosaics",
        "Small stones in grout: suns over sea and field.",
        geometry.mosaics,
        ("Pavement", "Harbour Sun", "Villa Floor", "Two Suns"),
        ("Workshop of Kallias", "Workshop of the Shore"),
        (1902, 1931),
        WIDE + SQUARE,
    ),
    Family(
        "marbling",
        "Marbling",
        "Inks floated on water and lifted onto paper.",
        surfaces.marbling,
        ("Endpaper", "Floating Ink", "Agate", "Veined Sheet"),
        ("Selim Karahan", "Beatrix Lowe"),
        (1790, 1868),
    ),
    Family(
        "mandalas",
        "Mandalas",
        "Petals in rings around one middle.",
        geometry.mandalas,
        ("Rosette", "Wheel", "Lotus", "Dome, Seen from Below"),
        ("Tenzin Palmo Rai", "Amina Haddou"),
        (1880, 1923),
        SQUARE,
    ),
    Family(
        "blocks",
        "Towns",
        "Towers seen from above, three tones to each.",
        geometry.blocks,
        ("Town", "Old Quarter", "Terraces", "Rooftops"),
        ("Gustav Ekholm", "Pilar Ferrandis"),
        (1972, 1999),
    ),
    Family(
        "signals",
        "Signals",
        "Lines of a far pulse, each hiding those behind it.",
        lines.signals,
        ("Pulse", "Received at Night", "Long Wave", "Echo"),
        ("Station 9", "Harriet Colbeck"),
        (1967, 1982),
        UPRIGHT + SQUARE,
    ),
)

BY_KEY: Final = {family.key: family for family in FAMILIES}


def family_of(number: int) -> Family:
    """The family that piece ``number`` belongs to; neighbours in number are of different ones."""
    return FAMILIES[number % len(FAMILIES)]


def piece(number: int) -> Piece:
    """What is known of piece ``number``, 0 or above. Cheap, and the same in every process."""
    family = family_of(number)
    rng = np.random.default_rng((SEED, number))
    palette = PALETTES[int(rng.integers(len(PALETTES)))]
    wide, high = family.formats[int(rng.integers(len(family.formats)))]
    long_side = int(rng.integers(28, 47)) * 20
    width = long_side if wide >= high else round(long_side * wide / high)
    height = long_side if high >= wide else round(long_side * high / wide)
    first, second = (word.capitalize() for word in palette.words)
    subject = str(rng.choice(family.subjects))
    ending = str(
        rng.choice(
            [f" in {first} and {second}", f" in {first}", f" with {second}", f" No. {number // len(FAMILIES) + 1}"]
        )
    )
    return Piece(
        number=number,
        family=family.key,
        title=subject + ending,
        artist=str(rng.choice(family.artists)),
        date=str(rng.integers(family.years[0], family.years[1] + 1)),
        width=width,
        height=height,
        suffix=".png" if number % 29 == 5 else ".webp" if number % 23 == 7 else ".jpg",
        palette=palette,
    )


def draw(piece: Piece) -> Image.Image:
    """The picture, RGB."""
    rng = np.random.default_rng((SEED, piece.number, 1))
    return BY_KEY[piece.family].draw(rng, piece.width, piece.height, piece.palette)


def render(piece: Piece) -> bytes:
    """The picture as a file of the kind that ``piece.suffix`` names. Takes some 50 ms: call it in a thread."""
    stream, image = io.BytesIO(), draw(piece)
    match piece.suffix:
        case ".png":
            image.save(stream, "PNG", compress_level=4)
        case ".webp":
            image.save(stream, "WEBP", quality=86, method=2)
        case _:
            image.save(stream, "JPEG", quality=88)
    return stream.getvalue()
