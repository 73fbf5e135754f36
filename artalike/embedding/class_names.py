"""Words for a network that was taught classes and no texts: a text means the classes that its words name.

After Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic Embeddings" (ConSE, ICLR 2014), the other
way round: there a picture becomes a convex combination of the names of its likeliest classes, here a text becomes one
of the prototypes of the classes with the nearest names. The names and definitions are WordNet's, as timm brings them.
How near they are is told by their words: those of a small text model that a package brings (WordLlama, 256 numbers)
found fewer families of photographs, "perfume" and "vulture" for "dress" among them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from artalike.records import FloatArray

CLASSES_MOST: Final = 12
"""In one combination."""
NEAR_BEST: Final = 0.6
"""Of the weight of the best class: what has less is left out."""
TEXT_MOST: Final = 8
"""Words of a text that are looked at."""

# How much a class is meant by a text that is its name, that its name is a kind of ("running shoe", of shoe), that ends
# its name ("miniskirt"), or that its definition begins with ("a woman's dress …").
_NAME: Final = 1.0
_KIND: Final = 0.75
_ENDING: Final = 0.6
_GENUS: Final = 0.5

_SHORTEST_ENDING: Final = 4
_SHORTEST_BEGINNING: Final = 3

_WORD: Final = re.compile(r"[a-z]+")
_ARTICLES: Final = frozenset({"a", "an", "the", "some", "any"})
_PREPOSITIONS: Final = frozenset(
    {"of", "in", "on", "at", "with", "by", "for", "from", "to", "and", "or", "near", "under", "over", "without"}
)
_AFTER_GENUS: Final = (
    _PREPOSITIONS
    | {"that", "which", "who", "whose", "when", "where"}
    | {*("used", "having", "worn", "consisting", "covering", "made", "usually")}
)


@dataclass(frozen=True, slots=True)
class _Class:
    names: tuple[tuple[str, ...], ...]
    genus: tuple[str, ...]


class ClassNames:
    """The classes of a network, by their names: ``"jersey, T-shirt, tee shirt"``, and their definitions, in order."""

    def __init__(self, names: Sequence[str], definitions: Sequence[str]) -> None:
        self._classes = [
            _Class(tuple(tuple(_words(name)) for name in named.split(",") if _words(name)), _genus(definition))
            for named, definition in zip(names, definitions, strict=True)
        ]

    def meant(self, text: str) -> list[tuple[int, float]]:
        """The classes that a text names, by their numbers, with weights that add up to 1; empty when it names none.

        Of "a red vase on a table" that is the vase: the words before the first preposition, or the last ones of them.
        """
        words = _phrase(text)
        for start in range(len(words)):
            weights = np.array([_weight(each, words[start:]) for each in self._classes])
            if weights.any():
                best = np.argsort(-weights, kind="stable")[:CLASSES_MOST]
                best = best[weights[best] >= NEAR_BEST * weights[best[0]]]
                total = float(weights[best].sum())
                return [(int(number), float(weights[number]) / total) for number in best]
        return []


class ClassTexts:
    """Texts as directions among the vectors of pictures, by ``prototypes`` (classes, dimension) of length 1."""

    def __init__(self, names: ClassNames, prototypes: FloatArray) -> None:
        self._names = names
        self._prototypes = prototypes

    def embed(self, texts: Sequence[str]) -> FloatArray | None:
        """Vectors of length 1, float32 (n, dimension), of n texts; None when one of them names no class."""
        vectors = []
        for text in texts:
            meant = self._names.meant(text)
            if not meant:
                return None
            numbers, weights = zip(*meant, strict=True)
            vector = np.array(weights, np.float32) @ self._prototypes[list(numbers)]
            vectors.append(vector / np.linalg.norm(vector))
        return np.stack(vectors).astype(np.float32)


def prototypes(weights: FloatArray) -> FloatArray:
    """What a linear classifier (classes, dimension) looks for in each class and not in all: length 1."""
    own: FloatArray = weights - weights.mean(axis=0)
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    return own


def _weight(each: _Class, words: Sequence[str]) -> float:
    wanted = tuple(words)
    best = _GENUS if each.genus[-len(wanted) :] == wanted else 0.0
    for name in each.names:
        if name == wanted:
            return _NAME
        if name[-len(wanted) :] == wanted:
            best = max(best, _KIND)
        elif len(wanted) == 1 and _ends(name[-1], wanted[0]):
            best = max(best, _ENDING)
    return best


def _ends(name: str, word: str) -> bool:
    return len(word) >= _SHORTEST_ENDING and len(name) >= len(word) + _SHORTEST_BEGINNING and name.endswith(word)


def _phrase(text: str) -> list[str]:
    words = [word for word in _words(text) if word not in _ARTICLES]
    end = next((place for place, word in enumerate(words) if place and word in _PREPOSITIONS), len(words))
    return words[:end][-TEXT_MOST:]


def _genus(definition: str) -> tuple[str, ...]:
    """The words that a definition begins with, which say what kind of thing it is."""
    plain = re.sub(r"\([^)]*\)", "", definition).partition(";")[0].replace("'s", "")
    found: list[str] = []
    for word in _words(plain):
        if word in _AFTER_GENUS and found:
            break
        if word not in _ARTICLES:
            found.append(word)
    return tuple(found)


def _words(text: str) -> list[str]:
    return [_singular(word) for word in _WORD.findall(text.lower())]


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
