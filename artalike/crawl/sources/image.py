"""One picture, by its address or path."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

from artalike.crawl import urls
from artalike.crawl.sources.base import Document, Found, Reach
from artalike.crawl.sources.content import IMAGE_SUFFIXES, is_image, is_picture_address
from artalike.crawl.sources.local import existing
from artalike.records import IMAGE_KIND, Candidate, Task


class ImageSource:
    """A picture. The pipeline fetches these itself; expanded, it is just itself."""

    kind = IMAGE_KIND
    looks_like = "the address or path of one picture"
    yields = "this picture"
    takes = ()
    schemes = ("http", "https", "file")

    def match(self, text: str) -> str | None:
        path = existing(text)
        if path is not None:
            return urls.from_path(path) if is_picture(path) else None
        url = urls.web(text)
        return url if url is not None and is_picture_address(url) else None

    def recognizes(self, document: Document) -> bool:
        return is_image(document.data)

    async def expand(self, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
        yield Found([Candidate(task.url, IMAGE_KIND, task.thumbnail_url, task.depth, task.metadata)], None)


def is_picture(path: Path) -> bool:
    """Whether a file is a picture: by its extension, or without one by its first bytes. False when unreadable."""
    suffix = path.suffix.lower()
    try:
        if not path.is_file():
            return False
        if suffix:
            return suffix in IMAGE_SUFFIXES
        with path.open("rb") as stream:
            return is_image(stream.read(32))
    except (OSError, ValueError):
        return False
