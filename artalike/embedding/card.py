"""What the rest of the program knows of a model, without torch: its identity and what it can do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from artalike.records import FloatArray, PixelArray, Preprocess

PREPROCESSING_VERSION: Final = 1
"""Part of every model id. To be raised when decoding, resizing or normalisation gives other numbers."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model, identified.

    ``name`` is what the settings call it. ``model_id`` is what its vectors are stored under: a name, the
    beginning of the SHA-256 of its weights, the preprocessing version, as in ``efficientnet_lite2@3f2a1b9c/1``.
    ``dimension`` is its vectors' length; ``has_text`` says whether it has an encoder
    that puts texts into the same space; whether that can be used shows when it is loaded (:class:`TextNetwork`).
    """

    name: str
    model_id: str
    dimension: int
    preprocess: Preprocess
    has_text: bool


class Network(Protocol):
    """A model, loaded. Not for two threads at once, unless it is :class:`Parallel`."""

    def embed(self, batch: PixelArray) -> FloatArray:
        """Vectors of length 1, float32 (n, dimension), of pictures uint8 (n, size, size, 3).

        Raises ValueError for another shape or type.
        """


@runtime_checkable
class TextNetwork(Network, Protocol):
    """A model that was trained on pictures and texts together, as CLIP was."""

    def embed_texts(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of length 1, float32 (n, dimension), of n texts; what is longer than its context is cut off."""


@runtime_checkable
class Parallel(Network, Protocol):
    """A network that several threads may use at once."""

    @property
    def at_once(self) -> int:
        """How many of them are worth it."""


@runtime_checkable
class Compilable(Parallel, Protocol):
    """A network that compiled code can take the place of while it works."""

    @property
    def compilable(self) -> bool:
        """Whether that is worth it where it runs."""

    def observe(self, see: Callable[[PixelArray, FloatArray], None] | None) -> None:
        """``see`` is called with each batch and its vectors, in threads that embed, until None takes its place."""

    def change_to(self, compiled: Callable[[PixelArray], FloatArray]) -> None:
        """From now on: features, float32 (n, dimension), of n pictures, uint8 (n, size, size, 3)."""


def model_id(label: str, weights: Path) -> str:
    """``label``, weights and preprocessing as one string. Reads the whole file; raises OSError."""
    with weights.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return f"{label}@{digest[:8]}/{PREPROCESSING_VERSION}"
