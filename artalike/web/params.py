"""What requests may say: query parameters and JSON bodies, typed, bounded and described once.

A field's description completes the sentence "expected …" and is what `/api/openapi.json` says of it.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from artalike import durations
from artalike.search.random_pages import SEED_LIMIT
from artalike.search.ranked import DEPTH, ID_LIMIT
from artalike.storage.blocks import REASON_LENGTH, VALUE_LENGTH

LIMIT_DEFAULT: Final = 50
LIMIT_MOST: Final = 200
URL_LENGTH: Final = 4096
CURSOR_LENGTH: Final = 8000  # aiohttp reads request lines up to 8190 bytes

Limit = Annotated[int, Field(ge=1, le=LIMIT_MOST, description=f"a whole number from 1 to {LIMIT_MOST}")]
Cursor = Annotated[str | None, Field(max_length=CURSOR_LENGTH, description="the cursor of an answer's next")]
Depth = Annotated[int | None, Field(ge=0, lt=DEPTH, description=f"a whole number from 0 to {DEPTH - 1}")]


class Query(BaseModel):
    """Query parameters. Unknown ones are ignored: front ends add what they like against caches."""

    model_config = ConfigDict(frozen=True)


class Body(BaseModel):
    """A JSON body. Unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class NoQuery(Query):
    pass


class RandomQuery(Query):
    limit: Limit = LIMIT_DEFAULT
    offset: Annotated[
        int | None, Field(ge=0, le=10**9, description="how many images of the order to leave out, 0 to 1000000000")
    ] = None
    seed: Annotated[
        int | None,
        Field(
            ge=-SEED_LIMIT,
            le=SEED_LIMIT,
            description="a whole number, 0 or more, or a seed from an answer; the server's own changes by the hour",
        ),
    ] = None
    cursor: Cursor = None


class SearchQuery(Query):
    url: Annotated[
        str | None,
        Field(min_length=1, max_length=URL_LENGTH, description=f"an address of up to {URL_LENGTH} characters"),
    ] = None
    id: Annotated[int | None, Field(ge=1, le=ID_LIMIT, description="an image's id")] = None
    text: Annotated[str | None, Field(description="nothing: this server does not search by words")] = None
    limit: Limit = LIMIT_DEFAULT
    offset: Depth = None
    cursor: Cursor = None


class SimilarQuery(Query):
    limit: Limit = LIMIT_DEFAULT
    offset: Depth = None
    cursor: Cursor = None


class NearDuplicatesQuery(Query):
    limit: Limit = LIMIT_DEFAULT
    offset: Depth = None


class UploadQuery(Query):
    limit: Limit = LIMIT_DEFAULT


class FailuresQuery(Query):
    seed: Annotated[int | None, Field(ge=1, le=ID_LIMIT, description="a seed's id")] = None


class SessionBody(Body):
    token: Annotated[str, Field(min_length=1, max_length=1000, description="the admin token")]


class SeedBody(Body):
    source: Annotated[
        str, Field(min_length=1, max_length=URL_LENGTH, description="an address, a path, or a museum's name")
    ]
    kind: Annotated[
        str | None, Field(max_length=40, description="a kind of source, where it should not be detected")
    ] = None
    options: Annotated[dict[str, JsonValue], Field(description="settings for this source")] = {}


class SeedChange(Body):
    """At least one of these."""

    state: Annotated[Literal["paused", "running"] | None, Field(description='"paused" or "running"')] = None
    rate: Annotated[
        float | None, Field(ge=0, le=10_000, description="addresses a second, 0 for what their hosts allow")
    ] = None
    recrawl: Annotated[
        str | None, Field(pattern=durations.PATTERN, description='a span of time like "90m", "6h" or "7d", or "never"')
    ] = None


class ImageByAddress(Query):
    url: Annotated[
        str, Field(min_length=1, max_length=URL_LENGTH, description=f"an address of up to {URL_LENGTH} characters")
    ]


BlockKindText = Literal["sha256", "phash", "host", "url"]
BLOCK_KINDS: Final = '"host", "url", "sha256" or "phash"'

Reason = Annotated[
    str | None,
    Field(max_length=REASON_LENGTH, description=f"a few words, up to {REASON_LENGTH} characters, for the record"),
]

BlockValue = Annotated[
    str,
    Field(
        min_length=1,
        max_length=VALUE_LENGTH,
        description="a host, an address with * for anything, or a hash in hexadecimal digits",
    ),
]


class RemovalQuery(Query):
    reason: Reason = None


class BlockQuery(Query):
    kind: Annotated[BlockKindText, Field(description=BLOCK_KINDS)]
    value: BlockValue


class BlockBody(Body):
    kind: Annotated[BlockKindText, Field(description=BLOCK_KINDS)]
    value: BlockValue
    reason: Reason = None


class RetryBody(Body):
    kind: Annotated[str | None, Field(max_length=40, description="a kind of failure; all without it")] = None
    seed: Annotated[int | None, Field(ge=1, le=ID_LIMIT, description="a seed's id; all without it")] = None


def expectation(model: type[BaseModel], name: Any) -> str | None:
    """How to go on after "expected", for one of a model's fields."""
    field = model.model_fields.get(str(name))
    return field.description if field is not None else None
