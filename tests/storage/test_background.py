"""Work in a process of its own: its result, its errors, and its end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from artalike.errors import StorageError, UsageError
from artalike.storage.background import NICE, in_background


def _priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def _refuse() -> None:
    raise UsageError("k = 0: expected at least 1")


def _sleep(mark: Path) -> None:
    mark.write_text(str(os.getpid()))
    time.sleep(60)


async def test_it_answers_from_another_process_of_low_priority() -> None:
    assert await in_background(os.getpid) != os.getpid()
    assert await in_background(_priority) == min(19, _priority() + NICE)


async def test_arrays_larger_than_a_pipe_go_there_and_back() -> None:
    numbers = np.arange(500_000)
    assert (await in_background(np.negative, numbers))[-1] == -499_999


async def test_a_persons_mistake_passes() -> None:
    with pytest.raises(UsageError, match="k = 0"):
        await in_background(_refuse)


async def test_a_process_that_ends_without_an_answer_is_told() -> None:
    with pytest.raises(StorageError, match="status 3"):
        await in_background(os._exit, 3)


async def test_a_cancelled_caller_waits_until_it_has_been_killed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    task = asyncio.create_task(in_background(_sleep, mark))
    pid = await _written(mark)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not _alive(pid)


async def test_it_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    program = (
        "import asyncio, sys, pathlib; from artalike.storage.background import in_background; "
        "from tests.storage.test_background import _sleep; "
        "asyncio.run(in_background(_sleep, pathlib.Path(sys.argv[1])))"
    )
    parent = await asyncio.to_thread(subprocess.Popen, [sys.executable, "-c", program, str(mark)])
    pid = await _written(mark)
    parent.kill()
    await asyncio.to_thread(parent.wait)
    async with asyncio.timeout(20):
        while _alive(pid):
            await asyncio.sleep(0.05)


async def _written(mark: Path) -> int:
    async with asyncio.timeout(20):
        while not (mark.exists() and mark.read_text()):
            await asyncio.sleep(0.02)
    return int(mark.read_text())


def _alive(pid: int) -> bool:
    """Whether it runs: one that has ended may wait for its parent to notice."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
