"""The pictures found in one page, each once, with what several places say of it put together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

from artalike.records import Candidate, Metadata


class Findings:
    """Pictures by address, in the order found. What is said first stays; what is said later fills gaps."""

    def __init__(self) -> None:
        self._found: dict[str, Candidate] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, candidate: Candidate) -> None:
        known = self._found.get(candidate.url)
        self._found[candidate.url] = candidate if known is None else _together(known, candidate)

    def all(self, fallback: Metadata) -> Iterator[Candidate]:
        """Every picture, with ``fallback`` where nothing else was said."""
        for candidate in self._found.values():
            yield replace(candidate, metadata=filled(candidate.metadata, fallback))


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
