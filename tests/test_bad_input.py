"""What goes wrong in the world is one counted failure each; everything else goes on, and nothing shown is lost."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from artalike.config import Imaging
from artalike.errors import FailureKind
from artalike.imaging.decode import decode
from artalike.records import FloatArray, PixelArray, SeedState
from tests.running import CARD, TinyNetwork, client, running, settings_for, settled
from tests.sites import BOMB_BYTES, Fault, MisbehavingSite, draw

GOOD = 12

FAULTS = {
    Fault.NOT_FOUND: FailureKind.NOT_FOUND,
    Fault.GONE: FailureKind.NOT_FOUND,
    Fault.FORBIDDEN: FailureKind.REFUSED,
    Fault.SERVER_ERROR: FailureKind.SERVER_ERROR,
    Fault.HTML_AS_PICTURE: FailureKind.NOT_AN_IMAGE,
    Fault.SVG: FailureKind.NOT_AN_IMAGE,
    Fault.TRUNCATED: FailureKind.TRUNCATED,
    Fault.CUT_SHORT: FailureKind.CONNECTION,
    Fault.DROPPED_CONNECTION: FailureKind.CONNECTION,
    Fault.EMPTY: FailureKind.EMPTY,
    Fault.BOMB: FailureKind.TOO_MANY_PIXELS,
    Fault.PANORAMA: FailureKind.TOO_MANY_PIXELS,
    Fault.ONE_PIXEL: FailureKind.TOO_SMALL,
    Fault.GZIP_BOMB: FailureKind.TOO_LARGE,
    Fault.ENDLESS_BODY: FailureKind.TOO_LARGE,
    Fault.REDIRECT_LOOP: FailureKind.REDIRECT_LOOP,
    Fault.REDIRECT_CHAIN: FailureKind.REDIRECT_LOOP,
    Fault.REDIRECT_NOWHERE: FailureKind.BAD_URL,
    Fault.FILE_REDIRECT: FailureKind.BAD_URL,
    Fault.SLOW_HEADERS: FailureKind.TIMEOUT,
    Fault.OPTED_OUT: FailureKind.OPTED_OUT,
}

HARMLESS = (Fault.SERVER_ERROR_ONCE, Fault.WRONG_CONTENT_TYPE, Fault.HOSTILE_NAME, Fault.REDIRECT)


async def test_each_fault_is_counted_by_its_name_and_all_good_pictures_arrive(tmp_path: Path) -> None:
    settings = settings_for(
        tmp_path / "data",
        crawl={"attempts": 2},
        download={"max_bytes": BOMB_BYTES // 8},
        imaging={"max_side": 3000},
    )
    async with MisbehavingSite(pictures=GOOD) as site, running(settings) as service, client(service) as api:
        addresses = [site.url(fault) for fault in (*FAULTS, *HARMLESS)]
        addresses += [site.picture(number) for number in range(GOOD)]
        addresses.append("no address at all")
        listed = tmp_path / "list.txt"
        listed.write_text("\n".join(addresses))
        await service.add_seed(str(listed))
        await settled(service)
        expected = list(FAULTS.values())
        groups = {group["kind"]: group for group in (await (await api.get("/api/admin/failures")).json())["results"]}
        counts = {kind: group["count"] for kind, group in groups.items()}
        missing = counts.pop(FailureKind.MISSING_FILE, 0) + counts.pop(FailureKind.BAD_URL, 0)
        assert missing == expected.count(FailureKind.BAD_URL) + 1
        assert counts == {k: expected.count(k) for k in set(expected) if k is not FailureKind.BAD_URL}
        assert all(group["example_url"] and group["example_detail"] for group in groups.values())
        [seed] = await service.frontier.seeds()
        assert (seed.state, seed.failed) == (SeedState.DONE, len(expected) + 1)
        for number in range(GOOD):
            assert await service.images.find_url(site.picture(number)) is not None
        assert await service.images.find_url(site.url(Fault.HOSTILE_NAME)) is not None


async def test_a_dead_host_and_a_name_that_nobody_has_are_told_apart(tmp_path: Path) -> None:
    async with running(settings_for(tmp_path / "data", crawl={"attempts": 1})) as service:
        await service.add_seed("http://127.0.0.1:1/dead.jpg")
        await service.add_seed("http://no-such-host.invalid/x.jpg")
        await settled(service)
        groups = await service.frontier.failure_groups()
        assert {group.kind for group in groups} == {FailureKind.CONNECTION, FailureKind.DNS}
        assert {seed.state for seed in await service.frontier.seeds()} == {SeedState.FAILED}


async def test_bad_files_are_counted_and_hostile_names_are_only_names(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "page.jpg").write_bytes(b"<html><script>alert(1)</script>")
    (folder / "half.jpg").write_bytes(draw(1)[:300])
    names = [b"<img src=x onerror=alert(1)>.jpg", b"a\nb.jpg", b"\xff\xfe.jpg", b"%2e%2e%2fx.jpg", b"-rf *.jpg"]
    for number, name in enumerate(names):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(draw(number + 2))
    (folder / "secret.jpg").symlink_to(tmp_path / "nowhere.jpg")
    async with running(settings_for(tmp_path / "data")) as service, client(service) as api:
        await service.add_seed(str(folder))
        await settled(service)
        assert (await service.images.totals()).images == len(names)
        kinds = {group.kind for group in await service.frontier.failure_groups()}
        assert {FailureKind.EMPTY, FailureKind.NOT_AN_IMAGE, FailureKind.TRUNCATED} <= kinds
        for path in ("/", "/api/random", "/admin"):
            assert "<img src=x" not in await (await api.get(path)).text()


async def test_a_full_disk_makes_the_ingest_wait_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artalike.pipeline.room.ROOM_SECONDS", 0.05)
    async with MisbehavingSite(pictures=300) as site, running(settings_for(tmp_path / "data")) as service:
        database = service.images._database
        listed = tmp_path / "list.txt"
        listed.write_text("\n".join(site.picture(number) for number in range(300)))
        async with database.write() as connection:
            [[pages]] = await connection.execute_fetchall("PRAGMA page_count")
            await connection.execute(f"PRAGMA max_page_count = {pages + 12}")
        await service.add_seed(str(listed))
        async with asyncio.timeout(10), client(service) as api:
            while service.stats()["problem"] is None:
                await asyncio.sleep(0.02)
            assert "no space left" in service.stats()["problem"]
            assert (await api.get("/readyz")).status == 503
            shown = (await (await api.get("/api/random?limit=200")).json())["results"]
        async with database.write() as connection:
            await connection.execute("PRAGMA max_page_count = 1000000")
        await settled(service)
        assert service.stats()["problem"] is None
        totals = await service.images.totals()
        assert (totals.images, totals.failed) == (300, 0)
        assert len(await service.images.images([image["id"] for image in shown])) == len(shown)


async def test_a_picture_that_breaks_the_network_fails_alone(tmp_path: Path) -> None:
    poison = (await asyncio.to_thread(decode, draw(3), CARD.preprocess, Imaging())).model_input

    class Touchy(TinyNetwork):
        def embed(self, batch: PixelArray) -> FloatArray:
            if (batch == poison).all(axis=(1, 2, 3)).any():
                raise RuntimeError("not this one")
            return super().embed(batch)

    async with (
        MisbehavingSite(pictures=10) as site,
        running(settings_for(tmp_path / "data"), network=Touchy) as service,
    ):
        listed = tmp_path / "list.txt"
        listed.write_text("\n".join(site.picture(number) for number in range(10)))
        await service.add_seed(str(listed))
        await settled(service)
        [group] = await service.frontier.failure_groups()
        assert (group.kind, group.count, group.example_url) == (FailureKind.EMBEDDING, 1, site.picture(3))
        assert (await service.images.totals()).images == 9


async def test_failures_can_be_tried_again_once_the_cause_is_gone(tmp_path: Path) -> None:
    async with MisbehavingSite() as site, running(settings_for(tmp_path / "data")) as service, client(service) as api:
        url = f"{site.root}/late.jpg"
        await service.add_seed(url)
        await settled(service)
        [seed] = await service.frontier.seeds()
        assert seed.failed == 1
        site.put("/late.jpg", draw(3), "image/jpeg")
        answer = await api.post("/api/admin/failures/retry", json={"kind": "not_found"})
        assert answer.status == 200
        await settled(service)
        assert await service.images.find_url(url) is not None
