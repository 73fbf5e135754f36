"""What flows through Artalike, in the order in which it flows.

``Candidate`` (a source found an address) → ``Task`` (the frontier hands it out) → ``Download`` (its bytes)
→ ``Picture`` (decoded) → ``Embedding`` (its vector) → ``Image`` (in the catalog, as everyone sees it).
``Failure`` takes the place of any of them. All are immutable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IdArray = NDArray[np.int64]
PixelArray = NDArray[np.uint8]

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})

IMAGE_KIND: Final = "image"
"""The kind of a candidate that is a picture; every other kind names the source that expands it."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a source says of a picture. Text from the web: to be shown, never run.

    ``medium`` is what it is made of and how; ``attribution`` the line that its owner wants beside it. ``extra`` holds
    every other field the source gave, as JSON values.
    """

    title: str | None = None
    creator: str | None = None
    date: str | None = None
    medium: str | None = None
    rights: str | None = None
    attribution: str | None = None
    page_url: str | None = None
    extra: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server gave with an answer, to ask later whether it still holds (RFC 9110 §8.8)."""

    etag: str | None = None
    last_modified: str | None = None

    def __bool__(self) -> bool:
        return bool(self.etag or self.last_modified)


NEVER_ASKED: Final = Validators()


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that a source found: of a picture, or of a document that leads to more.

    ``url`` is absolute: ``http``, ``https``, ``file`` for what lies on this machine, or ``KIND:query`` for the root of
    a museum. ``thumbnail_url`` is a smaller version of the same picture at its home, where one is known.
    ``depth`` counts the links followed from the seed. ``revision`` changes when what lies at the address does (a
    sitemap's ``lastmod``, a file's time and size); where it is known, a recrawl reads again only what has another.
    """

    url: str
    kind: str = IMAGE_KIND
    thumbnail_url: str | None = None
    depth: int = 0
    metadata: Metadata = Metadata()
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A frontier row, leased to this process.

    ``attempts`` counts the tries that failed. ``cursor`` is where an interrupted expansion goes on; ``checkpoint`` is
    what the last complete one left for this one. ``options`` are the seed's; ``seed_source`` is the string that was
    seeded. ``recheck`` says that what lies here has been had before; ``validators`` are from then.
    """

    id: int
    seed_id: int
    seed_source: str
    kind: str
    url: str
    host: str
    thumbnail_url: str | None = None
    depth: int = 0
    attempts: int = 0
    cursor: str | None = None
    metadata: Metadata = Metadata()
    options: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    checkpoint: str | None = None
    recheck: bool = False
    validators: Validators = NEVER_ASKED


@dataclass(frozen=True, slots=True)
class Download:
    """The bytes of a picture, and the address that they came from after redirects."""

    task: Task
    data: bytes
    final_url: str
    validators: Validators = NEVER_ASKED


@dataclass(frozen=True, slots=True)
class Artwork:
    """All that decoding gives, from one pass over the pixels.

    ``width`` and ``height`` are pixels after orientation; ``color`` is ``#rrggbb``; ``phash`` is the 64-bit
    DCT hash as an unsigned integer; ``thumbnails`` maps a width of the settings to an encoded JPEG;
    ``model_input`` is uint8, height × width × 3, as the model's preprocessing wants it before normalisation.
    ``signature`` is int8: 256 numbers of light, then 32 of colour; empty when the picture shows too little for
    ``phash`` to mean anything.
    """

    width: int
    height: int
    format: str
    color: str
    phash: int
    thumbnails: Mapping[int, bytes]
    model_input: PixelArray
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded download. ``sha256`` is of the bytes as they came: the same bytes are one image."""

    task: Task
    final_url: str
    sha256: bytes
    byte_count: int
    artwork: Artwork
    validators: Validators = NEVER_ASKED


@dataclass(frozen=True, slots=True)
class Embedding:
    """A picture with its vector: float32, of the model's dimension, of length 1."""

    picture: Picture
    vector: FloatArray


@dataclass(frozen=True, slots=True)
class Failure:
    """One try at a task failed. ``retry_at`` is seconds since the epoch, or None when it is final."""

    task: Task
    kind: str
    detail: str
    retry_at: float | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in the catalog, as the API shows it. ``added_at`` is seconds since the epoch."""

    id: int
    sha256: bytes
    url: str
    width: int
    height: int
    color: str
    source: str
    added_at: float
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Hit:
    """A search result. ``score`` is the cosine, -1 to 1, to the pictures to look for, or else to the text; None where
    images were ranked by words alone.

    ``near_duplicates`` are the other images of the collection that show the same picture.
    """

    image: Image
    score: float | None
    near_duplicates: int = 0


class SeedState(StrEnum):
    """``running`` until nothing is left to do, then ``done``; ``failed`` when the source itself failed."""

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Seed:
    """A source that somebody handed in, and how far it has come.

    Counts are of addresses: ``found`` = ``pending`` + ``done`` + ``failed``, pictures and documents
    together; ``images`` are the pictures among the done. Times are seconds since the epoch. ``rate`` is in addresses a
    second, None for what their hosts allow. ``crawl`` is the number of the crawl, the next of which begins at
    ``recrawl_at``, ``recrawl_seconds`` after the end of the last (0 for never, None where nothing is said).
    """

    id: int
    source: str
    kind: str
    options: Mapping[str, Any]
    state: SeedState
    found: int
    pending: int
    done: int
    failed: int
    images: int
    error: str | None
    created_at: float
    updated_at: float
    rate: float | None = None
    recrawl_seconds: float | None = None
    recrawl_at: float | None = None
    crawl: int = 1


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures of one kind, with the latest as an example."""

    kind: str
    count: int
    example_url: str
    example_detail: str
    last_at: float


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How a picture becomes a model's input; a part of the model's identity.

    The short side is resized to ``resize`` (bicubic where ``interpolation`` says so), a centre square of
    ``size`` is cut out, and each channel becomes ``(value / 255 - mean) / std``.
    With ``squash`` the whole picture is resized to the square instead.
    """

    size: int
    resize: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str = "bicubic"
    squash: bool = False
