"""The gallery in Chromium over a large collection: how soon it paints, how still it lies, how much it holds.

    python -m benchmarks.gallery --size 100000 --minutes 10

The server is a process of its own with a stand-in for the model's network. What is compared with a limit is what a
visitor meets:

- ``paint_ms``: the largest contentful paint with the processor slowed down four times, and the time until the
  pictures on the first screen are all there (``screen_ms``); ``empty_paint_ms`` is that of an empty page, measured
  in turns with it;
- ``shift``: all layout shifts that nobody caused, while the page loads, is scrolled, and pictures come in;
- ``nodes``: elements and texts in the page after 20,000 pictures;
- ``long_tasks``: tasks of the page of more than 50 ms while it is scrolled at two speeds; beside them those of an empty
  page in as much time, and the processor time of the busiest task, which a busy machine does not lengthen;
- ``heap_mb_a_minute``: how the heap grows, after collecting garbage, over the second half of the scrolling, and
  ``heap_bytes_a_picture`` met;
- ``click_ms``: from the click on a picture to the frame in which the first one like it is there with its thumbnail,
  opaque; ``click_tile_ms`` to the one in which it has its place and its colour; ``click_after_ms`` is the first at the
  end of the scrolling;
- ``map_fps``: frames a second of the map while it is panned and zoomed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, sync_playwright

from benchmarks import visit
from benchmarks.collection import fill, paint
from benchmarks.processes import Artalike, picture_server
from benchmarks.report import refuse, report
from benchmarks.serve import grown
from benchmarks.tiny import CARD, WIDTH_VARIABLE

DIMENSION: Final = 512
SLOWED: Final = 4
ROUNDS: Final = 5
FAR: Final = 20_000
NEW: Final = 60
NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS: Final = ["--no-sandbox", "--disable-background-networking"]
SIZES: Final = {"phone": (390, 844), "laptop": (1440, 900)}
LIMITS: Final = {
    "paint_ms": 1000,
    "screen_ms": 1000,
    "shift": 0.02,
    "nodes": 1500,
    "long_tasks": 0,
    "longest_task_ms": 50,
    "busiest_task_cpu_ms": 50,
    "click_ms": 150,
}
PARTS: Final = ("paint", "shift", "click", "scroll", "map")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=10.0, help="of scrolling")
    parser.add_argument("--data", type=Path, help="where the collection is, or is made and left, for the next time")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--screen", choices=list(SIZES), default="laptop")
    options = parser.parse_args()
    if options.size < 1 or options.minutes <= 0:
        refuse(f"--size {options.size} --minutes {options.minutes}: expected more than none")
    if os.environ.get(WIDTH_VARIABLE) != str(DIMENSION):  # the card is made when its module is imported
        line = [sys.executable, "-m", "benchmarks.gallery", *sys.argv[1:]]
        os.execve(sys.executable, line, os.environ | {WIDTH_VARIABLE: str(DIMENSION)})
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        refuse(f"no Chromium here: expected one of {', '.join(NAMES)} on the PATH")
    with tempfile.TemporaryDirectory() as temporary:
        data = options.data or Path(temporary) / "data"
        run(chromium, data, Path(temporary), options)
    return 0


def run(chromium: str, data: Path, temporary: Path, options: argparse.Namespace) -> None:
    assert CARD.dimension == DIMENSION
    if not (data / "map.npz").exists():
        fill(data, options.size)
    server = Artalike(
        data,
        {"ARTALIKE_LOG_LEVEL": "warning", "ARTALIKE_GALLERY__QUERIES_PER_MINUTE": "0"},
        module="benchmarks.tiny",
    )
    try:
        server.wait()
        grown(server, options.size)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            figures = _measured(browser, server, temporary, options)
            browser.close()
        server.stop()
    finally:
        server.process.kill()
    rows = [
        {"figure": name, "measured": value, "limit": LIMITS.get(name, "")}
        for name, value in figures.items()
        if not isinstance(value, list)
    ]
    summary = {"size": options.size, "minutes": options.minutes, "screen": options.screen} | figures
    report(f"{options.size} pictures, {options.screen}", rows, summary)


def _measured(browser: Browser, server: Artalike, temporary: Path, options: argparse.Namespace) -> dict[str, Any]:
    width, height = SIZES[options.screen]
    figures: dict[str, Any] = {}

    def opened(address: str = server.url, *, slowed: int = 1) -> visit.Visit:
        return visit.Visit(browser, address, width, height, slowed)

    if "paint" in options.parts:
        (temporary / "empty").mkdir()
        (temporary / "empty" / "index.html").write_text("<!doctype html><title>Empty</title><h1>Empty</h1>")
        with picture_server(temporary / "empty") as empty:
            paints = [
                (visit.painted(opened(slowed=SLOWED)), visit.painted(opened(f"{empty}/index.html", slowed=SLOWED)))
                for _ in range(ROUNDS)
            ]
        figures |= visit.middle([gallery for gallery, _ in paints])
        figures["empty_paint_ms"] = visit.middle([nothing for _, nothing in paints])["paint_ms"]
    if "shift" in options.parts:
        first = time.time_ns() // 1_000_000 % 10**8  # the same collection may have taken others in before
        paint(temporary / "new", range(first, first + NEW))
        figures |= visit.arrivals(opened(), lambda: server.seed(str(temporary / "new")), NEW)
    if "click" in options.parts:
        figures |= visit.clicked(opened())
    if "scroll" in options.parts:
        figures |= visit.plain(opened("about:blank"))
        figures |= visit.scrolled(opened(), options.minutes, FAR)
    if "map" in options.parts:
        figures |= visit.mapped(opened(server.url + "/map"))
    return figures


if __name__ == "__main__":
    sys.exit(main())
