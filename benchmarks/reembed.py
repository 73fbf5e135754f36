"""Moves a collection to another model while visitors ask, kills the server on the way, and looks at each answer.

python -m benchmarks.reembed FOLDER --model efficientnet_lite0 --to efficientnet_lite2 --kills 2
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.processes import Artalike, doctor, pictures_in
from benchmarks.report import report

ASKED: Final = 20
NEIGHBORS: Final = 50
VISITORS: Final = 2
PAUSE: Final = 0.05
POLL_SECONDS: Final = 0.05
CALM_SECONDS: Final = 10.0

Answer = list[tuple[int, float]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="efficientnet_lite0")
    parser.add_argument("--to", default="efficientnet_lite2")
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--data", type=Path, help="a collection of FOLDER by --model that is there already")
    options = parser.parse_args()
    pictures_in(options.folder)
    with tempfile.TemporaryDirectory() as temporary:
        data = options.data or Path(temporary) / "data"
        result = run(data, options.folder, options.model, options.to, options.kills)
    good = result["state"] == "done" and not result["failed"] and not result["mixed"] and result["doctor"]
    return 0 if good else 1


def run(
    data: Path, folder: Path, model: str, target: str, kills: int, *, calm_seconds: float = CALM_SECONDS, batch: int = 8
) -> dict[str, Any]:
    """The move and what visitors saw of it, printed and returned."""
    settings = {
        "ARTALIKE_EMBEDDING__MODEL": model,
        "ARTALIKE_EMBEDDING__BATCH_SIZE": str(batch),
        "ARTALIKE_GALLERY__MAP": "false",
        "ARTALIKE_GALLERY__QUERIES_PER_MINUTE": "0",
    }
    data.mkdir(parents=True, exist_ok=True)
    server = Artalike(data, settings)
    server.wait()
    _ingest(server, folder)
    images = server.call("/api/stats")["images"]
    visitors = _Visitors(server, random.Random(0).sample(range(1, images + 1), min(ASKED, images)))
    old = visitors.answers()
    with visitors:
        time.sleep(calm_seconds)
        visitors.phase = "during"
        started = time.monotonic()
        server.call("/api/admin/reembed", {"model": target})
        restarts, rates = [], []
        for number in range(kills):
            while (status := server.call("/api/admin/reembed"))["embedded"] < (number + 1) / (kills + 1) * images:
                assert status["state"] in {"idle", "starting", "embedding"}, status
                rates.append(status["rate"])
                time.sleep(POLL_SECONDS)
            with visitors.away():
                at = time.monotonic()
                server.kill()
                server = visitors.server = Artalike(data, settings)
                server.wait()
                restarts.append(time.monotonic() - at)
        while (status := server.call("/api/admin/reembed"))["state"] not in {"done", "failed"}:
            rates.append(status["rate"])
            time.sleep(POLL_SECONDS)
        seconds = time.monotonic() - started
        time.sleep(1)
    new = visitors.answers()
    kinds = [
        "old" if answer == old[number] else "new" if answer == new[number] else "mixed"
        for number, answer in visitors.seen
    ]
    healthy = doctor(data)
    server.stop()
    summary = {
        "images": images,
        "kills": kills,
        "state": status["state"],
        "seconds": round(seconds, 1),
        "images_per_s": round(sorted(rates)[len(rates) // 2], 1) if rates else None,
        "restart_s": round(max(restarts), 1) if restarts else None,
        "queries": len(visitors.seen),
        "failed": len(visitors.failed),
        "mixed": kinds.count("mixed"),
        "by_old": kinds.count("old"),
        "by_new": kinds.count("new"),
        "p50_ms": visitors.quantile("during", 0.5),
        "p99_ms": visitors.quantile("during", 0.99),
        "p99_before_ms": visitors.quantile("before", 0.99),
        "from_small": status["small"],
        "doctor": healthy and doctor(data),
    }
    rows = [{"figure": name, "value": value} for name, value in summary.items()]
    report(f"from {model} to {target}, {kills} kills on the way", rows, summary)
    for line in visitors.failed[:3]:
        print(line, file=sys.stderr)
    return summary


def _ingest(server: Artalike, folder: Path) -> None:
    server.seed(str(folder))
    while any(seed["state"] == "running" for seed in server.call("/api/admin/seeds")["results"]):
        time.sleep(0.5)
    while not server.call("/api/stats")["model"]["ready"]:
        time.sleep(0.1)


class _Visitors:
    """Ask what is similar to one of ``ids``, each in a thread, and keep every answer."""

    def __init__(self, server: Artalike, ids: list[int]) -> None:
        self.server = server
        self.phase = "before"
        self.seen: list[tuple[int, Answer]] = []
        self.failed: list[str] = []
        self._ids = ids
        self._seconds: dict[str, list[float]] = {"before": [], "during": []}
        self._turns = [threading.Lock() for _ in range(VISITORS)]
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(turn,)) for turn in self._turns]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def away(self) -> _Away:
        """Nobody asks while the block runs."""
        return _Away(self._turns)

    def answers(self) -> dict[int, Answer]:
        """To each question, now."""
        return {number: self._similar(number) for number in self._ids}

    def quantile(self, phase: str, share: float) -> float | None:
        """Milliseconds."""
        seconds = sorted(self._seconds[phase])
        return round(1000 * seconds[min(len(seconds) - 1, int(share * len(seconds)))], 1) if seconds else None

    def _ask(self, turn: threading.Lock) -> None:
        dice = random.Random(id(turn))
        while not self._over.is_set():
            with turn:
                number, started = dice.choice(self._ids), time.perf_counter()
                try:
                    self.seen.append((number, self._similar(number)))
                    self._seconds[self.phase].append(time.perf_counter() - started)
                except Exception as error:  # whatever it is, it is what is counted
                    self.failed.append(f"{type(error).__name__}: {error}")
            time.sleep(PAUSE)

    def _similar(self, number: int) -> Answer:
        found = self.server.call(f"/api/images/{number}/similar?limit={NEIGHBORS}")["results"]
        return [(image["id"], image["score"]) for image in found]


class _Away:
    def __init__(self, turns: list[threading.Lock]) -> None:
        self._turns = turns

    def __enter__(self) -> None:
        for turn in self._turns:
            turn.acquire()

    def __exit__(self, *_: object) -> None:
        for turn in self._turns:
            turn.release()


if __name__ == "__main__":
    sys.exit(main())
