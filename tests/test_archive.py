"""Export and import: a collection that leaves one data folder arrives in another as it was, and stays readable."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image as Pillow

from artalike.__main__ import main
from artalike.archive import shard as shards
from artalike.archive.manifest import MANIFEST, UNFINISHED
from artalike.errors import StorageError
from artalike.storage.folder import DataFolder
from tests.running import running, settings_for, settled
from tests.sites import MisbehavingSite

PICTURES = 14
SIZE = ["--shard-size", "5"]


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures with metadata, a failure, a waiting address, a removed picture."""
    root = tmp_path_factory.mktemp("archive")

    async def fill() -> None:
        async with MisbehavingSite(pictures=PICTURES) as site, running(settings_for(root / "data")) as service:
            rows = [{"url": site.picture(n), "title": f"<b>№ {n}", "maker": {"name": "נ"}} for n in range(PICTURES)]
            rows.append({"url": f"{site.root}/none.jpg", "title": "", "maker": {}})
            listed = root / "list.jsonl"
            listed.write_text("\n".join(map(json.dumps, rows)))
            await service.add_seed(str(listed))
            await settled(service)

    asyncio.run(fill())
    data = ["--data", str(root / "data")]
    assert main(["seed", "https://waiting.example/x.jpg", *data]) == 0
    assert main(["remove", "3", "--reason", "asked to", *data]) == 0
    return root / "data"


@pytest.fixture
def data(collection: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(collection, tmp_path / "data"))


@pytest.fixture
def exported(collection: Path, tmp_path: Path) -> Path:
    assert main(["export", str(tmp_path / "exported"), *SIZE, "--data", str(collection)]) == 0
    return tmp_path / "exported"


def rows(data: Path, query: str) -> list[Any]:
    catalog = sqlite3.connect(DataFolder(data).catalog)
    found = catalog.execute(query).fetchall()
    catalog.close()
    return found


IMAGES = """
SELECT images.id, sha256, url, width, height, format, bytes, color, phash, source, title, creator, json(extra),
       images.added_at, near_group, vector
FROM images JOIN vectors ON image_id = images.id JOIN models ON models.id = model AND active ORDER BY images.id
"""
URLS = "SELECT image_urls.url, id FROM image_urls JOIN images ON id = image_id WHERE removed_at IS NULL ORDER BY 1, 2"
REMOVED = """
SELECT sha256, kind, value, image_urls.url FROM images JOIN blocks ON removed_by = blocks.id
JOIN image_urls ON image_id = images.id
"""
SEEDS = "SELECT source, kind, options, state, found, pending, done, failed, images FROM seeds ORDER BY id"
FRONTIER = "SELECT kind, url, state, attempts, error_kind, depth, parent_id FROM frontier ORDER BY id"


def whole(data: Path, capsys: pytest.CaptureFixture[str]) -> bool:
    capsys.readouterr()
    assert main(["doctor", "--json", "--data", str(data)]) == 0, capsys.readouterr().out
    return True


def take_in(exported: Path, data: Path, capsys: pytest.CaptureFixture[str], *, status: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["import", str(exported), "--json", "--data", str(data)]) == status
    return dict(json.loads(capsys.readouterr().out))


def test_what_is_imported_into_an_empty_folder_is_what_was_exported(
    collection: Path, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there"
    done = take_in(exported, there, capsys)
    assert (done["new"], done["known"], done["refused"], done["wrong"]) == (PICTURES - 1, 0, 0, 0)
    for query in (IMAGES, URLS, REMOVED, SEEDS, FRONTIER):
        assert rows(there, query) == rows(collection, query)
    thumbnails = [DataFolder(folder).thumbnails for folder in (collection, there)]
    before, after = ({p.relative_to(root): p.read_bytes() for p in root.rglob("*.jpg")} for root in thumbnails)
    assert before == after
    assert whole(there, capsys)


async def test_what_was_imported_is_served(exported: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    assert await asyncio.to_thread(main, ["import", str(exported), "--data", str(there)]) == 0
    async with running(settings_for(there, crawl={"allow_private": False})) as service:
        [neighbor, *_] = await service.index.search((await service.images.vectors([7]))[1], 3)
        assert neighbor.ids[0] == 7
        assert service.index.size == PICTURES - 1


def test_other_programs_read_it(collection: Path, exported: Path) -> None:
    table = pq.read_table(exported / "00001.parquet")
    assert table.num_rows == 5
    titles = rows(collection, "SELECT title FROM images WHERE removed_at IS NULL ORDER BY id")
    assert table["title"].to_pylist() == [title for (title,) in titles[5:10]]
    vectors = np.array(table["vector"].to_pylist(), np.float32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=0.01)
    with tarfile.open(exported / "00001.tar") as archive:
        names = archive.getnames()
        key = table["key"][0].as_py()
        assert {f"{key}.jpg", f"{key}.json"} <= set(names)
        picture = archive.extractfile(f"{key}.jpg")
        assert picture is not None
        with Pillow.open(io.BytesIO(picture.read())) as thumbnail:
            assert thumbnail.format == "JPEG"
        said = archive.extractfile(f"{key}.json")
        assert said is not None
        assert json.loads(said.read())["extra"] == {"maker": {"name": "נ"}}


async def test_the_crawler_reads_it_as_shards(exported: Path, tmp_path: Path) -> None:
    table = await asyncio.to_thread(pq.read_table, exported / "00000.parquet")
    async with running(settings_for(tmp_path / "there")) as service:
        await service.add_seed(str(exported / "00000.tar"))
        await settled(service)
        found = await service.images.images(range(1, 6))
        assert len(found) == 5
        assert {image.metadata.title for image in found} == set(table["title"].to_pylist())


def test_an_interrupted_export_goes_on(
    collection: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "exported"
    real = shards.write_shard

    def failing(folder: Path, name: str, *rest: Any) -> Any:
        if name == "00001":
            raise StorageError("no more")
        return real(folder, name, *rest)

    monkeypatch.setattr(shards, "write_shard", failing)
    command = ["export", str(target), *SIZE, "--data", str(collection)]
    assert main(command) == 1
    assert main(["import", str(target), "--data", str(tmp_path / "there")]) == 1
    assert "has not ended" in capsys.readouterr().err
    first = (target / "00000.tar").stat().st_mtime_ns
    (target / "00001.tar").write_bytes(b"half a tar of a killed process")
    monkeypatch.undo()
    assert main(["export", str(target), "--shard-size", "6", "--data", str(collection)]) == 2
    assert main(command) == 0
    assert (target / "00000.tar").stat().st_mtime_ns == first
    assert not (target / UNFINISHED).exists()
    assert take_in(target, tmp_path / "there", capsys)["new"] == PICTURES - 1


def test_an_export_never_writes_over_anything(collection: Path, exported: Path, tmp_path: Path) -> None:
    assert main(["export", str(exported), "--data", str(collection)]) == 2
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert main(["export", str(tmp_path / "mine"), "--data", str(collection)]) == 2
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_importing_again_changes_nothing(
    collection: Path, exported: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = take_in(exported, data, capsys)
    assert (done["new"], done["known"], done["seeds"]) == (0, PICTURES - 1, 0)
    for query in (IMAGES, URLS, REMOVED, SEEDS, FRONTIER):
        assert rows(data, query) == rows(collection, query)
    assert whole(data, capsys)


def test_what_is_blocked_on_either_side_stays_out(
    collection: Path, exported: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there"
    [(fifth,)] = rows(collection, "SELECT lower(hex(sha256)) FROM images WHERE id = 5")
    assert main(["seed", "https://other.example/x.jpg", "--data", str(there)]) == 0
    assert main(["remove", "--hash", fifth, "--yes", "--data", str(there)]) == 0
    done = take_in(exported, there, capsys)
    assert (done["new"], done["refused"]) == (PICTURES - 2, 1)
    assert {value for (value,) in rows(there, "SELECT value FROM blocks")} >= {fifth}
    assert rows(there, "SELECT count(*) FROM blocks") == [(2,)]
    assert whole(there, capsys)


def test_a_collection_joins_another(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "there"

    async def fill() -> None:
        async with MisbehavingSite(pictures=3) as site, running(settings_for(there)) as service:
            listed = tmp_path / "other.txt"
            await asyncio.to_thread(listed.write_text, "\n".join(f"{site.picture(n)}?other" for n in range(3)))
            await service.add_seed(str(listed))
            await settled(service)

    asyncio.run(fill())
    [taken_out] = pq.read_table(exported / "removed.parquet")["sha256"].to_pylist()
    before = [row for row in rows(there, IMAGES) if row[1] != taken_out]  # it was taken out of the other one
    done = take_in(exported, there, capsys)
    after = rows(there, IMAGES)
    assert [row[:3] for row in after[: len(before)]] == [row[:3] for row in before]
    assert len(after) == len(before) + done["new"]
    assert done["new"] + done["known"] == PICTURES - 1
    assert rows(there, "SELECT count(*) FROM seeds") == [(3,)]
    assert whole(there, capsys)
    assert take_in(exported, there, capsys)["new"] == 0
    assert rows(there, IMAGES) == after


def test_another_model_is_refused(exported: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = json.loads((exported / MANIFEST).read_text())
    (exported / MANIFEST).write_text(json.dumps(manifest | {"model_id": "other@00000000/1"}))
    assert main(["import", str(exported), "--data", str(data)]) == 1
    assert "other@00000000/1" in capsys.readouterr().err
    assert whole(data, capsys)


def cut(name: str) -> Callable[[Path], int]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-200])


def put(path: Path, **columns: Any) -> None:
    """Write a value into the first row of each of these columns."""
    table = pq.read_table(path)
    for name, value in columns.items():
        at = table.schema.get_field_index(name)
        field = table.schema.field(name)
        values = [value, *table[name].to_pylist()[1:]]
        table = table.set_column(at, field, pa.array(values, field.type))
    pq.write_table(table, path)


def wrong(name: str, **columns: Any) -> Callable[[Path], None]:
    return lambda folder: put(folder / f"{name}.parquet", **columns)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda folder: (folder / MANIFEST).unlink(), "no manifest.json in it"),
        (lambda folder: (folder / MANIFEST).write_text('{"artalike": 2}'), "artalike"),
        (lambda folder: (folder / "00001.parquet").unlink(), "shard 00001 is not whole"),
        (cut("00001.tar"), "00001.tar"),
        (cut("00001.parquet"), "00001.parquet"),
        (cut("frontier.parquet"), "frontier.parquet"),
        (lambda folder: shutil.copy(folder / "seeds.parquet", folder / "blocks.parquet"), "blocks.parquet"),
        (wrong("seeds", state="dreaming"), "seeds.parquet: state = 'dreaming'"),
        (wrong("seeds", recrawl_at=1e300), "seeds.parquet: recrawl_at = 1e+300"),
        (wrong("frontier", metadata='{"title": "\\ud800"}'), "frontier.parquet: metadata = "),
        (wrong("removed", urls="[1]"), "removed.parquet: urls = '[1]'"),
    ],
)
def test_what_is_not_whole_is_told_in_one_line(
    damage: Callable[[Path], Any],
    told: str,
    exported: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(exported)
    assert main(["import", str(exported), "--data", str(tmp_path / "there")]) == 1
    err = capsys.readouterr().err.strip().splitlines()[-1]
    assert err.startswith("artalike: ")
    assert told in err


def test_rows_that_are_no_pictures_are_left_out(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(exported / "00001.parquet", url=None)
    put(exported / "00002.parquet", id=2**63 - 1)
    path = exported / "00000.parquet"
    table = pq.read_table(path)
    urls = table["url"].to_pylist()
    urls[0] = "javascript:alert(1)"
    widths = table["width"].to_pylist()
    widths[1] = 0
    pages: list[str | None] = [None] * 5
    pages[2] = "javascript:alert(2)"
    for name, values in (("url", urls), ("width", widths), ("page_url", pages)):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(name), pa.array(values, table.schema.field(name).type))
    pq.write_table(table, path)
    there = tmp_path / "there"
    done = take_in(exported, there, capsys, status=1)
    assert (done["new"], done["wrong"]) == (PICTURES - 5, 4)
    assert any("expected a size" in problem for problem in done["problems"])
    assert rows(there, "SELECT count(*) FROM images WHERE page_url IS NOT NULL") == [(0,)]
    assert whole(there, capsys)


def test_a_collection_that_is_served_can_be_exported_and_not_imported_into(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported = tmp_path / "exported"
    folder = DataFolder(data)
    with folder.locked():
        assert main(["export", str(exported), "--data", str(data)]) == 0
        assert main(["import", str(exported), "--data", str(data)]) == 1
    assert "in use by another process" in capsys.readouterr().err
