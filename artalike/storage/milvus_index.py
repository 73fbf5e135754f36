"""Nearest neighbours on a Milvus server; the only file that knows it (https://milvus.io/docs).

A collection holds the vectors of one model of one catalog, by the catalog's ids. Vectors lie there as the catalog has
them, in float32 of its float16, and are compared by inner product: that is the cosine of vectors of length 1, and the
same number as exact search over the catalog finds, so that both stand in one order.

What Milvus cannot promise comes from the catalog's own vectors (:mod:`artalike.storage.exact_search`): long answers,
narrow choices, and whatever an answer is short of. No scalar fields stand beside the vectors: what a filter asks for
changes without the vectors (years, makers, colours are written later), and would be a second truth to be followed. A
wide choice is picked out of a longer answer, or named by its ids.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from math import ceil
from typing import Any, Final, TypeVar

import numpy as np
from anyio import to_thread
from grpc import RpcError, StatusCode
from grpc.aio import init_grpc_aio
from pymilvus import AsyncMilvusClient, DataType, MilvusException
from pymilvus.client.types import LoadState

from artalike.config import Index
from artalike.errors import IndexUnavailable, SettingError, UsageError
from artalike.records import FloatArray, IdArray
from artalike.storage.exact_search import exact_search
from artalike.storage.ports import APPROXIMATE_MOST, ImageCatalog, Neighbors
from artalike.storage.vectors import checked_ids, checked_vectors, distinct

T = TypeVar("T")

CALL_SECONDS: Final = 8.0
READY_SECONDS: Final = 120.0
"""How long a server that answers may take to load what it holds: after a kill it reads its log first."""

LOOK_SECONDS: Final = 0.25
UPSERT_ROWS: Final = 128
"""Vectors in one request: making it takes the event loop 8 ms."""

DELETE_ROWS: Final = 4096
ID_ROWS: Final = 16_384
"""Ids in one answer: Milvus gives no more (https://milvus.io/docs/limitations.md)."""

NARROW: Final = 10_000
"""Choices up to so many ids are searched in the catalog: reading them takes no longer than naming them to Milvus."""

DEEPEST: Final = 8192
"""A wide choice is picked out of an answer of up to so many; of a narrower one Milvus is told the ids."""

SPARE: Final = 1.25
LIST_IDS: Final = 50_000
"""Ids in one expression: Milvus parses some 100,000 in a second."""

_INDEXES: Final[dict[str, tuple[dict[str, Any], Callable[[int], dict[str, Any]]]]] = {
    # What an index is built with, and how hard it is searched for so many neighbours; https://milvus.io/docs/index.md
    "HNSW": ({"M": 16, "efConstruction": 200}, lambda depth: {"ef": max(128, 2 * depth)}),
    "IVF_FLAT": ({"nlist": 1024}, lambda depth: {"nprobe": min(1024, 64 + depth // 8)}),
    "FLAT": ({}, lambda depth: {}),
}


def collection_name(prefix: str, owner: str, model_id: str) -> str:
    """Letters, digits and underscores, as Milvus takes them; another one for each catalog and model."""
    label = re.sub(r"[^0-9A-Za-z]+", "_", model_id)[:60].strip("_")
    return f"{_of_catalog(prefix, owner)}{label}_{hashlib.sha256(model_id.encode()).hexdigest()[:12]}"


def _of_catalog(prefix: str, owner: str) -> str:
    return f"{prefix}_{owner}_"


class MilvusIndex:
    """Implements :class:`artalike.storage.ports.VectorIndex` on the collection ``name``. Use :meth:`open`.

    Changes are made one at a time and are done when searches see them. All raise IndexUnavailable, with which
    nothing or a part of a change may have been made; it may be made again.
    """

    def __init__(
        self, client: AsyncMilvusClient, name: str, dimension: int, images: ImageCatalog, settings: Index
    ) -> None:
        self._client = client
        self._name = name
        self._dimension = dimension
        self._images = images
        self._settings = settings
        self._size = 0
        self._largest = -1
        self._changing = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, name: str, dimension: int, images: ImageCatalog, settings: Index) -> AsyncIterator[MilvusIndex]:
        """Connect, and make the collection where there is none. ``images`` are what it follows.

        Raises IndexUnavailable where nothing answers, SettingError for a wrong token and for a collection that is
        of something else.
        """
        async with _connected(settings) as client:
            index = cls(client, name, dimension, images, settings)
            await index.prepare()
            yield index

    async def prepare(self) -> None:
        """Return when the server has loaded the collection, and is asked how much that holds. Raises as above."""
        if not await self._ask(self._client.has_collection):
            await self._create()
        if not await self._ask(self._client.list_indexes):
            await self._create_index()
        described = await self._ask(self._client.describe_collection)
        dimensions = [field["params"].get("dim") for field in described["fields"] if field["name"] == "vector"]
        if [int(dimension or 0) for dimension in dimensions] != [self._dimension]:
            found = dimensions[0] if dimensions else "no"
            raise SettingError(
                f"index.collection = {self._settings.collection!r}: {self._name} at {self._settings.uri} is of vectors "
                f"of {found} numbers; expected {self._dimension}: drop it there, or choose another name"
            )
        await self._ask(self._client.load_collection, seconds=READY_SECONDS)
        async with _in_time(self._settings, READY_SECONDS):
            while (await self._ask(self._client.get_load_state))["state"] != LoadState.Loaded:  # noqa: ASYNC110  # no event
                await asyncio.sleep(LOOK_SECONDS)
        await self._count()

    @property
    def size(self) -> int:
        """How many vectors it held after the last change that was made here."""
        return self._size

    async def add(self, ids: IdArray, vectors: FloatArray) -> None:
        """As the port says; done once a search finds them. Raises UsageError for anything else, and then adds none."""
        rows = checked_vectors(vectors, self._dimension).astype("<f2").astype(np.float32)
        ids = checked_ids(ids)
        if len(ids) != len(rows):
            raise UsageError(f"{len(ids)} ids for {len(rows)} vectors: expected one each")
        last = len(ids) - 1 - np.unique(ids[::-1], return_index=True)[1]
        ids, rows = ids[last], rows[last]
        async with self._changing:
            for start in range(0, len(ids), UPSERT_ROWS):
                piece = slice(start, start + UPSERT_ROWS)
                data = [
                    {"id": number, "vector": row} for number, row in zip(ids[piece].tolist(), rows[piece], strict=True)
                ]
                await self._ask(self._client.upsert, data)
                self._largest = max(self._largest, data[-1]["id"])
            await self._count()

    async def remove(self, ids: IdArray) -> int:
        """Remove those of ``ids`` that are there. How many were."""
        wanted = distinct(checked_ids(ids))
        if not len(wanted):
            return 0
        async with self._changing:
            before = self._size
            for start in range(0, len(wanted), DELETE_ROWS):
                await self._ask(self._client.delete, ids=wanted[start : start + DELETE_ROWS].tolist())
            await self._count()
            return max(0, before - self._size)

    async def search(
        self, vectors: FloatArray, k: int, *, max_id: int | None = None, among: IdArray | None = None
    ) -> list[Neighbors]:
        """As the port says. Nothing that the catalog has removed is in it, whatever the level of consistency.

        Raises StorageError, too.
        """
        queries = checked_vectors(vectors, self._dimension)
        if k < 1:
            raise UsageError(f"k = {k}: expected at least 1")
        if among is not None:
            among = await to_thread.run_sync(_up_to, checked_ids(among), max_id)
        if k > APPROXIMATE_MOST or (among is not None and len(among) <= NARROW):
            return await self._exact(queries, k, max_id, among)
        found = await self._approximate(queries, k, max_id, among)
        expected = min(k, self._size if among is None else len(among), self._size if max_id is None else max_id + 1)
        short = [row for row, answer in enumerate(found) if len(answer.ids) < expected]
        if short:
            completed = await self._exact(queries[short], k, max_id, among)
            for row, answer in zip(short, completed, strict=True):
                found[row] = answer
        return found

    async def ids(self) -> IdArray:
        """Ascending ids, int64."""
        there = await self._count()
        ranges = [(await self._largest_known() + 1, 2**63)]
        ranges += [(start, start + ID_ROWS) for start in range(0, ranges[0][0], ID_ROWS)]
        found = [np.empty(0, np.int64)]
        while ranges:
            start, stop = ranges.pop()
            where = f"id >= {start} and id <= {stop - 1}"
            if stop - start > ID_ROWS:
                # Beyond all ids of the catalog there is nothing, or what does not belong there.
                if await self._count(where):
                    middle = (start + stop) // 2
                    ranges += [(start, middle), (middle, stop)]
                continue
            # The count was strong: the server has seen all that came before it.
            rows = await self._ask(
                self._client.query, filter=where, output_fields=["id"], limit=ID_ROWS, consistency_level="Bounded"
            )
            found.append(np.fromiter((row["id"] for row in rows), np.int64, len(rows)))
        everything = distinct(np.concatenate(found))
        if len(everything) != there:
            raise IndexUnavailable(f"{self._name}: {len(everything)} ids of {there}; it is changing meanwhile")
        return everything

    async def drop(self) -> None:
        """Delete the collection; nothing may be asked of it any more."""
        await self._ask(self._client.drop_collection, seconds=READY_SECONDS)

    async def _create(self) -> None:
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self._dimension)
        await self._ask(self._client.create_collection, schema=schema, seconds=READY_SECONDS)

    async def _create_index(self) -> None:
        kind = self._settings.index_type
        params = self._client.prepare_index_params()
        params.add_index("vector", index_type=kind, metric_type="IP", params=_INDEXES[kind][0])
        async with _in_time(self._settings, READY_SECONDS):
            try:
                await self._client.create_index(self._name, params, retry_times=0)
            except RpcError as error:
                if error.code() != StatusCode.UNIMPLEMENTED:
                    raise
                # Milvus Lite has made it, but has no clock for the client to wait by.

    async def _count(self, where: str = "") -> int:
        """How many there are: a strong read, so that all that was changed before it is seen by searches from now on."""
        rows = await self._ask(self._client.query, filter=where, output_fields=["count(*)"], consistency_level="Strong")
        count = int(rows[0]["count(*)"])
        if not where:
            self._size = count
        return count

    async def _largest_known(self) -> int:
        return max(self._largest, (await self._images.totals()).max_id)

    async def _approximate(
        self, queries: FloatArray, k: int, max_id: int | None, among: IdArray | None
    ) -> list[Neighbors]:
        depth, choices = k, [""]
        if among is not None:
            depth = ceil(SPARE * k * max(1.0, self._size / len(among)))
            if depth > DEEPEST:
                depth, choices = k, [*_expressions(among)]
        elif max_id is not None and max_id < await self._largest_known():
            choices = [f"id <= {max_id}"]
        effort = _INDEXES[self._settings.index_type][1](depth)
        if len(choices) > 1 and "nprobe" in effort:
            effort = {"nprobe": 1024}  # what a list names may lie in any of them
        parts = [
            await self._ask(
                self._client.search,
                list(queries),
                anns_field="vector",
                limit=depth,
                filter=choice,
                search_params={"metric_type": "IP", "params": effort},
                consistency_level=self._settings.consistency.capitalize(),
            )
            for choice in choices
        ]
        return await to_thread.run_sync(partial(self._merged, parts, k, max_id, among))

    def _merged(self, parts: Sequence[Any], k: int, max_id: int | None, among: IdArray | None) -> list[Neighbors]:
        return [self._neighbors(hits, k, max_id, among) for hits in zip(*parts, strict=True)]

    def _neighbors(self, hits: Sequence[Any], k: int, max_id: int | None, among: IdArray | None) -> Neighbors:
        ids = np.concatenate([np.array(one.ids, np.int64) for one in hits])
        scores = np.concatenate([np.array(one.distances, np.float32) for one in hits])
        kept = np.isin(ids, self._images.without_removed(ids.tolist()))
        if max_id is not None:
            kept &= ids <= max_id
        if among is not None:
            kept &= among[np.minimum(np.searchsorted(among, ids), len(among) - 1)] == ids
        # float16 rounds lengths, so the cosine of a vector with itself may come out above 1.
        ids, scores = ids[kept], np.clip(scores[kept], -1.0, 1.0)
        order = np.lexsort((ids, -scores))[:k]
        return Neighbors(ids[order], scores[order])

    async def _exact(self, queries: FloatArray, k: int, max_id: int | None, among: IdArray | None) -> list[Neighbors]:
        return await exact_search(self._images, queries, k, max_id=max_id, among=among, size=self._size)

    async def _ask(
        self, call: Callable[..., Awaitable[T]], *args: Any, seconds: float = CALL_SECONDS, **options: Any
    ) -> T:
        """Of the collection. One try: who wants another one knows better when."""
        async with _in_time(self._settings, seconds):
            return await call(self._name, *args, retry_times=0, **options)


async def drop_others(settings: Index, owner: str, *, but: Sequence[str]) -> None:
    """Drop the collections of this catalog's models that are left. Raises as :meth:`MilvusIndex.open` does."""
    async with _connected(settings) as client, _in_time(settings, READY_SECONDS):
        for name in await client.list_collections(retry_times=0):
            if name.startswith(_of_catalog(settings.collection, owner)) and name not in but:
                await client.drop_collection(name, retry_times=0)


@asynccontextmanager
async def _connected(settings: Index) -> AsyncIterator[AsyncMilvusClient]:
    # It tells each failed call with its whole stack, which is for us to judge.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    # Else closing the last connection would wait, in the event loop, for the thread that polls for all of them.
    init_grpc_aio()
    async with _in_time(settings, CALL_SECONDS):
        client = AsyncMilvusClient(settings.uri, token=settings.token, timeout=CALL_SECONDS, dedicated=True)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def _in_time(settings: Index, seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise IndexUnavailable(f"index.uri = {settings.uri!r}: no answer within {seconds:.0f} s") from error
    except (MilvusException, RpcError) as error:
        raise _translated(settings, error) from error


def _translated(settings: Index, error: BaseException) -> IndexUnavailable | SettingError:
    """The client says of whatever it meets while it connects that the connection failed: the reason lies below that."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, RpcError) and error.code() == StatusCode.UNAUTHENTICATED:
        given = "the one that is set" if settings.token else "none"
        return SettingError(
            f"index.token: Milvus at {settings.uri} does not take {given}; expected 'user:password' or an API key"
        )
    said = error.details() if isinstance(error, RpcError) else getattr(error, "message", error)
    return IndexUnavailable(f"index.uri = {settings.uri!r}: expected a Milvus that answers: {_line(str(said))}")


def _line(text: str) -> str:
    return " ".join(text.split())[:300]


def _up_to(among: IdArray, max_id: int | None) -> IdArray:
    if (among[1:] <= among[:-1]).any():
        raise UsageError("among: expected ascending ids, each once")
    return among if max_id is None else among[: np.searchsorted(among, max_id, side="right")]


def _expressions(among: IdArray) -> Sequence[str]:
    return [
        f"id in [{','.join(map(str, among[start : start + LIST_IDS].tolist()))}]"
        for start in range(0, len(among), LIST_IDS)
    ]
