"""Compiles a network, in a process of its own: `python -m artalike.embedding.compiling`, started by `acceleration.py`.

Compiling takes half a minute, a gigabyte, and Python's lock for most of that: none of it is for the process that
answers visitors. TorchInductor (https://docs.pytorch.org/docs/stable/torch.compiler_aot_inductor.html) makes a shared
library with the weights inside, folded and laid out for this processor ("freezing").

Reads one line of JSON, a :class:`Job`, and ends when its standard input does. Prints one line of JSON:
``{"precision"}`` of what it made, or ``{"error"}``.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch._inductor
from pydantic import BaseModel

from artalike.config import EmbeddingSettings
from artalike.embedding.checking import LEAST_COSINE, Samples, least_cosine
from artalike.embedding.library import BATCH, SINGLE, CompiledNetwork
from artalike.embedding.models import identify, load
from artalike.embedding.network import TorchNetwork
from artalike.priority import EMBEDDING, step_back
from artalike.records import PixelArray


class Job(BaseModel):
    """``samples`` is a file of pictures; in ``folder`` the libraries are to be made."""

    settings: EmbeddingSettings
    batch_size: int
    samples: Path
    folder: Path


def main() -> int:
    job = Job.model_validate_json(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    step_back(EMBEDDING)
    try:
        precision = compile_network(job)
    except Exception as error:  # whatever a compiler may raise
        return _answer(1, error=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
    return _answer(0, precision=precision)


def compile_network(job: Job) -> str:
    """The precision that was taken. Raises anything, RuntimeError when the compiled network gives other vectors."""
    samples = Samples.read(job.samples)
    plain = job.settings.model_copy(update={"precision": "float32", "compile": "off", "device": "cpu"})
    card = identify(plain)
    tried = []
    for precision in _precisions(job.settings.precision):
        network = cast("TorchNetwork", load(card, plain.model_copy(update={"precision": precision})))
        batches = samples.batches(job.batch_size)
        reduced = least_cosine(np.concatenate([network.embed_eagerly(batch) for batch in batches]), samples.vectors)
        if reduced < LEAST_COSINE:  # cheaper to know before half a minute than after it
            tried.append(f"{precision} {reduced:.4f}")
            continue
        for name, size in ((BATCH, job.batch_size), (SINGLE, 1)):
            _compile(network, samples.pictures[:1].repeat(size, axis=0), job.folder / name)
        compiled = CompiledNetwork(job.folder, batch_size=job.batch_size, dimension=card.dimension, at_once=1)
        found = samples.least_cosine(compiled)
        if found >= LEAST_COSINE:
            return precision
        tried.append(f"{precision}, compiled, {found:.4f}")
    raise RuntimeError(f"cosines to the network's own vectors: {', '.join(tried)}; expected {LEAST_COSINE} or more")


def _precisions(wanted: str) -> Iterator[str]:
    """Those that this processor computes in, the fastest first."""
    if wanted != "auto":
        yield wanted
        return
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():  # noqa: SLF001  torch asks itself this way
        yield "bfloat16"
    if torch.ops.mkldnn._is_mkldnn_fp16_supported():  # noqa: SLF001  the same
        yield "float16"
    yield "float32"


def _compile(network: TorchNetwork, example: PixelArray, library: Path) -> None:
    package = library.with_suffix(".pt2")
    with torch.no_grad():
        exported = torch.export.export(network.encoder, (torch.from_numpy(example),))
        torch._inductor.aoti_compile_and_package(  # noqa: SLF001  documented under this name
            exported, package_path=str(package), inductor_configs={"freezing": True}
        )
    with zipfile.ZipFile(package) as parts:
        [name] = [name for name in parts.namelist() if name.endswith(".so")]
        library.write_bytes(parts.read(name))
    package.unlink()


def _answer(status: int, **said: str) -> int:
    print(json.dumps(said), flush=True)  # noqa: T201  it is read by who started us
    return status


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
