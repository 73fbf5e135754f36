"""The effort that is chosen: enough for what is asked, for long answers no less than for short ones."""

from __future__ import annotations

import numpy as np
import pytest

from artalike.storage.growing_index_tuning import tune
from artalike.storage.trained_index import InvertedFile, lists_for
from tests.storage.test_growing_index import DIMENSION, vectors


@pytest.mark.parametrize("recall", [0.8, 0.99])
def test_it_finds_what_is_asked_and_long_answers_look_as_far(recall: float) -> None:
    rows, ids = vectors(2000), np.arange(2000)
    codes = InvertedFile.train(rows, f"RR{DIMENSION},IVF64,RaBitQ")
    codes.append(ids, codes.encode(rows))
    own = ids[::20]
    effort = tune(codes, (own, rows[own]), iter([(ids, rows)]), recall)
    assert effort.recall >= recall
    assert effort.recall_at_100 >= recall - (1 - recall)
    assert effort.deep_probes >= effort.probes
    assert effort.probes < codes.lists


@pytest.mark.parametrize("count", [1, 50_000, 262_144, 300_000, 1_000_000, 4_000_000])
def test_there_are_enough_lists_for_four_times_as_many_vectors(count: int) -> None:
    root = np.sqrt(count)
    assert min(2 * root, count) <= lists_for(count) <= 4 * root
