"""Thumbnails as files; what holds wherever they are kept is in tests/cluster/test_thumbnails.py."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from artalike.errors import DiskFull, StorageError
from artalike.storage.thumbnails import ThumbnailFiles

SHA = hashlib.sha256(b"a picture").digest()
OTHER = hashlib.sha256(b"another").digest()


@pytest.fixture
def thumbnails(tmp_path: Path) -> ThumbnailFiles:
    return ThumbnailFiles(tmp_path)


def all_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def test_what_was_written_is_found_below_two_levels_of_folders(
    thumbnails: ThumbnailFiles, tmp_path: Path
) -> None:
    await thumbnails.write(SHA, {256: b"small", 640: b"large"})
    path = await thumbnails.find(SHA, 256)
    name = SHA.hex()
    assert path == tmp_path / name[:2] / name[2:4] / f"{name}_256.jpg"
    assert path.read_bytes() == b"small"


async def test_writing_again_at_once_from_many_sides_leaves_one_whole_file(
    thumbnails: ThumbnailFiles, tmp_path: Path
) -> None:
    data = bytes(range(256)) * 2000
    await asyncio.gather(*(thumbnails.write(SHA, {256: data}) for _ in range(20)))
    assert all_files(tmp_path) == [f"{SHA.hex()}_256.jpg"]
    path = await thumbnails.find(SHA, 256)
    assert path is not None
    assert path.read_bytes() == data


async def test_a_file_emptied_by_a_power_cut_counts_as_missing(thumbnails: ThumbnailFiles) -> None:
    await thumbnails.write(SHA, {256: b"small", 640: b"large"})
    small = await thumbnails.find(SHA, 256)
    assert small is not None
    small.write_bytes(b"")
    path = await thumbnails.find(SHA, 256)
    assert path is not None
    assert path.name.endswith("_640.jpg")
    path.write_bytes(b"")
    assert await thumbnails.missing([SHA]) == [SHA]


async def test_deleting_takes_all_widths_and_leftovers_and_may_be_repeated(
    thumbnails: ThumbnailFiles, tmp_path: Path
) -> None:
    await thumbnails.write(SHA, {256: b"small", 640: b"large"})
    path = await thumbnails.find(SHA, 256)
    assert path is not None
    path.with_name(f"{path.name}.0badcafe.tmp").write_bytes(b"half")
    await thumbnails.write(OTHER, {256: b"stays"})
    await thumbnails.delete(SHA)
    await thumbnails.delete(SHA)
    assert all_files(tmp_path) == [f"{OTHER.hex()}_256.jpg"]
    assert await thumbnails.find(SHA, 256) is None


async def test_a_full_disk_is_told_and_leaves_nothing_half(
    thumbnails: ThumbnailFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await thumbnails.write(SHA, {256: b"old"})

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("artalike.storage.files.Path.replace", no_space)
    with pytest.raises(DiskFull, match="No space left"):
        await thumbnails.write(SHA, {256: b"new"})
    assert all_files(tmp_path) == [f"{SHA.hex()}_256.jpg"]
    path = await thumbnails.find(SHA, 256)
    assert path is not None
    assert path.read_bytes() == b"old"


async def test_a_folder_that_cannot_be_written_to_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="file"):
        await ThumbnailFiles(tmp_path / "file").write(SHA, {256: b"small"})
