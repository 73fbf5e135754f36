"""Which threads go first when there are more of them than cores."""

from __future__ import annotations

import os
import sys
import threading
from typing import Final

DECODING: Final = 3
EMBEDDING: Final = 6
"""Behind decoding, whose threads may hold Python's lock, for which everyone waits."""


def step_back(nice: int) -> None:
    """Puts the calling thread, and those that it starts, behind all with a lower number.

    On Linux alone: elsewhere priorities are those of whole processes (setpriority(2), "C library/kernel differences").
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(nice, os.getpriority(os.PRIO_PROCESS, thread)))
