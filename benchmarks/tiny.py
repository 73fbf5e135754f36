"""Artalike with a network that costs next to nothing, for benchmarks of what lies before it.

Started as Artalike itself is: python -m benchmarks.tiny serve --data DIR
"""

from __future__ import annotations

import os
import sys
from typing import Any, Final

import numpy as np
from PIL import Image

from artalike.__main__ import main
from artalike.embedding import models
from artalike.embedding.card import ModelCard
from artalike.imaging.resampling import BILINEAR, resized
from artalike.records import FloatArray, PixelArray, Preprocess

COLOURS: Final = 48
WIDTH_VARIABLE: Final = "TINY_DIMENSION"
"""In the environment: vectors as wide as those of a real network, for what lies behind it. What is added is nought."""

CARD = ModelCard(
    name="tiny",
    model_id="tiny@00000000/1",
    dimension=int(os.environ.get(WIDTH_VARIABLE, COLOURS)),
    # Bilinear: what is made for the network is to cost little, too.
    preprocess=Preprocess(size=32, resize=36, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), interpolation="bilinear"),
    has_text=False,
)


class TinyNetwork:
    """Embeds a picture as its colours in a 4 × 4 grid."""

    dimension = CARD.dimension

    def embed(self, batch: PixelArray) -> FloatArray:
        cells = batch.reshape(len(batch), 4, 8, 4, 8, 3).mean(axis=(2, 4)).reshape(len(batch), -1)
        vectors = np.zeros((len(batch), self.dimension), np.float32)
        vectors[:, :COLOURS] = cells / 127.5 - 1 + 0.01
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _identify(_settings: Any) -> ModelCard:
    return CARD


def _load(_card: ModelCard, _settings: Any) -> TinyNetwork:
    # A real network brings torch along, by which pictures are resized: to import it is no part of an ingest.
    resized(Image.new("RGB", (2, 2)), (1, 1), BILINEAR)
    return TinyNetwork()


if __name__ == "__main__":
    # Before the service is imported, which takes them as they are then.
    models.identify, models.load = _identify, _load  # type: ignore[assignment]  # only what the service uses of them
    sys.exit(main())
