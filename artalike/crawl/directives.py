"""What an owner says about one document or picture: ``X-Robots-Tag`` and robots meta elements.

The names follow Google's robots meta tag specification; ``noai``, ``noimageai`` and ``noml`` are the opt-outs from
machine learning that DeviantArt and img2dataset introduced.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

AGENT: Final = "artalike"
"""Our product token: in robots.txt, in X-Robots-Tag and as the name of a meta element."""

KEEPS_PICTURES_OUT: Final = frozenset({"noai", "noimageai", "noindex", "noimageindex", "noml", "none"})
_KEEPS_WHAT_IT_LISTS_OUT: Final = frozenset({"noai", "noimageai", "noimageindex", "noml"})
KEEPS_LINKS_OUT: Final = frozenset({"nofollow", "none"})
_KNOWN: Final = KEEPS_PICTURES_OUT | KEEPS_LINKS_OUT

# Directives that take a value; before any other colon stands the name of the crawler that is meant.
_VALUED: Final = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})


def from_headers(values: Iterable[str]) -> frozenset[str]:
    """The directives that we heed in the values of all ``X-Robots-Tag`` headers of one response, lower-case."""
    found: set[str] = set()
    for value in values:
        for_us = True
        for part in value.lower().split(","):
            name, colon, rest = (piece.strip() for piece in part.partition(":"))
            if colon and name not in _VALUED and " " not in name:  # a date has spaces before its colon
                for_us = name in {AGENT, "*"}
                name = rest
            if for_us and name in _KNOWN:
                found.add(name)
    return frozenset(found)


def forbids_pictures_of(directives: Iterable[str]) -> frozenset[str]:
    """Those that keep out the pictures to which a document leads that is no page: a manifest, a list, an API's answer.

    ``noindex`` and ``none`` are not among them: owners set these on sitemaps, feeds and interfaces to keep the
    documents themselves out of search engines, and mean nothing by it for what they list.
    """
    return _KEEPS_WHAT_IT_LISTS_OUT.intersection(directives)


def from_meta(name: str, content: str) -> frozenset[str]:
    """The directives that we heed in one ``<meta name=… content=…>``; none when it is for somebody else."""
    if name.strip().lower() not in {"robots", AGENT}:
        return frozenset()
    return _KNOWN.intersection(part.strip() for part in content.lower().split(","))
