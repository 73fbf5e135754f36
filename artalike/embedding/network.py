"""What all networks share: the device, normalisation on it, and vectors of length 1 as the result."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from artalike.config import EmbeddingSettings
from artalike.errors import SettingError
from artalike.records import FloatArray, PixelArray, Preprocess


class TorchNetwork:
    """A loaded :class:`artalike.embedding.card.Network`.

    ``encode`` maps normalised pictures (n, 3, size, size), float32 and channels last, to features (n, dimension).
    """

    def __init__(self, encode: Callable[[Tensor], Tensor], preprocess: Preprocess, device: torch.device) -> None:
        self._encode = encode
        self._size = preprocess.size
        self._device = device
        mean = torch.tensor(preprocess.mean, dtype=torch.float64).reshape(1, 3, 1, 1)
        deviation = torch.tensor(preprocess.std, dtype=torch.float64).reshape(1, 3, 1, 1)
        # (value / 255 - mean) / deviation as one multiplication and one addition.
        self._scale = (1 / (255 * deviation)).to(device, torch.float32)
        self._offset = (-mean / deviation).to(device, torch.float32)

    def embed(self, batch: PixelArray) -> FloatArray:
        """Vectors of length 1, float32 (n, dimension), of pictures uint8 (n, size, size, 3).

        Features that are all zero or not finite come back as they are. Raises ValueError for another shape or type.
        """
        expected = (self._size, self._size, 3)
        if batch.ndim != 4 or batch.shape[1:] != expected or batch.dtype != np.uint8:
            raise ValueError(f"a batch of {batch.dtype} {batch.shape}; expected uint8 (n, *{expected})")
        with torch.inference_mode():
            # Height, width, channel in memory, seen in torch's order, is what torch calls channels last.
            pixels = torch.from_numpy(batch).to(self._device).permute(0, 3, 1, 2).float()
            return _unit(self._encode(pixels.mul_(self._scale).add_(self._offset)))


class TorchTextNetwork(TorchNetwork):
    """A loaded :class:`artalike.embedding.card.TextNetwork`.

    ``encode_texts`` maps n texts to features (n, dimension).
    """

    def __init__(
        self,
        encode: Callable[[Tensor], Tensor],
        preprocess: Preprocess,
        device: torch.device,
        encode_texts: Callable[[Sequence[str]], Tensor],
    ) -> None:
        super().__init__(encode, preprocess, device)
        self._encode_texts = encode_texts

    def embed_texts(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of length 1, float32 (n, dimension), of n texts."""
        with torch.inference_mode():
            return _unit(self._encode_texts(texts))


def _unit(features: Tensor) -> FloatArray:
    vectors: FloatArray = torch.nn.functional.normalize(features.float(), dim=1).cpu().numpy()
    return vectors


def prepare_torch(settings: EmbeddingSettings) -> torch.device:
    """Apply ``settings.threads`` and find the device of ``settings.device``.

    OpenMP keeps the number of threads by calling thread: call this from the thread that will embed.
    Raises :class:`SettingError` when this machine lacks the device.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    available = _available()
    if settings.device == "auto":
        return torch.device(available[-1])
    device = torch.device(settings.device)
    number = device.index or 0
    if device.type not in available or (device.type == "cuda" and number >= torch.cuda.device_count()):
        raise SettingError(
            f'embedding.device = "{settings.device}": torch finds none here; '
            f"expected auto or one of {', '.join(available)}"
        )
    return device


def _available() -> list[str]:
    """The kinds of devices here, the best last."""
    accelerators = {"mps": torch.backends.mps.is_available(), "cuda": torch.cuda.is_available()}
    return ["cpu", *(name for name, there in accelerators.items() if there)]
