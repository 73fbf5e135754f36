"""Ingest by processes that Ray places on several machines, one of which is lost in the middle."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web

from artalike.storage.catalog import Database
from tests.cluster import ray_nodes
from tests.cluster.postgres import Postgres
from tests.cluster.ray_nodes import RayNodes
from tests.cluster.weed import Weed
from tests.sites import NO_KNOWN_HOSTS, LocalServer, draw

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

HOSTS, PICTURES, RATE = 4, 40, 4
FILES = 600
"""Of no host, and so anybody's: all processes have something to do."""
SECONDS = 240

BUSY = "SELECT count(DISTINCT worker) FROM frontier WHERE state = 'leased'"
IMAGES = "SELECT count(*) FROM images"


class Gallery(LocalServer):
    """A host with as many pictures as one likes, at ``/N.jpg``; none of another gallery is like them."""

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/robots.txt":
            raise web.HTTPNotFound
        number = int(request.path.strip("/").removesuffix(".jpg"))
        return web.Response(body=draw(1000 * self.port + number), content_type="image/jpeg")

    @property
    def pictures(self) -> list[str]:
        return [f"http://127.0.0.1:{self.port}/{number}.jpg" for number in range(PICTURES)]

    def fastest(self) -> float:
        """Seconds between requests at their closest, over ten of them."""
        times = [asked.at for asked in self.log]
        return min((later - earlier) / 10 for earlier, later in zip(times, times[10:], strict=False))


def files(folder: Path) -> list[str]:
    """The addresses of pictures on this machine, all different."""
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number}.jpg").write_bytes(draw(number))
    return [path.as_uri() for path in folder.iterdir()]


@pytest.fixture
def nodes() -> Iterator[RayNodes]:
    if reason := ray_nodes.why_not():
        pytest.skip(reason)
    nodes = RayNodes(3, cpus=2)
    try:
        yield nodes
    finally:
        nodes.stop()


@pytest.fixture
async def galleries() -> AsyncIterator[list[Gallery]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Gallery()) for _ in range(HOSTS)]


@pytest.fixture
def environment(postgres: Postgres, weed: Weed) -> dict[str, str]:
    """Of the program; a new catalog, and a folder of the bucket."""
    catalog = postgres.new_database()
    settings = {
        "storage": weed.bucket(catalog.rpartition("/")[2], catalog=catalog),
        "crawl": {"allow_private": "true", "host_rate": str(RATE), "host_rules": NO_KNOWN_HOSTS},
        "download": {"workers": "4"},  # few: one process is not to have all hosts
        "server": {"drain_seconds": "5"},
        "gallery": {"map": "false"},
    }
    named = {f"ARTALIKE_{section}__{key}".upper(): v for section, keys in settings.items() for key, v in keys.items()}
    return os.environ | named


async def artalike(environment: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    """The program, with a network that costs nothing."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.tiny", *arguments, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def test_a_lost_machine_costs_no_picture_and_brings_none_twice(
    tmp_path: Path, nodes: RayNodes, galleries: list[Gallery], environment: dict[str, str]
) -> None:
    there = [picture for gallery in galleries for picture in gallery.pictures]
    (tmp_path / "list.txt").write_text("\n".join(there))
    here = await asyncio.to_thread(files, tmp_path / "folder")
    wanted = there + here
    data = ("--data", str(tmp_path / "data"))
    sources = (str(tmp_path / "list.txt"), str(tmp_path / "folder"))
    ingest = await artalike(environment, "ingest", *sources, "--on", nodes.address, *data)
    async with asyncio.timeout(SECONDS), Database.open(environment["ARTALIKE_STORAGE__CATALOG"]) as catalog:
        while await _count(catalog, BUSY) < 3 or await _count(catalog, IMAGES) < len(wanted) // 8:
            assert ingest.returncode is None, await ingest.communicate()
            await asyncio.sleep(0.2)
        await asyncio.to_thread(nodes.lose)
        assert await _count(catalog, IMAGES) < len(wanted) * 3 // 4
        await asyncio.to_thread(nodes.add)
        out, err = await ingest.communicate()
        assert ingest.returncode == 0, err.decode()
        assert f"list.txt: done, {len(there)} images, 0 failed" in out.decode()
        assert f"folder: done, {len(here)} images, 0 failed" in out.decode()
        assert "3 processes download, 3 embed" in out.decode()
        async with catalog.read() as connection:
            rows = await connection.execute_fetchall("SELECT url, image_id FROM image_urls")
    assert sorted(url for url, _ in rows) == sorted(wanted)
    assert len({image_id for _, image_id in rows}) == len(wanted)
    asked = Counter(f"http://{one.host}{one.path}" for gallery in galleries for one in gallery.log)
    assert sum(asked[url] - 1 for url in there) <= len(there) // 2  # what the lost machine had in its hands
    for gallery in galleries:
        assert gallery.fastest() > 0.9 / RATE
    doctor = await artalike(environment, "doctor", "--json", *data)
    out, err = await doctor.communicate()
    assert [check for check in json.loads(out)["checks"] if not check["ok"]] == [], err.decode()


async def _count(catalog: Database, query: str) -> int:
    async with catalog.read() as connection:
        [row] = await connection.execute_fetchall(query)
    return int(row[0])
