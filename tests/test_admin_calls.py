"""What the admin page asks for, of a whole service that crawls."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp

from artalike.crawl.sources import SOURCES
from artalike.crawl.sources.options import Options
from artalike.demo.museum import Museum
from artalike.web import schemas
from tests.running import client, running, settings_for, settled


async def _get(api: aiohttp.ClientSession, url: str, **params: str) -> dict[str, Any]:
    async with api.get(url, params=params) as response:
        assert response.status == 200, await response.text()
        answer: dict[str, Any] = await response.json()
        return answer


async def test_the_crawl_is_told_as_it_goes(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    await asyncio.to_thread(
        rules.write_text, '["127.0.0.1"]\nrate = 20.0\nconcurrency = 2\nsource = "https://a.example/"\n'
    )
    settings = settings_for(tmp_path / "data", crawl={"host_rules": str(rules)})
    async with Museum("127.0.0.1", 0, pieces=12) as museum, running(settings) as service, client(service) as api:
        source = f"{museum.url}/sitemap.xml"
        detected = schemas.Detected.model_validate(await _get(api, "/api/admin/detect", source=source))
        assert (detected.kind, detected.url, detected.options) == ("sitemap", source, ["depth"])
        async with api.post("/api/admin/seeds", json={"source": source}) as response:
            seed = (await response.json())["id"]
        async with asyncio.timeout(20):
            while not (hosts := (await _get(api, "/api/admin/hosts"))["results"]):
                await asyncio.sleep(0.02)
        [host] = schemas.Hosts.model_validate({"results": hosts}).results
        assert host.host == museum.url.removeprefix("http://")
        assert host.rule == schemas.HostRule(rate=20.0, concurrency=2, source="https://a.example/")
        await settled(service)
        images = (await _get(api, f"/api/admin/seeds/{seed}/images", limit="5"))["results"]
        assert [image["source"] for image in images] == [source] * 5
        ids = [image["id"] for image in images]
        assert ids == sorted(ids, reverse=True)
        async with asyncio.timeout(10):
            while (disk := (await _get(api, "/api/stats"))["disk"]) is None:
                await asyncio.sleep(0.02)
        assert 0 < disk["catalog"] < disk["total"]
        async with api.post(f"/api/admin/seeds/{seed}/recrawl") as response:
            assert (response.status, (await response.json())["crawl"]) == (202, 2)
        await settled(service)


def test_every_kind_says_what_it_brings_in_and_takes_only_options_that_there_are() -> None:
    for source in SOURCES:
        assert source.yields, source.kind
        assert set(source.takes) <= set(Options.model_fields) - {"rate", "recrawl"}, source.kind
