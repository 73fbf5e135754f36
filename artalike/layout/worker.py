"""The process that lays pictures out, apart from the server's: its CPU time and memory are its own, and its crashes.

Run by :mod:`artalike.layout.process`. It reads from standard input a line of JSON, :class:`Job`, then the landmarks'
vectors (float16), their old places where the job says so (float32, two a landmark, NaN where it is new), and the
vectors of all others (float16). It writes lines of JSON, ``{"progress": share}``, and at the end
``{"result": bytes}`` and a NumPy archive of ``mean``, ``axes``, ``reduced`` (landmarks) and ``places`` (landmarks, then
the others).
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import BinaryIO, Final

import numpy as np

from artalike.layout import placing, tsne
from artalike.priority import ask_for_slices
from artalike.records import FloatArray

NICE: Final = 15
BLOCK: Final = 2048
KNOWN_LEAST: Final = 3
_LANDMARK_SHARE: Final = 0.8
_TOLD_STEP: Final = 0.01


@dataclass(frozen=True, slots=True)
class Job:
    """How many vectors will follow, and of what dimension; ``started``: there are old places to begin from."""

    dimension: int
    landmarks: int
    others: int
    started: bool

    def pack(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


class Progress:
    """Tells a share no more often than it can be seen to change."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._told = -1.0

    def __call__(self, share: float) -> None:
        if share - self._told >= _TOLD_STEP:
            self._told = share
            self._out.write(json.dumps({"progress": round(share, 3)}).encode() + b"\n")
            self._out.flush()


def work(source: BinaryIO, out: BinaryIO) -> None:
    """One job from ``source`` to ``out``."""
    job = Job(**json.loads(source.readline()))
    progress = Progress(out)
    vectors = _vectors(source, job.landmarks, job.dimension)
    old = np.frombuffer(_exactly(source, 8 * job.landmarks), "<f4").reshape(-1, 2) if job.started else None
    project = placing.Projection.of(vectors)
    reduced = project(vectors)
    del vectors
    start = None if old is None else _completed(old, reduced)
    share = _LANDMARK_SHARE if job.others else 1.0
    laid = tsne.laid_out(reduced, start, lambda done: progress(share * done))
    if old is not None:
        laid = placing.aligned(laid, old, ~np.isnan(old[:, 0]))
    places = [laid]
    for first in range(0, job.others, BLOCK):
        rows = _vectors(source, min(BLOCK, job.others - first), job.dimension)
        places.append(placing.placed(project(rows), reduced, laid))
        progress(share + (1 - share) * (first + len(rows)) / job.others)
    archive = io.BytesIO()
    all_places = placing.fitted(placing.evened(np.concatenate(places)))
    np.savez(archive, mean=project.mean, axes=project.axes, reduced=reduced, places=all_places)
    out.write(json.dumps({"result": archive.tell()}).encode() + b"\n" + archive.getvalue())
    out.flush()


def main() -> None:
    """Until the job is done, or whoever gave it has gone."""
    os.nice(NICE)
    ask_for_slices(0)  # and not for those of the thread that has started us
    with suppress(BrokenPipeError):
        work(sys.stdin.buffer, sys.stdout.buffer)


def _completed(old: FloatArray, reduced: FloatArray) -> FloatArray | None:
    """The old places, with new landmarks among those that they are like; None where hardly any is known."""
    new = np.isnan(old[:, 0])
    if len(old) - np.count_nonzero(new) < KNOWN_LEAST:
        return None
    whole = old.copy()
    whole[new] = placing.placed(reduced[new], reduced[~new], old[~new])
    return whole


def _vectors(source: BinaryIO, count: int, dimension: int) -> FloatArray:
    data = _exactly(source, 2 * count * dimension)
    return np.frombuffer(data, "<f2").reshape(count, dimension).astype(np.float32)


def _exactly(source: BinaryIO, size: int) -> bytes:
    data = source.read(size)
    if len(data) != size:
        sys.exit(1)  # whoever gave the job has gone
    return data


if __name__ == "__main__":
    main()
