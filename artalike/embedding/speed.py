"""How fast a model embeds on this machine, and what memory it takes: measured in a process of its own.

Run as ``python -m artalike.embedding.speed FOLDER`` by :func:`measured`, with the settings as JSON on standard input;
it prints one line of JSON. What has been compiled is used where it is kept in FOLDER; nothing is compiled for this.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from artalike.config import EmbeddingSettings
from artalike.embedding.acceleration import Acceleration
from artalike.embedding.card import Compilable
from artalike.embedding.models import identify, load
from artalike.embedding.parallel import embed_all, threads_of
from artalike.errors import ModelUnavailable

SECONDS: Final = 2.0
PATIENCE: Final = 300.0


@dataclass(frozen=True, slots=True)
class Speed:
    """Images a second in batches as ingest has them, and megabytes of a process that does nothing else.

    Without ``compiled`` it is the network as loaded: a server compiles it, and is faster then.
    """

    images_per_s: float
    memory_mb: int
    compiled: bool


def measured(settings: EmbeddingSettings, compiled: Path) -> Speed:
    """Takes some seconds, and all cores. Raises ModelUnavailable when the model cannot be run.

    ``compiled`` is the folder where compiled networks are kept; it need not be there.
    """
    command = [sys.executable, "-m", __name__, str(compiled)]
    try:
        done = subprocess.run(  # noqa: S603  # ourselves
            command, input=settings.model_dump_json(), capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired as error:
        message = f'embedding.model = "{settings.model}": it could not be measured within {PATIENCE:g} s'
        raise ModelUnavailable(message) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it ended without a word"]
        raise ModelUnavailable(f'embedding.model = "{settings.model}": it could not be measured: {lines[-1][:300]}')
    return Speed(**json.loads(done.stdout.splitlines()[-1]))


def measure(settings: EmbeddingSettings, compiled: Path) -> Speed:
    """In this process; see :func:`measured`."""
    import resource  # noqa: PLC0415  not on every system

    card = identify(settings)
    acceleration = Acceleration(compiled)
    network = acceleration.watch(load(card, settings), card, settings)
    if isinstance(network, Compilable):
        network.observe(None)
    side = card.preprocess.size
    batch = np.random.default_rng(0).integers(0, 255, (settings.batch, side, side, 3), dtype=np.uint8)
    around = [batch] * threads_of(network)
    list(embed_all(network, around))
    count, started = 0, time.perf_counter()
    while (seconds := time.perf_counter() - started) < SECONDS:
        count += sum(map(len, embed_all(network, 2 * around)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    return Speed(round(count / seconds, 1), round(peak * unit / 1e6), acceleration.adopted)


if __name__ == "__main__":
    wanted = EmbeddingSettings.model_validate_json(sys.stdin.read())
    print(json.dumps(asdict(measure(wanted, Path(sys.argv[1])))))  # noqa: T201  # its answer
