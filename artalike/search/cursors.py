"""Cursors: where a paged answer goes on, as text that fits into a URL.

``base64url(checksum ‖ JSON)``, then ``.base64url(blob)``: a query's float16 vector, and ids that have been shown. The
checksum is salted with what the cursor depends on: one that was damaged in copying, or that comes from a server with
another model, is refused instead of leading somewhere else. It is no secret: everything in a cursor is checked as any
other parameter is.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from artalike.errors import QueryError
from artalike.records import IdArray

CHECKSUM_BYTES: Final = 6


class Cursor(BaseModel):
    """The base of what a cursor holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


CursorT = TypeVar("CursorT", bound=Cursor)


def encode(cursor: Cursor, *, salt: str, blob: bytes = b"") -> str:
    text = cursor.model_dump_json(exclude_defaults=True).encode()
    head = _to_text(_checksum(text, blob, salt) + text)
    return f"{head}.{_to_text(blob)}" if blob else head


def decode(text: str, kind: type[CursorT], *, salt: str) -> tuple[CursorT, bytes]:
    """The cursor and its blob. Raises QueryError for anything that :func:`encode` did not make."""
    head, _, tail = text.partition(".")
    try:
        content, blob = _from_text(head), _from_text(tail)
        cursor = kind.model_validate_json(content[CHECKSUM_BYTES:])
    except (binascii.Error, ValueError, ValidationError) as error:
        raise _refused(text) from error
    if encode(cursor, salt=salt, blob=blob) != text:  # the checksum, and one spelling only
        raise _refused(text)
    return cursor, blob


def width(max_id: int) -> int:
    """Bytes for an id up to ``max_id``, when it is packed."""
    return max(1, (max_id.bit_length() + 7) // 8)


def packed(ids: IdArray, width: int) -> bytes:
    """Ids (n,) in ``width`` bytes each."""
    return b"".join(number.to_bytes(width, "little") for number in ids.tolist())


def unpacked(data: bytes, width: int) -> IdArray:
    """What :func:`packed` was given. Raises QueryError for numbers that are no ids."""
    numbers = (int.from_bytes(data[start : start + width], "little") for start in range(0, len(data), width))
    try:
        return np.fromiter(numbers, np.int64)
    except OverflowError as error:
        raise QueryError("cursor: expected ids of 63 bits") from error


def _refused(text: str) -> QueryError:
    shown = text if len(text) <= 40 else text[:39] + "…"
    return QueryError(f"cursor = {shown!r}: expected one from an answer's next, unchanged and of this server's model")


def _checksum(text: bytes, blob: bytes, salt: str) -> bytes:
    return hashlib.blake2b(salt.encode() + b"\0" + text + b"\0" + blob, digest_size=CHECKSUM_BYTES).digest()


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _from_text(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
