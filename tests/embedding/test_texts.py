from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from artalike.config import EmbeddingSettings
from artalike.embedding import models
from artalike.embedding.class_names import ClassNames, ClassTexts, prototypes
from artalike.embedding.texts import RecentTexts, TextsByClasses
from artalike.errors import Overloaded
from artalike.records import FloatArray


class Encoder:
    """Embeds a text as its length, remembers what it was asked for, and fails while it is ``busy``."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.busy = False
        self.loading = False

    async def __call__(self, texts: Sequence[str]) -> FloatArray | None:
        if self.busy:
            raise Overloaded("busy")
        self.asked.append(list(texts))
        return None if self.loading else np.array([[len(text), 1] for text in texts], dtype=np.float32)


async def lengths(recent: RecentTexts, *texts: str) -> list[int]:
    vectors = await recent(texts)
    assert vectors is not None
    return [int(length) for length in vectors[:, 0]]


async def test_a_text_is_embedded_once_while_it_is_remembered() -> None:
    encoder = Encoder()
    recent = RecentTexts(encoder, kept=3)
    assert await lengths(recent, "sea", "tree", "sea") == [3, 4, 3]
    assert await lengths(recent, "boats", "sea") == [5, 3]
    assert encoder.asked == [["sea", "tree"], ["boats"]]
    assert await lengths(recent, "cliffs") == [6]  # the tree was not asked for the longest
    assert await lengths(recent, "sea", "boats") == [3, 5]
    assert await lengths(recent, "tree") == [4]
    assert encoder.asked == [["sea", "tree"], ["boats"], ["cliffs"], ["tree"]]


async def test_more_texts_at_once_than_are_kept_are_all_answered() -> None:
    assert await lengths(RecentTexts(Encoder(), kept=1), "sea", "tree", "boats") == [3, 4, 5]


async def test_what_failed_or_came_too_early_is_asked_for_again() -> None:
    encoder = Encoder()
    recent = RecentTexts(encoder)
    encoder.loading = True
    assert await recent(["sea"]) is None
    encoder.loading, encoder.busy = False, True
    with pytest.raises(Overloaded):
        await recent(["sea"])
    encoder.busy = False
    assert await lengths(recent, "sea") == [3]
    assert encoder.asked == [["sea"], ["sea"]]


NAMES = ClassNames(
    [
        "running shoe",
        "miniskirt, mini",
        "gown",
        "vase",
        "hippopotamus, hippo, river horse",
        "jersey, T-shirt, tee shirt",
    ],
    [
        "a light comfortable shoe designed for running",
        "a very short skirt",
        "a woman's dress, usually with a close-fitting bodice and a long flared skirt, often worn on formal occasions",
        "an open jar of glass or porcelain used as an ornament",
        "massive thick-skinned herbivorous animal living in or around rivers",
        "a close-fitting pullover shirt",
    ],
)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("vase", [3]),
        ("a red vase on a table", [3]),
        ("Vases", [3]),
        ("shoes", [0]),
        ("skirt", [1]),
        ("dress", [2]),
        ("t-shirt", [5]),
        ("pebbles", []),
        ("portrait of a gown", []),
        ("art", []),
        ("", []),
        ("走り靴 \0 \ud800", []),
    ],
)
def test_a_text_means_the_classes_that_its_words_name(text: str, meant: list[int]) -> None:
    assert [number for number, _ in NAMES.meant(text)] == meant


def test_a_text_lies_between_the_classes_that_it_names() -> None:
    classifier = np.random.default_rng(3).standard_normal((6, 16)).astype(np.float32)
    directions = prototypes(classifier)
    texts = ClassTexts(NAMES, directions)
    vectors = texts.embed(["vase", "shirt"])
    assert vectors is not None
    assert vectors.shape == (2, 16)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.allclose(vectors[0], directions[3], atol=1e-6)
    assert texts.embed(["vase", "pebbles"]) is None
    assert ClassNames([], []).meant("vase") == []


async def test_a_network_without_a_text_encoder_answers_by_classes_which_are_loaded_once() -> None:
    encoder = Encoder()
    loads = []

    def load() -> ClassTexts:
        loads.append(1)
        return ClassTexts(NAMES, np.eye(6, dtype=np.float32))

    texts = TextsByClasses(encoder, load)
    assert await lengths(RecentTexts(texts), "vase") == [4]  # the encoder's, while there is one
    assert loads == []
    encoder.loading = True
    vectors = await asyncio.gather(texts(["vase"]), texts(["gown"]))
    assert np.array_equal(np.concatenate([each for each in vectors if each is not None]), np.eye(6)[[3, 2]])
    assert await texts(["pebbles"]) is None
    assert loads == [1]
    assert await TextsByClasses(encoder, lambda: None)(["vase"]) is None


async def test_the_embedded_model_knows_the_classes_that_it_was_taught() -> None:
    card = await asyncio.to_thread(models.identify, EmbeddingSettings(model="efficientnet_lite0"))
    texts = await asyncio.to_thread(models.class_texts, card)
    assert texts is not None
    vectors = texts.embed(["trench coat", "coats", "a tabby cat"])
    assert vectors is not None
    assert vectors.shape == (3, card.dimension)
    assert vectors[0] @ vectors[1] > 0.5 > vectors[0] @ vectors[2]
    assert texts.embed(["harmonograph"]) is None
