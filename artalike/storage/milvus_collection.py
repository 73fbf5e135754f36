"""A collection of vectors on a Milvus server: how it is made, loaded, changed and counted (https://milvus.io/docs).

What was written last lies in a growing segment. Milvus searches one of more than some 5,000 vectors by a stand-in for
an index whose effort nobody can choose: of the ten nearest it finds nine, of the hundred nearest two thirds. (Measured
with 2.3; ``queryNode.segcore.interimIndex``: 16 of 128 lists.) So a segment is sealed before it is that large, and is
from then on searched exactly until its index is made.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import numpy as np
from anyio import to_thread
from grpc import RpcError, StatusCode
from pymilvus import AsyncMilvusClient, DataType
from pymilvus.client.types import LoadState

from artalike.config import Index
from artalike.errors import SettingError
from artalike.records import FloatArray, IdArray
from artalike.storage.milvus_connection import CALL_SECONDS, READY_SECONDS, connected, in_time
from artalike.storage.milvus_effort import KINDS

T = TypeVar("T")
Hits = tuple[IdArray, FloatArray]
"""Ids and inner products, best first."""

FIELD: Final = "vector"
"""The field of the vectors, and the index over it."""

LOOK_SECONDS: Final = 0.25
UPSERT_ROWS: Final = 128
"""Vectors in one request: making it takes the event loop 8 ms."""

DELETE_ROWS: Final = 4096
SEAL_ROWS: Final = 2048
"""From 39 × 128 on Milvus makes its stand-in, and more comes in until all is sealed; of 1,024 it makes no index yet."""


def collection_name(prefix: str, owner: str, model_id: str) -> str:
    """Letters, digits and underscores, as Milvus takes them; another one for each catalog and model."""
    label = re.sub(r"[^0-9A-Za-z]+", "_", model_id)[:60].strip("_")
    return f"{_of_catalog(prefix, owner)}{label}_{hashlib.sha256(model_id.encode()).hexdigest()[:12]}"


def _of_catalog(prefix: str, owner: str) -> str:
    return f"{prefix}_{owner}_"


async def drop_others(settings: Index, owner: str, *, but: Sequence[str]) -> None:
    """Drop the collections of this catalog's models that are left. Raises as :meth:`MilvusCollection.open` does."""
    async with connected(settings) as client, in_time(settings, READY_SECONDS):
        for name in await client.list_collections(retry_times=0):
            if name.startswith(_of_catalog(settings.collection, owner)) and name not in but:
                await client.drop_collection(name, retry_times=0)


class MilvusCollection:
    """The collection ``name``. Use :meth:`open`. Raises IndexUnavailable, and SettingError where refused."""

    def __init__(self, client: AsyncMilvusClient, name: str, dimension: int, settings: Index) -> None:
        self._client = client
        self._dimension = dimension
        self._settings = settings
        self.name = name
        self.kind = ""
        self._index = FIELD

    @classmethod
    @asynccontextmanager
    async def open(cls, name: str, dimension: int, settings: Index) -> AsyncIterator[MilvusCollection]:
        """Connect, and make the collection where there is none.

        Raises IndexUnavailable where nothing answers, SettingError for a wrong token and for a collection that is of
        something else.
        """
        async with connected(settings) as client:
            collection = cls(client, name, dimension, settings)
            await collection.prepare()
            yield collection

    async def prepare(self) -> None:
        """Return when the server has loaded the collection. Raises as above."""
        if not await self._ask(self._client.has_collection):
            await self._create()
        if not (names := await self._ask(self._client.list_indexes)):
            await self._create_index()
        self._index = next(iter(names), FIELD)
        described = await self._ask(self._client.describe_collection)
        dimensions = [field["params"].get("dim") for field in described["fields"] if field["name"] == FIELD]
        if [int(dimension or 0) for dimension in dimensions] != [self._dimension]:
            found = dimensions[0] if dimensions else "no"
            raise self._of_something_else(f"vectors of {found} numbers", str(self._dimension))
        # An older collection goes on with what was made of it.
        self.kind = (await self._ask(self._client.describe_index, self._index))["index_type"]
        if self.kind not in KINDS:
            raise self._of_something_else(f"type {self.kind}", f"one of {', '.join(KINDS)}")
        await self._ask(self._client.load_collection, seconds=READY_SECONDS)
        async with in_time(self._settings, READY_SECONDS):
            while (await self._ask(self._client.get_load_state))["state"] != LoadState.Loaded:  # noqa: ASYNC110  # no event
                await asyncio.sleep(LOOK_SECONDS)

    async def upsert(self, ids: IdArray, vectors: FloatArray) -> None:
        """Distinct ids (n,), vectors float32 (n, dimension)."""
        for start in range(0, len(ids), UPSERT_ROWS):
            piece = slice(start, start + UPSERT_ROWS)
            rows = zip(ids[piece].tolist(), vectors[piece], strict=True)
            await self._ask(self._client.upsert, [{"id": number, FIELD: row} for number, row in rows])

    async def delete(self, ids: IdArray) -> None:
        for start in range(0, len(ids), DELETE_ROWS):
            await self._ask(self._client.delete, ids=ids[start : start + DELETE_ROWS].tolist())

    async def count(self, where: str = "") -> int:
        """How many there are: a strong read, so that all that was changed before it is seen by searches from now on."""
        rows = await self._ask(self._client.query, filter=where, output_fields=["count(*)"], consistency_level="Strong")
        return int(rows[0]["count(*)"])

    async def ids(self, where: str, limit: int) -> IdArray:
        """Those that a strong read before this one would have seen; no more than 16,384."""
        rows = await self._ask(
            self._client.query, filter=where, output_fields=["id"], limit=limit, consistency_level="Bounded"
        )
        return np.fromiter((row["id"] for row in rows), np.int64, len(rows))

    async def search(
        self, queries: FloatArray, depth: int, *, factor: int, where: str = "", seconds: float = CALL_SECONDS
    ) -> list[Hits]:
        """Ids and inner products of so many nearest of each query, best first."""
        hits = await self._ask(
            self._client.search,
            list(queries),
            anns_field=FIELD,
            limit=depth,
            filter=where,
            search_params={"metric_type": "IP", "params": KINDS[self.kind].asked(depth, factor)},
            consistency_level=self._settings.consistency.capitalize(),
            seconds=seconds,
        )
        return await to_thread.run_sync(_arrays, hits)

    async def sealed(self) -> int:
        """Vectors in segments that grow no more, and those deleted there that are still to be tidied away."""
        return int((await self._ask(self._client.get_collection_stats))["row_count"])

    async def seal(self) -> None:
        """Let the segments that grow become others, of which Milvus makes indexes."""
        await self._ask(self._client.flush, seconds=READY_SECONDS)

    async def indexed(self) -> bool:
        """Whether all that is sealed has its index."""
        return not (await self._ask(self._client.describe_index, self._index))["pending_index_rows"]

    async def drop(self) -> None:
        """Delete it; nothing may be asked of it any more."""
        await self._ask(self._client.drop_collection, seconds=READY_SECONDS)

    def _of_something_else(self, found: str, expected: str) -> SettingError:
        return SettingError(
            f"index.collection = {self._settings.collection!r}: {self.name} at {self._settings.uri} is of {found}; "
            f"expected {expected}: drop it there, or choose another name"
        )

    async def _create(self) -> None:
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field(FIELD, DataType.FLOAT_VECTOR, dim=self._dimension)
        await self._ask(self._client.create_collection, schema=schema, seconds=READY_SECONDS)

    async def _create_index(self) -> None:
        # Others cannot promise to find everything.
        kind = self._settings.index_type if self._settings.recall < 1 else "FLAT"
        params = self._client.prepare_index_params()
        params.add_index(FIELD, kind, FIELD, metric_type="IP", params=dict(KINDS[kind].build))
        async with in_time(self._settings, READY_SECONDS):
            try:
                await self._client.create_index(self.name, params, retry_times=0)
            except RpcError as error:
                if error.code() != StatusCode.UNIMPLEMENTED:
                    raise
                # Milvus Lite has made it, but has no clock for the client to wait by.

    async def _ask(
        self, call: Callable[..., Awaitable[T]], *args: Any, seconds: float = CALL_SECONDS, **options: Any
    ) -> T:
        """Of the collection. One try: who wants another one knows better when."""
        async with in_time(self._settings, seconds):
            return await call(self.name, *args, retry_times=0, **options)


def _arrays(hits: Sequence[Any]) -> list[Hits]:
    return [(np.array(one.ids, np.int64), np.array(one.distances, np.float32)) for one in hits]
