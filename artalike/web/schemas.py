"""The shapes of answers, for `/api/openapi.json`. :mod:`artalike.web.views` makes them; tests hold both together."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from artalike.records import SeedState
from artalike.search.ranked import Used
from artalike.storage.blocks import BlockKind


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Image(Answer):
    """A picture of the collection."""

    id: int
    url: Annotated[str, Field(description="the picture at its home")]
    width: int
    height: int
    thumbnail_url: Annotated[str, Field(description="a path on this server, with the smallest width there is")]
    page_url: str | None
    title: str | None
    creator: str | None
    date: str | None
    medium: str | None
    rights: str | None
    attribution: str | None
    source: Annotated[str, Field(description="the source that was seeded")]
    added_at: datetime
    color: Annotated[str, Field(pattern="^#[0-9a-f]{6}$")]


class SingleImage(Image):
    near_duplicates: Annotated[
        int,
        Field(
            ge=0,
            description="other images that show the same picture, resized or recompressed: nearly the same perceptual "
            "hash, confirmed by light and colour; what is merely alike is not among them",
        ),
    ]


class RankedImage(SingleImage):
    """Of near-duplicates one stands for the others: who is asked by, else the largest."""

    score: Annotated[
        float | None,
        Field(
            ge=-1.001,
            le=1.001,
            description="cosine, -1 to 1, to the pictures to look for, else to the text where the model has a text "
            "encoder; null where images were ranked by words alone",
        ),
    ]


NextUrl = Annotated[str | None, Field(description="path and query of the next page, null at the end")]


class RandomAnswer(Answer):
    results: list[Image]
    next: NextUrl
    total: Annotated[
        int,
        Field(description="images in the collection now; with filters, those of its beginning that pass"),
    ]
    seed: Annotated[int, Field(description="names the order; negative ones are the server's own")]


class ImagesAnswer(Answer):
    results: list[Image]


class NearDuplicatesAnswer(Answer):
    results: list[Image]
    next: NextUrl
    total: Annotated[int, Field(description="near-duplicates of the image")]


class RankedAnswer(Answer):
    results: list[RankedImage]
    next: NextUrl
    total: Annotated[
        int,
        Field(
            description="images that this search can find now, with filters those of its beginning that pass, by words "
            "alone those that it has found; near-duplicates count, also those that are not shown"
        ),
    ]
    used: Annotated[list[Used], Field(description="what the images were ranked by")]
    cutoff: Annotated[
        float | None,
        Field(
            ge=-1,
            le=1,
            description="the score below which images are no longer alike, as the scores of a sample of the collection "
            "tell; the same on every page; null with words, and where the collection is too small to tell",
        ),
    ]


class FacetValue(Answer):
    value: Annotated[str, Field(description="fit for the filter of that name")]
    images: Annotated[int, Field(description="that have it; as a filter it may let more pass")]


class Years(BaseModel):
    """The first and the last year of any image's date; 1 BC is -1."""

    model_config = ConfigDict(extra="forbid", validate_by_name=True)
    first: Annotated[int, Field(alias="from")]
    last: Annotated[int, Field(alias="to")]


class FacetsAnswer(Answer):
    """Values for filters, those that most images have first, as they were a moment ago."""

    sources: list[FacetValue]
    hosts: list[FacetValue]
    creators: list[FacetValue]
    rights: list[FacetValue]
    years: Years | None


class MapStatus(Answer):
    """The map of the collection. A computation under way leaves the last layout in place."""

    state: Literal["empty", "computing", "ready"]
    progress: Annotated[float | None, Field(ge=0, le=1, description="of a computation under way, else null")]
    layout: Annotated[int, Field(ge=0, description="which layout it is; the points of another cannot be mixed with it")]
    points: Annotated[int, Field(ge=0, description="images on the map; of a large collection an even choice")]
    images: Annotated[int, Field(ge=0, description="in the collection")]
    computed_at: datetime | None


class Status(Answer):
    status: str


class Seed(Answer):
    """A source that was handed in, and how far it has come: found = pending + done + failed."""

    id: int
    source: str
    kind: str
    options: dict[str, JsonValue]
    state: SeedState
    found: int
    pending: int
    done: int
    failed: int
    images: int
    rate: float | None
    crawl: int
    recrawl_seconds: float | None
    recrawl_at: datetime | None
    error: str | None
    created_at: datetime
    updated_at: datetime


class Seeds(Answer):
    results: list[Seed]
    next: NextUrl
    total: Annotated[int, Field(description="sources that pass, on all pages")]


class Detected(Answer):
    """What a source is taken for, and what it would bring in."""

    kind: str
    url: Annotated[str, Field(description="from where it is read")]
    looks_like: str
    yields: str
    options: Annotated[list[str], Field(description="that it heeds, beside those of every seed: rate and recrawl")]


class NewestImages(Answer):
    results: Annotated[list[Image], Field(description="that the source has brought in, the last first")]


class HostRule(Answer):
    """What the owner of a host asks for, in place of the settings."""

    rate: float | None
    concurrency: int | None
    source: Annotated[str, Field(description="where the owner says so, if anywhere")]


class Host(Answer):
    """A host that is asked, or that something waits for. Times are in seconds."""

    host: Annotated[str, Field(description="with its port where that is unusual; empty for this machine")]
    waiting: Annotated[int, Field(description="addresses of running seeds that wait for it")]
    used: Annotated[int, Field(description="requests under way, or about to be")]
    places: Annotated[int, Field(description="requests that it may have at once, as its answers go")]
    limit: Annotated[int, Field(description="requests that it may have at once at most")]
    rate: Annotated[float | None, Field(description="requests a second at most; null for no limit")]
    share: Annotated[float, Field(description="of the rate, what is used now: less than 1 after a step back")]
    pause: Annotated[float, Field(description="from one request to the next")]
    rest: Annotated[float, Field(description="until the next request may begin")]
    closed: Annotated[float, Field(description="for how much longer it has asked to be left alone")]
    delay: Annotated[float | None, Field(description="between requests, as its robots.txt asks for")]
    latency: Annotated[float | None, Field(description="to the first byte of its last answers, averaged")]
    requests: Annotated[int, Field(description="since it became known")]
    rule: HostRule | None


class Hosts(Answer):
    results: Annotated[list[Host], Field(description="those with most under way first")]


class FailureGroup(Answer):
    """Failures of one kind, with the latest as an example, and whether they may pass by themselves."""

    kind: str
    count: int
    worth_retrying: bool
    example_url: str
    example_detail: str
    last_at: datetime


class Failures(Answer):
    results: list[FailureGroup]


class Reembedding(Answer):
    """How far the collection is on its way to another model; ``small`` were embedded from less than the model takes."""

    state: Literal["idle", "starting", "embedding", "indexing", "exchanging", "done", "failed"]
    model: str
    images: int
    embedded: int
    rate: Annotated[float, Field(description="images a second")]
    seconds_left: float | None
    small: int
    error: str | None


class StoredModel(Answer):
    """A model of which the catalog holds vectors."""

    id: str
    name: Annotated[str, Field(description="as embedding.model names it")]
    dimension: int
    active: Annotated[bool, Field(description="whether the collection answers by it")]
    moving: Annotated[bool, Field(description="whether the collection is on its way to it")]
    vectors: int


class StoredModels(Answer):
    results: list[StoredModel]


class Forgotten(Answer):
    forgotten: Annotated[int, Field(description="vectors")]


class ImageId(Answer):
    id: int


class Block(Answer):
    """What must never come in, or come back."""

    id: int
    kind: BlockKind
    value: str
    reason: str | None
    created_at: datetime


class NewBlock(Block):
    removed: Annotated[int, Field(description="images that it has taken out")]


class Blocks(Answer):
    results: list[Block]


class Matched(Answer):
    images: Annotated[int, Field(description="that such a block would take out")]


class Retried(Answer):
    retried: int


class Figures(BaseModel):
    """Counts and rates by name."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Any]


class Problem(Answer):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
