"""What the museums' sources have in common: roots like ``met:department=11``, and interfaces that answer in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from anyio import to_thread

from artalike.config import Settings
from artalike.crawl.sources.base import NO_HEADERS, Reach
from artalike.crawl.sources.options import Options
from artalike.errors import FailureKind, ParseError
from artalike.records import Task

MAX_QUERY: Final = 500
"""Characters of a root behind its colon."""


def root_of(kind: str, text: str) -> str | None:
    """``met:department=11`` for kind ``met``, in one spelling: parameters sorted; None when it is of another kind."""
    name, colon, query = text.strip().partition(":")
    if not colon or name.lower() != kind or len(query) > MAX_QUERY or query.startswith("//"):
        return None
    return f"{kind}:{urlencode(sorted(parse_qsl(query)))}"


def parameters(root: str) -> dict[str, str]:
    """What stands behind the colon of a root."""
    return dict(parse_qsl(root.partition(":")[2]))


def is_root(task: Task) -> bool:
    """Whether this is the museum as a whole, and not one of its documents."""
    return task.url.startswith(f"{task.kind}:")


def only_open_access(task: Task, settings: Settings) -> bool:
    """Whether pictures that are not for everyone are to be left out."""
    asked = Options.of(task.options).open_access
    return settings.crawl.open_access_only if asked is None else asked


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
