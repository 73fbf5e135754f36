"""The same picture in other bytes, from the web to the API: kept as an image of its own, and linked."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from artalike.__main__ import main
from artalike.service import Service
from tests.running import client, running, settings_for, settled
from tests.sites import MisbehavingSite, draw

SIZE = (480, 360)


def copy(number: int, percent: int, quality: int, file_format: str = "JPEG") -> bytes:
    image = Image.open(io.BytesIO(draw(number, SIZE)))
    stream = io.BytesIO()
    size = (SIZE[0] * percent // 100, SIZE[1] * percent // 100)
    image.resize(size, Image.Resampling.LANCZOS).save(stream, file_format, quality=quality)
    return stream.getvalue()


def flat(color: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (200, 150), color).save(stream, "PNG")
    return stream.getvalue()


async def ingest(service: Service, site: MisbehavingSite, folder: Path, pictures: dict[str, bytes]) -> None:
    """Put pictures on the site, and seed a list of them."""
    listed = folder / f"{len(site.pages)}.txt"
    listed.write_text("\n".join(site.put(f"/{name}", data) for name, data in pictures.items()))
    await service.add_seed(str(listed))
    await settled(service)


async def get(api: aiohttp.ClientSession, url: str) -> Any:
    async with api.get(url) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def by_name(api: aiohttp.ClientSession) -> dict[str, dict[str, Any]]:
    """Every image of the collection with its near-duplicates, by the last part of its address."""
    images = (await get(api, "/api/random?limit=200"))["results"]
    return {image["url"].rpartition("/")[2]: await get(api, f"/api/images/{image['id']}") for image in images}


async def ranked(api: aiohttp.ClientSession, url: str) -> dict[str, int]:
    """What a ranking shows, page after page, by the last part of its address, with how many are folded under it."""
    shown: list[tuple[str, int]] = []
    following: str | None = url
    while following is not None:
        answer = await get(api, following)
        shown += [(image["url"].rpartition("/")[2], image["near_duplicates"]) for image in answer["results"]]
        following = answer["next"]
    assert len(dict(shown)) == len(shown)
    return dict(shown)


async def test_copies_are_images_of_their_own_and_linked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_for(tmp_path / "data")
    async with MisbehavingSite() as site, running(settings) as service, client(service) as api:
        await ingest(service, site, tmp_path, {f"{number}.jpg": draw(number, SIZE) for number in range(12)})
        flats = {f"flat-{color}.png": flat(f"#{color * 6}") for color in "09bf"}
        copies = {
            "small.jpg": copy(7, 50, 70),
            "tiny.jpg": copy(7, 25, 50),
            "poor.jpg": copy(7, 100, 30),
            "7.webp": copy(7, 90, 80, "WEBP"),
        }
        await ingest(service, site, tmp_path, copies | flats)
        images = await by_name(api)
        assert len(images) == 12 + 4 + 4
        group = {"7.jpg", *copies}
        assert {name for name, image in images.items() if image["near_duplicates"]} == group
        assert {images[name]["near_duplicates"] for name in group} == {4}
        answer = await get(api, f"/api/images/{images['tiny.jpg']['id']}/near-duplicates")
        found = [image["url"].rpartition("/")[2] for image in answer["results"]]
        assert set(found[:2]) == {"7.jpg", "poor.jpg"}
        assert found[2:] == ["7.webp", "small.jpg"]

        best = min(group & {"7.jpg", "poor.jpg"}, key=lambda name: images[name]["id"])
        folded = await ranked(api, f"/api/search?id={images['3.jpg']['id']}&limit=3")
        assert {name for name, count in folded.items() if count} == {best}
        assert (folded[best], len(folded)) == (4, 20 - 4)
        folded = await ranked(api, f"/api/search?id={images['tiny.jpg']['id']}&limit=3")
        assert (folded["tiny.jpg"], len(folded)) == (4, 16)
        folded = await ranked(api, f"/api/images/{images['tiny.jpg']['id']}/similar?limit=3")
        assert (folded[best], len(folded)) == (4, 16)
        folded = await ranked(api, f"/api/search?id={images['3.jpg']['id']}&limit=3&min_width=480")
        assert {name for name in folded if name in group} == {best}
        assert await ranked(api, f"/api/search?id={images['3.jpg']['id']}&limit=3&min_width=481") == {}

        removed = await api.delete(f"/api/admin/images/{images['7.jpg']['id']}")
        assert removed.status == 204
        images = await by_name(api)
        assert {images[name]["near_duplicates"] for name in copies} == {3}
        folded = await ranked(api, f"/api/search?id={images['3.jpg']['id']}&limit=3")
        assert (folded["poor.jpg"], len(folded)) == (3, 19 - 3)
    assert await asyncio.to_thread(main, ["doctor", "--data", str(tmp_path / "data")]) == 0, capsys.readouterr().out
