"""The real web over fakes, with pictures that a browser can draw."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path

from aiohttp import web
from PIL import Image as Pillow

from artalike.events import Event
from artalike.records import Image, Metadata
from artalike.web.app import create_app
from artalike.web.views import image_json
from tests.fakes import TOKEN, FakeThumbnails, make_services

SHAPES = ((400, 300), (300, 400), (400, 400), (640, 360), (360, 640), (1600, 400), (300, 900))


class Pictures(FakeThumbnails):
    """Thumbnails: flat JPEGs of each image's colour and shape."""

    def __init__(self, folder: Path) -> None:
        super().__init__(None)
        self._folder = folder
        self._images: dict[bytes, Image] = {}

    def add(self, image: Image) -> None:
        self._images[image.sha256] = image

    async def find(self, sha256: bytes, width: int) -> Path | None:
        image = self._images.get(sha256)
        if image is None or width not in {256, 640}:
            return None
        return await asyncio.to_thread(self._file, image, width)

    def _file(self, image: Image, width: int) -> Path:
        path = self._folder / f"{image.sha256.hex()}-{width}.jpg"
        if not path.exists():
            size = (width // 4, max(1, width * image.height // image.width // 4))
            Pillow.new("RGB", size, image.color).save(path)
        return path


class GalleryServer:
    """A server of the gallery on a free port; after ``stop`` it starts again on the same one."""

    token = TOKEN

    def __init__(self, folder: Path) -> None:
        self.fake = make_services(0)
        self._pictures = Pictures(folder)
        self.services = replace(self.fake.services, thumbnails=self._pictures)
        self._random = random.Random(7)
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def add(self, count: int = 1, *, metadata: Metadata | None = None, live: bool = False) -> list[Image]:
        """More images; ``live`` also tells those who listen, as the ingest does."""
        return [self._add(metadata, live=live) for _ in range(count)]

    def _add(self, metadata: Metadata | None, *, live: bool) -> Image:
        bare = self.fake.images.add(metadata=metadata)
        width, height = self._random.choice(SHAPES)
        color = f"#{self._random.randrange(8) * 0x1F1F1F + 0x101010:06x}"
        image = replace(bare, width=width, height=height, color=color)
        self.fake.images.by_id[image.id] = image
        self._pictures.add(image)
        if live:
            self.services.events.publish(Event("image", image_json(image, self.services.settings), image.id))
        return image

    def see(self, image: Image) -> None:
        """Draw an image's thumbnails in a shape that it was given since."""
        self._pictures.add(image)

    def remove(self, image: Image) -> None:
        """Take an image out, and tell those who listen."""
        self.fake.images.remove(image.id)
        self.services.events.publish(Event("removed", {"id": image.id}))

    async def start(self) -> None:
        # Each start has a registry of its own: an application registers its metrics once.
        services = replace(self.services, registry=type(self.services.registry)())
        self._runner = web.AppRunner(create_app(services), shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
