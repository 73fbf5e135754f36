"""The seams behind which storage engines can be exchanged.

All calls are async and take batches. No transaction spans two ports; the catalog alone decides what exists,
and the vector index and the thumbnails follow it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from artalike.records import (
    NEVER_ASKED,
    Candidate,
    Download,
    Embedding,
    Failure,
    FailureGroup,
    FloatArray,
    IdArray,
    Image,
    PixelArray,
    Seed,
    SeedState,
    Task,
    Validators,
)
from artalike.storage.blocks import Block, BlockKind, Blocks
from artalike.storage.facet_values import FacetValues
from artalike.storage.filtering import Criteria
from artalike.storage.suggestions import Suggestion

FEW_ROWS: Final = 256
"""Rows that are taken apart on the event loop, in less than a millisecond: a turn in a thread takes longer."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit made of one embedding: the image's id, and whether it was not in the collection before.

    ``refused`` says why it is not now, and then the id is 0. ``restored``: its thumbnails may have been deleted
    since they were written. ``gone`` are images whose address it has taken, and to which no other leads.
    """

    id: int
    new: bool
    refused: str | None = None
    restored: bool = False
    gone: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over the whole catalog. ``pending`` and ``failed`` are frontier rows; leased ones are pending."""

    images: int
    max_id: int
    pending: int
    failed: int
    seeds: int


@dataclass(frozen=True, slots=True, eq=False)
class NearGroups:
    """Members of groups of near-duplicates, (n,) each: their ids, groups, and pixels, which is width times height.

    All are int64, but for ``embedded``: bool, whether the active model has embedded it.
    """

    ids: IdArray
    groups: IdArray
    pixels: IdArray
    embedded: NDArray[np.bool_]


Share = Callable[[str], int]
"""How much of something each host may have."""


class ImageCatalog(Protocol):
    """The images and their vectors: the truth of the collection."""

    async def commit(self, embeddings: Sequence[Embedding]) -> list[Committed]:
        """Store images, vectors, URLs and finished tasks in one transaction; one answer for each embedding.

        Bytes that are known already become one more URL of their image; of a removed one they bring it back under its
        id, unless a block forbids it. Durable when this returns.
        Raises DiskFull or StorageError, and then nothing of it is stored.
        """

    async def images(self, ids: Sequence[int]) -> list[Image]:
        """The images that exist among ``ids``, in their order, by one query."""

    async def find_url(self, url: str) -> int | None:
        """The id of the image that this address leads to."""

    async def newest(self, source: str, *, limit: int) -> list[int]:
        """The images that a source has brought in, the last first."""

    async def near_duplicates(self, image_id: int) -> list[int]:
        """The other images that show the same picture, resized or recompressed, largest first; a thousand at most."""

    async def near_groups(self, ids: Sequence[int]) -> NearGroups:
        """All members of the groups that ``ids`` are in."""

    async def passing(self, criteria: Criteria, *, max_id: int) -> IdArray:
        """Ascending ids (n,) up to ``max_id`` of images that pass a filter.

        Who asks for the same gets the same array. Not to be written to.
        """

    async def facet_values(self) -> FacetValues:
        """Values that filters can be given, as they were a moment ago."""

    async def suggestions(self, text: str, *, limit: int) -> list[Suggestion]:
        """Makers and titles with these words, of which the last may be begun only; none for what holds no word."""

    async def words(self, text: str, *, limit: int, max_id: int, among: IdArray | None = None) -> IdArray:
        """Ids (n,) up to ``max_id`` of images with these words in their metadata, the ``limit`` best first.

        Where ``among`` is given, ascending, of those alone. All of the words, or where no image has them all, any; the
        last may be the beginning of one. Raises QueryError when ``text`` holds no word.
        """

    async def having_words(self, text: str, ids: Sequence[int]) -> IdArray:
        """Those of ``ids`` (n,), ascending, whose metadata has all words of ``text``. Raises QueryError as above."""

    async def vectors(self, ids: Sequence[int]) -> tuple[IdArray, FloatArray]:
        """Ids (n,) and float32 vectors (n, dimension) of the active model, where they exist."""

    def all_vectors(self, *, after: int = 0, batch: int = 4096) -> AsyncIterator[tuple[IdArray, FloatArray]]:
        """All vectors of the active model with an id above ``after``, ascending, a batch at a time."""

    async def colors(self, ids: Sequence[int]) -> tuple[IdArray, PixelArray]:
        """Ascending ids (n,) of the images that exist among ``ids``, and their colours: uint8 (n, 3), sRGB."""

    async def embedded_ids(self) -> IdArray:
        """Ascending ids, int64, that are embedded by the active model and not removed."""

    async def missing_ids(self) -> IdArray:
        """Ascending ids between 1 and the largest that are not images (removed ones), int64."""

    def without_removed(self, ids: Sequence[int]) -> list[int]:
        """Those of ``ids``, all of which were images once, that still are."""

    @property
    def recently_removed(self) -> list[int]:
        """The last ids that this process has removed and that have not come back."""

    async def totals(self) -> Totals:
        """Counts, from counters and not by scanning."""


class Frontier(Protocol):
    """What is still to be fetched, and for whom."""

    async def add_seed(self, root: Candidate, source: str, options: Mapping[str, Any]) -> Seed:
        """Start a source, or start it again when the same source was seeded before.

        The options ``recrawl`` and ``rate`` are heeded here; all are for the source.
        """

    async def seed(self, seed_id: int) -> Seed:
        """Raises NotFound."""

    async def seeds(self, *, kind: str | None = None) -> list[Seed]:
        """All, or those of a kind, newest first."""

    async def seeds_page(
        self, limit: int, *, before: int | None = None, state: SeedState | None = None, source: str | None = None
    ) -> tuple[list[Seed], int]:
        """Up to ``limit`` seeds, newest first, with an id below ``before``; and how many there are on all pages.

        Only those in ``state``, and handed in as exactly ``source``, where these are given.
        """

    async def set_seed_state(self, seed_id: int, state: SeedState) -> Seed:
        """Pause, resume or cancel. Raises NotFound, or UsageError for a change that makes no sense."""

    async def set_rate(self, seed_id: int, rate: float | None) -> Seed:
        """Addresses a second for this seed; None for what their hosts allow. Raises NotFound."""

    async def set_recrawl(self, seed_id: int, seconds: float) -> Seed:
        """Read the source again so long after the end of each crawl; 0 for never. Raises NotFound."""

    async def root(self, seed_id: int) -> Candidate:
        """From where the seed grows. Raises NotFound."""

    async def crawl_again(self, seed_id: int) -> bool:
        """Start a seed again that is over, as :meth:`recrawl_due` does. Whether it was. Raises NotFound."""

    async def add_found(self, seed_id: int, found: Sequence[Candidate]) -> int:
        """Add what was found beside any expansion, as :meth:`store_found` does. How many were new. Raises NotFound."""

    async def pictures_below(self, seed_id: int, address: str, *, after: str, limit: int) -> list[str]:
        """Addresses of pictures of a seed, in order behind ``after``: ``address`` itself, and those in its folder."""

    async def recrawl_due(self) -> int:
        """Start the seeds again whose time has come. How many."""

    async def lease(self, limit: int, *, busy_hosts: Collection[str], per_host: int | Share) -> list[Task]:
        """Up to ``limit`` due rows, fairly over seeds and hosts, at most ``per_host`` of one host."""

    async def release(self, tasks: Sequence[Task]) -> None:
        """Give leased rows back untouched."""

    async def next_due(self) -> float | None:
        """When the earliest waiting row is due (seconds since the epoch), None when nothing waits."""

    async def waiting_hosts(self, limit: int, *, first: Collection[str]) -> list[tuple[str, int]]:
        """Hosts with how many rows of running seeds wait for each: those of ``first``, then those with most."""

    async def store_found(
        self,
        task: Task,
        found: Sequence[Candidate],
        *,
        cursor: str | None,
        checkpoint: str | None = None,
        recrawl: float | None = None,
    ) -> int:
        """Add what an expansion found and where it stands, in one transaction. How many were new.

        What is known already is read again where it may have changed. ``checkpoint`` and ``recrawl`` are those of
        :class:`~artalike.crawl.sources.base.Found`.
        """

    async def finish(self, task: Task, *, validators: Validators = NEVER_ASKED) -> None:
        """An expansion has come to its end. ``validators`` are of the document that it has read."""

    async def unchanged(self, task: Task) -> None:
        """What lies there is as it was: done, and the documents that it named are read again."""

    async def waiting_among(self, task_ids: Collection[int]) -> set[int]:
        """Those of ``task_ids`` that are still to be done."""

    async def fail(self, failures: Sequence[Failure]) -> None:
        """Record failed tries: due again at ``retry_at``, or failed for good."""

    async def failure_groups(self, *, seed_id: int | None = None) -> list[FailureGroup]:
        """Failures for good, grouped by kind, most first."""

    async def retry_failures(self, *, kind: str | None = None, seed_id: int | None = None) -> int:
        """Make failures due again: of one kind, or of all that are worth it. How many."""


class Removal(Protocol):
    """Pictures leave, and blocks keep them out; see :mod:`artalike.storage.removal`."""

    @property
    def blocks(self) -> Blocks:
        """The rules in force."""

    async def take_down(self, ids: Sequence[int], *, reason: str | None = None) -> list[int]:
        """Take images out for good, and block their bytes. Which of ``ids`` were images."""

    async def block(self, kind: BlockKind, value: str, *, reason: str | None = None) -> tuple[Block, int]:
        """Add a rule, and remove what it matches. The rule, and how many images it has removed. Raises QueryError."""

    async def preview(self, kind: BlockKind, value: str) -> int:
        """How many images :meth:`block` would remove. Raises QueryError."""

    async def unblock(self, block_id: int) -> Block:
        """Undo a rule. Raises NotFound."""


class Spool(Protocol):
    """Pictures fetched and not yet committed: what a killed process has fetched is not fetched again."""

    async def keep(self, download: Download) -> None:
        """Keep it until it is dropped, if there is room."""

    async def find(self, task: Task) -> Download | None:
        """What the last process had fetched for this task."""

    async def drop(self, task_ids: Sequence[int]) -> None:
        """These are settled."""


APPROXIMATE_MOST: Final = 1024
"""An answer for up to so many neighbours may miss some."""


@dataclass(frozen=True, slots=True)
class Neighbors:
    """The answer to one query: ids int64 (n,), cosines float32 (n,), best first; n may be under k."""

    ids: IdArray
    scores: FloatArray


class VectorIndex(Protocol):
    """Nearest neighbours by cosine among the vectors of one model. Follows the catalog."""

    @property
    def size(self) -> int:
        """How many vectors it holds."""

    async def add(self, ids: IdArray, vectors: FloatArray) -> None:
        """Ids (n,), vectors (n, dimension) of length 1. An id that is there already is replaced."""

    async def remove(self, ids: IdArray) -> int:
        """How many were there."""

    async def search(
        self, vectors: FloatArray, k: int, *, max_id: int | None = None, among: IdArray | None = None
    ) -> list[Neighbors]:
        """The ``k`` nearest of each row of ``vectors``, among ids up to ``max_id``, and those in ``among``, ascending.

        Of a filter's ids ``among`` is all; recall does not depend on how many those are. An answer for more than
        APPROXIMATE_MOST neighbours misses none.
        """

    async def ids(self) -> IdArray:
        """Ascending ids, int64."""


ADDRESS_SECONDS: Final = 600
"""How long a browser can use the address of a thumbnail beyond this server."""


@dataclass(frozen=True, slots=True, eq=False)
class RemoteThumbnail:
    """A thumbnail that is not on this machine's disk.

    ``size`` is in bytes, ``etag`` an entity tag without its quotes, ``modified`` with a time zone.
    ``body(start, stop)`` brings those bytes in pieces, as fast as they are taken; it raises StorageError.
    """

    size: int
    etag: str
    modified: datetime
    body: Callable[[int, int], AsyncIterator[bytes]]


class Thumbnails(Protocol):
    """Small versions of the images, by content hash and width."""

    @property
    def origin(self) -> str | None:
        """The origin, as ``https://host:port``, that browsers may be sent to; None where all goes through here."""

    async def write(self, sha256: bytes, thumbnails: Mapping[int, bytes]) -> None:
        """Store all widths; safe to repeat. Raises StorageUnavailable (of which DiskFull is one) or StorageError."""

    async def find(self, sha256: bytes, width: int) -> Path | RemoteThumbnail | None:
        """The one of this width, or else the nearest larger one, or else the largest there is. Raises StorageError."""

    async def address(self, sha256: bytes, width: int, *, head: bool = False) -> str | None:
        """Where a browser gets by itself what :meth:`find` finds; None where it is to be sent through here.

        For ADDRESS_SECONDS, and for GET alone, or else HEAD alone. Nothing is there any more once the picture was
        taken down. Raises StorageError.
        """

    async def largest(self, sha256: bytes) -> bytes | None:
        """The bytes of the largest there is. Raises StorageError."""

    async def read(self, sha256: bytes) -> dict[int, bytes]:
        """The bytes of all widths there are. Raises StorageError."""

    async def delete(self, sha256: bytes) -> None:
        """Remove all widths, and what an interrupted writer left of them. Raises StorageError."""

    async def missing(self, sha256s: Sequence[bytes]) -> list[bytes]:
        """Those of ``sha256s`` that have no thumbnail of any width, in their order. Raises StorageError."""
