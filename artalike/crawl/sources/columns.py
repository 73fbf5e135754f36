"""What the columns of a list mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from artalike.crawl import text, urls
from artalike.crawl.sources.options import Options
from artalike.errors import FailureKind, ParseError
from artalike.records import Candidate, Metadata

Row = Mapping[str, Any]
"""A row's values by the names of its columns, lower-case."""

# The first of these that has a value is taken.
_FIELDS: Final = {
    "title": ("title", "caption"),
    "creator": ("creator", "artist"),
    "date": ("date",),
    "medium": ("medium",),
    "rights": ("rights", "license"),
    "attribution": ("attribution",),
    "page_url": ("page_url",),
}
_THUMBNAIL: Final = "thumbnail_url"
_KNOWN: Final = frozenset({_THUMBNAIL}.union(*_FIELDS.values()))


class Columns:
    """The columns of one list, by the seed's options; ``base`` is the list's address, after redirects."""

    def __init__(self, options: Options, base: str) -> None:
        self._base = base
        self._url = _folded(options.url_col)
        caption = options.caption_col
        self._fields = dict(_FIELDS) if caption is None else _FIELDS | {"title": (_folded(caption), "title", "caption")}
        self._known = _KNOWN | {self._url} | ({_folded(caption)} if caption else set())
        chosen = options.save_additional_columns
        self._extra = None if chosen is None else frozenset(_folded(name) for name in chosen)

    def check(self, names: Iterable[str]) -> None:
        """Refuse a table without the column of addresses. Raises ParseError that lists those it has."""
        folded = [_folded(name) for name in names]
        if self._url not in folded:
            shown = text.plain(", ".join(folded)[:500])
            raise ParseError(
                FailureKind.BAD_DOCUMENT, f"{self._base}: no column {self._url!r}; expected one of: {shown}"
            )

    def wanted(self, name: str) -> bool:
        """Whether anything is read from the column ``name``."""
        folded = _folded(name)
        return folded in self._known or self._extra is None or folded in self._extra

    def row_of(self, address: str) -> Row:
        """The row of a list that has addresses and nothing else."""
        return {self._url: address}

    def candidate(self, row: Row | None, number: int) -> Candidate:
        """The picture that row ``number`` names. Without a usable address, one that fails and says so."""
        if row is None:
            return Candidate(urls.invalid(f"{self._base}: row {number} cannot be read"))
        row = {_folded(name): value for name, value in row.items() if value is not None}
        thumbnail = _text(row.get(_THUMBNAIL))
        return Candidate(
            self._address(row.get(self._url), number),
            thumbnail_url=thumbnail if thumbnail and urls.is_web(thumbnail) else None,
            metadata=self._metadata(row),
        )

    def _address(self, value: Any, number: int) -> str:
        if not isinstance(value, str) or not value.strip():
            return urls.invalid(f"{self._base}: row {number} has no {self._url!r}")
        try:
            if urls.is_local(self._base) and not urls.has_scheme(value):
                return urls.from_path(urls.to_path(self._base).parent / value.strip())
            return urls.canonical(value)
        except ValueError as error:
            return urls.invalid(f"{self._base}: row {number}: {value[:200]!r}: {error}")

    def _metadata(self, row: Row) -> Metadata:
        fields = {
            field: next((value for name in names if (value := _text(row.get(name)))), None)
            for field, names in self._fields.items()
        }
        extra = {
            name: value
            for name, value in row.items()
            if name not in self._known and (self._extra is None or name in self._extra)
        }
        return Metadata(**fields, extra=extra)


def _folded(name: str) -> str:
    return name.strip().casefold()


def _text(value: Any) -> str | None:
    if isinstance(value, bool | bytes | dict | list):
        return None
    return text.plain(str(value)) if value is not None else None
