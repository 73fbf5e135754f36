"""What `benchmarks.gallery` does on its pages, as a visitor with a wheel and a mouse, and what it reads off them."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Final, Self

from playwright.sync_api import Browser, Response

LOOKING: Final = 2500.0  # pixels a second, as a wheel turned without pause
FLYING: Final = 8000.0
GESTURE_SECONDS: Final = 10.0
CLICKS: Final = 9
LONG: Final = 50.0  # milliseconds, https://www.w3.org/TR/longtasks-1/
WATCH: Final = """
window.watched = { shift: 0, tasks: [], collections: [], paint: 0, screen: 0 };
// When garbage was collected because the benchmark asked for it: a task, but none of the page's.
window.collected = [];
const on = (type, take) =>
  new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
on("layout-shift", (entry) => { if (!entry.hadRecentInput) window.watched.shift += entry.value; });
on("longtask", (entry) => {
  const asked = window.collected.some(([from, to]) => entry.startTime < to && entry.startTime + entry.duration > from);
  (asked ? window.watched.collections : window.watched.tasks).push(entry.duration);
});
on("largest-contentful-paint", (entry) => { window.watched.paint = entry.startTime; });
const opaque = (picture) => {
  for (let element = picture; element; element = element.parentElement) {
    const style = getComputedStyle(element);
    if (Number(style.opacity) < 0.99 || style.visibility === "hidden") return false;
  }
  return picture.complete && picture.naturalWidth > 0;
};
const screenful = () => {
  const shown = [...document.querySelectorAll("#wall > .tile img")].filter((picture) => {
    const box = picture.getBoundingClientRect();
    return box.bottom > 0 && box.top < innerHeight;
  });
  if (shown.length && shown.every(opaque)) window.watched.screen = performance.now();
  else if (performance.now() < 20000) requestAnimationFrame(screenful);
};
requestAnimationFrame(screenful);
window.clicked = () => new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error("no picture is there 30 s after the click")), 30000);
  addEventListener("click", (event) => {
    const times = { tile: 0, thumbnail: 0 };
    const look = () => {
      const first = location.pathname.startsWith("/similar/") && document.querySelector("#wall > .tile img");
      const now = performance.now() - event.timeStamp;
      if (first && !times.tile) times.tile = now;
      if (first && opaque(first)) resolve({ ...times, thumbnail: now });
      else requestAnimationFrame(look);
    };
    // Behind the handlers of the page, in the frame that they lead to.
    requestAnimationFrame(look);
  }, { capture: true, once: true });
});
window.nodes = () => {
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  let count = 1;
  while (walker.nextNode()) count += 1;
  return count;
};
window.frames = () => new Promise((resolve) => {
  const times = [];
  const next = (time) => {
    times.push(time);
    if (window.framesOver) resolve(times);
    else requestAnimationFrame(next);
  };
  window.framesOver = false;
  requestAnimationFrame(next);
});
"""


class Visit:
    """A page in a context of its own, whose processor may be slowed down."""

    def __init__(self, browser: Browser, address: str, width: int, height: int, slowed: int) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.context.add_init_script(WATCH)
        self.page = self.context.new_page()
        self.protocol = self.context.new_cdp_session(self.page)
        self.width, self.height = width, height
        self.met = 0
        self.page.on("response", self._count)
        if slowed > 1:
            self.protocol.send("Emulation.setCPUThrottlingRate", {"rate": slowed})
        self.page.goto(address)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.context.close()

    def watched(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate("window.watched")
        return found

    def scroll(self, speed: float, seconds: float) -> None:
        """Down, by the wheel, at a steady speed in pixels a second."""
        gesture = {
            "x": self.width // 2,
            "y": self.height // 2,
            "yDistance": -round(speed * seconds),
            "speed": round(speed),
            "gestureSourceType": "mouse",
        }
        self.protocol.send("Input.synthesizeScrollGesture", gesture)

    def picture(self) -> tuple[float, float]:
        """The middle of one that is on the screen."""
        x, y = self.page.evaluate("""() => {
          const box = [...document.querySelectorAll("#wall > .tile")]
            .map((tile) => tile.getBoundingClientRect())
            .find(({ top, bottom }) => top > 120 && bottom < innerHeight);
          return [box.left + box.width / 2, box.top + box.height / 2];
        }""")
        return x, y

    def heap(self) -> float:
        """Megabytes that scripts hold once garbage is collected, with arrays of numbers, which lie outside the heap."""
        self.page.evaluate("window.collected.push([performance.now(), Infinity]), undefined")
        self.protocol.send("HeapProfiler.collectGarbage")
        self.page.evaluate("window.collected.at(-1)[1] = performance.now(), undefined")
        usage = self.protocol.send("Runtime.getHeapUsage")
        return float(usage["usedSize"] + usage["backingStorageSize"]) / 1e6

    def _count(self, response: Response) -> None:
        if "/api/random" in response.url:
            self.met += 60


def middle(figures: Sequence[dict[str, float]]) -> dict[str, float]:
    """The median of each."""
    return {name: round(statistics.median(one[name] for one in figures), 1) for name in figures[0]}


def painted(visit: Visit) -> dict[str, float]:
    with visit:
        time.sleep(3)
        watched = visit.watched()
        return {"paint_ms": watched["paint"], "screen_ms": watched["screen"]}


def arrivals(visit: Visit, bring: Callable[[], object], count: int) -> dict[str, float]:
    """The page loads, is scrolled, and takes in pictures meanwhile."""
    with visit:
        told = visit.page.evaluate("document.querySelector('#fresh').textContent")
        bring()
        deadline = time.monotonic() + 60
        while told != f"+{count} new" and time.monotonic() < deadline:
            visit.scroll(LOOKING, 1)
            told = visit.page.evaluate("document.querySelector('#fresh').textContent")
        watched = visit.watched()
        return {
            "shift": round(watched["shift"], 4),
            "arrivals_told": int("".join(filter(str.isdigit, told)) or 0),
            "arrivals_longest_task_ms": max(watched["tasks"], default=0),
        }


def clicked(visit: Visit) -> dict[str, float]:
    """Pictures are asked by, each from another place on the wall."""
    times = []
    with visit:
        page = visit.page
        page.wait_for_selector("#wall.ready > .tile")
        for _ in range(CLICKS):
            visit.scroll(LOOKING, 1)
            time.sleep(1)
            x, y = visit.picture()
            page.mouse.move(x, y)
            time.sleep(0.3)
            page.evaluate("window.answer = window.clicked(), undefined")
            page.mouse.click(x, y)
            times.append(page.evaluate("window.answer"))
            page.go_back()
            page.wait_for_selector("#question", state="hidden")
            time.sleep(0.5)
    found = middle(times)
    return {
        "click_ms": found["thumbnail"],
        "click_worst_ms": round(max(one["thumbnail"] for one in times), 1),
        "click_tile_ms": found["tile"],
    }


def scrolled(visit: Visit, minutes: float, far: int) -> dict[str, Any]:
    """Ten seconds at a visitor's speed, the rest of each minute at a great one, for some minutes."""
    heaps: list[tuple[float, float]] = []
    nodes = longest_click = busy = 0.0
    met_first = 0
    with visit:
        visit.page.wait_for_selector("#wall.ready > .tile")
        started = time.monotonic()
        while (spent := time.monotonic() - started) < minutes * 60:
            visit.scroll(LOOKING if len(heaps) % 6 == 0 else FLYING, GESTURE_SECONDS)
            heaps.append((spent / 60, visit.heap()))
            met_first = met_first or visit.met
            if not nodes and visit.met >= far:
                nodes = visit.page.evaluate("window.nodes()")
        nodes = nodes or visit.page.evaluate("window.nodes()")
        tasks = [task for task in visit.watched()["tasks"] if task > LONG]
        collections = visit.watched()["collections"]
        shift = visit.watched()["shift"]
        busy = busiest(visit)
        longest_click = clicked_there(visit)
    late = heaps[len(heaps) // 2 :]
    slope = statistics.linear_regression(*zip(*late, strict=True)).slope if len(late) > 1 else 0.0
    return {
        "met": visit.met,
        "nodes": nodes,
        "long_tasks": len(tasks),
        "long_tasks_a_minute": round(len(tasks) / minutes, 1),
        "longest_task_ms": max(tasks, default=0),
        "longest_collection_ms": max(collections, default=0),
        "busiest_task_cpu_ms": busy,
        "scroll_shift": round(shift, 4),
        "heap_first_mb": round(heaps[0][1], 2),
        "heap_last_mb": round(heaps[-1][1], 2),
        "heap_mb_a_minute": round(slope, 3),
        "heap_bytes_a_picture": round((heaps[-1][1] - heaps[0][1]) * 1e6 / max(1, visit.met - met_first)),
        "click_after_ms": longest_click,
        "heap_mb": [round(heap, 2) for _, heap in heaps],
        "tasks_ms": sorted(tasks, reverse=True)[:20],
    }


def plain(visit: Visit) -> dict[str, Any]:
    """A page as high as a long wall, with nothing on it: what the machine itself does to scrolling."""
    with visit:
        visit.page.set_content("<body style='height: 1000000px; background: linear-gradient(red, blue)'>")
        visit.scroll(FLYING, GESTURE_SECONDS)
        visit.scroll(LOOKING, GESTURE_SECONDS)
        tasks = [task for task in visit.watched()["tasks"] if task > LONG]
        return {"plain_long_tasks_a_minute": round(len(tasks) / (2 * GESTURE_SECONDS) * 60, 1)}


def busiest(visit: Visit) -> float:
    """Milliseconds of processor time that the busiest task of the page took, while it is scrolled fast.

    What else the machine does lengthens tasks; this it does not.
    """
    browser = visit.context.browser
    assert browser is not None
    protocol = browser.new_browser_cdp_session()
    events: list[dict[str, Any]] = []
    over: list[object] = []
    protocol.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    # A builtin cannot be a listener: Playwright marks those that it has.
    protocol.on("Tracing.tracingComplete", lambda data: over.append(data))  # noqa: PLW0108
    protocol.send("Tracing.start", {"categories": "toplevel", "transferMode": "ReportEvents"})
    visit.scroll(FLYING, GESTURE_SECONDS)
    protocol.send("Tracing.end")
    while not over:
        visit.page.wait_for_timeout(50)
    names = {
        (event["pid"], event["tid"]): event["args"]["name"] for event in events if event.get("name") == "thread_name"
    }
    costs = [
        event.get("tdur", 0) / 1000
        for event in events
        if event.get("ph") == "X" and names.get((event["pid"], event["tid"])) == "CrRendererMain"
    ]
    return round(max(costs, default=0.0), 1)


def clicked_there(visit: Visit) -> float:
    """A click where the scrolling has led to: its handler has all that was met behind it."""
    page = visit.page
    time.sleep(1)
    page.evaluate("window.answer = window.clicked(), undefined")
    page.mouse.click(*visit.picture())
    return round(float(page.evaluate("window.answer")["thumbnail"]), 1)


def mapped(visit: Visit) -> dict[str, float]:
    """Pan and zoom, a move of the mouse every frame."""
    with visit:
        page = visit.page
        page.wait_for_selector("#tools", state="visible")
        time.sleep(2)
        x, y = visit.width / 2, visit.height / 2
        page.evaluate("window.drawn = window.frames(), undefined")
        for zoom in (0, -240, -240, -240):
            if zoom:
                page.mouse.wheel(0, zoom)
            page.mouse.move(x, y)
            page.mouse.down()
            for step in range(60):
                page.mouse.move(x + 3 * step, y + 2 * step)
                time.sleep(1 / 70)
            page.mouse.up()
        page.evaluate("window.framesOver = true, undefined")
        times = page.evaluate("window.drawn")
        tasks = visit.watched()["tasks"]
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(times))
    return {
        "map_fps": round(1000 * len(gaps) / sum(gaps), 1),
        "map_frame_p99_ms": round(gaps[int(0.99 * len(gaps))], 1),
        "map_longest_task_ms": max(tasks, default=0),
    }
