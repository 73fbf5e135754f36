"""How well the nearest pictures are of the same kind, beside the float32 reference network in the same run.

FOLDER holds one folder a label. Each picture asks for the nearest among all others; those of its own folder
are relevant. The average precision of the first ten is divided by min(10, relevant).
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from artalike.config import EmbeddingSettings, Imaging
from artalike.embedding import ModelCard, identify, lite, load
from artalike.embedding.acceleration import Acceleration
from artalike.embedding.card import Network
from artalike.errors import ArtalikeError, DecodeError
from artalike.imaging import decode
from artalike.records import FloatArray, PixelArray, Preprocess
from benchmarks.report import refuse, report

DEPTH: Final = 10
BATCH: Final = 8
QUERIES: Final = 1024
"""Rows of the similarity matrix held at once."""

Reference = Callable[[Sequence[Path]], FloatArray]
"""From a few files to their vectors."""

Embed = Callable[[PixelArray], FloatArray]


@dataclass(frozen=True, slots=True)
class Scores:
    """Means over the pictures that have another one of their label."""

    precision_at_1: float
    map_at_10: float


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a folder that holds one folder a label")
    parser.add_argument("--model", default=EmbeddingSettings().model, help="as embedding.model in the settings")
    parsed = parser.parse_args(arguments)
    files, labels = labelled_files(parsed.folder)
    settings = EmbeddingSettings(model=parsed.model)
    try:
        card = identify(settings)
        ours, kept = our_vectors(files, card, settings)
        reference = reference_of(card)
    except ArtalikeError as error:
        refuse(str(error))
    labels = labels[kept]
    theirs = np.concatenate([reference(batch) for batch in _batches([files[place] for place in kept])])
    mine, baseline = scores(ours, labels), scores(theirs, labels)
    report(
        f"{parsed.folder}: {len(labels)} pictures, {len(set(labels))} labels, {len(files) - len(labels)} skipped",
        [
            {"network": card.model_id, "precision@1": mine.precision_at_1, "mAP@10": mine.map_at_10},
            {"network": "reference", "precision@1": baseline.precision_at_1, "mAP@10": baseline.map_at_10},
        ],
        {
            "images": len(labels),
            "precision_at_1": round(mine.precision_at_1, 4),
            "map_at_10": round(mine.map_at_10, 4),
            "reference_precision_at_1": round(baseline.precision_at_1, 4),
            "reference_map_at_10": round(baseline.map_at_10, 4),
        },
    )


def labelled_files(folder: Path) -> tuple[list[Path], NDArray[np.str_]]:
    """The files below ``folder`` and the label of each. Ends the program when there is nothing to compare."""
    if not folder.is_dir():
        refuse(f"FOLDER = {folder}: not a folder; expected one that holds one folder a label")
    files = sorted(file for label in folder.iterdir() if label.is_dir() for file in label.rglob("*") if file.is_file())
    labels = np.array([file.relative_to(folder).parts[0] for file in files], dtype=np.str_)
    _, counts = np.unique(labels, return_counts=True)
    if len(counts) < 2 or counts.max() < 2:
        refuse(
            f"FOLDER = {folder}: {len(files)} files under {len(counts)} labels; expected at least 2 of a label, "
            "and 2 labels"
        )
    return files, labels


def our_vectors(
    files: Sequence[Path], card: ModelCard, settings: EmbeddingSettings
) -> tuple[FloatArray, NDArray[np.intp]]:
    """As the program makes and stores them, rounded to float16; and the places of the files that are pictures.

    That is by compiled code, but for the first few, after which the network is compiled.
    """
    with tempfile.TemporaryDirectory() as temporary:
        acceleration = Acceleration(Path(temporary))
        network = acceleration.watch(load(card, settings), card, settings)
        return _vectors(files, card, lambda batch: _embedded(network, acceleration, batch))


def _embedded(network: Network, acceleration: Acceleration, batch: PixelArray) -> FloatArray:
    vectors = network.embed(batch)
    acceleration.wait()
    return vectors


def _vectors(files: Sequence[Path], card: ModelCard, embed: Embed) -> tuple[FloatArray, NDArray[np.intp]]:
    imaging = Imaging(thumbnail_widths=(256,))
    vectors, kept, inputs = [], [], []
    for place, file in enumerate(files):
        try:
            inputs.append(decode(file.read_bytes(), card.preprocess, imaging).model_input)
        except DecodeError as error:
            print(f"skipped {file}: {error}", file=sys.stderr)
            continue
        kept.append(place)
        if len(inputs) == BATCH:
            vectors.append(embed(np.stack(inputs)))
            inputs.clear()
    if inputs:
        vectors.append(embed(np.stack(inputs)))
    if not vectors:
        refuse(f"none of the {len(files)} files is a picture; expected pictures in folders named by label")
    return np.concatenate(vectors).astype(np.float16).astype(np.float32), np.array(kept, dtype=np.intp)


def reference_of(card: ModelCard) -> Reference:
    """The network as its authors publish it, in float32, behind their own preprocessing."""
    return _reference_lite(card) if card.name in lite.MODELS else _reference_clip(card)


def _reference_lite(card: ModelCard) -> Reference:
    import torch  # noqa: PLC0415  after the arguments are found to be right: it takes seconds
    from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415  the same

    with redirect_stdout(io.StringIO()):  # it prints that it has loaded
        network = EfficientNet.from_pretrained(
            card.name.replace("_", "-"), weights_path=lite.MODELS[card.name].weights()
        ).eval()

    def embed(files: Sequence[Path]) -> FloatArray:
        pixels = np.stack([_pillow_input(file, card.preprocess) for file in files])
        with torch.inference_mode():
            features = network.extract_features((torch.from_numpy(pixels) - 127) / 128)
            vectors: FloatArray = features.mean(dim=(2, 3)).numpy()
        return vectors

    return embed


def _reference_clip(card: ModelCard) -> Reference:
    import open_clip  # noqa: PLC0415  it takes seconds
    import torch  # noqa: PLC0415  the same

    architecture, _, pretrained = card.name.partition("/")
    name, weights = (card.name, None) if ":" in card.name else (architecture, pretrained)
    model, _, transform = open_clip.create_model_and_transforms(name, pretrained=weights)
    model.eval()

    def embed(files: Sequence[Path]) -> FloatArray:
        pictures = torch.stack([transform(_opened(file)) for file in files])
        with torch.inference_mode():
            vectors: FloatArray = model.encode_image(pictures).float().numpy()
        return vectors

    return embed


def _opened(file: Path) -> Image.Image:
    with Image.open(file) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def _pillow_input(file: Path, preprocess: Preprocess) -> FloatArray:
    """float32 (3, size, size): decoded in full, the short side resized, the centre cut out."""
    image = _opened(file)
    scale = preprocess.resize / min(image.size)
    width, height = (max(preprocess.resize, int(side * scale)) for side in image.size)
    left, top = (width - preprocess.size) // 2, (height - preprocess.size) // 2
    resized = image.resize((width, height), Image.Resampling.BICUBIC)
    cut = resized.crop((left, top, left + preprocess.size, top + preprocess.size))
    return np.asarray(cut, dtype=np.float32).transpose(2, 0, 1)


def scores(vectors: FloatArray, labels: NDArray[np.str_]) -> Scores:
    """Each of ``vectors`` (n, dimension) against all others, by cosine."""
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    _, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    relevant = counts[numbers] - 1
    firsts, precisions = [], []
    for start in range(0, len(units), QUERIES):
        rows = np.arange(start, min(start + QUERIES, len(units)))
        cosines = units[rows] @ units.T
        cosines[np.arange(len(rows)), rows] = -np.inf
        nearest = np.argsort(-cosines, axis=1, kind="stable")[:, : min(DEPTH, len(units) - 1)]
        hits = numbers[nearest] == numbers[rows, np.newaxis]
        precision = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
        firsts.append(hits[:, 0])
        precisions.append((precision * hits).sum(axis=1) / np.clip(relevant[rows], 1, DEPTH))
    asked = relevant > 0
    return Scores(float(np.concatenate(firsts)[asked].mean()), float(np.concatenate(precisions)[asked].mean()))


def _batches(files: Sequence[Path]) -> Iterator[Sequence[Path]]:
    for start in range(0, len(files), BATCH):
        yield files[start : start + BATCH]


if __name__ == "__main__":
    main()
