"""What the web needs from the rest of the process, handed to it open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from prometheus_client import CollectorRegistry

from artalike.config import Settings
from artalike.events import EventBus
from artalike.layout.keeper import PictureMap
from artalike.records import Candidate
from artalike.search.mixed import EmbedTexts, MixedSearch
from artalike.search.random_pages import RandomPages
from artalike.search.ranked import Search
from artalike.storage.ports import Frontier, ImageCatalog, Removal, Thumbnails, VectorIndex


@dataclass(frozen=True, slots=True)
class SourceKind:
    """A kind of source: a few words for what it looks like and for what it brings in, and the options that it heeds
    beside those of every seed.
    """

    kind: str
    looks_like: str
    yields: str
    takes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a handler may use.

    ``events`` brings an event ``image`` for each newly searchable image, with its id and the JSON of
    :func:`artalike.web.views.image_json`, and an event ``removed`` with ``{"id"}`` for each that has gone. ``stats``
    is cheap and of JSON values. ``ready`` says why the server cannot answer yet, None when it can. ``detect`` turns
    a source, an optional kind and options into a frontier's root or raises SourceError. ``hosts`` are those that are
    asked, as JSON values, at most so many, the busiest first. ``fetch_query`` gets the bytes of a picture as safely
    as the crawler does, or raises FetchError. ``embed_texts`` is the model's text encoder, if it may
    have one, and ``text_trust`` how much its vectors weigh beside words in the metadata. ``wake`` tells the crawler
    that there is work. ``admin_token`` is not empty. ``picture_map`` is None where it is turned off.
    """

    settings: Settings
    images: ImageCatalog
    frontier: Frontier
    index: VectorIndex
    thumbnails: Thumbnails
    removal: Removal
    search: Search
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
    embed_texts: EmbedTexts | None = None
    text_trust: Callable[[], float] = lambda: 1.0
    picture_map: PictureMap | None = None
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    @property
    def mixed(self) -> MixedSearch:
        """The search by pictures and texts together. Keeps no state."""
        return MixedSearch(self.search, self.images, self.embed_texts, trust=self.text_trust())


SERVICES: Final = web.AppKey("SERVICES", Services)
