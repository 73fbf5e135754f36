"""The command line, as a person meets it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from artalike.__main__ import main


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--bogus"], "--bogus"),
        (
            ["bogus"],
            "'bogus' (choose from 'serve', 'demo', 'seed', 'ingest', 'status', 'doctor', 'reembed', 'models', ",
        ),
        (["--port", "many"], "--port = 'many': input should be a valid integer"),
        (["serve", "--port", "70000"], "--port = '70000': input should be less than or equal to 65535"),
        (["serve", "--role", "both"], "--role = 'both': input should be 'all', 'web' or 'crawl'"),
        (["serve", "--role", "web"], "server.role = 'web' (--role): SQLite is for one process"),
        (["--config", "no.toml"], "no.toml: No such file"),
        (["demo", "--pieces", "0"], "'0': expected a whole number from 1 to 100000"),
        (["seed"], "SOURCE"),
        (["seed", "no/such/folder"], "no/such/folder"),
        (["seed", "gopher://x.example/"], "gopher://x.example/"),
        (["seed", "https://x.example/", "--option", "url_col"], "--option 'url_col': expected KEY=VALUE"),
        (["seed", "https://x.example/", "--option", "urlcol=x"], "option 'urlcol': unknown; expected one of"),
        (["seed", "https://x.example/", "--kind", "bogus"], "bogus"),
        (["--model", "bogus", "--port", "0"], "bogus"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(arguments)
    out, err = capsys.readouterr()
    assert expected in err
    assert err.startswith("artalike: ")
    assert err.count("\n") == 1
    assert out == ""
    assert status == 2


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_there_is_nothing_to_say_of_a_folder_without_a_collection(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--data", str(tmp_path / "nowhere")]) == 1
    assert "no collection here" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_without_a_server_sources_wait_in_the_catalog(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pictures").mkdir()
    assert main(["seed", "pictures", "https://x.example/art.jpg", "--data", "d"]) == 0
    assert "2 queued in d" in capsys.readouterr().out
    assert main(["status", "--data", "d", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert [(seed["kind"], seed["state"], seed["pending"]) for seed in status["seeds"]] == [
        ("image", "running", 1),
        ("folder", "running", 1),
    ]
    assert status["seeds"][1]["source"] == str(tmp_path / "pictures")
    assert main(["doctor", "--data", "d"]) == 0
    assert main(["status", "--data", "d"]) == 0
    assert "folder" in capsys.readouterr().out


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert all(command in out for command in ("serve", "seed", "demo", "status", "doctor"))


def test_a_folder_whose_name_is_no_text_is_seeded_by_its_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    data = str(tmp_path / "data")
    assert main(["seed", str(folder), "--data", data]) == 0
    capsys.readouterr()
    assert main(["status", "--json", "--data", data]) == 0
    [seed] = json.loads(capsys.readouterr().out)["seeds"]
    assert (seed["kind"], seed["source"]) == ("folder", f"{tmp_path.as_uri()}/%FF")
    assert main(["seed", "https://x.example/\udcff", "--data", data]) == 2
