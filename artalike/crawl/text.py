"""Text from the web, made fit to be stored and shown: plain, on one line, of bounded length."""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time
from typing import Any, Final

from artalike.records import Metadata

MAX_TEXT: Final = 2000
"""Characters kept of one value."""
MAX_EXTRA: Final = 256
"""Entries kept of one mapping or list of further fields: the largest records of museums have some 150."""
MAX_DEPTH: Final = 8
MAX_VALUES: Final = 2000
"""Values kept of all further fields of one picture together."""

_TAG: Final = re.compile(r"<[^<>]*>")
_LONG_NUMBER: Final = re.compile(r"&#[0-9]{20,};?")
_SPACES: Final = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x85")
# Bidirectional overrides and isolates can make a text read as something that it is not.
_DECEIVING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\u200b")
_LARGEST_INTEGER: Final = 2**63 - 1


def plain(text: str) -> str | None:
    """``text`` on one line, without control characters, at most ``MAX_TEXT`` long; None when nothing is left."""
    # Twice the length before cleaning: a bound on work that spaces folded away hardly ever reach.
    text = text[: 2 * MAX_TEXT]
    if not text.isprintable():
        text = "".join(map(_shown, text))
    text = " ".join(text.split())
    if len(text) > MAX_TEXT:
        text = text[: MAX_TEXT - 1].rstrip() + "…"
    return text or None


def from_html(text: str) -> str | None:
    """The plain text of a piece of HTML: tags taken out, entities decoded."""
    # No character has a number of so many digits, and Python reads none of more than 4,300.
    text = _LONG_NUMBER.sub("\ufffd", _TAG.sub(" ", text[: 4 * MAX_TEXT]))
    return plain(html.unescape(text))


def reason(error: BaseException) -> str:
    """What an error of a library says, on one line of at most 300 characters."""
    return (plain(str(error)) or type(error).__name__)[:300]


def clean(metadata: Metadata) -> Metadata:
    """The same metadata with every text in it plain, and ``extra`` reduced to bounded JSON values."""
    if metadata == Metadata():
        return metadata
    return replace(
        metadata,
        title=_plain_or_none(metadata.title),
        creator=_plain_or_none(metadata.creator),
        date=_plain_or_none(metadata.date),
        medium=_plain_or_none(metadata.medium),
        rights=_plain_or_none(metadata.rights),
        attribution=_plain_or_none(metadata.attribution),
        extra=_Further().mapping(metadata.extra, MAX_DEPTH),
    )


def _plain_or_none(text: str | None) -> str | None:
    return plain(text) if text else None


def _shown(character: str) -> str:
    if character in _SPACES:
        return " "
    if character in _DECEIVING:
        return ""
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    return "" if category == "Cc" else character


class _Further:
    """Further fields, reduced. One record may have many values or deep ones, and in all no more than MAX_VALUES."""

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def mapping(self, values: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for key, value in values.items():
            if len(kept) == MAX_EXTRA or not self._left:
                break
            name, bounded = plain(str(key)), self._value(value, depth - 1)
            if name is not None and bounded is not None:
                kept[name] = bounded
        return kept

    def _value(self, value: Any, depth: int) -> Any:
        if not self._left:
            return None
        self._left -= 1
        match value:
            case Mapping() if depth > 0:
                return self.mapping(value, depth) or None
            case list() | tuple() if depth > 0:
                items = (self._value(item, depth - 1) for item in value[:MAX_EXTRA])
                return [item for item in items if item is not None] or None
        return _scalar(value)


def _scalar(value: Any) -> Any:
    match value:
        case str():
            return plain(value)
        case bool():
            return value
        case int():
            return value if abs(value) <= _LARGEST_INTEGER else None
        case float():
            return value if math.isfinite(value) else None
        case date() | time():
            return value.isoformat()
    return None
