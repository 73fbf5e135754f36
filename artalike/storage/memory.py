"""Memory that is free, given back to the system."""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Return what was freed behind what is in use, which glibc keeps (malloc_trim(3)); elsewhere it does nothing.

    Worth its ten milliseconds or so where much has been freed; it lets go of the interpreter.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
