"""Pages whose thumbnails lie in a bucket, to which the browser is sent."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Page, Request

from artalike.config import Storage
from artalike.storage.folder import DataFolder
from artalike.storage.thumbnails import open_thumbnails
from tests.browser.server import GalleryServer
from tests.cluster.conftest import weed  # noqa: F401  # a fixture
from tests.cluster.weed import Weed
from tests.fakes import make_services

pytestmark = [pytest.mark.browser, pytest.mark.cluster, pytest.mark.asyncio(loop_scope="session")]

LOADED = "() => [...document.images].filter((image) => image.complete && image.naturalWidth > 0).length"


def jpeg(width: int, color: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, width), color).save(stream, "JPEG")
    return stream.getvalue()


async def test_pictures_come_from_the_bucket_and_scripts_read_them_from_here(
    gallery: GalleryServer,
    page: Page,
    weed: Weed,  # noqa: F811
    tmp_path: Path,
) -> None:
    settings = Storage.model_validate(weed.bucket("browser", thumbnails_serve="redirect"))
    thumbnails = await open_thumbnails(settings, DataFolder(tmp_path))
    await gallery.stop()
    gallery.fake = make_services(0, gallery={"full_images": "off"})
    gallery.services = replace(gallery.fake.services, thumbnails=thumbnails)
    await gallery.start()
    for image in gallery.add(12):
        await thumbnails.write(image.sha256, {256: jpeg(256, image.color), 640: jpeg(640, image.color)})
    there: list[str] = []

    def note(request: Request) -> None:
        if request.url.startswith(f"{weed.endpoint}/"):
            there.append(request.resource_type)

    page.on("request", note)
    answer = await page.goto(gallery.url)
    assert answer is not None
    assert f"img-src 'self' data: {weed.endpoint};" in answer.headers["content-security-policy"]
    await page.wait_for_function(f"() => ({LOADED})() >= 12")
    assert len(there) >= 12
    assert set(there) == {"image"}
    read = await page.evaluate("async () => { const a = await fetch('/thumbs/1/640'); return [a.status, a.url]; }")
    assert read == [200, f"{gallery.url}/thumbs/1/640"]
    assert set(there) == {"image"}
