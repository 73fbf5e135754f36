"""Pictures fetched and not yet committed, kept on the disk so that a killed process asks no museum for them twice.

A log in segments, each record one system call: as little as can be lies between a museum's last byte and the disk. A
segment goes when all in it is settled. Nothing is synced: a kill takes nothing that has been written, and after a
power cut a picture is fetched again, as it would be without a spool.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from anyio import CancelScope, to_thread

from artalike.records import Download, Task, Validators
from artalike.storage.files import storage_error

log = logging.getLogger(__name__)

SUFFIX: Final = ".spool"
SEGMENT_BYTES: Final = 64_000_000
MAX_HEAD: Final = 1 << 16
"""Bytes of what is said of a picture: addresses are of at most 8,000 characters."""


@dataclass(frozen=True, slots=True)
class _Record:
    """Where the bytes of a picture lie, and what is said of them."""

    path: Path
    offset: int
    said: dict[str, Any]


@dataclass(slots=True)
class _Segment:
    """The segment that is being written."""

    path: Path
    descriptor: int
    size: int = 0


class Spool:
    """Implements :class:`artalike.storage.ports.Spool`. Use :meth:`open`."""

    def __init__(self, folder: Path, left: dict[int, _Record]) -> None:
        self._folder = folder
        self._left = left
        self._paths = {task_id: record.path for task_id, record in left.items()}
        self._unsettled: dict[Path, set[int]] = {}
        for task_id, path in self._paths.items():
            self._unsettled.setdefault(path, set()).add(task_id)
        self._number = max((int(path.stem) for path in self._unsettled), default=0)
        self._segment: _Segment | None = None
        self._waiting: list[Download] = []
        self._turn = asyncio.Lock()  # all that changes the log is done by one thread at a time

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[Spool]:
        """The spool in ``folder``, with what the last process left. Raises StorageError."""
        spool = cls(folder, await to_thread.run_sync(_left_in, folder))
        try:
            yield spool
        finally:
            with CancelScope(shield=True):
                async with spool._turn:
                    await to_thread.run_sync(spool._end)

    @property
    def left(self) -> frozenset[int]:
        """The tasks of which the last process left a picture."""
        return frozenset(self._left)

    async def keep(self, download: Download) -> None:
        """See :meth:`artalike.storage.ports.Spool.keep`."""
        self._waiting.append(download)
        async with self._turn:
            # Whoever comes to it writes for all that wait: those find nothing left to do.
            waiting, self._waiting = self._waiting, []
            if waiting:
                await to_thread.run_sync(self._keep, waiting)

    async def find(self, task: Task) -> Download | None:
        """See :meth:`artalike.storage.ports.Spool.find`."""
        record = self._left.get(task.id)
        return None if record is None else await to_thread.run_sync(_read, record, task)

    async def drop(self, task_ids: Sequence[int]) -> None:
        """See :meth:`artalike.storage.ports.Spool.drop`."""
        if not task_ids:
            return
        async with self._turn:
            await to_thread.run_sync(self._drop, list(task_ids))

    def _keep(self, downloads: Iterable[Download]) -> None:
        try:
            for download in downloads:
                self._write(download)
        except OSError as error:  # a full disk says so where it matters; here it costs a fetch after a crash
            log.debug("%s", storage_error(error, self._folder))

    def _write(self, download: Download) -> None:
        record = [_head(download), download.data]
        length = sum(map(len, record))
        segment = self._segment
        if segment is None or segment.size >= SEGMENT_BYTES:
            segment = self._begin()
        if os.writev(segment.descriptor, record) < length:
            os.ftruncate(segment.descriptor, segment.size)
            return
        segment.size += length
        self._settle([download.task.id])
        self._paths[download.task.id] = segment.path
        self._unsettled[segment.path].add(download.task.id)

    def _begin(self) -> _Segment:
        self._end()
        self._number += 1
        path = self._folder / f"{self._number}{SUFFIX}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._segment = _Segment(path, descriptor)
        self._unsettled[path] = set()
        return self._segment

    def _end(self) -> None:
        segment, self._segment = self._segment, None
        if segment is not None:
            os.close(segment.descriptor)
            self._remove_if_settled(segment.path)

    def _drop(self, task_ids: Iterable[int]) -> None:
        for task_id in task_ids:
            self._left.pop(task_id, None)
        for path in self._settle(task_ids):
            segment = self._segment
            if segment is None or path != segment.path:
                self._remove_if_settled(path)
            elif not self._unsettled[path]:
                os.ftruncate(segment.descriptor, 0)
                segment.size = 0

    def _settle(self, task_ids: Iterable[int]) -> set[Path]:
        """These are no more to be found. The segments that they were in."""
        touched = set()
        for task_id in task_ids:
            path = self._paths.pop(task_id, None)
            if path is not None:
                self._unsettled[path].discard(task_id)
                touched.add(path)
        return touched

    def _remove_if_settled(self, path: Path) -> None:
        if not self._unsettled[path]:
            del self._unsettled[path]
            path.unlink(missing_ok=True)


def _head(download: Download) -> bytes:
    given, data = download.validators, download.data
    said = {
        "task": download.task.id,
        "bytes": len(data),
        "crc": zlib.crc32(data),
        "url": download.final_url,
        "etag": given.etag,
        "last_modified": given.last_modified,
    }
    return json.dumps(said).encode() + b"\n"


def _left_in(folder: Path) -> dict[int, _Record]:
    """What lies in the segments, by task; of a task that is there twice, what came later."""
    left: dict[int, _Record] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        segments = [path for path in folder.iterdir() if path.suffix == SUFFIX and path.stem.isdecimal()]
        for path in sorted(segments, key=lambda path: int(path.stem)):
            with path.open("rb") as stream:
                left |= {record.said["task"]: record for record in _records(stream, path)}
        for path in set(folder.iterdir()) - {record.path for record in left.values()}:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, folder) from error
    return left


def _records(stream: BinaryIO, path: Path) -> Iterator[_Record]:
    """The records of a segment, up to the first that is torn."""
    size = path.stat().st_size
    while head := stream.readline(MAX_HEAD):
        try:
            said = json.loads(head)
            task_id, length = int(said["task"]), int(said["bytes"])
        except (ValueError, KeyError, TypeError):
            return
        offset = stream.tell()
        if length < 0 or offset + length > size:
            return
        stream.seek(offset + length)
        yield _Record(path, offset, said | {"task": task_id, "bytes": length})


def _read(record: _Record, task: Task) -> Download | None:
    said = record.said
    try:
        with record.path.open("rb") as stream:
            stream.seek(record.offset)
            data = stream.read(said["bytes"])
        if zlib.crc32(data) != said["crc"]:
            return None
        return Download(task, data, str(said["url"]), Validators(said["etag"], said["last_modified"]))
    except (OSError, KeyError):  # torn by a power cut: it is fetched again
        return None
