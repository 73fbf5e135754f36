"""Kills the server at random moments of an ingest, and compares the end with an undisturbed run.

python -m benchmarks.kill FOLDER --kills 20
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.processes import Artalike, doctor, picture_server, pictures_in, write_list
from benchmarks.report import report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--limit", type=int, default=0, help="use only so many pictures")
    parser.add_argument("--model", default="efficientnet_lite2")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    options = parser.parse_args()
    result = run(options.folder, options.kills, options.limit, options.model, random.Random(options.seed))
    return 0 if result["lost"] == result["doubled"] == 0 and result["doctor"] else 1


def run(
    folder: Path,
    kills: int,
    limit: int,
    model: str,
    moments: random.Random,
    *,
    module: str = "artalike",
) -> dict[str, Any]:
    """Both runs and their comparison, printed and returned. ``module`` is what is started: Artalike, or its like."""
    pictures = pictures_in(folder)[: limit or None]
    settings = {
        "ARTALIKE_EMBEDDING__MODEL": model,
        "ARTALIKE_INDEX__SNAPSHOT_SECONDS": "2",
        "ARTALIKE_GALLERY__MAP": "false",
    }
    with tempfile.TemporaryDirectory() as temporary, picture_server(folder) as url:
        listed = Path(temporary) / "list.txt"
        write_list(listed, url, folder, pictures)
        calm, calm_seconds = _ingest(Path(temporary) / "calm", listed, settings, [], module)
        at = sorted(moments.uniform(0.05, 0.95) * len(calm) for _ in range(kills))
        killed, killed_seconds = _ingest(Path(temporary) / "killed", listed, settings, at, module)
        healthy = doctor(Path(temporary) / "killed") and doctor(Path(temporary) / "calm")
    summary = {
        "kills": kills,
        "images": len(set(killed)),
        "lost": len(set(calm) - set(killed)),
        "doubled": len(killed) - len(set(killed)),
        "doctor": healthy,
        "seconds": round(killed_seconds, 1),
        "undisturbed_seconds": round(calm_seconds, 1),
    }
    report("kill -9 during ingest", [summary], summary)
    return summary


def _ingest(
    data: Path, listed: Path, settings: dict[str, str], kill_at: list[float], module: str
) -> tuple[list[bytes], float]:
    """Ingest a list, killed whenever the count of images passes the next of ``kill_at``. The hashes that came in."""
    data.mkdir()
    started, waiting, seeded = time.monotonic(), list(kill_at), False
    while True:
        server = Artalike(data, settings, module=module)
        server.wait()
        if not seeded:
            server.seed(str(listed))
            seeded = True
        shown = 0
        while True:
            stats = server.call("/api/stats")
            if stats["images"] < shown:
                sys.exit(f"the counter went back from {shown} to {stats['images']}")
            shown = stats["images"]
            if waiting and shown >= waiting[0]:
                waiting.pop(0)
                server.kill()
                _expect(data, shown)
                break
            if not stats["pending"] and stats["images"]:
                server.stop()
                return _hashes(data), time.monotonic() - started
            time.sleep(random.uniform(0.01, 0.2))


def _expect(data: Path, shown: int) -> None:
    there = len(_hashes(data))
    if there < shown:
        sys.exit(f"{shown} images were shown before the kill, {there} are there after it")


def _hashes(data: Path) -> list[bytes]:
    database = sqlite3.connect(data / "catalog.sqlite3")
    try:
        return [row[0] for row in database.execute("SELECT sha256 FROM images WHERE removed_at IS NULL")]
    finally:
        database.close()


if __name__ == "__main__":
    sys.exit(main())
