"""SeaweedFS as object storage for a test: one process that speaks S3 on this machine."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from obstore.store import S3Config

BUCKET = "artalike-tests"
KEY, SECRET = "tests", "the secret of the tests"
READER, READER_SECRET = "reader", "the secret of who may only read"
START_SECONDS = 60
SERVERS = ("master", "volume", "filer", "s3")


class Weed:
    """``weed server``, whose data outlives :meth:`kill`. It blocks: for fixtures, and for threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        ports = free_ports(2 * len(SERVERS))
        self._ports = dict(zip(SERVERS, zip(ports[::2], ports[1::2], strict=True), strict=True))
        self.endpoint = f"http://127.0.0.1:{self._ports['s3'][0]}"
        self._process: subprocess.Popen[bytes] | None = None
        identities = [
            _identity(KEY, SECRET, ["Admin", "Read", "Write", "List", "Tagging"]),
            _identity(READER, READER_SECRET, [f"Read:{BUCKET}", f"List:{BUCKET}"]),
        ]
        (folder / "s3.json").write_text(json.dumps({"identities": identities}))

    def bucket(self, prefix: str, **settings: Any) -> dict[str, Any]:
        """For the section `storage`: a folder of the tests' bucket."""
        keys = {"thumbnails_endpoint": self.endpoint, "thumbnails_key": KEY, "thumbnails_secret": SECRET}
        return {"thumbnails": f"s3://{BUCKET}/{prefix}", **keys, **settings}

    def start(self) -> None:
        """Returns when it answers, and the bucket is there."""
        ports = [
            f"-{name}.{kind}={port}"
            for name, both in self._ports.items()
            for kind, port in zip(("port", "port.grpc"), both, strict=True)
        ]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(_program(), "-logtostderr=true", "server", f"-dir={self._folder}", "-ip=127.0.0.1", *ports),
                    *("-master.volumeSizeLimitMB=64", "-master.telemetry=false", "-volume.max=100"),
                    *("-volume.preStopSeconds=0", "-filer", f"-filer.localSocket={self._folder / 'filer.sock'}"),
                    *("-s3", f"-s3.config={self._folder / 's3.json'}", f"-s3.localSocket={self._folder / 's3.sock'}"),
                    *("-s3.port.iceberg=0", "-s3.port.lance=0"),
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._takes():
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"SeaweedFS did not start: {(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """As a crash does (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """For good."""
        self.kill()
        for port in (both[1] for both in self._ports.values()):
            for left in Path("/tmp").glob(f"seaweedfs-*{port}.sock"):
                left.unlink(missing_ok=True)

    def _takes(self) -> bool:
        """Whether an object is taken; the first makes the bucket, and room for others."""
        import obstore  # noqa: PLC0415  # of the extra `cluster`
        from obstore.exceptions import BaseError  # noqa: PLC0415
        from obstore.store import S3Store  # noqa: PLC0415

        config: S3Config = {"endpoint": self.endpoint, "access_key_id": KEY, "secret_access_key": SECRET}
        store = S3Store(BUCKET, config=config, client_options={"allow_http": True}, retry_config={"max_retries": 0})
        with suppress(BaseError):
            obstore.put(store, "started", b"yes")
            return True
        return False


def _program() -> str:
    return shutil.which("weed", path=Path(sys.executable).parent) or shutil.which("weed") or "weed"


def _identity(key: str, secret: str, actions: list[str]) -> dict[str, Any]:
    return {"name": key, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}


def free_ports(count: int) -> list[int]:
    """Free a moment ago."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def why_not() -> str | None:
    """Why there is no object storage to test against; None where there is."""
    if shutil.which(_program()) is None:
        return "SeaweedFS is not installed: pip install 'artalike[engines]'"
    if find_spec("obstore") is None:
        return "obstore is not installed: pip install 'artalike[cluster]'"
    return None
