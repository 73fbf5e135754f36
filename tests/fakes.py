"""Rooms kept in memory, for tests of what stands on them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from artalike.config import Settings
from artalike.errors import DecodeError, FailureKind, ModelUnavailable, NotFound, QueryError, SourceError, UsageError
from artalike.events import Event, EventBus
from artalike.layout.keeper import PictureMap
from artalike.records import (
    NEVER_ASKED,
    Candidate,
    Embedding,
    Failure,
    FailureGroup,
    FloatArray,
    IdArray,
    Image,
    Metadata,
    PixelArray,
    Seed,
    SeedState,
    Task,
    Validators,
)
from artalike.search.question import EmbedTexts
from artalike.search.random_pages import RandomPages
from artalike.search.ranked import Search
from artalike.storage.blocks import Block, BlockKind, Blocks, normalized
from artalike.storage.facet_values import FacetValue, FacetValues
from artalike.storage.filtering import Criteria
from artalike.storage.models import StoredModel
from artalike.storage.ports import APPROXIMATE_MOST, Committed, NearGroups, Neighbors, Share, Totals
from artalike.storage.suggestions import Suggestion
from artalike.web.services import Answering, Services, SourceKind

DIMENSION = 16
MODEL = "fake/0123456789ab/1"
TOKEN = "correct horse battery staple"
START = 1_760_000_000.0  # 2025-10-09, 8:53 UTC
NOT_A_PICTURE = b"not a picture"


def vector_of(seed: str) -> FloatArray:
    """Float32 (16,) of length 1, always the same for a seed."""
    digest = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    vector = np.random.default_rng(digest).standard_normal(DIMENSION)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _as_sqlite(number: int) -> int:
    """The number, or the error that sqlite3 raises for one of more than 64 bits."""
    if not -(2**63) <= number < 2**63:
        raise OverflowError("Python int too large to convert to SQLite INTEGER")
    return number


class FakeImages:
    """An ImageCatalog in memory. ``index`` follows each change at once."""

    def __init__(self, index: FakeIndex) -> None:
        self.by_id: dict[int, Image] = {}
        self.queries = 0
        self.clock = START
        self.groups: list[set[int]] = []
        self.group_queries = 0
        self._index = index
        self._last_id = 0

    def add(self, *, vector: FloatArray | None = None, metadata: Metadata | None = None) -> Image:
        self._last_id += 1
        number = self._last_id
        image = Image(
            id=number,
            sha256=hashlib.sha256(str(number).encode()).digest(),
            url=f"https://museum.example/{number}.jpg",
            width=400,
            height=300 + number,
            color="#a0b0c0",
            source="https://museum.example/list.txt",
            added_at=self.clock,
            metadata=metadata or Metadata(),
        )
        self.by_id[number] = image
        self._index.vectors[number] = vector_of(f"image {number}") if vector is None else vector
        return image

    def remove(self, image_id: int) -> None:
        del self.by_id[image_id]
        del self._index.vectors[image_id]

    async def images(self, ids: Sequence[int]) -> list[Image]:
        self.queries += 1
        return [self.by_id[number] for number in ids if _as_sqlite(number) in self.by_id]

    async def find_url(self, url: str) -> int | None:
        return next((image.id for image in self.by_id.values() if image.url == url), None)

    async def newest(self, source: str, *, limit: int) -> list[int]:
        found = [image.id for image in self.by_id.values() if image.source == source]
        return sorted(found, reverse=True)[:limit]

    async def near_duplicates(self, image_id: int) -> list[int]:
        others = next((group - {image_id} for group in self.groups if image_id in group), set())
        return sorted(others, key=lambda other: (-self.by_id[other].height, other))

    async def passing(self, criteria: Criteria, *, max_id: int) -> IdArray:
        """Of filters this one knows the creator and the width; all others pass."""
        there = [
            image.id
            for image in self.by_id.values()
            if image.id <= max_id
            and (criteria.creator or "").lower() in (image.metadata.creator or "").lower()
            and image.width >= (criteria.min_width or 0)
        ]
        return np.array(sorted(there), dtype=np.int64)

    async def near_groups(self, ids: Sequence[int]) -> NearGroups:
        self.group_queries += 1
        members = [
            (number, min(group), self.by_id[number].width * self.by_id[number].height, number in self._index.vectors)
            for group in self.groups
            if group & set(ids)
            for number in sorted(group)
            if number in self.by_id
        ]
        table = np.array(members, dtype=np.int64).reshape(-1, 4)
        return NearGroups(table[:, 0], table[:, 1], table[:, 2], table[:, 3].astype(bool))

    async def facet_values(self) -> FacetValues:
        values = (FacetValue("museum.example", len(self.by_id)),) if self.by_id else ()
        return FacetValues(sources=(), hosts=values, creators=(), rights=(), years=None)

    async def suggestions(self, text: str, *, limit: int) -> list[Suggestion]:
        """Titles and creators that hold the text."""
        found = []
        for image in self.by_id.values():
            about = image.metadata
            if text.lower() in (about.creator or "").lower():
                found.append(Suggestion("creator", about.creator or "", 1))
            if text.lower() in (about.title or "").lower():
                found.append(Suggestion("title", about.title or "", 1, image.id))
        return list(dict.fromkeys(found))[:limit]

    async def words(self, text: str, *, limit: int, max_id: int, among: IdArray | None = None) -> IdArray:
        wanted = list(self.by_id) if among is None else among.tolist()
        found = [number for number in await self.having_words(text, wanted) if number <= max_id]
        return np.array(found[:limit], dtype=np.int64)

    async def having_words(self, text: str, ids: Sequence[int]) -> IdArray:
        if not any(letter.isalnum() for letter in text):
            raise QueryError(f"text = {text!r}: expected at least one word")
        there = [
            number
            for number in sorted(ids)
            if number in self.by_id
            and set(text.lower().split()) <= set((self.by_id[number].metadata.title or "").lower().split())
        ]
        return np.array(there, dtype=np.int64)

    async def vectors(self, ids: Sequence[int]) -> tuple[IdArray, FloatArray]:
        there = [number for number in ids if _as_sqlite(number) in self._index.vectors]
        rows = [self._index.vectors[number] for number in there]
        return np.array(there, dtype=np.int64), np.array(rows, dtype=np.float32).reshape(-1, DIMENSION)

    async def all_vectors(self, *, after: int = 0, batch: int = 4096) -> AsyncIterator[tuple[IdArray, FloatArray]]:
        ids = [number for number in sorted(self.by_id) if number > after]
        for start in range(0, len(ids), batch):
            yield await self.vectors(ids[start : start + batch])

    async def colors(self, ids: Sequence[int]) -> tuple[IdArray, PixelArray]:
        there = sorted(number for number in ids if number in self.by_id)
        channels = bytes.fromhex("".join(self.by_id[number].color.removeprefix("#") for number in there))
        return np.array(there, dtype=np.int64), np.frombuffer(channels, np.uint8).reshape(-1, 3)

    async def embedded_ids(self) -> IdArray:
        return np.array(sorted(self.by_id), dtype=np.int64)

    async def missing_ids(self) -> IdArray:
        gone = [number for number in range(1, self._last_id + 1) if number not in self.by_id]
        return np.array(gone, dtype=np.int64)

    def without_removed(self, ids: Sequence[int]) -> list[int]:
        return [number for number in ids if number in self.by_id]

    @property
    def recently_removed(self) -> list[int]:
        return [number for number in range(1, self._last_id + 1) if number not in self.by_id]

    async def totals(self) -> Totals:
        return Totals(images=len(self.by_id), max_id=self._last_id, pending=0, failed=0, seeds=0)

    async def commit(self, embeddings: Sequence[Embedding]) -> list[Committed]:
        raise NotImplementedError(f"tests add images with add(), not by {len(embeddings)} embeddings")


class FakeIndex:
    """A VectorIndex in memory that leaves equals in any order, another one each time.

    Where it need not be exact it misses a share of the neighbours, others each time.
    """

    def __init__(self) -> None:
        self.misses = 0.0
        self.vectors: dict[int, FloatArray] = {}
        self.searches = 0

    @property
    def size(self) -> int:
        return len(self.vectors)

    async def add(self, ids: IdArray, vectors: FloatArray) -> None:
        self.vectors.update(zip(ids.tolist(), vectors, strict=True))

    async def remove(self, ids: IdArray) -> int:
        return sum(self.vectors.pop(number, None) is not None for number in ids.tolist())

    async def search(
        self, vectors: FloatArray, k: int, *, max_id: int | None = None, among: IdArray | None = None
    ) -> list[Neighbors]:
        self.searches += 1
        if vectors.shape[1:] != (DIMENSION,):
            raise AssertionError(f"vectors of shape {vectors.shape} in an index of {DIMENSION}")
        wanted = self.vectors if among is None else set(among.tolist())
        there = [number for number in self.vectors if number in wanted and (max_id is None or number <= max_id)]
        dice = np.random.default_rng(self.searches)
        ids = dice.permutation(np.array(there, dtype=np.int64))
        if k <= APPROXIMATE_MOST:
            ids = ids[: max(k, round(len(ids) * (1 - self.misses)))]
        rows = np.array([self.vectors[number] for number in ids.tolist()], dtype=np.float32)
        scores = vectors @ rows.reshape(-1, DIMENSION).T
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return [Neighbors(ids[row], score[row]) for row, score in zip(order, scores, strict=True)]

    async def ids(self) -> IdArray:
        return np.array(sorted(self.vectors), dtype=np.int64)


class FakeFrontier:
    """A Frontier in memory that knows its seeds and one group of failures, and leases nothing."""

    def __init__(self) -> None:
        self.by_id: dict[int, Seed] = {}
        self.retried: list[tuple[str | None, int | None]] = []

    async def add_seed(self, root: Candidate, source: str, options: Mapping[str, Any]) -> Seed:
        number = len(self.by_id) + 1
        self.by_id[number] = Seed(
            id=number,
            source=source,
            kind=root.kind,
            options=options,
            state=SeedState.RUNNING,
            found=1,
            pending=1,
            done=0,
            failed=0,
            images=0,
            error=None,
            created_at=START,
            updated_at=START,
        )
        return self.by_id[number]

    async def seed(self, seed_id: int) -> Seed:
        if _as_sqlite(seed_id) not in self.by_id:
            raise NotFound(f"there is no seed {seed_id}")
        return self.by_id[seed_id]

    async def seeds(self, *, kind: str | None = None) -> list[Seed]:
        return sorted((s for s in self.by_id.values() if kind in {None, s.kind}), key=lambda seed: -seed.id)

    async def seeds_page(
        self, limit: int, *, before: int | None = None, state: SeedState | None = None, source: str | None = None
    ) -> tuple[list[Seed], int]:
        wanted = [seed for seed in await self.seeds() if state in {None, seed.state} and source in {None, seed.source}]
        return [seed for seed in wanted if before is None or seed.id < before][:limit], len(wanted)

    async def set_seed_state(self, seed_id: int, state: SeedState) -> Seed:
        seed = await self.seed(seed_id)
        if seed.state is SeedState.CANCELLED:
            raise UsageError(f"seed {seed_id} is cancelled: it cannot become {state}")
        self.by_id[seed_id] = replace(seed, state=state)
        return self.by_id[seed_id]

    async def failure_groups(self, *, seed_id: int | None = None) -> list[FailureGroup]:
        found = seed_id is None or _as_sqlite(seed_id) in self.by_id
        group = FailureGroup("timeout", 3, "https://slow.example/1.jpg", "no answer in 20 s", START)
        return [group] if found else []

    async def retry_failures(self, *, kind: str | None = None, seed_id: int | None = None) -> int:
        self.retried.append((kind, seed_id))
        return 3

    async def lease(self, limit: int, *, busy_hosts: Collection[str], per_host: int | Share) -> list[Task]:
        return []

    async def release(self, tasks: Sequence[Task]) -> None:
        pass

    async def next_due(self) -> float | None:
        return None

    async def set_rate(self, seed_id: int, rate: float | None) -> Seed:
        self.by_id[seed_id] = replace(await self.seed(seed_id), rate=rate)
        return self.by_id[seed_id]

    async def set_recrawl(self, seed_id: int, seconds: float) -> Seed:
        self.by_id[seed_id] = replace(await self.seed(seed_id), recrawl_seconds=seconds)
        return self.by_id[seed_id]

    async def recrawl_due(self) -> int:
        return 0

    async def root(self, seed_id: int) -> Candidate:
        seed = await self.seed(seed_id)
        return Candidate(seed.source, seed.kind)

    async def crawl_again(self, seed_id: int) -> bool:
        seed = await self.seed(seed_id)
        if seed.state not in {SeedState.DONE, SeedState.FAILED}:
            return False
        self.by_id[seed_id] = replace(seed, state=SeedState.RUNNING, crawl=seed.crawl + 1)
        return True

    async def add_found(self, seed_id: int, found: Sequence[Candidate]) -> int:
        return 0

    async def pictures_below(self, seed_id: int, address: str, *, after: str, limit: int) -> list[str]:
        return []

    async def waiting_hosts(self, limit: int, *, first: Collection[str]) -> list[tuple[str, int]]:
        return []

    async def store_found(
        self,
        task: Task,
        found: Sequence[Candidate],
        *,
        cursor: str | None,
        checkpoint: str | None = None,
        recrawl: float | None = None,
    ) -> int:
        return 0

    async def finish(self, task: Task, *, validators: Validators = NEVER_ASKED) -> None:
        pass

    async def unchanged(self, task: Task) -> None:
        pass

    async def waiting_among(self, task_ids: Collection[int]) -> set[int]:
        return set()

    async def fail(self, failures: Sequence[Failure]) -> None:
        pass


class FakeThumbnails:
    """One file in a folder of the test serves for every thumbnail; without a folder there is none."""

    CONTENT = b"\xff\xd8\xff\xe0 a small picture \xff\xd9"
    origin: str | None = None

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / "thumbnail.jpg"
        if self._path is not None:
            self._path.write_bytes(self.CONTENT)

    async def write(self, sha256: bytes, thumbnails: Mapping[int, bytes]) -> None:
        pass

    async def find(self, sha256: bytes, width: int) -> Path | None:
        return self._path if width in {256, 640} else None

    async def address(self, sha256: bytes, width: int, *, head: bool = False) -> str | None:
        return None

    async def largest(self, sha256: bytes) -> bytes | None:
        return None if self._path is None else self.CONTENT

    async def read(self, sha256: bytes) -> dict[int, bytes]:
        return {} if self._path is None else {256: self.CONTENT, 640: self.CONTENT}

    async def delete(self, sha256: bytes) -> None:
        pass

    async def missing(self, sha256s: Sequence[bytes]) -> list[bytes]:
        return []


class FakeRemoval:
    """Removal in memory: a host's block takes out the images whose address begins with it."""

    def __init__(self, images: FakeImages, events: EventBus) -> None:
        self.blocks = Blocks()
        self._images = images
        self._events = events
        self._last_id = 0

    async def take_down(self, ids: Sequence[int], *, reason: str | None = None) -> list[int]:
        there = [number for number in ids if _as_sqlite(number) in self._images.by_id]
        for number in there:
            self._images.remove(number)
            self._events.publish(Event("removed", {"id": number}))
        return there

    async def block(self, kind: BlockKind, value: str, *, reason: str | None = None) -> tuple[Block, int]:
        self._last_id += 1
        block = Block(self._last_id, kind, normalized(kind, value), reason, START)
        self.blocks.put(block)
        return block, len(await self.take_down(self._matching(block)))

    async def preview(self, kind: BlockKind, value: str) -> int:
        return len(self._matching(Block(0, kind, normalized(kind, value), None, START)))

    async def unblock(self, block_id: int) -> Block:
        block = self.blocks.get(block_id)
        self.blocks.discard(block_id)
        return block

    def _matching(self, block: Block) -> list[int]:
        return [image.id for image in self._images.by_id.values() if image.url.startswith(f"https://{block.value}/")]


class FakeReembedding:
    """Moves nothing, and notes what it was asked."""

    def __init__(self) -> None:
        self.status: dict[str, Any] = {"state": "idle"}
        self.forgotten: list[str] = []

    async def start(self, name: str) -> None:
        if name.startswith("hf-hub:"):
            raise ModelUnavailable(f'embedding.model = "{name}": it is not here and cannot be downloaded')
        if "/" in name:
            raise UsageError(f'embedding.model = "{name}": unknown')
        self.status = {"state": "starting", "model": name}

    async def models(self) -> list[StoredModel]:
        return [StoredModel(1, MODEL, "fake", DIMENSION, active=True, moving=False, vectors=3)]

    async def forget(self, name: str) -> int:
        self.forgotten.append(name)
        return 3


class FakeServices:
    """Services over fakes, which stay within reach, and notes of what was asked of the rest."""

    def __init__(self, folder: Path | None = None, **settings: Mapping[str, Any]) -> None:
        self.index = FakeIndex()
        self.images = FakeImages(self.index)
        self.frontier = FakeFrontier()
        self.events = EventBus()
        self.removal = FakeRemoval(self.images, self.events)
        self.reembedding = FakeReembedding()
        self.now_answering = Answering(
            Search(self.images, self.index, model=MODEL, dimension=DIMENSION, embed_bytes=embed_bytes),
            picture_map=PictureMap(self.images, Path("never-run.npz"), MODEL, DIMENSION),
        )
        self.figures: dict[str, Any] = {"images": 0}
        self.hosts: list[dict[str, Any]] = []
        self.not_ready: str | None = None
        self.woken = 0
        self.now = START
        self.services = Services(
            settings=Settings.model_validate(settings),
            images=self.images,
            frontier=self.frontier,
            thumbnails=FakeThumbnails(folder),
            removal=self.removal,
            answering=self._answering,
            random=RandomPages(self.images, now=lambda: self.now),
            events=self.events,
            stats=lambda: {**self.figures, "images": len(self.images.by_id)},
            ready=lambda: self.not_ready,
            take_snapshot=self._take_snapshot,
            detect=detect,
            kinds=[
                SourceKind("list", "a list of addresses", "a picture a row", ("url_col",)),
                SourceKind("page", "a page", "its pictures", ("depth",)),
            ],
            hosts=self._hosts,
            wake=self._wake,
            admin_token=TOKEN,
            reembedding=self.reembedding,
        )

    def answer(self, **changes: Any) -> None:
        """Answer otherwise from now on, as by another ``search``, ``embed_texts`` or ``picture_map``."""
        self.now_answering = replace(self.now_answering, **changes)

    def _answering(self) -> Answering:
        return self.now_answering

    async def _hosts(self, limit: int) -> list[dict[str, Any]]:
        return self.hosts[:limit]

    async def _take_snapshot(self) -> dict[str, Any]:
        return {"size": self.index.size}

    def _wake(self) -> None:
        self.woken += 1


async def embed_bytes(data: bytes) -> FloatArray:
    """``b"image 7"`` has the vector of image 7."""
    if data == NOT_A_PICTURE:
        raise DecodeError(FailureKind.NOT_AN_IMAGE, "expected a picture, found text")
    return vector_of(data.decode(errors="replace"))


async def embed_texts(texts: Sequence[str]) -> FloatArray:
    """``"image 7"`` means what image 7 shows."""
    return np.stack([vector_of(text) for text in texts])


async def detect(source: str, kind: str | None, options: Mapping[str, Any]) -> Candidate:
    if not source.startswith("https://"):
        raise SourceError(f"{source!r}: no known kind of source; expected one of: list, page")
    return Candidate(url=source, kind=kind or "list")


Fetch = Callable[[str], Awaitable[bytes]]


def make_services(
    n_images: int = 0,
    folder: Path | None = None,
    *,
    fetch_query: Fetch | None = None,
    embed_texts: EmbedTexts | None = None,
    **settings: Mapping[str, Any],
) -> FakeServices:
    """Services with ``n_images`` images; keywords are sections of the settings."""
    fake = FakeServices(folder, **settings)
    fake.services = replace(fake.services, fetch_query=fetch_query)
    fake.answer(embed_texts=embed_texts)
    for _ in range(n_images):
        fake.images.add()
    return fake
