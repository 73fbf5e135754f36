"""Pictures as bytes in, everything the collection keeps of them out.

Synchronous and thread-safe: callers run :func:`decode` in worker threads.
"""

from __future__ import annotations

from artalike.imaging.decode import decode

__all__ = ["decode"]
