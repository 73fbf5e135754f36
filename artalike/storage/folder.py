"""The data folder: what lies where, and the lock that gives it to one process at a time."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from artalike.errors import FolderInUse, StorageError
from artalike.storage.files import storage_error, write_atomically


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Paths inside one data folder. All methods block briefly: they are for start and stop."""

    root: Path

    @property
    def catalog(self) -> Path:
        return self.root / "catalog.sqlite3"

    @property
    def snapshot(self) -> Path:
        """Of the index of the first model; see :meth:`snapshot_of`."""
        return self.root / "index.snapshot"

    def snapshot_of(self, model: int) -> Path:
        """Of the index of the model with this number in the catalog: while a collection moves there are two."""
        return self.snapshot if model == 1 else self.root / f"index-{model}.snapshot"

    def forget_snapshots(self, *, but: Collection[int]) -> None:
        """Delete the snapshots of all models but these. Raises StorageError."""
        kept = tuple(self.snapshot_of(model).name for model in but)
        try:
            for path in self.root.glob("index*.snapshot*"):
                if not path.name.startswith(kept):
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(error, self.root) from error

    @property
    def map(self) -> Path:
        return self.root / "map.npz"

    @property
    def compiled(self) -> Path:
        return self.root / "compiled"

    @property
    def thumbnails(self) -> Path:
        return self.root / "thumbnails"

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    @property
    def token_file(self) -> Path:
        return self.root / "admin-token"

    @property
    def _server_file(self) -> Path:
        return self.root / "server.json"

    def create(self) -> None:
        """Make the folder. Raises StorageError when that is not possible."""
        try:
            self.thumbnails.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"data folder {self.root}: {error.strerror}; expected a writable folder") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Own the folder. The system frees the lock when the process dies, however it dies.

        Raises FolderInUse, naming the process that has it.
        """
        self.create()
        lock = filelock.FileLock(self.root / "lock", blocking=False)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            owner = self.server()
            who = f"process {owner['pid']} at {owner['url']}" if owner else "another process"
            raise FolderInUse(f"data folder {self.root}: in use by {who}; expected a folder of its own") from error
        except OSError as error:
            raise StorageError(f"data folder {self.root}: {error.strerror}; expected a writable folder") from error
        try:
            yield
        finally:
            self._server_file.unlink(missing_ok=True)
            lock.release()

    def announce(self, url: str) -> None:
        """Leave the server's address for other commands to find. Raises StorageError."""
        found = json.dumps({"pid": os.getpid(), "url": url}).encode()
        write_atomically(self._server_file, lambda stream: stream.write(found), durable=False)

    def server(self) -> dict[str, Any] | None:
        """``{"pid", "url"}`` of the process that owns the folder, None when nobody does."""
        try:
            found: dict[str, Any] = json.loads(self._server_file.read_text())
        except (OSError, ValueError):
            return None
        lock = filelock.FileLock(self.root / "lock", blocking=False)
        try:
            lock.acquire()
        except filelock.Timeout:
            return found
        lock.release()
        return None  # a killed process left its address behind

    def token(self) -> str | None:
        """The admin token that lies in the folder."""
        try:
            return self.token_file.read_text().strip() or None
        except OSError:
            return None

    def make_token(self) -> str:
        """The folder's admin token, made when there is none, readable by its owner only. Raises StorageError."""
        if token := self.token():
            return token
        token = secrets.token_urlsafe(24)
        try:
            descriptor = os.open(self.token_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                stream.write(token + "\n")
        except OSError as error:
            raise storage_error(error, self.token_file) from error
        return token
