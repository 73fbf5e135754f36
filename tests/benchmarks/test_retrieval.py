"""The measure of retrieval is right, and wrong usage is told in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.report import report
from benchmarks.retrieval import labelled_files, main, scores


def test_scores_of_a_small_example() -> None:
    """On a line of angles the nearest are the neighbours; worked out by hand."""
    angles = np.radians([0, 10, 21, 33, 90])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    labels = np.array(["a", "a", "b", "a", "b"])
    # By nearness: 0: 1a 2b 3a 4b · 1: 0a 2b 3a 4b · 2: 1a 3a 0a 4b · 3: 2b 1a 0a 4b · 4: 3a 2b 1a 0a
    precisions = [(1 + 2 / 3) / 2, (1 + 2 / 3) / 2, 1 / 4, (1 / 2 + 2 / 3) / 2, 1 / 2]
    result = scores(vectors, labels)
    assert result.precision_at_1 == pytest.approx(2 / 5)
    assert result.map_at_10 == pytest.approx(np.mean(precisions))


def test_ten_relevant_of_many_are_enough() -> None:
    vectors = np.repeat(np.eye(2, dtype=np.float32), 30, axis=0)
    result = scores(vectors * 7, np.array(["a"] * 30 + ["b"] * 30))
    assert (result.precision_at_1, result.map_at_10) == (1.0, 1.0)


def test_a_picture_alone_in_its_label_asks_nothing() -> None:
    vectors = np.eye(3, dtype=np.float32)
    vectors[1] = vectors[0]
    result = scores(vectors, np.array(["a", "a", "b"]))
    assert (result.precision_at_1, result.map_at_10) == (1.0, 1.0)


def test_folders_are_labels(tmp_path: Path) -> None:
    for name in ("b/2.jpg", "a/1.jpg", "a/deeper/3.jpg", "readme.txt"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    files, labels = labelled_files(tmp_path)
    assert [file.name for file in files] == ["1.jpg", "3.jpg", "2.jpg"]
    assert labels.tolist() == ["a", "a", "b"]


@pytest.mark.parametrize("make", [[], ["a/1.jpg"], ["a/1.jpg", "b/1.jpg"], ["1.jpg", "2.jpg"]])
def test_a_wrong_folder_is_told_in_one_line(
    make: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in make:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for folder in (tmp_path, tmp_path / "no-such-folder"):
        with pytest.raises(SystemExit) as caught:
            main([str(folder)])
        assert caught.value.code == 2
        complaint = capsys.readouterr().err
        assert complaint.count("\n") == 1
        assert str(folder) in complaint


def test_a_report_ends_with_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"network": "ours", "precision": 0.123456}, {"network": "a longer name", "precision": 1}]
    report("title", rows, {"images": 3, "share": np.float32(0.5)})
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "title",
        "  network        precision",
        "  ours              0.1235",
        "  a longer name          1",
    ]
    assert json.loads(lines[-1]) == {"images": 3, "share": 0.5}
