"""A connection to PostgreSQL as the catalog's statements want one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from artalike.storage import postgres_notices
from artalike.storage.dialect import Dialect
from artalike.storage.notices import Changed
from artalike.storage.postgres_dialect import POSTGRES, translated

_NUL: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


class PostgresConnection:
    """:class:`~artalike.storage.catalog.Connection` over ``raw``, which is one of asyncpg's."""

    dialect: Dialect = POSTGRES

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.told: postgres_notices.Told = []

    async def execute(self, sql: str, values: Iterable[Any] = ()) -> None:
        await self.raw.fetch(translated(sql), *map(_storable, values))

    async def execute_fetchall(self, sql: str, values: Iterable[Any] = ()) -> list[Any]:
        rows = await self.raw.fetch(translated(sql), *map(_storable, values))
        return [tuple(row) for row in rows]

    async def executemany(self, sql: str, rows: Iterable[Iterable[Any]]) -> None:
        many = [tuple(map(_storable, row)) for row in rows]
        if many:
            await self.raw.executemany(translated(sql), many)

    def tell(self, what: Changed, ids: Sequence[int]) -> None:
        postgres_notices.tell(self.told, what, ids)

    async def told_since(self, what: Changed, after: int) -> tuple[int, list[int]]:
        return await postgres_notices.told_since(self.raw, what, after)


def _storable(value: Any) -> Any:
    """PostgreSQL takes every character but NUL, in texts and in the texts of JSON."""
    if isinstance(value, str):
        if "\x00" in value:
            value = value.replace("\x00", "\ufffd")
        if "\\u0000" in value:
            value = _NUL.sub(r"\1\\ufffd", value)
    return value
