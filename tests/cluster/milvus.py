"""Milvus servers of a test: Milvus Lite, and the real one, which is a Go program inside a wheel."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

START_SECONDS: Final = 180.0
"""Longer than it takes (11 s on two idle cores), because the machine may be busy."""


def why_not(engine: str) -> str | None:
    """Why ``engine``, "milvus_lite" or "milvus", cannot be had here; None where it can."""
    missing = [name for name in ("pymilvus", engine) if importlib.util.find_spec(name) is None]
    return f"{', '.join(missing)} not installed: make test-cluster" if missing else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class MilvusServer:
    """A server with its data in ``folder``; one that was killed goes on with it when started again."""

    def __init__(self, folder: Path, *, lite: bool) -> None:
        self._folder = folder
        self._lite = lite
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Return when it answers."""
        bin_folder = Path(sys.executable).parent
        if self._lite:
            where = ["--data-dir", str(self._folder), "--host", "127.0.0.1", "--port", str(self._port)]
            command = [str(bin_folder / "milvus-lite"), "server", *where]
        else:
            where = ["--data", str(self._folder), "--proxy-port", str(self._port)]
            command = [str(bin_folder / "milvus-server"), *where]
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "output.log").open("ab") as log:
            # A group of its own: the wrapper of the Go server leaves that running when it is killed.
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self._wait()

    def kill(self) -> None:
        """As by a power cut, as far as processes are concerned."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        """Whatever state it is in; its data go with it."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGINT)  # to SIGTERM the wrapper leaves the server running
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(self) -> None:
        from pymilvus import MilvusClient, MilvusException  # noqa: PLC0415  # where it is installed

        deadline = time.monotonic() + START_SECONDS
        while True:
            client: Any = None
            try:
                client = MilvusClient(self.uri, timeout=2)
                client.list_collections(timeout=2)
            except MilvusException:
                assert self._process is not None
                assert self._process.poll() is None, (self._folder / "output.log").read_text()[-2000:]
                assert time.monotonic() < deadline, f"Milvus does not answer within {START_SECONDS} s"
                time.sleep(0.25)
            else:
                return
            finally:
                if client is not None:
                    client.close()
