"""How well words find families of pictures: by the metadata alone, and by the classes that the network was taught, too.

FOLDER holds one folder a label: photographs of which nothing is known but their label, which is what is asked for
(``--ask t-shirt=tee`` asks for another word). Beside them hang drawn pieces of the demo, which have titles and makers;
they are asked for by what the titles of their families begin with. Both are asked of one collection.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from artalike.config import EmbeddingSettings, Imaging, Index
from artalike.demo import families
from artalike.embedding import ModelCard, identify, load, models
from artalike.embedding.texts import CLASSES_TRUST
from artalike.errors import ArtalikeError, QueryError
from artalike.imaging import decode
from artalike.records import Artwork, Embedding, FloatArray, Metadata, Picture, Task
from artalike.search.mixed import MixedSearch
from artalike.search.question import Part
from artalike.search.ranked import Search
from artalike.storage.catalog import Database
from artalike.storage.images import Images
from artalike.storage.index_opening import open_index
from benchmarks.report import refuse, report
from benchmarks.retrieval import BATCH, labelled_files, our_vectors

DEPTH: Final = 10


@dataclass(frozen=True, slots=True)
class Labelled:
    label: str
    metadata: Metadata
    vector: FloatArray


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.words", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a folder that holds one folder a label")
    parser.add_argument("--model", default=EmbeddingSettings().model, help="as embedding.model in the settings")
    parser.add_argument("--pieces", type=int, default=180, metavar="N", help="of the demo (default: 180)")
    parser.add_argument("--ask", action="append", default=[], metavar="LABEL=WORDS", help="instead of the label")
    parsed = parser.parse_args(arguments)
    words = dict(pair.split("=", 1) for pair in parsed.ask if "=" in pair)
    settings = EmbeddingSettings(model=parsed.model)
    try:
        card = identify(settings)
        photographs, drawn = _photographs(parsed.folder, card, settings), _drawn(parsed.pieces, card, settings)
        asked = {label: words.get(label, label) for label in sorted({each.label for each in photographs})}
        asked |= {family.key: family.subjects[0] for family in families.FAMILIES}
        found = asyncio.run(_found([*photographs, *drawn], asked, card))
    except ArtalikeError as error:
        refuse(str(error))
    drawn_labels = {family.key for family in families.FAMILIES}

    def mean(way: str, *, of_demo: bool) -> float:
        return float(np.mean([both[way] for label, both in found.items() if (label in drawn_labels) == of_demo]))

    report(
        f"{card.model_id}: {len(photographs)} photographs, {len(drawn)} pieces; precision of the first {DEPTH}",
        [{"words": asked[label], **both} for label, both in found.items()],
        {
            "photographs_by_metadata": round(mean("metadata", of_demo=False), 4),
            "photographs_by_classes": round(mean("and classes", of_demo=False), 4),
            "demo_by_metadata": round(mean("metadata", of_demo=True), 4),
            "demo_by_classes": round(mean("and classes", of_demo=True), 4),
        },
    )


def _photographs(folder: Path, card: ModelCard, settings: EmbeddingSettings) -> list[Labelled]:
    files, labels = labelled_files(folder)
    vectors, kept = our_vectors(files, card, settings)
    return [Labelled(str(labels[at]), Metadata(), vector) for at, vector in zip(kept, vectors, strict=True)]


def _drawn(count: int, card: ModelCard, settings: EmbeddingSettings) -> list[Labelled]:
    network, imaging = load(card, settings), Imaging(thumbnail_widths=(256,))
    pieces = [families.piece(number) for number in range(count)]
    inputs = [decode(families.render(piece), card.preprocess, imaging).model_input for piece in pieces]
    vectors = [network.embed(np.stack(inputs[start : start + BATCH])) for start in range(0, count, BATCH)]
    return [
        Labelled(piece.family, Metadata(title=piece.title, creator=piece.artist), vector)
        for piece, vector in zip(pieces, np.concatenate(vectors), strict=True)
    ]


async def _found(
    pictures: Sequence[Labelled], asked: Mapping[str, str], card: ModelCard
) -> dict[str, dict[str, float]]:
    """For each label, the share of it among the first by each way."""
    classes = await asyncio.to_thread(models.class_texts, card)
    if classes is None:
        refuse(f"--model {card.name}: expected a network that was taught classes")

    async def by_classes(texts: Sequence[str]) -> FloatArray | None:
        return classes.embed(texts)

    async def never(_: bytes) -> FloatArray:
        raise QueryError("nobody asks by a picture here")

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(Database.open(root / "catalog.sqlite3"))
            images = await Images.open(database, card.model_id, card.dimension)
            opened = await stack.enter_async_context(
                open_index(root / "index", card.model_id, card.dimension, Index(), images)
            )
            committed = await images.commit([_embedding(at, each) for at, each in enumerate(pictures, start=1)])
            labels = {one.id: each.label for one, each in zip(committed, pictures, strict=True)}
            ids = np.array([one.id for one in committed], np.int64)
            await opened.index.add(ids, np.stack([each.vector for each in pictures]))
            search = Search(images, opened.index, model=card.model_id, dimension=card.dimension, embed_bytes=never)
            ways = {
                "metadata": MixedSearch(search, images),
                "and classes": MixedSearch(search, images, by_classes, trust=CLASSES_TRUST),
            }
            return {
                label: {name: await _precision(way, words, label, labels) for name, way in ways.items()}
                for label, words in asked.items()
            }


async def _precision(search: MixedSearch, words: str, label: str, labels: Mapping[int, str]) -> float:
    ranking = await search.rank([Part(1.0, text=words)], limit=DEPTH)
    return sum(labels[hit.image.id] == label for hit in ranking.hits) / DEPTH


def _embedding(number: int, picture: Labelled) -> Embedding:
    url = f"https://pictures.example/{number}.jpg"
    task = Task(-number, 0, "https://pictures.example/", "image", url, "", metadata=picture.metadata)
    artwork = Artwork(640, 480, "JPEG", "#808080", 0, {}, np.empty((0, 0, 3), np.uint8))
    return Embedding(Picture(task, url, hashlib.sha256(url.encode()).digest(), 1, artwork), picture.vector)


if __name__ == "__main__":
    main()
