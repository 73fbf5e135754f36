"""What becomes of an address that a document names: it is new, waits already, has been had, or must not come in."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final
from urllib.parse import urlsplit

from artalike.errors import FailureKind
from artalike.records import IMAGE_KIND, Candidate, Metadata, Task
from artalike.storage.catalog import Connection
from artalike.storage.lanes import widen_lanes

METADATA: Final = ("title", "creator", "date", "medium", "rights", "attribution", "page_url")
"""The fields of :class:`~artalike.records.Metadata` that have a column of their own in the catalog."""

Refuses = Callable[[str], str | None]
"""Why an address must not come in, None when it may."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is kept for one seed at most, against sites that go on without end.

    ``documents`` is of the kinds in ``bounded_kinds``, those that follow links wherever they lead; ``found`` of all.
    """

    documents: int = 10_000
    found: int = 5_000_000
    bounded_kinds: frozenset[str] = frozenset({"page", "sitemap", "list", "feed"})


@dataclass(slots=True)
class _Known:
    """Of what was found, what the frontier has already, sorted by what is to be done with it."""

    positions: set[int] = field(default_factory=set)
    waiting: list[tuple[str, int]] = field(default_factory=list)
    again: list[tuple[Any, ...]] = field(default_factory=list)
    lanes: Counter[str] = field(default_factory=Counter)
    states: Counter[tuple[str, bool]] = field(default_factory=Counter)


async def store(
    connection: Connection, task: Task, found: Sequence[Candidate], *, bounds: Bounds, refuses: Refuses
) -> int:
    """Add what is new, make due again what may have changed, and count both for the seed. How many were new."""
    [seed] = await connection.execute_fetchall(
        "SELECT crawl, found, documents FROM seeds WHERE id = ?", (task.seed_id,)
    )
    crawl, kept, documents = seed
    found = list({(candidate.kind, candidate.url): candidate for candidate in reversed(found)}.values())[::-1]
    rows = [_row(candidate, refuses) for candidate in found]
    batch = json.dumps(rows)
    known = await _known(connection, task.seed_id, found, batch, crawl)
    await connection.executemany(_KEEP_METADATA, known.waiting)
    await connection.executemany(_READ_AGAIN, known.again)
    await _tell_images(connection, task, rows, batch)

    new = [candidate for position, candidate in enumerate(found) if position not in known.positions]
    bounded, note = _bounded(new, bounds, room=bounds.found - kept, documents=bounds.documents - documents)
    if known.positions or note:
        batch = json.dumps([_row(candidate, refuses) for candidate in bounded])
    added = list(await connection.execute_fetchall(_INSERT, (batch, task.seed_id, task.id, crawl)))
    states = Counter(state for _, _, state, _ in added)
    await _mark_blocked(connection, [row_id for row_id, _, state, _ in added if state == "failed"])

    waiting = Counter(host for _, host, state, _ in added if state == "pending") + known.lanes
    await widen_lanes(connection, task.seed_id, waiting)
    again = known.states.total()
    await connection.execute(
        "UPDATE seeds SET found = found + ?1, pending = pending + ?2, done = done + ?3, failed = failed + ?4, "
        "images = images + ?5, documents = documents + ?6, error = coalesce(?7, error), updated_at = ?8 WHERE id = ?9",
        (
            len(added),
            states["pending"] + again,
            states["done"] - known.states["done", True] - known.states["done", False],
            states["failed"] - known.states["failed", True] - known.states["failed", False],
            states["done"] - known.states["done", True],
            sum(kind in bounds.bounded_kinds for _, _, _, kind in added),
            note,
            time.time(),
            task.seed_id,
        ),
    )
    return len(added)


async def _known(connection: Connection, seed_id: int, found: Sequence[Candidate], batch: str, crawl: int) -> _Known:
    known = _Known()
    rows = await connection.execute_fetchall(_KNOWN, (batch, seed_id))
    for position, row_id, state, host, asked, revision, said in rows:
        candidate = found[position]
        known.positions.add(position)
        is_image = candidate.kind == IMAGE_KIND
        if state not in {"done", "failed"}:
            if is_image:
                known.waiting.append((json.dumps(filled(json.loads(said), metadata_json(candidate.metadata))), row_id))
        elif _may_have_changed(candidate, revision, state, asked < crawl):
            metadata = json.dumps(metadata_json(candidate.metadata))
            known.again.append((metadata, candidate.revision, crawl, candidate.thumbnail_url, row_id))
            known.lanes[host] += 1
            known.states[state, is_image] += 1
    return known


def _may_have_changed(candidate: Candidate, revision: str | None, state: str, is_new_crawl: bool) -> bool:
    if candidate.revision is not None and state == "done":
        return candidate.revision != revision
    # A picture without a revision is had once; a document is read once in each crawl.
    return is_new_crawl and candidate.kind != IMAGE_KIND


def _bounded(
    new: Sequence[Candidate], bounds: Bounds, *, room: int, documents: int
) -> tuple[list[Candidate], str | None]:
    kept: list[Candidate] = []
    note: str | None = None
    for candidate in new:
        if len(kept) >= room:
            return kept, f"stopped at {bounds.found} addresses (crawl.max_found)"
        if candidate.kind in bounds.bounded_kinds:
            if documents <= 0:
                note = f"stopped at {bounds.documents} documents (crawl.max_documents)"
                continue
            documents -= 1
        kept.append(candidate)
    return kept, note


async def _tell_images(connection: Connection, task: Task, found: Sequence[Mapping[str, Any]], batch: str) -> None:
    """What is said here of pictures that the collection has: of another source it fills gaps, of its own it replaces.

    Replaces, where this document is read again because it has changed: its museum has corrected a record.
    """
    own, others = list[tuple[Any, ...]](), list[tuple[Any, ...]]()
    for position, source, image_id in await connection.execute_fetchall(_KNOWN_IMAGES, (batch,)):
        said = json.loads(found[position]["metadata"])
        texts = [said.get(name) for name in METADATA]
        if task.recheck and source == task.seed_source:
            own.append((*texts, json.dumps(said["extra"]) if "extra" in said else None, image_id))
        elif said:
            others.append((*texts, image_id))
    await connection.executemany(_REPLACE_IN_IMAGE, own)
    await connection.executemany(_FILL_IN_IMAGE, others)


async def _mark_blocked(connection: Connection, row_ids: Iterable[int]) -> None:
    ids = json.dumps(list(row_ids))
    await connection.execute(
        "UPDATE frontier SET error_kind = ?, error_detail = 'blocked: it must not come in', failed_at = ?, "
        "metadata = '{}' WHERE id IN (SELECT value FROM json_each(?))",
        (FailureKind.BLOCKED, time.time(), ids),
    )


def host_of(url: str) -> str:
    """Whose slot a request for this address takes: host and port; empty for a local file or a museum's root."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2].lower()


def metadata_json(metadata: Metadata) -> dict[str, Any]:
    """Metadata as the frontier keeps it: what is not empty."""
    values = {name.name: getattr(metadata, name.name) for name in fields(metadata)}
    values["extra"] = dict(metadata.extra)
    return {name: value for name, value in values.items() if value}


def filled(first: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """What was said first, and of what is said later all that it left out, in ``extra`` as well."""
    extra = {**later.get("extra", {}), **first.get("extra", {})}
    return {**later, **first} | ({"extra": extra} if extra else {})


def _row(candidate: Candidate, refuses: Refuses) -> dict[str, Any]:
    blocked = refuses(candidate.url) or refuses(candidate.metadata.page_url or "")
    if blocked is not None:
        candidate = replace(candidate, metadata=Metadata())
    return {
        "kind": candidate.kind,
        "url": candidate.url,
        "host": host_of(candidate.url),
        "depth": candidate.depth,
        "thumbnail_url": candidate.thumbnail_url,
        "metadata": json.dumps(metadata_json(candidate.metadata), separators=(",", ":")),
        "revision": candidate.revision,
        "blocked": None if blocked is None else 1,
    }


def filling(names: Sequence[str]) -> Iterator[str]:
    """``name = coalesce(name, ?)`` for each: what came first stays."""
    return (f"{name} = coalesce({name}, ?)" for name in names)


# Pictures that the collection has already are done when they are found: nothing finished is fetched again. Of those
# that were taken out, only their address is left, and it must not be fetched again.
_INSERT: Final = """
INSERT INTO frontier (seed_id, parent_id, crawl, kind, url, host, depth, thumbnail_url, metadata, revision, state)
SELECT CAST(?2 AS BIGINT), CAST(?3 AS BIGINT), CAST(?4 AS BIGINT), value ->> 'kind', value ->> 'url', value ->> 'host',
       CAST(value ->> 'depth' AS BIGINT), value ->> 'thumbnail_url', value ->> 'metadata', value ->> 'revision',
       CASE WHEN value ->> 'blocked' IS NOT NULL THEN 'failed' WHEN value ->> 'kind' <> 'image' THEN 'pending' ELSE
       CASE (SELECT max(CASE WHEN removed_at IS NULL THEN 1 ELSE 0 END)
             FROM image_urls JOIN images ON images.id = image_id WHERE image_urls.url = value ->> 'url')
       WHEN 1 THEN 'done' WHEN 0 THEN 'failed' ELSE 'pending' END END
FROM json_each(?1) WHERE true
ON CONFLICT DO NOTHING
RETURNING id, host, state, kind
"""

# CROSS JOIN keeps SQLite from looking for each row of the frontier in the batch instead of the other way round.
_KNOWN: Final = """
SELECT found.key, frontier.id, state, frontier.host, frontier.crawl, frontier.revision,
       CASE WHEN frontier.kind = 'image' AND state IN ('pending', 'leased') THEN frontier.metadata END
FROM json_each(?1) AS found CROSS JOIN frontier
WHERE seed_id = ?2 AND frontier.kind = found.value ->> 'kind' AND frontier.url = found.value ->> 'url'
  AND found.value ->> 'blocked' IS NULL AND coalesce(error_kind, '') <> 'blocked'
"""

# A sitemap names a picture first, its page then tells who made it: the second fills what the first left empty.
_KEEP_METADATA: Final = "UPDATE frontier SET metadata = ? WHERE id = ?"

_READ_AGAIN: Final = """
UPDATE frontier SET state = 'pending', recheck = 1, attempts = 0, not_before = 0, cursor = NULL, next_checkpoint = NULL,
       metadata = ?, revision = ?, crawl = ?, thumbnail_url = ? WHERE id = ?
"""

_KNOWN_IMAGES: Final = """
SELECT found.key, images.source, image_id
FROM json_each(?1) AS found CROSS JOIN image_urls CROSS JOIN images
WHERE image_urls.url = found.value ->> 'url' AND images.id = image_id AND found.value ->> 'kind' = 'image'
  AND removed_at IS NULL AND found.value ->> 'metadata' <> '{}'
"""

_FILL_IN_IMAGE: Final = f"UPDATE images SET {', '.join(filling(METADATA))} WHERE id = ?"

_REPLACE_IN_IMAGE: Final = (
    f"UPDATE images SET {', '.join(f'{name} = coalesce(?, {name})' for name in METADATA)}, "
    "extra = coalesce(?, extra) WHERE id = ?"
)
