"""What requests may say: query parameters and JSON bodies, typed, bounded and described once.

A field's description completes the sentence "expected …" and is what `/api/openapi.json` says of it.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from artalike import durations
from artalike.records import SeedState
from artalike.search.filters import Filters
from artalike.search.order import DEPTH
from artalike.search.random_pages import SEED_LIMIT
from artalike.search.ranked import ID_LIMIT, Score
from artalike.storage.blocks import REASON_LENGTH, VALUE_LENGTH
from artalike.storage.words import TEXT_LENGTH

LIMIT_DEFAULT: Final = 50
LIMIT_MOST: Final = 200
URL_LENGTH: Final = 4096
PARTS_MOST: Final = 16
WEIGHT_MOST: Final = 10
LIKE_WEIGHT: Final = 1.0
UNLIKE_WEIGHT: Final = 2 / 3  # three parts of what is wanted to two of what is not
CURSOR_LENGTH: Final = 8000  # aiohttp reads request lines up to 8190 bytes

Limit = Annotated[int, Field(ge=1, le=LIMIT_MOST, description=f"a whole number from 1 to {LIMIT_MOST}")]
Cursor = Annotated[str | None, Field(max_length=CURSOR_LENGTH, description="the cursor of an answer's next")]
MinScore = Annotated[
    Score | None,
    Field(description="a cosine, -1 to 1: the answer ends before the first image below it"),
]
Depth = Annotated[int | None, Field(ge=0, lt=DEPTH, description=f"a whole number from 0 to {DEPTH - 1}")]


Text = Annotated[
    str | None,
    Field(min_length=1, max_length=TEXT_LENGTH, description=f"words, in up to {TEXT_LENGTH} characters"),
]


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


class PointsQuery(Query):
    after: Annotated[
        int | None,
        Field(ge=0, le=ID_LIMIT, description="an id: only the points of images with a larger one, 0 or more"),
    ] = None


class SearchQuery(Query):
    url: Annotated[
        str | None,
        Field(min_length=1, max_length=URL_LENGTH, description=f"an address of up to {URL_LENGTH} characters"),
    ] = None
    id: Annotated[int | None, Field(ge=1, le=ID_LIMIT, description="an image's id")] = None
    text: Text = None
    min_score: MinScore = None
    limit: Limit = LIMIT_DEFAULT
    offset: Depth = None
    cursor: Cursor = None


class SimilarQuery(Query):
    min_score: MinScore = None
    limit: Limit = LIMIT_DEFAULT
    offset: Depth = None
    cursor: Cursor = None


IDS_MOST: Final = LIMIT_MOST


def _listed(text: object) -> object:
    return text.split(",") if isinstance(text, str) else text


class ImagesQuery(Query):
    ids: Annotated[
        list[Annotated[int, Field(ge=1, le=ID_LIMIT)]],
        BeforeValidator(_listed, json_schema_input_type=str),
        Field(min_length=1, max_length=IDS_MOST, description=f"1 to {IDS_MOST} ids with commas between them"),
    ]


class NearDuplicatesQuery(Query):
    limit: Limit = LIMIT_DEFAULT
    offset: Depth = None


class FacetsQuery(Query):
    limit: Limit = LIMIT_DEFAULT


class UploadQuery(Query):
    """Beside uploaded pictures these may come as fields of the form, too."""

    min_score: MinScore = None
    limit: Limit = LIMIT_DEFAULT


class UploadForm(UploadQuery):
    """What a form holds beside its image files."""

    question: Annotated[
        str | None,
        Field(
            description="a question as JSON; what of its like and unlike names an upload by its place is that picture, "
            "and pictures that nothing names are looked for"
        ),
    ] = None


ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S")


class QuestionPart(Body):
    """Exactly one of an image's id, an address, a text and an upload; ``weight`` says how much it counts beside the
    others.
    """

    id: Annotated[int | None, Field(ge=1, le=ID_LIMIT, description="an image's id")] = None
    url: Annotated[str | None, Field(min_length=1, max_length=URL_LENGTH, description="the address of a picture")] = (
        None
    )
    text: Text = None
    upload: Annotated[
        int | None, Field(ge=0, lt=PARTS_MOST, description="an image file of the same form: 0 for its first")
    ] = None
    weight: Annotated[
        float | None,
        Field(ge=0, le=WEIGHT_MOST, description=f"0 to {WEIGHT_MOST}; without it 1 in like and 2/3 in unlike"),
    ] = None

    @model_validator(mode="after")
    def _one(self) -> QuestionPart:
        if sum(value is not None for value in (self.id, self.url, self.text, self.upload)) != 1:
            raise ValueError("expected exactly one of id, url, text and upload")
        return self


def _spelled_out(part: object) -> object:
    """A number is an id; a text that begins as an address does is one."""
    if isinstance(part, int):
        return {"id": part}
    if isinstance(part, str):
        return {"url" if ADDRESS.match(part) else "text": part}
    return part


_Parts = Annotated[
    list[Annotated[QuestionPart, BeforeValidator(_spelled_out, json_schema_input_type=int | str | QuestionPart)]],
    Field(
        max_length=PARTS_MOST,
        description=f"up to {PARTS_MOST} ids, addresses and texts, each plain or an object with one of id, url, text "
        f"and upload and a weight from 0 to {WEIGHT_MOST}",
    ),
]


def _filters(values: object) -> Filters | None:
    if values is None:
        return None
    if not isinstance(values, dict):
        raise ValueError  # noqa: TRY004 - pydantic makes a message of this one alone
    return Filters.of(values)


class QuestionBody(Body):
    """Several pictures and words at once, to look for or to stay away from."""

    like: _Parts = []
    unlike: _Parts = []
    text: Text = None
    filters: Annotated[
        Filters | None, BeforeValidator(_filters), Field(description="an object of filters by their names")
    ] = None
    min_score: MinScore = None
    limit: Annotated[int | None, Field(ge=1, le=LIMIT_MOST, description=f"a whole number from 1 to {LIMIT_MOST}")] = (
        None
    )


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


class DetectQuery(Query):
    source: Annotated[
        str, Field(min_length=1, max_length=URL_LENGTH, description="an address, a path, or a museum's name")
    ]
    kind: Annotated[
        str | None, Field(max_length=40, description="a kind of source, where it should not be detected")
    ] = None


class HostsQuery(Query):
    limit: Limit = LIMIT_DEFAULT


class NewestQuery(Query):
    limit: Limit = 8


class SeedsQuery(Query):
    limit: Limit = LIMIT_DEFAULT
    before: Annotated[
        int | None, Field(ge=1, le=ID_LIMIT, description="a seed's id: only those that were handed in before it")
    ] = None
    state: Annotated[SeedState | None, Field(description=f"one of {', '.join(SeedState)}")] = None
    source: Annotated[
        str | None, Field(min_length=1, max_length=URL_LENGTH, description="a source, as it was handed in")
    ] = None


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


class ModelBody(Body):
    model: Annotated[str, Field(min_length=1, max_length=1000, description="a model, as embedding.model names it")]


class RetryBody(Body):
    kind: Annotated[str | None, Field(max_length=40, description="a kind of failure; all without it")] = None
    seed: Annotated[int | None, Field(ge=1, le=ID_LIMIT, description="a seed's id; all without it")] = None


def expectation(model: type[BaseModel], name: Any) -> str | None:
    """How to go on after "expected", for one of a model's fields."""
    field = model.model_fields.get(str(name))
    return field.description if field is not None else None
