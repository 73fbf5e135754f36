"""The whole pipeline over real pictures: a plain HTTP server on loopback, a list, the crawler, the index, searches.

    python -m benchmarks.ingest FOLDER

The CPU time of the server process is compared with what the stages need alone: each picture decoded, its thumbnails
made, and embedded, in a process that does nothing else, in the same run. That one compiles the network first; the
server finds it compiled, as at every start but the first.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from artalike import config
from artalike.embedding.acceleration import SAMPLES, Acceleration
from artalike.embedding.models import identify, load
from artalike.imaging.decode import decode
from artalike.records import PixelArray
from artalike.storage.folder import DataFolder
from benchmarks.processes import Artalike, picture_server, pictures_in, quantile, write_list
from benchmarks.report import report

ALONE: Final = 200
"""Pictures over which the stages are measured by themselves."""

PROBE_SECONDS: Final = 0.02
NEWEST_SECONDS: Final = 1.0
"""How often the visitor looks how many pictures there are."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=0, help="use only so many pictures")
    parser.add_argument("--model", default="efficientnet_lite2")
    parser.add_argument("--stages-alone", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    pictures = pictures_in(options.folder)[: options.limit or None]
    if options.stages_alone:
        few = pictures[:: max(1, len(pictures) // ALONE)][:ALONE]
        print(*_stages_alone(few, options.model, options.stages_alone))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary) / "data"
        data.mkdir()
        decode_s, embed_s = _in_a_process_of_its_own(options, DataFolder(data).compiled)
        summary = _ingest(options.folder, pictures, options.model, data)
    summary["cpu_ratio_to_stages"] = round(summary["cpu_s_per_image"] / (decode_s + embed_s), 3)
    rows = [{"measure": name, "value": value} for name, value in summary.items()]
    rows += [
        {"measure": "alone: decode, thumbnails, hash, colour (CPU ms an image)", "value": round(decode_s * 1000, 1)},
        {"measure": "alone: embed (CPU ms an image)", "value": round(embed_s * 1000, 1)},
    ]
    report(f"ingest of {len(pictures)} pictures", rows, summary)
    return 0


def _ingest(folder: Path, pictures: list[Path], model: str, data: Path) -> dict[str, Any]:
    settings = {"ARTALIKE_EMBEDDING__MODEL": model}
    with picture_server(folder) as url:
        listed = data.with_name("list.txt")
        write_list(listed, url, folder, pictures)
        server = Artalike(data, settings)
        try:
            server.wait()
            listening_s = time.monotonic() - server.started
            while not server.call("/api/stats")["model"]["ready"]:
                time.sleep(0.02)
            ready_s = time.monotonic() - server.started
            idle = server.metrics()
            server.seed(str(listed))
            started = time.monotonic()
            probe = _Probe(server)
            end = _watch(server)
            seconds = end["last_new"] - started
            probe.stop()
            metrics = server.metrics()
        finally:
            server.stop()
    stage_seconds = {
        stage: metrics.get(f'artalike_stage_seconds_sum{{stage="{stage}"}}', 0.0)
        for stage in ("fetch", "decode", "embed", "thumbnails", "commit", "index")
    }
    cpu = metrics["process_cpu_seconds_total"] - idle["process_cpu_seconds_total"]
    images = int(metrics["artalike_images_total"])
    summary: dict[str, Any] = {
        "images": images,
        "failed": end["failed"],
        "images_per_s": round(images / seconds, 2),
        "cpu_s_per_image": round(cpu / images, 4),
        "embed_busy": round(metrics["artalike_embed_busy_seconds"] / seconds, 3),
        "searchable_p50_s": round(quantile(metrics, "artalike_searchable_seconds", 0.5), 4),
        "searchable_max_s": round(quantile(metrics, "artalike_searchable_seconds", 1.0), 4),
        "loop_lag_p99_ms": round(1000 * quantile(metrics, "artalike_loop_lag_seconds", 0.99), 1),
        "search_p50_ms": probe.milliseconds(50),
        "search_p99_ms": probe.milliseconds(99),
        "rss_mb": round(metrics["process_resident_memory_bytes"] / 1e6),
        "idle_rss_mb": round(idle["process_resident_memory_bytes"] / 1e6),
        "listening_s": round(listening_s, 2),
        "ready_s": round(ready_s, 2),
        "first_embedding_s": round(ready_s + end["first"] - started, 2),
    }
    for stage, total in stage_seconds.items():
        count = metrics.get(f'artalike_stage_seconds_count{{stage="{stage}"}}', 0.0)
        summary[f"{stage}_ms"] = round(1000 * total / count, 1) if count else None
    return summary


def _watch(server: Artalike) -> dict[str, Any]:
    """Until nothing is pending: when the first image came, when the last."""
    images, first, last_new = 0, None, time.monotonic()
    while True:
        stats = server.call("/api/stats")
        if stats["images"] > images:
            images, last_new = stats["images"], time.monotonic()
            first = first or last_new
            if sys.stderr.isatty():
                print(f"\r{images} images, {stats['rate']}/s ", end="", file=sys.stderr)
        if images and not stats["pending"]:
            return {"first": first, "last_new": last_new, "failed": stats["failed"]}
        time.sleep(0.1)


class _Probe:
    """A visitor who asks for neighbours of random pictures all the while."""

    def __init__(self, server: Artalike) -> None:
        self._server = server
        self._seconds: list[float] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    def milliseconds(self, percentile: int) -> float | None:
        if len(self._seconds) < 2:
            return None
        return round(1000 * statistics.quantiles(self._seconds, n=100, method="inclusive")[percentile - 1], 1)

    def _run(self) -> None:
        generator = np.random.default_rng(0)
        newest, looked = 0, 0.0
        while not self._done.wait(PROBE_SECONDS):
            started = time.perf_counter()
            if started - looked > NEWEST_SECONDS:
                newest, looked = self._server.call("/api/stats")["searchable"], started
            elif newest:
                self._server.call(f"/api/search?id={generator.integers(1, newest + 1)}&limit=50")
                self._seconds.append(time.perf_counter() - started)


def _in_a_process_of_its_own(options: argparse.Namespace, compiled: Path) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.ingest", str(options.folder), "--stages-alone", str(compiled)]
    command += ["--model", options.model, "--limit", str(options.limit)]
    decode_s, embed_s = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-2:]
    return float(decode_s), float(embed_s)


def _stages_alone(pictures: list[Path], model: str, compiled: Path) -> tuple[float, float]:
    """CPU seconds a picture to decode it with all that comes with that, and to embed it by the compiled network."""
    settings = config.Settings()
    embedding = settings.embedding.model_copy(update={"model": model})
    card = identify(embedding)
    acceleration = Acceleration(compiled)
    network = acceleration.watch(load(card, embedding), card, embedding)
    contents = [path.read_bytes() for path in pictures]

    def embed_all(inputs: list[PixelArray]) -> None:
        for start in range(0, len(inputs), embedding.batch):
            network.embed(np.stack(inputs[start : start + embedding.batch]))

    embed_all([decode(content, card.preprocess, settings.imaging).model_input for content in contents[:SAMPLES]])
    acceleration.wait()

    def cpu() -> float:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    started = cpu()
    inputs = [decode(content, card.preprocess, settings.imaging).model_input for content in contents]
    decoded = cpu()
    embed_all(inputs)
    embedded = cpu()
    return (decoded - started) / len(pictures), (embedded - decoded) / len(pictures)


if __name__ == "__main__":
    sys.exit(main())
