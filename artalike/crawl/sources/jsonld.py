"""Pictures in JSON-LD (schema.org): ``image``, ``contentUrl`` and ``thumbnailUrl``, with who made them and when."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from artalike.crawl import text
from artalike.crawl.sources.findings import filled
from artalike.records import Candidate, Metadata

MAX_NODES: Final = 20_000
"""Objects looked at in one script."""

# Pictures of somebody or something else than what the page shows.
_BESIDE_THE_POINT: Final = frozenset({"logo", "publisher", "author", "creator", "potentialAction"})
_FIELDS: Final = {
    "title": ("name", "caption", "headline"),
    "creator": ("creator", "author", "artist"),
    "date": ("dateCreated", "datePublished"),
    "medium": ("artMedium", "material"),
    "rights": ("license", "usageInfo"),
    "attribution": ("creditText", "copyrightNotice"),
}


def pictures(script: str) -> Iterator[Candidate]:
    """The pictures that one script names. Their addresses are as written: relative ones are for the caller to join.

    Nothing for what is not JSON.
    """
    try:
        root = json.loads(script.strip().removesuffix(";"), strict=False)
    except (ValueError, RecursionError):
        return
    # Nodes still to be looked at, with what is said of the nodes around them. No recursion: depth is the page's choice.
    waiting: list[tuple[Any, Metadata]] = [(root, Metadata())]
    for _ in range(MAX_NODES):
        if not waiting:
            return
        node, around = waiting.pop()
        if isinstance(node, list):
            waiting += [(item, around) for item in reversed(node[:MAX_NODES])]
        elif isinstance(node, dict):
            said = filled(_metadata(node), around) if _is_media(node) else _metadata(node)
            yield from _of_node(node, said)
            waiting += [
                (value, said if key == "image" else Metadata())
                for key, value in reversed(node.items())
                if isinstance(value, dict | list) and key not in _BESIDE_THE_POINT
            ]


def _of_node(node: Mapping[str, Any], said: Metadata) -> Iterator[Candidate]:
    thumbnail = _first(node.get("thumbnailUrl"))
    if _is_media(node):
        url = _first(node.get("contentUrl")) or _first(node.get("url")) or thumbnail
        if url is not None:
            yield Candidate(url, thumbnail_url=thumbnail if thumbnail != url else None, metadata=said)
        return
    named = [url for url in _listed(node.get("image")) if isinstance(url, str)]
    for url in named:
        yield Candidate(url, metadata=said)
    if thumbnail is not None and "image" not in node:
        yield Candidate(thumbnail, metadata=said)


def _is_media(node: Mapping[str, Any]) -> bool:
    kinds = _listed(node.get("@type"))
    if "VideoObject" in kinds or "AudioObject" in kinds:
        return False
    return "ImageObject" in kinds or "Photograph" in kinds or "contentUrl" in node


def _metadata(node: Mapping[str, Any]) -> Metadata:
    return Metadata(
        **{  # type: ignore[arg-type]  # the keys of _FIELDS are fields with texts
            field: next((said for name in names if (said := _said(node.get(name)))), None)
            for field, names in _FIELDS.items()
        }
    )


def _said(value: Any) -> str | None:
    """A value as text: itself, the name of the thing it describes, or of each of several."""
    texts: list[str] = []
    for item in _listed(value)[:10]:
        named = item.get("name") or item.get("url") or item.get("@id") if isinstance(item, dict) else item
        plain = text.from_html(str(named)) if isinstance(named, str | int | float) else None
        if plain:
            texts.append(plain)
    return ", ".join(texts) or None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _first(value: Any) -> str | None:
    return next((item for item in _listed(value) if isinstance(item, str) and item), None)
