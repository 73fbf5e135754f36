"""How much of what lies above the cut-off is of the same kind, and how much of that kind lies there.

FOLDER holds one folder a label. Each picture asks among all others; those of its own folder are relevant. Beside the
cut-off stand two others: mean and deviation of each query's own scores, and one score for all queries, chosen to let
as many pictures through. A picture of noise asks as well, which is like none.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from artalike.config import EmbeddingSettings
from artalike.embedding import identify
from artalike.errors import ArtalikeError
from artalike.records import FloatArray, IdArray
from artalike.search.cutoff import Cutoffs
from artalike.storage.ports import ImageCatalog, Totals
from benchmarks.report import refuse, report
from benchmarks.retrieval import labelled_files, our_vectors


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cutoff", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a folder that holds one folder a label")
    parser.add_argument("--model", default=EmbeddingSettings().model, help="as embedding.model in the settings")
    parsed = parser.parse_args(arguments)
    files, labels = labelled_files(parsed.folder)
    settings = EmbeddingSettings(model=parsed.model)
    with tempfile.TemporaryDirectory() as folder:
        noise = Path(folder) / "noise.png"
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)).save(noise)
        try:
            vectors, kept = our_vectors([*files, noise], identify(settings), settings)
        except ArtalikeError as error:
            refuse(str(error))
    labels, vectors, strange = labels[kept[:-1]], vectors[:-1], vectors[-1]
    scores, of_noise = vectors @ vectors.T, vectors @ strange
    cutoffs = asyncio.run(cutoffs_of(vectors, np.vstack([vectors, strange])))
    others = [np.delete(row, place) for place, row in enumerate(scores)]
    usual = np.array([row.mean() + 2 * row.std() for row in others])
    alike = sum(int((row >= cutoff).sum()) for row, cutoff in zip(others, cutoffs, strict=False))
    one = float(np.partition(np.concatenate(others), -alike)[-alike]) if alike else 1.0
    limits = {
        "cut-off": (cutoffs[:-1], cutoffs[-1]),
        "mean + 2 deviations": (usual, of_noise.mean() + 2 * of_noise.std()),
        "one score for all": (np.full(len(labels), one), one),
    }
    results = {name: measured(scores, labels, lowest) for name, (lowest, _) in limits.items()}
    like_noise = {name: int((of_noise >= lowest).sum()) for name, (_, lowest) in limits.items()}
    report(
        f"{parsed.folder}: {len(labels)} pictures, {len(set(labels))} labels",
        [
            {
                "rule": name,
                "precision": result.precision,
                "recall": result.recall,
                "alike, median": result.median,
                "without": result.without,
                "like noise": like_noise[name],
            }
            for name, result in results.items()
        ],
        {
            "images": len(labels),
            "precision": round(results["cut-off"].precision, 4),
            "recall": round(results["cut-off"].recall, 4),
            "median_alike": results["cut-off"].median,
            "without": round(results["cut-off"].without, 4),
            "like_noise": like_noise["cut-off"],
            "precision_of_one_score": round(results["one score for all"].precision, 4),
        },
    )


@dataclass(frozen=True, slots=True)
class Agreement:
    """Means over the pictures, the precision over those with anything above; ``without`` is the share of the rest."""

    precision: float
    recall: float
    median: float
    without: float


def measured(scores: FloatArray, labels: NDArray[np.str_], lowest: FloatArray) -> Agreement:
    """``scores`` (n, n) of each picture against all; in each row what has at least ``lowest`` (n,) is alike."""
    taken = scores >= lowest[:, np.newaxis]
    relevant = labels[:, np.newaxis] == labels
    for pairs in (taken, relevant):
        np.fill_diagonal(pairs, val=False)
    sizes, hits = taken.sum(axis=1), (taken & relevant).sum(axis=1)
    some = sizes > 0
    return Agreement(
        precision=float((hits[some] / sizes[some]).mean()) if some.any() else 0.0,
        recall=float((hits / np.maximum(1, relevant.sum(axis=1))).mean()),
        median=float(np.median(sizes)),
        without=float(1 - some.mean()),
    )


async def cutoffs_of(vectors: FloatArray, queries: FloatArray) -> FloatArray:
    """The cut-off of each of ``queries`` in a collection of ``vectors``. Ends the program when it is too small."""
    cutoffs = Cutoffs(cast("ImageCatalog", _Collection(vectors)))
    told = [await cutoffs.of(query) for query in queries]
    if None in told:
        refuse(f"{len(vectors)} pictures: expected enough to tell where likeness ends")
    return np.array(told, dtype=np.float32)


class _Collection:
    """What of an :class:`ImageCatalog` a sample is taken from; ids are places, from 1 on."""

    def __init__(self, vectors: FloatArray) -> None:
        self._vectors = vectors

    async def totals(self) -> Totals:
        return Totals(images=len(self._vectors), max_id=len(self._vectors), pending=0, failed=0, seeds=0)

    async def vectors(self, ids: Sequence[int]) -> tuple[IdArray, FloatArray]:
        there = np.sort(np.array(ids, dtype=np.int64))
        return there, self._vectors[there - 1]


if __name__ == "__main__":
    main()
