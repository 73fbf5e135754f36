"""Thumbnails as files, ``ab/cd/<sha256>_<width>.jpg`` below one folder, and which thumbnails the settings mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from anyio import to_thread

from artalike.config import Storage
from artalike.errors import SettingError
from artalike.storage.files import storage_error, write_atomically
from artalike.storage.folder import DataFolder
from artalike.storage.ports import Thumbnails

SUFFIX = ".jpg"


async def open_thumbnails(settings: Storage, folder: DataFolder) -> Thumbnails:
    """Those in the data folder, or in the bucket that the settings name. Raises SettingError, StorageError."""
    if not settings.thumbnails:
        return ThumbnailFiles(folder.thumbnails)
    try:
        from artalike.storage.s3_thumbnails import ThumbnailBucket  # noqa: PLC0415  # of the extra `cluster`
    except ImportError as error:
        raise SettingError(
            f"storage.thumbnails = {settings.thumbnails!r}: {error}; expected pip install 'artalike[cluster]'"
        ) from error
    return await ThumbnailBucket.open(settings)


class ThumbnailFiles:
    """Implements :class:`artalike.storage.ports.Thumbnails`.

    Two levels of 256 folders keep every folder short at millions of images. Names hold the content's hash,
    so a file never changes and writing it twice does no harm. Nothing is synced to the disk: after a
    power cut a file may be empty, which counts as missing, and it can be made again from its image.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def write(self, sha256: bytes, thumbnails: Mapping[int, bytes]) -> None:
        """Store the encoded JPEG of each width. Raises DiskFull or StorageError."""
        await to_thread.run_sync(self._write, sha256, dict(thumbnails))

    async def find(self, sha256: bytes, width: int) -> Path | None:
        """The file of this width, or else of the nearest larger one, or else of the largest there is."""
        return await to_thread.run_sync(self._find, sha256, width)

    @property
    def origin(self) -> None:
        """None: all goes through this server."""

    async def address(self, sha256: bytes, width: int, *, head: bool = False) -> None:
        """None: all goes through this server."""

    async def largest(self, sha256: bytes) -> bytes | None:
        """The bytes of the largest there is. Raises StorageError."""
        return await to_thread.run_sync(self._largest, sha256)

    async def read(self, sha256: bytes) -> dict[int, bytes]:
        """All widths there are. Raises StorageError."""
        return await to_thread.run_sync(self._read, sha256)

    async def delete(self, sha256: bytes) -> None:
        """Remove all widths, and what an interrupted writer left of them. Raises StorageError."""
        await to_thread.run_sync(self._delete, sha256)

    async def missing(self, sha256s: Sequence[bytes]) -> list[bytes]:
        """Those of ``sha256s`` that have no thumbnail of any width, in their order."""
        return await to_thread.run_sync(self._missing, list(sha256s))

    def _path(self, sha256: bytes, width: int) -> Path:
        name = sha256.hex()
        return self._folder / name[:2] / name[2:4] / f"{name}_{width}{SUFFIX}"

    def _write(self, sha256: bytes, thumbnails: Mapping[int, bytes]) -> None:
        for width, data in thumbnails.items():
            _write_file(self._path(sha256, width), data)

    def _find(self, sha256: bytes, width: int) -> Path | None:
        exact = self._path(sha256, width)
        if _has_bytes(exact):
            return exact
        widths = sorted(self._widths(sha256))
        if not widths:
            return None
        return self._path(sha256, next((larger for larger in widths if larger >= width), widths[-1]))

    def _largest(self, sha256: bytes) -> bytes | None:
        try:
            widest = max(self._widths(sha256), default=None)
            return None if widest is None else self._path(sha256, widest).read_bytes()
        except OSError as error:
            raise storage_error(error, self._path(sha256, 0)) from error

    def _read(self, sha256: bytes) -> dict[int, bytes]:
        try:
            return {width: self._path(sha256, width).read_bytes() for width in self._widths(sha256)}
        except OSError as error:
            raise storage_error(error, self._path(sha256, 0)) from error

    def _delete(self, sha256: bytes) -> None:
        try:
            for path in self._files(sha256):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(error, self._path(sha256, 0)) from error

    def _missing(self, sha256s: Sequence[bytes]) -> list[bytes]:
        return [sha256 for sha256 in sha256s if next(self._widths(sha256), None) is None]

    def _files(self, sha256: bytes) -> list[Path]:
        folder = self._path(sha256, 0).parent
        return list(folder.glob(f"{sha256.hex()}_*")) if folder.is_dir() else []

    def _widths(self, sha256: bytes) -> Iterator[int]:
        for path in self._files(sha256):
            width = path.stem.rpartition("_")[2]
            if path.suffix == SUFFIX and width.isdecimal() and _has_bytes(path):
                yield int(width)


def _write_file(path: Path, data: bytes) -> None:
    write_atomically(path, lambda stream: stream.write(data), durable=False)


def _has_bytes(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False
