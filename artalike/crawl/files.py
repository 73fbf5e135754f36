"""Files of this machine, and files inside its tar files, read off the event loop and up to a cap."""

from __future__ import annotations

import stat
from pathlib import Path

import aiofiles
import aiofiles.os
from anyio import to_thread

from artalike.crawl import tar, urls
from artalike.errors import FailureKind, FetchError


async def read(url: str, limit: int) -> bytes:
    """The bytes of a ``file:`` address.

    Raises FetchError: MISSING_FILE, or TOO_LARGE for more than ``limit`` bytes.
    """
    path, member = urls.to_path(url), urls.member_of(url)
    shown = shown_path(path)
    try:
        # Opening a pipe or a device could wait for ever, so the look comes first.
        status = await aiofiles.os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise FetchError(FailureKind.MISSING_FILE, f"{shown}: not a regular file")
        if member is not None:
            return await to_thread.run_sync(tar.read_member, path, member, limit, shown)
        if status.st_size > limit:
            raise FetchError(FailureKind.TOO_LARGE, f"{shown}: {status.st_size} bytes; expected at most {limit}")
        async with aiofiles.open(path, "rb") as stream:
            return await stream.read(status.st_size)
    except OSError as error:
        raise FetchError(FailureKind.MISSING_FILE, f"{shown}: {error.strerror}") from error
    except ValueError as error:  # a NUL inside the name
        raise FetchError(FailureKind.MISSING_FILE, f"{shown}: {error}") from error


def shown_path(path: Path) -> str:
    """A path as text that can be stored and printed, whatever bytes its name has."""
    return str(path).encode("utf-8", "replace").decode()
