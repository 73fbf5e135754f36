"""The benchmark of search prints what the contract names, of made vectors and of given ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.vectors import Given, Made, Truth

KEYS = {
    "size",
    "dim",
    "recall_at_10",
    "recall_at_100",
    "p50_ms",
    "p99_ms",
    "speedup_over_exact",
    "ram_bytes_per_vector",
    "adds_per_s",
    "p99_ratio_while_adding",
    "longest_stall_ms",
    "start_s",
    "filtered_recall_at_10",
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.search", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_it_ends_with_the_figures_as_json_and_goes_on_from_a_kept_index(tmp_path: Path) -> None:
    options = ("--size", "3000", "--dim", "32", "--queries", "20", "--folder", str(tmp_path))
    first, second = run(*options), run(*options)
    for done in (first, second):
        assert done.returncode == 0, done.stderr
        figures = json.loads(done.stdout.splitlines()[-1])
        assert figures.keys() >= KEYS
        assert (figures["size"], figures["dim"]) == (3000, 32)
        assert figures["recall_at_10"] >= 0.99  # it is exact, but for float16
        assert figures["ids_equal_in_growth"]
    grown = [json.loads(done.stdout.splitlines()[-1])["growth_s"] for done in (first, second)]
    assert grown[0] == grown[1]


@pytest.mark.parametrize("wrong", [("--size", "7"), ("--vectors", "no-such-file.npy")])
def test_wrong_usage_is_told_in_one_line(wrong: tuple[str, str]) -> None:
    done = run(*wrong)
    assert done.returncode == 2
    assert wrong[1] in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_truth_is_that_of_all_vectors_at_once(tmp_path: Path) -> None:
    made = Made(5000, 16)
    rows, queries = made.rows(0, 5000), made.queries(5)
    truth = Truth(queries)
    for start in (0, 1000, 2500):
        truth.add(start, rows[start : {0: 1000, 1000: 2500, 2500: 5000}[start]])
    truth.save(tmp_path / "truth.npz")
    again = Truth(queries)
    again.load(tmp_path / "truth.npz")
    for every in (1, 10):
        numbers = np.arange(every, 5001, every)
        best = np.argsort(-(queries @ rows[numbers - 1].T), axis=1)[:, :10]
        assert [one[:10].tolist() for one in again.ids(every=every)] == numbers[best].tolist()


def test_queries_of_given_vectors_are_not_searched_among() -> None:
    given = Given(np.eye(50, dtype=np.float16))
    assert (given.size, given.dimension) == (45, 50)
    both = np.concatenate([given.rows(0, 45), given.queries(1000)])
    assert sorted(np.argmax(both, axis=1).tolist()) == list(range(50))
