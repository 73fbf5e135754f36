"""Real processes for benchmarks: Artalike itself, and a plain HTTP server with pictures to crawl, both on loopback."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

PICTURES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff", ".bmp"})
START_SECONDS: Final = 120.0
PATIENT: Final = {"ARTALIKE_CRAWL__ALLOW_PRIVATE": "true", "ARTALIKE_CRAWL__HOST_RATE": "0"}
"""Settings for a crawl of this machine: it may be asked, and as fast as it answers."""


def pictures_in(folder: Path) -> list[Path]:
    """The pictures below a folder, sorted. Exits with one line when there is none."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES) if folder.is_dir() else []
    if not found:
        sys.exit(f"{folder}: no pictures here; expected a folder that holds some")
    return found


@contextmanager
def picture_server(folder: Path) -> Iterator[str]:
    """A server over a folder, in a process of its own. Its base URL, without a slash at the end."""
    command = [sys.executable, "-m", "benchmarks.pictures", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            match = re.search(r"port (\d+)", process.stdout.readline())
            assert match is not None
            yield f"http://127.0.0.1:{match[1]}"
        finally:
            process.terminate()


def write_list(path: Path, base_url: str, folder: Path, pictures: list[Path]) -> None:
    """A list of addresses, one a line."""
    path.write_text("".join(f"{base_url}/{quote(str(p.relative_to(folder)))}\n" for p in pictures))


class Artalike:
    """A server process on a data folder. ``settings`` are environment variables."""

    def __init__(
        self,
        data: Path,
        settings: dict[str, str] | None = None,
        *arguments: str,
        command: str = "serve",
        module: str = "artalike",
    ) -> None:
        self.data = data
        self.started = time.monotonic()
        self._log = (data.parent / f"{data.name}.log").open("a")
        line = [sys.executable, "-m", module, command, "--data", str(data), "--port", "0", *arguments]
        environment = os.environ | PATIENT | (settings or {})
        (data / "server.json").unlink(missing_ok=True)
        self.process = subprocess.Popen(line, env=environment, stdout=self._log, stderr=self._log)

    def wait(self) -> None:
        """Until it listens."""
        while not (self.data / "server.json").exists():
            if self.process.poll() is not None or time.monotonic() - self.started > START_SECONDS:
                sys.exit(f"the server did not start; see {self._log.name}")
            time.sleep(0.02)
        time.sleep(0.02)
        found = json.loads((self.data / "server.json").read_text())
        self.url, self._token = found["url"], (self.data / "admin-token").read_text().strip()

    def call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self._token}"})
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def seed(self, source: str) -> int:
        return int(self.call("/api/admin/seeds", {"source": source})["id"])

    def metrics(self) -> dict[str, float]:
        """Every sample of /metrics by its name with labels."""
        with urllib.request.urlopen(self.url + "/metrics", timeout=60) as response:
            lines = response.read().decode().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}

    def cpu_seconds(self) -> float:
        """As :func:`cpu_seconds`, of this process."""
        return cpu_seconds(self.process.pid)

    def kill(self) -> None:
        """As the machine would: no warning, no farewell."""
        self.process.kill()
        self.process.wait()
        self._log.close()

    def stop(self) -> int:
        """Drain and end. Its exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=120)
        self._log.close()
        return status


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process since its start, of its threads, and of the processes that it has started."""
    ticks, families = 0, [pid]
    while families:
        folder = Path(f"/proc/{families.pop()}")
        with suppress(FileNotFoundError):  # ended meanwhile: counted by its parent
            # Behind the name, which may hold anything: proc_pid_stat(5), fields 14 to 17.
            ticks += sum(map(int, (folder / "stat").read_text().rpartition(")")[2].split()[11:15]))
            families += [int(pid) for task in folder.glob("task/*/children") for pid in task.read_text().split()]
    return ticks / os.sysconf("SC_CLK_TCK")


def quantile(metrics: dict[str, float], name: str, share: float) -> float:
    """A quantile from a Prometheus histogram, interpolated inside its bucket as PromQL's histogram_quantile does."""
    buckets = sorted(
        (float(match[1]), value)
        for key, value in metrics.items()
        if (match := re.fullmatch(rf'{name}_bucket{{le="([^"]+)"}}', key))
    )
    wanted = share * buckets[-1][1] if buckets else 0.0
    low, below = 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted:
            if bound == float("inf") or count == below:
                return low
            return low + (bound - low) * (wanted - below) / (count - below)
        low, below = bound, count
    return low


def doctor(data: Path) -> bool:
    """Whether `artalike doctor` finds every promise kept."""
    command = [sys.executable, "-m", "artalike", "doctor", "--data", str(data)]
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0
