"""A compiled network: the shared library that AOTInductor makes of one, called through its C interface.

`torch/csrc/inductor/aoti_runtime/interface.h` and `aoti_torch/c/shim.h` are that interface, which torch keeps stable
for libraries that outlive a release. It is called with ctypes because that lets go of Python's lock for the
whole batch, which torch's own loader holds: nobody could be answered meanwhile.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_float, c_int32, c_int64, c_size_t, c_void_p
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import torch

from artalike.records import FloatArray, PixelArray


class LibraryError(Exception):
    """A library cannot be loaded, or failed at a batch."""


BATCH: Final = "batch.so"
SINGLE: Final = "single.so"


class CompiledNetwork:
    """Features, float32 (n, dimension), of n pictures, uint8 (n, size, size, 3); kept until the process ends.

    ``folder`` has two libraries of it: one computes ``batch_size`` pictures together, the other one by one the few that
    would not fill half a batch. ``at_once`` threads may call it at a time, each of which it keeps to.
    """

    def __init__(self, folder: Path, *, batch_size: int, dimension: int, at_once: int) -> None:
        """Raises :class:`LibraryError`."""
        self._batch_size = batch_size
        self._batch = Library(folder / BATCH, batch_size=batch_size, dimension=dimension, at_once=at_once)
        self._single = Library(folder / SINGLE, batch_size=1, dimension=dimension, at_once=at_once)

    def __call__(self, batch: PixelArray) -> FloatArray:
        few = len(batch) % self._batch_size
        if 2 * few > self._batch_size:
            few = 0
        full = len(batch) - few
        return np.concatenate(
            [
                *(self._batch(batch[at : at + self._batch_size]) for at in range(0, full, self._batch_size)),
                *(self._single(batch[at : at + 1]) for at in range(full, len(batch))),
            ]
        )


class Library:
    """Up to ``batch_size`` pictures of :class:`CompiledNetwork` at once: fewer are filled up."""

    def __init__(self, path: Path, *, batch_size: int, dimension: int, at_once: int) -> None:
        """Raises :class:`LibraryError`."""
        self._batch_size = batch_size
        self._dimension = dimension
        self._model = c_void_p()
        try:
            self._library = ctypes.CDLL(str(path))
            create = self._library.AOTInductorModelContainerCreateWithDevice
            self._run = self._library.AOTInductorModelContainerRun
        except (OSError, AttributeError) as error:
            raise LibraryError(f"{path.name}: {error}") from error
        _check(create(byref(self._model), c_size_t(at_once), b"cpu", None), "create")

    def __call__(self, pictures: PixelArray) -> FloatArray:
        missing = self._batch_size - len(pictures)
        full = np.ascontiguousarray(np.pad(pictures, ((0, missing), (0, 0), (0, 0), (0, 0))) if missing else pictures)
        shim = _shim()
        given, features, data = c_void_p(), c_void_p(), c_void_p()
        sizes, strides = (c_int64 * 4)(*full.shape), (c_int64 * 4)(*full.strides)  # of bytes, which are the elements
        kind, place = c_int32(shim.aoti_torch_dtype_uint8()), c_int32(shim.aoti_torch_device_type_cpu())
        blob = c_void_p(full.ctypes.data)
        made = shim.aoti_torch_create_tensor_from_blob(
            blob, c_int64(4), sizes, strides, c_int64(0), kind, place, c_int32(0), byref(given)
        )
        _check(made, "give a batch to")
        # The run takes what it is given, and gives what is to be deleted.
        _check(self._run(self._model, byref(given), c_size_t(1), byref(features), c_size_t(1), None, None), "run")
        try:
            _check(shim.aoti_torch_get_data_ptr(features, byref(data)), "read")
            shape = (self._batch_size, self._dimension)
            found: FloatArray = np.ctypeslib.as_array(ctypes.cast(data, POINTER(c_float)), shape)
            return found[: len(pictures)].copy()
        finally:
            shim.aoti_torch_delete_tensor_object(features)


@cache
def _shim() -> ctypes.CDLL:
    return ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"))


def _check(status: int, what: str) -> None:
    if status:
        raise LibraryError(f"cannot {what} a compiled network: status {status}")
