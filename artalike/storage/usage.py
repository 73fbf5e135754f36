"""How much of the disk the collection takes, looked at now and then: it grows slowly, and reading a folder costs."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import time
from pathlib import Path
from typing import Any, Final

from artalike.storage.folder import DataFolder

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 10.0
WALK_SECONDS: Final = 20.0
WALK_SHARE: Final = 200
"""The folder of thumbnails is walked so many times more seldom than a walk takes."""


class DiskUsage:
    """Bytes, by what they are for. :meth:`run` it; :attr:`figures` are of its last look."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._walked = 0
        self._walk_at = 0.0
        self.figures: dict[str, Any] | None = None

    async def run(self) -> None:
        """For ever. A disk that cannot be read is told of once and leaves the figures unknown."""
        told = False
        while True:
            try:
                self.figures = await asyncio.to_thread(self._look)
            except OSError as error:
                self.figures = None
                if not told:
                    log.warning("data folder %s: %s; how full it is remains unknown", self._folder.root, error.strerror)
                told = True
            await asyncio.sleep(LOOK_SECONDS)

    def _look(self) -> dict[str, Any]:
        started = time.monotonic()
        if started >= self._walk_at:
            self._walked = _below(self._folder.thumbnails)
            self._walk_at = started + max(WALK_SECONDS, WALK_SHARE * (time.monotonic() - started))
        disk = shutil.disk_usage(self._folder.root)
        return {
            "free": disk.free,
            "total": disk.total,
            "catalog": _beside(self._folder.catalog),
            "index": sum(_size(path) for path in self._folder.root.glob("index*.snapshot*")),
            "thumbnails": self._walked,
        }


def _beside(path: Path) -> int:
    """Bytes of a file and of those that belong to it, whose names begin with its own."""
    return sum(_size(other) for other in path.parent.glob(f"{path.name}*"))


def _below(folder: Path) -> int:
    total, folders = 0, [str(folder)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    total += _size(entry)
    return total


def _size(file: Path | os.DirEntry[str]) -> int:
    try:
        return 512 * file.stat().st_blocks  # what it takes: a file may have holes
    except FileNotFoundError:  # deleted, or replaced, a moment ago
        return 0
