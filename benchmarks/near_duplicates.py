"""How many copies of pictures are found, how many different pictures are taken for copies, and what a look-up costs.

python -m benchmarks.near_duplicates --rows 10000 100000 1000000
python -m benchmarks.near_duplicates --folder FOLDER --sample 500
"""

from __future__ import annotations

import argparse
import asyncio
import io
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from artalike.config import Imaging
from artalike.imaging import decode
from artalike.records import Artwork, Preprocess
from artalike.storage.catalog import Connection, Database
from artalike.storage.near_duplicates import LIGHT, LIKENESS, link, signed
from benchmarks.processes import pictures_in
from benchmarks.report import report

PREPROCESS: Final = Preprocess(size=32, resize=36, mean=(0.5,) * 3, std=(0.5,) * 3)

Hashes = NDArray[np.uint64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="measure what is found, with the pictures of this folder")
    parser.add_argument("--sample", type=int, default=500, help="make copies of so many of them")
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000], help="images in the catalog")
    parser.add_argument("--batch", type=int, default=64, help="images to a commit")
    parser.add_argument("--commits", type=int, default=20)
    options = parser.parse_args()
    if options.folder is not None:
        accuracy(options.folder, options.sample)
    else:
        asyncio.run(cost(options.rows, options.batch, options.commits))


# --- What is found -------------------------------------------------------------------------------------------------


def _jpeg(image: Image.Image, quality: int = 90, **more: Any) -> bytes:
    return _saved(image, "JPEG", quality=quality, **more)


def _saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def _smaller(image: Image.Image, percent: int, quality: int) -> bytes:
    size = (max(1, image.width * percent // 100), max(1, image.height * percent // 100))
    return _jpeg(image.resize(size, Image.Resampling.LANCZOS), quality)


def _cropped(image: Image.Image, percent: int) -> Image.Image:
    x, y = image.width * percent // 200, image.height * percent // 200
    return image.crop((x, y, image.width - x, image.height - y))


def variants() -> Mapping[str, Callable[[Image.Image], bytes]]:
    """What the web does to pictures, by name."""
    made: dict[str, Callable[[Image.Image], bytes]] = {}
    for percent, quality in product((100, 75, 50, 25), (90, 70, 50, 30)):
        made[f"{percent} % q{quality}"] = partial(_smaller, percent=percent, quality=quality)
    made["png"] = lambda image: _saved(image, "PNG", compress_level=1)
    made["webp q75"] = lambda image: _saved(image, "WEBP", quality=75)
    made["4:4:4"] = lambda image: _jpeg(image, subsampling=0)
    made["4:2:0"] = lambda image: _jpeg(image, subsampling=2)
    made["grey"] = lambda image: _jpeg(image.convert("L"))
    made["5 % brighter"] = lambda image: _jpeg(ImageEnhance.Brightness(image).enhance(1.05))
    made["2 % cropped"] = lambda image: _jpeg(_cropped(image, 2))
    return made


def _fingerprints(path: Path, copies: bool) -> list[tuple[int, bytes]]:
    data = path.read_bytes()
    pictures = [data]
    if copies:
        image = Image.open(io.BytesIO(data)).convert("RGB")
        pictures += [make(image) for make in variants().values()]
    artworks = [decode(picture, PREPROCESS, Imaging()) for picture in pictures]
    return [(artwork.phash, artwork.signature) for artwork in artworks]


def accuracy(folder: Path, sample: int) -> None:
    """Decode all pictures, and copies of some, as the ingest does; through the catalog's own look-up."""
    files = pictures_in(folder)
    chosen = set(random.Random(0).sample(range(len(files)), min(sample, len(files))))
    with ProcessPoolExecutor() as pool:
        made = list(pool.map(_fingerprints, files, [i in chosen for i in range(len(files))], chunksize=8))
    originals = [prints[0] for prints in made]
    alike, largest = _different(originals)
    found = asyncio.run(_found([made[i] for i in sorted(chosen)], originals))
    rows = [{"copy": name, "found": f"{found[name]:.1%}"} for name in variants()]
    compressed = [share for name, share in found.items() if "q" in name or name == "png" or ":" in name]
    summary = {
        "pictures": len(files),
        "copies": len(chosen) * len(rows),
        "found_resized_or_recompressed": round(float(np.mean(compressed)), 4),
        "found_least": round(min(compressed), 4),
        "different_pairs_linked": alike,
        "most_alike_of_the_others": round(largest, 3),
    }
    report("copies found by hash and signature", rows, summary)


def _different(originals: list[tuple[int, bytes]]) -> tuple[int, float]:
    """Pairs of the originals whose light is alike enough, whatever their hashes; and the cosine of the next pair."""
    light = np.array([np.frombuffer(s or bytes(LIGHT), np.int8)[:LIGHT] for _, s in originals]).astype(np.float32)
    light /= np.maximum(np.linalg.norm(light, axis=1, keepdims=True), 1e-6)
    cosines = np.sort((light @ light.T)[np.triu_indices(len(light), 1)])
    linked = int((cosines >= LIKENESS).sum())
    return linked, float(cosines[-1 - linked])


async def _found(made: list[list[tuple[int, bytes]]], originals: list[tuple[int, bytes]]) -> dict[str, float]:
    """The share of the copies, by what was done to them, that come into the group of their original."""
    hits = dict.fromkeys(variants(), 0)
    with tempfile.TemporaryDirectory() as temporary:
        async with Database.open(Path(temporary) / "catalog.sqlite3") as database, database.write() as connection:
            await _insert(connection, 1, len(originals))
            await link(connection, list(enumerate(map(_artwork, originals), start=1)))
            for prints in made:
                original = 1 + originals.index(prints[0])
                for name, copy in zip(hits, prints[1:], strict=True):
                    hits[name] += await _is_linked(connection, original, len(originals) + 1, _artwork(copy))
    return {name: hit / len(made) for name, hit in hits.items()}


async def _is_linked(connection: Connection, original: int, copy: int, artwork: Artwork) -> bool:
    """Whether a copy is linked with its original. Nothing of it stays."""
    await connection.execute("SAVEPOINT copy")
    await _insert(connection, copy, 1)
    await link(connection, [(copy, artwork)])
    [[groups, members]] = await connection.execute_fetchall(
        "SELECT count(DISTINCT near_group), count(near_group) FROM images WHERE id IN (?, ?)", (original, copy)
    )
    await connection.execute("ROLLBACK TO copy")
    await connection.execute("RELEASE copy")
    return (groups, members) == (1, 2)


# --- What it costs -------------------------------------------------------------------------------------------------


async def cost(sizes: list[int], batch: int, commits: int) -> None:
    """Milliseconds an image, of commits into catalogs of several sizes, with and without looking for copies."""
    rows = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as temporary:
            async with Database.open(Path(temporary) / "catalog.sqlite3") as database:
                rows.append(await _cost(database, size, batch, commits))
    report(f"a commit of {batch} images, an eighth of them copies", rows, {"batch": batch, "rows": rows})


async def _cost(database: Database, size: int, batch: int, commits: int) -> dict[str, Any]:
    dice = np.random.default_rng(0)
    kinds = dice.standard_normal((50, 64)).astype(np.float32)
    hashes = np.concatenate(list(_hashes(dice, kinds, size)))
    signatures = dice.integers(-127, 128, (4096, LIGHT + 32)).astype(np.int8)
    await _fill(database, hashes, signatures)
    seconds: dict[bool, list[float]] = {False: [], True: []}
    linking_seconds: list[float] = []
    next_id, copies = size + 1, 0
    for number in range(2 * commits):
        linking = number % 2 == 1
        fresh = next(_hashes(dice, kinds, batch))
        lights = dice.integers(0, len(signatures), batch)
        own = dice.integers(0, size, batch // 8)
        fresh[: len(own)] = [_copied(int(hashes[i]), dice) for i in own]
        lights[: len(own)] = own % len(signatures)
        artworks = [_artwork((int(h), signatures[s].tobytes())) for h, s in zip(fresh, lights, strict=True)]
        started = time.perf_counter()
        async with database.write() as connection:
            await _insert(connection, next_id, batch, vectors=True)
            before = time.perf_counter()
            if linking:
                await link(connection, list(enumerate(artworks, start=next_id)))
                copies += len(own)
                linking_seconds.append(time.perf_counter() - before)
        seconds[linking].append(time.perf_counter() - started)
        next_id += batch
    async with database.read() as connection:
        [[linked]] = await connection.execute_fetchall(
            "SELECT count(*) FROM images WHERE near_group IS NOT NULL AND id > ?", (size,)
        )
        [[pages]] = await connection.execute_fetchall(
            "SELECT sum(pgsize) FROM dbstat WHERE aggregate = TRUE AND name LIKE 'fingerprints%'"
        )
    without, together, alone = (
        float(np.median(s)) / batch * 1000 for s in (seconds[False], seconds[True], linking_seconds)
    )
    return {
        "images": size,
        "commit, ms an image": without,
        "with links": together,
        "ratio": together / without,
        "link alone": alone,
        "copies": copies,
        "linked": linked,
        "bytes an image": round(pages / (size + commits * batch)),
    }


def _hashes(dice: np.random.Generator, kinds: NDArray[np.float32], count: int) -> Iterator[Hashes]:
    """Hashes as clumped as those of photographs of clothes: buckets twice as full as chance alone would fill them."""
    for start in range(0, count, 100_000):
        some = min(100_000, count - start)
        values = 1.1 * kinds[dice.integers(0, len(kinds), some)] + dice.standard_normal((some, 64), dtype=np.float32)
        bits = values > np.median(values, axis=1, keepdims=True)
        yield np.packbits(bits, axis=1).view(">u8").ravel().astype(np.uint64)


def _copied(phash: int, dice: np.random.Generator) -> int:
    for bit in dice.choice(64, 2, replace=False):
        phash ^= 1 << int(bit)
    return phash


def _artwork(fingerprint: tuple[int, bytes]) -> Artwork:
    phash, signature = fingerprint
    return Artwork(640, 480, "JPEG", "#000000", phash, {}, np.zeros((1, 1, 3), np.uint8), signature)


async def _fill(database: Database, hashes: Hashes, signatures: NDArray[np.int8]) -> None:
    """Rows without links; the indexes are made afterwards, which takes a tenth of the time."""
    async with database.write() as connection:
        indexes = list(
            await connection.execute_fetchall(
                "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'fingerprints'"
            )
        )
        for name, _ in indexes:
            await connection.execute(f"DROP INDEX {name}")
        await _insert(connection, 1, len(hashes))
        await connection.executemany(
            "INSERT INTO fingerprints VALUES (?, ?, ?)",
            (
                (number, signed(int(phash)), signatures[(number - 1) % len(signatures)].tobytes())
                for number, phash in enumerate(hashes, start=1)
            ),
        )
        for _, sql in indexes:
            await connection.execute(sql)


async def _insert(connection: Connection, first: int, count: int, *, vectors: bool = False) -> None:
    await connection.executemany(
        "INSERT INTO images (id, sha256, url, width, height, format, bytes, color, phash, source, added_at) "
        "VALUES (?1, randomblob(32), 'https://museum.example/' || ?1, 640, 480, 'JPEG', 1, '#000000', 0, 'x', 0)",
        ((number,) for number in range(first, first + count)),
    )
    if vectors:
        await connection.execute("INSERT OR IGNORE INTO models VALUES (1, 'none', 1280, 1, 0)")
        await connection.executemany(
            "INSERT INTO vectors VALUES (?, 1, randomblob(2560))", ((n,) for n in range(first, first + count))
        )


if __name__ == "__main__":
    main()
