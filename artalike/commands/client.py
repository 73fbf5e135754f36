"""Talks to the server that owns a data folder, over its own API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from artalike.config import Settings
from artalike.errors import ArtalikeError, NotFound, StartError, UsageError
from artalike.storage.folder import DataFolder

ANSWER_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server answers, and the token that it knows."""

    url: str
    token: str | None = field(repr=False)


def find(settings: Settings) -> Address | None:
    """The server that owns the data folder, None when none runs. Looks at the disk: call it before the event loop."""
    folder = DataFolder(settings.storage.data)
    found = folder.server()
    return Address(found["url"], settings.admin.token or folder.token()) if found else None


class Server:
    """The running server.

    Calls raise UsageError for what it refuses, NotFound for what it does not have, StartError when it does not answer.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url

    @classmethod
    @asynccontextmanager
    async def connect(cls, address: Address) -> AsyncIterator[Server]:
        """The server at an address that :func:`find` found."""
        headers = {"Authorization": f"Bearer {address.token}"} if address.token else {}
        async with aiohttp.ClientSession(headers=headers, trust_env=False) as session:
            yield cls(session, address.url)

    async def get(self, path: str) -> Any:
        return await self._call("GET", path)

    async def find(self, path: str) -> Any:
        """What lies there, None when there is nothing."""
        try:
            return await self.get(path)
        except NotFound:
            return None

    async def post(self, path: str, body: dict[str, Any], *, patient: bool = False) -> Any:
        """``patient`` waits for as long as it takes."""
        return await self._call("POST", path, body, patient=patient)

    async def delete(self, path: str) -> bool:
        """Whether it was there."""
        try:
            await self._call("DELETE", path, patient=True)
        except NotFound:
            return False
        return True

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None, *, patient: bool = False) -> Any:
        timeout = aiohttp.ClientTimeout(total=None if patient else ANSWER_SECONDS, connect=ANSWER_SECONDS)
        try:
            async with self._session.request(method, self.url + path, json=body, timeout=timeout) as response:
                answer = await response.json(content_type=None)
                if response.ok:
                    return answer
                raise _refusal(response.status, answer)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise StartError(f"server at {self.url}: {error or type(error).__name__}; expected an answer") from error


def _refusal(status: int, answer: Any) -> ArtalikeError:
    detail = answer.get("detail") or answer.get("title") if isinstance(answer, dict) else None
    message = str(detail or f"HTTP {status}")
    kinds: dict[int, type[ArtalikeError]] = {400: UsageError, 404: NotFound}
    return kinds.get(status, StartError)(message)
