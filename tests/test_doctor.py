"""Doctor finds each promise that is broken, and nothing else."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from artalike.__main__ import main
from artalike.storage.folder import DataFolder
from tests.running import running, settings_for, settled
from tests.sites import MisbehavingSite


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small whole collection, with a failure and a waiting address."""
    root = tmp_path_factory.mktemp("doctor")

    async def fill() -> None:
        async with MisbehavingSite() as site, running(settings_for(root / "data")) as service:
            listed = root / "list.txt"
            listed.write_text("\n".join([*(site.picture(number) for number in range(12)), f"{site.root}/none.jpg"]))
            await service.add_seed(str(listed))
            await settled(service)

    asyncio.run(fill())
    assert main(["seed", "https://waiting.example/x.jpg", "--data", str(root / "data")]) == 0
    return root / "data"


@pytest.fixture
def data(collection: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(collection, tmp_path / "data"))


def broken(data: Path, capsys: pytest.CaptureFixture[str]) -> set[int]:
    """The numbers of the promises that doctor finds broken."""
    capsys.readouterr()
    status = main(["doctor", "--json", "--data", str(data)])
    found = json.loads(capsys.readouterr().out)
    assert status == (0 if found["ok"] else 1)
    return {check["promise"] for check in found["checks"] if not check["ok"]}


def sql(statement: str) -> Callable[[Path], None]:
    def run(data: Path) -> None:
        with sqlite3.connect(DataFolder(data).catalog) as catalog:
            catalog.execute(statement)
        catalog.close()

    return run


def cut_snapshot(data: Path) -> None:
    snapshot = DataFolder(data).snapshot
    snapshot.write_bytes(snapshot.read_bytes()[:-10])


def lose_thumbnails(data: Path) -> None:
    next(path for path in DataFolder(data).thumbnails.rglob("*") if path.is_dir()).rename(data / "lost")


def test_a_whole_collection_keeps_every_promise(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert broken(data, capsys) == set()
    DataFolder(data).snapshot.unlink()
    assert broken(data, capsys) == set()
    assert main(["doctor", "--data", str(data)]) == 0
    assert "0 failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("damage", "promises"),
    [
        (lose_thumbnails, {1}),
        (sql("UPDATE image_urls SET image_id = 999 WHERE image_id = 3"), {1, 4, 6}),
        (sql("DELETE FROM vectors WHERE image_id = 3"), {2}),
        (sql("DELETE FROM facets WHERE image_id = 3"), {2}),
        (sql("UPDATE facets SET image_id = 999 WHERE image_id = 3"), {2, 5}),
        (sql("UPDATE images SET title = 'Irises' WHERE id = 3"), {2}),
        (sql("INSERT INTO texts (rowid, title) VALUES (3, 'Irises')"), {2, 5}),
        (sql("UPDATE vectors SET vector = zeroblob(96) WHERE image_id = 3"), {2}),
        (sql("UPDATE images SET removed_at = 1 WHERE id = 3"), {5, 6}),
        (sql("INSERT INTO blocks (kind, value, created_at) VALUES ('host', '127.0.0.1', 0)"), {5}),
        (sql("INSERT INTO blocks (kind, value, created_at) SELECT 'sha256', lower(hex(sha256)), 0 FROM images"), {5}),
        (sql("DELETE FROM image_urls WHERE image_id = 3"), {4, 6}),
        (sql("UPDATE seeds SET found = found + 1 WHERE id = 1"), {6}),
        (sql("DELETE FROM lanes"), {6}),
        (cut_snapshot, {7}),
        (sql("UPDATE images SET page_url = 'javascript:alert(1)' WHERE id = 3"), {8}),
        (sql("INSERT INTO image_urls VALUES ('javascript:alert(1)', 3)"), {8}),
    ],
)
def test_each_damage_is_named(
    data: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None], promises: set[int]
) -> None:
    damage(data)
    assert broken(data, capsys) == promises
