"""The pictures found in one page, each once, with what several places say of it put together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Final

from artalike.records import Candidate, Metadata

FULL_URL: Final = "full_url"
"""The further field that has the address of a picture's largest version, where a smaller one was chosen."""


class Findings:
    """Pictures by address, in the order found. What is said first stays; what is said later fills gaps.

    ``full_url`` is of the largest version of a picture that is taken in a smaller one: named in another place of the
    page, it is no picture of its own.
    """

    def __init__(self) -> None:
        self._found: dict[str, Candidate] = {}
        self._chosen: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, candidate: Candidate, *, full_url: str | None = None) -> None:
        chosen = self._chosen.get(candidate.url) or self._chosen.get(full_url or "")
        if chosen is not None:
            candidate = replace(candidate, url=chosen)
        elif full_url is not None and full_url != candidate.url:
            self._chosen[full_url] = candidate.url
            candidate = replace(candidate, metadata=_with_full(candidate.metadata, full_url))
            known = self._found.pop(full_url, None)
            if known is not None:
                candidate = _together(replace(known, url=candidate.url), candidate)
        known = self._found.get(candidate.url)
        self._found[candidate.url] = candidate if known is None else _together(known, candidate)

    def all(self, fallback: Metadata) -> Iterator[Candidate]:
        """Every picture, with ``fallback`` where nothing else was said."""
        for candidate in self._found.values():
            yield replace(candidate, metadata=filled(candidate.metadata, fallback))


def _with_full(metadata: Metadata, full_url: str) -> Metadata:
    return replace(metadata, extra={FULL_URL: full_url, **metadata.extra})


def _together(first: Candidate, second: Candidate) -> Candidate:
    return replace(
        first,
        thumbnail_url=first.thumbnail_url or second.thumbnail_url,
        metadata=filled(first.metadata, second.metadata),
    )


def filled(first: Metadata, second: Metadata) -> Metadata:
    """``first`` with its empty fields taken from ``second``."""
    values = {field.name: getattr(first, field.name) or getattr(second, field.name) for field in fields(Metadata)}
    return Metadata(**(values | {"extra": {**second.extra, **first.extra}}))
