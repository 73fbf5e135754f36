"""From a model's name in the settings to its card, and from the card to the loaded network."""

from __future__ import annotations

import os
import re
from typing import Final

from artalike.config import EmbeddingSettings
from artalike.embedding import lite
from artalike.embedding.card import ModelCard, Network
from artalike.embedding.class_names import ClassTexts
from artalike.errors import SettingError

DEVICES: Final = re.compile(r"auto|cpu|mps|cuda(:\d+)?")

# Read by huggingface_hub when timm or open_clip first imports it.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def identify(settings: EmbeddingSettings) -> ModelCard:
    """Which model ``settings.model`` is. Takes milliseconds, and no torch, for the embedded models.

    For an open_clip model the weights are needed on this machine, and are downloaded when they are not.

    Raises :class:`SettingError` for a name or device that is unknown, :class:`ModelUnavailable` when the weights
    cannot be had.
    """
    if not DEVICES.fullmatch(settings.device):
        raise SettingError(f'embedding.device = "{settings.device}": expected auto, cpu, cuda, cuda:N or mps')
    if settings.model in lite.MODELS:
        return lite.identify(settings.model)
    from artalike.embedding import clip  # noqa: PLC0415  imports torch and open_clip: seconds

    return clip.identify(settings.model)


def class_texts(card: ModelCard) -> ClassTexts | None:
    """Texts by the classes that the network of ``card`` was taught, None where those are not known. Takes a second.

    Raises :class:`ModelUnavailable`.
    """
    if card.name not in lite.MODELS:
        return None
    from artalike.embedding import lite_network  # noqa: PLC0415  imports torch and timm: seconds

    return lite_network.class_texts(lite.MODELS[card.name])


def load(card: ModelCard, settings: EmbeddingSettings) -> Network:
    """Build the network of ``card`` on ``settings.device``, in the thread that will use it.

    Raises :class:`ModelUnavailable`, or :class:`SettingError` for a device that this machine does not have.
    """
    if card.name in lite.MODELS:
        from artalike.embedding import lite_network  # noqa: PLC0415  imports torch and timm: seconds

        return lite_network.load(lite.MODELS[card.name], settings)
    from artalike.embedding import clip  # noqa: PLC0415  imports torch and open_clip: seconds

    return clip.load(card, settings)
