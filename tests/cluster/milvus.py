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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

START_SECONDS: Final = 180.0
"""Longer than it takes (11 s on two idle cores), because the machine may be busy."""

ANSWER_SECONDS: Final = 5.0
STARTS: Final = 3


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
        self._port, *self._etcd_ports = (free_port() for _ in range(3))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Return when it answers, and has loaded what it holds."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for _ in range(STARTS - 1):
            self._launch()
            if self._answers():
                return
            self.kill()  # another server has taken one of its ports
        self._launch()
        assert self._answers(), self._said()

    def kill(self) -> None:
        """As by a power cut, as far as processes are concerned."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        # The wrapper's child, which is nobody's by now, has let go of them when it is gone.
        _until(self._ports_free, "the ports of a server that was killed are still taken")

    def stop(self) -> None:
        """Whatever state it is in; its data go with it."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGINT)  # to SIGTERM the wrapper leaves the server running
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def collections(self) -> list[str]:
        """The names of those that are there."""
        with self._client() as client:
            found: list[str] = client.list_collections()
        return found

    def drop_all(self) -> None:
        """Drop what tests have left there: a server that is started again loads all of it."""
        with self._client() as client:
            for name in client.list_collections():
                client.drop_collection(name)

    @contextmanager
    def _client(self, seconds: float = START_SECONDS) -> Iterator[Any]:
        from pymilvus import MilvusClient  # noqa: PLC0415  # where it is installed

        client = MilvusClient(self.uri, timeout=seconds, grpc_options={"grpc.keepalive_permit_without_calls": False})
        try:
            yield client
        finally:
            client.close()

    def _launch(self) -> None:
        bin_folder = Path(sys.executable).parent
        if self._lite:
            where = ["--data-dir", str(self._folder), "--host", "127.0.0.1", "--port", str(self._port)]
            command = [str(bin_folder / "milvus-lite"), "server", *where]
        else:
            # As --proxy-port it would be another one without a word while connections of the dead linger at this one.
            where = ["--data", str(self._folder), "--extra-config", f"proxy.port={self._port}"]
            command = [str(bin_folder / "milvus-server"), *where]
        etcd = self._folder / "etcd.yaml"
        etcd.write_text(_ETCD.format(*self._etcd_ports))
        with (self._folder / "output.log").open("wb") as log:
            # A group of its own: the wrapper of the Go server leaves that running when it is killed.
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=os.environ | {"ETCD_CONFIG_PATH": str(etcd)},
            )

    def _answers(self) -> bool:
        """Wait until it does; whether it ever will."""
        from grpc import RpcError  # noqa: PLC0415  # where it is installed
        from pymilvus import MilvusException  # noqa: PLC0415
        from pymilvus.client.types import LoadState  # noqa: PLC0415

        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None and "panic: " not in self._said():
            with suppress(MilvusException, RpcError), self._client(ANSWER_SECONDS) as client:
                names = client.list_collections()
                if all(client.get_load_state(name)["state"] != LoadState.Loading for name in names):
                    return True
            time.sleep(0.25)
        return False

    def _said(self) -> str:
        logs = (self._folder / "output.log", self._folder / "logs" / "milvus-stderr.log")
        return "".join(log.read_text(errors="replace")[:20_000] for log in logs if log.exists())

    def _ports_free(self) -> bool:
        return all(_is_free(port) for port in (self._port, *self._etcd_ports))


_ETCD: Final = """
name: default
listen-peer-urls: http://127.0.0.1:{0}
initial-advertise-peer-urls: http://127.0.0.1:{0}
initial-cluster: default=http://127.0.0.1:{0}
listen-client-urls: http://127.0.0.1:{1}
advertise-client-urls: http://127.0.0.1:{1}
"""
"""The etcd inside the server takes ports 2379 and 2380 otherwise: a second server on the machine would not start."""


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else the connections of the dead would count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _until(true: Callable[[], bool], why_not: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, why_not
        time.sleep(0.05)
