"""Documents as streams, unpacked and bounded, and pictures known by their extension or first bytes."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import BinaryIO, Final

from artalike.crawl import text, urls
from artalike.crawl.files import shown_path
from artalike.crawl.sources.base import Document
from artalike.errors import FailureKind, ItemError, ParseError

IMAGE_SUFFIXES: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff", ".bmp"}
)
LONGEST_LINE: Final = 1 << 20
_PIECE: Final = 1 << 16
_GZIP: Final = b"\x1f\x8b"
_IMAGE: Final = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF.{4}WEBP|.{4}ftyp(?:avif|avis|mif1|msf1)"
    rb"|II[*+]\x00|MM\x00[*+]|BM.{4}\x00{4}",
    re.DOTALL,
)


def is_image(data: bytes) -> bool:
    """Whether ``data`` begins like a picture of a format that we take."""
    return _IMAGE.match(data) is not None


def is_picture_address(url: str) -> bool:
    """Whether an address has a picture's extension."""
    return not IMAGE_SUFFIXES.isdisjoint(urls.suffixes(url)[-1:])


def head(document: Document, size: int = 4096) -> bytes:
    """The first bytes of a document, unpacked when it is gzip; empty when it cannot be."""
    try:
        with opened(document.url, document.data, limit=None) as stream:
            return stream.read(size)
    except ItemError:
        return b""


@contextmanager
def opened(url: str, data: bytes | None, limit: int | None) -> Iterator[BinaryIO]:
    """A document as a stream, unpacked when it is gzip: ``data``, or without it the local file at ``url``.

    Blocks. ``limit`` is in unpacked bytes, None for no limit. Raises ParseError: MISSING_FILE, TRUNCATED,
    BAD_DOCUMENT, or TOO_LARGE, here and whenever the stream is read.
    """
    name = url if data is not None else shown_path(urls.to_path(url))
    with _translated(name):
        raw: BinaryIO = io.BytesIO(data) if data is not None else _open_file(url)
        with closing(raw):
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            stream: BinaryIO = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]  # typeshed: GzipFile is a BinaryIO in all but its base
            yield stream if limit is None else _Capped(stream, limit, name)  # type: ignore[misc]  # a BinaryIO as far as our readers go


def pieces(stream: BinaryIO) -> Iterator[bytes]:
    """A stream in pieces of up to 64 KiB."""
    while piece := stream.read(_PIECE):
        yield piece


def lines(stream: BinaryIO) -> Iterator[str]:
    """A stream's lines as text, without their ends.

    UTF-8, or windows-1252 where a line is not UTF-8. A line above 1 MiB becomes U+FFFD: no row, but counted as one.
    """
    first = True
    while line := stream.readline(LONGEST_LINE):
        if first:
            line, first = line.removeprefix(codecs.BOM_UTF8), False
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while (rest := stream.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            line = b"\xef\xbf\xbd"
        yield _line_text(line).rstrip("\r\n")


def _line_text(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")


def _open_file(url: str) -> BinaryIO:
    path = urls.to_path(url)
    if not path.is_file():  # opening a pipe could wait for ever
        raise ParseError(FailureKind.MISSING_FILE, f"{shown_path(path)}: no such file")
    return path.open("rb")


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise ParseError(FailureKind.TRUNCATED, f"{name}: ends in the middle of its gzip stream") from error
    except (zlib.error, gzip.BadGzipFile) as error:
        raise ParseError(FailureKind.BAD_DOCUMENT, f"{name}: broken gzip stream: {text.reason(error)}") from error
    except OSError as error:
        raise ParseError(FailureKind.MISSING_FILE, f"{name}: {error.strerror or error}") from error


class _Capped:
    """A stream that refuses to give more than ``limit`` bytes, for what unpacks to more than it seems."""

    def __init__(self, stream: BinaryIO, limit: int, name: str) -> None:
        self._stream = stream
        self._limit = self._left = limit
        self._name = name

    def read(self, size: int) -> bytes:
        return self._counted(self._stream.read(size))

    def readline(self, size: int) -> bytes:
        return self._counted(self._stream.readline(size))

    def _counted(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise ParseError(FailureKind.TOO_LARGE, f"{self._name}: unpacks to more than {self._limit} bytes")
        return data
