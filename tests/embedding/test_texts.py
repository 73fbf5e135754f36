from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from artalike.embedding.texts import RecentTexts
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
