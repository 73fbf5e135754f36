"""Recrawls through the whole service: what is asked for again, and how."""

from __future__ import annotations

import asyncio
from pathlib import Path

from artalike.records import Candidate
from artalike.service import Service
from tests.running import client, running, settings_for, settled
from tests.sites import MisbehavingSite, Reply


def put(site: MisbehavingSite, path: str, html: str, etag: str) -> None:
    site.pages[path] = Reply(html.encode(), "text/html", headers={"ETag": etag})


async def crawl(service: Service, url: str, depth: int = 1) -> None:
    await service.add_seed(url, options={"depth": depth})
    await settled(service)


async def test_an_unchanged_page_is_not_sent_again_and_the_pages_behind_it_are_looked_at(tmp_path: Path) -> None:
    async with MisbehavingSite() as site, running(settings_for(tmp_path)) as service:
        site.answers_conditions = True
        put(site, "/", "<a href=/a>a</a><img src=/picture/1.jpg>", '"root"')
        put(site, "/a", "<img src=/picture/2.jpg>", '"a"')
        await crawl(service, f"{site.root}/")
        assert service.images.counts.images == 2
        put(site, "/a", "<img src=/picture/2.jpg><img src=/picture/3.jpg>", '"changed"')
        await crawl(service, f"{site.root}/")
        assert service.images.counts.images == 3
        asked = [(request.path, request.headers.get("If-None-Match")) for request in site.log]
        assert asked.count(("/", '"root"')) == 1
        assert asked.count(("/a", '"a"')) == 1
        assert sum(path.startswith("/picture/") for path, _ in asked) == 3
        assert site.not_modified == ["/"]


async def test_a_seed_is_crawled_again_by_itself(tmp_path: Path) -> None:
    async with MisbehavingSite() as site, running(settings_for(tmp_path)) as service, client(service) as api:
        put(site, "/list.html", "<img src=/picture/1.jpg>", '"1"')
        body = {"source": f"{site.root}/list.html", "options": {"recrawl": "1s", "depth": 0}}
        answer = await api.post("/api/admin/seeds", json=body)
        assert answer.status == 202
        await settled(service)
        put(site, "/list.html", "<img src=/picture/1.jpg><img src=/picture/2.jpg>", '"2"')
        async with asyncio.timeout(15):
            while service.images.counts.images < 2:
                await asyncio.sleep(0.05)
        seed = await (await api.get(f"/api/admin/seeds/{(await answer.json())['id']}")).json()
        assert seed["crawl"] >= 2
        assert site.asked("/picture/1.jpg") == 1


async def test_pace_and_recrawl_of_a_seed_can_be_changed(tmp_path: Path) -> None:
    async with MisbehavingSite() as site, running(settings_for(tmp_path)) as service, client(service) as api:
        pictures = "".join(f"<img src=/picture/{number}.jpg>" for number in range(12))
        put(site, "/", pictures, '"1"')
        body = {"source": f"{site.root}/", "options": {"rate": 5}}
        seed = await (await api.post("/api/admin/seeds", json=body)).json()
        assert seed["rate"] == 5
        await asyncio.sleep(1.0)
        assert 1 <= sum(asked.path.startswith("/picture/") for asked in site.log) <= 11
        changed = await (await api.patch(f"/api/admin/seeds/{seed['id']}", json={"rate": 0, "recrawl": "6h"})).json()
        assert (changed["rate"], changed["recrawl_seconds"]) == (None, 6 * 3600)
        await settled(service)
        assert service.images.counts.images == 12
        for wrong in ({}, {"rate": -1}, {"recrawl": "soon"}, {"state": "gone"}):
            assert (await api.patch(f"/api/admin/seeds/{seed['id']}", json=wrong)).status == 400


async def test_pictures_that_a_killed_process_had_fetched_are_not_asked_for_again(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    async with MisbehavingSite() as site:
        put(site, "/", "".join(f"<img src=/picture/{number}.jpg>" for number in range(6)), '"1"')
        async with running(settings) as service:
            service.batcher.embed = never  # type: ignore[method-assign, assignment]  # fetched, and never embedded
            await service.add_seed(f"{site.root}/")
            async with asyncio.timeout(10):
                while sum(asked.path.startswith("/picture/") for asked in site.log) < 6:
                    await asyncio.sleep(0.02)
            await asyncio.sleep(0.3)
            service.settings.server.__dict__["drain_seconds"] = 0.1
        async with running(settings) as service:
            await settled(service)
            assert service.images.counts.images == 6
        assert sum(asked.path.startswith("/picture/") for asked in site.log) == 6
        assert list((tmp_path / "spool").iterdir()) == []


async def test_a_list_whose_owner_opts_out_gives_nothing_and_one_that_is_only_not_indexed_does(tmp_path: Path) -> None:
    async with MisbehavingSite() as site, running(settings_for(tmp_path)) as service:
        addresses = f"{site.picture(1)}\n{site.picture(2)}\n".encode()
        closed = site.put("/closed.txt", addresses, "text/plain", X_Robots_Tag="noai, noimageai")
        unlisted = site.put("/unlisted.txt", addresses, "text/plain", X_Robots_Tag="noindex")
        await service.add_seed(closed)
        await settled(service)
        assert service.images.counts.images == 0
        [group] = await service.frontier.failure_groups()
        assert group.kind == "opted_out"
        await service.add_seed(unlisted)
        await settled(service)
        assert service.images.counts.images == 2


async def never(_picture: object) -> None:
    await asyncio.Event().wait()


async def test_a_kind_that_only_another_version_knows_is_a_failure_of_its_source(tmp_path: Path) -> None:
    async with running(settings_for(tmp_path)) as service:
        await service.frontier.add_seed(Candidate("telepathy:", kind="telepathy"), "telepathy:", {})
        service.pipeline.wake()
        await settled(service)
        [seed] = await service.frontier.seeds()
        assert seed.state == "failed"
        assert (seed.error or "").startswith("kind 'telepathy': unknown; expected one of ")
