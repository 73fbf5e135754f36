"""Words of people against a real catalog."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artalike.errors import QueryError
from artalike.records import Candidate, Metadata, Task
from artalike.storage import tombstones, words
from artalike.storage.catalog import Database
from artalike.storage.images import Images
from artalike.storage.schema import MIGRATIONS
from artalike.storage.seeds import CrawlQueue
from artalike.storage.sqlite_dialect import SQLITE
from artalike.storage.words import WORDS_MOST, asked
from tests.storage.conftest import DIMENSION, MODEL, embedding_of, leased, seed_with

NOBODY = 2**62


async def add(images: Images, frontier: CrawlQueue, *found: Metadata) -> list[int]:
    """Ids of new images with this metadata."""
    name = f"https://a.example/list{images.counts.max_id}.txt"
    candidates = [
        Candidate(f"https://a.example/{images.counts.max_id}-{number}.jpg", metadata=metadata)
        for number, metadata in enumerate(found)
    ]
    await seed_with(frontier, candidates, name)
    tasks = sorted(await leased(frontier), key=lambda task: task.id)
    return [committed.id for committed in await images.commit([embedding_of(task) for task in tasks])]


async def ask(images: Images, text: str, *, limit: int = 100, max_id: int = NOBODY) -> list[int]:
    ids: list[int] = (await images.words(text, limit=limit, max_id=max_id)).tolist()
    return ids


async def in_step(database: Database) -> bool:
    """Whether the index says what the images do."""
    async with database.read() as connection:
        [left] = await connection.execute_fetchall("SELECT count(*) FROM texts_stale")
    return not left[0] and await database.check_words() == []


async def test_words_are_found_in_every_field_whatever_their_case_and_accents(
    images: Images, frontier: CrawlQueue
) -> None:
    ids = await add(
        images,
        frontier,
        Metadata(title="La Grenouillère"),
        Metadata(creator="Paul Cézanne"),
        Metadata(medium="Oil on canvas"),
        Metadata(attribution="Gift of the Grenouille family"),
        Metadata(),
    )
    assert await ask(images, "GRENOUILLERE") == ids[:1]
    assert await ask(images, "cezanne paul") == ids[1:2]
    assert await ask(images, "oil") == ids[2:3]
    assert set(await ask(images, "grenouil")) == {ids[0], ids[3]}


async def test_the_last_word_may_be_the_beginning_of_one(images: Images, frontier: CrawlQueue) -> None:
    [hokusai, fuji] = await add(
        images, frontier, Metadata(title="A wave", creator="Hokusai"), Metadata(title="富士山の夕")
    )
    assert await ask(images, "wave hoku") == [hokusai]
    assert await ask(images, "hoku wave") == [hokusai]
    assert await ask(images, "h") == []
    assert await ask(images, "富") == [fuji]
    assert (await images.having_words("hoku", [hokusai])).tolist() == []


async def test_what_a_title_says_stands_before_what_its_owner_does(images: Images, frontier: CrawlQueue) -> None:
    ids = await add(images, frontier, Metadata(attribution="Wave fund"), Metadata(title="Wave seen"))
    assert await ask(images, "wave") == ids[::-1]


async def test_all_words_are_wanted_and_any_is_better_than_nothing(images: Images, frontier: CrawlQueue) -> None:
    ids = await add(images, frontier, Metadata(title="red house"), Metadata(title="red boat"), Metadata(title="tree"))
    assert await ask(images, "red boat") == [ids[1]]
    assert set(await ask(images, "boat tree")) == {ids[1], ids[2]}
    assert (await images.having_words("red", ids[::-1])).tolist() == ids[:2]
    assert (await images.having_words("boat tree", ids)).tolist() == []


async def test_an_answer_is_bounded_by_count_and_by_the_largest_id(images: Images, frontier: CrawlQueue) -> None:
    ids = await add(images, frontier, *[Metadata(title="wave")] * 9)
    assert await ask(images, "wave") == ids
    assert await ask(images, "wave", limit=4) == ids[:4]
    assert await ask(images, "wave", max_id=ids[2]) == ids[:3]


async def test_metadata_that_is_filled_in_later_is_found(
    images: Images, frontier: CrawlQueue, database: Database
) -> None:
    [first] = await add(images, frontier, Metadata(title="wave"))
    await seed_with(
        frontier,
        [Candidate("https://b.example/1.jpg", metadata=Metadata(creator="Hokusai"))],
        "https://b.example/l.txt",
    )
    [task] = await leased(frontier)
    await images.commit([embedding_of(task, "https://a.example/0-0.jpg")])
    assert await ask(images, "wave hokusai") == [first]
    assert await in_step(database)


async def test_corrected_removed_and_revived_texts_are_followed(
    images: Images, frontier: CrawlQueue, database: Database
) -> None:
    [wave, _] = await add(images, frontier, Metadata(title="wave"), Metadata(title="wave", creator="somebody"))
    async with database.write() as connection:
        await connection.execute("UPDATE images SET title = 'storm' WHERE id = ?", (wave,))
        await connection.execute("UPDATE images SET title = 'tempest' WHERE id = ?", (wave,))
    assert await ask(images, "storm") == []
    assert await ask(images, "tempest") == [wave]
    async with database.write() as connection:
        assert await tombstones.remove_images(connection, [wave], block=None) == [wave]
    assert await ask(images, "tempest") == []
    assert await in_step(database)
    task = Task(id=10**6, seed_id=1, seed_source="s", kind="image", url="https://a.example/0-0.jpg", host="a.example")
    back = replace(task, metadata=Metadata(title="calm"))
    [committed] = await images.commit([embedding_of(back)])
    assert committed.new
    assert await ask(images, "calm") == [wave]
    assert await in_step(database)


@pytest.mark.parametrize(
    "text",
    [
        *('"', '""', 'wave"', "wave AND", "NOT wave", "wave NEAR(x", "title:wave", "wave*", "*", "^wave", "-wave"),
        *("(wave", "wave\0", "{title}: wave", "wave + x", "wave';--", "\ud800wave", "wave \U000e0001", "', ''), ('"),
    ],
)
async def test_operators_are_only_words(images: Images, frontier: CrawlQueue, text: str) -> None:
    await add(images, frontier, Metadata(title="a wave and a near title not x"))
    if asked(SQLITE.texts, text) is None:
        with pytest.raises(QueryError, match="at least one word"):
            await ask(images, text)
    else:
        assert len(await ask(images, text)) == 1


@given(st.text(max_size=60))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_no_text_is_an_error_of_syntax(text: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE texts USING fts5 (title, tokenize = 'unicode61 remove_diacritics 2')")
    for query in (asked(SQLITE.texts, text), asked(SQLITE.texts, text, every=False)):
        if query is not None:
            connection.execute("SELECT rowid FROM texts WHERE texts MATCH ?", (query,)).fetchall()
    connection.close()


def test_words_are_bounded() -> None:
    query = asked(SQLITE.texts, " ".join(f"w{'x' * 500}" for _ in range(5000)))
    assert query is not None
    assert query.count('"') <= 2 * WORDS_MOST
    assert len(query) < 2000


async def test_a_catalog_from_before_is_indexed_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite3"
    before = next(number for number, script in enumerate(MIGRATIONS) if "VIRTUAL TABLE texts" in script)
    _older(path, MIGRATIONS[:before])
    async with Database.open(path) as database:
        images = await Images.open(database, MODEL, DIMENSION)
        assert await ask(images, "wave") == [1]
        assert await in_step(database)


def _older(path: Path, migrations: Sequence[str]) -> None:
    connection = sqlite3.connect(path)
    for script in migrations:
        connection.executescript(script)
    connection.executemany(
        "INSERT INTO images (sha256, url, width, height, format, bytes, color, phash, source, added_at, title) "
        "VALUES (?, 'https://a.example/1.jpg', 1, 1, 'JPEG', 1, '#000000', 0, 'x', 0, ?)",
        [(b"1", "The Wave"), (b"2", None)],
    )
    connection.execute(f"PRAGMA user_version = {len(migrations)}")
    connection.execute(f"PRAGMA application_id = {0x41525441}")
    connection.commit()
    connection.close()


async def test_words_of_what_was_taken_out_leave_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite3"

    def on_disk(word: bytes) -> bool:
        return any(word in file.read_bytes() for file in tmp_path.iterdir() if file.name.startswith("catalog"))

    async with Database.open(path) as database:
        images, frontier = await Images.open(database, MODEL, DIMENSION), CrawlQueue(database)
        for number in range(5):
            await add(images, frontier, *(Metadata(title=f"print {number} {n}") for n in range(20)))
        [secret] = await add(images, frontier, Metadata(title="qxzjkvwm"))
        await add(images, frontier, Metadata(title="another"))
        async with database.write() as connection:
            await tombstones.remove_images(connection, [secret], block=None, detail="")
        await database.checkpoint()
        assert on_disk(b"xzjkvwm")
        await database.scrub_words()
        await database.checkpoint()
        assert not on_disk(b"xzjkvwm")
        assert await ask(images, "another") != []
        assert await in_step(database)
        await database.scrub_words()


async def test_words_are_looked_for_among_what_passes(
    images: Images, frontier: CrawlQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "MATCHES_MOST", 3)
    ids = await add(images, frontier, *[Metadata(title="wave")] * 8, Metadata(title="wave", creator="wave"))

    async def among(text: str, *wanted: int, limit: int = 100, max_id: int = NOBODY) -> list[int]:
        found = await images.words(text, limit=limit, max_id=max_id, among=np.array(wanted, np.int64))
        return list(found.tolist())

    assert await among("wave", ids[1], ids[6], ids[8]) == [ids[8], ids[1], ids[6]]
    assert await among("wave", ids[6], ids[8], limit=1) == [ids[8]]
    assert await among("wave", ids[1], ids[6], ids[8], max_id=ids[6]) == [ids[1], ids[6]]
    assert await among("wave", *ids) == ids[:3], "so many are weighed"
    assert await among("wave storm", ids[4]) == [ids[4]], "where none of them has all words, any will do"
    assert await among("wave storm", *ids) == ids[:3]
    assert await among("storm", *ids) == []
    assert await among("wave") == []
