"""The real program with the embedded models: it is killed on its way from one to the other, and finishes."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.reembed import run
from tests.reembed.test_move import paint


@pytest.mark.slow
def test_a_move_that_is_killed_twice_finishes_and_each_answer_is_of_one_model(tmp_path: Path) -> None:
    folder = paint(tmp_path / "pictures", 40)
    models = ("efficientnet_lite0", "efficientnet_lite2")
    found = run(tmp_path / "data", folder, *models, kills=2, calm_seconds=1, batch=2)
    assert (found["state"], found["images"], found["from_small"], found["doctor"]) == ("done", 40, 0, True)
    assert (found["failed"], found["mixed"]) == (0, 0)
    assert min(found["by_old"], found["by_new"]) > 0
