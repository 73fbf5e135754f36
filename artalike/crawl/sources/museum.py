"""What the museums' sources have in common: roots like ``met:department=11``, and interfaces that answer in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, ClassVar, Final, Self
from urllib.parse import parse_qsl, urlencode

from anyio import to_thread

from artalike.config import Settings
from artalike.crawl import urls
from artalike.crawl.sources.base import NO_HEADERS, Document, Reach
from artalike.crawl.sources.options import Options
from artalike.errors import FailureKind, ParseError
from artalike.records import Candidate, Metadata, Task

MAX_QUERY: Final = 500
"""Characters of a root behind its colon."""
MAX_ENTRIES: Final = 1000
"""Entries read of one list: of objects on a page, of pictures of an object."""
CC0: Final = "Public domain, CC0 1.0: https://creativecommons.org/publicdomain/zero/1.0/"
"""The rights of what a museum has given to everyone under Creative Commons Zero, for a person to read."""

# Clocks differ, some interfaces know days only, and some write times without their zone.
_MARGIN: Final = timedelta(days=1)

Record = Mapping[str, Any]
"""An object as its museum describes it: JSON, in which anything may be of any type."""


class Museum:
    """What is the same of every museum that is named by its root and by nothing else."""

    kind: ClassVar[str]
    schemes: ClassVar[Sequence[str]] = ()
    takes: ClassVar[Sequence[str]] = ("open_access",)

    def match(self, text: str) -> str | None:
        return root_of(self.kind, text)

    def recognizes(self, document: Document) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the reading of a listing has come: ``place`` is the number of the last entry or page had.

    ``started`` is when it began, in ISO 8601, and stays the same through interruptions: what the museum changes while
    it is read may or may not be seen, so the next crawl has to ask from there.
    """

    started: str
    place: int

    @classmethod
    def of(cls, task: Task) -> Self:
        if task.cursor is None:
            return cls(datetime.now(UTC).isoformat(timespec="seconds"), 0)
        started, _, place = task.cursor.partition(" ")
        return cls(started, int(place))

    def at(self, place: int) -> str:
        """The cursor at another place."""
        return f"{self.started} {place}"


def root_of(kind: str, text: str) -> str | None:
    """``met:department=11`` for kind ``met``, in one spelling: parameters sorted.

    None when it is of another kind, or when what stands behind the colon is not all parameters with values: the
    museum as a whole must be meant, not left over.
    """
    name, colon, query = text.strip().partition(":")
    if not colon or name.lower() != kind or len(query) > MAX_QUERY or query.startswith("//"):
        return None
    given = parse_qsl(query, keep_blank_values=True)
    if not all(value.strip() for _, value in given):
        return None
    return f"{kind}:{urlencode(sorted((each.strip(), value.strip()) for each, value in given), errors='replace')}"


def parameters(root: str) -> dict[str, str]:
    """What stands behind the colon of a root."""
    return dict(parse_qsl(root.partition(":")[2]))


def asked(task: Task, known: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a root, by their names in the museum's interface.

    ``known`` maps what a person may write to these names. Raises ParseError, BAD_DOCUMENT, that names a parameter
    which is not among them, and those which are.
    """
    names = {name.casefold(): theirs for name, theirs in known.items()}
    given = parameters(task.url)
    for name in given:
        if name.casefold() not in names:
            expected = f"expected one of {', '.join(known)}" if known else "it has none"
            raise ParseError(FailureKind.BAD_DOCUMENT, f"{task.kind}: parameter {name[:100]!r}: unknown; {expected}")
    return {names[name.casefold()]: value for name, value in given.items()}


def is_root(task: Task) -> bool:
    """Whether this is the museum as a whole, and not one of its documents."""
    return task.url.startswith(f"{task.kind}:")


def only_open_access(task: Task, settings: Settings) -> bool:
    """Whether pictures that are not for everyone are to be left out."""
    asked = Options.of(task.options).open_access
    return settings.crawl.open_access_only if asked is None else asked


def changed_since(modified: Any, checkpoint: str | None) -> bool:
    """Whether something last modified then may have changed since the crawl that left ``checkpoint``.

    ``modified`` is in ISO 8601; what cannot be read may mean any time.
    """
    if checkpoint is None or not isinstance(modified, str):
        return True
    try:
        when = datetime.fromisoformat(modified)
    except ValueError:
        return True
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return when >= datetime.fromisoformat(checkpoint) - _MARGIN


def day_before(checkpoint: str) -> str:
    """The day, as YYYY-MM-DD, from which on everything may be new to a crawl after ``checkpoint``."""
    return (datetime.fromisoformat(checkpoint) - _MARGIN).date().isoformat()


async def read_json(reach: Reach, url: str, *, headers: Mapping[str, str] = NO_HEADERS) -> dict[str, Any]:
    """The JSON object at ``url``. Raises FetchError, or ParseError, BAD_DOCUMENT, when it is none."""
    document = await reach.document(url, accept="application/json", headers=headers)
    return await to_thread.run_sync(parse_json, document.data, document.url)


def parse_json(data: bytes, url: str) -> dict[str, Any]:
    """The object that ``data`` holds. Raises ParseError, BAD_DOCUMENT."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ParseError(FailureKind.BAD_DOCUMENT, f"{url}: not JSON: {str(error)[:200]}") from error
    if not isinstance(value, dict):
        raise ParseError(FailureKind.BAD_DOCUMENT, f"{url}: a JSON {type(value).__name__}; expected an object")
    return value


def text_of(record: Record, *names: str) -> str | None:
    """The first of these fields that has a text, or a number, in it."""
    for name in names:
        value = record.get(name)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None


def records_of(record: Record, name: str) -> list[Record]:
    """The objects in a field that lists objects."""
    value = record.get(name)
    return [item for item in value[:MAX_ENTRIES] if isinstance(item, dict)] if isinstance(value, list) else []


def texts_of(record: Record, name: str) -> list[str]:
    """The texts in a field that lists texts."""
    value = record.get(name)
    entries = value[:MAX_ENTRIES] if isinstance(value, list) else []
    return [item for item in entries if isinstance(item, str) and item.strip()]


def record_of(record: Record, name: str) -> Record:
    """The object in a field, empty when there is none."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def number_of(record: Record, name: str) -> int:
    """The number in a field, which some write as text; 0 when there is none."""
    value = record.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else 0


def joined(texts: Iterable[str | None]) -> str | None:
    """The texts that there are, each once, as one."""
    return "; ".join(dict.fromkeys(filter(None, islice(texts, MAX_ENTRIES)))) or None


def address(base: str, written: str | None) -> str | None:
    """What a document at ``base`` gives as an address; as it is when it is none, so that it is counted and seen."""
    return None if written is None else urls.join(base, written) or written


def closed(every: Iterable[Candidate], found: Iterable[Candidate]) -> list[str]:
    """The addresses of pictures that their museum shows, and does not, or not any more, give to everyone."""
    kept = {candidate.url for candidate in found}
    return [candidate.url for candidate in every if candidate.url not in kept]


def pictures(addresses: Iterable[tuple[str | None, Metadata, str | None]], depth: int) -> list[Candidate]:
    """The pictures of an object, each address once: what is said of it, and the address of a smaller version."""
    found: dict[str, Candidate] = {}
    for url, metadata, thumbnail in islice(addresses, MAX_ENTRIES):
        if url is not None and url not in found:
            found[url] = Candidate(url, thumbnail_url=thumbnail, depth=depth, metadata=metadata)
    return list(found.values())
