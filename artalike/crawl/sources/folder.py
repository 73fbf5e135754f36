"""The pictures in a folder and all that is below it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path

from anyio import to_thread

from artalike.crawl import urls
from artalike.crawl.files import shown_path
from artalike.crawl.sources.base import Document, Found, Reach
from artalike.crawl.sources.batches import Step, in_batches
from artalike.crawl.sources.image import is_picture
from artalike.crawl.sources.local import existing
from artalike.errors import FailureKind, ParseError
from artalike.records import Candidate, Task

Key = tuple[bytes, ...]
"""The names of a path below the root, by which everything is in one order, the same at every walk."""


class FolderSource:
    """A directory, walked depth first and by name. The cursor is the address of the last picture found."""

    kind = "folder"
    looks_like = "a directory"
    yields = "its pictures, and those of the folders in it"
    takes = ("watch",)
    schemes = ("file",)

    def match(self, text: str) -> str | None:
        path = existing(text)
        return urls.from_path(path) if path is not None and path.is_dir() else None

    def recognizes(self, document: Document) -> bool:
        return False

    async def expand(self, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
        root = urls.to_path(task.url)
        if not await to_thread.run_sync(root.is_dir):
            raise ParseError(FailureKind.MISSING_FILE, f"{shown_path(root)}: no such directory")
        behind = _key(urls.to_path(task.cursor), root) if task.cursor else ()
        async with aclosing(in_batches(_pictures(root, behind))) as batches:
            async for found in batches:
                yield found


def _pictures(root: Path, behind: Key) -> Iterator[Step]:
    for path in _walk(root, set()):
        # Compared by order and not by equality: the last picture found may have been deleted since.
        if _key(path, root) > behind and is_picture(path):
            url = urls.from_path(path)
            yield Candidate(url, revision=revision_of(path)), url


def found_at(path: Path, root: Path) -> Iterator[Candidate]:
    """The pictures at and below a path inside a folder, as the folder's walk finds them. Blocks."""
    if any(part.startswith(".") for part in path.relative_to(root).parts):
        return
    for found in _walk(path, set()) if _is_folder(path) else [path]:
        if is_picture(found):
            yield Candidate(urls.from_path(found), revision=revision_of(found))


def revision_of(path: Path) -> str | None:
    """What changes when a file is written anew: its time and its size. None when it cannot be looked at."""
    try:
        status = path.stat()
    except OSError:
        return None
    return f"{status.st_mtime_ns}-{status.st_size}"


def _walk(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """Every visible file, each directory once, however many links lead to it."""
    stack = [iter(_entries(folder, seen))]
    while stack:
        path = next(stack[-1], None)
        if path is None:
            stack.pop()
        elif _is_folder(path):
            stack.append(iter(_entries(path, seen)))
        else:
            yield path


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # not ours to look at, or on a disk that fails
        return False


def _entries(folder: Path, seen: set[tuple[int, int]]) -> list[Path]:
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            return []
        seen.add((status.st_dev, status.st_ino))
        names = [name for name in os.listdir(folder) if not name.startswith(".")]  # noqa: PTH208  # names are all that is needed of a million files
    except OSError:  # not ours to read, or gone meanwhile
        return []
    return [folder / name for name in sorted(names, key=os.fsencode)]


def _key(path: Path, root: Path) -> Key:
    try:
        return tuple(os.fsencode(part) for part in path.relative_to(root).parts)
    except ValueError:  # a cursor from another root
        return ()
