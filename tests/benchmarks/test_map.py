"""What the benchmark of the map counts, on a map where the answer is known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.map import _kept, main


def test_neighbours_that_stay_near_are_counted() -> None:
    places = np.stack((np.arange(200, dtype=np.float32), np.zeros(200, np.float32)), axis=1)
    asked = np.array([100])
    near, far = np.arange(101, 106), np.arange(0, 5)
    assert _kept(np.concatenate((near, far))[None], asked, places).tolist() == [0.5]


def test_a_map_keeps_more_together_than_principal_components(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["map", "--size", "400", "--dim", "32", "--landmarks", "300"])
    main()
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert summary["preserved"] > summary["preserved_pca"]
    assert (summary["size"], summary["landmarks"]) == (400, 300)
