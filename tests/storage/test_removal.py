"""What leaves the catalog, how it stays out, and how it comes back."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from artalike.errors import NotFound
from artalike.records import Candidate, Embedding, Metadata, Task, Validators
from artalike.storage import checks
from artalike.storage.blocks import BlockKind, Blocks
from artalike.storage.catalog import Database
from artalike.storage.follow import follow
from artalike.storage.followers import Followers
from artalike.storage.images import Images
from artalike.storage.removal import Removal
from artalike.storage.seeds import CrawlQueue
from artalike.storage.thumbnails import ThumbnailFiles
from artalike.storage.vector_index import FlatIndex
from tests.storage.conftest import DIMENSION, MODEL, embedding_of, leased, on_sqlite, pictures, seed_with


class Collection:
    """A catalog with all that follows it, and the last step of ingest."""

    def __init__(self, root: Path, catalog: Path | str) -> None:
        self._root, self._catalog = root, catalog
        self._stack = AsyncExitStack()
        self.told: list[int] = []

    async def __aenter__(self) -> Collection:
        self.database = await self._stack.enter_async_context(Database.open(self._catalog))
        self.blocks = await Blocks.open(self.database)
        self.images = await Images.open(self.database, MODEL, DIMENSION, blocks=self.blocks)
        self.frontier = CrawlQueue(self.database, refuses=self.blocks.reason)
        self.index = FlatIndex(DIMENSION, MODEL)
        await follow(self.index, self.images)
        self.thumbnails = ThumbnailFiles(self._root / "thumbnails")
        self.followers = Followers(self.database, self.images, self.index, self.thumbnails)
        self.removal = await self._stack.enter_async_context(
            Removal.open(self.database, self.images, self.blocks, self.followers, self.told.extend)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def ingest(self, tasks: Sequence[Task], content: str | None = None, **artwork: int) -> list[int]:
        """Commit a picture for each task, by default with as many contents as addresses; their ids."""
        return await self.store([_with(embedding_of(task, content), **artwork) for task in tasks])

    async def store(self, embeddings: Sequence[Embedding]) -> list[int]:
        for embedding in embeddings:
            await self.thumbnails.write(embedding.picture.sha256, embedding.picture.artwork.thumbnails)
        committed = await self.images.commit(embeddings)
        await self.followers.show(embeddings, committed)
        await self.removal.settle([image_id for one in committed for image_id in one.gone])
        return [one.id for one in committed]

    async def crawled(self, found: list[Candidate], source: str = "https://a.example/list.txt") -> list[int]:
        """The ids of the images of a list that has been crawled to its end, in its order."""
        await seed_with(self.frontier, found, source)
        tasks = await leased(self.frontier)
        ids = dict(zip([task.url for task in tasks], await self.ingest(tasks), strict=True))
        return [ids[candidate.url] for candidate in found]

    async def failures(self) -> dict[str, str]:
        return {group.kind: group.example_detail for group in await self.frontier.failure_groups()}

    async def broken(self) -> list[str]:
        """What doctor would find."""
        found = [await checks.run_query(self.database, check) for check in checks.QUERIES]
        found += [await self.database.check(), await self.database.check_words()]
        found += [await check(self.database) for check in (checks.blocked_images, self.missing, self.left)]
        different = set((await self.index.ids()).tolist()) ^ set((await self.images.embedded_ids()).tolist())
        counted = (await self.images.totals()).images - len(await self.images.embedded_ids())
        return [line for lines in found for line in lines] + [f"index: {different}"] * bool(different or counted)

    async def missing(self, database: Database) -> list[str]:
        return await checks.missing_thumbnails(database, self.thumbnails)

    async def left(self, database: Database) -> list[str]:
        return await checks.thumbnails_of_removed(database, self.thumbnails)


def _with(embedding: Embedding, **artwork: int) -> Embedding:
    picture = embedding.picture
    made = replace(picture.artwork, thumbnails={256: picture.sha256}, **artwork)  # type: ignore[arg-type]  # by name
    return replace(embedding, picture=replace(picture, artwork=made))


@pytest.fixture
async def collection(tmp_path: Path, catalog: Path | str) -> AsyncIterator[Collection]:
    async with Collection(tmp_path, catalog) as collection:
        yield collection
        assert await collection.broken() == []


REFUSED = 0
SHA_A = hashlib.sha256(b"https://a.example/a.jpg").digest()


async def test_nothing_is_left_of_a_picture_that_is_taken_down(collection: Collection) -> None:
    found = [Candidate("https://a.example/a.jpg", metadata=Metadata(title="Secret", page_url="https://a.example/p"))]
    [image_id] = await collection.crawled(found)
    kept = await collection.crawled(pictures("b"), "https://a.example/other.txt")
    assert await collection.removal.take_down([image_id, 999], reason="its owner asked") == [image_id]
    assert collection.told == [image_id]
    assert await collection.images.images([image_id]) == []
    assert await collection.images.find_url("https://a.example/a.jpg") is None
    assert (await collection.images.missing_ids()).tolist() == [image_id]
    assert (await collection.images.totals()).images == 1
    assert (await collection.index.ids()).tolist() == kept
    assert await collection.thumbnails.find(SHA_A, 256) is None
    [block] = collection.blocks.all()
    assert (block.kind, block.value, block.reason) == ("sha256", SHA_A.hex(), "its owner asked")
    assert await collection.removal.take_down([image_id]) == []


@on_sqlite
async def test_no_text_is_left_in_the_file(tmp_path: Path, collection: Collection) -> None:
    found = [Candidate("https://a.example/a.jpg", metadata=Metadata(title="Secret", page_url="https://a.example/p"))]
    assert await collection.removal.take_down(await collection.crawled(found))
    log = tmp_path / "catalog.sqlite3-wal"
    for _ in range(100):  # its words are scrubbed off the disk behind the answer
        if not log.stat().st_size:
            break
        await asyncio.sleep(0.02)
    assert not log.read_bytes()
    assert b"Secret" not in (tmp_path / "catalog.sqlite3").read_bytes()


@on_sqlite
async def test_the_vector_is_overwritten_in_the_file(tmp_path: Path, collection: Collection) -> None:
    await seed_with(collection.frontier, pictures("a"))
    [task] = await leased(collection.frontier)
    [image_id] = await collection.ingest([task])
    vector = embedding_of(task).vector.astype("<f2").tobytes()
    await collection.database.checkpoint()
    assert vector in (tmp_path / "catalog.sqlite3").read_bytes()
    await collection.removal.take_down([image_id])
    assert vector not in (tmp_path / "catalog.sqlite3").read_bytes()


async def test_its_bytes_do_not_come_back_under_another_address(collection: Collection) -> None:
    await seed_with(collection.frontier, pictures("a"))
    [image_id] = await collection.ingest(await leased(collection.frontier), "bytes")
    await collection.removal.take_down([image_id])
    await seed_with(collection.frontier, pictures("copy", host="b.example"), "https://b.example/list.txt")
    [task] = await leased(collection.frontier)
    assert await collection.ingest([task], "bytes") == [REFUSED]
    assert (await collection.images.totals()).images == 0
    assert set(await collection.failures()) == {"blocked"}
    assert await collection.thumbnails.find(hashlib.sha256(b"bytes").digest(), 256) is None


async def test_its_address_is_not_fetched_again_by_any_seed(collection: Collection) -> None:
    [image_id] = await collection.crawled(pictures("a"))
    await seed_with(collection.frontier, pictures("a", "b"), "https://b.example/1.txt")
    await collection.removal.take_down([image_id])
    await seed_with(collection.frontier, pictures("a"), "https://b.example/2.txt")
    assert [task.url for task in await leased(collection.frontier)] == ["https://a.example/b.jpg"]
    assert [(seed.images, seed.failed) for seed in await collection.frontier.seeds()] == [(0, 1), (0, 1), (0, 1)]


async def test_what_is_under_way_when_it_is_taken_down_does_not_come_in(collection: Collection) -> None:
    [image_id] = await collection.crawled(pictures("a"))
    await seed_with(collection.frontier, pictures("a", "late"), "https://b.example/list.txt")
    [task] = [task for task in await leased(collection.frontier) if task.url.endswith("late.jpg")]
    await collection.removal.take_down([image_id])
    redirected = embedding_of(task, "other bytes")
    redirected = replace(redirected, picture=replace(redirected.picture, final_url="https://a.example/a.jpg"))
    assert await collection.store([redirected]) == [REFUSED]


async def test_a_host_takes_out_what_came_from_it_or_is_shown_on_it(collection: Collection) -> None:
    found = [
        *pictures("1", "2", host="img.bad.example"),
        *pictures("3", host="bad.example:8080"),
        *pictures("4", "5", host="notbad.example"),
        Candidate("https://cdn.example/6.jpg", metadata=Metadata(page_url="https://www.bad.example/6")),
    ]
    ids = await collection.crawled(found)
    later = pictures("7", "8", host="bad.example")
    await seed_with(collection.frontier, later, "https://list.example/2.txt")
    assert await collection.removal.preview(BlockKind.HOST, "bad.example") == 4
    block, removed = await collection.removal.block(BlockKind.HOST, "Bad.example", reason="a wish")
    assert (block.value, removed) == ("bad.example", 4)
    assert set(collection.told) == {*ids[:3], ids[5]}
    assert (await collection.images.embedded_ids()).tolist() == ids[3:5]
    assert await leased(collection.frontier) == []
    assert await collection.failures() == {"blocked": "host bad.example is blocked: a wish"}
    await seed_with(collection.frontier, pictures("9", host="x.bad.example"), "https://list.example/3.txt")
    assert await leased(collection.frontier) == []


async def test_what_a_host_has_lost_does_not_come_in_from_another(collection: Collection) -> None:
    await seed_with(collection.frontier, pictures("a", host="bad.example"))
    await collection.ingest(await leased(collection.frontier), "bytes")
    await collection.removal.block(BlockKind.HOST, "bad.example")
    await seed_with(collection.frontier, pictures("b", host="good.example"), "https://b.example/list.txt")
    assert await collection.ingest(await leased(collection.frontier), "bytes") == [REFUSED]


async def test_a_redirect_to_a_blocked_host_does_not_come_in(collection: Collection) -> None:
    await seed_with(collection.frontier, pictures("a"))
    [task] = await leased(collection.frontier)
    await collection.removal.block(BlockKind.HOST, "bad.example")
    embedding = embedding_of(task)
    embedding = replace(embedding, picture=replace(embedding.picture, final_url="https://bad.example/a.jpg"))
    assert await collection.store([embedding]) == [REFUSED]


async def test_a_pattern_takes_out_what_it_matches(collection: Collection) -> None:
    ids = await collection.crawled([*pictures("private/1", "private/2", "public/3")])
    _, removed = await collection.removal.block(BlockKind.URL, "https://a.example/private/*")
    assert removed == 2
    assert (await collection.images.embedded_ids()).tolist() == [ids[2]]


async def test_a_perceptual_hash_takes_out_copies_and_keeps_others_out(collection: Collection) -> None:
    await seed_with(collection.frontier, pictures("a", "b", "c", "d", "e"))
    tasks = {task.url[-5]: task for task in await leased(collection.frontier)}
    hashes = {"a": 0xFFFF_0000_FFFF_0000, "b": 0xFFFF_0000_FFFF_0003, "c": 0x0000_FFFF_0000_FFFF}
    ids = {name: (await collection.ingest([tasks[name]], phash=phash))[0] for name, phash in hashes.items()}
    _, removed = await collection.removal.block(BlockKind.PHASH, "FFFF0000FFFF0000")
    assert removed == 2
    assert (await collection.images.embedded_ids()).tolist() == [ids["c"]]
    assert await collection.ingest([tasks["d"]], phash=0xFFFF_0000_FFFF_0010) == [REFUSED]
    assert await collection.ingest([tasks["e"]], phash=0xFFFF_0000_0000_FFFF) != [REFUSED]


async def test_a_block_on_bytes_that_are_not_here_yet_keeps_them_out(collection: Collection) -> None:
    _, removed = await collection.removal.block(BlockKind.SHA256, hashlib.sha256(b"bytes").hexdigest())
    assert removed == 0
    await seed_with(collection.frontier, pictures("a"))
    assert await collection.ingest(await leased(collection.frontier), "bytes") == [REFUSED]


async def test_a_lifted_block_lets_a_picture_come_back_under_its_id(collection: Collection) -> None:
    found = pictures("a", title="A")
    [image_id] = await collection.crawled(found)
    await collection.removal.take_down([image_id])
    [block] = collection.blocks.all()
    await collection.removal.unblock(block.id)
    assert collection.blocks.all() == []
    with pytest.raises(NotFound, match=f"no block {block.id}"):
        await collection.removal.unblock(block.id)
    assert await collection.crawled(found, "https://a.example/again.txt") == [image_id]
    [image] = await collection.images.images([image_id])
    assert (image.url, image.metadata.title) == ("https://a.example/a.jpg", "A")
    assert (await collection.images.totals()).images == 1
    assert not len(await collection.images.missing_ids())


async def test_a_lifted_host_is_crawled_again_by_the_seed_that_knew_it(collection: Collection) -> None:
    found = pictures("a", "b", host="bad.example")
    ids = await collection.crawled(found)
    block, _ = await collection.removal.block(BlockKind.HOST, "bad.example")
    await collection.removal.unblock(block.id)
    assert set(await collection.crawled(found)) == set(ids)


async def test_a_picture_that_two_blocks_forbid_stays_out_when_one_is_lifted(collection: Collection) -> None:
    await seed_with(collection.frontier, pictures("a", host="bad.example"))
    [image_id] = await collection.ingest(await leased(collection.frontier), "bytes")
    host, _ = await collection.removal.block(BlockKind.HOST, "bad.example")
    await collection.removal.block(BlockKind.SHA256, hashlib.sha256(b"bytes").hexdigest())
    await collection.removal.unblock(host.id)
    await seed_with(collection.frontier, pictures("a", host="bad.example"))
    assert await collection.ingest(await leased(collection.frontier), "bytes") == [REFUSED]
    assert await collection.images.images([image_id]) == []


async def test_a_block_that_a_killed_process_left_half_applied_is_finished_at_the_next_start(
    tmp_path: Path, catalog: Path | str
) -> None:
    async with Collection(tmp_path, catalog) as collection:
        await collection.crawled(pictures("a", "b", host="bad.example"))
        async with collection.database.write() as connection:
            await connection.execute("INSERT INTO blocks (kind, value, created_at) VALUES ('host', 'bad.example', 0)")
    async with Collection(tmp_path, catalog) as collection:
        assert (await collection.images.totals()).images == 0
        assert await collection.broken() == []


async def test_thumbnails_that_a_killed_process_left_are_deleted_at_the_next_start(
    tmp_path: Path, catalog: Path | str
) -> None:
    async with Collection(tmp_path, catalog) as collection:
        await collection.crawled(pictures("a"))
        async with collection.database.write() as connection:
            await connection.execute(
                "INSERT INTO blocks (kind, value, created_at, applied) VALUES ('sha256', ?, 0, 1)", (SHA_A.hex(),)
            )
            await connection.execute("UPDATE images SET removed_at = 1, removed_by = 1, page_url = NULL, url = ''")
            await connection.execute("DELETE FROM vectors")
            await connection.execute(
                "UPDATE frontier SET state = 'failed', error_kind = 'blocked' WHERE kind = 'image'"
            )
            await connection.execute("UPDATE seeds SET done = 1, failed = 1, images = 0")
            await connection.execute("INSERT INTO clearing VALUES (?)", (SHA_A,))
    async with Collection(tmp_path, catalog) as collection:
        assert await collection.thumbnails.find(SHA_A, 256) is None
        assert await collection.broken() == []


async def test_a_withdrawn_picture_goes_and_comes_back_under_its_id(collection: Collection) -> None:
    seed_id = await seed_with(collection.frontier, pictures("a", "b"))
    ids = await collection.ingest(await leased(collection.frontier))
    assert (
        await collection.removal.withdraw(seed_id, ["https://a.example/a.jpg", "https://a.example/none.jpg"]) == ids[:1]
    )
    assert collection.told == ids[:1]
    seed = await collection.frontier.seed(seed_id)
    assert (seed.found, seed.done, seed.images, seed.pending) == (2, 2, 1, 0)
    assert collection.blocks.all() == []
    assert await collection.broken() == []
    assert await collection.crawled(pictures("a")) == ids[:1]


async def test_a_picture_that_is_withdrawn_while_it_is_on_its_way_does_not_come_in(collection: Collection) -> None:
    seed_id = await seed_with(collection.frontier, pictures("a", "b"))
    on_their_way = await leased(collection.frontier)
    assert await collection.removal.withdraw(seed_id, ["https://a.example/a.jpg"]) == []
    await collection.ingest(on_their_way)
    assert await collection.images.find_url("https://a.example/a.jpg") is None
    assert collection.images.counts.images == 1
    seed = await collection.frontier.seed(seed_id)
    assert (seed.pending, seed.images, seed.failed) == (0, 1, 0)


async def test_a_picture_with_another_address_stays_when_one_is_withdrawn(collection: Collection) -> None:
    seed_id = await seed_with(collection.frontier, pictures("a", "b"))
    [image_id, same] = await collection.ingest(await leased(collection.frontier), "bytes")
    assert image_id == same
    assert await collection.removal.withdraw(seed_id, ["https://a.example/a.jpg"]) == []
    [image] = await collection.images.images([image_id])
    assert image.url == "https://a.example/b.jpg"


async def test_with_a_document_go_the_pictures_that_were_found_in_it(collection: Collection) -> None:
    seed_id = await seed_with(
        collection.frontier,
        [Candidate("https://a.example/m1", kind="iiif"), Candidate("https://a.example/m2", kind="iiif")],
    )
    first, second = await leased(collection.frontier)
    await collection.frontier.store_found(
        first, [*pictures("1", "2"), Candidate("https://a.example/m3", kind="iiif")], cursor=None
    )
    await collection.frontier.store_found(second, pictures("3"), cursor=None)
    for task in (first, second):
        await collection.frontier.finish(task)
    tasks = await leased(collection.frontier)
    [deeper] = [task for task in tasks if task.kind == "iiif"]
    await collection.frontier.store_found(deeper, pictures("4"), cursor=None)
    await collection.frontier.finish(deeper)
    tasks = [task for task in tasks if task.kind == "image"] + await leased(collection.frontier)
    ids = dict(zip([task.url[-5] for task in tasks], await collection.ingest(tasks), strict=True))
    removed = await collection.removal.withdraw(seed_id, ["https://a.example/m1"])
    assert set(removed) == {ids["1"], ids["2"], ids["4"]}
    seed = await collection.frontier.seed(seed_id)
    assert (seed.found, seed.done, seed.images) == (3, 3, 1)
    assert await collection.broken() == []


async def test_a_root_that_is_withdrawn_can_still_be_crawled_again(collection: Collection) -> None:
    seed = await collection.frontier.add_seed(Candidate("file:///x.jpg"), "/x.jpg", {})
    [image_id] = await collection.ingest(await leased(collection.frontier))
    assert await collection.removal.withdraw(seed.id, ["file:///x.jpg"]) == [image_id]
    assert (await collection.frontier.seed(seed.id)).failed == 1
    await collection.frontier.add_seed(Candidate("file:///x.jpg"), "/x.jpg", {})
    assert await collection.ingest(await leased(collection.frontier)) == [image_id]


async def test_a_reason_in_bytes_that_are_no_text_is_kept_as_far_as_it_is(collection: Collection) -> None:
    block, _ = await collection.removal.block(BlockKind.HOST, "a.example", reason="asked to \udcff")
    assert block.reason == "asked to ?"


async def test_a_withdrawal_does_not_undo_a_block(collection: Collection) -> None:
    seed_id = await seed_with(collection.frontier, pictures("a"))
    [image_id] = await collection.ingest(await leased(collection.frontier))
    await collection.removal.take_down([image_id])
    assert await collection.removal.withdraw(seed_id, ["https://a.example/a.jpg"]) == []
    await seed_with(collection.frontier, pictures("a"), "https://b.example/list.txt")
    assert await leased(collection.frontier) == []


async def test_other_bytes_at_an_address_take_the_place_of_the_picture_that_was_there(collection: Collection) -> None:
    await seed_with(collection.frontier, [Candidate("https://a.example/a.jpg", revision="1")])
    [old] = await collection.ingest(await leased(collection.frontier), "old")
    await seed_with(collection.frontier, [Candidate("https://a.example/a.jpg", revision="2")])
    [task] = await leased(collection.frontier)
    assert task.recheck
    [new] = await collection.ingest([task], "new")
    assert new != old
    assert collection.told == [old]
    assert await collection.images.find_url(task.url) == new
    assert (await collection.images.totals()).images == 1
    await seed_with(collection.frontier, [Candidate("https://a.example/a.jpg", revision="3")])
    assert await collection.ingest(await leased(collection.frontier), "old") == [old]


async def test_two_who_remove_the_same_at_once_agree(collection: Collection) -> None:
    ids = await collection.crawled(pictures(*map(str, range(30)), host="bad.example"))
    taken, (_, first), (_, second) = await asyncio.gather(
        collection.removal.take_down(ids[:10]),
        collection.removal.block(BlockKind.HOST, "bad.example"),
        collection.removal.block(BlockKind.URL, "*://bad.example/*"),
    )
    assert len(taken) + first + second == 30
    assert sorted(collection.told) == ids


async def test_a_removal_goes_on_when_nobody_waits_for_it(collection: Collection) -> None:
    await collection.crawled(pictures(*map(str, range(5)), host="bad.example"))
    waiting = asyncio.create_task(collection.removal.block(BlockKind.HOST, "bad.example"))
    await asyncio.sleep(0)
    waiting.cancel()
    async with asyncio.timeout(5):
        while (await collection.images.totals()).images or await collection.broken():
            await asyncio.sleep(0.01)


async def test_a_picture_removed_before_it_is_searchable_does_not_become_so(collection: Collection) -> None:
    await seed_with(collection.frontier, pictures("a"))
    embeddings = [_with(embedding_of(task)) for task in await leased(collection.frontier)]
    committed = await collection.images.commit(embeddings)
    await collection.removal.take_down([one.id for one in committed])
    assert await collection.followers.show(embeddings, committed) == []
    assert collection.index.size == 0


async def test_after_a_block_is_lifted_the_documents_that_named_its_pictures_are_read_again(
    collection: Collection,
) -> None:
    source = "https://list.example/list.txt"
    await collection.frontier.add_seed(Candidate(source, kind="list"), source, {})
    [root] = await leased(collection.frontier)
    await collection.frontier.store_found(root, pictures("a", host="bad.example"), cursor=None)
    await collection.frontier.finish(root, validators=Validators(etag='"1"'))
    await collection.ingest(await leased(collection.frontier))
    block, _ = await collection.removal.block(BlockKind.HOST, "bad.example")
    await collection.removal.unblock(block.id)
    await collection.frontier.add_seed(Candidate(source, kind="list"), source, {})
    [root] = await leased(collection.frontier)
    assert root.recheck
    assert not root.validators  # it would be answered with 304, and the picture never found again


async def test_a_picture_that_comes_back_while_its_thumbnails_are_deleted_has_them(collection: Collection) -> None:
    seed_id = await seed_with(collection.frontier, pictures("a"))
    ids = await collection.ingest(await leased(collection.frontier))
    await collection.removal.withdraw(seed_id, ["https://a.example/a.jpg"])
    await seed_with(collection.frontier, pictures("a"))
    embeddings = [_with(embedding_of(task)) for task in await leased(collection.frontier)]
    committed = await collection.images.commit(embeddings)
    await collection.thumbnails.delete(SHA_A)  # a deletion that began before the commit ends after it
    assert await collection.followers.show(embeddings, committed) == ids
    assert await collection.thumbnails.find(SHA_A, 256)


async def test_a_document_of_a_blocked_host_fails_its_seed_with_the_reason(collection: Collection) -> None:
    seed = await collection.frontier.add_seed(Candidate("https://bad.example/list.txt", kind="list"), "list", {})
    await collection.removal.block(BlockKind.HOST, "bad.example", reason="a wish")
    seed = await collection.frontier.seed(seed.id)
    assert (seed.state, seed.failed, seed.error) == ("failed", 1, "host bad.example is blocked: a wish")


async def test_many_blocks_are_there_after_opening_again(tmp_path: Path, catalog: Path | str) -> None:
    async with Collection(tmp_path, catalog) as collection:
        for number in range(5):
            await collection.removal.block(BlockKind.HOST, f"h{number}.example")
        again, _ = await collection.removal.block(BlockKind.HOST, "h0.example", reason="said later")
        assert (again.id, again.reason) == (1, "said later")
    async with Collection(tmp_path, catalog) as collection:
        assert [block.value for block in collection.blocks.all()] == [
            f"h{number}.example" for number in (4, 3, 2, 1, 0)
        ]
        assert collection.blocks.reason("https://h3.example/x")
