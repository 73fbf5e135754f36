"""From a network as it was loaded to compiled code, while it works.

The first pictures are embedded by the network itself. They and their vectors are what the compiled code is measured
against: in the process that compiles, and again here before it takes over. It is kept in the data folder for the next
start. Where that does not work, for want of a compiler or on an old processor, the network stays as it is.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, cast

import numpy as np

from artalike.config import EmbeddingSettings
from artalike.embedding.card import Compilable, ModelCard, Network
from artalike.embedding.checking import LEAST_COSINE, Samples
from artalike.priority import EMBEDDING, step_back
from artalike.records import FloatArray, PixelArray

logger = logging.getLogger(__name__)

SAMPLES: Final = 32
"""Pictures that compiled code is measured by."""

COMMAND: Final = (sys.executable, "-m", "artalike.embedding.compiling")

KEPT: Final = 3
"""Compiled networks that stay in the folder: of the models and settings used last."""

VERSION: Final = 3
"""To be raised when the compiled code changes for a reason that `_key` does not see."""

DAY_SECONDS: Final = 86400.0
"""What a compiler has left behind for so long, nobody is at work on."""

NEW: Final = "new-"
CHECK: Final = "check.npz"


class Acceleration:
    """Sees to it that one network is compiled, and says when it has ``adopted`` that.

    :meth:`close` ends what is under way.
    ``folder`` keeps what has been compiled. It holds code: whoever can write there can run it.
    """

    def __init__(self, folder: Path, *, samples: int = SAMPLES) -> None:
        self._folder = folder
        self._wanted = samples
        self.adopted = False
        self._seen: list[tuple[PixelArray, FloatArray]] = []
        self._lock = threading.Lock()
        self._closed = False
        self._compiler: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None

    def watch(self, network: Network, card: ModelCard, settings: EmbeddingSettings) -> Network:
        """``network``, which changes over to compiled code at once where that is kept, and else after some pictures."""
        if settings.compile == "off" or not isinstance(network, Compilable) or not network.compilable:
            return network
        self._network, self._card, self._settings = network, card, settings
        self._place = self._folder / _key(card, settings)
        if not (self._place / CHECK).exists() or not self._adopt():
            network.observe(self._see)
        return network

    def close(self) -> None:
        """Ends the compiler, and waits for its end."""
        with self._lock:
            self._closed = True
            if self._compiler is not None:
                self._compiler.kill()
        if self._thread is not None:
            self._thread.join()

    def wait(self) -> None:
        """Until nothing is being compiled."""
        if self._thread is not None:
            self._thread.join()

    def _see(self, batch: PixelArray, vectors: FloatArray) -> None:
        with self._lock:
            if self._thread is not None:  # another thread has brought the last of them
                return
            self._seen.append((batch, vectors))
            if sum(len(batch) for batch, _ in self._seen) < self._wanted:
                return
            self._network.observe(None)
            samples = Samples(*(np.concatenate(arrays) for arrays in zip(*self._seen, strict=True)))
            self._seen.clear()
            self._thread = threading.Thread(target=self._compile, args=(samples,), name="compile", daemon=True)
        self._thread.start()

    def _compile(self, samples: Samples) -> None:
        step_back(EMBEDDING)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryDirectory(dir=self._folder, prefix=NEW) as temporary:
                work = Path(temporary) / "kept"
                work.mkdir()
                samples.write(work / CHECK)
                outcome = self._run_compiler(work, Path(temporary) / "inductor")
                if self._closed:
                    return
                if "precision" not in outcome:
                    self._stays(outcome.get("error", "the compiler died"))
                    return
                shutil.rmtree(self._place, ignore_errors=True)
                work.rename(self._place)
            self._forget_old()
            self._adopt()
        except OSError as error:
            self._stays(str(error))

    def _run_compiler(self, work: Path, cache: Path) -> dict[str, str]:
        job = {
            "settings": self._settings.model_dump(),
            "batch_size": self._settings.batch,
            "samples": str(work / CHECK),
            "folder": str(work),
        }
        with self._lock:
            if self._closed:
                return {}
            self._compiler = subprocess.Popen(  # noqa: S603  ourselves
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=os.environ | {"TORCHINDUCTOR_CACHE_DIR": str(cache)},
            )
        with self._compiler as compiler:
            given, said = cast("IO[str]", compiler.stdin), cast("IO[str]", compiler.stdout)
            with suppress(BrokenPipeError):  # it has died, and says nothing
                given.write(json.dumps(job) + "\n")
                given.flush()  # and left open: the compiler ends when we do
            lines = said.read().splitlines()
        try:
            found: dict[str, str] = json.loads(lines[-1])
        except (IndexError, ValueError):
            return {}
        return found

    def _adopt(self) -> bool:
        """Change over, if what has been compiled gives the same vectors. Whether it does."""
        from artalike.embedding.library import CompiledNetwork, LibraryError  # noqa: PLC0415  torch is there by now

        settings, card = self._settings, self._card
        try:
            samples = Samples.read(self._place / CHECK)
            compiled = CompiledNetwork(
                self._place, batch_size=settings.batch, dimension=card.dimension, at_once=self._network.at_once
            )
            least = samples.least_cosine(compiled)
        except (OSError, ValueError, KeyError, LibraryError) as error:
            self._stays(str(error))
            return False
        if least < LEAST_COSINE:
            self._stays(f"compiled, it gives other vectors: a cosine of {least:.4f}, expected {LEAST_COSINE} or more")
            return False
        (self._place / CHECK).touch()
        self._network.change_to(compiled)
        self.adopted = True
        logger.info("the network %s is compiled now; its vectors are the same (cosine %.5f)", card.name, least)
        return True

    def _stays(self, reason: str) -> None:
        logger.warning("the network stays as it was loaded, slower than it could be: %s", reason)

    def _forget_old(self) -> None:
        others = [path for path in self._folder.iterdir() if path != self._place and (path / CHECK).exists()]
        others.sort(key=lambda path: (path / CHECK).stat().st_mtime, reverse=True)
        killed = [path for path in self._folder.glob(f"{NEW}*") if time.time() - path.stat().st_mtime > DAY_SECONDS]
        for path in others[KEPT - 1 :] + killed:
            shutil.rmtree(path, ignore_errors=True)


def _key(card: ModelCard, settings: EmbeddingSettings) -> str:
    """A name for all that the compiled code depends on: model, torch, precision, shape, processor."""
    import torch  # noqa: PLC0415  it has been imported when a network has been loaded

    parts = (
        VERSION, card.model_id, torch.__version__, settings.precision, settings.batch, _processor(),
    )  # fmt: skip
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def _processor() -> str:
    """What it can do: code that was made for another one may end the process."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        import platform  # noqa: PLC0415  only here

        return platform.processor() or platform.machine()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
