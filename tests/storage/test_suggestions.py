"""What is suggested while somebody types, out of a real catalog."""

from __future__ import annotations

import pytest

from artalike.records import Metadata
from artalike.storage import suggestions, tombstones
from artalike.storage.catalog import Database
from artalike.storage.images import Images
from artalike.storage.seeds import CrawlQueue
from artalike.storage.suggestions import Suggestion
from tests.storage.test_words import add

MONET = Metadata(title="Water Lilies", creator="Claude Monet")


async def names(images: Images, text: str, limit: int = 8) -> list[tuple[str, str]]:
    return [(each.kind, each.value) for each in await images.suggestions(text, limit=limit)]


async def test_a_begun_word_finds_makers_by_any_of_their_names_and_titles(images: Images, frontier: CrawlQueue) -> None:
    ids = await add(
        images,
        frontier,
        *[MONET] * 3,
        Metadata(title="Monkeys", creator="Pieter van der Heyden"),
        Metadata(title="The money changers", creator="Rembrandt"),
        Metadata(title="Monkeys", creator="Édouard Manet"),
    )
    assert await images.suggestions("mon", limit=8) == [
        Suggestion("creator", "Claude Monet", 3),
        Suggestion("title", "Monkeys", 2, ids[3]),
        Suggestion("title", "The money changers", 1, ids[4]),
    ]
    assert await names(images, "edouard ma") == [("creator", "Édouard Manet")]
    assert await names(images, "lilies wat") == [("title", "Water Lilies")]
    assert await names(images, "lil water") == []  # only the last may be begun


async def test_titles_keep_half_of_the_places(images: Images, frontier: CrawlQueue) -> None:
    await add(images, frontier, *[Metadata(title=f"Anne {n}", creator=f"Anne of {n}") for n in "abcdefgh"])
    assert [kind for kind, _ in await names(images, "ann", 5)] == ["creator"] * 3 + ["title"] * 2
    assert [kind for kind, _ in await names(images, "of", 5)] == ["creator"] * 5


async def test_what_is_typed_is_only_words(images: Images, frontier: CrawlQueue) -> None:
    await add(images, frontier, MONET)
    for text in ('"', "title:", "monet OR", "NEAR(", "a* ) {", "\x00", "🌊"):
        await images.suggestions(text, limit=8)
    assert await names(images, "—") == []


async def test_what_was_taken_out_is_not_suggested(images: Images, frontier: CrawlQueue, database: Database) -> None:
    [gone] = await add(images, frontier, MONET)
    assert len(await names(images, "wat")) == 1
    async with database.write() as connection:
        await tombstones.remove_images(connection, [gone], block=None)
    assert await names(images, "wat") == await names(images, "monet") == []


async def test_only_so_many_images_are_looked_through(
    images: Images, frontier: CrawlQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggestions, "WEIGHED", 10)
    await add(images, frontier, *[Metadata(title=f"Wave {n}", creator="Hokusai") for n in range(30)])
    assert await images.suggestions("hok", limit=8) == [Suggestion("creator", "Hokusai", 30)]
    assert len(await images.suggestions("wav", limit=20)) == 10
