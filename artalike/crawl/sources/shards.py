"""Shards: tar files of pictures with what is known of each, as img2dataset and webdataset write them.

A sample is the files in a row whose names are alike up to their first dot: ``000000012.jpg``, its caption
``000000012.txt`` and its metadata ``000000012.json`` (webdataset's documentation, "WebDataset format"; img2dataset's
README, "Output format"). Each picture has an address of its own, by which it is read from the middle of its shard.
"""

from __future__ import annotations

import glob
import json
import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from anyio import to_thread

from artalike.crawl import tar, urls
from artalike.crawl.files import shown_path
from artalike.crawl.sources.base import Document, Found, Reach
from artalike.crawl.sources.batches import Step, in_batches
from artalike.crawl.sources.columns import Columns
from artalike.crawl.sources.content import IMAGE_SUFFIXES
from artalike.crawl.sources.folder import revision_of
from artalike.crawl.sources.local import existing, named
from artalike.crawl.sources.options import Options
from artalike.errors import FailureKind, ParseError
from artalike.records import Candidate, Metadata, Task

MAX_SAMPLE: Final = 64
"""Files of one sample. What has more is taken for several."""
MAX_WILD: Final = 4
"""Parts of a pattern that may hold wildcards."""
MAX_JSON: Final = 1 << 20
MAX_CAPTION: Final = 1 << 16
"""Bytes. A longer caption is cut, longer metadata are left out."""

_SUFFIX: Final = ".tar"


@dataclass(slots=True)
class _Sample:
    key: str
    offset: int
    pictures: list[tar.Member] = field(default_factory=list)
    caption: tar.Member | None = None
    json: tar.Member | None = None
    files: int = 0
    end: int = 0


class ShardsSource:
    """A ``.tar``, a folder that holds such and no pictures beside them, or a pattern of paths.

    Folders and patterns lead to their shards by name, so that each is read, fails and is looked at again by itself.
    Their cursor is the address of the last shard; that of a shard is where the next sample begins, and in which state
    of the file.
    """

    kind = "shards"
    looks_like = "a .tar file, a directory of them, or a pattern like /data/*.tar"
    yields = "the pictures in the archives, with what is said of them there"
    takes = ("caption_col", "save_additional_columns")
    schemes = ("file",)

    def match(self, text: str) -> str | None:
        try:
            path = existing(text)
            if path is None:
                path = named(text)
                found = path is not None and next(_matching(path), None) is not None
            elif path.is_dir():
                found = _holds_shards(path)
            else:
                found = _is_shard(path)
            return urls.from_path(path) if path is not None and found else None
        except (OSError, ValueError, RuntimeError):  # a name too long, with a NUL inside, of an unknown ~user
            return None

    def recognizes(self, document: Document) -> bool:
        return False

    async def expand(self, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
        path = urls.to_path(task.url)
        whole = await to_thread.run_sync(path.is_file)
        steps = _pictures(task, path) if whole else _shards(task, path)
        async with aclosing(in_batches(steps)) as batches:
            async for found in batches:
                yield found


def _holds_shards(folder: Path) -> bool:
    found = False
    with os.scandir(folder) as entries:
        for entry in entries:
            if Path(entry.name).suffix.lower() in IMAGE_SUFFIXES and not entry.name.startswith("."):
                return False
            found = found or _is_shard(Path(entry.path))
    return found


def _is_shard(path: Path) -> bool:
    return path.suffix.lower() == _SUFFIX and not path.name.startswith(".") and path.is_file()


def _matching(pattern: Path) -> Iterator[Path]:
    """The shards that a pattern names. ``**`` is no more than ``*``: it would walk in circles along links.

    None for a pattern with more than ``MAX_WILD`` folders left open: it would walk the whole machine.
    """
    if 0 < sum(map(glob.has_magic, pattern.parts)) <= MAX_WILD and len(os.fspath(pattern)) <= tar.MAX_NAME:
        yield from (path for name in glob.iglob(os.fspath(pattern)) if _is_shard(path := Path(name)))  # noqa: PTH207  # the pattern is absolute, which Path.glob refuses


def _shards(task: Task, root: Path) -> Iterator[Step]:
    behind = os.fsencode(urls.to_path(task.cursor)) if task.cursor else b""
    try:
        found = filter(_is_shard, root.iterdir()) if root.is_dir() else _matching(root)
        ordered = sorted({os.fsencode(path) for path in found})
    except OSError as error:
        raise ParseError(FailureKind.MISSING_FILE, f"{shown_path(root)}: {error.strerror}") from error
    if not ordered:
        raise ParseError(FailureKind.MISSING_FILE, f"{shown_path(root)}: no .tar there")
    for name in ordered:
        if name > behind:
            path = Path(os.fsdecode(name))
            url = urls.from_path(path)
            yield Candidate(url, ShardsSource.kind, depth=task.depth + 1, revision=revision_of(path)), url


def _pictures(task: Task, path: Path) -> Iterator[Step]:
    shown = shown_path(path)
    columns = Columns(Options.of(task.options), task.url)
    revision = revision_of(path)
    with _translated(shown), closing(tar.open_tar(path, shown)) as stream:
        for sample in _samples(stream, shown, _start(task.cursor, revision)):
            if not sample.pictures:
                continue
            said = _said(stream, sample, columns)
            for member in sample.pictures:
                url = urls.from_member(path, member.name, member.offset)
                behind = sample.end if member is sample.pictures[-1] else sample.offset
                yield replace(said, url=url, depth=task.depth, revision=revision), f"{behind}@{revision}"


@contextmanager
def _translated(shown: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # a disk that cannot be read further
        raise ParseError(FailureKind.MISSING_FILE, f"{shown}: {error.strerror}") from error


def _start(cursor: str | None, revision: str | None) -> int:
    """Where to go on: at the beginning when the shard has been written anew since."""
    offset, _, before = (cursor or "").partition("@")
    return int(offset) if cursor and before == str(revision) else 0


def _samples(stream: BinaryIO, shown: str, offset: int) -> Iterator[_Sample]:
    """The samples in their order. Where the shard breaks, the last is what of it can be read."""
    sample: _Sample | None = None
    try:
        for member in tar.members(stream, shown, offset):
            key, suffix = _key_and_suffix(member.name)
            if sample is not None and (key != sample.key or sample.files == MAX_SAMPLE):
                yield sample
                sample = None
            sample = sample or _Sample(key, member.offset)
            sample.files += 1
            sample.end = member.end
            if member.is_file:
                _sort_in(sample, member, suffix)
    except ParseError:
        if sample is not None:
            yield sample
        raise
    if sample is not None:
        yield sample


def _sort_in(sample: _Sample, member: tar.Member, suffix: str) -> None:
    if suffix in IMAGE_SUFFIXES:
        sample.pictures.append(member)
    elif suffix == ".txt":
        sample.caption = sample.caption or member
    elif suffix == ".json" and member.size <= MAX_JSON:
        sample.json = sample.json or member


def _key_and_suffix(name: str) -> tuple[str, str]:
    folder, slash, file = name.rpartition("/")
    stem, _, _ = file.partition(".")
    return folder + slash + stem, f".{file.rpartition('.')[2].lower()}"


def _said(stream: BinaryIO, sample: _Sample, columns: Columns) -> Candidate:
    """What the sample's other files say of its pictures; the address is left to be set."""
    row = {} if sample.json is None else _parsed(tar.content(stream, sample.json, MAX_JSON))
    if sample.caption is not None and not row.get("caption"):
        row["caption"] = tar.content(stream, sample.caption, MAX_CAPTION).decode("utf-8", "replace")
    said = columns.candidate(row, 0)
    return replace(said, metadata=_with_home(said.metadata, said.url))


def _with_home(metadata: Metadata, original: str) -> Metadata:
    """A link home: to the picture's page or, where none is known, to where it was once downloaded from."""
    if not urls.is_web(original):
        return metadata
    return replace(metadata, page_url=metadata.page_url or original, extra={**metadata.extra, "url": original})


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        row = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}
