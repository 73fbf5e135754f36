"""Removal through the whole process: a running server, its files, its API, and the command line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from artalike import upkeep
from artalike.__main__ import main
from artalike.commands.client import find
from artalike.commands.doctor import Result, _examine
from artalike.commands.status import existing
from artalike.errors import FailureKind
from artalike.service import Service
from artalike.storage.blocks import BlockKind
from artalike.storage.folder import DataFolder
from tests.imaging.pictures import encoded, photo
from tests.running import CARD, TOKEN, client, running, settings_for, settled
from tests.sites import LoopbackResolver, MisbehavingSite, Reply


@pytest.fixture
async def site() -> AsyncIterator[MisbehavingSite]:
    async with MisbehavingSite(pictures=12) as site:
        yield site


async def seeded(service: Service, folder: Path, *urls: str) -> None:
    """Crawl a list of these addresses to its end."""
    listed = folder / f"list-{abs(hash(urls))}.txt"
    await asyncio.to_thread(listed.write_text, "\n".join(urls))
    await service.add_seed(str(listed))
    await settled(service)


async def get(api: aiohttp.ClientSession, path: str, **options: Any) -> tuple[int, Any]:
    async with api.get(path, **options) as answer:
        return answer.status, await answer.json() if "json" in answer.content_type else await answer.read()


async def failures(service: Service) -> dict[str, int]:
    return {group.kind: group.count for group in await service.frontier.failure_groups()}


async def doctor(data: Path, **sections: dict[str, Any]) -> list[Result]:
    """The promises that are broken."""
    settings = settings_for(data, **sections)
    folder, address = await asyncio.to_thread(lambda: (existing(settings), find(settings)))
    return [result for result in await _examine(folder, address, settings) if result.problems]


async def test_a_removed_picture_is_gone_from_every_answer_at_once(
    tmp_path: Path, site: MisbehavingSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "HURRY_SECONDS", 0.1)
    data = tmp_path / "data"
    async with running(settings_for(data)) as service, client(service) as api:
        await seeded(service, tmp_path, *(site.picture(number) for number in range(12)))
        target, other = 5, 7
        [image] = await service.images.images([target])
        _, first_random = await get(api, "/api/random?limit=3&seed=4")
        _, first_similar = await get(api, f"/api/images/{other}/similar?limit=3")
        _, own_similar = await get(api, f"/api/images/{target}/similar?limit=3")
        async with api.get(f"/thumbs/{target}/256") as answer:
            tag = answer.headers["ETag"]
        async with service.events.subscribe() as events:
            async with api.delete(f"/api/admin/images/{target}?reason=asked") as answer:
                assert answer.status == 204
            assert (await anext(events)).data == {"id": target}
        for path in (f"/api/images/{target}", f"/api/images/{target}/similar", f"/thumbs/{target}/256",
                     f"/api/images/{target}/near-duplicates", f"/api/search?id={target}", own_similar["next"],
                     f"/api/search?url={image.url}"):  # fmt: skip
            assert (await get(api, path))[0] == 404, path
        assert (await get(api, f"/thumbs/{target}/256", headers={"If-None-Match": tag}))[0] == 404
        assert (await get(api, f"/similar/{target}"))[0] == 404
        assert f'data-id="{target}"'.encode() not in (await get(api, "/"))[1]
        for start in (first_random, first_similar, (await get(api, f"/api/search?id={other}&limit=2"))[1]):
            shown = [found["id"] for found in start["results"]] if start is not first_random else []
            following = start["next"]
            rest: list[int] = []
            while following:
                _, page = await get(api, following)
                rest += [found["id"] for found in page["results"]]
                following = page["next"]
            assert target not in rest
            assert len(set(rest)) == len(rest)
            assert not set(rest) & set(shown)
        _, stats = await get(api, "/api/stats")
        assert (stats["images"], stats["searchable"]) == (11, 11)
        async with api.delete(f"/api/admin/images/{target}") as answer:
            assert answer.status == 404
        saved = service.snapshots.saved_at
        async with asyncio.timeout(10):
            while service.snapshots.saved_at == saved:
                await asyncio.sleep(0.05)
        assert await doctor(data) == []
    assert await doctor(data) == []


async def test_open_galleries_hear_what_has_gone_while_they_were_away(tmp_path: Path, site: MisbehavingSite) -> None:
    async with running(settings_for(tmp_path / "data")) as service, client(service) as api:
        await seeded(service, tmp_path, site.picture(0), site.picture(1))
        await service.removal.take_down([2])
        async with api.get("/api/events") as stream, asyncio.timeout(5):
            while await stream.content.readline() != b"event: removed\n":
                pass
            assert await stream.content.readline() == b'data: {"id":2}\n'


async def test_a_host_blocked_during_an_ingest_is_asked_for_nothing_more(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with MisbehavingSite(pictures=120) as site:
        site.hold_seconds = 0.02
        async with running(settings_for(data), resolver=LoopbackResolver(site.port)) as service:
            listed = tmp_path / "list.txt"
            urls = [site.picture(n, root=f"http://{'img.bad' if n % 2 else 'good'}.example") for n in range(120)]
            await asyncio.to_thread(listed.write_text, "\n".join(urls))
            await service.add_seed(str(listed))
            async with asyncio.timeout(20):
                while (await service.images.totals()).images < 20:
                    await asyncio.sleep(0.01)
            taken = [hit.id for hit in await service.images.images(range(1, 4))]
            gone = await service.removal.take_down(taken)
            _, removed = await service.removal.block(BlockKind.HOST, "bad.example")
            await asyncio.sleep(0.1)  # what was under way is answered
            asked = len(site.times(host="img.bad.example"))
            await settled(service)
            assert len(site.times(host="img.bad.example")) == asked
            assert removed > 0
            ids = set((await service.index.ids()).tolist())
            assert ids == set((await service.images.embedded_ids()).tolist())
            assert not ids & set(gone)
            for image in await service.images.images(sorted(ids)):
                assert image.url.startswith("http://good.example/")
            assert (await failures(service))["blocked"] >= 60
        assert await doctor(data) == []


async def test_a_redirect_to_a_blocked_host_never_reaches_it(tmp_path: Path, site: MisbehavingSite) -> None:
    site.pages["/moved.jpg"] = Reply(b"", status=302, headers={"Location": "http://bad.example/picture/1.jpg"})
    async with running(settings_for(tmp_path / "data"), resolver=LoopbackResolver(site.port)) as service:
        await service.removal.block(BlockKind.HOST, "bad.example")
        await seeded(service, tmp_path, "http://good.example/moved.jpg")
        assert await failures(service) == {FailureKind.BLOCKED: 1}
        assert site.times(host="bad.example") == []


async def test_a_recompressed_copy_of_a_blocked_picture_is_caught(tmp_path: Path, site: MisbehavingSite) -> None:
    picture = photo(640, 480)
    original = site.put("/original.jpg", encoded(picture, quality=95), "image/jpeg")
    copy = site.put("/copy.webp", encoded(picture.resize((320, 240)), "WEBP", quality=50), "image/webp")
    other = site.put("/other.jpg", encoded(photo(640, 480, seed=3)), "image/jpeg")
    data = tmp_path / "data"
    async with running(settings_for(data)) as service:
        await seeded(service, tmp_path, original)
        async with service.frontier._database.read() as connection:
            [[phash]] = await connection.execute_fetchall("SELECT phash FROM images")
        _, removed = await service.removal.block(BlockKind.PHASH, f"{phash % 2**64:016x}")
        assert removed == 1
        await seeded(service, tmp_path, copy, other)
        assert await failures(service) == {FailureKind.BLOCKED: 2}
        assert (await service.images.totals()).images == 1
    assert await doctor(data) == []


async def test_a_file_that_its_owner_deletes_goes_and_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    data = tmp_path / "data"

    def draw(number: int) -> None:
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.jpg").write_bytes(encoded(photo(200, 150, seed=number)))

    for number in range(3):
        await asyncio.to_thread(draw, number)
    async with running(settings_for(data)) as service:
        seed_id = await service.add_seed(str(folder))
        await settled(service)
        address = (folder / "1.jpg").as_uri()
        [image_id] = await service.removal.withdraw(seed_id, [address])
        assert (await service.images.totals()).images == 2
        await service.add_seed(str(folder))
        await settled(service)
        assert await service.images.find_url(address) == image_id
        assert await service.thumbnails.find((await service.images.images([image_id]))[0].sha256, 256)
    assert await doctor(data) == []


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from artalike.storage.followers import Followers
from tests.running import running, settings_for

async def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

async def go():
    async with running(settings_for(Path(sys.argv[1]))) as service:
        Followers.hide = killed  # between the commit and all that follows it
        await service.removal.take_down([2])

asyncio.run(go())
"""


async def test_a_kill_between_the_commit_and_the_index_leaves_nothing_behind(
    tmp_path: Path, site: MisbehavingSite
) -> None:
    data = tmp_path / "data"
    async with running(settings_for(data)) as service:
        await seeded(service, tmp_path, *(site.picture(number) for number in range(4)))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, str(data))
    assert await process.wait() == -signal.SIGKILL
    async with running(settings_for(data)) as service, client(service) as api:
        assert (await service.index.ids()).tolist() == [1, 3, 4]
        assert (await get(api, "/thumbs/2/256"))[0] == 404
    assert await doctor(data) == []


def run(data: Path, *arguments: str) -> int:
    return main(["remove", *arguments, "--data", str(data)])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A collection of six pictures, with no server."""

    async def fill() -> None:
        async with (
            MisbehavingSite() as site,
            running(settings_for(tmp_path / "data"), resolver=LoopbackResolver(site.port)) as service,
        ):
            await seeded(service, tmp_path, *(site.picture(n, root=f"http://h{n % 2}.example") for n in range(6)))

    asyncio.run(fill())
    return tmp_path / "data"


def test_without_a_server_the_folder_is_changed_and_its_snapshot_too(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = DataFolder(data).snapshot.stat().st_size
    assert run(data, "3", "--reason", "asked") == 0
    assert capsys.readouterr().out == "removed    1 picture\n"
    assert run(data, "--host", "h1.example", "--yes", "--json") == 0
    [blocked] = json.loads(capsys.readouterr().out)["blocked"]
    assert (blocked["kind"], blocked["value"]) == ("host", "h1.example")
    assert blocked["removed"] in {2, 3}
    assert DataFolder(data).snapshot.stat().st_size <= before - 3 * (8 + 2 * CARD.dimension)
    assert run(data, "--list") == 0
    assert "host    h1.example" in capsys.readouterr().out
    assert main(["doctor", "--data", str(data)]) == 0
    assert run(data, "--unblock", str(blocked["id"])) == 0
    capsys.readouterr()
    assert run(data, "--list", "--json") == 0
    assert [block["kind"] for block in json.loads(capsys.readouterr().out)["blocks"]] == ["sha256"]
    assert main(["doctor", "--data", str(data)]) == 0


def test_many_pictures_are_not_taken_out_unasked(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data, "--url", "http://h0.example/*") == 2
    assert "takes 3 pictures out for good; expected --yes" in capsys.readouterr().err
    assert run(data, "--list") == 0
    assert capsys.readouterr().out == "nothing is blocked\n"


@pytest.mark.parametrize(
    ("arguments", "status", "named"),
    [
        (["77"], 1, "there is no image 77"),
        (["http://h0.example/none.jpg"], 1, "http://h0.example/none.jpg: no image of this collection"),
        (["http://"], 2, "http://: has no host"),
        (["--hash", "abc"], 2, "expected 64 hexadecimal digits"),
        (["--host", "a/b"], 2, "expected a host, such as"),
        (["--url", "*"], 2, "expected a whole address"),
        (["--unblock", "5"], 1, "there is no block 5"),
        (["--unblock", "x"], 2, "expected a whole number"),
        ([], 2, "nothing to do"),
    ],
)
def test_a_mistake_gets_one_line_and_removes_nothing(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, named: str
) -> None:
    assert run(data, *arguments) == status
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1


def test_with_a_server_it_does_the_same(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def through() -> None:
        async with running(settings_for(data)) as service:
            [image] = await service.images.images([2])

            def commands() -> None:
                os.environ["ARTALIKE_ADMIN__TOKEN"] = TOKEN
                try:
                    assert run(data, "1", image.url, "--yes") == 0
                    assert run(data, "1") == 1
                    assert run(data, "--host", "h0.example", "--yes", "--reason", "asked") == 0
                    assert run(data, "--list", "--json") == 0
                    assert run(data, "--unblock", "99") == 1
                    assert run(data, "--hash", "abc") == 2
                finally:
                    del os.environ["ARTALIKE_ADMIN__TOKEN"]

            await asyncio.to_thread(commands)
            assert {image.url.split("/")[2] for image in await service.images.images(range(1, 7))} <= {"h1.example"}

    asyncio.run(through())
    output = capsys.readouterr()
    assert output.out.startswith("removed    2 pictures\nblocked    host h0.example (block 3), ")
    assert output.err.splitlines()[0] == "artalike: there is no image 1"
    assert main(["doctor", "--data", str(data)]) == 0
