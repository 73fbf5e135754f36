"""Texts asked for lately: many people ask for the same few, and each costs the network nearly what a picture does."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import numpy as np

from artalike.embedding.class_names import ClassTexts
from artalike.records import FloatArray

CLASSES_TRUST: Final = 0.1
"""The weight of vectors by classes, for which words in the metadata are more: so little that those come first."""

KEPT_MOST: Final = 512
"""A megabyte or two of vectors, and of texts no more than some kilobytes each."""


EmbedTexts = Callable[[Sequence[str]], Awaitable[FloatArray | None]]


class RecentTexts:
    """``embed_texts`` of a :class:`~artalike.embedding.batcher.Batcher`, asked only for what was not asked lately."""

    def __init__(self, embed_texts: EmbedTexts, *, kept: int = KEPT_MOST) -> None:
        self._embed_texts = embed_texts
        self._kept = kept
        self._vectors: OrderedDict[str, FloatArray] = OrderedDict()  # the least lately asked for first

    async def __call__(self, texts: Sequence[str]) -> FloatArray | None:
        """As the batcher answers, and raises."""
        vectors = {text: self._vectors[text] for text in texts if text in self._vectors}
        new = [text for text in dict.fromkeys(texts) if text not in vectors]
        if new:
            embedded = await self._embed_texts(new)
            if embedded is None:
                return None
            vectors.update(zip(new, embedded, strict=True))
        for text, vector in vectors.items():
            self._vectors[text] = vector
            self._vectors.move_to_end(text)
        while len(self._vectors) > self._kept:
            self._vectors.popitem(last=False)
        return np.stack([vectors[text] for text in texts])


class TextsByClasses:
    """``embed_texts`` of a batcher, and where that has no text encoder, texts by the classes that they name.

    ``load`` runs in a thread, at the first text.
    """

    def __init__(self, embed_texts: EmbedTexts, load: Callable[[], ClassTexts | None]) -> None:
        self._embed_texts = embed_texts
        self._load = load
        self._loading = asyncio.Lock()
        self._loaded: list[ClassTexts | None] = []

    async def __call__(self, texts: Sequence[str]) -> FloatArray | None:
        """As the batcher answers, and raises; None as well when a text names no class. Raises what ``load`` raises."""
        vectors = await self._embed_texts(texts)
        if vectors is not None:
            return vectors
        async with self._loading:
            if not self._loaded:
                self._loaded.append(await asyncio.to_thread(self._load))
        [classes] = self._loaded
        return await asyncio.to_thread(classes.embed, texts) if classes else None
