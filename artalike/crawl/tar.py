"""The members of a tar file, found by its headers alone and read where they lie; nothing is ever unpacked to disk.

After POSIX.1-2017 pax and GNU tar's manual ("Basic Tar Format"). The standard library's ``TarFile`` keeps every member
in memory, reads extension headers of any length, and calls itself for each that precedes another; of it we use the
parser of one header.
"""

from __future__ import annotations

import os
import re
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from artalike.crawl.urls import TarMember
from artalike.errors import FailureKind, FetchError, ParseError

BLOCK: Final = 512
MAX_EXTENSIONS: Final = 8
"""Extension headers before one member; writers use two."""
MAX_EXTENSION_BYTES: Final = 1 << 20
MAX_NAME: Final = 4096
"""Bytes of a member's name, as long as a path may be."""

_NAMES: Final = frozenset({tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK})
_PAX: Final = frozenset({tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE})
_RECORD: Final = re.compile(rb"(\d{1,7}) ([^=]{1,200})=")
_ZEROS: Final = bytes(BLOCK)
_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Member:
    """``offset`` is of its first header, ``data`` of its bytes, ``end`` of what follows it.

    ``is_file`` says that it is a plain file: no link, device, folder or sparse file.
    """

    name: str
    offset: int
    data: int
    size: int
    end: int
    is_file: bool


@dataclass(slots=True)
class _Extensions:
    """What the headers before a member's own say of it."""

    name: bytes | None = None
    size: int | None = None
    sparse: bool = False


def members(stream: BinaryIO, name: str, offset: int = 0) -> Iterator[Member]:
    """The members from the one whose header is at ``offset`` on. ``name`` is for messages.

    Raises ParseError: TRUNCATED where the file ends inside a member, BAD_DOCUMENT for what is no tar.
    """
    headers = _Headers(stream, name)
    while (member := headers.member(offset)) is not None:
        yield member
        offset = member.end


def content(stream: BinaryIO, member: Member, limit: int) -> bytes:
    """The first ``limit`` bytes of a member."""
    stream.seek(member.data)
    return stream.read(min(member.size, limit))


def read_member(path: Path, wanted: TarMember, limit: int, name: str) -> bytes:
    """The bytes of the plain file ``wanted`` in the tar at ``path``. Blocks.

    Raises FetchError: MISSING_FILE when something else lies there, TOO_LARGE for more than ``limit`` bytes; OSError.
    """
    shown = f"{name}: {wanted.name[:200]!r}"
    with path.open("rb") as stream:
        try:
            member = next(members(stream, shown, wanted.offset), None)
        except ParseError as error:
            raise FetchError(FailureKind.MISSING_FILE, str(error)) from error
        if member is None or member.name != wanted.name or not member.is_file:
            raise FetchError(FailureKind.MISSING_FILE, f"{shown}: no longer at {wanted.offset}")
        if member.size > limit:
            raise FetchError(FailureKind.TOO_LARGE, f"{shown}: {member.size} bytes; expected at most {limit}")
        return content(stream, member, limit)


def open_tar(path: Path, name: str) -> BinaryIO:
    """The tar at ``path``. Blocks. Raises ParseError: MISSING_FILE, or BAD_DOCUMENT when it is packed with gzip."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe could wait for ever
            raise ParseError(FailureKind.MISSING_FILE, f"{name}: not a regular file")
        stream = path.open("rb")
    except OSError as error:
        raise ParseError(FailureKind.MISSING_FILE, f"{name}: {error.strerror}") from error
    if stream.read(2) == _GZIP:
        stream.close()
        # Every picture would have to be unpacked with all that lies before it.
        raise ParseError(FailureKind.BAD_DOCUMENT, f"{name}: packed with gzip; expected a plain .tar")
    return stream


class _Headers:
    """The headers of one file."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._size = stream.seek(0, os.SEEK_END)

    def member(self, offset: int) -> Member | None:
        """The member whose first header is at ``offset``; None where the archive ends."""
        at, said = offset, _Extensions()
        for _ in range(MAX_EXTENSIONS):
            block = self._block(at)
            if not block or block == _ZEROS:
                return None
            header = self._parsed(block, at)
            if header.type in _NAMES or header.type in _PAX:
                payload = self._payload(at + BLOCK, header.size)
                if header.type == tarfile.GNUTYPE_LONGNAME:
                    said.name = payload.partition(b"\0")[0]
                elif header.type in _PAX:
                    _read_pax(payload, said)
            elif header.type != tarfile.XGLTYPE:
                data = self._behind_map(block, at) if header.type == tarfile.GNUTYPE_SPARSE else at + BLOCK
                return self._checked(_member(header, said, offset, data))
            at += BLOCK + _padded(header.size)
        raise self._broken(f"more than {MAX_EXTENSIONS} extension headers at {offset}")

    def _checked(self, member: Member) -> Member:
        if member.data + member.size > self._size:
            raise self._torn(f"the member at {member.offset}")
        return member

    def _behind_map(self, block: bytes, at: int) -> int:
        """Where the bytes of a sparse file begin: its map may go on in blocks of its own."""
        at += BLOCK
        more = block[482]
        while more:
            block = self._block(at)
            more = block[504] if block else 0
            at += BLOCK
        return at

    def _block(self, at: int) -> bytes:
        self._stream.seek(at)
        block = self._stream.read(BLOCK)
        if 0 < len(block) < BLOCK:
            raise self._torn(f"the header at {at}")
        return block

    def _parsed(self, block: bytes, at: int) -> tarfile.TarInfo:
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise self._broken(f"not a tar: {error} at {at}") from error
        if header.size < 0:
            raise self._broken(f"a member of {header.size} bytes at {at}")
        return header

    def _payload(self, at: int, size: int) -> bytes:
        if size > MAX_EXTENSION_BYTES:
            raise self._broken(f"an extension header of {size} bytes at {at}")
        self._stream.seek(at)
        payload = self._stream.read(size)
        if len(payload) < size:
            raise self._torn(f"the extension header at {at}")
        return payload

    def _torn(self, where: str) -> ParseError:
        return ParseError(FailureKind.TRUNCATED, f"{self._name}: ends inside {where}")

    def _broken(self, trouble: str) -> ParseError:
        return ParseError(FailureKind.BAD_DOCUMENT, f"{self._name}: {trouble}")


def _member(header: tarfile.TarInfo, said: _Extensions, offset: int, data: int) -> Member:
    size = header.size if said.size is None else said.size
    # Only what has bytes of its own: a link may give the size of what it leads to.
    stored = size if header.isreg() or header.type not in tarfile.SUPPORTED_TYPES else 0
    long_name = None if said.name is None else said.name[:MAX_NAME].decode("utf-8", "surrogateescape")
    return Member(
        name=long_name or header.name,
        offset=offset,
        data=data,
        size=stored,
        end=data + _padded(stored),
        is_file=header.isreg() and header.type != tarfile.GNUTYPE_SPARSE and not said.sparse,
    )


def _read_pax(payload: bytes, said: _Extensions) -> None:
    at = 0
    while (record := _RECORD.match(payload, at)) is not None:
        end = at + int(record[1])
        if end <= record.end():
            return
        key, value = record[2], payload[record.end() : end - 1]
        if key == b"path":
            said.name = value
        elif key == b"size" and value.isdigit() and len(value) < 20:
            said.size = int(value)
        said.sparse = said.sparse or key.startswith(b"GNU.sparse.")
        at = end


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
