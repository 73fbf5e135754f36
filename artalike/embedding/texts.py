"""Texts asked for lately: many people ask for the same few, and each costs the network nearly what a picture does."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import numpy as np

from artalike.records import FloatArray

KEPT_MOST: Final = 512
"""A megabyte or two of vectors, and of texts no more than some kilobytes each."""


class RecentTexts:
    """``embed_texts`` of a :class:`~artalike.embedding.batcher.Batcher`, asked only for what was not asked lately."""

    def __init__(
        self, embed_texts: Callable[[Sequence[str]], Awaitable[FloatArray | None]], *, kept: int = KEPT_MOST
    ) -> None:
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
