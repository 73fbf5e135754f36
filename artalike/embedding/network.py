"""What all networks share: pictures as bytes to vectors of length 1, on any device, and the change to compiled code."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from artalike.embedding.device import Device, keep_to_one_core, picture_batch
from artalike.records import FloatArray, PixelArray, Preprocess

Compiled = Callable[[PixelArray], FloatArray]
"""Features, float32 (n, dimension), of n pictures, uint8 (n, size, size, 3)."""


class PictureEncoder(nn.Module):
    """Normalises pictures, uint8 (n, size, size, 3), and runs ``network`` on them: features, float32 (n, dimension).

    ``network`` maps float32 (n, 3, size, size), channels last, to (n, dimension). It runs at ``precision`` by torch's
    autocast, which keeps in float32 what needs it. All of this is one module because it is compiled as one.
    """

    def __init__(self, network: nn.Module, preprocess: Preprocess, device: Device) -> None:
        super().__init__()
        self.network = network
        self._device = device
        mean = torch.tensor(preprocess.mean, dtype=torch.float64).reshape(1, 3, 1, 1)
        deviation = torch.tensor(preprocess.std, dtype=torch.float64).reshape(1, 3, 1, 1)
        # (value / 255 - mean) / deviation as one multiplication and one addition.
        self.register_buffer("scale", (1 / (255 * deviation)).to(device.device, torch.float32), persistent=False)
        self.register_buffer("offset", (-mean / deviation).to(device.device, torch.float32), persistent=False)
        self.scale: Tensor
        self.offset: Tensor

    def forward(self, pictures: Tensor) -> Tensor:
        # Height, width, channel in memory, seen in torch's order, is what torch calls channels last.
        pixels = pictures.permute(0, 3, 1, 2).float() * self.scale + self.offset
        with torch.autocast(self._device.device.type, self._device.precision, enabled=self._device.reduced):
            features: Tensor = self.network(pixels)
        return features.float()


class TorchNetwork:
    """A loaded :class:`artalike.embedding.card.Network`, after ``encoder``."""

    def __init__(self, network: nn.Module, preprocess: Preprocess, device: Device) -> None:
        self.encoder = PictureEncoder(network, preprocess, device).eval()
        self.size = preprocess.size
        self._device = device
        self._compiled: Compiled | None = None
        self._see: Callable[[PixelArray, FloatArray], None] | None = None
        self._most: int | None = None  # pictures at once that fit into the device's memory, where that has been seen

    @property
    def at_once(self) -> int:
        return self._device.at_once

    @property
    def compilable(self) -> bool:
        return self._device.device.type == "cpu"

    def observe(self, see: Callable[[PixelArray, FloatArray], None] | None) -> None:
        self._see = see

    def change_to(self, compiled: Compiled) -> None:
        self._compiled = compiled

    def embed(self, batch: PixelArray) -> FloatArray:
        """Vectors of length 1, float32 (n, dimension), of pictures uint8 (n, size, size, 3).

        Features that are all zero or not finite come back as they are. Raises ValueError for another shape or type.
        """
        expected = (self.size, self.size, 3)
        if batch.ndim != 4 or batch.shape[1:] != expected or batch.dtype != np.uint8:
            raise ValueError(f"a batch of {batch.dtype} {batch.shape}; expected uint8 (n, *{expected})")
        if self.compilable:
            keep_to_one_core()
        if self._compiled is not None:
            return _unit(torch.from_numpy(self._compiled(batch)))
        vectors = self.embed_eagerly(batch)
        if (see := self._see) is not None:
            see(batch, vectors)
        return vectors

    def embed_eagerly(self, batch: PixelArray) -> FloatArray:
        """As :meth:`embed`, by the network itself; a batch too large for the device's memory is halved."""
        most = self._most or len(batch)
        try:
            with torch.inference_mode():
                parts = [batch[at : at + most] for at in range(0, len(batch), most)]
                return np.concatenate([_unit(self.encoder(picture_batch(part, self._device))) for part in parts])
        except torch.OutOfMemoryError:
            if most == 1:
                raise
            self._most = most // 2
        if self._device.device.type == "cuda":
            torch.cuda.empty_cache()
        return self.embed_eagerly(batch)


class TorchTextNetwork(TorchNetwork):
    """A loaded :class:`artalike.embedding.card.TextNetwork`.

    ``encode_texts`` maps n texts to features (n, dimension).
    """

    def __init__(
        self,
        network: nn.Module,
        preprocess: Preprocess,
        device: Device,
        encode_texts: Callable[[Sequence[str]], Tensor],
    ) -> None:
        super().__init__(network, preprocess, device)
        self._encode_texts = encode_texts

    def embed_texts(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of length 1, float32 (n, dimension), of n texts."""
        with torch.inference_mode():
            return _unit(self._encode_texts(texts))


def _unit(features: Tensor) -> FloatArray:
    vectors: FloatArray = torch.nn.functional.normalize(features.float(), dim=1).cpu().numpy()
    return vectors
