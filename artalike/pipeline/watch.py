"""Keeps the collection in step with folders: new, changed and deleted files are noticed as they happen.

The system tells of changes while the process runs (watchfiles: inotify, FSEvents, ReadDirectoryChanges); what has
happened before, the walk at the start finds out.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.to_thread
from watchfiles import Change, awatch

from artalike.crawl import urls
from artalike.crawl.sources.folder import found_at
from artalike.crawl.sources.options import Options
from artalike.errors import DiskFull, ItemError, NotFound
from artalike.records import Candidate, Seed, SeedState
from artalike.storage.ports import Frontier

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
"""How often it is looked which folders are to be watched."""
SETTLE_MILLISECONDS: Final = 400
"""A file that is being written changes many times."""
TURN_MILLISECONDS: Final = 500
"""How long the end of the process may have to wait for the watching thread."""
AGAIN_SECONDS: Final = 60.0
"""A folder that cannot be watched, because it is away or there are too many, is compared so often instead."""
PAGE: Final = 1000

WATCHED_STATES: Final = frozenset({SeedState.RUNNING, SeedState.DONE, SeedState.FAILED})


class FolderWatch:
    """Watches the folders whose seeds have the option ``watch``.

    ``withdraw`` takes out what was found at addresses of a seed; ``wake`` tells the crawler that there is work.
    """

    def __init__(
        self,
        frontier: Frontier,
        withdraw: Callable[[int, Sequence[str]], Awaitable[Any]],
        wake: Callable[[], None],
    ) -> None:
        self._frontier = frontier
        self._withdraw = withdraw
        self._wake = wake

    async def run(self) -> None:
        """For ever: begins to watch what is handed in, and leaves what is paused or cancelled."""
        watched: dict[int, anyio.CancelScope] = {}
        async with anyio.create_task_group() as watches:
            while True:
                wanted = {seed.id: seed for seed in await self._frontier.seeds(kind="folder") if _is_watched(seed)}
                for seed_id in watched.keys() - wanted.keys():
                    watched.pop(seed_id).cancel()
                for seed_id in wanted.keys() - watched.keys():
                    watched[seed_id] = anyio.CancelScope()
                    watches.start_soon(self._watch, wanted[seed_id], watched[seed_id])
                await anyio.sleep(LOOK_SECONDS)

    async def _watch(self, seed: Seed, scope: anyio.CancelScope) -> None:
        with scope, suppress(NotFound):  # when it has been cancelled a moment ago
            root = urls.to_path((await self._frontier.root(seed.id)).url)
            for step in cycle((self._follow, self._compare)):
                try:
                    await step(seed.id, root)
                # watchfiles raises either of the first two: no such folder, no watches left
                except (OSError, RuntimeError, DiskFull) as error:
                    log.warning("%s: not watched, compared every %d s: %s", root, AGAIN_SECONDS, error)
                if step == self._follow:
                    await anyio.sleep(AGAIN_SECONDS)

    async def _follow(self, seed_id: int, root: Path) -> None:
        first = True
        # Watching begins before the walk, so that nothing falls between the two.
        async for changes in awatch(
            root, watch_filter=None, debounce=SETTLE_MILLISECONDS, rust_timeout=TURN_MILLISECONDS, yield_on_timeout=True
        ):
            if first:
                first = False
                await self._compare(seed_id, root)
            await self._apply(seed_id, root, changes)

    async def _compare(self, seed_id: int, root: Path) -> None:
        """Take out what is gone, and walk for what is new."""
        if not await anyio.to_thread.run_sync(root.is_dir):
            return  # a disk that is not mounted is no deletion
        async for missing in self._missing_below(seed_id, urls.from_path(root)):
            await self._withdraw(seed_id, missing)
        await self._frontier.crawl_again(seed_id)
        self._wake()

    async def _apply(self, seed_id: int, root: Path, changes: Iterable[tuple[Change, str]]) -> None:
        if not await anyio.to_thread.run_sync(root.is_dir):
            return  # away as a whole: see _compare
        found: list[Candidate] = []
        gone: dict[str, None] = {}  # a folder's path and those of its files lead to the same
        for path in await anyio.to_thread.run_sync(_below, root, changes):
            here = await anyio.to_thread.run_sync(_found, path, root)
            if not here:  # deleted, moved away, or no picture any more; a folder takes all below it along
                async for missing in self._missing_below(seed_id, urls.from_path(path)):
                    gone |= dict.fromkeys(missing)
                    if len(gone) >= PAGE:
                        await self._withdraw(seed_id, list(gone))
                        gone = {}
            found += here
        if gone:
            await self._withdraw(seed_id, list(gone))
        for start in range(0, len(found), PAGE):
            await self._frontier.add_found(seed_id, found[start : start + PAGE])
        if found:
            self._wake()

    async def _missing_below(self, seed_id: int, address: str) -> AsyncIterator[list[str]]:
        """Addresses of pictures that were found there and are gone, some at a time."""
        after = ""
        while known := await self._frontier.pictures_below(seed_id, address, after=after, limit=PAGE):
            after = known[-1]
            if missing := await anyio.to_thread.run_sync(_missing, known):
                yield missing


def _below(root: Path, changes: Iterable[tuple[Change, str]]) -> list[Path]:
    return sorted({Path(path) for _, path in changes if Path(path).is_relative_to(root)})


def _found(path: Path, root: Path) -> list[Candidate]:
    return list(found_at(path, root))


def _is_watched(seed: Seed) -> bool:
    try:
        return seed.state in WATCHED_STATES and Options.of(seed.options).watch
    except ItemError:  # options of another version
        return False


def _missing(addresses: Iterable[str]) -> list[str]:
    return [address for address in addresses if not urls.to_path(address).is_file()]
