"""`ingest`: what it refuses, in one line, before anything is started."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from artalike.__main__ import main

CATALOG = "postgresql://somebody@db.example/pictures"
SOURCE = "https://museum.example/list.txt"


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.mark.parametrize(
    ("arguments", "settings", "expected"),
    [
        ([SOURCE], {}, "the following arguments are required: --on"),
        (["--on", "ray"], {}, "SOURCE"),
        ([SOURCE, "--on", "dask"], {}, "--on 'dask': expected ray, or ray://HOST:PORT"),
        ([SOURCE, "--on", "ray://head.example"], {}, "--on 'ray://head.example': expected ray, or ray://HOST:PORT"),
        ([SOURCE, "--on", "ray"], {}, "--on ray: storage.catalog = '' is SQLite, which is for one process; expected"),
        (
            [SOURCE, "--on", "ray://head.example:10001"],
            {"ARTALIKE_STORAGE__CATALOG": CATALOG},
            "--on ray://head.example:10001: storage.thumbnails = '' is the data folder, which its machines do not",
        ),
        (
            [SOURCE, "--on", "ray"],
            {"ARTALIKE_STORAGE__CATALOG": CATALOG, "RAY_ADDRESS": "head.example:6379"},
            "--on ray: storage.thumbnails = ''",
        ),
        (["no/such/folder", "--on", "ray"], {"ARTALIKE_STORAGE__CATALOG": CATALOG}, "no/such/folder"),
        (
            [SOURCE, "--on", "ray", "--option", "urlcol=x"],
            {"ARTALIKE_STORAGE__CATALOG": CATALOG},
            "option 'urlcol': unknown",
        ),
    ],
)
def test_a_mistake_is_one_line_that_names_it(
    arguments: list[str],
    settings: dict[str, str],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert main(["ingest", *arguments]) == 2
    out, err = capsys.readouterr()
    assert expected in err
    assert err.startswith("artalike: ")
    assert err.count("\n") == 1
    assert out == ""


def test_without_ray_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ARTALIKE_STORAGE__CATALOG", CATALOG)
    for module in ("artalike.ingest.on_ray", "artalike.ingest.actors"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["ingest", SOURCE, "--on", "ray"]) == 2
    said = capsys.readouterr().err
    assert said == "artalike: --on ray: ray is not installed; expected pip install 'artalike[cluster]'\n"
