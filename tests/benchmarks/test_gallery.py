"""The collection that the gallery's benchmark shows is one that the program itself can show."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from artalike.layout.layout import Layout
from artalike.storage.catalog import Database
from artalike.storage.folder import DataFolder
from artalike.storage.images import Images
from artalike.storage.thumbnails import ThumbnailFiles
from benchmarks import collection
from benchmarks.tiny import CARD


async def test_a_collection_has_vectors_thumbnails_and_a_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "PAINTED", 3)
    folder = DataFolder(tmp_path / "data")
    await asyncio.to_thread(collection.fill, folder.root, 10)
    thumbnails = ThumbnailFiles(folder.thumbnails)
    async with Database.open(folder.catalog) as database:
        images = await Images.open(database, CARD.model_id, CARD.dimension)
        assert len(await images.embedded_ids()) == 10
        found = await images.images(list(range(1, 11)))
    for image in found:
        files = [await thumbnails.find(image.sha256, width) for width in (256, 640)]
        assert all(file is not None and file.stat().st_size > 0 for file in files)
        assert len(set(files)) == 2
        assert image.metadata.title
    layout = await asyncio.to_thread(Layout.load, folder.map, CARD.model_id)
    assert layout is not None
    assert np.array_equal(layout.ids, np.arange(1, 11))
