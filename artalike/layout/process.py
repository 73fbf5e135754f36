"""Hands a layout to a process of its own, and brings back what it made of it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar
from zipfile import BadZipFile

import numpy as np

import artalike
from artalike.errors import LayoutError
from artalike.layout.placing import Projection
from artalike.layout.worker import Job
from artalike.records import FloatArray

# One thread: the layout is the same each time, and a core is left to those who wait for something.
THREADS: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

_LINE_MOST: Final = 1000
_RESULT_MOST: Final = 1 << 30
_COMPLAINT_MOST: Final = 2000

Pipe = TypeVar("Pipe", asyncio.StreamReader, asyncio.StreamWriter)


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """What the process made: landmarks reduced, float32 (l, m), and places, float32 (n, 2), landmarks first."""

    projection: Projection
    reduced: FloatArray
    places: FloatArray


async def lay_out(
    job: Job, old: FloatArray | None, vectors: AsyncIterator[FloatArray], progress: Callable[[float], None]
) -> Laid:
    """Lay out what ``vectors`` yields, batches of float32 (b, d): ``job.landmarks`` of them, then ``job.others``.

    ``old`` are the landmarks' old places (l, 2) as :mod:`artalike.layout.worker` takes them. Cancelled, it takes the
    process with it. Raises LayoutError when that fails.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "artalike.layout.worker",
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        # A Ctrl-C is for the parent. No session of its own: Linux puts a session's share of the cores above priorities.
        process_group=0,
        cwd=Path(artalike.__file__).parent.parent,
        env={**os.environ, **THREADS},
    )
    data: bytes | None = None
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_feed(process, job, old, vectors))
            complaint = tasks.create_task(_complaint(process))
            result = tasks.create_task(_read(process, progress))
        data = result.result()
        if data is None:
            raise LayoutError(f"the layout's process ended early: {complaint.result() or await process.wait()}")
        return await asyncio.to_thread(_unpack, data, job)
    except ExceptionGroup as group:
        raise group.exceptions[0] from group
    finally:
        if data is None:  # else it ends by itself: to signal what has just ended would take its status from asyncio
            with suppress(ProcessLookupError):
                process.kill()
        await asyncio.shield(process.wait())


async def _feed(process: Process, job: Job, old: FloatArray | None, vectors: AsyncIterator[FloatArray]) -> None:
    into = _there(process.stdin)
    into.write(job.pack())
    left = job.landmarks
    with suppress(ConnectionError):  # it has ended; what it wrote says why
        async for batch in vectors:
            data = batch.astype("<f2")
            landmarks = data[:left]
            into.write(landmarks.tobytes())
            if left and not (left := left - len(landmarks)) and old is not None:
                into.write(old.astype("<f4").tobytes())
            into.write(data[len(landmarks) :].tobytes())
            await into.drain()
        into.close()


async def _read(process: Process, progress: Callable[[float], None]) -> bytes | None:
    """The result; None when the process ends without one."""
    out = _there(process.stdout)
    while line := await out.readline():
        told = json.loads(line[:_LINE_MOST])
        if "result" in told:
            try:
                return await out.readexactly(min(int(told["result"]), _RESULT_MOST))
            except asyncio.IncompleteReadError:
                return None
        progress(float(told["progress"]))
    return None


async def _complaint(process: Process) -> str:
    """The last of what it wrote to standard error, on one line."""
    kept = b""
    while more := await _there(process.stderr).read(_COMPLAINT_MOST):
        kept = (kept + more)[-_COMPLAINT_MOST:]
    lines = kept.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def _there(pipe: Pipe | None) -> Pipe:
    if pipe is None:
        raise LayoutError("the layout's process has no pipe to it")
    return pipe


def _unpack(data: bytes, job: Job) -> Laid:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            laid = Laid(Projection(found["mean"], found["axes"]), found["reduced"], found["places"])
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise LayoutError(f"the layout's process gave what cannot be read: {error}") from error
    if laid.places.shape != (job.landmarks + job.others, 2) or not np.isfinite(laid.places).all():
        raise LayoutError("the layout's process gave places that are none")
    return laid
