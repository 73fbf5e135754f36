"""Any open_clip model, by name, from the Hugging Face hub, or from a checkpoint on this machine.

What to write for ``embedding.model``::

    ViT-B-32/laion2b_s34b_b79k     an architecture and one of its pretrained tags
    ViT-B-32/path/to/checkpoint.pt an architecture and a file of weights
    hf-hub:organisation/model      a model on the hub, with its own configuration
    local-dir:path/to/folder       a downloaded one
"""

from __future__ import annotations

import difflib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import open_clip
import torch
from open_clip.factory import HF_HUB_PREFIX, LOCAL_DIR_PREFIX, _find_checkpoint_in_dir
from open_clip.pretrained import HF_WEIGHTS_NAME, _get_safe_alternatives, download_pretrained
from open_clip.transform import PreprocessCfg, merge_preprocess_dict
from torch import Tensor, nn

from artalike.config import EmbeddingSettings
from artalike.embedding import hub, lite, tokenizer
from artalike.embedding.card import ModelCard, model_id
from artalike.embedding.device import prepare_torch
from artalike.embedding.network import TorchNetwork, TorchTextNetwork
from artalike.errors import ModelUnavailable, SettingError
from artalike.records import Preprocess

logger = logging.getLogger(__name__)

CONFIG: Final = "open_clip_config.json"
DEFAULT_IMAGE_SIZE: Final = 224
"""open_clip's, where a configuration names none."""


@dataclass(frozen=True, slots=True)
class _Recipe:
    """What open_clip needs to build a model. ``checkpoint`` lies on this machine."""

    label: str
    architecture: str
    checkpoint: Path
    config: Mapping[str, Any]
    preprocess: Mapping[str, Any]
    quick_gelu: bool = False


def identify(name: str) -> ModelCard:
    """The card of an open_clip model, from its configuration and its weights file, which is had first.

    Raises :class:`SettingError` for an unknown name, :class:`ModelUnavailable` for weights that cannot be had.
    """
    recipe = _recipe(name)
    try:
        identity = model_id(recipe.label, recipe.checkpoint)
    except OSError as error:
        raise _unavailable(name, f"its weights cannot be read: {error}") from error
    size = recipe.config["vision_cfg"].get("image_size", DEFAULT_IMAGE_SIZE)
    return ModelCard(
        name=name,
        model_id=identity,
        dimension=recipe.config["embed_dim"],
        preprocess=_preprocess(name, {**recipe.preprocess, "size": size}),
        has_text=True,
    )


def cached_tags() -> Iterator[str]:
    """``ARCHITECTURE/TAG`` of what has been downloaded."""
    for architecture, tag in open_clip.list_pretrained():
        config = open_clip.get_pretrained_cfg(architecture, tag)
        repository, _, file = config.get("hf_hub", "").rpartition("/")
        if repository and hub.in_cache(repository, _weights(file or HF_WEIGHTS_NAME)):
            yield f"{architecture}/{tag}"


def load(card: ModelCard, settings: EmbeddingSettings) -> TorchNetwork:
    """With its text encoder, where that and its tokenizer can be had; else a warning says why not.

    Raises :class:`ModelUnavailable`, or :class:`SettingError` for a device that is not here.
    """
    device = prepare_torch(settings)
    recipe = _recipe(card.name)
    from_folder = recipe.architecture.startswith(LOCAL_DIR_PREFIX)
    try:
        model = open_clip.create_model(
            recipe.architecture,
            pretrained=None if from_folder else str(recipe.checkpoint),
            force_quick_gelu=recipe.quick_gelu,
            force_preprocess_cfg=dict(recipe.preprocess),
            require_pretrained=True,
            device=device.device,
        )
    except Exception as error:
        # open_clip documents nothing that it raises, and a file that is no checkpoint can raise anything.
        raise _unavailable(card.name, f"open_clip cannot load {recipe.checkpoint}: {_line(error)}") from error
    if _preprocess(card.name, open_clip.get_model_preprocess_cfg(model)) != card.preprocess:
        raise _unavailable(card.name, "the loaded network wants other preprocessing than its configuration")
    model = model.to(memory_format=torch.channels_last).eval()
    encode_texts = _text_encoder(card, recipe, model, device.device)
    if encode_texts is None:
        return TorchNetwork(_Pictures(model), card.preprocess, device)
    return TorchTextNetwork(_Pictures(model), card.preprocess, device, encode_texts)


class _Pictures(nn.Module):
    """The half of a model that is asked with pictures: features, float32 (n, dimension)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.model.encode_image(pixels)
        return features


def _text_encoder(
    card: ModelCard, recipe: _Recipe, model: Any, device: torch.device
) -> Callable[[Sequence[str]], Tensor] | None:
    """From texts to features. None, and a warning, where the model or its tokenizer does not give them."""

    def encode(texts: Sequence[str]) -> Tensor:
        features: Tensor = model.encode_text(tokenize(texts).to(device))
        return features

    # Of a hub's model only configuration and weights lie in the recipe's folder.
    tokenizer_name = card.name if card.name.startswith(HF_HUB_PREFIX) else recipe.architecture
    try:
        tokenize = _tokenizer(tokenizer_name)
        with torch.inference_mode():
            shape = tuple(encode(["a picture"]).shape)
    except Exception as error:  # as undocumented as what loading raises
        reason = _line(error)
    else:
        if shape == (1, card.dimension):
            return encode
        reason = f"it gives features of shape {shape}, expected {(1, card.dimension)}"
    logger.warning(
        'embedding.model = "%s": its text encoder cannot be used (%s); texts are looked for in the metadata alone',
        card.name,
        reason,
    )
    return None


def _tokenizer(name: str) -> tokenizer.Tokenizer:
    """As :func:`artalike.embedding.tokenizer.load`, from the network only where it is not here."""
    with hub.from_cache_alone():
        try:
            return tokenizer.load(name)
        except ImportError:  # of the package transformers, which no network brings
            raise
        except Exception:  # as undocumented as what loading raises
            logger.debug("%s: its tokenizer is not here", name, exc_info=True)
    hub.greet()
    return tokenizer.load(name)


def _recipe(name: str) -> _Recipe:
    if name.startswith(HF_HUB_PREFIX):
        return _from_hub(name)
    if name.startswith(LOCAL_DIR_PREFIX):
        folder = Path(name.removeprefix(LOCAL_DIR_PREFIX)).expanduser()
        return _from_folder(name, f"{LOCAL_DIR_PREFIX}{folder.name}", folder)
    architecture, _, pretrained = name.partition("/")
    if architecture not in open_clip.list_models():
        raise _unknown(name, architecture)
    if tag := open_clip.get_pretrained_cfg(architecture, pretrained):
        return _from_tag(name, architecture, tag)
    return _from_file(name, architecture, pretrained)


def _from_tag(name: str, architecture: str, tag: Mapping[str, Any]) -> _Recipe:
    return _Recipe(
        label=name,
        architecture=architecture,
        checkpoint=_downloaded(name, partial(_tagged, tag)),
        config=open_clip.get_model_config(architecture),
        preprocess=_overrides(tag),
        quick_gelu=bool(tag.get("quick_gelu")),
    )


def _from_file(name: str, architecture: str, file: str) -> _Recipe:
    """A bare file does not say how it was trained; it is taken to be like most of its architecture's tags."""
    names = open_clip.list_pretrained_tags_by_model(architecture)
    checkpoint = Path(file).expanduser()
    if not file or not checkpoint.is_file():
        raise _wrong(
            name,
            f'"{file}" is neither a file nor a pretrained tag; '
            f"expected {architecture}/FILE or {architecture}/TAG with one of {', '.join(names) or 'no known tags'}",
        )
    tags = [open_clip.get_pretrained_cfg(architecture, tag) for tag in names]
    candidates: list[Mapping[str, Any]] = [_overrides(tag) for tag in tags] or [_overrides({})]
    return _Recipe(
        label=f"{architecture}/{checkpoint.name}",
        architecture=architecture,
        checkpoint=checkpoint,
        config=open_clip.get_model_config(architecture),
        preprocess=max(candidates, key=candidates.count),
        quick_gelu=bool(tags) and all(tag.get("quick_gelu") for tag in tags),
    )


def _from_hub(name: str) -> _Recipe:
    """The configuration and the weights are downloaded, then read where the hub's client keeps them."""
    repository = name.removeprefix(HF_HUB_PREFIX)
    _downloaded(name, partial(hub.file_of, repository, [CONFIG]))
    weights = _downloaded(name, partial(hub.file_of, repository, _weights(HF_WEIGHTS_NAME)))
    return _from_folder(name, name, weights.parent)


def _from_folder(name: str, label: str, folder: Path) -> _Recipe:
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        checkpoint = _find_checkpoint_in_dir(folder)  # open_clip's own choice, so that what is hashed is what is loaded
        model_config = config["model_cfg"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _wrong(name, f"no usable {CONFIG} in {folder}: {_line(error)}") from error
    if checkpoint is None:
        raise _unavailable(name, f"no weights in {folder}; expected a .safetensors, .bin or .pth file")
    return _Recipe(
        label=label,
        architecture=f"{LOCAL_DIR_PREFIX}{folder}",
        checkpoint=Path(checkpoint),
        config=model_config,
        preprocess=_overrides(config.get("preprocess_cfg", {})),
    )


def _overrides(config: Mapping[str, Any]) -> dict[str, Any]:
    """open_clip's default preprocessing with ``config`` over it. The size is the architecture's."""
    merged: dict[str, Any] = merge_preprocess_dict(PreprocessCfg(), dict(config))
    del merged["size"]
    return merged


def _tagged(tag: Mapping[str, Any]) -> Path:
    """The weights of a pretrained tag, from the hub where they are there, as open_clip prefers it."""
    repository, _, file = tag.get("hf_hub", "").rpartition("/")
    if repository:
        return hub.file_of(repository, _weights(file or HF_WEIGHTS_NAME))
    return Path(download_pretrained(dict(tag)))


def _weights(file: str) -> list[str]:
    """Names of the same weights, safetensors first."""
    return [*_get_safe_alternatives(file), file]


def _downloaded(name: str, download: Callable[[], Path]) -> Path:
    try:
        return download()
    except (OSError, RuntimeError, ValueError) as error:
        raise _unavailable(
            name,
            f"it is not here and cannot be downloaded ({_line(error)}); connect to the network once (the variable "
            "HF_ENDPOINT names a mirror), or fetch the checkpoint elsewhere and set embedding.model to "
            "ARCHITECTURE/path/to/checkpoint",
        ) from error


def _preprocess(name: str, config: Mapping[str, Any]) -> Preprocess:
    """In our words. Raises :class:`ModelUnavailable` for what :class:`Preprocess` cannot say."""
    size = config["size"]
    width, height = (size, size) if isinstance(size, int) else size
    if width != height or config["resize_mode"] == "longest":
        raise _unavailable(name, f"{width} × {height}, {config['resize_mode']}; expected a square, cropped or squashed")
    return Preprocess(
        size=width,
        resize=width,
        mean=_three(config["mean"]),
        std=_three(config["std"]),
        interpolation="bilinear" if config["interpolation"] == "bilinear" else "bicubic",  # as open_clip reads it
        squash=config["resize_mode"] == "squash",
    )


def _three(value: float | Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = (value,) * 3 if isinstance(value, (int, float)) else value
    return float(red), float(green), float(blue)


def _unknown(name: str, architecture: str) -> SettingError:
    known = [*lite.MODELS, *open_clip.list_models()]
    spellings = {spelling.lower(): spelling for spelling in known}
    near = difflib.get_close_matches(architecture.lower(), spellings, n=3)
    hint = f"did you mean {' or '.join(spellings[spelling] for spelling in near)}? " if near else ""
    return _wrong(
        name,
        f"unknown; {hint}expected {' or '.join(lite.MODELS)}, or ARCHITECTURE/TAG, ARCHITECTURE/FILE or "
        "hf-hub:NAME of open_clip",
    )


def _wrong(name: str, reason: str) -> SettingError:
    return SettingError(f'embedding.model = "{name}": {reason}')


def _unavailable(name: str, reason: str) -> ModelUnavailable:
    return ModelUnavailable(f'embedding.model = "{name}": {reason}')


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
