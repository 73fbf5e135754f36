"""`models` lists what is here and what the collection holds, and recommends what this machine can run."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from artalike.__main__ import main
from artalike.commands.models import Found, recommended
from artalike.config import EmbeddingSettings
from artalike.embedding.speed import measured
from artalike.errors import ModelUnavailable
from artalike.storage import models
from artalike.storage.catalog import Database
from artalike.storage.folder import DataFolder


@pytest.fixture(autouse=True)
def no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["models", "--quick", "--json", *arguments]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_without_a_collection_those_that_come_with_the_program_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = listed(capsys, "--data", str(tmp_path / "none"))
    assert [(model["name"], model["dimension"], model["text"]) for model in found["models"]] == [
        ("efficientnet_lite2", 1280, False),
        ("efficientnet_lite0", 1280, False),
    ]
    assert found["recommended"] == "efficientnet_lite2"
    assert not (tmp_path / "none").exists()
    assert main(["models", "--quick", "--data", str(tmp_path / "none")]) == 0
    assert "for better search by words: ViT-B-32/laion2b_s34b_b79k" in capsys.readouterr().out


def test_models_of_the_collection_and_of_the_cache_are_among_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lite0 = listed(capsys, "--data", str(tmp_path / "none"))["models"][1]["id"]
    folder = DataFolder(tmp_path / "data")
    folder.create()

    async def fill() -> None:
        async with Database.open(folder.catalog, readers=1) as database:
            await models.open_active(database, lite0, 1280, "efficientnet_lite0")
            await models.begin_move(database, "hf-hub:someone/lost@12345678/1", 512, "hf-hub:someone/lost")

    asyncio.run(fill())
    snapshot = tmp_path / "cache" / "models--someone--tiny" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text("abc")
    vision = {"image_size": 32, "layers": 1, "width": 64, "patch_size": 8}
    config = {"model_cfg": {"embed_dim": 24, "vision_cfg": vision}, "preprocess_cfg": {}}
    (snapshot / "open_clip_config.json").write_text(json.dumps(config))
    (snapshot / "open_clip_pytorch_model.bin").write_bytes(b"weights")

    found = {model["name"]: model for model in listed(capsys, "--data", str(folder.root))["models"]}
    assert found["efficientnet_lite0"]["active"]
    assert not found["efficientnet_lite2"]["active"]
    tiny = found["hf-hub:someone/tiny"]
    assert (tiny["dimension"], tiny["text"], tiny["here"]) == (24, True, True)
    lost = found["hf-hub:someone/lost"]
    assert (lost["dimension"], lost["here"]) == (512, False)
    assert "it is not here" in lost["problem"]
    assert lost["moving"]


def test_the_recommended_one_is_fast_enough_here_and_searches_by_words_where_it_can() -> None:
    lite2 = Found("efficientnet_lite2", "a", 1280, text=False, images_per_s=40)
    lite0 = Found("efficientnet_lite0", "b", 1280, text=False, images_per_s=90)
    clip = Found("ViT-B-32/x", "c", 512, text=True, images_per_s=12)
    assert recommended([lite2, lite0])[0] == "efficientnet_lite2"
    assert recommended([lite2, lite0, clip])[0] == "ViT-B-32/x"
    slow = Found("efficientnet_lite2", "a", 1280, text=False, images_per_s=3)
    crawling = Found("ViT-B-32/x", "c", 512, text=True, images_per_s=1)
    assert recommended([slow, lite0, crawling])[0] == "efficientnet_lite0"
    assert recommended([])[0] == "efficientnet_lite0"


@pytest.mark.slow
def test_a_model_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    speed = measured(EmbeddingSettings(model="efficientnet_lite0"), tmp_path / "compiled")
    assert not speed.compiled
    assert not (tmp_path / "compiled").exists()
    assert speed.images_per_s > 0
    assert speed.memory_mb > 100
    with pytest.raises(ModelUnavailable, match=r"could not be measured: .*unknown"):
        measured(EmbeddingSettings(model="efficientnet_lite9"), tmp_path)
