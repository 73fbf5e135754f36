"""The real program in processes of its own: started, followed, stopped and killed."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from benchmarks.kill import run
from benchmarks.processes import Artalike, doctor, picture_server, pictures_in, write_list

pytestmark = pytest.mark.slow

SETTINGS = {"ARTALIKE_EMBEDDING__MODEL": "efficientnet_lite0", "ARTALIKE_GALLERY__MAP": "false"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sixty pictures of shapes, all different."""
    return shapes(tmp_path / "pictures", 60)


def shapes(folder: Path, count: int) -> Path:
    """A folder of so many pictures of shapes, all different."""
    folder.mkdir()
    chance = random.Random(7)
    for number in range(count):
        image = Image.new("RGB", (160, 120), (chance.randrange(256), chance.randrange(256), chance.randrange(256)))
        pen = ImageDraw.Draw(image)
        for _ in range(12):
            x, y, r = chance.randrange(160), chance.randrange(120), chance.randrange(5, 40)
            fill = (chance.randrange(256), chance.randrange(256), chance.randrange(256))
            (pen.ellipse if number % 2 else pen.rectangle)((x, y, x + r, y + r), fill=fill)
        image.save(folder / f"{number}.jpg")
    return folder


def artalike(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "artalike", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_seed_follows_doctor_agrees_and_a_signal_ends_it_well(tmp_path: Path, folder: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    server = Artalike(data, SETTINGS)
    try:
        server.wait()
        with picture_server(folder) as url:
            write_list(tmp_path / "list.txt", url, folder, pictures_in(folder))
            seeded = artalike("seed", str(tmp_path / "list.txt"), "--data", str(data))
        assert seeded.returncode == 0, seeded.stderr
        assert "done, 60 images, 0 failed" in seeded.stdout
        for image in server.call("/api/random?limit=200")["results"]:
            best = server.call(f"/api/search?id={image['id']}&limit=1")["results"][0]
            assert best["id"] == image["id"]
            assert best["score"] > 0.999
        second = artalike("serve", "--data", str(data), "--port", "0")
        assert second.returncode == 1
        assert f"in use by process {server.process.pid} at {server.url}" in second.stderr
        assert second.stderr.count("\n") == 1
        assert doctor(data)
    finally:
        assert server.stop() == 0
    assert doctor(data)


def test_nothing_is_lost_or_doubled_by_kills(tmp_path: Path) -> None:
    many, moments = shapes(tmp_path / "many", 240), random.Random(1)
    result = run(many, kills=3, limit=0, model="efficientnet_lite0", moments=moments, module="benchmarks.tiny")
    assert (result["images"], result["lost"], result["doubled"], result["doctor"]) == (240, 0, 0, True)


@pytest.mark.endurance
def test_nothing_is_lost_or_doubled_by_kills_with_the_embedded_model(folder: Path) -> None:
    result = run(folder, kills=10, limit=0, model="efficientnet_lite0", moments=random.Random(1))
    assert (result["images"], result["lost"], result["doubled"], result["doctor"]) == (60, 0, 0, True)
