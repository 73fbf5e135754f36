"""`remove`: takes pictures out for good, and keeps what must not come in: through the server, or in the data folder."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from anyio import to_thread
from rich.console import Console

from artalike.commands.client import Address, Server, find
from artalike.commands.resting import resting
from artalike.commands.status import existing
from artalike.config import Settings
from artalike.crawl import urls
from artalike.errors import NotFound, UsageError
from artalike.storage.blocks import BlockKind, kind_of_hash, normalized
from artalike.storage.folder import DataFolder
from artalike.storage.images import Images
from artalike.storage.removal import Removal
from artalike.web.views import block_json

Rule = tuple[BlockKind, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks for. ``targets`` are ids and addresses of images."""

    targets: Sequence[str] = ()
    hosts: Sequence[str] = ()
    patterns: Sequence[str] = ()
    hashes: Sequence[str] = ()
    reason: str | None = None
    list_blocks: bool = False
    unblock: Sequence[int] = ()
    yes: bool = False

    def rules(self) -> list[Rule]:
        """Each in its one spelling. Raises QueryError."""
        hashes = [(kind_of_hash(value), value) for value in self.hashes]
        hosts = [(BlockKind.HOST, value) for value in self.hosts]
        patterns = [(BlockKind.URL, value) for value in self.patterns]
        return [(kind, normalized(kind, value)) for kind, value in hosts + patterns + hashes]


class Hands(Protocol):
    """Who does it: the running server, or this process."""

    async def find_url(self, url: str) -> int | None: ...

    async def exists(self, image_id: int) -> bool: ...

    async def preview(self, rule: Rule) -> int: ...

    async def take_down(self, image_id: int, reason: str | None) -> bool: ...

    async def block(self, rule: Rule, reason: str | None) -> dict[str, Any]: ...

    async def blocks(self) -> list[dict[str, Any]]: ...

    async def unblock(self, block_id: int) -> None: ...


def run_remove(settings: Settings, wishes: Wishes, *, as_json: bool) -> int:
    """Remove, block, list or unblock: all that is asked for is understood before anything is done.

    1 when a person says no. Raises UsageError, NotFound, StartError.
    """
    rules = wishes.rules()
    if not (wishes.targets or rules or wishes.list_blocks or wishes.unblock):
        raise UsageError("remove: nothing to do; expected ids or addresses, --host, --url, --hash, --list or --unblock")
    folder, address = existing(settings), find(settings)
    with nullcontext() if address else folder.locked():
        hands = through_server(address) if address else in_folder(folder, settings)
        done = asyncio.run(_carry_out(hands, wishes, rules))
    if done is None:
        Console(stderr=True).print("nothing was removed", markup=False)
        return 1
    _print(done, as_json=as_json)
    return 0


async def _carry_out(
    opening: AbstractAsyncContextManager[Hands], wishes: Wishes, rules: Sequence[Rule]
) -> dict[str, Any] | None:
    async with opening as hands:
        ids = await _ids(hands, wishes.targets)
        affected = len(ids) + sum([await hands.preview(rule) for rule in rules])
        if affected > 1 and not wishes.yes and not await to_thread.run_sync(_confirmed, affected):
            return None
        done: dict[str, Any] = {}
        if ids:
            done["removed"] = [image_id for image_id in ids if await hands.take_down(image_id, wishes.reason)]
        if rules:
            done["blocked"] = [await hands.block(rule, wishes.reason) for rule in rules]
        if wishes.unblock:
            for block_id in wishes.unblock:
                await hands.unblock(block_id)
            done["unblocked"] = list(wishes.unblock)
        if wishes.list_blocks:
            done["blocks"] = await hands.blocks()
        return done


async def _ids(hands: Hands, targets: Sequence[str]) -> list[int]:
    ids: dict[int, None] = {}
    for target in targets:
        if target.isascii() and target.isdecimal() and len(target) < 19:
            if not await hands.exists(int(target)):
                raise NotFound(f"there is no image {target}")
            ids[int(target)] = None
        else:
            image_id = await hands.find_url(_address(target))
            if image_id is None:
                raise NotFound(f"{target}: no image of this collection; expected an id or the address of one")
            ids[image_id] = None
    return list(ids)


def _address(target: str) -> str:
    if not urls.has_scheme(target):
        return urls.from_path(Path(target).expanduser())
    try:
        return urls.canonical(target)
    except ValueError as error:
        raise UsageError(f"{target}: {error}; expected an id or the address of an image") from error


def _confirmed(affected: int) -> bool:
    if not sys.stdin.isatty():
        raise UsageError(f"this takes {affected} pictures out for good; expected --yes where nobody can be asked")
    answer = Console(stderr=True).input(f"This takes {affected} pictures out for good. Go on? [y/N] ")
    return answer.strip().lower() in {"y", "yes"}


class ServerHands:
    """The admin API of the server that owns the folder."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def find_url(self, url: str) -> int | None:
        found = await self._server.find(f"/api/admin/images?{urlencode({'url': url})}")
        return None if found is None else int(found["id"])

    async def exists(self, image_id: int) -> bool:
        return await self._server.find(f"/api/images/{image_id}") is not None

    async def preview(self, rule: Rule) -> int:
        kind, value = rule
        query = urlencode({"kind": kind.value, "value": value})
        return int((await self._server.get(f"/api/admin/blocks/preview?{query}"))["images"])

    async def take_down(self, image_id: int, reason: str | None) -> bool:
        why = f"?reason={quote(reason)}" if reason else ""
        return await self._server.delete(f"/api/admin/images/{image_id}{why}")

    async def block(self, rule: Rule, reason: str | None) -> dict[str, Any]:
        kind, value = rule
        body = {"kind": kind.value, "value": value, "reason": reason}
        added: dict[str, Any] = await self._server.post("/api/admin/blocks", body, patient=True)
        return added

    async def blocks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self._server.get("/api/admin/blocks"))["results"]
        return found

    async def unblock(self, block_id: int) -> None:
        if not await self._server.delete(f"/api/admin/blocks/{block_id}"):
            raise NotFound(f"there is no block {block_id}")


@asynccontextmanager
async def through_server(address: Address) -> AsyncIterator[Hands]:
    async with Server.connect(address) as server:
        yield ServerHands(server)


class FolderHands:
    """The data folder itself, while no server runs on it."""

    def __init__(self, images: Images, removal: Removal) -> None:
        self._images = images
        self._removal = removal

    async def find_url(self, url: str) -> int | None:
        return await self._images.find_url(url)

    async def exists(self, image_id: int) -> bool:
        return bool(await self._images.images([image_id]))

    async def preview(self, rule: Rule) -> int:
        return await self._removal.preview(*rule)

    async def take_down(self, image_id: int, reason: str | None) -> bool:
        return bool(await self._removal.take_down([image_id], reason=reason))

    async def block(self, rule: Rule, reason: str | None) -> dict[str, Any]:
        block, removed = await self._removal.block(*rule, reason=reason)
        return {**block_json(block), "removed": removed}

    async def blocks(self) -> list[dict[str, Any]]:
        return [block_json(block) for block in self._removal.blocks.all()]

    async def unblock(self, block_id: int) -> None:
        await self._removal.unblock(block_id)


@asynccontextmanager
async def in_folder(folder: DataFolder, settings: Settings) -> AsyncIterator[Hands]:
    """The caller owns the folder's lock. At the end the snapshot is without what was removed."""
    async with resting(folder, settings) as (_, images, removal):
        yield FolderHands(images, removal)


def _print(done: dict[str, Any], *, as_json: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        console.print_json(json.dumps(done))
        return
    if "removed" in done:
        console.print(f"removed    {_pictures(len(done['removed']))}", markup=False)
    for block in done.get("blocked", ()):
        text = (
            f"blocked    {block['kind']} {block['value']} (block {block['id']}), {_pictures(block['removed'])} removed"
        )
        console.print(text, markup=False)
    for block_id in done.get("unblocked", ()):
        console.print(f"unblocked  block {block_id}; a later crawl may bring back what it took out", markup=False)
    for block in done.get("blocks", ()):
        because = f"  {block['reason']}" if block["reason"] else ""
        console.print(f"{block['id']:>5}  {block['kind']:<6}  {block['value']}{because}", markup=False)
    if done.get("blocks") == []:
        console.print("nothing is blocked", markup=False)


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count:,} pictures"
