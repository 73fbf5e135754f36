"""Images as they leave one catalog for another: all that is known of them, under the id that they had."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from artalike.records import NOTHING, Artwork, Embedding, FloatArray, Metadata, Picture, Task
from artalike.storage.blocks import unsigned
from artalike.storage.catalog import Database
from artalike.storage.commit import STORED, Origin
from artalike.storage.found import METADATA

_NO_PIXELS: Final = np.empty((0, 0, 3), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class CarriedImage:
    """An image on its way. ``urls`` are all addresses that lead to it, ``url`` the one that it is shown with.

    ``vector`` is float32, of the model's dimension and length 1; ``phash`` and ``signature`` are as in
    :class:`~artalike.records.Artwork`; ``added_at`` is seconds since the epoch.
    """

    id: int
    sha256: bytes
    url: str
    urls: tuple[str, ...]
    width: int
    height: int
    format: str
    byte_count: int
    color: str
    phash: int
    signature: bytes
    source: str
    metadata: Metadata
    added_at: float
    vector: FloatArray

    @property
    def origin(self) -> Origin:
        return Origin(self.id, self.added_at, self.urls)

    def embedding(self, number: int) -> Embedding:
        """As a commit takes it; ``number`` tells it from the others of the same commit."""
        # No row of the frontier has a negative id: there is none to finish, and none to fail.
        task = Task(-number, 0, self.source, "image", self.url, "", metadata=self.metadata)
        artwork = Artwork(self.width, self.height, self.format, self.color, self.phash, {}, _NO_PIXELS, self.signature)
        return Embedding(Picture(task, self.url, self.sha256, self.byte_count, artwork), self.vector)


async def carried_images(database: Database, *, after: int, limit: int) -> list[CarriedImage]:
    """The images with their vectors of the active model, by ids above ``after``, at most ``limit``."""
    async with database.read() as connection:
        rows = list(await connection.execute_fetchall(_IMAGES, (after, limit)))
    return [_carried(row) for row in rows]


def _carried(row: Sequence[Any]) -> CarriedImage:
    (image_id, sha256, url, urls, width, height, kind, size, color, phash, signature, source) = row[:12]
    added_at, vector, extra, *metadata = row[12:]
    return CarriedImage(
        id=image_id,
        sha256=sha256,
        url=url,
        urls=tuple(sorted(json.loads(urls))),
        width=width,
        height=height,
        format=kind,
        byte_count=size,
        color=color,
        phash=unsigned(phash),
        signature=signature or b"",
        source=source,
        metadata=Metadata(**dict(zip(METADATA, metadata, strict=True)), extra=json.loads(extra) if extra else NOTHING),
        added_at=added_at,
        vector=np.frombuffer(vector, STORED).astype(np.float32),
    )


_IMAGES: Final = f"""
SELECT images.id, sha256, url,
       (SELECT json_group_array(image_urls.url) FROM image_urls WHERE image_urls.image_id = images.id),
       width, height, format, bytes, color, images.phash, signature, source, images.added_at, vector, extra,
       {", ".join(METADATA)}
FROM images CROSS JOIN models CROSS JOIN vectors LEFT JOIN fingerprints ON fingerprints.image_id = images.id
WHERE active = 1 AND vectors.model = models.id AND vectors.image_id = images.id
  AND removed_at IS NULL AND images.id > ? ORDER BY images.id LIMIT ?
"""
