"""Where a network runs, and how precisely."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from artalike.config import EmbeddingSettings
from artalike.errors import SettingError
from artalike.records import PixelArray

CORES: Final = torch.get_num_threads()
"""That compute by themselves, as torch counts them before it is told to use one."""

_THREAD: Final = threading.local()

PRECISIONS: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class Device:
    """``precision`` is that of what is worth it; the rest is computed in float32.

    ``at_once`` batches are computed beside each other, in as many threads.
    """

    device: torch.device
    precision: torch.dtype
    at_once: int = 1

    @property
    def reduced(self) -> bool:
        return self.precision is not torch.float32


def prepare_torch(settings: EmbeddingSettings) -> Device:
    """Find the device of ``settings.device``, the precision of the plain network, and how many batches at once.

    Left to us, the precision is float32 on a processor, where a lower one pays only for compiled code, and float16
    elsewhere. Raises :class:`SettingError` when this machine lacks the device.
    """
    device = _find(settings.device)
    plain = torch.float32 if device.type == "cpu" else torch.float16
    precision = plain if settings.precision == "auto" else PRECISIONS[settings.precision]
    if device.type != "cpu":
        return Device(device, precision)
    keep_to_one_core()
    return Device(device, precision, settings.threads or CORES)


def keep_to_one_core() -> None:
    """Lets torch compute in the calling thread alone: OpenMP keeps the number of threads by thread.

    Cores that share a batch wait for each other two hundred times in it, by spinning, and longest where one of them has
    other work as well.
    """
    if not getattr(_THREAD, "alone", False):
        torch.set_num_threads(1)
        _THREAD.alone = True


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
