"""Fetch, decode, thumbnail and store, without embedding, against img2dataset on the same server, list and sizes.

    python -m benchmarks.download LIST

LIST is a folder of pictures, which is served on loopback, or a file of addresses, one a line. img2dataset 1.47 runs
with two processes in an environment of its own, which is made in --tools at the first run. Runs of the two alternate.

Both make one JPEG of each picture, of the same size and quality, and its SHA-256, and store these as files or rows.
Beyond that img2dataset stores a JSON file for each and a Parquet file for some hundreds. Artalike asks robots.txt and
checks each address; finds the colour, a perceptual hash, a signature, copies in other bytes, and a vector (of 48
colours, which costs next to nothing); and stores all in one catalog, durably, with an index for searches.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.processes import Artalike, picture_server, pictures_in, write_list
from benchmarks.report import refuse, report

VERSION: Final = "1.47.0"
WIDTH: Final = 256
QUALITY: Final = 85
ROUNDS: Final = 3
PROCESSES: Final = 2
THREADS: Final = 32
"""Of each process of img2dataset."""
SHARDS: Final = 4
"""For each of them: it starts a process anew after five."""
SETTLE_SECONDS: Final = 0.2
STORES: Final = "JPEG; rows of image, vector, facets, address; index"
THEY_STORE: Final = "JPEG, JSON; row of Parquet"


@dataclass(frozen=True, slots=True)
class Run:
    images: int
    seconds: float
    cpu_s: float

    @property
    def rate(self) -> float:
        return self.images / self.seconds

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.cpu_s / self.images


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path, metavar="LIST")
    parser.add_argument("--limit", type=int, default=0, help="use only so many pictures")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--tools", type=Path, default=Path(tempfile.gettempdir()) / f"img2dataset-{VERSION}")
    options = parser.parse_args(arguments)
    if not options.list.exists():
        refuse(f"LIST = {options.list}: not there; expected a folder of pictures or a file of addresses")
    tool = _installed(options.tools)
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as temporary, _addresses(options.list, options.limit) as lines:
        listed = Path(temporary) / "list.txt"
        listed.write_text("".join(f"{line}\n" for line in lines))
        for number in range(options.rounds):
            ours.append(_artalike(listed, Path(temporary) / f"data{number}"))
            theirs.append(_img2dataset(tool, listed, Path(temporary) / f"output{number}", len(lines)))
    rate, their_rate = (statistics.median(run.rate for run in runs) for runs in (ours, theirs))
    cpu, their_cpu = (statistics.median(run.cpu_ms for run in runs) for runs in (ours, theirs))
    report(
        f"{len(lines)} pictures, {WIDTH} pixels wide, {options.rounds} runs each",
        [
            {"": name, "stores": stores, "images": run.images, "images/s": run.rate, "CPU ms an image": run.cpu_ms}
            for name, stores, runs in (("artalike", STORES, ours), (f"img2dataset {VERSION}", THEY_STORE, theirs))
            for run in runs
        ],
        {
            "images": len(lines),
            "images_per_s": round(rate, 1),
            "img2dataset_images_per_s": round(their_rate, 1),
            "speed_ratio": round(rate / their_rate, 2),
            "cpu_ms_per_image": round(cpu, 2),
            "img2dataset_cpu_ms_per_image": round(their_cpu, 2),
            "cpu_ratio": round(cpu / their_cpu, 2),
        },
    )


def _artalike(listed: Path, data: Path) -> Run:
    """From the moment at which the list is handed in until its last picture is in the collection."""
    data.mkdir()
    settings = {
        "ARTALIKE_IMAGING__THUMBNAIL_WIDTHS": str(WIDTH),
        "ARTALIKE_IMAGING__THUMBNAIL_QUALITY": str(QUALITY),
        "ARTALIKE_CRAWL__HOST_CONCURRENCY": "64",
        "ARTALIKE_GALLERY__MAP": "false",
    }
    server = Artalike(data, settings, module="benchmarks.tiny")
    try:
        server.wait()
        while not server.call("/api/stats")["model"]["ready"]:
            time.sleep(SETTLE_SECONDS)
        idle = server.cpu_seconds()
        started = time.monotonic()
        server.seed(str(listed))
        while not (stats := server.call("/api/stats"))["images"] or stats["pending"]:
            time.sleep(SETTLE_SECONDS)
        seconds = time.monotonic() - started
        cpu = server.cpu_seconds() - idle
    finally:
        server.stop()
    shutil.rmtree(data)
    return Run(stats["images"], seconds, cpu)


def _img2dataset(tool: Path, listed: Path, output: Path, count: int) -> Run:
    """The whole of its processes, less what these need for one address each: that is their start."""
    first = listed.with_name("first.txt")
    first.write_text("".join(listed.read_text().splitlines(keepends=True)[:PROCESSES]))
    start_s, start_cpu = _timed(tool, first, output.with_name(output.name + "-start"), a_shard=1)
    a_shard = math.ceil(count / PROCESSES / SHARDS)
    seconds, cpu = _timed(tool, listed, output, a_shard=a_shard)
    images = sum(1 for _ in output.rglob("*.jpg"))
    shutil.rmtree(output)
    if images < count // 2:
        refuse(f"img2dataset stored {images} of {count} pictures; run it by hand to see why: {tool}")
    return Run(images, max(seconds - start_s, 0.001), max(cpu - start_cpu, 0.001))


def _timed(tool: Path, listed: Path, output: Path, *, a_shard: int) -> tuple[float, float]:
    """Seconds, and CPU seconds of it and its processes."""
    options = {
        "url_list": listed, "input_format": "txt", "output_folder": output, "output_format": "files",
        "image_size": WIDTH, "resize_mode": "keep_ratio", "encode_quality": QUALITY, "processes_count": PROCESSES,
        "thread_count": THREADS, "number_sample_per_shard": a_shard, "enable_wandb": False,
    }  # fmt: skip
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        [tool, *(f"--{name}={value}" for name, value in options.items())],
        env=os.environ | {"NO_ALBUMENTATIONS_UPDATE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - started, cpu


def _installed(folder: Path) -> Path:
    """The tool's program, in an environment that has nothing to do with ours."""
    program = folder / "bin" / "img2dataset"
    if not program.exists():
        print(f"installing img2dataset {VERSION} into {folder}", file=sys.stderr)
        venv.create(folder, clear=True, symlinks=True, with_pip=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", f"img2dataset=={VERSION}"], check=True)
    return program


@contextmanager
def _addresses(given: Path, limit: int) -> Iterator[list[str]]:
    if given.is_file():
        yield given.read_text().split()[: limit or None]
        return
    pictures = pictures_in(given)[: limit or None]
    with picture_server(given) as url, tempfile.TemporaryDirectory() as temporary:
        listed = Path(temporary) / "list"
        write_list(listed, url, given, pictures)
        yield listed.read_text().split()


if __name__ == "__main__":
    main()
