"""The encoder as the program runs it, against the same network as loaded: eager, float32, in torch's own layout.

    python -m benchmarks.embed --model NAME [--folder FOLDER]

An architecture of open_clip without a tag gets random weights, which serve for speed. The pictures are those of FOLDER,
or the demo's. Rounds of the two alternate; rates are medians over them, and batches all of embedding.batch_size.
"""

from __future__ import annotations

import argparse
import copy
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, cast

import numpy as np
import torch

from artalike.config import EmbeddingSettings, Imaging
from artalike.demo.families import piece, render
from artalike.embedding import identify, lite, lite_network, load
from artalike.embedding.acceleration import Acceleration
from artalike.embedding.card import ModelCard
from artalike.embedding.device import CORES
from artalike.embedding.network import TorchNetwork
from artalike.embedding.parallel import embed_all, threads_of
from artalike.errors import ArtalikeError
from artalike.imaging import decode
from artalike.records import FloatArray, PixelArray
from benchmarks.processes import pictures_in
from benchmarks.report import refuse, report

PICTURES: Final = 500
ROUNDS: Final = 5
SECONDS: Final = 3.0
"""Of each of the two in a round."""
SINGLE: Final = 20

Embed = Callable[[PixelArray], FloatArray]
EmbedAll = Callable[[Sequence[PixelArray]], Iterable[FloatArray]]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=EmbeddingSettings().model, help="as embedding.model, or an architecture")
    parser.add_argument("--folder", type=Path, help="photographs; the demo's drawings without it")
    parser.add_argument("--pictures", type=int, default=PICTURES, help="whose cosines are taken")
    parser.add_argument("--kept", type=Path, help="a folder in which the compiled network stays for the next run")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    logging.basicConfig(level="INFO", stream=sys.stderr, format="%(message)s")
    with tempfile.TemporaryDirectory() as temporary:
        settings = EmbeddingSettings(model=options.model, device="cpu")
        try:
            if options.model not in lite.MODELS and "/" not in options.model and ":" not in options.model:
                settings = settings.model_copy(update={"model": _random(options.model, Path(temporary))})
            card = identify(settings)
            network = cast("TorchNetwork", load(card, settings))
        except ArtalikeError as error:
            refuse(str(error))
        pictures = _pictures(card, options.folder, options.pictures)
        acceleration = Acceleration(options.kept or Path(temporary) / "compiled")
        reference = np.concatenate([network.embed_eagerly(batch) for batch in _batches(pictures, settings.batch)])
        acceleration.watch(network, card, settings)
        list(embed_all(network, _batches(pictures, settings.batch)))  # it is compiled after the first of them
        started = time.perf_counter()
        acceleration.wait()
        compile_s = time.perf_counter() - started
        vectors = np.concatenate(list(embed_all(network, _batches(pictures, settings.batch))))
        single_ms = 1000 * statistics.median(_seconds(network.embed, pictures[:1]) for _ in range(SINGLE))
        batches = [batch for batch in _batches(pictures, settings.batch) if len(batch) == settings.batch]
        loaded = _as_loaded(card, network)
        fast, plain = _rates((partial(embed_all, network), partial(map, loaded)), batches, options.seconds)
    summary = {
        "model": card.model_id if options.model in lite.MODELS else options.model,
        "images_per_s": round(fast, 1),
        "eager_images_per_s": round(plain, 1),
        "speedup": round(fast / plain, 2),
        "min_cosine": round(float((vectors * reference).sum(axis=1).min()), 5),
        "pictures": len(pictures),
        "compile_s": round(compile_s, 1),
        "threads": threads_of(network),
        "single_ms": round(single_ms, 1),
    }
    report(f"{options.model}, batches of {settings.batch}", [], summary)


def _rates(networks: Sequence[EmbedAll], batches: Sequence[PixelArray], seconds: float) -> list[float]:
    """Images a second of each, medians of alternating rounds."""
    rates: list[list[float]] = [[] for _ in networks]
    for _ in range(ROUNDS):
        for embed, taken in zip(networks, rates, strict=True):
            count, started = 0, time.perf_counter()
            for vectors in embed(batches):
                count, spent = count + len(vectors), time.perf_counter() - started
                if spent > seconds:
                    break
            taken.append(count / spent)
    return [statistics.median(taken) for taken in rates]


def _seconds(embed: Embed, batch: PixelArray) -> float:
    started = time.perf_counter()
    embed(batch)
    return time.perf_counter() - started


def _as_loaded(card: ModelCard, network: TorchNetwork) -> Embed:
    encoder = network.encoder
    if card.name in lite.MODELS:  # as its library draws it: ours has its batch norms folded
        loaded = lite_network.build(lite.MODELS[card.name])
        loaded.reset_classifier(0)
    else:
        loaded = copy.deepcopy(encoder.network)
    loaded = loaded.to(memory_format=torch.contiguous_format)

    def embed(batch: PixelArray) -> FloatArray:
        torch.set_num_threads(CORES)  # which share each batch, as they do when nobody tells torch otherwise
        with torch.inference_mode():
            pixels = torch.from_numpy(batch).permute(0, 3, 1, 2).float() * encoder.scale + encoder.offset
            features: FloatArray = loaded(pixels.contiguous()).numpy()
        torch.set_num_threads(1)
        return features

    return embed


def _random(architecture: str, folder: Path) -> str:
    import open_clip  # noqa: PLC0415  it takes seconds

    if architecture not in open_clip.list_models():
        refuse(f"--model {architecture}: unknown; expected one of {', '.join(lite.MODELS)} or an open_clip model")
    torch.manual_seed(0)
    torch.save(open_clip.create_model(architecture).state_dict(), folder / "random.pt")
    return f"{architecture}/{folder / 'random.pt'}"


def _pictures(card: ModelCard, folder: Path | None, count: int) -> PixelArray:
    imaging = Imaging(thumbnail_widths=(16,))
    if folder is None:
        contents = (render(piece(number)) for number in range(count))
    else:
        found = pictures_in(folder)
        contents = (path.read_bytes() for path in found[:: max(1, len(found) // count)][:count])
    return np.stack([decode(content, card.preprocess, imaging).model_input for content in contents])


def _batches(pictures: PixelArray, size: int) -> list[PixelArray]:
    return [pictures[at : at + size] for at in range(0, len(pictures), size)]


if __name__ == "__main__":
    main()
