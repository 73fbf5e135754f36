"""The real program with the embedded models: it is killed on its way from one to the other, and finishes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.processes import Artalike, doctor
from tests.reembed.test_move import paint

pytestmark = pytest.mark.slow

SETTINGS = {
    "ARTALIKE_EMBEDDING__MODEL": "efficientnet_lite0",
    "ARTALIKE_EMBEDDING__BATCH_SIZE": "2",
    "ARTALIKE_GALLERY__MAP": "false",
}
PICTURES = 40


def artalike(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "artalike", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


def similar(server: Artalike, image_id: int) -> list[tuple[int, float]]:
    found = server.call(f"/api/images/{image_id}/similar?limit=50")["results"]
    return [(image["id"], image["score"]) for image in found]


def embedded(server: Artalike, *, more_than: int) -> int:
    """How many of the new vectors there are, once that is more; the move is still under way then."""
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        status = server.call("/api/admin/reembed")
        assert status["state"] in {"idle", "starting", "embedding"}, status
        if status["embedded"] > more_than:
            return int(status["embedded"])
        time.sleep(0.02)
    raise AssertionError(status)


def test_a_move_that_is_killed_twice_goes_on_and_each_answer_is_of_one_model(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", paint(tmp_path / "pictures", PICTURES)
    data.mkdir()
    server = Artalike(data, SETTINGS)
    try:
        server.wait()
        assert artalike("seed", str(folder), "--data", str(data)).returncode == 0
        old = {number: similar(server, number) for number in (1, 2, 3)}
        detached = artalike("reembed", "--model", "efficientnet_lite2", "--detach", "--data", str(data))
        assert detached.returncode == 0, detached.stderr
        done = 0
        for _ in range(2):
            done = embedded(server, more_than=done)
            assert {number: similar(server, number) for number in old} == old
            server.kill()
            server = Artalike(data, SETTINGS)
            server.wait()
        answers: list[dict[int, Any]] = []
        over = threading.Event()

        def ask() -> None:
            while not over.is_set():
                answers.append({number: similar(server, number) for number in old})

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            finished = artalike("reembed", "--data", str(data))
            assert finished.returncode == 0, finished.stderr
            assert f"embedded by efficientnet_lite2: {PICTURES} pictures" in finished.stdout
        finally:
            over.set()
            asking.join()
        new = {number: similar(server, number) for number in old}
        assert server.call("/api/stats")["model"]["name"] == "efficientnet_lite2"
        assert answers
        assert all(answer[number] in (old[number], new[number]) for answer in answers for number in old)
        assert all(old[number] != new[number] for number in old)
        assert doctor(data)
    finally:
        server.stop()
    assert doctor(data)
