"""Pictures fetched and not yet committed, kept on the disk so that a killed process asks no museum for them twice.

A file a task. Nothing is synced: a kill takes nothing that has been written, and after a power cut a picture is
fetched again, as it would be without a spool.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from anyio import to_thread

from artalike.errors import StorageError
from artalike.records import Download, Task, Validators
from artalike.storage.files import write_atomically

log = logging.getLogger(__name__)

SUFFIX: Final = ".fetched"


class Spool:
    """Implements :class:`artalike.storage.ports.Spool`. Made by :meth:`open`."""

    def __init__(self, folder: Path, left: Iterable[int]) -> None:
        self._folder = folder
        self._left = set(left)

    @classmethod
    async def open(cls, folder: Path) -> Spool:
        """The spool in ``folder``, with what the last process left."""
        return cls(folder, await to_thread.run_sync(_left_in, folder))

    @property
    def left(self) -> frozenset[int]:
        """The tasks of which the last process left a picture."""
        return frozenset(self._left)

    async def keep(self, download: Download) -> None:
        try:
            await to_thread.run_sync(_write, self._path(download.task.id), download)
        except StorageError as error:  # a full disk says so where it matters; here it costs a fetch after a crash
            log.debug("%s", error)

    async def find(self, task: Task) -> Download | None:
        if task.id not in self._left:
            return None
        return await to_thread.run_sync(_read, self._path(task.id), task)

    async def drop(self, task_ids: Sequence[int]) -> None:
        self._left.difference_update(task_ids)
        await to_thread.run_sync(_unlink, [self._path(task_id) for task_id in task_ids])

    def _path(self, task_id: int) -> Path:
        return self._folder / f"{task_id}{SUFFIX}"


def _left_in(folder: Path) -> list[int]:
    folder.mkdir(parents=True, exist_ok=True)
    left: list[int] = []
    for path in folder.iterdir():
        if path.suffix == SUFFIX and path.stem.isdecimal():
            left.append(int(path.stem))
        else:
            path.unlink(missing_ok=True)  # half written
    return left


def _write(path: Path, download: Download) -> None:
    given = download.validators
    said = {"url": download.final_url, "etag": given.etag, "last_modified": given.last_modified}
    head = json.dumps(said).encode() + b"\n"
    write_atomically(path, lambda stream: stream.writelines((head, download.data)), durable=False)


def _read(path: Path, task: Task) -> Download | None:
    try:
        head, _, data = path.read_bytes().partition(b"\n")
        said = json.loads(head)
        return Download(task, data, str(said["url"]), Validators(said["etag"], said["last_modified"]))
    except (OSError, ValueError, KeyError, TypeError):  # torn by a power cut: it is fetched again
        return None


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
