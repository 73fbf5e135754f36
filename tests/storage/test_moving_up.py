"""A collection moves from the data folder to PostgreSQL and back: export and import, and doctor at both ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from artalike.__main__ import main
from artalike.storage.folder import DataFolder
from tests.cluster.postgres import Postgres
from tests.test_archive import (  # noqa: F401  # pytest finds the fixture here
    FRONTIER,
    IMAGES,
    PICTURES,
    REMOVED,
    SEEDS,
    URLS,
    collection,
    rows,
)

pytestmark = pytest.mark.cluster

CATALOG = "ARTALIKE_STORAGE__CATALOG"


def done(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    status = main([*arguments, "--json"])
    said = capsys.readouterr()
    assert status == 0, said
    return dict(json.loads(said.out))


def test_a_collection_comes_back_from_postgresql_as_it_left(
    collection: Path,  # noqa: F811
    postgres: Postgres,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away, back = ["--data", str(tmp_path / "away")], ["--data", str(tmp_path / "back")]
    done(capsys, "export", str(tmp_path / "out"), "--data", str(collection))
    monkeypatch.setenv(CATALOG, postgres.new_database())
    there = done(capsys, "import", str(tmp_path / "out"), *away)
    assert (there["new"], there["refused"], there["wrong"]) == (PICTURES - 1, 0, 0)
    done(capsys, "doctor", *away)
    done(capsys, "export", str(tmp_path / "home"), *away)
    monkeypatch.delenv(CATALOG)
    assert done(capsys, "import", str(tmp_path / "home"), *back)["new"] == PICTURES - 1
    done(capsys, "doctor", *back)
    for query in (IMAGES, URLS, REMOVED, SEEDS, FRONTIER):
        assert rows(tmp_path / "back", query) == rows(collection, query)
    assert not DataFolder(tmp_path / "away").catalog.exists()
