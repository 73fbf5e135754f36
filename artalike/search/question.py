"""What a question of several parts settles on: the images that it ranks first, and what it goes on by.

Pictures become one direction, ``Σ w·like - Σ w·unlike``; words rank by the metadata; and where the model has a text
encoder, texts become a direction of their own. The rankings are fused by their ranks. Directions of pictures and of
texts are never added up: a model puts the two into regions of their own (Liang et al., "Mind the Gap", NeurIPS 2022),
and their cosines have no scale in common. Between texts the gap cancels out: an unwanted text is subtracted from wanted
ones. Where there are only pictures, it moves back what they have found; not by ranks, which a subtraction of equal
weights leaves without an order, but by scores of mean 0 and deviation 1 (Montague and Aslam, "Relevance Score
Normalization for Metasearch", CIKM 2001).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from artalike.errors import QueryError
from artalike.records import FloatArray, IdArray
from artalike.search.fusion import Weighted, fused
from artalike.search.order import DECIMALS
from artalike.search.ranked import Search, Used, as_sent, direction
from artalike.storage.ports import ImageCatalog

HEAD_MOST: Final = 1000
"""So many of each ranking are fused."""

EmbedTexts = Callable[[Sequence[str]], Awaitable[FloatArray | None]]
"""Vectors of length 1, float32 (n, dimension), of n texts; None where there is no text encoder, or not yet."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What to look for, or with a negative ``weight`` to stay away from: exactly one of an image, a vector, words.

    ``vector`` is float32 (dimension,), of length 1.
    """

    weight: float
    id: int | None = None
    vector: FloatArray | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """A ranking whose ``head`` is settled, and goes on by ``vector`` unless it ``ends``."""

    head: IdArray
    vector: FloatArray | None
    ends: bool
    used: tuple[Used, ...]


class Questions:
    """Settles questions over one collection."""

    def __init__(
        self, search: Search, images: ImageCatalog, embed_texts: EmbedTexts | None, *, trust: float = 1.0
    ) -> None:
        """``trust`` is the weight of a text's vector beside its words in the metadata."""
        self._search = search
        self._images = images
        self._embed_texts = embed_texts
        self._trust = trust

    async def settled(self, parts: Sequence[Part], max_id: int, among: IdArray | None) -> Settled:
        """The ranking of ids up to ``max_id`` and, where given, in ``among``; its head may yet be too long.

        Raises QueryError when nothing is asked for or a text has no words, NotFound, Overloaded.
        """
        with_words = partial(self._images.words, limit=HEAD_MOST, max_id=max_id, among=among)
        nearest = partial(self._search.nearest, depth=HEAD_MOST, max_id=max_id, among=among)
        texts = [part for part in parts if part.text is not None and part.weight > 0]
        pictures = await self.direction(parts)
        if pictures is None and not texts:
            raise QueryError("expected something to look for: a picture in like or unlike, or words")
        by_words: list[Weighted] = [(await with_words(part.text or ""), part.weight) for part in texts]
        meaning, weight = await self._meaning(parts)
        rankings = list(by_words)
        if meaning is not None and weight > 0:
            rankings.append((await nearest(meaning), weight * self._trust))
        # Whoever wants a text and only stays away from a picture does not ask for what is least like that picture.
        looked_for = not texts or any(part.text is None and part.weight > 0 for part in parts)
        if pictures is not None and looked_for:
            found = await nearest(pictures)
            if meaning is not None and weight < 0:
                found = await self._moved_back(found, pictures, meaning, weight)
            rankings.append((found, 1.0))
        elif pictures is not None:
            rankings.append((await self._by_likeness(rankings, pictures), 1.0))
        unwanted = await self._unwanted(parts, rankings)

        ends = meaning is None and not looked_for
        say = {
            Used.LIKENESS: pictures is not None,
            Used.WORDS: ends or bool(unwanted) or any(ids.size for ids, _ in by_words),
            Used.TEXT: meaning is not None,
        }
        used = tuple(each for each in Used if say[each])
        vector = meaning if meaning is not None and not looked_for else pictures
        return Settled(fused(rankings, unwanted), vector, ends, used)

    async def direction(self, parts: Sequence[Part]) -> FloatArray | None:
        """Between the pictures among ``parts``, as a cursor carries it; None when there is none."""
        known = await self._search.vectors([part.id for part in parts if part.id is not None])
        weights, vectors = [], []
        for part in parts:
            vector = known[part.id] if part.id is not None else part.vector
            if vector is not None:
                weights.append(part.weight)
                vectors.append(vector)
        return as_sent(direction(np.stack(vectors), weights)) if vectors else None

    async def _meaning(self, parts: Sequence[Part]) -> tuple[FloatArray | None, float]:
        """Between the texts among ``parts``, and its weight: negative, where all of them are to be stayed away from."""
        spoken = [(part.text, part.weight) for part in parts if part.text is not None]
        if not spoken or self._embed_texts is None:
            return None, 0.0
        vectors = await self._embed_texts([text for text, _ in spoken])
        if vectors is None:
            return None, 0.0
        wanted = sum(max(weight, 0) for _, weight in spoken)
        if wanted:
            return as_sent(direction(vectors, [weight for _, weight in spoken])), wanted
        return direction(vectors, [-weight for _, weight in spoken]), sum(weight for _, weight in spoken)

    async def _by_likeness(self, rankings: Sequence[Weighted], vector: FloatArray) -> IdArray:
        """What ``rankings`` have, the most alike first."""
        ids, vectors = await self._images.vectors(fused(rankings).tolist())
        return _best_first(ids, vectors @ vector)

    async def _moved_back(self, found: IdArray, pictures: FloatArray, text: FloatArray, weight: float) -> IdArray:
        """What was ``found`` by ``pictures``, with ``text`` counting by its negative weight."""
        ids, vectors = await self._images.vectors(found.tolist())
        return _best_first(ids, _standard(vectors @ pictures) + weight * _standard(vectors @ text))

    async def _unwanted(self, parts: Sequence[Part], rankings: Sequence[Weighted]) -> list[Weighted]:
        among = fused(rankings).tolist()
        found = [
            (await self._images.having_words(part.text, among), -part.weight)
            for part in parts
            if part.text is not None and part.weight < 0
        ]
        return [(ids, weight) for ids, weight in found if ids.size]


def _best_first(ids: IdArray, scores: FloatArray) -> IdArray:
    """Equals stand in the order of their ids."""
    ranked: IdArray = ids[np.lexsort((ids, -scores.astype(np.float64).round(DECIMALS)))]
    return ranked


def _standard(scores: FloatArray) -> FloatArray:
    """Of mean 0 and deviation 1."""
    deviation = scores.std() if scores.size else 0.0
    standard: FloatArray = (scores - scores.mean()) / deviation if deviation else np.zeros_like(scores)
    return standard
