"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from artalike.errors import DiskFull, StorageError

TEMPORARY: Final = ".tmp"
NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def write_atomically(path: Path, write: Callable[[BinaryIO], object], *, durable: bool = True) -> None:
    """Replace ``path`` by what ``write`` puts into the stream it is given; blocks, so call it in a thread.

    The new file grows beside the old one and is renamed over it (POSIX ``rename``), so whoever opens
    ``path`` sees the old bytes or the new ones, and a failure leaves the old. With ``durable`` that holds
    through a power cut too; without, a cut may leave the file empty, which costs no ``fsync``.

    Raises :class:`DiskFull` or :class:`StorageError`; what ``write`` raises besides ``OSError`` passes.
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as stream:
                write(stream)
                if durable:
                    stream.flush()
                    os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        raise storage_error(error, path) from error


def remove_leftovers(path: Path) -> int:
    """Remove what killed writers of ``path`` left beside it. How many files; blocks.

    Only for a folder that one process owns: a writer at work would lose its file.
    """
    found = [other for other in path.parent.glob(f"{path.name}.*{TEMPORARY}") if other.is_file()]
    for leftover in found:
        leftover.unlink(missing_ok=True)
    return len(found)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power cut; blocks."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def storage_error(error: OSError, path: Path) -> StorageError:
    """``error`` about ``path`` as one of ours: no space (or quota) left is :class:`DiskFull`."""
    kind = DiskFull if error.errno in NO_SPACE else StorageError
    return kind(f"{path}: {error.strerror or error}")
