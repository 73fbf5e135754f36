"""A collection of any size that a browser can look at, in a data folder, without a crawl.

A few hundred pictures of the demo collection are painted; the others repeat their thumbnails (as hard links). Vectors
are clustered, and a map is there: principal components, because what it shows is another benchmark's.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from artalike.config import Imaging
from artalike.demo.families import piece, render
from artalike.imaging.decode import decode
from artalike.layout.keeper import LANDMARKS
from artalike.layout.layout import PRIORITY_MOST, Layout
from artalike.layout.placing import Projection, sample
from artalike.records import Artwork, Embedding, FloatArray, Metadata, Picture, Task
from artalike.storage.catalog import Database
from artalike.storage.folder import DataFolder
from artalike.storage.images import Images
from artalike.storage.thumbnails import SUFFIX
from benchmarks.tiny import CARD
from benchmarks.vectors import Made

PAINTED: Final = 300
BATCH: Final = 1000


def fill(data: Path, size: int) -> None:
    """Make the data folder with ``size`` images of :data:`benchmarks.tiny.CARD`, thumbnails and map."""
    folder = DataFolder(data)
    folder.create()
    with ProcessPoolExecutor() as painters:
        painted = list(painters.map(_painted, range(min(size, PAINTED))))
    vectors = asyncio.run(_commit(folder, size, painted))
    _thumbnails(folder.thumbnails, size, painted)
    _map(folder.map, vectors, painted)


def paint(folder: Path, numbers: range) -> None:
    """Pictures as files, for a crawl."""
    folder.mkdir()
    for number in numbers:
        one = piece(number)
        (folder / one.file_name).write_bytes(render(one))


def _painted(number: int) -> Artwork:
    artwork = decode(render(piece(number)), CARD.preprocess, Imaging())
    return replace(artwork, model_input=np.empty((0, 0, 3), np.uint8), signature=b"")


async def _commit(folder: DataFolder, size: int, painted: list[Artwork]) -> FloatArray:
    made = Made(size, CARD.dimension)
    pieces = [made.rows(start, min(start + BATCH, size)) for start in range(0, size, BATCH)]
    vectors = np.concatenate(pieces)
    async with Database.open(folder.catalog) as database:
        images = await Images.open(database, CARD.model_id, CARD.dimension)
        for start in range(0, size, BATCH):
            rows = enumerate(vectors[start : start + BATCH], start)
            await images.commit([_embedding(number, vector, painted) for number, vector in rows])
    return vectors


def _embedding(number: int, vector: FloatArray, painted: list[Artwork]) -> Embedding:
    url = f"http://filled.example/images/{number}.jpg"
    one = piece(number)
    metadata = Metadata(
        title=one.title,
        creator=one.artist,
        date=one.date,
        medium="Drawn by numbers",
        rights="https://creativecommons.org/publicdomain/zero/1.0/",
        attribution="The Museum of Drawn Numbers",
        page_url=f"http://filled.example/works/{number}",
    )
    task = Task(
        id=-1 - number,
        seed_id=0,
        seed_source="filled",
        kind="image",
        url=url,
        host="filled.example",
        metadata=metadata,
    )
    artwork = replace(painted[number % len(painted)], phash=number, thumbnails={})
    return Embedding(Picture(task, url, _sha256(number), 10_000, artwork), vector)


def _sha256(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def _thumbnails(folder: Path, size: int, painted: list[Artwork]) -> None:
    originals = {
        width: [_file(folder, number, width) for number in range(len(painted))] for width in painted[0].thumbnails
    }
    for width, files in originals.items():
        for file, artwork in zip(files, painted, strict=True):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(artwork.thumbnails[width])
        for number in range(len(painted), size):
            copy = _file(folder, number, width)
            copy.parent.mkdir(parents=True, exist_ok=True)
            os.link(files[number % len(files)], copy)


def _file(folder: Path, number: int, width: int) -> Path:
    """Where :class:`~artalike.storage.thumbnails.ThumbnailFiles` looks for it; a test holds the two together."""
    name = _sha256(number).hex()
    return folder / name[:2] / name[2:4] / f"{name}_{width}{SUFFIX}"


def _map(path: Path, vectors: FloatArray, painted: list[Artwork]) -> None:
    ids = np.arange(1, len(vectors) + 1)
    projection = Projection.of(vectors)
    reduced = projection(vectors)
    low, high = reduced[:, :2].min(0), reduced[:, :2].max(0)
    landmarks = sample(ids, LANDMARKS)
    colors = np.array([tuple(bytes.fromhex(artwork.color[1:])) for artwork in painted], np.uint8)
    Layout(
        model_id=CARD.model_id,
        number=1,
        images=len(ids),
        computed_at=time.time(),
        share=PRIORITY_MOST,
        ids=ids,
        places=np.rint((reduced[:, :2] - low) / (high - low) * 65_535).astype(np.uint16),
        colors=colors[(ids - 1) % len(painted)],
        landmarks=landmarks,
        reduced=reduced[landmarks - 1],
        projection=projection,
    ).save(path)
