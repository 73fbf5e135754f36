"""Whether compiled code gives the vectors of the network that it was made from, by pictures that this has embedded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np

from artalike.records import FloatArray, PixelArray

LEAST_COSINE: Final = 0.999
"""For each picture. Vectors that are nearer to each other than this are of one model."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Pictures, uint8 (n, size, size, 3), and the vectors that the network gave them, float32 (n, dimension)."""

    pictures: PixelArray
    vectors: FloatArray

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises OSError, ValueError or KeyError for a file that :meth:`write` has not written."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(arrays["pictures"], arrays["vectors"])

    def write(self, path: Path) -> None:
        """Raises OSError."""
        with path.open("wb") as stream:
            np.savez(stream, pictures=self.pictures, vectors=self.vectors)

    def least_cosine(self, embed: Callable[[PixelArray], FloatArray]) -> float:
        """Of what ``embed`` makes of them, all together and the first by itself."""
        few = self.pictures[:1]
        return min(least_cosine(embed(self.pictures), self.vectors), least_cosine(embed(few), self.vectors[:1]))

    def batches(self, size: int) -> list[PixelArray]:
        return [self.pictures[at : at + size] for at in range(0, len(self.pictures), size)]


def least_cosine(features: FloatArray, vectors: FloatArray) -> float:
    """Between ``features`` of any length and ``vectors`` of length 1, row by row; -1 where one is no number."""
    lengths = np.linalg.norm(features, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = (features * vectors).sum(axis=1) / lengths
    return float(np.nan_to_num(cosines, nan=-1.0).min())
