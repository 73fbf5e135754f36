"""Notices through PostgreSQL: a table keeps them for a while, and NOTIFY says that there may be more.

https://www.postgresql.org/docs/current/sql-notify.html. A notification reaches only whoever listens at that moment, and
holds less than 8000 bytes: so it carries nothing, and what was told is read from the table by ascending numbers. All
that write hold one lock to the end of their transactions: no number is ever seen before a smaller one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from artalike.storage.notices import Changed, Heard, Notice
from artalike.storage.postgres_dialect import NOW, WORKER

CHANNEL: Final = "artalike"
READ_MOST: Final = 1000
KEPT_SECONDS: Final = 3600

WAKE_AND_COMMIT: Final = f"SELECT pg_notify('{CHANNEL}', ''); COMMIT"
"""Counts may have changed where nothing else has."""

Told = list[tuple[Changed, list[int]]]
"""What a transaction tells, with the same in one entry as far as it was told one after the other."""


def tell(told: Told, what: Changed, ids: Sequence[int]) -> None:
    """Add to what a transaction tells."""
    if told and told[-1][0] is what:
        told[-1][1].extend(ids)
    elif ids:
        told.append((what, list(ids)))


async def leave(raw: Any, told: Told) -> None:
    """Inside of the transaction that tells this."""
    if told:
        await raw.executemany(_LEAVE, [(what.value, ids) for what, ids in told])


async def told_since(raw: Any, what: Changed, after: int) -> tuple[int, list[int]]:
    """The number of the last notice of this kind, and the ids of all behind the number ``after``."""
    rows = await raw.fetch(_SINCE, what.value, after)
    return max((row[0] for row in rows), default=after), [number for row in rows for number in row[1]]


async def last(raw: Any) -> int:
    """The number of the latest notice."""
    return int(await raw.fetchval(_LAST))


async def read(raw: Any, after: int, *, seconds: float) -> tuple[Heard, int, bool]:
    """What was told behind the number ``after``, up to which number that is, and whether more waits.

    That of ``after`` itself is there as long as none behind it was forgotten.
    """
    rows = await raw.fetch(_READ, after, READ_MOST + 1, timeout=seconds)
    seamless = bool(rows) and rows[0][0] == after
    notices = tuple(Notice(Changed(what), tuple(ids), own) for _, what, ids, own in rows[int(seamless) :])
    return Heard(notices, all=not seamless), rows[-1][0] if rows else await last(raw), len(rows) > READ_MOST


async def forget(raw: Any) -> None:
    """Delete what all that listen have heard, but for the latest."""
    await raw.execute(_FORGET)


_LEAVE: Final = f"INSERT INTO notices (what, ids, worker, told_at) VALUES ($1, $2, {WORKER}, {NOW})"
_SINCE: Final = "SELECT id, ids FROM notices WHERE what = $1 AND id > $2 ORDER BY id"
_LAST: Final = "SELECT coalesce(max(id), 0) FROM notices"
_READ: Final = f"SELECT id, what, ids, worker = {WORKER} FROM notices WHERE id >= $1 ORDER BY id LIMIT $2"
_FORGET: Final = f"DELETE FROM notices WHERE told_at < {NOW} - {KEPT_SECONDS} AND id < (SELECT max(id) FROM notices)"
