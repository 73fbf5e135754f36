"""Streams of changes: what is new, changed, moved or withdrawn since the last crawl.

IIIF Change Discovery 1.0, the processing algorithm of §3.5: https://iiif.io/api/discovery/1.0/. The stream is walked
backwards from its ``last`` page by ``prev``, each page from its end, to where the last crawl began. Of the activities
on one object only the newest counts. ``seeAlso`` is left alone: the manifest says all that is wanted.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b85encode
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from anyio import to_thread

from artalike.crawl import urls
from artalike.crawl.sources.base import Found, Reach
from artalike.crawl.sources.iiif_json import Json, address, kind_of, listed
from artalike.crawl.sources.iiif_presentation import KIND
from artalike.crawl.sources.museum import parse_json
from artalike.errors import FailureKind, ParseError
from artalike.records import Candidate, Task

RECRAWL: Final = 3600.0
"""Seconds until a stream is worth reading again."""
MAX_PAGES: Final = 100_000
MAX_OBJECTS: Final = 50_000
"""Objects in one crawl of a stream: they are remembered with the cursor, so that each is taken once."""
BATCH: Final = 1000
STREAM: Final = "orderedcollection"
PAGE: Final = "orderedcollectionpage"
ACCEPT: Final = (
    'application/ld+json;profile="http://iiif.io/api/discovery/1/context.json", application/ld+json;q=0.9, '
    "application/json;q=0.8, */*;q=0.1"
)

_MARK: Final = 6
_FRACTION: Final = re.compile(r"(\.\d{6})\d+")
_TAKEN: Final = frozenset({"manifest", "collection", STREAM, ""})
_INCLUDED: Final = frozenset({"create", "update", "add", "move"})
_WITHDRAWN: Final = frozenset({"delete", "remove"})


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a crawl leaves for the next one: the time of the newest activity, and where the stream ended."""

    newest: str | None
    last: str | None

    @classmethod
    def of(cls, text: str | None) -> Self:
        """From :meth:`text`; an empty one from anything else."""
        values = _values(text)
        return cls(_text(values.get("newest")), _text(values.get("last")))

    def text(self) -> str:
        return json.dumps({"newest": self.newest, "last": self.last})


@dataclass(slots=True)
class Walk:
    """How far a stream has been walked. ``left`` is how many activities of ``page`` are still to come, None for all.

    ``since`` is when the last crawl began, None for the first; ``seen`` are marks of objects that are settled.
    ``only_gone`` is set behind a refresh: what was there before has been said anew, unless it is gone.
    """

    stream: str
    last: str | None
    page: str | None
    left: int | None = None
    since: str | None = None
    newest: str | None = None
    only_gone: bool = False
    pages: int = 0
    seen: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, cursor: str | None) -> Self | None:
        """A walk that was interrupted, or None where ``cursor`` is of something else."""
        values = _values(cursor)
        if not isinstance(values.get("stream"), str) or not isinstance(values.get("seen"), str):
            return None
        marks = values.pop("seen")
        width = len(_mark(""))
        kept = {name: value for name, value in values.items() if name in _KEPT}
        return cls(**kept, seen={marks[at : at + width] for at in range(0, len(marks), width)})

    def cursor(self) -> str:
        values = {name: getattr(self, name) for name in _KEPT}
        return json.dumps(values | {"seen": "".join(sorted(self.seen))})

    @property
    def checkpoint(self) -> str:
        return Checkpoint(self.newest or self.since, self.last).text()


_KEPT: Final = ("stream", "last", "page", "left", "since", "newest", "only_gone", "pages")


def beginning(stream: Json, url: str, checkpoint: str | None) -> Walk:
    """The walk through a stream, from its end, or through a page of one and all before it.

    Raises ParseError, BAD_DOCUMENT, for a stream without a last page.
    """
    page = url if kind_of(stream) == PAGE or "orderedItems" in stream else address(stream.get("last"), url)
    if page is None:
        raise ParseError(FailureKind.BAD_DOCUMENT, f"{url}: a stream of changes without a last page")
    return Walk(url, page, page, since=Checkpoint.of(checkpoint).newest)


def unchanged(task: Task) -> Walk | None:
    """The walk through a stream whose own document is as it was: its last page may have grown all the same."""
    known = Checkpoint.of(task.checkpoint)
    return Walk(task.url, known.last, known.last, since=known.newest) if known.last is not None else None


async def follow(walk: Walk, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
    """What has changed, newest first, a page at a time. Raises ItemError; what was yielded before stands."""
    visited: set[str] = set()
    while walk.page is not None and walk.page not in visited and walk.pages < MAX_PAGES:
        visited.add(walk.page)
        document = await reach.document(walk.page, accept=ACCEPT)
        page = await to_thread.run_sync(parse_json, document.data, document.url)
        more = True
        while more:
            changes = await to_thread.run_sync(_batch, page, document.url, walk, task.depth + 1)
            more = walk.left is not None
            # Without times there is no telling what is new: each crawl is of everything, and not for every hour.
            recrawl = RECRAWL if task.depth == 0 and (walk.newest or walk.since) else None
            yield Found(changes.added, walk.cursor(), changes.gone, walk.checkpoint, recrawl)


@dataclass(slots=True)
class _Changes:
    """What activities of the page at ``url`` come to. ``streams`` are the names of their stream, and None."""

    walk: Walk
    url: str
    streams: frozenset[str | None]
    depth: int
    added: list[Candidate] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    def apply(self, activity: Json, at: datetime | None) -> None:
        """One activity, which was at ``at``, behind all that are newer."""
        kind, thing = kind_of(activity), _thing(activity.get("object"), self.url)
        # Added to or removed from another stream: none of this one's business.
        of_stream = {"add": activity.get("target"), "remove": activity.get("origin")}.get(kind)
        if thing is None or self._is_settled(thing) or address(of_stream, self.url) not in self.streams:
            return
        target = _thing(activity.get("target"), self.url) if kind == "move" else thing
        if kind in _WITHDRAWN:
            self.gone.append(thing)
        elif self.walk.only_gone or kind not in _INCLUDED:
            return
        elif target is not None and not self._is_settled(target):
            revision = at.isoformat() if at is not None else None
            self.added.append(Candidate(target, KIND, depth=self.depth, revision=revision))
            self.walk.seen.add(_mark(target))
        if kind == "move":
            self.gone.append(thing)
        self.walk.seen.add(_mark(thing))

    def _is_settled(self, url: str) -> bool:
        return _mark(url) in self.walk.seen


def _batch(page: Json, url: str, walk: Walk, depth: int) -> _Changes:
    """The next changes of a page, from its end. Moves ``walk`` behind them, or to the page before."""
    changes = _Changes(walk, url, frozenset({None, walk.stream, address(page.get("partOf"), url)}), depth)
    activities = listed(page.get("orderedItems")) or listed(page.get("items"))
    left = len(activities) if walk.left is None else min(walk.left, len(activities))
    until = max(0, left - BATCH)
    since, horizon = _time(walk.since), datetime.now(UTC) + timedelta(days=1)
    newest = _time(walk.newest) or datetime.min.replace(tzinfo=UTC)
    ended = False
    for activity in filter(lambda item: isinstance(item, dict), reversed(activities[until:left])):
        at = _time(activity.get("endTime"))
        is_refresh = kind_of(activity) == "refresh"
        if (at is not None and since is not None and at < since) or (is_refresh and since is None):
            ended = True
            break
        if at is not None and newest < at < horizon:
            newest, walk.newest = at, at.isoformat()
        if is_refresh:
            walk.only_gone = True
        else:
            changes.apply(activity, at)
    walk.left = until or None
    if ended or len(walk.seen) >= MAX_OBJECTS:
        walk.page = walk.left = None
    elif not until:
        walk.page = address(page.get("prev"), url)
    walk.pages += walk.left is None
    return changes


def _thing(value: Any, url: str) -> str | None:
    """The address of a resource of a kind that is known here; streams are, because registries have them (§2.4)."""
    if isinstance(value, dict) and kind_of(value) not in _TAKEN:
        return None
    found = address(value, url)
    return found if found is not None and urls.is_web(found) else None


def _mark(url: str) -> str:
    return b85encode(hashlib.blake2b(url.encode(), digest_size=_MARK).digest()).decode()


def _time(value: Any) -> datetime | None:
    """An xsd:dateTime; without a time zone it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(_FRACTION.sub(r"\1", value.strip()[:50]))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _values(text: str | None) -> dict[str, Any]:
    try:
        values = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
