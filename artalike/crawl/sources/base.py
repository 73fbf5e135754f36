"""What a source is, what it finds, and what it may use."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from artalike.config import Settings
from artalike.records import NEVER_ASKED, Candidate, Task, Validators

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Document:
    """The bytes of a page, list or other document.

    ``url`` is where it came from after redirects. ``content_type`` is lower-case without parameters, "" when unknown.
    ``directives`` are what ``X-Robots-Tag`` says to us. ``validators`` are for asking again whether it still holds.
    """

    url: str
    data: bytes
    content_type: str = ""
    charset: str | None = None
    directives: frozenset[str] = frozenset()
    validators: Validators = NEVER_ASKED


@dataclass(frozen=True, slots=True)
class Found:
    """A batch of an expansion. What has been yielded so far is stored together with ``cursor``, in one transaction.

    ``gone`` are addresses, of documents or pictures, that their owner has withdrawn: what was found there leaves the
    collection. ``checkpoint`` is for the next crawl: when this expansion has come to its end, that one's task has it.
    ``recrawl`` is after how many seconds this root is worth reading again, unless the seed's options say.
    """

    candidates: Sequence[Candidate]
    cursor: str | None
    gone: Sequence[str] = ()
    checkpoint: str | None = None
    recrawl: float | None = None


class Reach(Protocol):
    """What a source may use of the world."""

    @property
    def settings(self) -> Settings:
        """The program's settings."""

    async def document(
        self,
        url: str,
        *,
        accept: str = "*/*",
        headers: Mapping[str, str] = NO_HEADERS,
        max_bytes: int | None = None,
        validators: Validators = NEVER_ASKED,
    ) -> Document:
        """A document from the web, politely, or from this machine.

        ``headers`` are sent to the first host only. ``max_bytes`` is ``download.max_document_bytes`` unless given.
        ``validators`` are of the answer that is had already. Raises FetchError; NotModified when that one still holds.
        """

    async def sitemaps(self, url: str) -> Sequence[str]:
        """The sitemaps that the robots.txt of the site of ``url`` names. Raises FetchError."""


class Source(Protocol):
    """One kind of source."""

    @property
    def kind(self) -> str:
        """Its name, as ``kind=`` and the frontier have it."""

    @property
    def looks_like(self) -> str:
        """A few words for the list of kinds that a refused source is answered with."""

    @property
    def yields(self) -> str:
        """What comes in, in a few words that go on after "brings in"."""

    @property
    def takes(self) -> Sequence[str]:
        """Which of :class:`~artalike.crawl.sources.options.Options` it heeds, beside those that every seed has."""

    @property
    def schemes(self) -> Sequence[str]:
        """Which addresses a person may give it by naming the kind: of ``http``, ``https``, ``file``."""

    def match(self, text: str) -> str | None:
        """The canonical absolute address of the root when ``text`` is of this kind, else None.

        ``http``, ``https``, ``file`` for a local path, or ``KIND:query`` for a museum, whose base address is a
        setting. May look at the disk; never raises.
        """

    def recognizes(self, document: Document) -> bool:
        """Whether a document, whatever its address promised, is really of this kind."""

    def expand(self, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
        """What the document at ``task.url`` leads to, in batches, going on behind ``task.cursor``.

        A generator, so that who stops early can close it.
        Raises ItemError when it cannot be had or read; what was yielded before stands.
        """
