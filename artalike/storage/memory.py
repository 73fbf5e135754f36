"""Memory that is free, given back to the system; and objects that stay, left alone by the garbage collector."""

from __future__ import annotations

import ctypes
import gc
import os
from typing import Final

_M_ARENA_MAX: Final = -8


def share_one_heap() -> None:
    """Let threads to come take memory from one heap: of glibc's heaps a thread each, only the first gives its end back.

    An index of 110,000 vectors that has grown and trained keeps 6 MB with one heap and 38 with many; it grows as fast.
    ``MALLOC_ARENA_MAX`` decides otherwise (mallopt(3)); elsewhere than with glibc it does nothing.
    """
    setting = getattr(ctypes.CDLL(None), "mallopt", None)
    if setting is not None and "MALLOC_ARENA_MAX" not in os.environ:
        setting(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Return what was freed behind what is in use, which glibc keeps (malloc_trim(3)); elsewhere it does nothing.

    Worth its ten milliseconds or so where much has been freed; it lets go of the interpreter.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def settle() -> None:
    """What there is now, stays: the garbage collector passes it over from now on (gc.freeze).

    A server has 300,000 objects once its network is loaded, most of them torch's. Each full collection would look at
    all of them, and hold up all threads for a fifth of a second; this is the last that does.
    """
    gc.unfreeze()  # what has been left since the last time
    gc.collect()
    gc.freeze()
