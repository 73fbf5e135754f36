"""What must hold of the rows of an exported crawl: a wrong one would stop the server, or every list that shows it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from artalike.errors import ArchiveError
from artalike.records import Metadata, SeedState
from artalike.storage.carrying_crawl import FRONTIER, SEED

Check = Callable[[Any], bool]

NUMBER_MOST: Final = 2**53
"""What JSON's numbers hold exactly."""
TIME_MOST: Final = 1e11
"""Seconds since the epoch, some three thousand years of them."""

_METADATA: Final = frozenset(field.name for field in fields(Metadata))


def check(rows: Sequence[Sequence[Any]], columns: Sequence[str], path: Path) -> None:
    """Raises ArchiveError that names the first wrong value; ``path`` is where the rows lie."""
    checks = [*_CHECKS.items(), ("state", _STATES.get(tuple(columns), bool))]
    places = [(columns.index(name), name, holds) for name, holds in checks if name in columns]
    for row in rows:
        for place, name, holds in places:
            if not _holds(holds, row[place]):
                shown = repr(row[place])[:100]
                raise ArchiveError(f"{path}: {name} = {shown}; expected what `artalike export` has written there")


def _holds(holds: Check, value: Any) -> bool:
    try:
        return holds(value)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return False


def _or_none(holds: Check) -> Check:
    return lambda value: value is None or holds(value)


def _is_count(value: Any) -> bool:
    return 0 <= int(value) <= NUMBER_MOST


def _is_time(value: Any) -> bool:
    return 0 <= float(value) < TIME_MOST


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_metadata(text: str) -> bool:
    said = json.loads(text)
    texts = [value for name, value in said.items() if name != "extra"]
    json.dumps(said, ensure_ascii=False).encode()  # raises UnicodeError for what is no text
    return said.keys() <= _METADATA and all(map(_is_text, texts)) and isinstance(said.get("extra", {}), Mapping)


_CHECKS: Final[Mapping[str, Check]] = {
    **dict.fromkeys(("id", "seed_id", "depth", "attempts", "crawl", "recheck", "documents"), _is_count),
    **dict.fromkeys(("source", "kind", "url", "host"), _is_text),
    **dict.fromkeys(("created_at", "updated_at", "not_before", "added_at", "removed_at"), _is_time),
    **dict.fromkeys(("recrawl_at", "recrawl_seconds", "failed_at"), _or_none(_is_time)),
    "parent_id": _or_none(_is_count),
    "rate": _or_none(lambda rate: 0 < float(rate) <= NUMBER_MOST),
    "options": lambda text: isinstance(json.loads(text), Mapping),
    "metadata": _is_metadata,
    "sha256": lambda value: len(value) == 32,
    "urls": lambda text: all(url.encode() for url in json.loads(text)),
}

_STATES: Final[Mapping[tuple[str, ...], Check]] = {
    SEED: frozenset(state.value for state in SeedState).__contains__,
    FRONTIER: frozenset({"pending", "done", "failed"}).__contains__,
}
