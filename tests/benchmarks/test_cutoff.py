"""The measure of the cut-off is right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.cutoff import cutoffs_of, main, measured
from tests.search.test_cutoff import around, scattered


def test_agreement_of_a_small_example() -> None:
    """Worked out by hand; the picture itself never counts."""
    scores = np.array([[1, 0.9, 0.5, 0.4], [0.9, 1, 0.3, 0.6], [0.5, 0.3, 1, 0.2], [0.4, 0.6, 0.2, 1]], np.float32)
    labels = np.array(["a", "a", "b", "a"])
    found = measured(scores, labels, np.array([0.45, 0.45, 0.9, 0.1], np.float32))
    # 0: 1a 2b · 1: 0a 3a · 2: nothing · 3: 0a 1a 2b
    assert found.precision == pytest.approx((1 / 2 + 1 + 2 / 3) / 3)
    assert found.recall == pytest.approx((1 / 2 + 1 + 0 + 1) / 4)
    assert (found.median, found.without) == (2, 0.25)


async def test_kinds_that_lie_apart_are_told_apart() -> None:
    kinds = [around(center, 40, width=0.5) for center in scattered(6, common=0.3)]
    vectors = np.concatenate(kinds)
    labels = np.repeat(np.array(list("abcdef")), 40)
    found = measured(vectors @ vectors.T, labels, await cutoffs_of(vectors, vectors))
    assert found.precision > 0.95
    assert found.without < 0.05


async def test_a_collection_too_small_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        await cutoffs_of(scattered(9), scattered(9))
    assert "9 pictures" in capsys.readouterr().err


def test_a_wrong_folder_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path)])
    assert str(tmp_path) in capsys.readouterr().err
