"""What somebody may be about to type: makers and titles."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Final, Literal

from aiohttp import web
from pydantic import Field

from artalike.web import requests
from artalike.web.params import Query
from artalike.web.schemas import Answer
from artalike.web.services import SERVICES

SUGGESTED: Final = 8
SUGGESTED_MOST: Final = 20
TEXT_LENGTH: Final = 200


class SuggestQuery(Query):
    text: Annotated[
        str,
        Field(min_length=1, max_length=TEXT_LENGTH, description=f"what was typed, in up to {TEXT_LENGTH} characters"),
    ]
    limit: Annotated[int, Field(ge=1, le=SUGGESTED_MOST, description=f"a whole number from 1 to {SUGGESTED_MOST}")] = (
        SUGGESTED
    )


class Suggestion(Answer):
    kind: Literal["creator", "title"]
    value: Annotated[str, Field(description="of a creator fit for the filter of that name, or an image's title")]
    images: Annotated[int, Field(description="that have it, up to 10000; of a title among the first that match")]
    id: Annotated[int | None, Field(description="of an image with this title; null for creators")]


class Suggestions(Answer):
    """Creators, those of most images first, then titles. Each word is in them, and the last may be begun only."""

    results: list[Suggestion]


async def suggest(request: web.Request) -> web.StreamResponse:
    params = requests.query(request, SuggestQuery)
    found = await request.app[SERVICES].images.suggestions(params.text, limit=params.limit)
    return web.json_response({"results": [asdict(each) for each in found]}, headers={"Cache-Control": "max-age=60"})


def routes() -> list[web.RouteDef]:
    return [web.get("/api/suggest", suggest)]
