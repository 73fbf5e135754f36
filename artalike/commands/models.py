"""`models`: those that are here, how fast they are on this machine, and which to use."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from artalike.config import EmbeddingSettings, Settings, Storage
from artalike.embedding import here, lite
from artalike.embedding.speed import measured
from artalike.errors import ArtalikeError
from artalike.storage import models
from artalike.storage.catalog import open_catalog
from artalike.storage.folder import DataFolder
from artalike.storage.models import StoredModel

FAST_ENOUGH: Final = 5.0
"""Images a second: a collection of 100,000 is then embedded in six hours."""

WITH_TEXT: Final = "ViT-B-32/laion2b_s34b_b79k"
"""Of those that also search by words, one that a processor without an accelerator still runs; 600 MB to download."""


@dataclass(frozen=True, slots=True)
class Found:
    """A model. ``vectors`` counts those in the collection; what is not known is None.

    ``here`` says whether it can be loaded, and ``problem`` why not. ``memory_mb`` is of a whole process with it.
    """

    name: str
    id: str | None
    dimension: int | None
    text: bool | None
    images_per_s: float | None = None
    memory_mb: int | None = None
    compiled: bool | None = None
    here: bool = True
    active: bool = False
    moving: bool = False
    vectors: int = 0
    problem: str | None = None


def run_models(settings: Settings, *, quick: bool, as_json: bool) -> int:
    """Measures each for some seconds, unless ``quick``. Raises StorageError."""
    console = Console(highlight=False, soft_wrap=True)
    folder = DataFolder(settings.storage.data)
    stored = asyncio.run(_stored(folder, settings.storage))
    found = _found(settings.embedding, stored)
    if not quick:
        with Console(stderr=True).status("measuring") as status:
            for place, model in enumerate(found):
                status.update(f"measuring {escape(model.name)}")
                found[place] = _measured(model, settings.embedding, folder)
    name, why = recommended(found)
    if as_json:
        listed = [asdict(model) for model in found]
        console.print_json(json.dumps({"models": listed, "recommended": name, "because": why}))
        return 0
    table = Table("model", "dimension", "images/s", "memory", "text encoder", "in the collection", box=None)
    for model in found:
        state = "active" if model.active else "moving" if model.moving else "kept" if model.vectors else ""
        table.add_row(
            escape(model.name),
            str(model.dimension or "?"),
            "" if model.images_per_s is None else f"{model.images_per_s:g}{'' if model.compiled else '*'}",
            "" if model.memory_mb is None else f"{model.memory_mb:,} MB",
            "?" if model.text is None else "yes" if model.text else "no",
            f"{model.vectors:,} vectors, {state}" if model.vectors else state,
        )
    console.print(table)
    if any(model.compiled is False for model in found):
        console.print("* as loaded; a server compiles it in its first minutes, and is faster then", markup=False)
    for model in found:
        if model.problem:
            console.print(f"{model.name}: {model.problem}", markup=False)
    console.print(f"recommended: {name} ({why})", markup=False)
    if not any(model.text for model in found if model.here):
        console.print(
            f"with a text encoder, for better search by words: {WITH_TEXT}, downloaded when it is first used",
            markup=False,
        )
    console.print("another model: set embedding.model for a new collection, or reembed --model NAME", markup=False)
    return 0


def recommended(found: Sequence[Found]) -> tuple[str, str]:
    """A model that is here, and why."""
    usable = [model for model in found if model.here and (model.images_per_s or FAST_ENOUGH) >= FAST_ENOUGH]
    for model in usable:
        if model.text:
            return model.name, "it searches by words too"
    for name in lite.MODELS:  # the best first
        if any(model.name == name for model in usable):
            return name, "the best of those that come with the program and are fast enough here"
    return list(lite.MODELS)[-1], "the fastest of those that come with the program"


async def _stored(folder: DataFolder, storage: Storage) -> list[StoredModel]:
    if not (bool(storage.catalog) or await asyncio.to_thread(folder.catalog.exists)):
        return []
    async with open_catalog(storage, readers=1) as database:
        return await models.stored(database)


def _found(settings: EmbeddingSettings, stored: Sequence[StoredModel]) -> list[Found]:
    """Those on this machine, that of the settings, and those of the collection."""
    found: list[Found] = []
    for name in dict.fromkeys((*here.names(), *(model.name for model in stored))):
        try:
            card = here.identified(settings.model_copy(update={"model": name}))
            found.append(Found(name, card.model_id, card.dimension, card.has_text))
        except ArtalikeError as error:
            found.append(Found(name, None, None, None, here=False, problem=str(error)))
    for model in stored:
        at = next(place for place, other in enumerate(found) if other.name == model.name)
        known = found[at]
        if known.id == model.model_id:
            found[at] = replace(known, active=model.active, moving=model.moving, vectors=model.vectors)
        else:  # its weights are not those of what is called so now
            problem = known.problem or f"its weights are not here; what is called so now is {known.id}"
            gone = Found(
                model.name, model.model_id, model.dimension, None, here=False,
                active=model.active, moving=model.moving, vectors=model.vectors, problem=problem,
            )  # fmt: skip
            found[at : at + 1] = [gone] if known.id is None else [known, gone]
    return found


def _measured(model: Found, settings: EmbeddingSettings, folder: DataFolder) -> Found:
    if not model.here:
        return model
    try:
        speed = measured(settings.model_copy(update={"model": model.name}), folder.compiled)
    except ArtalikeError as error:
        return replace(model, problem=str(error))
    return replace(model, **asdict(speed))
