"""Which models are on this machine: those that come with the program, and those that were downloaded once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from artalike.config import EmbeddingSettings
from artalike.embedding import hub, lite
from artalike.embedding.card import ModelCard
from artalike.embedding.models import identify


def names() -> list[str]:
    """What can be written for ``embedding.model`` without a network; takes the seconds that open_clip's import takes.

    A checkpoint that was put somewhere by hand is not known here.
    """
    return [*lite.MODELS, *_tags(), *_of_hub()]


def identified(settings: EmbeddingSettings) -> ModelCard:
    """As :func:`artalike.embedding.models.identify`, without a network: what is not here is unavailable."""
    with hub.from_cache_alone():
        return identify(settings)


def _tags() -> Iterator[str]:
    """Pretrained tags whose weights are in a cache."""
    from artalike.embedding import clip  # noqa: PLC0415  imports torch and open_clip: seconds

    yield from clip.cached_tags()


def _of_hub() -> Iterator[str]:
    """Models that bring their own configuration."""
    for repository, folder in hub.cached():
        if (folder / "open_clip_config.json").exists() and _has_weights(folder):
            yield f"hf-hub:{repository}"


def _has_weights(folder: Path) -> bool:
    return any(path.suffix in {".safetensors", ".bin", ".pt", ".pth"} for path in folder.iterdir())
