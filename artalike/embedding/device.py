"""Where a network runs, and how precisely."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from artalike.config import EmbeddingSettings
from artalike.errors import SettingError
from artalike.records import PixelArray

PRECISIONS: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class Device:
    """``precision`` is that of what is worth it; the rest is computed in float32."""

    device: torch.device
    precision: torch.dtype

    @property
    def reduced(self) -> bool:
        return self.precision is not torch.float32


def prepare_torch(settings: EmbeddingSettings) -> Device:
    """Apply ``settings.threads`` and find the device of ``settings.device``, and the precision of the plain network.

    Left to us, that is float32 on a processor, where a lower one pays only for compiled code, and float16 elsewhere.
    OpenMP keeps the number of threads by calling thread: call this from the thread that will embed.
    Raises :class:`SettingError` when this machine lacks the device.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    device = _find(settings.device)
    if settings.precision == "auto":
        return Device(device, torch.float32 if device.type == "cpu" else torch.float16)
    return Device(device, PRECISIONS[settings.precision])


def finer_than_bfloat16(device: Device) -> AbstractContextManager[object]:
    """For the parts of a network that bfloat16 would spoil: float16 where the device computes in it, else float32.

    Changes nothing at another precision.
    """
    if device.precision is not torch.bfloat16:
        return nullcontext()
    kind = device.device.type
    halves = kind != "cpu" or torch.ops.mkldnn._is_mkldnn_fp16_supported()  # noqa: SLF001  torch asks itself this way
    return torch.autocast(kind, torch.float16, enabled=halves)


def picture_batch(batch: PixelArray, device: Device) -> Tensor:
    """The pictures on the device; to CUDA from pinned memory, which is copied without the processor."""
    pictures = torch.from_numpy(batch)
    if device.device.type == "cuda":
        pictures = pictures.pin_memory()
    return pictures.to(device.device, non_blocking=True)


def _find(name: str) -> torch.device:
    available = _available()
    if name == "auto":
        return torch.device(available[-1])
    device = torch.device(name)
    number = device.index or 0
    if device.type not in available or (device.type == "cuda" and number >= torch.cuda.device_count()):
        raise SettingError(
            f'embedding.device = "{name}": torch finds none here; expected auto or one of {", ".join(available)}'
        )
    return device


def _available() -> list[str]:
    """The kinds of devices here, the best last."""
    accelerators = {"mps": torch.backends.mps.is_available(), "cuda": torch.cuda.is_available()}
    return ["cpu", *(name for name, there in accelerators.items() if there)]
