"""What the web needs from the rest of the process, handed to it open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry

from artalike.config import Settings
from artalike.events import EventBus
from artalike.layout.keeper import PictureMap
from artalike.records import Candidate
from artalike.search.mixed import MixedSearch
from artalike.search.question import EmbedTexts
from artalike.search.random_pages import RandomPages
from artalike.search.ranked import Search
from artalike.storage.models import StoredModel
from artalike.storage.ports import Frontier, ImageCatalog, Removal, Thumbnails
from artalike.visitors import Visitors


@dataclass(frozen=True, slots=True)
class SourceKind:
    """A kind of source: a few words for what it looks like and for what it brings in, and the options that it heeds
    beside those of every seed.
    """

    kind: str
    looks_like: str
    yields: str
    takes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Answering:
    """What answers questions, all of it by one model.

    ``embed_texts`` is the model's text encoder, if it may have one, and ``trust`` how much its vectors weigh beside
    words in the metadata. ``picture_map`` is None where it is turned off.
    """

    search: Search
    embed_texts: EmbedTexts | None = None
    picture_map: PictureMap | None = None
    trust: float = 1.0

    @property
    def mixed(self) -> MixedSearch:
        """The search by pictures and texts together. Keeps no state."""
        return MixedSearch(self.search, self.search.images, self.embed_texts, trust=self.trust)


class Reembedding(Protocol):
    """Moves the collection to another model; see :mod:`artalike.reembed.move`."""

    @property
    def status(self) -> dict[str, Any]:
        """How far it is, as JSON values."""

    async def start(self, name: str) -> None:
        """Move to the model that the settings call so. Raises SettingError, ModelUnavailable or UsageError."""

    async def models(self) -> list[StoredModel]:
        """Those of which the catalog holds vectors, or will."""

    async def forget(self, name: str) -> int:
        """Delete the vectors of a model that does not answer. How many. Raises UsageError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a handler may use.

    ``answering`` is what answers now: whoever needs several of its parts, or one for long, takes it once, since a
    collection may move to another model in between.

    ``events`` brings an event ``image`` for each newly searchable image, with its id and the JSON of
    :func:`artalike.web.views.image_json`, and an event ``removed`` with ``{"id"}`` for each that has gone. ``stats``
    is cheap and of JSON values. ``ready`` says why the server cannot answer yet, None when it can. ``detect`` turns
    a source, an optional kind and options into a frontier's root or raises SourceError. ``hosts`` are those that are
    asked, as JSON values, at most so many, the busiest first. ``fetch_query`` gets the bytes of a picture as safely
    as the crawler does, or raises FetchError. ``canonical`` gives a web address its one spelling, None where it is
    none. ``wake`` tells the crawler that there is work. ``admin_token`` is not empty.
    """

    settings: Settings
    images: ImageCatalog
    frontier: Frontier
    thumbnails: Thumbnails
    removal: Removal
    answering: Callable[[], Answering]
    random: RandomPages
    events: EventBus
    stats: Callable[[], dict[str, Any]]
    ready: Callable[[], str | None]
    take_snapshot: Callable[[], Awaitable[dict[str, Any]]]
    detect: Callable[[str, str | None, Mapping[str, Any]], Awaitable[Candidate]]
    kinds: Sequence[SourceKind]
    hosts: Callable[[int], Awaitable[list[dict[str, Any]]]]
    wake: Callable[[], None]
    admin_token: str = field(repr=False)
    fetch_query: Callable[[str], Awaitable[bytes]] | None = None
    canonical: Callable[[str], str | None] = lambda url: url
    reembedding: Reembedding
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    visitors: Visitors = field(default_factory=Visitors)

    async def find_url(self, url: str) -> int | None:
        """The image at an address, however a person spells that."""
        known = await self.images.find_url(url)
        spelled = self.canonical(url) if known is None else None
        return known if spelled is None or spelled == url else await self.images.find_url(spelled)

    @property
    def search(self) -> Search:
        """The search that answers now."""
        return self.answering().search

    @property
    def mixed(self) -> MixedSearch:
        """The search by pictures and texts together that answers now."""
        return self.answering().mixed

    @property
    def picture_map(self) -> PictureMap | None:
        """The map of the model that answers now."""
        return self.answering().picture_map


SERVICES: Final = web.AppKey("SERVICES", Services)
