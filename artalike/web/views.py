"""Records as the JSON that people and programs see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from artalike.config import Settings
from artalike.errors import WORTH_RETRYING
from artalike.records import FailureGroup, Image, Seed
from artalike.search.filters import ANYTHING, Filters
from artalike.search.random_pages import RandomPage
from artalike.search.ranked import Query, Ranking
from artalike.storage.blocks import Block
from artalike.storage.facet_values import FacetValues
from artalike.storage.models import StoredModel
from artalike.web.services import Services


def timestamp(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def image_json(image: Image, settings: Settings) -> dict[str, Any]:
    """An image as every answer shows it; null for what is not known."""
    metadata = image.metadata
    return {
        "id": image.id,
        "url": image.url,
        "width": image.width,
        "height": image.height,
        "thumbnail_url": f"/thumbs/{image.id}/{min(settings.imaging.thumbnail_widths)}",
        "page_url": metadata.page_url,
        "title": metadata.title,
        "creator": metadata.creator,
        "date": metadata.date,
        "medium": metadata.medium,
        "rights": metadata.rights,
        "attribution": metadata.attribution,
        "source": image.source,
        "added_at": timestamp(image.added_at),
        "color": image.color,
    }


def seed_json(seed: Seed) -> dict[str, Any]:
    return {
        "id": seed.id,
        "source": seed.source,
        "kind": seed.kind,
        "options": dict(seed.options),
        "state": seed.state.value,
        "found": seed.found,
        "pending": seed.pending,
        "done": seed.done,
        "failed": seed.failed,
        "images": seed.images,
        "rate": seed.rate,
        "crawl": seed.crawl,
        "recrawl_seconds": seed.recrawl_seconds,
        "recrawl_at": None if seed.recrawl_at is None else timestamp(seed.recrawl_at),
        "error": seed.error,
        "created_at": timestamp(seed.created_at),
        "updated_at": timestamp(seed.updated_at),
    }


def failure_json(group: FailureGroup) -> dict[str, Any]:
    return {
        "kind": group.kind,
        "count": group.count,
        "worth_retrying": group.kind in WORTH_RETRYING,
        "example_url": group.example_url,
        "example_detail": group.example_detail,
        "last_at": timestamp(group.last_at),
    }


def model_json(model: StoredModel) -> dict[str, Any]:
    return {
        "id": model.model_id,
        "name": model.name,
        "dimension": model.dimension,
        "active": model.active,
        "moving": model.moving,
        "vectors": model.vectors,
    }


def block_json(block: Block) -> dict[str, Any]:
    return {
        "id": block.id,
        "kind": block.kind.value,
        "value": block.value,
        "reason": block.reason,
        "created_at": timestamp(block.created_at),
    }


async def random_answer(
    services: Services,
    *,
    limit: int,
    offset: int | None = None,
    seed: int | None = None,
    cursor: str | None = None,
    filters: Filters = ANYTHING,
) -> dict[str, Any]:
    """``{"results", "next", "total", "seed"}``: a page of random images, the one that ``cursor`` names if given.

    Raises QueryError for a cursor that no answer gave.
    """
    page: RandomPage
    if cursor is not None:
        page = await services.random.go_on(cursor, limit=limit)
    else:
        page = await services.random.page(limit=limit, offset=offset or 0, seed=seed, filters=filters)
    return {
        "results": [image_json(image, services.settings) for image in page.images],
        "next": _next("/api/random", page.cursor, limit),
        "total": page.total,
        "seed": page.seed,
    }


async def similar_answer(
    services: Services,
    *,
    id: int,  # noqa: A002 - what the API calls it
    limit: int,
    offset: int = 0,
    cursor: str | None = None,
    filters: Filters = ANYTHING,
    min_score: float | None = None,
) -> dict[str, Any]:
    """``{"results", "next", "total", "used", "cutoff"}``: the neighbours of an image, without itself, best first.

    Raises NotFound when there is no such image, QueryError for a cursor that is not of its neighbours.
    """
    if cursor is not None:
        ranking = await services.search.go_on(cursor, limit=limit, of=id)
    else:
        query = Query(ids=(id,), others=True, filters=filters, min_score=min_score)
        ranking = await services.search.rank(query, limit=limit, offset=offset)
    return ranking_json(ranking, services.settings, f"/api/images/{id}/similar", limit)


async def near_duplicates_answer(
    services: Services,
    *,
    id: int,  # noqa: A002 - what the API calls it
    limit: int,
    offset: int = 0,
) -> dict[str, Any]:
    """``{"results", "next", "total"}``: the other images that show the same picture, largest first."""
    others = await services.images.near_duplicates(id)
    there = await services.images.images(others[offset : offset + limit])
    end = offset + limit
    return {
        "results": [image_json(image, services.settings) for image in there],
        "next": f"/api/images/{id}/near-duplicates?offset={end}&limit={limit}" if end < len(others) else None,
        "total": len(others),
    }


def ranking_json(ranking: Ranking, settings: Settings, path: str, limit: int) -> dict[str, Any]:
    """``{"results", "next", "total", "used", "cutoff"}``; ``path`` is where the next page is asked for."""
    return {
        "results": [
            {**image_json(hit.image, settings), "score": hit.score, "near_duplicates": hit.near_duplicates}
            for hit in ranking.hits
        ],
        "next": _next(path, ranking.cursor, limit),
        "total": ranking.total,
        "used": [used.value for used in ranking.used],
        "cutoff": ranking.cutoff,
    }


def facets_json(facets: FacetValues, limit: int) -> dict[str, Any]:
    """The ``limit`` first values of each kind, with how many images have them."""
    kinds = {
        "sources": facets.sources,
        "hosts": facets.hosts,
        "creators": facets.creators,
        "rights": facets.rights,
    }
    years = None if facets.years is None else dict(zip(("from", "to"), facets.years, strict=True))
    return {
        **{name: [asdict(value) for value in values[:limit]] for name, values in kinds.items()},
        "years": years,
    }


def _next(path: str, cursor: str | None, limit: int) -> str | None:
    if cursor is None:
        return None
    parameters: Mapping[str, Any] = {"cursor": cursor, "limit": limit}
    return f"{path}?{urlencode(parameters)}"
