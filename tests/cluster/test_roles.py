"""Several processes of each role on one PostgreSQL, Milvus and S3: one collection, as if one process had made it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from benchmarks.processes import Artalike
from tests.cluster.milvus import MilvusServer
from tests.cluster.postgres import Postgres, served
from tests.cluster.weed import Weed
from tests.sites import LocalServer, draw

pytestmark = pytest.mark.cluster

RATE = 8.0
EACH = 8
LATER = 40
"""Pictures of each host that take some seconds."""
HOSTS = 8


class Museum(LocalServer):
    """A host with pictures of its own, and a list that leads to those of ``all_hosts``."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number
        self.all_hosts: list[Museum] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if match := re.fullmatch(r"/(all|own)/(\d+)-from-(\d+)\.txt", request.path):
            hosts = self.all_hosts if match[1] == "all" else [self]
            count, first = int(match[2]), int(match[3])
            lines = [f"http://{host.host}/{first + n}.jpg" for n in range(count) for host in hosts]
            return web.Response(text="\n".join(lines) + "\n")
        if match := re.fullmatch(r"/(\d+)\.jpg", request.path):
            body = await asyncio.to_thread(draw, 1000 * self._number + int(match[1]))
            return web.Response(body=body, content_type="image/jpeg")
        raise web.HTTPNotFound

    def asked_at(self) -> list[float]:
        return [asked.at for asked in self.log]


class Gallery:
    """A web process, and what its event stream has told."""

    def __init__(self, process: Artalike, session: aiohttp.ClientSession) -> None:
        self.process = process
        self._session = session
        self.images: set[int] = set()
        self.removed: set[int] = set()
        self.stats: dict[str, Any] = {}

    async def ask(self, path: str, body: dict[str, Any] | None = None, method: str = "") -> Any:
        how = method or ("GET" if body is None else "POST")
        async with self._session.request(how, path, json=body) as answer:
            assert answer.status < 400, await answer.text()
            return await answer.json() if answer.content_type == "application/json" else None

    async def listen(self) -> None:
        async with self._session.get("/api/events", timeout=aiohttp.ClientTimeout(None)) as answer:
            name = ""
            async for line in answer.content:
                key, _, value = line.decode().rstrip("\n").partition(": ")
                name = value if key == "event" else name
                if key == "data":
                    self._note(name, json.loads(value))

    def _note(self, name: str, data: dict[str, Any]) -> None:
        if name == "stats":
            self.stats = data
        elif name in {"image", "removed"}:
            (self.images if name == "image" else self.removed).add(data["id"])

    async def seed(self, source: str) -> int:
        return int((await self.ask("/api/admin/seeds", {"source": source}))["id"])

    async def state(self, seed_id: int) -> str:
        return str((await self.ask(f"/api/admin/seeds/{seed_id}"))["state"])


async def until(what: Any, seconds: float = 60) -> None:
    """Until ``what()`` holds; it may be awaitable."""
    async with asyncio.timeout(seconds):
        while not (await found if asyncio.iscoroutine(found := what()) else found):
            await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    yield from served()


@pytest.fixture
def settings(postgres: Postgres, milvus_lite: MilvusServer, weed: Weed) -> dict[str, str]:
    """As variables of the environment."""
    sections = {
        "storage": {"catalog": postgres.new_database(), "commit_seconds": 0.05, **weed.bucket("roles")},
        "index": {"engine": "milvus", "uri": milvus_lite.uri},
        "crawl": {"host_rate": RATE, "host_concurrency": 1, "backoff_seconds": 0.1},
        "download": {"workers": 1},  # few, so that one process has no time for all hosts
        "gallery": {"map": "false"},
    }
    return {
        f"ARTALIKE_{section}__{key}".upper(): str(value)
        for section, keys in sections.items()
        for key, value in keys.items()
    }


@pytest.fixture
async def museums() -> AsyncIterator[list[Museum]]:
    async with AsyncExitStack() as stack:
        found = [await stack.enter_async_context(Museum(number)) for number in range(HOSTS)]
        for museum in found:
            museum.all_hosts = found
        yield found


@asynccontextmanager
async def cluster(folder: Path, settings: dict[str, str]) -> AsyncIterator[dict[str, Artalike]]:
    """Two processes of each role."""
    processes = {}
    for name in ("web1", "crawl1", "web2", "crawl2"):
        (folder / name).mkdir()
        processes[name] = Artalike(folder / name, settings, "--role", name[:-1], module="benchmarks.tiny")
    try:
        for process in processes.values():
            await asyncio.to_thread(process.wait)
        yield processes
    finally:
        for process in processes.values():
            if process.process.returncode is None:
                await asyncio.to_thread(process.kill)


@asynccontextmanager
async def open_gallery(process: Artalike) -> AsyncIterator[Gallery]:
    token = (process.data / "admin-token").read_text().strip()
    async with aiohttp.ClientSession(process.url, headers={"Authorization": f"Bearer {token}"}) as session:
        gallery = Gallery(process, session)
        listening = asyncio.create_task(gallery.listen())
        try:
            yield gallery
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


def run(settings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.tiny", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=os.environ | settings)


async def test_two_of_each_make_one_collection_and_one_may_die(
    tmp_path: Path, settings: dict[str, str], museums: list[Museum]
) -> None:
    async with (
        cluster(tmp_path, settings) as processes,
        open_gallery(processes["web1"]) as one,
        open_gallery(processes["web2"]) as other,
    ):
        for name in ("crawl1", "crawl2"):
            async with aiohttp.ClientSession(processes[name].url) as session:
                for path, status in (("/", 404), ("/api/stats", 404), ("/healthz", 200), ("/metrics", 200)):
                    assert (await session.get(path)).status == status, path
                async with asyncio.timeout(60):
                    while (await session.get("/readyz")).status != 200:
                        await asyncio.sleep(0.1)

        # What one hands in all bring in, and all show.
        everything = HOSTS * EACH
        await one.seed(f"http://{museums[0].host}/all/{EACH}-from-0.txt")
        await until(lambda: min(len(one.images), len(other.images)) == everything)
        assert one.images == other.images == set(range(1, everything + 1))
        await until(lambda: one.stats["images"] == other.stats["images"] == everything)
        await until(lambda: one.stats["pending"] == other.stats["pending"] == 0)
        shares = {name: processes[name].metrics()["artalike_images_total"] for name in ("crawl1", "crawl2")}
        assert sum(shares.values()) == everything
        for gallery in (one, other):
            await until(lambda g=gallery: g.process.call("/api/search?id=1&limit=200")["total"] == everything)

        # Taken down through one, it is gone from all; a host that is blocked through one is asked by none.
        [seventh] = (await one.ask("/api/images?ids=7"))["results"]
        await other.ask("/api/admin/images/7", method="DELETE")
        await until(lambda: 7 in one.removed and one.stats["images"] == everything - 1)
        blocked = museums[3]
        await one.seed(f"http://{blocked.host}/own/{LATER}-from-100.txt")
        await until(lambda: any(asked.path == "/101.jpg" for asked in blocked.log))
        await other.ask("/api/admin/blocks", {"kind": "host", "value": blocked.host})
        await asyncio.sleep(1.0)
        asked = len(blocked.log)
        assert asked < EACH + LATER
        assert next(iter((await one.ask("/api/admin/blocks"))["results"]))["value"] == blocked.host

        # One dies: its work is done by the other.
        second = await one.seed(f"http://{museums[1].host}/all/{LATER}-from-100.txt")
        await until(lambda: any(asked.path == "/105.jpg" for asked in museums[0].log))
        busier = max(shares, key=shares.__getitem__)
        await asyncio.to_thread(processes[busier].kill)
        killed = time.monotonic()
        await until(lambda: is_done(one, second), 90)
        assert len(blocked.log) == asked
        there = (HOSTS - 1) * (EACH + LATER) - (blocked.host not in seventh["url"])
        await until(lambda: one.stats["images"] == other.stats["images"] == there)
        assert max(museum.asked_at()[-1] for museum in museums) > killed, "it had left something to do"

        for museum in museums:
            at = museum.asked_at()  # several together: on a busy machine one request may come late, and the next not
            assert min(last - first for first, last in zip(at, at[4:], strict=False)) > 0.8 * 4 / RATE, museum.host
        beside = await asyncio.to_thread(run, settings, "serve", "--data", str(tmp_path / "all"), "--port", "0")
        assert (beside.returncode, beside.stderr.count("\n")) == (1, 1), beside.stderr
        assert "others are at work on it" in beside.stderr
        for name in processes.keys() - {busier}:
            assert await asyncio.to_thread(processes[name].stop) == 0
        found = await asyncio.to_thread(run, settings, "doctor", "--data", str(tmp_path / "web1"))
        assert found.returncode == 0, found.stdout


async def is_done(gallery: Gallery, seed_id: int) -> bool:
    return await gallery.state(seed_id) == "done"
