"""Pictures in JSON-LD (schema.org): ``image``, ``contentUrl`` and ``thumbnailUrl``, with who made them and when."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from artalike.crawl import text
from artalike.crawl.sources.findings import filled
from artalike.crawl.sources.sizes import Version, choose, longer, pixels
from artalike.records import Candidate, Metadata

MAX_NODES: Final = 20_000
"""Objects looked at in one script."""

# Pictures of somebody or something else than what the page shows.
_BESIDE_THE_POINT: Final = frozenset({"logo", "publisher", "author", "creator", "potentialAction"})
_DIGITS: Final = re.compile(r"[0-9]+")
_FIELDS: Final = {
    "title": ("name", "caption", "headline"),
    "creator": ("creator", "author", "artist"),
    "date": ("dateCreated", "datePublished"),
    "medium": ("artMedium", "material"),
    "rights": ("license", "usageInfo"),
    "attribution": ("creditText", "copyrightNotice"),
}


class Named(NamedTuple):
    """A picture, and the address of its largest version where a smaller one was chosen."""

    candidate: Candidate
    full_url: str | None = None


def pictures(script: str, preferred_side: int) -> Iterator[Named]:
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
            waiting += [(item, around) for item in reversed(_grouped(node[:MAX_NODES]))]
        elif isinstance(node, tuple):
            yield from _of_versions(node, around, preferred_side)
        elif isinstance(node, dict):
            said = filled(_metadata(node), around) if _is_media(node) else _metadata(node)
            yield from _of_node(node, said, preferred_side)
            waiting += [
                (value, said if key == "image" else Metadata())
                for key, value in reversed(node.items())
                if isinstance(value, dict | list)
                and key not in _BESIDE_THE_POINT
                and not (key == "thumbnail" and _is_media(node))
            ]


def _of_node(node: Mapping[str, Any], said: Metadata, preferred_side: int) -> Iterator[Named]:
    thumbnail = _first(node.get("thumbnailUrl"))
    if _is_media(node):
        small = next((item for item in _listed(node.get("thumbnail")) if isinstance(item, dict)), {})
        thumbnail = thumbnail or _own_url(small) or _first(node.get("thumbnail"))
        url = _own_url(node) or thumbnail
        if url is None:
            return
        side, small_side = _side(node), _side(small)
        found = [Version(url, side)]
        if side and small_side and (own := _own_url(small)):
            found.append(Version(own, small_side))
        choice = choose(found, preferred_side)
        if choice is not None:
            yield Named(
                Candidate(choice.url, thumbnail_url=thumbnail if thumbnail != choice.url else None, metadata=said),
                choice.full_url,
            )
        return
    named = [url for url in _listed(node.get("image")) if isinstance(url, str)]
    for url in named:
        yield Named(Candidate(url, metadata=said))
    if thumbnail is not None and "image" not in node:
        yield Named(Candidate(thumbnail, metadata=said))


def _of_versions(nodes: tuple[Mapping[str, Any], ...], around: Metadata, preferred_side: int) -> Iterator[Named]:
    by_url = {url: node for node in reversed(nodes) if (url := _own_url(node))}
    choice = choose([Version(url, _side(node)) for url, node in by_url.items()], preferred_side)
    if choice is not None:
        node = by_url[choice.url]
        yield Named(Candidate(choice.url, metadata=filled(_metadata(node), around)), choice.full_url)


def _grouped(nodes: list[Any]) -> list[Any]:
    """The items of a list, with a tuple for those together that are one picture in several sizes."""
    groups: dict[Any, list[Any]] = {}
    for number, node in enumerate(nodes):
        groups.setdefault(_shape(node) or number, []).append(node)
    return [tuple(group) if len(group) > 1 else group[0] for group in groups.values()]


def _shape(node: Any) -> tuple[str, float] | None:
    """What the versions of one picture share: their proportions, and their address but for their size in it."""
    if not isinstance(node, dict) or not _is_media(node):
        return None
    url, width, height = _own_url(node), pixels(node.get("width")), pixels(node.get("height"))
    if url is None or not width or not height:
        return None
    sides = {f"{width:.0f}", f"{height:.0f}"}
    shape = _DIGITS.sub(lambda digits: "#" if digits[0] in sides else digits[0], url)
    return (shape, round(width / height, 1)) if shape != url else None


def _own_url(node: Mapping[str, Any]) -> str | None:
    return _first(node.get("contentUrl")) or _first(node.get("url"))


def _side(node: Mapping[str, Any]) -> float | None:
    return longer(node.get("width"), node.get("height"))


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
