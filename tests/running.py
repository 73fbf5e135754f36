"""A whole service inside a test, with a small network in place of a real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver

from artalike.config import Settings
from artalike.embedding.card import ModelCard
from artalike.service import Service
from artalike.storage.folder import DataFolder
from benchmarks.tiny import CARD, TinyNetwork
from tests.sites import NO_KNOWN_HOSTS

__all__ = ["CARD", "TOKEN", "TinyNetwork", "client", "running", "settings_for", "settled"]

TOKEN = "test-token"


def settings_for(data: Path, **sections: dict[str, Any]) -> Settings:
    """Settings for a crawl of this machine, as fast as it goes."""
    base: dict[str, dict[str, Any]] = {
        "server": {"port": 0},
        "storage": {"data": data, "commit_seconds": 0.05},
        "crawl": {"allow_private": True, "host_rate": 0, "host_concurrency": 8, "backoff_seconds": 0.05}
        | {"host_rules": NO_KNOWN_HOSTS},
        "download": {"connect_seconds": 2, "read_seconds": 1, "total_seconds": 3},
        "admin": {"token": TOKEN},
        "embedding": {"model": CARD.name},
        "gallery": {"map": False},  # a process that lays pictures out beside each test would slow all of them
    }
    for section, keys in sections.items():
        base[section] = base.get(section, {}) | keys
    return Settings.model_validate(base)


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    network: Callable[[], Any] = TinyNetwork,
    resolver: AbstractResolver | None = None,
    others: Mapping[str, tuple[ModelCard, Callable[[], Any]]] = MappingProxyType({}),
) -> AsyncIterator[Service]:
    """A service that serves and ingests until the block ends, and then drains.

    ``others`` are models that it knows beside the small one, by name, with what makes their networks.
    """
    known = {CARD.name: (CARD, network), **others}
    folder = DataFolder(settings.storage.data)
    await asyncio.to_thread(folder.create)
    async with Service.open(
        settings,
        folder,
        TOKEN,
        identify=lambda embedding: known.get(embedding.model, (CARD, network))[0],
        load=lambda card, _: known[card.name][1](),
        resolver=resolver,
    ) as service:
        run = asyncio.create_task(service.run())
        try:
            yield service
        finally:
            service.stop()
            await run


async def settled(service: Service, *, seconds: float = 30) -> None:
    """Wait until no seed is running."""
    async with asyncio.timeout(seconds):
        while any(seed.state == "running" for seed in await service.frontier.seeds()):
            await asyncio.sleep(0.02)
    # Readers may see a commit a moment before the process that made it has counted it.
    async with service.images._database.write():
        pass


@asynccontextmanager
async def client(service: Service) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(service.url, headers=headers) as session:
        yield session
