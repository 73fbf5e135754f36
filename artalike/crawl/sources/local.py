"""Local paths among the strings that a person may give as a source."""

from __future__ import annotations

import os
from pathlib import Path

from artalike.crawl import urls


def existing(text: str) -> Path | None:
    """The absolute path that ``text`` names, as a path or a ``file:`` address, when there is something; else None."""
    try:
        path = named(text)
        return path if path is not None and path.exists() else None
    except (OSError, ValueError, RuntimeError):  # a name too long, with a NUL inside, or of an unknown ~user
        return None


def named(text: str) -> Path | None:
    """The absolute path that ``text`` would name, or None for an address of the web or anything else with a scheme."""
    text = text.strip()
    if urls.is_local(text):
        return urls.to_path(urls.canonical(text))
    if not text or urls.is_web(text.lower()):
        return None
    return Path(os.path.normpath(Path(text).expanduser().absolute()))
