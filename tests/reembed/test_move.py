"""A collection moves to another model: nothing fails, nothing is mixed, nothing is lost."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from PIL import Image

from artalike.__main__ import main
from artalike.commands.doctor import run_doctor
from artalike.config import Settings
from artalike.embedding import models as embedding_models
from artalike.embedding.card import ModelCard
from artalike.errors import IndexUnavailable, UsageError
from artalike.imaging.decode import decode
from artalike.records import FloatArray, PixelArray, Preprocess
from artalike.service import Service
from artalike.storage import models
from artalike.storage.folder import DataFolder
from tests.running import CARD, TinyNetwork, client, running, settings_for, settled

OTHER = ModelCard(
    name="other",
    model_id="other@11111111/1",
    dimension=64,
    preprocess=Preprocess(size=24, resize=24, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    has_text=False,
)


class OtherNetwork:
    """Embeds a picture as its greys in an 8 × 8 grid; each batch takes ``seconds``."""

    seconds = 0.0

    def embed(self, batch: PixelArray) -> FloatArray:
        time.sleep(self.seconds)
        cells = batch.reshape(len(batch), 8, 3, 8, 3, 3).mean(axis=(2, 4, 5)).reshape(len(batch), -1)
        vectors = cells / 127.5 - 1 + 0.01
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


class SlowNetwork(OtherNetwork):
    seconds = 0.2


OTHERS: dict[str, tuple[ModelCard, Callable[[], Any]]] = {"other": (OTHER, OtherNetwork)}
SLOW: dict[str, tuple[ModelCard, Callable[[], Any]]] = {"other": (OTHER, SlowNetwork)}


def paint(folder: Path, count: int, *, first: int = 0, size: tuple[int, int] = (120, 90)) -> Path:
    """Pictures that no two of which are alike."""
    folder.mkdir(exist_ok=True)
    for number in range(first, first + count):
        dice = np.random.default_rng(number)
        coarse = Image.fromarray(dice.integers(0, 255, (6, 8, 3), dtype=np.uint8))
        coarse.resize(size, Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return folder


async def filled(service: Service, folder: Path) -> None:
    await service.add_seed(str(folder))
    await settled(service)


async def moved(service: Service, *, seconds: float = 60) -> dict[str, Any]:
    """The status at the end of a move."""
    async with asyncio.timeout(seconds):
        while service.reembedding.status["state"] not in {"done", "failed"}:
            await asyncio.sleep(0.02)
    return service.reembedding.status


async def in_step(service: Service, *, seconds: float = 5) -> bool:
    """Whether the index comes to hold what the catalog holds; it follows by a moment."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with suppress(IndexUnavailable):  # a server of its own does not tell while it changes
            ids, embedded = await service.index.ids(), await service.images.embedded_ids()
            if ids.tolist() == embedded.tolist() and len(ids) == service.images.counts.images:
                return True
        await asyncio.sleep(0.02)
    return False


async def test_queries_and_ingest_go_on_and_no_answer_is_mixed(tmp_path: Path) -> None:
    await move_while_visitors_ask(settings_for(tmp_path / "data"), tmp_path)


async def move_while_visitors_ask(settings: Settings, tmp_path: Path, *, patience: float = 1) -> None:
    """``patience`` is for engines that take so many times as long."""
    first, second = paint(tmp_path / "first", 40), paint(tmp_path / "second", 24, first=40)
    async with running(settings, others=SLOW) as service, client(service) as api:
        await service.add_seed(str(first))
        await settled(service, seconds=30 * patience)
        assert await in_step(service, seconds=5 * patience)
        stop = asyncio.Event()
        answers: list[tuple[int, dict[int, float]]] = []
        uploads: list[dict[str, Any]] = []

        async def ask(image_id: int) -> None:
            while not stop.is_set():
                async with api.get(f"/api/images/{image_id}/similar?limit=200") as response:
                    assert response.status == 200, await response.text()
                    found = (await response.json())["results"]
                answers.append((image_id, {hit["id"]: hit["score"] for hit in found}))

        async def upload() -> None:
            while not stop.is_set():
                form = aiohttp.FormData()
                form.add_field("image", (first / "7.png").read_bytes(), filename="7.png")
                async with api.post("/api/search?limit=1", data=form) as response:
                    assert response.status == 200, await response.text()
                    uploads.append((await response.json())["results"][0])

        asking = [asyncio.create_task(work) for work in (ask(1), ask(2), upload())]
        await asyncio.sleep(0.1)
        async with api.post("/api/admin/reembed", json={"model": "other"}) as response:
            assert response.status == 202
        await service.add_seed(str(second))
        status = await moved(service, seconds=60 * patience)
        await settled(service, seconds=30 * patience)
        await asyncio.sleep(0.1)
        stop.set()
        await asyncio.gather(*asking)

        assert (status["state"], status["error"], status["small"]) == ("done", None, 0)
        assert await in_step(service, seconds=5 * patience)
        stats = await (await api.get("/api/stats")).json()
        assert (stats["model"]["id"], stats["images"], stats["searchable"]) == (OTHER.model_id, 64, 64)
        assert all(best["score"] > 0.95 for best in uploads)

        old, new = await of_both(service)
        assert len(new) == 64
        by = {"old": 0, "new": 0}
        for image_id, scores in answers:
            fits = {
                name: all(abs(float(vectors[image_id] @ vectors[i]) - score) < 1e-3 for i, score in scores.items())
                for name, vectors in (("old", old), ("new", new))
                if scores.keys() | {image_id} <= vectors.keys()
            }
            assert any(fits.values()), f"an answer about {image_id} is of neither model"
            by[next(name for name, fit in fits.items() if fit)] += 1
        assert min(by.values()) > 0
    assert await asyncio.to_thread(run_doctor, settings, as_json=False) == 0


async def of_both(service: Service) -> tuple[dict[int, FloatArray], dict[int, FloatArray]]:
    found = []
    for number, dimension in ((1, CARD.dimension), (2, OTHER.dimension)):
        images = service.images.embedded_by(number, dimension)
        ids, vectors = await images.vectors((await images.embedded_ids()).tolist())
        found.append(dict(zip(ids.tolist(), vectors, strict=True)))
    return found[0], found[1]


async def test_a_restart_serves_what_the_catalog_says_and_the_old_vectors_stay_until_forgotten(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(tmp_path / "data", embedding={"model": "tiny"})
    async with running(settings, others=OTHERS) as service:
        await filled(service, paint(tmp_path / "pictures", 12))
        await service.reembedding.start("other")
        assert (await moved(service))["state"] == "done"
    caplog.clear()
    with caplog.at_level(logging.INFO):
        async with running(settings, others=OTHERS) as service, client(service) as api:
            assert await in_step(service)
            assert not any("vectors added" in record.getMessage() for record in caplog.records)
            assert (await (await api.get("/api/stats")).json())["model"]["name"] == "other"
            assert 'embedding.model = "tiny": the collection is embedded by other' in caplog.text
            await filled(service, paint(tmp_path / "more", 3, first=50))
            assert await in_step(service)

            kept = (await (await api.get("/api/admin/models")).json())["results"]
            assert [(model["name"], model["vectors"], model["active"]) for model in kept] == [
                ("tiny", 12, False),
                ("other", 15, True),
            ]
            async with api.post("/api/admin/models/forget", json={"model": "other"}) as response:
                assert response.status == 400
            async with api.post("/api/admin/models/forget", json={"model": "tiny"}) as response:
                assert await response.json() == {"forgotten": 12}
            assert [model.name for model in await service.reembedding.models()] == ["other"]
            assert await in_step(service)
    assert not DataFolder(tmp_path / "data").snapshot.exists()
    assert await asyncio.to_thread(main, ["doctor", "--data", str(tmp_path / "data")]) == 0


async def test_a_collection_from_before_names_were_kept_is_served_by_the_model_that_its_id_names(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(settings_for(tmp_path / "data"), others=OTHERS) as service:
        await filled(service, paint(tmp_path / "pictures", 3))
        async with service.images._database.write() as connection:
            await connection.execute("UPDATE models SET name = NULL")
    async with running(settings_for(tmp_path / "data", embedding={"model": "other"}), others=OTHERS) as service:
        assert service.engines.current.card is CARD
        assert 'embedding.model = "other": the collection is embedded by tiny' in caplog.text
        assert await in_step(service)


async def test_an_empty_collection_moves_too(tmp_path: Path) -> None:
    async with running(settings_for(tmp_path / "data"), others=OTHERS) as service:
        await service.reembedding.start("other")
        assert (await moved(service))["state"] == "done"
        await filled(service, paint(tmp_path / "pictures", 3))
        assert service.engines.current.card is OTHER
        assert await in_step(service)


async def test_words_find_what_pictures_show_as_soon_as_the_model_reads_them(tmp_path: Path) -> None:
    class Reading(OtherNetwork):
        def embed_texts(self, texts: Sequence[str]) -> FloatArray:
            vectors = np.ones((len(texts), OTHER.dimension), np.float32)
            return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    reading: dict[str, tuple[ModelCard, Callable[[], Any]]] = {"other": (replace(OTHER, has_text=True), Reading)}
    async with running(settings_for(tmp_path / "data"), others=reading) as service, client(service) as api:
        await filled(service, paint(tmp_path / "pictures", 6))
        assert (await (await api.get("/api/search?text=vase")).json())["results"] == []
        await service.reembedding.start("other")
        await moved(service)
        answer = await (await api.get("/api/search?text=vase")).json()
        assert (answer["used"], len(answer["results"])) == (["text"], 6)


async def test_moving_back_embeds_only_what_has_come_in_since(tmp_path: Path) -> None:
    async with running(settings_for(tmp_path / "data"), others=OTHERS) as service:
        await filled(service, paint(tmp_path / "pictures", 12))
        service.engines._linger_seconds = 0
        await service.reembedding.start("other")
        await moved(service)
        await filled(service, paint(tmp_path / "more", 3, first=50))
        embedded = service.batcher.statistics().pictures
        assert embedded == 12 + 3
        await service.reembedding.start("tiny")
        assert (await moved(service))["embedded"] == 15
        assert service.batcher.statistics().pictures == 3
        assert await in_step(service)


async def test_what_was_stopped_on_the_way_goes_on_by_itself(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "data")
    async with running(settings, others=SLOW) as service:
        await filled(service, paint(tmp_path / "pictures", 40))
        await service.reembedding.start("other")
        async with asyncio.timeout(20):
            while not service.reembedding.status["embedded"]:
                await asyncio.sleep(0.01)
        done = service.reembedding.status["embedded"]
        assert done < 40
    async with running(settings, others=OTHERS) as service:
        assert (await moved(service))["state"] == "done"
        assert service.batcher.statistics().pictures <= 40 - done
        assert await in_step(service)


async def test_one_move_at_a_time_and_it_can_be_given_up(tmp_path: Path) -> None:
    third = ModelCard("third", "third@22222222/1", 64, OTHER.preprocess, has_text=False)
    async with running(settings_for(tmp_path / "data"), others={**SLOW, "third": (third, OtherNetwork)}) as service:
        await filled(service, paint(tmp_path / "pictures", 40))
        await service.reembedding.start("other")
        with pytest.raises(UsageError, match="moving to other; wait for that, or give it up"):
            await service.reembedding.start("third")
        await service.reembedding.start("other")  # is under way
        async with asyncio.timeout(20):
            while not service.reembedding.status["embedded"]:
                await asyncio.sleep(0.01)
        assert await service.reembedding.forget("other") > 0
        assert service.reembedding.status["state"] == "idle"
        assert [model.name for model in await service.reembedding.models()] == ["tiny"]
        await service.reembedding.start("third")
        assert (await moved(service))["state"] == "done"
        assert await in_step(service)
        await service.reembedding.start("third")
        assert service.reembedding.status["state"] == "done"


async def test_a_cursor_of_the_old_model_is_refused_and_a_random_one_goes_on(tmp_path: Path) -> None:
    async with running(settings_for(tmp_path / "data"), others=OTHERS) as service, client(service) as api:
        await filled(service, paint(tmp_path / "pictures", 12))
        ranked = (await (await api.get("/api/images/1/similar?limit=4")).json())["next"]
        random = await (await api.get("/api/random?limit=4")).json()
        await service.reembedding.start("other")
        await moved(service)
        async with api.get(ranked) as response:
            assert response.status == 400
            assert "of this server's model" in (await response.json())["detail"]
        seen = [image["id"] for image in random["results"]]
        while random["next"]:
            random = await (await api.get(random["next"])).json()
            seen += [image["id"] for image in random["results"]]
        assert sorted(seen) == list(range(1, 13))


async def test_thumbnails_that_are_too_small_are_fetched_again(tmp_path: Path) -> None:
    folder = paint(tmp_path / "pictures", 6)
    settings = settings_for(tmp_path / "data", imaging={"thumbnail_widths": [20]})
    async with running(settings, others=OTHERS) as service:
        await filled(service, folder)
        (folder / "0.png").unlink()
        paint(folder, 1, first=1, size=(118, 90))  # other bytes
        await service.reembedding.start("other")
        status = await moved(service)
        assert (status["state"], status["small"]) == ("done", 2)
        for image in await service.images.images(range(1, 7)):
            number = int(Path(image.url).stem)
            if number > 1:
                pixels = decode((folder / f"{number}.png").read_bytes(), OTHER.preprocess, settings.imaging).model_input
                _, [stored] = await service.images.vectors([image.id])
                assert OtherNetwork().embed(pixels[np.newaxis])[0] @ stored > 0.9999


async def test_a_picture_that_cannot_be_had_keeps_the_collection_where_it_is(tmp_path: Path) -> None:
    folder = paint(tmp_path / "pictures", 6)
    settings = settings_for(tmp_path / "data")
    async with running(settings, others=OTHERS) as service:
        await filled(service, folder)
        [image] = await service.images.images([3])
        thumbnails = DataFolder(tmp_path / "data").thumbnails
        [*lost] = thumbnails.rglob(f"{image.sha256.hex()}_*")
        kept = [(path, path.read_bytes()) for path in lost]
        original = Path(image.url.removeprefix("file://"))
        content = original.read_bytes()
        original.unlink()
        for path in lost:
            path.unlink()
        await service.reembedding.start("other")
        status = await moved(service)
        assert status["state"] == "failed"
        assert "1 pictures cannot be embedded (image 3: it has no thumbnail, and" in status["error"]
        assert service.engines.current.card is CARD
        await filled(service, paint(tmp_path / "more", 2, first=60))  # ingest goes on
        assert await in_step(service)

        original.write_bytes(content)
        for path, data in kept:
            path.write_bytes(data)
        await service.reembedding.start("other")
        assert (await moved(service))["state"] == "done"
        assert await in_step(service)


async def test_what_is_removed_meanwhile_stays_away(tmp_path: Path) -> None:
    async with running(settings_for(tmp_path / "data"), others=SLOW) as service, client(service) as api:
        await filled(service, paint(tmp_path / "pictures", 40))
        await service.reembedding.start("other")
        for image_id in range(1, 11):
            assert (await api.delete(f"/api/admin/images/{image_id}")).status == 204
            await asyncio.sleep(0.04)
        assert (await moved(service))["state"] == "done"
        assert await in_step(service)
        assert service.index.size == 30
    assert await asyncio.to_thread(main, ["doctor", "--data", str(tmp_path / "data")]) == 0


def test_without_a_server_the_command_moves_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(tmp_path / "data")]
    known = {"tiny": (CARD, TinyNetwork), **OTHERS}
    monkeypatch.setattr(embedding_models, "identify", lambda settings: known[settings.model][0])
    monkeypatch.setattr(embedding_models, "load", lambda card, _: known[card.name][1]())

    async def fill() -> None:
        async with running(settings_for(tmp_path / "data"), others=OTHERS) as service:
            await filled(service, paint(tmp_path / "pictures", 12))

    asyncio.run(fill())
    assert main(["reembed", *data]) == 0
    assert "no move is under way" in capsys.readouterr().out
    assert main(["reembed", "--model", "other", *data]) == 0
    assert "embedded by other: 12 pictures" in capsys.readouterr().out
    assert main(["doctor", *data]) == 0
    capsys.readouterr()
    assert main(["status", "--json", *data]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["model"], [model["vectors"] for model in found["models"]]) == (OTHER.model_id, [12, 12])
    assert main(["reembed", "--forget", "other", *data]) == 2
    assert main(["reembed", "--forget", "tiny", *data]) == 0
    assert "forgotten: 12 vectors" in capsys.readouterr().out
    assert main(["doctor", *data]) == 0


async def test_counts_of_models_are_those_of_their_vectors(tmp_path: Path) -> None:
    async with running(settings_for(tmp_path / "data")) as service:
        await filled(service, paint(tmp_path / "pictures", 5))
        database = service.images._database
        number = await models.begin_move(database, "x@1/1", 2, "x")
        row = np.array([1, 0], np.float32)
        assert await models.store_vectors(database, number, [(1, row), (2, row), (99, row), (1, row)]) == 2
        assert [left.id for left in await models.unembedded(database, number)] == [3, 4, 5]
        assert await models.forget(database, "x@1/1") == 2
        assert await models.moving(database) is None
