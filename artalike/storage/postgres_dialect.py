"""What PostgreSQL spells in its own way, and how a statement of the catalog is put into its words."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from artalike.storage.near_duplicates_bands import AT_ONCE, BANDS, BUCKET_MOST
from artalike.storage.postgres_words import TEXTS

NOW: Final = "extract(epoch FROM clock_timestamp())::double precision"
"""Seconds since the epoch by the server's clock, which all workers share."""

WORKER: Final = "coalesce(nullif(current_setting('artalike.worker', true), ''), '0')::bigint"
"""The number that a process has among those that lease; 0 for one that does not yet."""

ADVISORY: Final = (
    "locktype = 'advisory' AND objsubid = 1 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
"""Which rows of ``pg_locks`` are of advisory locks, by one number, of this database."""

_SPELLED: Final = (
    # A list's plain values are numbers; where they are texts, the statement says CAST(value AS TEXT).
    (re.compile(r"SELECT value FROM json_each\("), "SELECT value::bigint FROM json_each("),
    (re.compile(r"\bjson_each\("), "json_list("),
    (re.compile(r"\bvalue ->"), "value::json ->"),
    (re.compile(r"\bgroup_concat\(([\w.]+)\)"), r"string_agg(\1::text, ',')"),
    (re.compile(r"\bjson_group_array\(([\w.]+)\)"), r"coalesce(json_agg(\1), '[]')::text"),
    (re.compile(r"\bNOT INDEXED\b"), ""),
)
_PARAMETER: Final = re.compile(r"'(?:[^']|'')*'|\?(\d*)")


@lru_cache(maxsize=2048)  # each text is one that the program holds, or of few parts
def translated(sql: str) -> str:
    """With ``$1`` for ``?`` and ``?1``, which are numbered as by SQLite, and the words of :mod:`.postgres_schema`."""
    for pattern, words in _SPELLED:
        sql = pattern.sub(words, sql)
    last = 0

    def numbered(match: re.Match[str]) -> str:
        nonlocal last
        if match[1] is None:  # a text
            return match[0]
        number = int(match[1]) if match[1] else last + 1
        last = max(last, number)
        return f"${number}"

    return _PARAMETER.sub(numbered, sql)


def _look_up() -> str:
    asked = ", ".join(f"({number}, CAST(?{number + 1} AS BIGINT))" for number in range(AT_ONCE))
    sides = [
        f"(SELECT image_id, phash FROM fingerprints WHERE {band % 'phash'} = {band % 'asked.phash'} "
        f"AND phash {side} LIMIT {BUCKET_MOST})"
        for band in BANDS
        for side in (">= asked.phash ORDER BY phash", "< asked.phash ORDER BY phash DESC")
    ]
    return (
        f"SELECT number, image_id, near.phash FROM (VALUES {asked}) AS asked (number, phash) "
        f"CROSS JOIN LATERAL ({' UNION ALL '.join(sides)}) AS near WHERE asked.phash IS NOT NULL"
    )


class PostgresDialect:
    """:class:`~artalike.storage.dialect.Dialect` of PostgreSQL."""

    texts = TEXTS
    look_up = _look_up()

    # A host that is another worker's is left alone, and so is a lane that somebody is changing at this moment.
    lanes_due = f"""
SELECT seed_id, host, rate FROM lanes JOIN seeds ON seeds.id = seed_id
WHERE waiting > 0 AND ready_at <= ?1 AND state = 'running' AND paced_until <= ?1
  AND host NOT IN (SELECT CAST(value AS TEXT) FROM json_each(?2))
  AND NOT EXISTS (SELECT 1 FROM host_leases
                  WHERE host_leases.host = lanes.host AND worker <> {WORKER} AND until > {NOW})
ORDER BY served_at, seed_id DESC LIMIT ?3 FOR UPDATE OF lanes SKIP LOCKED
"""
    next_due = f"""
SELECT min(greatest(ready_at, paced_until, until)) FROM lanes JOIN seeds ON seeds.id = seed_id
LEFT JOIN host_leases ON host_leases.host = lanes.host AND worker <> {WORKER} AND until > {NOW}
WHERE waiting > 0 AND state = 'running'
"""
    held = "FOR UPDATE OF frontier SKIP LOCKED"
    leased = f"state = 'leased', worker = {WORKER}"

    def last_id(self, table: str) -> str:
        return f"coalesce(pg_sequence_last_value(pg_get_serial_sequence('{table}', 'id')::regclass), 0)"

    async def raise_id(self, connection: Any, table: str, last: int) -> None:
        # A sequence counts outside of transactions: after a rollback some ids are left out, and none is given twice.
        sequence = f"pg_get_serial_sequence('{table}', 'id')"
        await connection.execute(f"SELECT setval({sequence}, greatest(?, {self.last_id(table)}, 1))", (last,))


POSTGRES: Final = PostgresDialect()
