"""The benchmark of the frontier prints what the contract names."""

from __future__ import annotations

import json
import subprocess
import sys


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.frontier", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_it_ends_with_the_figures_as_json() -> None:
    done = run("--size", "20000", "--rounds", "1")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["size"] == 20_000
    assert figures["adds_per_s"] > 0
    assert figures["leases_per_s"] > 0


def test_a_wrong_size_is_refused_in_one_line() -> None:
    done = run("--size", "7")
    assert (done.returncode, done.stderr) == (2, "--size 7: expected at least 20000\n")
