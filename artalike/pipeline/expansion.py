"""Expands documents: what a source finds in one goes into the frontier, batch by batch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import anyio

from artalike.config import Settings
from artalike.crawl.directives import forbids_pictures_of
from artalike.crawl.sources import source_for
from artalike.crawl.sources.base import NO_HEADERS, Document, Found, Reach
from artalike.errors import FailureKind, NotModified, ParseError, SourceError
from artalike.pipeline.room import DiskRoom
from artalike.records import NEVER_ASKED, SeedState, Task, Validators
from artalike.storage.ports import Frontier

TURN_SECONDS: Final = 10.0
"""How long an expansion may keep others waiting."""

HEED_DIRECTIVES: Final = frozenset({"page", "feed", "iiif"})
"""Kinds that tell pictures from links in what a document's owner says of it."""


class TaskReach:
    """What a source may use of the world for one task.

    The task's own document is asked for only if it has changed since it was read last, and ``validators`` then are
    those of the new one. A source whose expansion goes on behind a cursor needs it in any case.
    """

    def __init__(self, reach: Reach, task: Task) -> None:
        self._reach = reach
        self._task = task
        self.validators = NEVER_ASKED

    @property
    def settings(self) -> Settings:
        return self._reach.settings

    async def document(
        self,
        url: str,
        *,
        accept: str = "*/*",
        headers: Mapping[str, str] = NO_HEADERS,
        max_bytes: int | None = None,
        validators: Validators = NEVER_ASKED,
    ) -> Document:
        """See :meth:`~artalike.crawl.sources.base.Reach.document`. Raises NotModified for the task's own document,
        ParseError, OPTED_OUT, for one whose owner does not want what it lists to be used.
        """
        own = url == self._task.url
        if own and self._task.recheck and self._task.cursor is None:
            validators = self._task.validators
        document = await self._reach.document(
            url, accept=accept, headers=headers, max_bytes=max_bytes, validators=validators
        )
        refused = forbids_pictures_of(document.directives)
        if refused and self._task.kind not in HEED_DIRECTIVES:
            names = ", ".join(sorted(refused))
            raise ParseError(FailureKind.OPTED_OUT, f"{document.url}: its owner says {names} in X-Robots-Tag")
        if own:
            self.validators = document.validators
        return document

    async def sitemaps(self, url: str) -> Sequence[str]:
        return await self._reach.sitemaps(url)


class Ongoing(Protocol):
    """Whether expansions are to go on, and whom to tell of what they found."""

    @property
    def stopping(self) -> bool: ...

    @property
    def documents_wait(self) -> bool: ...

    def wake(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Expander:
    """Runs one expansion at a call. ``withdraw`` takes out, for a seed, what was found at addresses that are gone."""

    frontier: Frontier
    reach: Reach
    disk: DiskRoom
    scheduler: Ongoing
    withdraw: Callable[[int, Sequence[str]], Awaitable[Any]]

    async def __call__(self, task: Task) -> None:
        """To the end of the document, of the crawl, or of its seed. Raises ItemError; what was found before stands."""
        reach = TaskReach(self.reach, task)
        try:
            complete = await self._expand(task, reach)
        except NotModified:
            await self.disk.keep_trying(partial(self.frontier.unchanged, task))
        else:
            settle = (
                partial(self.frontier.finish, task, validators=reach.validators)
                if complete
                else partial(self.frontier.release, [task])
            )
            await self.disk.keep_trying(settle)
        self.scheduler.wake()

    async def _expand(self, task: Task, reach: Reach) -> bool:
        turn_ends = anyio.current_time() + TURN_SECONDS
        try:
            source = source_for(task.kind)
        except SourceError as error:  # of a program that knows more kinds
            raise ParseError(FailureKind.BAD_DOCUMENT, str(error)) from error
        async with aclosing(source.expand(task, reach)) as expansion:
            async for found in expansion:
                await self._store(task, found)
                self.scheduler.wake()
                if self.scheduler.stopping or not await self._is_running(task.seed_id):
                    return False
                if found.cursor and self.scheduler.documents_wait and anyio.current_time() > turn_ends:
                    return False  # goes on behind its cursor, when the others have had their turn
        return True

    async def _store(self, task: Task, found: Found) -> None:
        if found.gone:  # before the cursor moves on: it is done again after a crash, and never left out
            await self.withdraw(task.seed_id, found.gone)
        await self.disk.keep_trying(
            partial(
                self.frontier.store_found,
                task,
                found.candidates,
                cursor=found.cursor,
                checkpoint=found.checkpoint,
                recrawl=found.recrawl,
            )
        )

    async def _is_running(self, seed_id: int) -> bool:
        return (await self.frontier.seed(seed_id)).state is SeedState.RUNNING
