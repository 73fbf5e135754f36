"""Connections to a Milvus server, and what its failures mean (https://milvus.io/docs)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from grpc import RpcError, StatusCode
from grpc.aio import init_grpc_aio
from pymilvus import AsyncMilvusClient, MilvusException

from artalike.config import Index
from artalike.errors import IndexUnavailable, SettingError

CALL_SECONDS: Final = 8.0
READY_SECONDS: Final = 120.0
"""How long a server that answers may take to load what it holds: after a kill it reads its log first."""


@asynccontextmanager
async def connected(settings: Index) -> AsyncIterator[AsyncMilvusClient]:
    """Raises IndexUnavailable where nothing answers, SettingError where it wants another token."""
    # It tells each failed call with its whole stack, which is for us to judge.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    # Else closing the last connection would wait, in the event loop, for the thread that polls for all of them.
    init_grpc_aio()
    # A server hangs up on who pings too often with nothing to ask; and each request has its time.
    async with in_time(settings, CALL_SECONDS):
        client = AsyncMilvusClient(
            settings.uri,
            token=settings.token,
            timeout=CALL_SECONDS,
            dedicated=True,
            grpc_options={"grpc.keepalive_permit_without_calls": False},
        )
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def in_time(settings: Index, seconds: float) -> AsyncIterator[None]:
    """A request that takes longer, or fails, raises as :func:`connected` does."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise IndexUnavailable(f"index.uri = {settings.uri!r}: no answer within {seconds:.0f} s") from error
    except (MilvusException, RpcError) as error:
        raise _translated(settings, error) from error


def _translated(settings: Index, error: BaseException) -> IndexUnavailable | SettingError:
    """The client says of whatever it meets while it connects that the connection failed: the reason lies below that."""
    causes = [error]
    while (
        cause := causes[-1].__cause__
    ) is not None and cause not in causes:  # the client raises errors from themselves
        causes.append(cause)
    error = causes[-1]
    if isinstance(error, RpcError) and error.code() == StatusCode.UNAUTHENTICATED:
        given = "the one that is set" if settings.token else "none"
        return SettingError(
            f"index.token: Milvus at {settings.uri} does not take {given}; expected 'user:password' or an API key"
        )
    said = error.details() if isinstance(error, RpcError) else getattr(error, "message", error)
    return IndexUnavailable(f"index.uri = {settings.uri!r}: expected a Milvus that answers: {_line(str(said))}")


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
