"""What must never come in, or come back: hosts, patterns of addresses, and hashes of pictures.

The table ``blocks`` is the truth; :class:`Blocks` holds it in memory, because every address and every picture is asked
about. A host stands for itself and for all below it. A pattern is a whole address in which ``*`` stands for anything.
"""

from __future__ import annotations

import asyncio
import json
import re
import string
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

from yarl import URL

from artalike.errors import NotFound, QueryError
from artalike.storage.catalog import Connection, Database
from artalike.storage.notices import Changed

PHASH_DISTANCE: Final = 6
"""Bits, of 64, in which a perceptual hash may differ from a blocked one. Measured on 300 pictures: recompressed at
quality 20 to 85 or resized to 25 to 170 % they differ from themselves by 4 at most, from each other by 14 at least."""

VALUE_LENGTH: Final = 2000
REASON_LENGTH: Final = 500
WILDCARDS_MOST: Final = 16

_HOST: Final = re.compile(r"(?:[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_PATTERN: Final = re.compile(r"(https?|file|\*)://([^/]*)(/.*)?")
_HEXADECIMAL: Final = re.compile(r"[0-9a-f]+")


class BlockKind(StrEnum):
    """What a block's value is. Stored; never rename one."""

    SHA256 = "sha256"
    PHASH = "phash"
    HOST = "host"
    URL = "url"


@dataclass(frozen=True, slots=True)
class Block:
    """One rule. ``created_at`` is seconds since the epoch."""

    id: int
    kind: BlockKind
    value: str
    reason: str | None
    created_at: float

    def __str__(self) -> str:
        because = f": {self.reason}" if self.reason else ""
        return f"{self.kind} {self.value} is blocked{because}"


def normalized(kind: BlockKind, value: str) -> str:
    """The one spelling of a block's value. Raises QueryError that says what was expected."""
    text = value.strip()
    shown = text if len(text) <= 100 else f"{text[:99]}…"
    if len(text) > VALUE_LENGTH:
        raise QueryError(f"value = {shown!r}: expected at most {VALUE_LENGTH} characters")
    match kind:
        case BlockKind.HOST:
            return _normalized_host(text, shown)
        case BlockKind.URL:
            return _normalized_pattern(text, shown)
        case _:
            digits = 64 if kind is BlockKind.SHA256 else 16
            text = text.lower()
            if len(text) != digits or not _HEXADECIMAL.fullmatch(text):
                raise QueryError(f"value = {shown!r}: expected {digits} hexadecimal digits for the kind {kind}")
            return text


def kind_of_hash(value: str) -> BlockKind:
    """Which hash a text is, by its length. Raises QueryError."""
    digits = len(value.strip())
    if digits not in {64, 16}:
        raise QueryError(f"hash = {value[:100]!r}: expected 64 hexadecimal digits (sha256) or 16 (perceptual hash)")
    return BlockKind.SHA256 if digits == 64 else BlockKind.PHASH


def matcher(block: Block) -> Callable[[str], bool]:
    """Whether an address is of a host or a pattern; never, for a hash."""
    alone = Blocks([block])
    return lambda url: alone.reason(url) is not None


def literal(block: Block) -> str:
    """A text that every address which the block matches contains: a filter for the database before a close look."""
    if block.kind is BlockKind.HOST:
        return block.value
    return max(block.value.split("*"), key=len) if block.kind is BlockKind.URL else ""


def near(one: int, other: int) -> bool:
    """Whether two perceptual hashes, unsigned, are of the same picture."""
    return (one ^ other).bit_count() <= PHASH_DISTANCE


def unsigned(phash: int) -> int:
    """A perceptual hash as it lies in the catalog, as :class:`~artalike.records.Artwork` has it."""
    return phash % (1 << 64)


class Blocks:
    """All rules, in memory. They change right after the commit that changes the table.

    Those that other processes commit are followed: see :meth:`follow`.
    """

    def __init__(self, blocks: Iterable[Block] = ()) -> None:
        self._by_id = {block.id: block for block in blocks}
        self._told = 0
        self._following = asyncio.Lock()
        self._arrange()

    @classmethod
    async def open(cls, database: Database) -> Blocks:
        blocks = cls()
        await blocks.read(database)
        return blocks

    async def read(self, database: Database) -> None:
        """All of them."""
        async with self._following, database.read() as connection:
            self._told, _ = await connection.told_since(Changed.BLOCKS, self._told)
            rows = await connection.execute_fetchall(f"SELECT {COLUMNS} FROM blocks")
            self._by_id = {block.id: block for block in map(read_block, rows)}
            self._arrange()

    async def follow(self, connection: Connection) -> None:
        """Have those, too, that others have changed. Inside of a transaction that writes, these are all."""
        async with self._following:
            self._told, ids = await connection.told_since(Changed.BLOCKS, self._told)
            if not ids:
                return
            rows = await connection.execute_fetchall(
                f"SELECT {COLUMNS} FROM blocks WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),)
            )
            for block_id in ids:
                self._by_id.pop(block_id, None)
            self._by_id |= {block.id: block for block in map(read_block, rows)}
            self._arrange()

    def all(self) -> list[Block]:
        """Newest first."""
        return sorted(self._by_id.values(), key=lambda block: -block.id)

    def get(self, block_id: int) -> Block:
        """Raises NotFound."""
        if block_id not in self._by_id:
            raise NotFound(f"there is no block {block_id}")
        return self._by_id[block_id]

    def put(self, block: Block) -> None:
        self._by_id[block.id] = block
        self._arrange()

    def discard(self, block_id: int) -> None:
        if self._by_id.pop(block_id, None):
            self._arrange()

    def reason(self, url: str) -> str | None:
        """Why nothing may be fetched from this canonical address; None when it may."""
        if not self._addresses:
            return None
        found = self._by_host(_host_of(url)) or self._by_pattern(url)
        return str(found) if found else None

    def refuses_bytes(self, sha256: bytes, phash: int) -> str | None:
        """Why this picture may not come in, wherever it comes from; None when it may. ``phash`` is unsigned."""
        found = self._sha256s.get(sha256)
        if found is None and self._phashes:
            found = next((block for value, block in self._phashes if near(value, phash)), None)
        return str(found) if found else None

    def _by_host(self, host: str) -> Block | None:
        name, port = _split_port(host)
        while name:
            found = self._hosts.get(name) or (self._hosts.get(f"{name}:{port}") if port else None)
            if found:
                return found
            name = name.partition(".")[2]
        return None

    def _by_pattern(self, url: str) -> Block | None:
        if self._patterns is None or not self._patterns.fullmatch(url):
            return None
        return next(block for block in self._in_patterns if re.fullmatch(_expression(block.value), url, re.DOTALL))

    def _arrange(self) -> None:
        of_kind: dict[BlockKind, list[Block]] = {kind: [] for kind in BlockKind}
        for block in self._by_id.values():
            of_kind[block.kind].append(block)
        self._hosts = {block.value: block for block in of_kind[BlockKind.HOST]}
        self._in_patterns = of_kind[BlockKind.URL]
        self._patterns = _compiled([block.value for block in self._in_patterns])
        self._sha256s = {bytes.fromhex(block.value): block for block in of_kind[BlockKind.SHA256]}
        self._phashes = [(int(block.value, 16), block) for block in of_kind[BlockKind.PHASH]]
        self._addresses = bool(self._hosts or self._in_patterns)


COLUMNS: Final = "id, kind, value, reason, created_at"


def read_block(row: Sequence[Any]) -> Block:
    (block_id, kind, value, reason, created_at) = row
    return Block(block_id, BlockKind(kind), value, reason, created_at)


async def store_block(connection: Connection, kind: BlockKind, value: str, reason: str | None) -> Block:
    """Add a rule, or start it anew where it is there: what it matches is still to be removed."""
    rows = await connection.execute_fetchall(
        "INSERT INTO blocks (kind, value, reason, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (kind, value) "
        f"DO UPDATE SET reason = coalesce(excluded.reason, blocks.reason), applied = 0 RETURNING {COLUMNS}",
        (kind, value, reason[:REASON_LENGTH].encode(errors="replace").decode() if reason else None, time.time()),
    )
    block = read_block(next(iter(rows)))
    connection.tell(Changed.BLOCKS, [block.id])
    return block


def _host_of(url: str) -> str:
    # Addresses are canonical: the host is in lower case, without a user, and ends at the path. Three times as fast as
    # urlsplit, for a question that is asked of every address.
    start = url.find("://") + 3
    if start < 3:  # a museum's root, or what is no address
        return ""
    end = url.find("/", start)
    return url[start:end] if end >= 0 else url[start:]


def _split_port(host: str) -> tuple[str, str]:
    name, colon, port = host.rpartition(":")
    return (name, port) if colon and not host.endswith("]") else (host, "")


def _compiled(patterns: Sequence[str]) -> re.Pattern[str] | None:
    # Without groups: each would cost every match its time.
    return re.compile("|".join(map(_expression, patterns)), re.DOTALL) if patterns else None


def _expression(pattern: str) -> str:
    # The leftmost place of each literal is as good as any later one, so a match never has to go back: atomic groups
    # keep many wildcards on a long address linear.
    first, *rest = map(re.escape, pattern.split("*"))
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>.*?{part})" for part in middle if part) + ".*" + last


def _normalized_host(text: str, shown: str) -> str:
    expected = QueryError(f"value = {shown!r}: expected a host, such as example.org or example.org:8080")
    name, colon, port = (
        text.rpartition(":") if re.search(r":[0-9]+$", text) and not text.endswith("]") else (text, "", "")
    )
    try:
        encoded = (
            URL.build(scheme="http", host=name.removeprefix("[").removesuffix("]").removesuffix(".")).raw_host or ""
        )
    except ValueError:
        raise expected from None
    encoded = f"[{encoded}]" if ":" in encoded else encoded.lower()
    host = f"{encoded}{colon}{port}"
    if not _HOST.fullmatch(host):
        raise expected
    return host


def _encoded(label: str) -> str:
    """A part of a host's name as addresses have it; one with a wildcard or a port as it is."""
    try:
        return label if label.isascii() else URL.build(scheme="http", host=label).raw_host or label
    except ValueError:
        return label


def _normalized_pattern(text: str, shown: str) -> str:
    found = _PATTERN.fullmatch(text)
    if not found or any(character.isspace() or not character.isprintable() for character in text):
        raise QueryError(
            f"value = {shown!r}: expected a whole address with * for anything, such as https://example.org/private/*"
        )
    scheme, host = found[1], ".".join(map(_encoded, found[2].lower().split(".")))
    path = quote(found[3] or "", safe=string.punctuation) or ("" if "*" in host else "/")
    if not (host + path).strip("*/."):
        raise QueryError(f"value = {shown!r}: expected more than wildcards; this would block every address")
    if text.count("*") > WILDCARDS_MOST:
        raise QueryError(f"value = {shown!r}: expected at most {WILDCARDS_MOST} wildcards")
    return f"{scheme}://{host}{path}"
